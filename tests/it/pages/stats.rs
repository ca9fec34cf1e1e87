//! `/stats`: what the public may know, from the same cache as `/admin/public-stats`.

use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, Role, TestApp};

fn ask(client: &Role, model: &str, status: u16) {
    let body = json!({"model": model, "messages": []});
    client.call("POST", "/v1/chat/completions").json(&body).send().expect(status);
}

#[test]
fn figures_are_told_and_nothing_about_single_keys() {
    let app = TestApp::builder().api_keys(&["upstream-key-wxyz"]).start();
    let client = app.client();
    ask(&client, "test-model", 200);
    app.upstream.any_key().plays([Answer::status(400)]);
    ask(&client, "test-model", 400);
    let page = app.browser().get("/stats").expect(200).text();
    for shown in ["test-model", "1 of 2", "50.0 %", "1 of 1 keys usable", "Ollama Cloud"] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    for hidden in ["wxyz", "owner of", client.token(), "127.0.0.1:1/"] {
        assert!(!page.contains(hidden), "{hidden} is in {page}");
    }
    let chinese = app.browser().in_chinese().get("/stats?provider=ollama").expect(200).text();
    assert!(chinese.contains("1 个密钥中 1 个可用"), "{chinese}");
    let other = app.browser().get("/stats?provider=openrouter").expect(200).text();
    assert!(other.contains("Nobody asked for a model") && !other.contains("test-model"), "{other}");
    app.browser().get("/stats?provider=nowhere").expect(404);
}

#[test]
fn the_name_of_a_model_stays_a_name() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let hostile = "<img src=x onerror=alert(1)>\"'</script><script>alert(2)</script>";
    ask(&app.client(), hostile, 200);
    let page = app.browser().get("/stats").expect(200).text();
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&lt;/script&gt;"), "{page}");
    assert!(!page.contains("<img") && !page.contains("<script>alert"), "{page}");
}

#[test]
fn the_page_and_the_api_share_what_is_kept() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let client = app.client();
    ask(&client, "first-model", 200);
    app.browser().get("/stats").expect(200);
    ask(&client, "second-model", 200);
    let reply = app.anon().get("/admin/public-stats").expect(200);
    assert_eq!(reply.header("x-cache"), Some("HIT"));
    assert!(!app.browser().get("/stats").expect(200).text().contains("second-model"));
    app.clock.advance(Duration::from_secs(30));
    assert!(app.browser().get("/stats").expect(200).text().contains("second-model"));
    ask(&client, "third-model", 200);
    app.admin().post("/admin/cache/clear", &json!({"scope": "stats", "provider": "ollama"})).expect(200);
    assert!(app.browser().get("/stats").expect(200).text().contains("third-model"), "those of all are its own, too");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test breaks the database from outside")]
fn while_the_database_fails_the_latest_figures_are_shown_with_their_time() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    ask(&app.client(), "test-model", 200);
    app.browser().get("/stats").expect(200);
    let database = rusqlite::Connection::open(app.data_dir().join("pool.db")).expect("open the database");
    database.busy_timeout(Duration::from_secs(5)).expect("a timeout");
    database.execute_batch("ALTER TABLE global_stats RENAME TO elsewhere").expect("rename a table");
    app.clock.advance(Duration::from_secs(31));
    let page = app.browser().get("/stats").expect(200).text();
    assert!(page.contains("cannot be read at the moment") && page.contains("test-model"), "{page}");
    database.execute_batch("ALTER TABLE elsewhere RENAME TO global_stats").expect("rename it back");
    assert!(!app.browser().get("/stats").expect(200).text().contains("cannot be read"));
}
