//! `/admin/api-keys`: adding, listing and deleting.

use std::time::Duration;

use serde_json::{Value, json};

use super::{add, listed, names, only_key, refused};
use crate::support::{Answer, Reply, TestApp};

#[test]
fn a_key_is_added_listed_used_and_gone_when_deleted() {
    let app = TestApp::builder().start();
    let body = json!({"username": "Ada", "api_key": " upstream-key-wxyz \n", "ttl": 3_600});
    let added = app.admin().post("/admin/api-keys", &body).expect(200).json();
    assert_eq!((&added["success"], &added["message"]), (&json!(true), &json!("Added")));
    let key = only_key(&app.admin());
    assert_eq!(key["id"], added["id"]);
    assert_eq!(key["api_key"], "****wxyz");
    assert_eq!(
        (&key["username"], &key["provider"], &key["status"]),
        (&json!("Ada"), &json!("ollama"), &json!("active"))
    );
    assert_eq!(
        (&key["created_at"], &key["expires_at"]),
        (&json!("2026-01-01T12:00:00.000Z"), &json!("2026-01-01T13:00:00.000Z"),)
    );
    let client = app.client();
    client.chat("hi").send().expect(200);
    assert_eq!(app.upstream.keys_used(), ["upstream-key-wxyz"], "the key goes upstream without the white space");

    app.admin().delete("/admin/api-keys", &json!({"apiKey": "upstream-key-wxyz"})).expect(200);
    assert!(listed(&app.admin(), "").is_empty());
    assert_eq!(client.chat("hi").send().status, 503);
    assert_eq!(app.upstream.requests().len(), 1, "a deleted key is used no more");
}

#[test]
fn both_names_of_the_key_and_of_the_provider_are_understood() {
    let app = TestApp::builder().start();
    let add = |path: &str, body: Value| app.admin().post(path, &body).expect(200).json()["success"].clone();
    assert_eq!(add("/admin/api-keys", json!({"api_key": "key-number-0001"})), true);
    assert_eq!(add("/admin/api-keys", json!({"apiKey": "key-number-0002"})), true);
    assert_eq!(add("/admin/api-keys", json!({"api_key": "key-number-0003", "apiKey": "key-number-0004"})), true);
    assert_eq!(add("/admin/api-keys?provider=openrouter", json!({"api_key": "key-number-0005"})), true);
    assert_eq!(
        add("/admin/api-keys?provider=openrouter", json!({"api_key": "key-number-0006", "provider": "Ollama "})),
        true
    );
    let last4 = |query: &str| -> Vec<String> {
        listed(&app.admin(), query)
            .iter()
            .filter_map(|k| k["api_key"].as_str().map(|k| k.replace("****", "")))
            .collect()
    };
    let mut ollama = last4("");
    ollama.sort();
    assert_eq!(ollama, ["0001", "0002", "0003", "0006"]);
    assert_eq!(last4("?provider=openrouter"), ["0005"]);
}

#[test]
fn a_key_is_added_once_for_each_provider() {
    let app = TestApp::builder().start();
    let id = add(&app, "first", "upstream-key-0001");
    for body in
        [json!({"api_key": "upstream-key-0001"}), json!({"api_key": " upstream-key-0001 ", "username": "second"})]
    {
        let again = app.admin().post("/admin/api-keys", &body).expect(200).json();
        assert_eq!(again, json!({"success": false, "message": "Already exists", "id": id}));
    }
    assert_eq!(only_key(&app.admin())["username"], "first");
    let elsewhere = json!({"api_key": "upstream-key-0001", "provider": "openrouter"});
    assert_eq!(app.admin().post("/admin/api-keys", &elsewhere).expect(200).json()["success"], true);
    app.admin().delete("/admin/api-keys", &json!({"apiKey": "upstream-key-0001"})).expect(200);
    assert_eq!(listed(&app.admin(), "?provider=openrouter").len(), 1, "a delete stays with its provider");
    let back = app.admin().post("/admin/api-keys", &json!({"api_key": "upstream-key-0001"})).expect(200).json();
    assert_eq!(back["success"], true, "a deleted key can come back");
    assert_ne!(back["id"], json!(id));
}

#[test]
fn what_cannot_be_a_key_is_refused() {
    let app = TestApp::builder().start();
    let cases = [
        (json!({}), "API Key is required"),
        (json!({"username": "x"}), "API Key is required"),
        (json!({"api_key": ""}), "empty"),
        (json!({"api_key": " \n"}), "empty"),
        (json!({"api_key": "two words"}), "space"),
        (json!({"api_key": "line\r\nx-injected: 1"}), "space"),
        (json!({"api_key": "schlüssel-0001"}), "character"),
        (json!({"api_key": "nul\u{0}-key-0001"}), "character"),
        (json!({"api_key": "k".repeat(513)}), "512"),
        (json!({"api_key": "upstream-key-0001", "ttl": -1}), "ttl"),
        (json!({"api_key": "upstream-key-0001", "ttl": 9_999_999_999_i64}), "ttl"),
        (json!({"api_key": "upstream-key-0001", "username": "n".repeat(201)}), "username"),
        (json!({"api_key": "upstream-key-0001", "username": "a\nb"}), "username"),
        (json!({"api_key": "upstream-key-0001", "provider": "nowhere"}), "ollama, openrouter"),
        (json!({"api_key": "upstream-key-0001", "provider": ""}), "ollama, openrouter"),
        (json!({"api_key": "upstream-key-0001", "provider": "all"}), "ollama, openrouter"),
    ];
    for (body, says) in cases {
        refused(app.admin().post("/admin/api-keys", &body), 400, "bad_request", says);
    }
    assert!(listed(&app.admin(), "").is_empty());
}

#[test]
fn a_key_expires_when_its_life_is_over() {
    let app = TestApp::builder().start();
    for (key, ttl) in [("key-for-ever-0001", 0), ("key-short-0002", 60)] {
        app.admin().post("/admin/api-keys", &json!({"api_key": key, "ttl": ttl, "username": key})).expect(200);
    }
    app.clock.advance(Duration::from_mins(1));
    let client = app.client();
    for _ in 0..4 {
        client.chat("hi").send().expect(200);
    }
    assert_eq!(app.upstream.keys_used(), ["key-for-ever-0001"; 4]);
    assert_eq!(names(&listed(&app.admin(), "?status=expired")), ["key-short-0002"]);
    assert_eq!(names(&listed(&app.admin(), "?status=active")), ["key-for-ever-0001"]);
}

#[test]
fn lists_come_in_pages_newest_first() {
    let app = TestApp::builder().start();
    for n in 1..=7 {
        add(&app, &format!("n{n}"), &format!("upstream-key-000{n}"));
        app.clock.advance(Duration::from_secs(1));
    }
    for (query, page, size, pages, expected) in [
        ("", 1, 50, 1, "n7 n6 n5 n4 n3 n2 n1"),
        ("?pageSize=3", 1, 3, 3, "n7 n6 n5"),
        ("?page=2&pageSize=3", 2, 3, 3, "n4 n3 n2"),
        ("?page=3&pageSize=3", 3, 3, 3, "n1"),
        ("?page=99&pageSize=3", 3, 3, 3, "n1"),
        ("?page=4294967295&pageSize=1", 7, 1, 7, "n1"),
        ("?pageSize=200", 1, 200, 1, "n7 n6 n5 n4 n3 n2 n1"),
        ("?fetch=all", 1, 7, 1, "n7 n6 n5 n4 n3 n2 n1"),
        ("?fetch=all&page=2&pageSize=3", 1, 7, 1, "n7 n6 n5 n4 n3 n2 n1"),
    ] {
        let answer = app.admin().get(&format!("/admin/api-keys{query}")).expect(200).json();
        let shown = names(answer["api_keys"].as_array().expect("a list")).join(" ");
        let numbers = (&answer["page"], &answer["pageSize"], &answer["totalPages"], &answer["total"]);
        assert_eq!(shown, expected, "{query}");
        assert_eq!(numbers, (&json!(page), &json!(size), &json!(pages), &json!(7)), "{query}");
    }
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "page=1.5",
        "page=4294967296",
        "pageSize=0",
        "pageSize=201",
        "fetch=some",
        "status=broken",
        "provider=nowhere",
    ] {
        refused(app.admin().get(&format!("/admin/api-keys?{query}")), 400, "bad_request", "");
    }
}

#[test]
fn an_empty_list_is_one_empty_page() {
    let app = TestApp::builder().start();
    let answer = app.admin().get("/admin/api-keys").expect(200).json();
    assert_eq!(answer, json!({"api_keys": [], "total": 0, "page": 1, "pageSize": 50, "totalPages": 1}));
    let answer = app.admin().get("/admin/api-keys?fetch=all&status=failed").expect(200).json();
    assert_eq!((&answer["total"], &answer["totalPages"]), (&json!(0), &json!(1)));
}

#[test]
fn a_search_finds_labels_last_characters_and_whole_keys() {
    let app = TestApp::builder().start();
    for (label, key) in
        [("Ada Lovelace", "upstream-key-AbCd"), ("Grace", "upstream-key-zzzz"), ("100%_sure", "short-key")]
    {
        add(&app, label, key);
    }
    for (search, expected) in [
        ("ada", "Ada Lovelace"),
        ("LOVE", "Ada Lovelace"),
        ("abcd", "Ada Lovelace"),
        ("zzzz", "Grace"),
        ("upstream-key-zzzz", "Grace"),
        ("short-key", "100%25_sure"),
        ("%25", "100%25_sure"),
        ("_", "100%25_sure"),
        ("upstream", ""),
        ("key-zzzz", ""),
        ("zzz", ""),
        ("-key", ""),
        ("'+OR+1=1", ""),
    ] {
        let found = listed(&app.admin(), &format!("?search={search}"));
        assert_eq!(names(&found).join(" ").replace('%', "%25"), expected, "{search}");
    }
    assert_eq!(listed(&app.admin(), "?search=%20").len(), 3, "a blank search looks for nothing in particular");
    assert!(listed(&app.admin(), "?search=ada&status=failed").is_empty());
}

#[test]
fn keys_are_deleted_by_id_by_themselves_and_in_the_path() {
    let app = TestApp::builder().start();
    let ids: Vec<String> = (1..=6).map(|n| add(&app, &format!("n{n}"), &format!("upstream/key+{n}=&?"))).collect();
    let answer = app.admin().delete("/admin/api-keys", &json!({"apiKey": ids[0]})).expect(200).json();
    assert_eq!(answer, json!({"success": true, "deleted": 1, "failed": 0, "total": 1}));
    let many = json!({"apiKeys": [ids[1], "upstream/key+3=&?", "never-there-0001", ids[1]]});
    let answer = app.admin().delete("/admin/api-keys", &many).expect(200).json();
    assert_eq!(answer, json!({"success": true, "deleted": 2, "failed": 2, "total": 4}));
    app.admin().call("DELETE", &format!("/admin/api-keys/{}", ids[3])).send().expect(200);
    app.admin().call("DELETE", "/admin/api-keys/upstream%2Fkey%2B5%3D%26%3F").send().expect(200);
    assert_eq!(only_key(&app.admin())["username"], "n6");
    let elsewhere = format!("/admin/api-keys/{}?provider=openrouter", ids[5]);
    refused(app.admin().call("DELETE", &elsewhere).send(), 404, "not_found", "no such API key");
    refused(app.admin().call("DELETE", &format!("/admin/api-keys/{}", ids[0])).send(), 404, "not_found", "no such");
    let nothing = app.admin().delete("/admin/api-keys", &json!({"apiKey": "never-there-0001"})).expect(200).json();
    assert_eq!(nothing, json!({"success": false, "deleted": 0, "failed": 1, "total": 1}));
    for (body, says) in [
        (json!({}), "Missing apiKey or apiKeys"),
        (json!({"apiKeys": []}), "1 to 10000"),
        (json!({"apiKey": ids[5], "apiKeys": [ids[5]]}), "either"),
        (json!({"apiKey": ""}), "empty"),
        (json!({"apiKeys": [ids[5], "two words"]}), "space"),
        (json!({"apiKey": ids[5], "provider": "nowhere"}), "openrouter"),
    ] {
        refused(app.admin().delete("/admin/api-keys", &body), 400, "bad_request", says);
    }
    assert_eq!(only_key(&app.admin())["username"], "n6", "a list with one impossible key deletes none");
}

#[test]
fn what_was_added_and_deleted_is_so_after_a_restart() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001", "upstream-key-0002"]).start();
    let client = app.client();
    app.admin().delete("/admin/api-keys", &json!({"apiKey": "upstream-key-0001"})).expect(200);
    app.restart();
    for _ in 0..3 {
        app.bearer(client.token()).chat("hi").send().expect(200);
    }
    assert_eq!(app.upstream.keys_used(), ["upstream-key-0002"; 3]);
    assert_eq!(only_key(&app.admin())["api_key"], "****0002");
}

/// Five keys that differ in everything that lists are sorted and filtered by.
fn assorted() -> TestApp {
    let app = TestApp::builder().start();
    for (n, (label, ttl)) in
        [("delta", 0), ("Alpha", 9_000), ("charlie", 60), ("bravo", 5_000), ("echo", 0)].iter().enumerate()
    {
        let body = json!({"api_key": format!("upstream-key-000{n}"), "username": label, "ttl": ttl});
        app.admin().post("/admin/api-keys", &body).expect(200);
        app.clock.advance(Duration::from_mins(1));
    }
    app.add_api_key("openrouter", "openrouter-key-0005");
    app.admin().post("/admin/keys/disable", &json!({"apiKey": "upstream-key-0004", "duration": 0})).expect(200);
    // Of delta, Alpha and bravo: three chats each, of which Alpha fails one, and then bravo is at its limit.
    app.upstream.key("upstream-key-0001").path("/chat/completions").plays([Answer::status(401)]);
    let client = app.client();
    for _ in 0..8 {
        client.chat("hi").send().expect(200);
        app.clock.advance(Duration::from_secs(1));
    }
    app.upstream.key("upstream-key-0003").path("/chat/completions").plays([Answer::status(429).retry_after(600)]);
    let mut tries = 0;
    while listed(&app.admin(), "?status=failed").is_empty() {
        client.chat("hi").send().expect(200);
        tries += 1;
        assert!(tries < 9, "everybody has a turn");
    }
    for (key, answer) in [
        ("upstream-key-0000", json!({"models": [{"name": "kimi-k2:1t"}]})),
        ("upstream-key-0001", json!({"models": [{"name": "qwen3:8b"}, {"name": "llama3"}]})),
    ] {
        app.upstream.key(key).path("/api/tags").plays([Answer::json(200, &answer)]);
        app.admin().post("/admin/verify-key", &json!({"apiKey": key})).expect(200);
    }
    app.upstream.key("upstream-key-0004").path("/api/tags").plays([Answer::status(401)]);
    app.admin().post("/admin/verify-key", &json!({"apiKey": "upstream-key-0004"})).expect(200);
    app
}

#[test]
fn lists_are_sorted_by_what_is_asked_for_and_nothing_comes_last() {
    let app = assorted();
    for (query, expected) in [
        ("", "echo bravo charlie Alpha delta"),
        ("sort=created", "echo bravo charlie Alpha delta"),
        ("sort=created&order=asc", "delta Alpha charlie bravo echo"),
        ("order=asc", "delta Alpha charlie bravo echo"),
        ("sort=label&order=asc", "Alpha bravo charlie delta echo"),
        ("sort=label&order=desc", "echo delta charlie bravo Alpha"),
        ("sort=label&order=asc&pageSize=2&page=2", "charlie delta"),
    ] {
        assert_eq!(names(&listed(&app.admin(), &format!("?{query}"))).join(" "), expected, "{query}");
    }
    let column = |query: &str, name: &str| -> Vec<Value> {
        listed(&app.admin(), &format!("?{query}")).iter().map(|key| key[name].clone()).collect()
    };
    let in_order = |query: &str, name: &str, is_before: fn(&Value, &Value) -> bool| {
        let column = column(query, name);
        let known = column.iter().take_while(|value| !value.is_null()).count();
        assert!(column[known..].iter().all(Value::is_null), "{query}: {column:?}");
        assert!(column[..known].is_sorted_by(is_before), "{query}: {column:?}");
    };
    let words = |a: &Value, b: &Value| a.as_str() <= b.as_str();
    let back = |a: &Value, b: &Value| a.as_str() >= b.as_str();
    in_order("sort=expires&order=asc", "expires_at", words);
    in_order("sort=expires&order=desc", "expires_at", back);
    in_order("sort=lastUsed&order=asc", "last_used_at", words);
    in_order("sort=lastUsed&order=desc", "last_used_at", back);
    for name in ["requests", "failures"] {
        in_order(&format!("sort={name}&order=asc"), name, |a, b| a.as_u64() <= b.as_u64());
        in_order(&format!("sort={name}&order=desc"), name, |a, b| a.as_u64() >= b.as_u64());
    }
    let rates = column("sort=successRate&order=desc", "success_rate");
    let unused = column("sort=successRate&order=desc", "requests").iter().filter(|n| **n == 0).count();
    assert!(rates[..5 - unused].is_sorted_by(|a, b| a.as_f64() >= b.as_f64()), "{rates:?}");
    assert_eq!(column("sort=status&order=asc", "status"), ["active", "active", "disabled", "failed", "expired"]);
    for query in ["sort=size", "order=up", "sort=Created", "order="] {
        refused(app.admin().get(&format!("/admin/api-keys?{query}")), 400, "bad_request", "");
    }
}

#[test]
fn lists_are_filtered_by_all_that_is_asked_for_together() {
    let app = assorted();
    for (query, expected) in [
        ("status=active", "Alpha delta"),
        ("status=disabled", "echo"),
        ("status=failed", "bravo"),
        ("status=expired", "charlie"),
        ("class=kimi", "delta"),
        ("class=general", "Alpha"),
        ("class=none", "echo bravo charlie"),
        ("class=qwen", ""),
        ("verdict=valid", "Alpha delta"),
        ("verdict=invalid", "echo"),
        ("verdict=unknown", ""),
        ("verdict=never", "bravo charlie"),
        ("createdSince=2026-01-01T12:02:00Z", "echo bravo charlie"),
        ("createdBefore=2026-01-01T12:02:00Z", "Alpha delta"),
        ("createdSince=2026-01-01T13:01:00%2B01:00&createdBefore=2026-01-01T12:02:00Z", "Alpha"),
        ("status=active&class=kimi&verdict=valid&search=elt", "delta"),
        ("status=active&class=kimi&verdict=invalid", ""),
        ("provider=openrouter", "owner of openrouter-key-0005"),
        ("provider=ALL&search=0005", "owner of openrouter-key-0005"),
        ("provider=all&verdict=never&status=active", "owner of openrouter-key-0005"),
    ] {
        assert_eq!(names(&listed(&app.admin(), &format!("?{query}"))).join(" "), expected, "{query}");
    }
    assert_eq!(listed(&app.admin(), "?provider=all").len(), 6);
    for query in ["class=gpt", "verdict=maybe", "createdSince=yesterday", "createdBefore=2026-13-01T00:00:00Z"] {
        refused(app.admin().get(&format!("/admin/api-keys?{query}")), 400, "bad_request", "");
    }
}

#[test]
fn keys_are_counted_for_each_filter() {
    let app = assorted();
    let counts = app.admin().get("/admin/api-keys/counts").expect(200).json();
    let expected = json!({
        "total": 5,
        "statuses": {"active": 2, "disabled": 1, "failed": 1, "expired": 1},
        "classes": {"kimi": 1, "llama": 0, "qwen": 0, "general": 1, "other": 0, "none": 3},
        "verdicts": {"valid": 2, "invalid": 1, "unknown": 0, "never": 2},
    });
    assert_eq!(counts, expected);
    let total =
        |query: &str| app.admin().get(&format!("/admin/api-keys/counts?{query}")).expect(200).json()["total"].clone();
    assert_eq!((total("provider=openrouter"), total("provider=all")), (json!(1), json!(6)));
    refused(app.admin().get("/admin/api-keys/counts?provider=nowhere"), 400, "bad_request", "no provider");
}

#[test]
fn one_key_is_told_changed_and_revealed() {
    let app = TestApp::builder().start();
    let id = add(&app, "before", "upstream-key-0001");
    let path = format!("/admin/api-keys/{id}");
    assert_eq!(app.admin().get(&path).expect(200).json(), only_key(&app.admin()));
    let patch = |body: &Value| app.admin().call("PATCH", &path).json(body).send();
    let told = |reply: Reply| {
        let key = reply.expect(200).json();
        (key["username"].clone(), key["expires_at"].clone())
    };
    let end = json!("2026-01-01T12:01:00.000Z");
    assert_eq!(told(patch(&json!({"username": " after "}))), (json!("after"), json!(null)));
    assert_eq!(told(patch(&json!({"ttl": 60}))), (json!("after"), end.clone()));
    assert_eq!(told(patch(&json!({"username": "both", "ttl": 0}))), (json!("both"), json!(null)));
    assert_eq!(told(patch(&json!({"username": "", "ttl": 60}))), (json!(""), end));
    for (body, says) in [
        (json!({}), "nothing to change"),
        (json!({"username": null}), "nothing to change"),
        (json!({"username": "fine", "ttl": -1}), "ttl"),
        (json!({"username": "a\nb", "ttl": 0}), "username"),
        (json!({"ttl": "60"}), ""),
    ] {
        refused(patch(&body), 400, "bad_request", says);
        assert_eq!(only_key(&app.admin())["username"], "", "{body}: half a change is none");
    }
    let client = app.client();
    client.chat("hi").send().expect(200);
    app.clock.advance(Duration::from_mins(1));
    client.chat("hi").send().expect(503);
    assert_eq!(told(patch(&json!({"ttl": 0}))), (json!(""), json!(null)));
    client.chat("hi").send().expect(200);

    let revealed = app.admin().post(&format!("{path}/reveal"), &json!({})).expect(200).json();
    assert_eq!(revealed, json!({"id": id, "api_key": "upstream-key-0001"}));
    let log = app.admin().get(&format!("/admin/audit-log?subject={id}")).expect(200).json();
    let actions: Vec<_> =
        log["entries"].as_array().expect("entries").iter().filter_map(|e| e["action"].as_str()).collect();
    let times = |action| actions.iter().filter(|done| **done == action).count();
    let done = ["api_key.add", "api_key.edit", "api_key.reveal"].map(times);
    assert_eq!((done, actions.len()), ([1, 5, 1], 7), "one entry for each change");
    assert!(!log.to_string().contains("upstream-key"), "{log}");
}

#[test]
fn a_key_that_is_not_there_can_be_neither_told_nor_changed_nor_revealed() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let gone = add(&app, "gone", "upstream-key-0002");
    app.admin().delete("/admin/api-keys", &json!({"apiKey": gone})).expect(200);
    for name in [gone.as_str(), "019a0000-0000-7000-8000-000000000000", "upstream-key-0001", "no-id"] {
        let path = format!("/admin/api-keys/{name}");
        refused(app.admin().get(&path), 404, "not_found", "no such API key");
        let change = json!({"username": "x"});
        refused(app.admin().call("PATCH", &path).json(&change).send(), 404, "not_found", "no such API key");
        refused(app.admin().post(&format!("{path}/reveal"), &json!({})), 404, "not_found", "no such API key");
        for (method, path) in [("GET", path.clone()), ("PATCH", path.clone()), ("POST", format!("{path}/reveal"))] {
            assert_eq!(app.anon().call(method, &path).json(&change).send().status, 401, "{method} {path}");
        }
    }
    let log = app.admin().get("/admin/audit-log?action=api_key.reveal").expect(200).json();
    assert_eq!(log["total"], 0);
}
