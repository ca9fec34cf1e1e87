//! `/admin/api-keys/import`: many keys at once, and what became of each.

use serde_json::{Value, json};

use super::{add, listed, names, refused};
use crate::support::{Answer, TestApp, job_done, job_items, job_made};

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
            _ => (false, true),
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
    assert_eq!(report["report"][stored]["code"], "not_stored");
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

/// Lines of every kind, as they are pasted.
const TEXT: &str = "\u{feff}key-alone-0001\r\n\n# a comment\nAda----key-of-ada-0002\na----b----key-third-0003\n\
    e@x----p4ssw0rd----s3ssion----key-of-list-0004\n\"key-quoted-0005\",\nkey-alone-0001\nkey-before-0006\n\
    OLLAMA_API_KEY=s3cret-0007\n{\"api_key\":\"s3cret-0008\"}\ntwo s3crets\nGrace----";

/// Imports once for show and once in earnest, and gives both reports.
#[track_caller]
fn shown_and_done(app: &TestApp, path: &str, body: &Value) -> (Value, Value) {
    let before = listed(&app.admin(), "?provider=all");
    let mut shown = body.clone();
    shown["dryRun"] = json!(true);
    let shown = app.admin().post(path, &shown).expect(200).json();
    assert_eq!(listed(&app.admin(), "?provider=all"), before, "{path}: nothing is changed for show");
    (shown, app.admin().post(path, body).expect(200).json())
}

/// Without what only a stored key has.
fn foretold(report: &Value) -> Value {
    let mut report = report.clone();
    report["dryRun"] = json!(null);
    for lines in ["report", "details"] {
        for line in report.get_mut(lines).and_then(Value::as_array_mut).into_iter().flatten() {
            if line["result"] == "added" {
                line.as_object_mut().expect("a line").remove("id");
            }
        }
    }
    report
}

/// Imports into a pool that has one of the keys: first for show, then in earnest, and both say the same of every line.
#[track_caller]
fn check_form(path: &str, body: &Value, expected: &str, mut labels: Vec<&str>) {
    let app = TestApp::builder().start();
    let before = add(&app, "before", "key-before-0006");
    let (shown, done) = shown_and_done(&app, path, body);
    let expected: Vec<&str> = expected.split_whitespace().collect();
    assert_eq!(results(&done), expected);
    assert_eq!(foretold(&shown), foretold(&done));
    assert_eq!((&shown["dryRun"], &done["dryRun"]), (&json!(true), &json!(false)));
    assert_eq!((&done["total"], &done["report"][8]["id"]), (&json!(expected.len()), &json!(before)));
    for told in [shown.to_string(), done.to_string()] {
        for secret in ["s3c", "p4ss", "s3ss", "key-third", "key-alone", "two "] {
            assert!(!told.contains(secret), "{secret} is in {told}");
        }
    }
    let keys = listed(&app.admin(), "");
    let mut stored = names(&keys);
    labels.push("before");
    stored.sort_unstable();
    labels.sort_unstable();
    assert_eq!(stored, labels);
}

#[test]
fn a_list_of_keys_does_what_its_preview_foretold() {
    let lines: Vec<&str> = TEXT.lines().collect();
    let expected =
        "added refused refused refused refused refused added duplicate existing refused refused refused refused";
    check_form("/admin/api-keys/import", &json!({"keys": lines}), expected, vec!["", ""]);
}

#[test]
fn a_text_does_what_its_preview_foretold() {
    let expected = "added skipped skipped added refused added added duplicate existing refused refused refused refused";
    check_form("/admin/api-keys/import-from-txt", &json!({"content": TEXT}), expected, vec!["", "Ada", "", ""]);
}

#[test]
fn a_list_of_accounts_does_what_its_preview_foretold() {
    let mut accounts: Vec<Value> = TEXT.lines().map(Value::from).collect();
    accounts.extend([
        json!({"api_key": "key-object-0009", "username": "Olga", "password": "p4ssw0rd"}),
        json!({"foo": "s3cret-0010"}),
        json!(7),
        json!(null),
        json!({"apiKey": "key-alone-0001"}),
    ]);
    let expected = "added skipped skipped added refused added added duplicate existing refused refused refused refused \
        added refused refused refused duplicate";
    let labels = vec!["", "Ada", "e@x", "", "Olga"];
    check_form("/admin/import", &json!({"accounts": accounts}), expected, labels);
}

#[test]
fn an_import_of_accounts_keeps_its_old_figures() {
    let app = TestApp::builder().start();
    let accounts: Vec<Value> = (0..60).map(|n| json!(format!("u{n}----key-number-{n:04}"))).collect();
    let report = app.admin().post("/admin/import", &json!({"accounts": accounts})).expect(200).json();
    let figures = ["imported", "failed", "total", "duplicates", "skipped"].map(|name| report[name].as_u64());
    assert_eq!((&report["success"], figures), (&json!(true), [60, 0, 60, 0, 0].map(Some)));
    assert_eq!(report["details"].as_array().map(Vec::len), Some(50), "the old form has fifty lines at most");
    assert_eq!(report["report"].as_array().map(Vec::len), Some(60));
    let again = json!({"accounts": ["u0----key-number-0000", "u----k----x", "", "u----key-number-0000"]});
    let report = app.admin().post("/admin/import", &again).expect(200).json();
    let figures = ["imported", "failed", "total", "duplicates", "skipped"].map(|name| report[name].as_u64());
    assert_eq!((&report["success"], figures), (&json!(false), [0, 1, 4, 1, 2].map(Some)));
    let nothing = app.admin().post("/admin/import", &json!({"accounts": []})).expect(200).json();
    assert_eq!((&nothing["success"], &nothing["imported"]), (&json!(false), &json!(0)));
}

#[test]
fn what_is_no_import_is_refused_and_changes_nothing() {
    let app = TestApp::builder().start();
    for (path, body, says) in [
        ("/admin/api-keys/import", json!({}), ""),
        ("/admin/api-keys/import", json!({"keys": "key-0001"}), ""),
        ("/admin/api-keys/import", json!({"keys": [{}]}), ""),
        ("/admin/api-keys/import", json!({"keys": ["key-number-0001"], "provider": "nowhere"}), "ollama, openrouter"),
        ("/admin/api-keys/import-from-txt", json!({}), ""),
        ("/admin/api-keys/import-from-txt", json!({"content": ["key-number-0001"]}), ""),
        ("/admin/api-keys/import-from-txt", json!({"content": "key-number-0001", "dryRun": "yes"}), ""),
        ("/admin/import", json!({"accounts": "key-number-0001"}), ""),
        ("/admin/import", json!({"accounts": ["key-number-0001"], "provider": "all"}), "ollama, openrouter"),
        ("/admin/api-keys/import-with-validation", json!({"keys": ["key-number-0001"]}), ""),
        ("/admin/api-keys/import-with-validation", json!({"content": "key-number-0001", "provider": "nowhere"}), ""),
        ("/admin/api-keys/import-with-validation", json!({"content": "key-number-0001", "probe": "guess"}), ""),
    ] {
        refused(app.admin().post(path, &body), 400, "bad_request", says);
    }
    assert!(listed(&app.admin(), "?provider=all").is_empty() && app.upstream.requests().is_empty());
}

/// An upstream where one key is refused, one says nothing, and the others may use different models.
fn choosy() -> TestApp {
    let app = TestApp::builder().start();
    let models = |names: &[&str]| {
        let models: Vec<_> = names.iter().map(|name| json!({"name": name, "model": name})).collect();
        Answer::json(200, &json!({"models": models}))
    };
    for (key, answer) in [
        ("new-key-kimi-0001", models(&["kimi-k2:1t", "gpt-oss:20b"])),
        ("new-key-both-0002", models(&["qwen3:8b", "llama3:8b"])),
        ("new-key-none-0003", models(&[])),
        ("new-key-bad1-0004", Answer::status(401)),
        ("new-key-odd1-0005", Answer::status(500)),
    ] {
        app.upstream.key(key).path("/api/tags").always(answer);
    }
    add(&app, "before", "old-key-0006");
    app
}

const CHOSEN: &str = "new-key-kimi-0001\n\nnew-key-bad1-0004\nnew-key-both-0002\nnew-key-odd1-0005\n\
    new-key-none-0003\nold-key-0006\nnew-key-kimi-0001\ntwo words\n# new-key-0009";

#[test]
fn a_validated_import_adds_what_its_provider_accepts_and_classes_it() {
    let app = choosy();
    let path = "/admin/api-keys/import-with-validation";
    let report = app.admin().post(path, &json!({"content": CHOSEN})).expect(200).json();
    assert_eq!(
        results(&report),
        ["added", "skipped", "invalid", "added", "unknown", "added", "existing", "duplicate", "refused", "skipped"]
    );
    let keys = |list: &str| -> Vec<(Value, Value)> {
        let list = report[list].as_array().expect("a list").iter();
        list.map(|key| (key["key"].clone(), key.get("category").or(key.get("line")).cloned().unwrap_or_default()))
            .collect()
    };
    assert_eq!(report["total"], 6);
    assert_eq!(
        keys("valid"),
        [("****0001", "kimi"), ("****0002", "general"), ("****0003", "unclassified")]
            .map(|(k, c)| (json!(k), json!(c)))
    );
    assert_eq!(keys("invalid"), [(json!("****0004"), json!(3))]);
    assert_eq!(keys("unknown"), [(json!("****0005"), json!(5))]);
    let categories: Vec<_> = report["categories"].as_object().expect("categories").keys().cloned().collect();
    assert_eq!(categories, ["general", "kimi", "unclassified"]);
    assert_eq!(report["valid"][0]["addedAt"], "2026-01-01T12:00:00.000Z");
    assert_eq!(listed(&app.admin(), "").len(), 4);
    for (filter, last4) in [("class=kimi", "****0001"), ("class=general", "****0002"), ("verdict=never", "****0006")] {
        let found = listed(&app.admin(), &format!("?{filter}"));
        assert_eq!(found.len(), 1, "{filter}");
        assert_eq!(found[0]["api_key"], last4, "{filter}");
    }
    assert!(!app.upstream.keys_used().contains(&"old-key-0006".to_owned()), "of a known key nobody is asked");
    app.client().chat("hi").send().expect(200);
}

#[test]
fn a_validated_import_as_a_job_comes_to_the_same() {
    let at_once = choosy();
    let path = "/admin/api-keys/import-with-validation";
    let report = at_once.admin().post(path, &json!({"content": CHOSEN})).expect(200).json();
    let app = choosy();
    let job = job_made(app.admin().post(path, &json!({"content": CHOSEN, "async": true})));
    let done = job_done(&app.admin(), &job);
    assert_eq!(
        done["results"],
        json!({"added": 3, "duplicate": 1, "existing": 1, "invalid": 1, "refused": 1, "skipped": 2, "unknown": 1})
    );
    assert_eq!((&done["kind"], &done["provider"]), (&json!("import"), &json!("ollama")));
    let items = job_items(&app.admin(), &job, "");
    for (item, line) in items.iter().zip(report["report"].as_array().expect("a report")) {
        assert_eq!(item["number"], line["line"]);
        assert_eq!(item["result"], line["result"], "{item} {line}");
        assert_eq!(item["id"].is_string(), line.get("id").is_some(), "{item} {line}");
        let why = &item["detail"]["message"];
        assert_eq!(why.as_str(), line.get("error").and_then(Value::as_str), "{item} {line}");
        let last4 = match item["result"].as_str() {
            Some("invalid") => json!("0004"),
            Some("unknown") => json!("0005"),
            _ => continue,
        };
        assert_eq!(item["detail"]["last4"], last4, "so that an admin knows which");
    }
    let facts = |app: &TestApp| -> Vec<Value> {
        let mut keys = listed(&app.admin(), "");
        keys.sort_by_key(|key| key["api_key"].to_string());
        keys.iter().map(|key| json!([key["api_key"], key["username"], key["class"], key["check_verdict"]])).collect()
    };
    assert_eq!(facts(&app), facts(&at_once));
    app.client().chat("hi").send().expect(200);
}

#[test]
fn keys_of_which_nothing_is_said_are_added_where_that_is_asked_for() {
    for is_async in [false, true] {
        let app = choosy();
        let body = json!({"content": CHOSEN, "addUnknown": true, "async": is_async});
        let reply = app.admin().post("/admin/api-keys/import-with-validation", &body);
        if is_async {
            job_done(&app.admin(), &job_made(reply));
        } else {
            assert_eq!(reply.expect(200).json()["valid"].as_array().map(Vec::len), Some(4));
        }
        let unknown = listed(&app.admin(), "?verdict=unknown");
        assert_eq!(unknown.len(), 1);
        assert_eq!((&unknown[0]["api_key"], &unknown[0]["status"]), (&json!("****0005"), &json!("active")));
    }
}

#[test]
fn many_keys_to_be_validated_are_a_jobs_affair() {
    let app = TestApp::builder().start();
    let lines = |number: usize| (0..number).map(|n| format!("new-key-{n:04}")).collect::<Vec<_>>().join("\n");
    let import = |number| {
        let body = json!({"content": lines(number)});
        app.admin().post("/admin/api-keys/import-with-validation", &body)
    };
    assert_eq!(import(20).expect(200).json()["valid"].as_array().map(Vec::len), Some(20));
    let path = job_made(import(21));
    assert_eq!(job_done(&app.admin(), &path)["results"], json!({"added": 1, "existing": 20}));
    let nothing = app.admin().post("/admin/api-keys/import-with-validation", &json!({"content": ""})).expect(200);
    assert_eq!(nothing.json()["total"], 0);
}
