//! `/admin/api-keys`: adding, listing and deleting.

use std::time::Duration;

use serde_json::{Value, json};

use super::{add, listed, names, only_key, refused};
use crate::support::TestApp;

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
        (json!({"apiKeys": []}), "empty"),
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
