//! Lists of tokens: what is told of each, and in which order.

use std::time::Duration;

use serde_json::{Value, json};

use super::{chat_status, create, listed, patch, text};
use crate::admin::refused;
use crate::support::{Answer, TestApp};

fn names(tokens: &[Value]) -> String {
    tokens.iter().map(|token| text(&token["name"])).collect::<Vec<_>>().join(" ")
}

/// Five tokens, made one second after the other.
fn five(app: &TestApp) -> Vec<Value> {
    let bodies = [
        json!({"name": "delta", "expiresIn": 50}),
        json!({"name": "Alpha", "provider": "openrouter"}),
        json!({"name": "charlie", "expiresIn": 500}),
        json!({"name": "Bravo", "provider": "all"}),
        json!({"name": "echo"}),
    ];
    let make = |body: &Value| {
        let created = create(app, body);
        app.clock.advance(Duration::from_secs(1));
        created
    };
    bodies.iter().map(make).collect()
}

#[test]
fn a_token_is_told_with_what_was_done_with_it() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let created = create(&app, &json!({"name": "app"}));
    app.clock.advance(Duration::from_secs(1));
    app.upstream.any_key().plays([Answer::ok_json("hi"), Answer::status(400)]);
    assert_eq!((chat_status(&app, &created), chat_status(&app, &created)), (200, 400));
    let last4 = text(&created["token"]).split_at(47).1;
    let expected = json!({
        "id": created["id"],
        "token": format!("sk-****{last4}"),
        "name": "app",
        "provider": "ollama",
        "status": "active",
        "createdAt": "2026-01-01T12:00:00.000Z",
        "expires_at": null,
        "disabledAt": null,
        "lastUsedAt": "2026-01-01T12:00:01.000Z",
        "requestCount": 2,
        "successCount": 1,
        "failureCount": 1,
        "inputTokens": 3,
        "outputTokens": 2,
        "cacheHits": 0,
    });
    assert_eq!(app.admin().get("/admin/tokens").expect(200).json(), json!({"tokens": [expected]}));
    let path = format!("/admin/tokens/{}", text(&created["id"]));
    assert_eq!(app.admin().get(&path).expect(200).json(), expected);
}

#[test]
fn lists_are_filtered_searched_and_sorted() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let tokens = five(&app);
    app.clock.advance(Duration::from_mins(1));
    patch(&app, &tokens[4]["id"], &json!({"disabled": true})).expect(200);
    for token in [3, 2, 3] {
        assert_eq!(chat_status(&app, &tokens[token]), 200);
        app.clock.advance(Duration::from_secs(1));
    }
    let whole = text(&tokens[1]["token"]);
    let last4 = whole.split_at(47).1.to_ascii_lowercase();
    for (query, expected) in [
        ("", "echo Bravo charlie Alpha delta"),
        ("?order=asc", "delta Alpha charlie Bravo echo"),
        ("?status=all&sort=created&order=desc", "echo Bravo charlie Alpha delta"),
        ("?sort=name&order=asc", "Alpha Bravo charlie delta echo"),
        ("?sort=name", "echo delta charlie Bravo Alpha"),
        ("?sort=expires&order=asc", "delta charlie Alpha Bravo echo"),
        ("?sort=lastUsed", "Bravo charlie echo Alpha delta"),
        ("?sort=requests", "Bravo charlie echo Alpha delta"),
        ("?status=active", "Bravo charlie Alpha"),
        ("?status=disabled", "echo"),
        ("?status=expired", "delta"),
        ("?provider=openrouter", "Bravo Alpha"),
        ("?provider=All", "echo Bravo charlie Alpha delta"),
        ("?provider=OLLAMA&status=active&sort=name&order=asc", "Bravo charlie"),
        ("?search=A", "Bravo charlie Alpha delta"),
        ("?search=ALPHA", "Alpha"),
        (&format!("?search={whole}"), "Alpha"),
        (&format!("?search={last4}"), "Alpha"),
        (&format!("?search={}", whole.split_at(40).0), ""),
        ("?search=%20", "echo Bravo charlie Alpha delta"),
    ] {
        assert_eq!(names(&listed(&app, query)), expected, "{query}");
    }
}

#[test]
fn lists_come_in_pages_where_one_is_asked_for() {
    let app = TestApp::builder().start();
    five(&app);
    for (query, page, size, pages, expected) in [
        ("page=1", 1, 50, 1, "echo Bravo charlie Alpha delta"),
        ("pageSize=2", 1, 2, 3, "echo Bravo"),
        ("page=2&pageSize=2", 2, 2, 3, "charlie Alpha"),
        ("page=9&pageSize=2&order=asc", 3, 2, 3, "echo"),
    ] {
        let answer = app.admin().get(&format!("/admin/tokens?{query}")).expect(200).json();
        assert_eq!(names(answer["tokens"].as_array().expect("a list")), expected, "{query}");
        let told = (&answer["total"], &answer["page"], &answer["pageSize"], &answer["totalPages"]);
        assert_eq!(told, (&json!(5), &json!(page), &json!(size), &json!(pages)), "{query}");
    }
    let whole = app.admin().get("/admin/tokens").expect(200).json();
    assert_eq!(whole.as_object().map(serde_json::Map::len), Some(1), "{whole}");
    for query in [
        "page=0",
        "page=x",
        "pageSize=0",
        "pageSize=201",
        "status=broken",
        "sort=color",
        "order=up",
        "provider=nowhere",
    ] {
        refused(app.admin().get(&format!("/admin/tokens?{query}")), 400, "bad_request", "");
    }
}
