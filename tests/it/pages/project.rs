//! `/` and `/project`: what this is, for everybody, and the switches of the public pages.

use serde_json::json;

use crate::support::TestApp;

fn set(app: &TestApp, settings: &serde_json::Value) {
    app.admin().call("PATCH", "/admin/settings").json(settings).send().expect(200);
}

#[test]
fn the_first_page_offers_the_console_and_the_public_pages_that_are_on() {
    let app = TestApp::builder().start();
    let page = app.browser().get("/").expect(200).text();
    assert!(page.contains("<h1>A pool of LLM API keys</h1>"), "{page}");
    assert!(page.contains(&format!("<code id=\"address\">http://{}/v1</code>", app.addr())), "{page}");
    for href in ["/dashboard", "/stats", "/api-docs", "/project"] {
        assert!(page.contains(&format!("href=\"{href}\"")), "{href}");
    }
    set(&app, &json!({"public.stats": false, "public.api_docs": false, "public.project": false}));
    let page = app.browser().in_chinese().get("/").expect(200).text();
    for href in ["/stats", "/api-docs", "/project"] {
        assert!(!page.contains(&format!("href=\"{href}\"")), "{href}");
    }
    assert!(page.contains("<h1>LLM API 密钥池</h1>"), "{page}");
    let page = app.console().get("/").expect(200).text();
    assert!(page.contains("Open the console") && page.contains("href=\"/stats\""), "{page}");
}

#[test]
fn the_program_tells_what_it_is_and_shows_its_documents() {
    let app = TestApp::builder().start();
    let page = app.browser().get("/project").expect(200).text();
    assert!(page.contains(concat!("<dd>", env!("CARGO_PKG_VERSION"), "</dd>")), "{page}");
    assert!(page.contains(">Healthy<") && page.contains("datetime=\"2026-01-01T12:00:00.000Z\""), "{page}");
    assert!(page.contains("<h2 id=\"doc-ollama-api-pool\">") && page.contains("href=\"#doc-60-seconds\""), "{page}");
    assert_eq!(page.matches("<h1").count(), 1);
    let page = app.browser().get("/project?file=CHANGELOG.md").expect(200).text();
    assert!(page.contains("<h3 id=\"doc-unreleased\">Unreleased</h3>"), "{page}");
    assert!(app.browser().get("/project?file=LICENSE").expect(200).text().contains("Permission is hereby granted"));
    let chinese = app.browser().in_chinese().get("/project").expect(200).text();
    assert!(chinese.contains("这些文档为英文。") && chinese.contains("<div class=\"prose\" lang=\"en\">"), "{chinese}");
    for file in ["Cargo.toml", "../Cargo.toml", "readme.md", ""] {
        app.browser().get(&format!("/project?file={file}")).expect(404);
    }
}

#[test]
fn a_page_that_is_switched_off_is_there_for_the_admin_alone() {
    let app = TestApp::builder().start();
    for (setting, path) in
        [("public.project", "/project"), ("public.stats", "/stats"), ("public.api_docs", "/api-docs")]
    {
        app.browser().get(path).expect(200);
        set(&app, &json!({setting: false}));
        let page = app.browser().get(path).expect(404).text();
        assert!(page.contains("<h1>Nothing here</h1>"), "{page}");
        app.browser().with_cookie("admin_session=0").get(path).expect(404);
        let page = app.console().get(path).expect(200).text();
        assert!(page.contains("Only you see this page"), "{page}");
        set(&app, &json!({setting: true}));
        assert!(!app.console().get(path).expect(200).text().contains("Only you see this page"), "{path}");
    }
}
