//! `/dashboard/settings`: what can be changed while the server runs.

use serde_json::{Value, json};

use crate::support::{Browser, TestApp};

const HERE: &str = "/dashboard/settings";

fn value(app: &TestApp, name: &str) -> Value {
    let all = app.admin().get("/admin/settings").expect(200).json();
    let found = all["settings"].as_array().into_iter().flatten().find(|setting| setting["name"] == name);
    found.expect("a setting")["value"].clone()
}

fn cache(console: &Browser, changed: (&str, &str)) -> crate::support::Reply {
    let mut fields = vec![
        ("group", "cache"),
        ("cache.mode", "off"),
        ("cache.ttl_seconds", "60"),
        ("cache.max_bytes", "64 MiB"),
        ("models.ttl_seconds", "5 min"),
        ("models.anonymous", "on"),
    ];
    fields.retain(|(name, _)| *name != changed.0);
    fields.push(changed);
    console.post(HERE, &fields)
}

#[test]
fn a_group_is_changed_as_people_write_it_and_can_be_taken_back() {
    let app = TestApp::builder().start();
    let console = app.console();
    let reply = cache(&console, ("cache.ttl_seconds", "2 h")).expect(303);
    assert_eq!(reply.header("location"), Some("/dashboard/settings#cache"));
    assert_eq!(value(&app, "cache.ttl_seconds"), 7_200);
    let page = console.get(HERE).expect(200).text();
    assert!(page.contains("1 setting changed.") && page.contains("value=\"2 h\""), "{page}");
    assert!(page.contains("<input type=\"hidden\" name=\"cache.ttl_seconds\" value=\"60\">"), "the undo: {page}");
    assert!(page.contains("Back to the default: Keep an answer for"), "{page}");
    let page = console.submit(HERE, &[("group", "cache"), ("models.anonymous", "true"), ("cache.ttl_seconds", "60")]);
    assert_eq!((value(&app, "cache.ttl_seconds"), value(&app, "models.anonymous")), (json!(60), json!(true)));
    assert!(!page.text().contains("Back to the default"), "{}", page.text());
    let log = app.admin().get("/admin/audit-log?action=setting").expect(200).json();
    assert_eq!(log["total"], 2, "what stays as it is leaves no trace: {log}");
}

#[test]
fn a_switch_that_is_not_sent_is_off() {
    let app = TestApp::builder().start();
    let console = app.console();
    console.submit(HERE, &[("group", "public"), ("public.stats", "on")]);
    let values = ["public.stats", "public.api_docs", "public.project"].map(|name| value(&app, name));
    assert_eq!(values, [json!(true), json!(false), json!(false)]);
    app.browser().get("/project").expect(404);
    console.submit("/dashboard/settings/reset", &[("group", "public"), ("reset", "public.project")]);
    assert_eq!(value(&app, "public.project"), true);
    assert_eq!(value(&app, "public.api_docs"), false);
}

#[test]
fn what_does_not_fit_is_told_at_its_field_and_nothing_is_changed() {
    let app = TestApp::builder().start();
    let console = app.console();
    for (changed, says) in [
        (("cache.ttl_seconds", "<b>soon</b>"), "A duration from 1 s to 1 d"),
        (("cache.ttl_seconds", "2 d"), "A duration from 1 s to 1 d"),
        (("cache.max_bytes", "1 KiB"), "A size from 64 KiB to 1 TiB"),
        (("cache.mode", "sideways"), "One of the choices"),
    ] {
        let page = cache(&console, changed).expect(422).text();
        assert!(page.contains(says) && page.contains("aria-invalid=\"true\""), "{says}: {page}");
        assert!(!page.contains("<b>soon</b>"), "{page}");
    }
    assert!(cache(&console, ("cache.ttl_seconds", "soon")).text().contains("value=\"soon\""), "it is kept");
    let chinese = app.console().in_chinese();
    let page = cache(&chinese, ("cache.ttl_seconds", "2 天")).expect(422).text();
    assert!(page.contains("应为 1 秒 至 1 天 的时长"), "{page}");
    let zone = [("group", "statistics"), ("statistics.cache_seconds", "30"), ("statistics.time_zone", "Mars/Olympus")];
    assert!(console.post(HERE, &zone).expect(422).text().contains("The name of a time zone"));
    assert_eq!(app.admin().get("/admin/audit-log?action=setting").expect(200).json()["total"], 0);
}

#[test]
fn what_the_configuration_fixes_is_locked_and_stays() {
    let app = TestApp::builder().option("RATE_LIMIT_REQUESTS", "9").start();
    let console = app.console();
    let page = console.get(HERE).expect(200).text();
    assert!(page.contains("Fixed by the environment variable RATE_LIMIT_REQUESTS"), "{page}");
    let group = [("group", "limits"), ("rate_limit.requests", "1"), ("rate_limit.window_seconds", "2 min")];
    console.submit(HERE, &[&group[..], &[("bots.policy", "off")]].concat());
    assert_eq!((value(&app, "rate_limit.requests"), value(&app, "rate_limit.window_seconds")), (json!(9), json!(120)));
    let refused = console.post("/dashboard/settings/reset", &[("reset", "rate_limit.requests")]).expect(409);
    assert!(refused.text().contains("RATE_LIMIT_REQUESTS"), "{}", refused.text());
}

#[test]
fn what_is_no_setting_is_not_found() {
    let app = TestApp::builder().start();
    let console = app.console();
    console.post(HERE, &[("group", "nonsense")]).expect(404);
    console.post(HERE, &[]).expect(404);
    console.post("/dashboard/settings/reset", &[("reset", "no.such")]).expect(404);
    app.browser().post(HERE, &[("group", "public")]).expect(303);
    assert_eq!(value(&app, "public.stats"), true, "a stranger changed it");
}
