//! `/dashboard/audit-log` and `/dashboard/backup`.

use std::time::Duration;

use serde_json::json;

use crate::support::{ADMIN_TOKEN, TestApp};

const LOG: &str = "/dashboard/audit-log";

#[test]
fn every_change_is_told_in_words_with_what_is_different() {
    let app = TestApp::builder().api_keys(&["upstream-key-wxyz"]).start();
    let keys = app.admin().get("/admin/api-keys").expect(200).json();
    let id = keys["api_keys"][0]["id"].as_str().expect("an id").to_owned();
    app.admin().post("/admin/keys/disable", &json!({"apiKey": id, "duration": 3_600})).expect(200);
    let settings = json!({"cache.mode": "all", "cache.ttl_seconds": 7_200, "providers.openrouter.enabled": false});
    app.admin().call("PATCH", "/admin/settings").json(&settings).send().expect(200);
    let console = app.console();
    let page = console.get(LOG).expect(200).text();
    for shown in [
        "Key disabled",
        &format!("href=\"/dashboard/keys/{id}\""),
        "owner of upstream-key-wxyz ••••wxyz</a>",
        "<dt>Disabled</dt>\n<dd><del>no</del> → <ins>yes</ins></dd>",
        "<del>none</del> → <ins>all</ins>",
        "<del>1 min</del> → <ins>2 h</ins>",
        "Serve requests to openrouter",
        "href=\"/dashboard/settings#cache\"",
        "Signed in",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    assert!(!page.contains(">upstream-key-wxyz"), "{page}");
    let chinese = console.in_chinese().get(LOG).expect(200).text();
    for shown in ["停用密钥", "<del>不缓存</del> → <ins>全部</ins>", "<del>1 分</del> → <ins>2 小时</ins>"]
    {
        assert!(chinese.contains(shown), "{shown} is not in {chinese}");
    }
}

#[test]
fn the_log_is_filtered_and_paged_by_its_address() {
    let app = TestApp::builder().start();
    for n in 0..30 {
        app.admin().post("/admin/tokens", &json!({"name": format!("token <b>{n}</b>")})).expect(200);
    }
    app.clock.advance(Duration::from_hours(24));
    app.admin().call("PATCH", "/admin/settings").json(&json!({"backups.keep": 4})).send().expect(200);
    let console = app.console();
    let rows = |query: &str| console.get(&format!("{LOG}{query}")).expect(200).text().matches("<tr><td").count();
    assert_eq!((rows(""), rows("?page=2"), rows("?size=50"), rows("?page=99")), (25, 7, 32, 7));
    assert_eq!((rows("?action=setting"), rows("?action=setting.change"), rows("?action=sett")), (1, 1, 0));
    assert_eq!((rows("?subject=backups.keep"), rows("?subject=backups")), (1, 0));
    assert_eq!((rows("?since=2026-01-02"), rows("?until=2026-01-01&size=100")), (2, 30));
    assert_eq!(rows("?since=2026-01-02&until=2026-01-02&action=setting"), 1);
    let page = console.get(&format!("{LOG}?action=client_token&size=25")).text();
    assert!(page.contains("href=\"/dashboard/audit-log?action=client_token&amp;page=2\""), "{page}");
    assert!(page.contains("token &lt;b&gt;29&lt;/b&gt;") && !page.contains("<b>29"), "{page}");
    assert!(console.get(&format!("{LOG}?subject=%3Cb%3E")).text().contains("value=\"&lt;b&gt;\""));
    assert!(console.get(&format!("{LOG}?since=soon")).expect(422).text().contains("A day is written as"));
    app.browser().get(LOG).expect(303);
}

#[test]
fn a_copy_of_everything_is_for_the_admin_token_alone() {
    let app = TestApp::builder().api_keys(&["upstream-key-wxyz"]).start();
    let console = app.console();
    let page = console.get("/dashboard/backup").expect(200).text();
    for shown in ["One every 1 d; the latest 3 are kept.", "The master key.", "There is none yet."] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    let refused = console.post("/dashboard/backup", &[("token", "wrong")]).expect(422);
    assert!(refused.text().contains("This is not the admin token."), "{}", refused.text());
    assert_eq!(app.admin().get("/admin/audit-log?action=backup").expect(200).json()["total"], 0);
    let copy = console.post("/dashboard/backup", &[("token", ADMIN_TOKEN)]).expect(200);
    assert_eq!(copy.header("content-type"), Some("application/vnd.sqlite3"));
    assert_eq!(
        copy.header("content-disposition"),
        Some("attachment; filename=\"ollama-api-pool-2026-01-01T120000.000Z.db\"")
    );
    assert_eq!(copy.header("cache-control"), Some("no-store"));
    assert!(copy.body.starts_with(b"SQLite format 3\0"));
    assert_eq!(app.admin().get("/admin/audit-log?action=backup").expect(200).json()["total"], 1);
    app.browser().post("/dashboard/backup", &[("token", ADMIN_TOKEN)]).expect(303);
    app.admin().call("PATCH", "/admin/settings").json(&json!({"backups.keep": 0})).send().expect(200);
    assert!(console.get("/dashboard/backup").text().contains("makes no copies by itself"));
}
