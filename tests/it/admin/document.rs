//! `/openapi.json`: the API described by itself.

use crate::support::TestApp;

#[test]
fn the_document_is_public_and_names_every_route() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let reply = app.anon().get("/openapi.json").expect(200);
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json")), "{reply:?}");
    let document = reply.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{}", document["openapi"]);
    let paths = document["paths"].as_object().expect("paths");
    let mut routes: Vec<String> = Vec::new();
    for (path, methods) in paths {
        routes.extend(methods.as_object().expect("methods").keys().map(|method| format!("{method} {path}")));
    }
    routes.sort();
    let expected = [
        "delete /admin/api-keys",
        "delete /admin/api-keys/{key}",
        "delete /admin/tokens",
        "get /admin/api-keys",
        "get /admin/keys/stats",
        "get /admin/public-stats",
        "get /admin/stats",
        "get /admin/tokens",
        "get /health",
        "get /metrics",
        "get /openapi.json",
        "get /readyz",
        "post /admin/api-keys",
        "post /admin/api-keys/import",
        "post /admin/keys/disable",
        "post /admin/keys/enable",
        "post /admin/tokens",
    ];
    assert_eq!(routes, expected);
    assert!(!reply.text().contains("0001"), "it tells nothing of the pool");
}
