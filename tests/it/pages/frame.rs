//! What all pages share: headers, languages, assets, errors.

use crate::support::TestApp;

#[test]
fn a_page_may_only_run_and_show_what_comes_from_here() {
    let app = TestApp::builder().start();
    let page = app.browser().get("/dashboard/sign-in").expect(200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    for part in ["frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "style-src 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn a_page_is_in_the_language_that_was_chosen_or_else_is_preferred() {
    let app = TestApp::builder().start();
    let english = app.browser();
    assert!(english.get("/dashboard/sign-in").expect(200).text().contains("<html lang=\"en\""));
    let chinese = app.browser().in_chinese();
    assert!(chinese.get("/dashboard/sign-in").expect(200).text().contains("<html lang=\"zh-CN\""));
    let switched = chinese.get("/language?to=en&back=/dashboard/sign-in%3Fnext=x").expect(303);
    assert_eq!(switched.header("location"), Some("/dashboard/sign-in?next=x"));
    let chosen = chinese.with_cookie(&switched.cookie());
    assert!(chosen.get("/dashboard/sign-in").expect(200).text().contains("<html lang=\"en\""));
    assert_eq!(english.get("/language?to=en&back=//evil.example").expect(303).header("location"), Some("/"));
    english.get("/language?to=tlh&back=/").expect(404);
}

#[test]
fn an_asset_is_sent_once() {
    let app = TestApp::builder().start();
    let browser = app.browser();
    let page = browser.get("/dashboard/sign-in").expect(200).text();
    let address = page.split('"').find(|part| part.starts_with("/assets/")).expect("an asset");
    let asset = browser.get(address).expect(200);
    let tag = asset.header("etag").expect("a tag").to_owned();
    let again = browser.call("GET", address).header("if-none-match", &tag).send().expect(304);
    assert_eq!((again.text().as_str(), again.header("etag")), ("", Some(tag.as_str())));
    assert_eq!(browser.call("HEAD", address).send_head(), 200);
    let compressed = browser.call("GET", address).header("accept-encoding", "gzip").send();
    let sheets = page.split('"').filter(|part| part.contains("/css/")).count();
    assert!(sheets > 5, "the page has {sheets} style sheets");
    assert!(compressed.header("vary").is_some_and(|vary| vary.contains("Accept-Encoding")));
    browser.get("/assets/0123456789abcdef/css/none.css").expect(404);
    browser.get("/assets/0123456789abcdef/../../../../etc/passwd").expect(404);
}

#[test]
fn what_people_ask_for_is_answered_with_a_page_and_programs_get_json() {
    let app = TestApp::builder().start();
    let console = app.console();
    let page = console.get("/dashboard/no-such-page").expect(404);
    assert!(
        page.text().contains("<h1>Nothing here</h1>") && !page.text().contains("no-such-page</"),
        "{}",
        page.text()
    );
    assert!(app.browser().in_chinese().get("/no-such-page").expect(404).text().contains("<h1>这里什么都没有</h1>"));
    for path in ["/admin/no-such-thing", "/api/no-such-thing", "/v1/no-such-thing", "/nobody/v1/models"] {
        let reply = app.browser().get(path);
        assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json")), "{path}");
    }
    assert!(console.call("DELETE", "/dashboard/sign-in").send().expect(405).text().contains("<h1"));
    assert!(console.call("POST", "/dashboard/sign-in").json(&"?".into()).send().expect(400).text().contains("<h1"));
}

#[test]
fn the_console_is_only_for_the_admins_networks() {
    let app = TestApp::builder().option("ADMIN_NETWORKS", "192.0.2.0/24").start();
    let page = app.browser().get("/dashboard/sign-in").expect(403);
    assert!(page.text().contains("ADMIN_NETWORKS"), "{}", page.text());
    app.browser().post("/dashboard/sign-in", &[("token", "x")]).expect(403);
}
