//! Where the admin is signed in, and another admin token.

use std::fs;

use crate::support::{ADMIN_TOKEN, Browser, TestApp};

const HERE: &str = "/dashboard/security";

fn sessions(browser: &Browser) -> usize {
    browser.get(HERE).expect(200).text().matches("<tr><td class=\"title\"").count()
}

#[test]
fn every_sign_in_is_listed_and_can_be_ended_from_elsewhere() {
    let app = TestApp::builder().start();
    let hostile = app.browser().call("POST", "/dashboard/sign-in").form(&[("token", ADMIN_TOKEN)]);
    let elsewhere = hostile.header("user-agent", "<script>alert(1)</script>").send().expect(303);
    let elsewhere = app.browser().with_cookie(&elsewhere.cookie());
    let console = app.console();
    let page = console.get(HERE).expect(200).text();
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"), "{page}");
    assert_eq!((sessions(&console), sessions(&elsewhere)), (2, 2));
    let end = page.split('"').find(|part| part.ends_with("/end")).expect("a way to end it").to_owned();
    let page = console.submit(&end, &[]);
    assert!(page.text().contains("Signed out there."), "{}", page.text());
    assert!(!console.get(HERE).text().contains("Signed out there."), "it is told once");
    elsewhere.get(HERE).expect(303);
    assert_eq!(sessions(&console), 1);
    assert!(console.post(&end, &[]).expect(409).text().contains("is signed out already"));
    console.post("/dashboard/security/sessions/nonsense/end", &[]).expect(404);
}

#[test]
fn all_others_can_be_ended_at_once() {
    let app = TestApp::builder().start();
    let others = [app.console(), app.console()];
    let console = app.console();
    let page = console.submit("/dashboard/security/sessions/end-others", &[]);
    assert!(page.text().contains("Signed out in 2 other places."), "{}", page.text());
    for other in &others {
        other.get(HERE).expect(303);
    }
    assert_eq!(sessions(&console), 1);
    let log = app.admin().get("/admin/audit-log?action=session").expect(200).json();
    let actions: Vec<_> = log["entries"].as_array().into_iter().flatten().map(|entry| &entry["action"]).collect();
    assert_eq!(actions.iter().filter(|action| **action == "session.end").count(), 2, "{log}");
    assert_eq!(actions.iter().filter(|action| **action == "session.create").count(), 3, "{log}");
}

#[test]
fn a_configured_admin_token_is_not_changed_here() {
    let app = TestApp::builder().start();
    let console = app.console();
    assert!(console.get(HERE).text().contains("The option ADMIN_TOKEN sets it."));
    console.post("/dashboard/security/admin-token", &[("token", ADMIN_TOKEN)]).expect(303);
    assert_eq!(sessions(&console), 1);
}

#[test]
fn another_admin_token_is_made_for_whoever_has_this_one_and_signs_everybody_out() {
    let app = TestApp::builder().option("ADMIN_TOKEN", "").start();
    let token = fs::read_to_string(app.data_dir().join("admin-token")).expect("the token's file");
    let sign_in = |token: &str| app.browser().post("/dashboard/sign-in", &[("token", token.trim())]);
    let signed_in = |token: &str| app.browser().with_cookie(&sign_in(token).expect(303).cookie());
    let (console, elsewhere) = (signed_in(&token), signed_in(&token));
    let reset = "/dashboard/security/admin-token";
    let refused = console.post(reset, &[("token", "wrong")]).expect(422);
    assert!(refused.text().contains("This is not the admin token."), "{}", refused.text());
    elsewhere.get(HERE).expect(200);
    let page = console.call("POST", reset).form(&[("token", &token)]).header("accept-encoding", "gzip").send();
    assert_eq!((page.header("cache-control"), page.header("content-encoding")), (Some("no-store"), None));
    let page = page.expect(200).text();
    let new = page.split(['<', '>']).find(|part| part.starts_with("sk-")).expect("the new token").to_owned();
    for browser in [&console, &elsewhere] {
        browser.get(HERE).expect(303);
    }
    sign_in(&token).expect(401);
    signed_in(&new).get(HERE).expect(200);
    assert!(!page.contains(token.trim()));
}
