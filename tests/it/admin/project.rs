//! `/project/meta` and `/project/docs`: what the program tells of itself, and what `/health` adds for the admin.

use serde_json::{Value, json};

use super::refused;
use crate::support::TestApp;

#[test]
fn the_program_describes_itself_without_a_credential() {
    let app = TestApp::builder().start();
    let meta = app.anon().get("/project/meta").expect(200).json();
    let info = json!({
        "name": "ollama-api-pool",
        "description": env!("CARGO_PKG_DESCRIPTION"),
        "version": env!("CARGO_PKG_VERSION"),
        "license": "MIT",
        "rust_version": env!("CARGO_PKG_RUST_VERSION"),
    });
    assert_eq!(meta["info"], info);
    assert_eq!((&meta["fetched_at"], &meta["cached"]), (&json!("2026-01-01T12:00:00.000Z"), &json!(false)));
    assert_eq!(meta["build"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(meta["build"]["target"].as_str().is_some_and(|target| target.contains('-')), "{meta}");
    assert!(matches!(meta["build"]["profile"].as_str(), Some("debug" | "release")), "{meta}");
    assert!(!meta.to_string().contains(env!("CARGO_MANIFEST_DIR")), "it tells where it was built: {meta}");
}

#[test]
fn releases_are_those_of_the_changelog() {
    let app = TestApp::builder().start();
    let meta = app.anon().get("/project/meta").expect(200).json();
    let changelog = include_str!("../../../CHANGELOG.md");
    let headings = changelog.lines().filter(|line| line.starts_with("## ")).count();
    let releases = meta["releases"].as_array().expect("releases");
    assert_eq!(releases.len(), headings);
    assert!(headings > 0, "the changelog has nothing to tell");
    let mut tags = Vec::new();
    for release in releases {
        let name = release["name"].as_str().expect("a name");
        assert!(changelog.contains(&format!("## {name}")) || changelog.contains(&format!("## [{name}]")), "{release}");
        assert!(release["summary"].as_str().is_some_and(|text| text.chars().count() <= 280), "{release}");
        assert_eq!(release["draft"], json!(release.get("tagName").is_none()), "{release}");
        tags.extend(release.get("tagName").map(|name| json!({ "name": name })));
    }
    assert_eq!(meta["tags"], Value::from(tags));
}

#[test]
fn documents_are_those_of_the_repository() {
    let app = TestApp::builder().start();
    for (file, text) in [
        ("README.md", include_str!("../../../README.md")),
        ("CHANGELOG.md", include_str!("../../../CHANGELOG.md")),
        ("LICENSE", include_str!("../../../LICENSE")),
    ] {
        let reply = app.anon().get(&format!("/project/docs?file={file}")).expect(200);
        assert_eq!(reply.header("content-type"), Some("text/markdown; charset=utf-8"));
        assert_eq!(reply.header("x-cache"), Some("HIT"));
        assert_eq!(reply.text(), text, "{file}");
    }
}

#[test]
fn other_documents_are_refused_with_the_names_that_there_are() {
    let app = TestApp::builder().start();
    for query in [
        "",
        "?file=",
        "?file=README_EN.md",
        "?file=CONFIGURATION.md",
        "?file=readme.md",
        "?file=../Cargo.toml",
        "?file=..%2FREADME.md",
        "?file=%00README.md",
        "?name=README.md",
    ] {
        let reply = app.anon().get(&format!("/project/docs{query}"));
        let says = "Invalid or missing file parameter. Allowed files: README.md, CHANGELOG.md, LICENSE";
        let answer = refused(reply, 400, "bad_request", says);
        assert_eq!(answer["error"], says, "nothing of the name is repeated");
    }
    refused(app.anon().post("/project/meta", &json!({})), 405, "method_not_allowed", "method");
}

#[test]
fn health_tells_everybody_what_runs_and_the_admin_alone_what_is_configured() {
    let app = TestApp::builder().option("DISABLE_OPENROUTER", "true").api_keys(&["upstream-key-0001"]).start();
    let project = json!({
        "name": "ollama-api-pool",
        "description": env!("CARGO_PKG_DESCRIPTION"),
        "license": "MIT",
        "documentation": "/openapi.json",
        "statistics": "/admin/public-stats",
    });
    let client = app.client();
    for who in [app.anon(), app.bearer("wrong"), app.bearer(client.token())] {
        let health = who.get("/health").expect(200).json();
        assert_eq!(health["project"], project);
        assert_tells_nothing_of_providers(&health);
    }
    let health = app.admin().get("/health").expect(200).json();
    assert_eq!((&health["status"], &health["configured"]), (&json!("ok"), &json!(true)));
    let providers = json!({
        "ollama": {"enabled": true, "configured": true},
        "openrouter": {"enabled": false, "configured": false},
    });
    assert_eq!(health["providers"], providers);
    for path in ["documentation", "statistics"] {
        app.anon().get(health["project"][path].as_str().expect("a path")).expect(200);
    }
}

#[test]
fn health_tells_the_admin_nothing_more_where_no_admin_token_may_be_tried() {
    let app = TestApp::builder().option("ADMIN_NETWORKS", "192.0.2.0/24").start();
    assert_tells_nothing_of_providers(&app.admin().get("/health").expect(200).json());
}

#[test]
fn health_links_to_the_public_address_where_it_is_known() {
    let app = TestApp::builder().option("PUBLIC_URL", "https://pool.example.com/").start();
    let project = &app.anon().get("/health").expect(200).json()["project"];
    assert_eq!(project["documentation"], "https://pool.example.com/openapi.json");
    assert_eq!(project["statistics"], "https://pool.example.com/admin/public-stats");
}

#[track_caller]
fn assert_tells_nothing_of_providers(health: &Value) {
    assert!(health.get("configured").is_none() && health.get("providers").is_none(), "{health}");
}
