//! `/admin/settings`: what can be changed while the server runs, and what is then so.

use serde_json::{Value, json};

use super::refused;
use crate::support::{Reply, TestApp};

#[track_caller]
fn settings(app: &TestApp) -> Vec<Value> {
    let answer = app.admin().get("/admin/settings").expect(200).json();
    answer["settings"].as_array().unwrap_or_else(|| panic!("no list: {answer}")).clone()
}

#[track_caller]
fn setting(app: &TestApp, name: &str) -> Value {
    let found = settings(app).into_iter().find(|setting| setting["name"] == name);
    found.unwrap_or_else(|| panic!("there is no setting {name}"))
}

#[track_caller]
fn value(app: &TestApp, name: &str) -> Value {
    setting(app, name)["value"].clone()
}

#[track_caller]
fn patch(app: &TestApp, body: &Value) -> Reply {
    app.admin().call("PATCH", "/admin/settings").json(body).send()
}

/// What the audit log has of settings, by their names.
#[track_caller]
fn noted(app: &TestApp) -> Vec<Value> {
    let log = app.admin().get("/admin/audit-log?action=setting.change&pageSize=200").expect(200).json();
    let mut entries = log["entries"].as_array().expect("entries").clone();
    entries.sort_by_key(|entry| entry["subject"].to_string());
    entries
}

#[test]
fn the_list_says_what_each_setting_is_and_takes() {
    let app = TestApp::builder().start();
    let list = settings(&app);
    for name in ["providers.ollama.enabled", "providers.openrouter.enabled", "openrouter.app_title", "cache.mode"] {
        assert!(list.iter().any(|setting| setting["name"] == name), "{name}");
    }
    for setting in &list {
        let name = setting["name"].as_str().expect("a name");
        assert!(setting["help"].as_str().is_some_and(|help| help.ends_with('.')), "{setting}");
        assert_eq!(setting["value"], setting["default"], "{name}");
        assert_eq!(setting.get("lockedBy"), None, "{name}");
        let has = |field| setting.get(field).is_some();
        let (is_fit, takes) = match setting["kind"].as_str() {
            Some("switch") => (setting["value"].is_boolean(), [false, false, false]),
            Some("number") => (setting["value"].is_u64(), [false, true, true]),
            Some("word") => {
                (setting["words"].as_array().is_some_and(|w| w.contains(&setting["value"])), [true, false, false])
            }
            Some("text") => (setting["value"].is_string(), [false, false, false]),
            other => panic!("{name}: {other:?}"),
        };
        assert!(is_fit, "{setting}");
        assert_eq!([has("words"), has("minimum"), has("maximum")], takes, "{setting}");
    }
    let answer = patch(&app, &json!({})).expect(200).json();
    assert_eq!(answer["settings"], json!(list), "the answer of a change is the list");
    refused(app.anon().get("/admin/settings"), 401, "unauthorized", "admin token");
    refused(app.client().call("PATCH", "/admin/settings").json(&json!({})).send(), 401, "unauthorized", "admin token");
}

#[test]
fn a_value_that_does_not_fit_is_refused_by_the_name_of_its_setting() {
    let app = TestApp::builder().start();
    let before = settings(&app);
    for (name, bad, says) in [
        ("cache.shared", json!("true"), "true or false"),
        ("cache.shared", json!(1), "true or false"),
        ("providers.ollama.enabled", json!([]), "true or false"),
        ("cache.ttl_seconds", json!(0), "from 1 to 86400"),
        ("cache.ttl_seconds", json!(86_401), "from 1 to 86400"),
        ("cache.ttl_seconds", json!(-1), "from 1 to 86400"),
        ("cache.ttl_seconds", json!(1.5), "from 1 to 86400"),
        ("cache.ttl_seconds", json!("60"), "from 1 to 86400"),
        ("cache.mode", json!("sometimes"), "off, deterministic, all"),
        ("cache.mode", json!("ALL"), "off, deterministic, all"),
        ("cache.mode", json!(true), "off, deterministic, all"),
        ("cache.mode", json!({"is": "all"}), "off, deterministic, all"),
        ("openrouter.app_title", json!(7), "a text"),
        ("openrouter.app_title", json!("two\nlines"), "printable ASCII"),
        ("openrouter.app_title", json!("t".repeat(257)), "256"),
        ("openrouter.app_url", json!("javascript:alert(1)"), "URL"),
        ("openrouter.app_url", json!("https://user:secret@host"), "URL"),
        ("statistics.time_zone", json!("Mars/Olympus"), "time zone"),
        ("statistics.time_zone", json!(""), "time zone"),
    ] {
        let refusal = refused(patch(&app, &json!({name: bad})), 400, "bad_request", says);
        let sentence = refusal["error"].as_str().expect("a sentence");
        assert!(sentence.starts_with(&format!("`{name}` has to be")), "{sentence}");
        assert!(!sentence.contains("secret") && !sentence.contains("Olympus"), "{sentence}");
    }
    for (body, says) in [
        (json!({"cache.modes": "all"}), "There is no setting `cache.modes`"),
        (json!({"vault_check": "x"}), "There is no setting"),
        (json!([]), "JSON object"),
        (json!(null), "JSON object"),
    ] {
        refused(patch(&app, &body), 400, "bad_request", says);
    }
    assert_eq!(settings(&app), before);
    assert!(noted(&app).is_empty());
}

#[test]
fn all_settings_of_a_request_are_changed_or_none() {
    let app = TestApp::builder().start();
    for (other, bad) in [("cache.ttl_seconds", json!(0)), ("no.such", json!(1)), ("statistics.time_zone", json!("?"))] {
        patch(&app, &json!({"bots.policy": "log", "cache.mode": "all", other: bad})).expect(400);
        assert_eq!((value(&app, "bots.policy"), value(&app, "cache.mode")), (json!("off"), json!("off")), "{other}");
    }
    let answer =
        patch(&app, &json!({"bots.policy": "log", "cache.mode": "all", "cache.ttl_seconds": 5})).expect(200).json();
    assert_eq!(answer["settings"], json!(settings(&app)));
    assert_eq!((value(&app, "bots.policy"), value(&app, "cache.mode")), (json!("log"), json!("all")));
    assert_eq!(value(&app, "cache.ttl_seconds"), 5);
}

#[test]
fn null_brings_the_default_back() {
    let mut app = TestApp::builder().start();
    patch(&app, &json!({"cache.ttl_seconds": 5, "statistics.time_zone": "asia/shanghai"})).expect(200);
    assert_eq!(value(&app, "statistics.time_zone"), "Asia/Shanghai");
    patch(&app, &json!({"cache.ttl_seconds": null})).expect(200);
    for _ in 0..2 {
        assert_eq!(
            (value(&app, "cache.ttl_seconds"), value(&app, "statistics.time_zone")),
            (json!(60), json!("Asia/Shanghai"))
        );
        app.restart();
    }
    let before = noted(&app).len();
    patch(&app, &json!({"cache.ttl_seconds": null, "cache.mode": null})).expect(200);
    assert_eq!(noted(&app).len(), before, "they had their defaults already");
}

#[test]
fn a_setting_that_an_option_gives_is_locked() {
    let app = TestApp::builder().option("RATE_LIMIT_REQUESTS", "9").option("DISABLE_OPENROUTER", "true");
    let app = app.option("PUBLIC_SITE_URL", "https://pool.example").start();
    for (name, option, value) in [
        ("rate_limit.requests", "RATE_LIMIT_REQUESTS", json!(9)),
        ("providers.openrouter.enabled", "DISABLE_OPENROUTER", json!(false)),
        ("openrouter.app_url", "PUBLIC_SITE_URL", json!("https://pool.example/")),
    ] {
        let told = setting(&app, name);
        assert_eq!((&told["lockedBy"], &told["value"]), (&json!(option), &value), "{told}");
        for wanted in [value.clone(), json!(null), json!(true)] {
            refused(patch(&app, &json!({"bots.policy": "log", name: wanted})), 409, "conflict", option);
        }
        assert_eq!(setting(&app, name), told);
    }
    assert_eq!(settings(&app).iter().filter(|setting| setting.get("lockedBy").is_some()).count(), 3);
    assert_eq!(value(&app, "bots.policy"), "off");
    assert!(noted(&app).is_empty());
    let client = app.client_with(&json!({"provider": "all"}));
    assert_eq!(client.chat("hi").via("/openrouter").send().status, 503);
}

#[test]
fn a_change_is_still_there_after_a_restart() {
    let mut app = TestApp::builder().start();
    let change = json!({
        "providers.openrouter.enabled": false, "openrouter.app_title": " My pool ", "cache.mode": "deterministic",
        "rate_limit.window_seconds": 7, "retention.audit_days": 30, "public.stats": false,
    });
    patch(&app, &change).expect(200);
    let changed = settings(&app);
    assert_eq!(value(&app, "openrouter.app_title"), "My pool");
    app.restart();
    assert_eq!(settings(&app), changed);
    assert_eq!(changed.iter().filter(|setting| setting["value"] != setting["default"]).count(), 6);
}

#[test]
fn a_provider_that_is_switched_off_answers_nobody_until_it_is_on_again() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.add_api_key("openrouter", "upstream-key-0002");
    let token = app.client_with(&json!({"provider": "all"})).token().to_owned();
    patch(&app, &json!({"providers.ollama.enabled": false})).expect(200);
    for _ in 0..2 {
        let client = app.bearer(&token);
        let refusal = client.chat("hi").send().expect(503).json();
        assert_eq!(refusal["error"]["code"], "provider_disabled");
        client.get("/v1/models").expect(503);
        client.chat("hi").via("/openrouter").send().expect(200);
        app.restart();
    }
    assert_eq!(app.upstream.keys_used(), ["upstream-key-0002"; 2]);
    patch(&app, &json!({"providers.ollama.enabled": true})).expect(200);
    app.bearer(&token).chat("hi").send().expect(200);
}

#[test]
fn openrouter_is_told_the_title_and_the_url_of_the_settings() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.add_api_key("openrouter", "upstream-key-0002");
    let client = app.client_with(&json!({"provider": "all"}));
    let default = value(&app, "openrouter.app_title").as_str().expect("a title").to_owned();
    let told = |call: crate::support::Call| {
        call.send().expect(200);
        let request = app.upstream.requests().pop().expect("a request");
        ["x-title", "http-referer"].map(|name| request.headers.get(name).map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    let through_openrouter = || client.chat("hi").via("/openrouter");
    assert_eq!(told(through_openrouter()), [some(&default), None]);
    patch(&app, &json!({"openrouter.app_title": "My pool", "openrouter.app_url": "https://pool.example/a"}))
        .expect(200);
    assert_eq!(told(through_openrouter()), [some("My pool"), some("https://pool.example/a")]);
    assert_eq!(told(through_openrouter().header("x-title", "Mine")), [some("Mine"), some("https://pool.example/a")]);
    assert_eq!(told(client.chat("hi")), [None, None], "nobody else is told");
    patch(&app, &json!({"openrouter.app_title": "", "openrouter.app_url": ""})).expect(200);
    assert_eq!(told(through_openrouter()), [None, None]);
    patch(&app, &json!({"openrouter.app_title": null, "openrouter.app_url": null})).expect(200);
    assert_eq!(told(through_openrouter()), [some(&default), None]);
}

#[test]
fn each_setting_that_changes_is_written_down_with_what_it_was() {
    let app = TestApp::builder().start();
    let change = json!({"cache.ttl_seconds": 5, "cache.mode": "all", "cache.shared": false});
    let reply = patch(&app, &change).expect(200);
    let id = reply.header("x-request-id").expect("an id").to_owned();
    let entries = noted(&app);
    let told = |entry: &Value| (entry["subject"].clone(), entry["before"].clone(), entry["after"].clone());
    let expected =
        [(json!("cache.mode"), json!("off"), json!("all")), (json!("cache.ttl_seconds"), json!(60), json!(5))];
    assert_eq!(entries.iter().map(told).collect::<Vec<_>>(), expected, "what stays as it is is no change");
    assert!(entries.iter().all(|entry| entry["requestId"] == id && entry["actor"] == "admin"), "{entries:?}");
    patch(&app, &json!({"cache.mode": "all"})).expect(200);
    assert_eq!(noted(&app), entries);
    patch(&app, &json!({"cache.mode": null})).expect(200);
    let back = (json!("cache.mode"), json!("all"), json!("off"));
    assert!(noted(&app).iter().any(|entry| told(entry) == back));
    assert_eq!(noted(&app).len(), 3);
}
