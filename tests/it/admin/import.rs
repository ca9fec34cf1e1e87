//! `/admin/api-keys/import`: many keys at once, and what became of each.

use serde_json::{Value, json};

use super::{add, listed, refused};
use crate::support::TestApp;

fn results(report: &Value) -> Vec<&str> {
    report["report"].as_array().expect("a report").iter().filter_map(|line| line["result"].as_str()).collect()
}

#[test]
fn each_line_is_reported_in_its_order() {
    let app = TestApp::builder().start();
    let existing = add(&app, "before", "upstream-key-0001");
    let keys = json!({"keys": [
        "upstream-key-0002", "upstream-key-0001", " upstream-key-0002\t", "", "   ", "two words", "schlüssel",
        "upstream-key-0003\r", "k".repeat(513), "upstream-key-0001",
    ]});
    let report = app.admin().post("/admin/api-keys/import", &keys).expect(200).json();
    assert_eq!(
        results(&report),
        ["added", "existing", "duplicate", "refused", "refused", "refused", "refused", "added", "refused", "duplicate"]
    );
    let counts = ["total", "added", "existing", "duplicates", "refused"].map(|name| report[name].as_u64());
    assert_eq!(counts, [10, 2, 1, 2, 5].map(Some));
    for (n, line) in report["report"].as_array().expect("a report").iter().enumerate() {
        assert_eq!(line["line"], n + 1);
        let has = (line.get("id").is_some(), line.get("error").is_some());
        let expected = match line["result"].as_str() {
            Some("added" | "existing") => (true, false),
            Some("refused") => (false, true),
            _ => (false, false),
        };
        assert_eq!(has, expected, "{line}");
    }
    assert_eq!(report["report"][1]["id"], json!(existing));
    assert_eq!(listed(&app.admin(), "").len(), 3);
    let again = app.admin().post("/admin/api-keys/import", &keys).expect(200).json();
    assert_eq!((&again["added"], &again["existing"]), (&json!(0), &json!(3)), "an import repeated adds nothing");
}

#[test]
fn an_import_stays_with_its_provider_and_takes_effect_at_once() {
    let app = TestApp::builder().start();
    let body = json!({"keys": ["upstream-key-0001"], "provider": "openrouter"});
    app.admin().post("/admin/api-keys/import?provider=ollama", &body).expect(200);
    assert!(listed(&app.admin(), "").is_empty());
    assert_eq!(listed(&app.admin(), "?provider=openrouter").len(), 1);
    app.client_with(&json!({"provider": "openrouter"})).chat("hi").via("/openrouter").send().expect(200);
    refused(
        app.admin().post("/admin/api-keys/import", &json!({"keys": ["a-key-0001"], "provider": "nowhere"})),
        400,
        "bad_request",
        "no provider",
    );
    let nothing = app.admin().post("/admin/api-keys/import", &json!({"keys": []})).expect(200).json();
    assert_eq!((&nothing["total"], results(&nothing).len()), (&json!(0), 0));
}

#[test]
fn ten_thousand_keys_are_imported_in_one_request_and_listed() {
    let app = TestApp::builder().start();
    let keys: Vec<String> = (0..10_000).map(|n| format!("upstream-key-{n:08}")).collect();
    let report = app.admin().post("/admin/api-keys/import", &json!({"keys": keys})).expect(200).json();
    assert_eq!(report["added"], 10_000);
    let page = app.admin().get("/admin/api-keys?pageSize=200&page=50").expect(200).json();
    assert_eq!((&page["total"], &page["totalPages"]), (&json!(10_000), &json!(50)));
    assert_eq!(listed(&app.admin(), "?fetch=all").len(), 10_000);
    let found = listed(&app.admin(), "?search=upstream-key-00007777");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["api_key"], "****7777");
    let again = app.admin().post("/admin/api-keys/import", &json!({"keys": keys})).expect(200).json();
    assert_eq!(again["existing"], 10_000);
    let ids: Vec<&Value> = again["report"].as_array().expect("a report").iter().map(|line| &line["id"]).collect();
    let deleted = app.admin().delete("/admin/api-keys", &json!({"apiKeys": ids})).expect(200).json();
    assert_eq!(deleted["deleted"], 10_000);
    assert!(listed(&app.admin(), "").is_empty());
}

#[test]
fn an_import_that_fails_midway_tells_what_is_stored_and_what_is_not() {
    let app = TestApp::builder().start();
    #[expect(clippy::disallowed_methods, reason = "only the database itself can be made to refuse one of many keys")]
    let database = rusqlite::Connection::open(app.data_dir().join("pool.db")).expect("open the database");
    let refuse = |last4: &str| {
        let trigger = format!(
            "DROP TRIGGER IF EXISTS refuse; CREATE TRIGGER refuse BEFORE INSERT ON api_keys WHEN NEW.last4 = '{last4}'
            BEGIN SELECT raise(ABORT, 'no'); END"
        );
        database.execute_batch(&trigger).expect("a trigger");
    };
    let keys: Vec<String> = (0..2_500).map(|n| format!("upstream-key-{n:08}")).collect();
    let import = || app.admin().post("/admin/api-keys/import", &json!({"keys": keys}));

    refuse("0000");
    import().expect(500);
    assert!(listed(&app.admin(), "?fetch=all").is_empty(), "nothing was stored, and nothing is claimed");

    refuse("1500");
    let report = import().expect(200).json();
    let stored = results(&report).iter().take_while(|result| **result == "added").count();
    assert!((1..=1_500).contains(&stored), "{stored} were stored before the one that was refused");
    assert!(results(&report).iter().skip(stored).all(|result| *result == "refused"), "and none after it");
    assert_eq!((&report["added"], &report["refused"]), (&json!(stored), &json!(2_500 - stored)));
    assert_eq!(report["report"][stored]["error"], "was not stored");
    assert_eq!(listed(&app.admin(), "?fetch=all").len(), stored, "what is called added is stored, and no more");

    import().expect(500);
    database.execute_batch("DROP TRIGGER refuse").expect("no trigger");
    let rest = import().expect(200).json();
    assert_eq!(
        (&rest["existing"], &rest["added"]),
        (&json!(stored), &json!(2_500 - stored)),
        "a repetition adds the rest"
    );
}

#[test]
fn too_long_a_list_is_refused_as_a_whole() {
    let app = TestApp::builder().start();
    let keys: Vec<String> = (0..200_001).map(|n| format!("key-{n}")).collect();
    refused(app.admin().post("/admin/api-keys/import", &json!({"keys": keys})), 400, "bad_request", "200000");
    assert!(listed(&app.admin(), "").is_empty());
}
