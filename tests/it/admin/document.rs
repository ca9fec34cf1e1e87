//! `/openapi.json`, the API described by itself, and `/docs`, the page that shows it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::support::{Reply, TestApp};

fn document(app: &TestApp) -> Value {
    app.anon().get("/openapi.json").expect(200).json()
}

/// Every operation: its method, its path, and what is told of it.
fn operations(document: &Value) -> Vec<(String, String, &Map<String, Value>)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    let of_path = |(path, methods): (&String, _)| {
        let methods: &Map<String, Value> = Value::as_object(methods).expect("methods");
        let described =
            |(method, told): (&String, _)| (method.clone(), path.clone(), Value::as_object(told).expect("told"));
        methods.iter().map(described).collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

#[test]
fn the_document_is_public_and_names_every_route() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let reply = app.anon().get("/openapi.json").expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(!reply.text().contains("0001"), "it tells nothing of the pool");
    let document = reply.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{}", document["openapi"]);
    assert_eq!(document["servers"][0]["url"], "/");
    let routes: BTreeSet<_> =
        operations(&document).into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    for expected in [
        "delete /admin/api-keys",
        "delete /admin/api-keys/{key}",
        "delete /admin/client-tokens/{token}",
        "delete /admin/tokens",
        "delete /admin/tokens/{id}",
        "get /admin/api-keys",
        "get /admin/client-tokens",
        "get /admin/keys/stats",
        "get /admin/public-stats",
        "get /admin/stats",
        "get /admin/tokens",
        "get /admin/tokens/export",
        "get /admin/tokens/{id}",
        "get /docs",
        "get /health",
        "get /metrics",
        "get /openapi.json",
        "get /readyz",
        "patch /admin/settings",
        "patch /admin/tokens/{id}",
        "post /admin/api-keys",
        "post /admin/api-keys/import",
        "post /admin/client-tokens",
        "post /admin/keys/disable",
        "post /admin/keys/enable",
        "post /admin/tokens",
        "post /admin/tokens/bulk",
        "post /admin/tokens/export",
        "post /admin/tokens/{id}/reveal",
        "post /admin/tokens/{id}/rotate",
        "post /v1/chat/completions",
        "get /{provider}/v1/models/{model}",
    ] {
        assert!(routes.contains(expected), "{expected} is missing: {routes:?}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_tag() {
    let app = TestApp::builder().start();
    let document = document(&app);
    let known: BTreeSet<_> =
        document["tags"].as_array().expect("tags").iter().map(|tag| tag["name"].clone().to_string()).collect();
    let mut names = BTreeSet::new();
    for (method, path, told) in operations(&document) {
        let name = told["operationId"].as_str().expect("a name");
        assert!(names.insert(name.to_owned()), "{name} is the name of two, one is {method} {path}");
        assert!(told["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path} has no summary");
        let tags = told["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(tags.len() == 1 && known.contains(&tags[0].to_string()), "{method} {path}: {tags:?}");
    }
}

#[test]
fn every_relay_of_the_document_is_one_that_the_data_plane_takes() {
    let app = TestApp::builder().start();
    let document = document(&app);
    let relays: Vec<_> = operations(&document).into_iter().filter(|(_, _, told)| told["tags"][0] == "Relays").collect();
    assert_eq!(relays.len(), 26);
    for (method, path, _) in relays {
        let path = path.replace("{provider}", "ollama").replace("{model}", "test-model");
        let reply = app.anon().call("OPTIONS", &path).send().expect(204);
        let allowed = reply.header("access-control-allow-methods").expect("methods").to_ascii_lowercase();
        // What is no operation allows `GET` too; but to ask for it finds nothing.
        assert!(allowed.contains(&method), "{method} {path}: {allowed}");
        assert_ne!(app.anon().call("PUT", &path).send().status, 404, "{path}");
    }
}

#[test]
fn the_public_url_is_where_the_server_is() {
    let app = TestApp::builder().option("PUBLIC_URL", "https://pool.example/").start();
    assert_eq!(document(&app)["servers"][0]["url"], "https://pool.example");
}

/// An answer of `/docs`, asked for as browsers do and as `HEAD`.
fn docs(app: &TestApp, path: &str) -> Reply {
    assert_eq!(app.anon().call("HEAD", path).send_head(), 200, "{path}");
    app.anon().get(path).expect(200)
}

#[test]
fn swagger_ui_needs_this_server_only() {
    let app = TestApp::builder().start();
    let page = docs(&app, "/docs");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let html = page.text();
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("=\"//"), "{html}");
    let linked: Vec<_> = html.split("=\"/docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(linked, ["swagger-ui.css", "swagger-ui.js", "start.js"]);
    for (file, kind, has) in [
        ("swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui"),
        ("swagger-ui.js", "text/javascript; charset=utf-8", "SwaggerUIBundle"),
        ("start.js", "text/javascript; charset=utf-8", "url: \"/openapi.json\""),
    ] {
        let reply = docs(&app, &format!("/docs/{file}"));
        assert_eq!(reply.header("content-type"), Some(kind), "{file}");
        assert_eq!(reply.header("cache-control"), Some("public, max-age=3600"), "{file}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{file}");
        assert!(reply.text().contains(has), "{file}");
    }
    assert_eq!(app.anon().get("/docs/other.js").status, 400);
}

#[test]
fn the_policy_of_json_stays_as_strict_as_it_was() {
    let app = TestApp::builder().start();
    for path in ["/openapi.json", "/health", "/docs/start.js"] {
        let reply = app.anon().get(path).expect(200);
        let policy = reply.header("content-security-policy");
        assert_eq!(policy, Some("default-src 'none'; frame-ancestors 'none'"), "{path}");
    }
}
