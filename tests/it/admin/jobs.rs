//! `/admin/jobs` and `/admin/api-keys/bulk`: long work, from its being asked for to its end.

use serde_json::{Value, json};

use super::{add, listed, refused};
use crate::support::{Answer, Role, TestApp, job_done, job_items, job_made, job_when};

/// Adds keys `upstream-key-0000`, … and gives their ids.
fn add_keys(app: &TestApp, number: usize) -> Vec<String> {
    let keys: Vec<_> = (0..number).map(|n| format!("upstream-key-{n:04}")).collect();
    let report = app.admin().post("/admin/api-keys/import", &json!({"keys": keys})).expect(200).json();
    let ids = report["report"].as_array().expect("a report").iter();
    ids.map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
}

#[track_caller]
fn bulk(app: &TestApp, body: &Value) -> String {
    job_made(app.admin().post("/admin/api-keys/bulk", body))
}

#[track_caller]
fn health_check(app: &TestApp) -> String {
    job_made(app.admin().post("/admin/keys/health-check", &json!({"async": true})))
}

fn ask_at_once(admin: &Role, number: u64) {
    admin.call("PATCH", "/admin/settings").json(&json!({"jobs.checks_at_once": number})).send().expect(200);
}

#[track_caller]
fn cancel(app: &TestApp, path: &str) -> Value {
    app.admin().post(&format!("{path}/cancel"), &json!({})).expect(200).json()
}

#[test]
fn a_job_tells_how_far_it_is_and_what_came_of_each_key() {
    let app = TestApp::builder().start();
    let ids = add_keys(&app, 5);
    ask_at_once(&app.admin(), 2);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    app.upstream.key("upstream-key-0001").path("/api/tags").always(Answer::status(401).held_by(&gate));
    let path = health_check(&app);
    app.upstream.request(1);
    let job = app.admin().get(&path).expect(200).json();
    assert_eq!((&job["state"], &job["total"], &job["done"]), (&json!("running"), &json!(5), &json!(0)), "{job}");
    assert_eq!((&job["started_at"].is_null(), &job["startedAt"]), (&true, &json!("2026-01-01T12:00:00.000Z")));
    assert_eq!(job_items(&app.admin(), &path, "pending").len(), 5);
    gate.release();
    job_when(&app.admin(), &path, |job| job["done"] == 1);
    assert_eq!(job_items(&app.admin(), &path, "pending").len(), 4);
    gate.open();
    let job = job_done(&app.admin(), &path);
    assert_eq!(job["results"], json!({"invalid": 1, "valid": 4}));
    assert_eq!(job["task"], json!({"do": "check", "by_chat": false}));
    assert_eq!(job["endedAt"], "2026-01-01T12:00:00.000Z");

    let items = job_items(&app.admin(), &path, "");
    let numbers: Vec<_> = items.iter().filter_map(|item| item["number"].as_u64()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let invalid = job_items(&app.admin(), &path, "invalid");
    assert_eq!(invalid.len(), 1);
    assert_eq!((&invalid[0]["id"], &invalid[0]["apiKey"]), (&json!(ids[1]), &json!("****0001")));
    assert_eq!(invalid[0]["detail"]["status"], 401);
    for (query, page, pages, shown) in [
        ("pageSize=2", 1, 3, 2),
        ("pageSize=2&page=3", 3, 3, 1),
        ("pageSize=2&page=9", 3, 3, 1),
        ("result=odd", 1, 1, 0),
    ] {
        let list = app.admin().get(&format!("{path}/items?{query}")).expect(200).json();
        assert_eq!((&list["page"], &list["totalPages"]), (&json!(page), &json!(pages)), "{query}");
        assert_eq!(list["items"].as_array().map(Vec::len), Some(shown), "{query}");
    }
    assert_eq!(app.upstream.requests().len(), 5, "every key was asked about once");
}

#[test]
fn jobs_are_listed_newest_first_and_deleted_when_they_are_over() {
    let app = TestApp::builder().start();
    add_keys(&app, 2);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let first = bulk(&app, &json!({"action": "enable", "filter": {}}));
    job_done(&app.admin(), &first);
    app.clock.advance(std::time::Duration::from_secs(1));
    let second = health_check(&app);
    let paths = || -> Vec<String> {
        let list = app.admin().get("/admin/jobs").expect(200).json();
        let jobs = list["jobs"].as_array().expect("a list").iter();
        jobs.map(|job| format!("/admin/jobs/{}", job["id"].as_str().expect("an id"))).collect()
    };
    assert_eq!(paths(), [second.clone(), first.clone()]);
    let page = app.admin().get("/admin/jobs?pageSize=1&page=2").expect(200).json();
    assert_eq!((&page["total"], &page["totalPages"], &page["jobs"][0]["kind"]), (&json!(2), &json!(2), &json!("edit")));

    refused(app.admin().delete(&second, &json!({})), 409, "conflict", "cancel it first");
    app.upstream.request(1);
    gate.open();
    job_done(&app.admin(), &second);
    refused(app.admin().post(&format!("{second}/cancel"), &json!({})), 409, "conflict", "over already: done");
    assert_eq!(app.admin().delete(&second, &json!({})).expect(200).json(), json!({"success": true}));
    assert_eq!(paths(), [first]);
    for reply in [
        app.admin().get(&second),
        app.admin().get(&format!("{second}/items")),
        app.admin().post(&format!("{second}/cancel"), &json!({})),
        app.admin().delete(&second, &json!({})),
        app.admin().get("/admin/jobs/no-id"),
    ] {
        refused(reply, 404, "not_found", "no such job");
    }
    for query in ["page=0", "pageSize=0", "pageSize=201", "page=x"] {
        refused(app.admin().get(&format!("/admin/jobs?{query}")), 400, "bad_request", "");
    }
}

#[test]
fn a_cancelled_job_asks_nobody_more_and_what_is_done_stays_done() {
    let app = TestApp::builder().start();
    add_keys(&app, 30);
    ask_at_once(&app.admin(), 4);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let path = health_check(&app);
    for n in 0..6 {
        app.upstream.request(n + 3);
        gate.release();
    }
    job_when(&app.admin(), &path, |job| job["done"] == 6);
    app.upstream.request(9);
    let job = cancel(&app, &path);
    assert_eq!((&job["state"], &job["done"]), (&json!("cancelled"), &json!(6)));
    // Four answers are held back, and none of them is waited for any more.
    app.upstream.idle();
    gate.open();
    // Whoever is asked now comes after whatever the job would still have asked.
    app.admin().post("/admin/verify-key", &json!({"apiKey": "another-key-0001"})).expect(200);
    assert_eq!(app.upstream.requests().len(), 11);
    let job = app.admin().get(&path).expect(200).json();
    assert_eq!((&job["state"], &job["done"], &job["results"]), (&json!("cancelled"), &json!(6), &json!({"valid": 6})));
    assert_eq!(listed(&app.admin(), "?verdict=valid").len(), 6);
    assert_eq!(job_items(&app.admin(), &path, "pending").len(), 24);
    app.admin().delete(&path, &json!({})).expect(200);
}

#[test]
fn of_a_cancelled_import_no_secret_is_left() {
    let app = TestApp::builder().start();
    ask_at_once(&app.admin(), 1);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let lines: Vec<_> = (0..8).map(|n| format!("new-key-{n:04}")).collect();
    let import = json!({"content": lines.join("\n"), "async": true});
    let path = job_made(app.admin().post("/admin/api-keys/import-with-validation", &import));
    let sealed = || -> u32 {
        #[expect(clippy::disallowed_methods, reason = "no route tells what is in the database")]
        let database = rusqlite::Connection::open(app.data_dir().join("pool.db")).expect("open the database");
        let count = "SELECT count(*) FROM job_items WHERE secret_ciphertext IS NOT NULL";
        database.query_row(count, [], |row| row.get(0)).expect("a count")
    };
    gate.release();
    job_when(&app.admin(), &path, |job| job["done"] == 1);
    assert_eq!(sealed(), 7, "a key that is decided is needed no more");
    cancel(&app, &path);
    assert_eq!(sealed(), 0);
    assert_eq!(listed(&app.admin(), "").len(), 1, "the one that was added stays");
    assert_eq!(job_items(&app.admin(), &path, "added").len(), 1);
    gate.open();
}

#[test]
fn many_keys_are_edited_and_the_pool_follows() {
    let app = TestApp::builder().start();
    let ids = add_keys(&app, 1_200);
    let client = app.client();
    let status = || client.chat("hi").send().status;
    let edits = [
        (json!({"action": "disable", "duration": 0, "ids": ids}), 503, "disabled"),
        (json!({"action": "enable", "filter": {"status": "disabled"}}), 200, "active"),
        (json!({"action": "expire", "ttl": 1, "filter": {"provider": "ollama"}}), 503, "expired"),
        (json!({"action": "expire", "ttl": 0, "ids": ids}), 200, "active"),
        (json!({"action": "relabel", "username": "all alike", "filter": {}}), 200, "active"),
        (json!({"action": "disable", "filter": {"search": "all alike"}}), 503, "disabled"),
        (json!({"action": "delete", "filter": {"createdBefore": "2026-01-02T00:00:00Z"}}), 503, ""),
    ];
    for (body, answer, as_listed) in edits {
        let job = job_done(&app.admin(), &bulk(&app, &body));
        assert_eq!((&job["total"], &job["results"]), (&json!(1_200), &json!({"done": 1_200})), "{body}");
        if body["ttl"] == 1 {
            app.clock.advance(std::time::Duration::from_secs(1));
        }
        assert_eq!(status(), answer, "{body}");
        let total =
            |query: &str| app.admin().get(&format!("/admin/api-keys?{query}")).expect(200).json()["total"].clone();
        if as_listed.is_empty() {
            assert_eq!(total(""), 0, "{body}");
        } else {
            assert_eq!(total(&format!("status={as_listed}")), 1_200, "{body}");
        }
    }
    let log = app.admin().get("/admin/audit-log?action=api_key.edit").expect(200).json();
    let edited = log["entries"].as_array().expect("entries");
    assert_eq!(edited.len(), 9, "three edits in parts of five hundred");
    let made = app.admin().get("/admin/audit-log?action=job.add").expect(200).json();
    let made = made["entries"].as_array().expect("entries");
    for entry in edited {
        assert_eq!((&entry["actor"], &entry["clientAddress"]), (&json!("admin"), &json!("127.0.0.1")), "{entry}");
        let job = made.iter().find(|job| job["requestId"] == entry["requestId"]).expect("who asked for it");
        assert_eq!(job["after"]["task"]["do"], "amend");
        let number = entry["after"]["ids"].as_array().expect("ids").len();
        assert_eq!(entry["after"]["count"], number);
    }
}

#[test]
fn a_task_is_told_in_words_and_moments() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    for (body, task) in [
        (json!({"action": "enable"}), json!({"do": "enable"})),
        (json!({"action": "disable"}), json!({"do": "disable", "until": "2026-01-01T13:00:00.000Z"})),
        (json!({"action": "disable", "duration": 0}), json!({"do": "disable", "until": null})),
        (json!({"action": "relabel", "username": " Ada "}), json!({"do": "amend", "label": "Ada"})),
        (json!({"action": "expire", "ttl": 60}), json!({"do": "amend", "expires_at": "2026-01-01T12:01:00.000Z"})),
        (json!({"action": "expire", "ttl": 0}), json!({"do": "amend", "expires_at": null})),
        (json!({"action": "check", "probe": "chat"}), json!({"do": "check", "by_chat": true})),
        (json!({"action": "delete"}), json!({"do": "delete"})),
    ] {
        let mut body = body;
        body["filter"] = json!({});
        let path = bulk(&app, &body);
        assert_eq!(job_done(&app.admin(), &path)["task"], task, "{body}");
    }
    assert!(listed(&app.admin(), "").is_empty());
}

#[test]
fn what_cannot_be_done_in_bulk_is_refused_and_makes_no_job() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let id = listed(&app.admin(), "")[0]["id"].clone();
    for (body, says) in [
        (json!({}), ""),
        (json!({"action": "burn", "ids": [id]}), ""),
        (json!({"action": "enable"}), "either"),
        (json!({"action": "enable", "ids": [id], "filter": {}}), "either"),
        (json!({"action": "enable", "ids": []}), "1 to 200000"),
        (json!({"action": "enable", "ids": [id, "upstream-key-0001"]}), "Number 2"),
        (json!({"action": "relabel", "ids": [id]}), "username"),
        (json!({"action": "relabel", "ids": [id], "username": "a\nb"}), "username"),
        (json!({"action": "expire", "ids": [id]}), "ttl"),
        (json!({"action": "expire", "ids": [id], "ttl": -1}), "ttl"),
        (json!({"action": "disable", "ids": [id], "duration": -1}), "duration"),
        (json!({"action": "enable", "filter": {"provider": "nowhere"}}), "ollama, openrouter"),
        (json!({"action": "enable", "filter": {"createdBefore": "soon"}}), "createdBefore"),
        (json!({"action": "enable", "filter": {"class": "gpt"}}), ""),
    ] {
        refused(app.admin().post("/admin/api-keys/bulk", &body), 400, "bad_request", says);
    }
    assert_eq!(app.admin().get("/admin/jobs").expect(200).json()["total"], 0);
    let nothing = bulk(&app, &json!({"action": "delete", "filter": {"status": "failed"}}));
    assert_eq!(job_done(&app.admin(), &nothing)["total"], 0, "nothing matches, and that is no fault");
    assert_eq!(listed(&app.admin(), "").len(), 1);
}

#[test]
fn keys_that_are_not_there_are_told_as_such() {
    let app = TestApp::builder().start();
    let ids = add_keys(&app, 3);
    app.admin().delete("/admin/api-keys", &json!({"apiKey": ids[1]})).expect(200);
    let unknown = "019a0000-0000-7000-8000-000000000000";
    let mut wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    wanted.extend([unknown, ids[0].as_str()]);
    let path = bulk(&app, &json!({"action": "disable", "ids": wanted}));
    let job = job_done(&app.admin(), &path);
    assert_eq!(
        (&job["total"], &job["results"]),
        (&json!(4), &json!({"done": 2, "not_found": 2})),
        "named twice is once"
    );
    let missing: Vec<_> = job_items(&app.admin(), &path, "not_found").iter().map(|item| item["id"].clone()).collect();
    assert_eq!(missing, [json!(ids[1]), json!(unknown)]);
    let path = bulk(&app, &json!({"action": "check", "ids": wanted}));
    assert_eq!(job_done(&app.admin(), &path)["results"], json!({"valid": 2, "not_found": 2}));
}

#[test]
fn a_key_that_is_deleted_while_a_job_runs_is_not_found_by_it() {
    let app = TestApp::builder().start();
    let ids = add_keys(&app, 3);
    ask_at_once(&app.admin(), 1);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let path = bulk(&app, &json!({"action": "check", "ids": ids}));
    app.upstream.request(0);
    for id in &ids[..2] {
        app.admin().delete("/admin/api-keys", &json!({"apiKey": id})).expect(200);
    }
    gate.open();
    let job = job_done(&app.admin(), &path);
    assert_eq!(job["done"], 3);
    let results: Vec<_> = job_items(&app.admin(), &path, "").iter().map(|item| item["result"].clone()).collect();
    assert_eq!(results[1..], [json!("not_found"), json!("valid")], "the second was gone before its turn");
    assert_eq!(listed(&app.admin(), "").len(), 1);
}

#[test]
fn a_short_job_does_not_wait_for_a_long_one() {
    let app = TestApp::builder().start();
    add_keys(&app, 10);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let long = health_check(&app);
    app.upstream.request(0);
    let short = bulk(&app, &json!({"action": "relabel", "username": "short", "filter": {}}));
    assert_eq!(job_done(&app.admin(), &short)["done"], 10);
    assert_eq!(app.admin().get(&long).expect(200).json()["state"], "running");
    gate.open();
    assert_eq!(job_done(&app.admin(), &long)["results"], json!({"valid": 10}));
}

#[test]
fn more_jobs_than_run_at_a_time_all_come_to_their_end() {
    let app = TestApp::builder().start();
    add_keys(&app, 2);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let paths: Vec<_> = (0..7).map(|_| health_check(&app)).collect();
    let cancelled = cancel(&app, &paths[6]);
    assert_eq!(cancelled["state"], "cancelled", "a job that waits for its turn can be cancelled");
    gate.open();
    for path in &paths[..6] {
        assert_eq!(job_done(&app.admin(), path)["results"], json!({"valid": 2}));
    }
    assert_eq!(app.admin().get(&paths[6]).expect(200).json()["done"], 0);
}

#[test]
fn an_upstream_is_never_asked_more_at_once_than_allowed() {
    let app = TestApp::builder().start();
    add_keys(&app, 40);
    ask_at_once(&app.admin(), 3);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let jobs = [health_check(&app), health_check(&app)];
    app.upstream.request(2);
    let by_hand: Vec<_> = (0..5)
        .map(|n| {
            let body = json!({"apiKey": format!("other-key-000{n}")});
            app.admin().call("POST", "/admin/verify-key").json(&body).start()
        })
        .collect();
    for n in 3..60 {
        gate.release();
        app.upstream.request(n);
    }
    assert_eq!(app.upstream.most_at_once(), 3);
    ask_at_once(&app.admin(), 7);
    for n in 60..64 {
        // One that is answered lets in all that now have room.
        gate.release();
        app.upstream.request(n);
    }
    app.upstream.request(67);
    gate.open();
    for path in &jobs {
        assert_eq!(job_done(&app.admin(), path)["results"], json!({"valid": 40}));
    }
    for pending in by_hand {
        assert_eq!(pending.head().expect("an answer").status, 200);
    }
    assert_eq!((app.upstream.most_at_once(), app.upstream.requests().len()), (7, 85));
}

#[test]
fn a_job_goes_on_where_it_was_after_a_graceful_restart() {
    let mut app = TestApp::builder().start();
    add_keys(&app, 12);
    ask_at_once(&app.admin(), 2);
    let gate = app.upstream.gate();
    app.upstream.any_key().path("/api/tags").always(Answer::json(200, &json!({"models": []})).held_by(&gate));
    let path = health_check(&app);
    for _ in 0..5 {
        gate.release();
    }
    job_when(&app.admin(), &path, |job| job["done"] == 5);
    app.upstream.request(6);
    app.restart();
    gate.open();
    assert_eq!(job_done(&app.admin(), &path)["results"], json!({"valid": 12}));
    assert_eq!(app.upstream.requests().len(), 14, "only the two that were under way are asked about again");
}

#[test]
fn jobs_are_for_admins() {
    let app = TestApp::builder().start();
    let path = bulk(&app, &json!({"action": "enable", "filter": {}}));
    for (method, path) in [
        ("GET", "/admin/jobs".to_owned()),
        ("GET", path.clone()),
        ("GET", format!("{path}/items")),
        ("POST", format!("{path}/cancel")),
        ("DELETE", path),
        ("POST", "/admin/api-keys/bulk".to_owned()),
        ("POST", "/admin/keys/health-check".to_owned()),
        ("POST", "/admin/verify-key".to_owned()),
    ] {
        assert_eq!(app.anon().call(method, &path).send().status, 401, "{method} {path}");
    }
    add(&app, "a client", "upstream-key-0001");
}
