//! Signing in to the console and out of it.

use std::time::Duration;

use crate::support::{ADMIN_TOKEN, Browser, Call, TestApp};

/// A page of the console.
const INSIDE: &str = "/dashboard/security";

#[track_caller]
fn is_in(browser: &Browser) -> bool {
    let reply = browser.get(INSIDE);
    match reply.header("location") {
        None => true,
        Some(way) => {
            assert_eq!(way, "/dashboard/sign-in?next=%2Fdashboard%2Fsecurity");
            false
        }
    }
}

#[test]
fn the_admin_token_opens_the_console_and_leads_to_where_one_wanted() {
    let app = TestApp::builder().start();
    let browser = app.browser();
    assert!(!is_in(&browser));
    let reply = browser.post("/dashboard/sign-in", &[("token", ADMIN_TOKEN), ("next", INSIDE)]).expect(303);
    assert_eq!(reply.header("location"), Some(INSIDE));
    let cookie = reply.header("set-cookie").expect("a cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains(ADMIN_TOKEN));
    let signed_in = browser.clone().with_cookie(&reply.cookie());
    assert!(is_in(&signed_in));
    assert_eq!(signed_in.get("/dashboard/sign-in").expect(303).header("location"), Some("/dashboard"));
    let kept = browser.post("/dashboard/sign-in", &[("token", ADMIN_TOKEN), ("keep", "on")]).expect(303);
    assert!(kept.header("set-cookie").is_some_and(|cookie| cookie.ends_with("; Max-Age=604800")));
    assert_ne!(kept.cookie(), reply.cookie());
}

#[test]
fn a_wrong_token_is_refused_in_the_readers_language() {
    let app = TestApp::builder().start();
    let refused = app.browser().post("/dashboard/sign-in", &[("token", "<b>wrong</b>"), ("next", INSIDE)]).expect(401);
    assert!(refused.header("set-cookie").is_none());
    let page = refused.text();
    assert!(page.contains("This is not the admin token.") && !page.contains("wrong</b>"), "{page}");
    assert!(page.contains("name=\"next\" value=\"/dashboard/security\""), "{page}");
    let chinese = app.browser().in_chinese().post("/dashboard/sign-in", &[("token", "wrong")]).expect(401);
    assert!(chinese.text().contains("管理员令牌不正确。"), "{}", chinese.text());
}

#[test]
fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let app = TestApp::builder().start();
    let console = app.console();
    let reply = console.post("/dashboard/sign-out", &[]).expect(303);
    assert!(reply.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    assert!(!is_in(&console), "a copy of the cookie still works");
}

#[test]
fn a_cookie_that_somebody_planted_is_worth_nothing() {
    let app = TestApp::builder().start();
    let planted = format!("admin_session={}", "a".repeat(64));
    let victim = app.browser().with_cookie(&planted);
    let reply = victim.post("/dashboard/sign-in", &[("token", ADMIN_TOKEN)]).expect(303);
    assert_ne!(reply.cookie(), planted);
    assert!(!is_in(&app.browser().with_cookie(&planted)));
    assert!(is_in(&app.browser().with_cookie(&reply.cookie())));
}

#[test]
fn a_session_ends_when_it_is_not_used_and_survives_a_restart() {
    let mut app = TestApp::builder().start();
    let reply = app.browser().post("/dashboard/sign-in", &[("token", ADMIN_TOKEN), ("keep", "on")]).expect(303);
    let browser = |app: &TestApp| app.browser().with_cookie(&reply.cookie());
    app.clock.advance(Duration::from_hours(6 * 24));
    assert!(is_in(&browser(&app)), "it lasts a week");
    app.restart();
    app.clock.advance(Duration::from_hours(6 * 24));
    assert!(is_in(&browser(&app)), "a week from when it was last used");
    app.clock.advance(Duration::from_hours(7 * 24 + 1));
    assert!(!is_in(&browser(&app)), "a week is over");
}

#[test]
fn forms_of_other_sites_are_refused() {
    let app = TestApp::builder().start();
    let console = app.console();
    let here = format!("http://{}", app.addr());
    let post = |headers: &[(&str, &str)]| {
        let call = Call::new(app.addr(), "POST", "/dashboard/sign-out").form(&[]);
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
    };
    let cookie = app.browser().post("/dashboard/sign-in", &[("token", ADMIN_TOKEN)]).expect(303).cookie();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"] {
        let refused = post(&[("cookie", &cookie), ("origin", origin)]).expect(403);
        assert!(refused.text().contains("came from another site"), "{}", refused.text());
    }
    post(&[("cookie", &cookie)]).expect(403);
    assert!(is_in(&app.browser().with_cookie(&cookie)), "nothing was changed");
    post(&[("cookie", &cookie), ("origin", &here)]).expect(303);
    assert!(is_in(&console), "another session is not concerned");
}

#[test]
fn the_cookie_of_a_page_opens_nothing_of_the_api() {
    let app = TestApp::builder().start();
    let console = app.console();
    console.get("/dashboard/security").expect(200);
    console.get("/admin/stats").expect(401);
    console.call("POST", "/admin/token/reset").send().expect(401);
}

#[test]
fn whoever_guesses_is_told_to_wait_and_the_right_token_never_is() {
    let app = TestApp::builder().start();
    let guesses: Vec<_> = (0..60)
        .map(|n: u32| {
            let fields = [("token", format!("guess-{n}"))];
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            app.browser().call("POST", "/dashboard/sign-in").form(&fields).start()
        })
        .collect();
    app.browser().post("/dashboard/sign-in", &[("token", ADMIN_TOKEN)]).expect(303);
    let refused = guesses.into_iter().filter_map(|guess| guess.head()?.whole()).find(|reply| reply.status == 429);
    let refused = refused.expect("one of sixty at a time is told to wait");
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|n| n > 0)));
    assert!(refused.text().contains("Too many wrong admin tokens came from this address."), "{}", refused.text());
}
