//! All tokens as a file.

use serde_json::json;

use super::{create, listed, text};
use crate::admin::refused;
use crate::support::{Reply, TestApp};

const HEADER: &str = "id,token,name,provider,status,createdAt,expires_at,disabledAt,lastUsedAt,requestCount,\
    successCount,failureCount,inputTokens,outputTokens,cacheHits";

#[track_caller]
fn is_file(reply: &Reply, kind: &str, name: &str) {
    assert_eq!(reply.header("content-type"), Some(kind));
    assert_eq!(reply.header("content-disposition"), Some(format!("attachment; filename=\"{name}\"").as_str()));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[test]
fn an_export_tells_of_every_token_but_never_itself() {
    let app = TestApp::builder().start();
    let created = create(&app, &json!({"name": "=1+1,\"x\"", "expiresIn": 60}));
    create(&app, &json!({"name": "other"}));
    let (id, token) = (text(&created["id"]), text(&created["token"]));
    for query in ["", "?format=json"] {
        let reply = app.admin().get(&format!("/admin/tokens/export{query}")).expect(200);
        is_file(&reply, "application/json; charset=utf-8", "client-tokens.json");
        assert_eq!(reply.json(), json!({"tokens": listed(&app, "")}));
    }
    let reply = app.admin().get("/admin/tokens/export?format=csv").expect(200);
    is_file(&reply, "text/csv; charset=utf-8", "client-tokens.csv");
    let csv = reply.text();
    let lines: Vec<_> = csv.split("\r\n").collect();
    let (created_at, expires_at) = ("2026-01-01T12:00:00.000Z", "2026-01-01T12:01:00.000Z");
    let (last4, name) = (token.split_at(47).1, "\"'=1+1,\"\"x\"\"\"");
    let line = format!("{id},sk-****{last4},{name},ollama,active,{created_at},{expires_at},,,0,0,0,0,0,0");
    assert_eq!((lines.len(), lines[0], lines[3]), (4, HEADER, ""));
    assert!(lines.contains(&line.as_str()), "{csv}");
    let masked = app.admin().post("/admin/tokens/export", &json!({"secrets": false})).expect(200);
    assert!(!csv.contains(token) && !masked.text().contains(token));
    let log = app.admin().get("/admin/audit-log?action=client_token.export").expect(200).json();
    assert_eq!(log["total"], 0, "nothing secret was told");
}

#[test]
fn an_export_with_secrets_is_written_down() {
    let app = TestApp::builder().start();
    let created = [create(&app, &json!({"name": "one"})), create(&app, &json!({"name": "two"}))];
    let reply = app.admin().post("/admin/tokens/export", &json!({"format": "csv", "secrets": true})).expect(200);
    is_file(&reply, "text/csv; charset=utf-8", "client-tokens-with-secrets.csv");
    for token in &created {
        let start = format!("{},{},{},ollama,active,", text(&token["id"]), text(&token["token"]), text(&token["name"]));
        assert!(reply.text().contains(&start), "{}", reply.text());
    }
    let reply = app.admin().post("/admin/tokens/export", &json!({"secrets": true})).expect(200);
    is_file(&reply, "application/json; charset=utf-8", "client-tokens-with-secrets.json");
    let tokens = reply.json()["tokens"].clone();
    let is_told = |token: &&serde_json::Value| {
        tokens.as_array().is_some_and(|all| all.iter().any(|t| t["token"] == token["token"]))
    };
    assert!(created.iter().all(|token| is_told(&token)), "{tokens}");
    let log = app.admin().get("/admin/audit-log?action=client_token.export").expect(200).json();
    assert_eq!(log["total"], 2);
    assert_eq!(log["entries"][0]["after"], json!({"count": 2}));
}

#[test]
fn what_is_no_export_is_refused_and_not_written_down() {
    let app = TestApp::builder().start();
    create(&app, &json!({}));
    refused(app.admin().get("/admin/tokens/export?format=xml"), 400, "bad_request", "`format`");
    for body in
        [json!({}), json!({"format": "csv"}), json!({"secrets": "yes"}), json!({"format": "xml", "secrets": true})]
    {
        refused(app.admin().post("/admin/tokens/export", &body), 400, "bad_request", "");
    }
    let secrets = json!({"secrets": true});
    refused(app.client().post("/admin/tokens/export", &secrets), 401, "unauthorized", "admin token");
    let log = app.admin().get("/admin/audit-log?action=client_token.export").expect(200).json();
    assert_eq!(log["total"], 0);
}
