//! `/admin/verify-key` and `/admin/keys/health-check`: what providers say about keys, and what follows from it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{add, listed, only_key, refused};
use crate::support::{Answer, Reply, TestApp, job_done, job_items, job_made};

const KEY: &str = "upstream-key-0001";

#[track_caller]
fn verify(app: &TestApp, body: &Value) -> Value {
    app.admin().post("/admin/verify-key", body).expect(200).json()
}

fn health_check(app: &TestApp, body: &Value) -> Reply {
    app.admin().post("/admin/keys/health-check", body)
}

/// How a key stands: its status, why it rests, and what came of asking about it.
fn standing(app: &TestApp) -> [Value; 3] {
    let key = only_key(&app.admin());
    ["status", "cooldown_reason", "check_verdict"].map(|name| key[name].clone())
}

/// What a server of one's own is asked for, and OpenRouter.
fn says(app: &TestApp, answer: &Answer) {
    for path in ["/api/tags", "/v1/key"] {
        app.upstream.any_key().path(path).always(answer.clone());
    }
}

#[test]
fn a_verdict_has_three_values() {
    let app = TestApp::builder().start();
    for (provider, answer, verdict, status, reason) in [
        ("ollama", None, "valid", Some(200), None),
        ("ollama", Some(Answer::status(401)), "invalid", Some(401), Some("unauthorized")),
        // Some keys are good for chats and not for lists.
        ("ollama", Some(Answer::status(403)), "unknown", Some(403), Some("forbidden")),
        ("ollama", Some(Answer::status(429)), "unknown", Some(429), Some("rate_limit")),
        ("ollama", Some(Answer::status(500)), "unknown", Some(500), Some("server_error")),
        ("ollama", Some(Answer::status(200).raw_body("<html>")), "unknown", Some(200), Some("malformed")),
        ("ollama", Some(Answer::close_before_answer()), "unknown", None, Some("network")),
        ("openrouter", None, "valid", Some(200), None),
        ("openrouter", Some(Answer::status(401)), "invalid", Some(401), Some("unauthorized")),
        // Nobody named a model: it is the question that is refused.
        ("openrouter", Some(Answer::status(403)), "unknown", Some(403), Some("forbidden")),
        ("openrouter", Some(Answer::status(429)), "unknown", Some(429), Some("rate_limit")),
        ("openrouter", Some(Answer::status(502)), "unknown", Some(502), Some("server_error")),
    ] {
        let what = format!("{provider}: {status:?} {reason:?}");
        let app = match answer {
            Some(answer) => {
                says(&app, &answer);
                &app
            }
            None => &TestApp::builder().start(),
        };
        let told = verify(app, &json!({"apiKey": KEY, "provider": provider}));
        assert_eq!(told["verdict"], verdict, "{what}: {told}");
        assert_eq!(told["valid"], verdict == "valid", "{what}");
        assert_eq!(told.get("status").and_then(Value::as_u64), status, "{what}");
        assert_eq!(told.get("reason").and_then(Value::as_str), reason, "{what}");
        assert_eq!(told.get("error").is_some(), reason.is_some(), "{what}");
        assert_eq!(told["checkedBy"], if provider == "ollama" { "model_list" } else { "identity" }, "{what}");
        assert_eq!((&told["apiKey"], told.get("id")), (&json!("****0001"), None), "{what}");
        assert_eq!(told["timestamp"], "2026-01-01T12:00:00.000Z");
        assert!(listed(&app.admin(), "?provider=all").is_empty(), "{what}: a key that is asked about is not added");
    }
}

#[test]
fn an_upstream_that_is_not_there_says_nothing_about_a_key() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let app = TestApp::builder().option("OLLAMA_BASE_URL", &format!("http://{gone}")).api_keys(&[KEY]).start();
    let told = verify(&app, &json!({"apiKey": KEY}));
    assert_eq!((&told["verdict"], told.get("status")), (&json!("unknown"), None), "{told}");
    assert_eq!(standing(&app), [json!("active"), json!(null), json!("unknown")]);
    let report = health_check(&app, &json!({})).expect(200).json();
    assert_eq!(report["results"][0]["healthy"], false, "{report}");
}

#[test]
fn what_cannot_be_verified_is_refused() {
    let app = TestApp::builder().api_keys(&[KEY]).start();
    let id = only_key(&app.admin())["id"].clone();
    let unknown = "019a0000-0000-7000-8000-000000000000";
    for (body, status, says) in [
        (json!({}), 400, ""),
        (json!({"apiKey": ""}), 400, "empty"),
        (json!({"apiKey": "two words"}), 400, "space"),
        (json!({"apiKey": KEY, "provider": "nowhere"}), 400, "ollama, openrouter"),
        (json!({"apiKey": KEY, "probe": "guess"}), 400, ""),
        (json!({"apiKey": unknown}), 404, "no such API key"),
        (json!({"apiKey": id, "provider": "openrouter"}), 404, "no such API key"),
    ] {
        let code = if status == 400 { "bad_request" } else { "not_found" };
        refused(app.admin().post("/admin/verify-key", &body), status, code, says);
    }
    assert!(app.upstream.requests().is_empty(), "nobody was asked");
}

#[test]
fn a_refused_key_rests_for_a_day_and_an_accepted_one_is_back_at_once() {
    let app = TestApp::builder().api_keys(&[KEY]).start();
    let id = only_key(&app.admin())["id"].clone();
    let client = app.client();
    app.upstream.any_key().path("/api/tags").plays([Answer::status(401)]);
    let told = verify(&app, &json!({"apiKey": id}));
    assert_eq!((&told["verdict"], &told["id"], &told["apiKey"]), (&json!("invalid"), &id, &json!("****0001")));
    assert_eq!(standing(&app), [json!("failed"), json!("unauthorized"), json!("invalid")]);
    assert_eq!(only_key(&app.admin())["cooldown_until"], "2026-01-02T12:00:00.000Z");
    assert_eq!(only_key(&app.admin())["checked_at"], "2026-01-01T12:00:00.000Z");
    let asked = app.upstream.requests().len();
    assert_ne!(client.chat("hi").send().status, 200);
    assert_eq!(app.upstream.requests().len(), asked, "a refused key is used no more");

    app.clock.advance(Duration::from_mins(1));
    let told = verify(&app, &json!({"apiKey": KEY}));
    assert_eq!((&told["valid"], &told["id"]), (&json!(true), &id), "a key itself finds the one of the pool");
    assert_eq!(standing(&app), [json!("active"), json!(null), json!("valid")]);
    assert_eq!(only_key(&app.admin())["consecutive_failures"], 0);
    client.chat("hi").send().expect(200);
}

#[test]
fn a_refused_key_is_tried_again_after_a_day() {
    let app = TestApp::builder().api_keys(&[KEY]).start();
    app.upstream.any_key().path("/api/tags").plays([Answer::status(401)]);
    verify(&app, &json!({"apiKey": KEY}));
    app.clock.advance(Duration::from_hours(24));
    app.client().chat("hi").send().expect(200);
    assert_eq!(standing(&app)[0], "active");
}

#[test]
fn an_accepted_key_stays_disabled_and_its_quota_stays_a_quota() {
    let app = TestApp::builder().api_keys(&[KEY]).start();
    let client = app.client();
    app.upstream.any_key().path("/chat/completions").plays([Answer::status(429).retry_after(600)]);
    client.chat("hi").send().expect(429);
    assert_eq!(verify(&app, &json!({"apiKey": KEY}))["valid"], true);
    assert_eq!(standing(&app), [json!("failed"), json!("rate_limit"), json!("valid")]);
    client.chat("hi").send().expect(429);

    app.clock.advance(Duration::from_mins(10));
    app.admin().post("/admin/keys/disable", &json!({"apiKey": KEY})).expect(200);
    assert_eq!(verify(&app, &json!({"apiKey": KEY}))["valid"], true);
    assert_eq!(standing(&app)[0], "disabled");
    client.chat("hi").send().expect(503);
}

#[test]
fn an_answer_that_says_nothing_changes_nothing() {
    let app = TestApp::builder().api_keys(&[KEY]).start();
    let client = app.client();
    for answer in [Answer::status(403), Answer::status(429).retry_after(600), Answer::status(500)] {
        app.upstream.any_key().path("/api/tags").plays([answer]);
        assert_eq!(verify(&app, &json!({"apiKey": KEY}))["verdict"], "unknown");
        assert_eq!(standing(&app), [json!("active"), json!(null), json!("unknown")]);
        client.chat("hi").send().expect(200);
    }
    app.upstream.any_key().path("/api/tags").plays([Answer::status(401), Answer::status(500)]);
    verify(&app, &json!({"apiKey": KEY}));
    verify(&app, &json!({"apiKey": KEY}));
    assert_eq!(standing(&app), [json!("failed"), json!("unauthorized"), json!("unknown")]);
}

#[test]
fn a_key_that_the_upstream_repeats_is_in_no_answer() {
    let app = TestApp::builder().start();
    add(&app, "one", KEY);
    let error = json!({"error": {"message": format!("Incorrect API key provided: {KEY}x (Bearer {KEY}x)")}});
    for status in [400, 401, 403, 500] {
        says(&app, &Answer::json(status, &error));
        let verified = app.admin().post("/admin/verify-key", &json!({"apiKey": KEY})).expect(200).text();
        let checked = health_check(&app, &json!({})).expect(200).text();
        let path = job_made(health_check(&app, &json!({"async": true})));
        job_done(&app.admin(), &path);
        let items = app.admin().get(&format!("{path}/items")).expect(200).text();
        let imported = json!({"content": format!("{KEY}x")});
        let imported = app.admin().post("/admin/api-keys/import-with-validation", &imported).expect(200).text();
        for told in [verified, checked, items, imported] {
            assert!(!told.contains(KEY), "{status}: {told}");
        }
    }
}

#[test]
fn a_few_keys_are_checked_at_once_and_told_in_the_old_form() {
    let app = TestApp::builder().start();
    let good = add(&app, "good", "upstream-key-0001");
    app.clock.advance(Duration::from_secs(1));
    let bad = add(&app, "bad", "upstream-key-0002");
    app.add_api_key("openrouter", "openrouter-key-0003");
    app.upstream.key("upstream-key-0002").path("/api/tags").always(Answer::status(401));
    let healthy = json!({
        "id": good, "apiKey": "****0001", "healthy": true, "verdict": "valid", "status": 200, "class": "other",
        "timestamp": "2026-01-01T12:00:01.000Z",
    });
    let unhealthy = json!({
        "id": bad, "apiKey": "****0002", "healthy": false, "verdict": "invalid", "status": 401,
        "error": "scripted 401", "timestamp": "2026-01-01T12:00:01.000Z",
    });
    let both = json!({"results": [unhealthy, healthy]});
    let without_body = app.admin().call("POST", "/admin/keys/health-check").send().expect(200).json();
    assert_eq!(without_body, both, "all of the default provider");
    for (body, expected) in [
        (json!({}), both.clone()),
        (json!({"provider": "ollama", "probe": "identity", "async": false}), both.clone()),
        (json!({"filter": {"provider": "ollama"}}), both),
        (json!({"keys": [good]}), json!({"results": [healthy]})),
        (json!({"keys": ["upstream-key-0001", good, "upstream-key-0001"]}), json!({"results": [healthy]})),
        (json!({"keys": ["upstream-key-0001", bad]}), json!({"results": [healthy, unhealthy]})),
        (json!({"filter": {"search": "bad"}}), json!({"results": [unhealthy]})),
        (json!({"filter": {"verdict": "valid", "provider": "ollama"}}), json!({"results": [healthy]})),
        (json!({"filter": {"verdict": "never", "provider": "ollama"}}), json!({"results": []})),
        (json!({"keys": []}), json!({"results": []})),
    ] {
        assert_eq!(health_check(&app, &body).expect(200).json(), expected, "{body}");
    }
    let other = app.admin().call("POST", "/admin/keys/health-check?provider=openrouter").send().expect(200).json();
    assert_eq!((&other["results"][0]["apiKey"], &other["results"][0]["healthy"]), (&json!("****0003"), &json!(true)));
    for (filter, number) in [(json!({}), 2), (json!({"provider": "openrouter"}), 1), (json!({"provider": "all"}), 3)] {
        let all = health_check(&app, &json!({"filter": filter})).expect(200).json();
        assert_eq!(all["results"].as_array().map(Vec::len), Some(number), "{filter}");
    }
    assert_eq!(listed(&app.admin(), "?status=failed")[0]["id"], json!(bad));
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let app = TestApp::builder().api_keys(&[KEY]).start();
    for (body, status, says) in [
        (json!({"keys": ["upstream-key-0001", "never-there-0001"]}), 404, "number 2"),
        (json!({"keys": ["two words"]}), 400, "space"),
        (json!({"keys": [KEY], "filter": {}}), 400, "either"),
        (json!({"provider": "nowhere"}), 400, "ollama, openrouter"),
        (json!({"filter": {"provider": "nowhere"}}), 400, "ollama, openrouter"),
        (json!({"filter": {"status": "broken"}}), 400, ""),
        (json!({"filter": {"createdSince": "yesterday"}}), 400, "createdSince"),
        (json!({"probe": "guess"}), 400, ""),
        (json!({"keys": "all"}), 400, ""),
        (json!([]), 400, ""),
    ] {
        let code = if status == 400 { "bad_request" } else { "not_found" };
        refused(health_check(&app, &body), status, code, says);
    }
    let torn = app.admin().call("POST", "/admin/keys/health-check").header("content-type", "application/json");
    refused(torn.body("{\"keys\":").send(), 400, "bad_request", "");
    assert!(app.upstream.requests().is_empty(), "nobody was asked");
    assert_eq!(app.admin().get("/admin/jobs").expect(200).json()["total"], 0);
}

#[test]
fn many_keys_are_checked_by_a_job_and_so_are_few_where_that_is_asked_for() {
    let app = TestApp::builder().start();
    let keys: Vec<String> = (0..20).map(|n| format!("upstream-key-{n:04}")).collect();
    app.admin().post("/admin/api-keys/import", &json!({"keys": keys})).expect(200);
    let report = health_check(&app, &json!({})).expect(200).json();
    assert_eq!(report["results"].as_array().map(Vec::len), Some(20));
    let asynchronous = job_made(health_check(&app, &json!({"async": true, "keys": [keys[3]]})));
    let job = job_done(&app.admin(), &asynchronous);
    assert_eq!((&job["total"], &job["results"]), (&json!(1), &json!({"valid": 1})));

    let id = add(&app, "one more", "upstream-key-bad1");
    app.upstream.key("upstream-key-bad1").path("/api/tags").always(Answer::status(401));
    let many = job_made(health_check(&app, &json!({})));
    let job = job_done(&app.admin(), &many);
    assert_eq!(job["results"], json!({"valid": 20, "invalid": 1}));
    assert_eq!((&job["kind"], &job["provider"]), (&json!("health_check"), &json!("ollama")));
    let invalid = job_items(&app.admin(), &many, "invalid");
    assert_eq!(
        (&invalid[0]["id"], &invalid[0]["detail"]["message"]),
        (&json!(id), &json!("scripted 401")),
        "{invalid:?}"
    );
    assert_eq!(listed(&app.admin(), "?status=failed").len(), 1, "what a job finds out takes effect, too");
    assert_eq!(listed(&app.admin(), "?verdict=valid").len(), 20);
}

#[test]
fn chats_are_sent_only_where_they_are_asked_for() {
    let app = TestApp::builder().api_keys(&[KEY]).start();
    let models = ["kimi-k2:1t", "qwen3:8b", "gpt-oss:20b"].map(|name| json!({"name": name, "model": name}));
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": models})));
    assert_eq!(verify(&app, &json!({"apiKey": KEY}))["class"], "general", "the list has two families");
    let chats = || app.upstream.requests().iter().filter(|r| r.path.ends_with("/chat/completions")).count();
    assert_eq!(chats(), 0);

    let refused = Answer::json(403, &json!({"error": "this model requires a subscription"}));
    app.upstream.any_key().path("/chat/completions").plays([Answer::ok_json("h"), refused]);
    let told = verify(&app, &json!({"apiKey": KEY, "probe": "chat"}));
    assert_eq!((&told["valid"], &told["class"]), (&json!(true), &json!("kimi")), "only what the key may really use");
    assert_eq!(chats(), 2);
    assert_eq!(listed(&app.admin(), "?class=kimi").len(), 1);
    assert!(listed(&app.admin(), "?class=general").is_empty());
}
