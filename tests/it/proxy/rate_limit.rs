//! The limit of requests for one address, and what it costs to send tokens that are unknown.

use std::time::Duration;

use tokio::time::Instant;

use serde_json::json;

use super::{code, counts};
use crate::support::{Reply, TestApp};

const NAMES: [&str; 3] = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];

/// An app that takes three requests a minute of one address.
fn limited(options: &[(&str, &str)]) -> TestApp {
    let app = TestApp::builder().option("ENABLE_RATE_LIMIT", "true").option("RATE_LIMIT_REQUESTS", "3");
    let app = options.iter().fold(app, |app, (name, value)| app.option(name, value));
    app.api_keys(&["a"]).start()
}

/// The limit, what remains, and when it begins anew.
fn standing(reply: &Reply) -> [Option<&str>; 3] {
    NAMES.map(|name| reply.header(name))
}

#[test]
fn without_the_limit_nothing_is_counted_and_nothing_told() {
    let app = TestApp::builder().option("RATE_LIMIT_REQUESTS", "1").api_keys(&["a"]).start();
    let client = app.client();
    for _ in 0..3 {
        assert_eq!(standing(&client.chat("hi").send().expect(200)), [None; 3]);
    }
}

#[test]
fn the_request_after_the_last_is_refused_until_the_window_ends() {
    let app = limited(&[]);
    let client = app.client();
    app.clock.advance(Duration::from_millis(29_500));
    for remaining in ["2", "1", "0"] {
        let reply = client.chat("hi").send().expect(200);
        assert_eq!(standing(&reply), [Some("3"), Some(remaining), Some("31s")]);
    }
    for _ in 0..2 {
        let refused = client.chat("hi").send().expect(429);
        assert_eq!(standing(&refused), [Some("3"), Some("0"), Some("31s")]);
        assert_eq!((code(&refused).as_str(), refused.header("retry-after")), ("rate_limit_exceeded", Some("31")));
        assert!(refused.text().contains("3 requests in 60 seconds"), "{}", refused.text());
    }
    app.clock.advance(Duration::from_millis(30_499));
    assert_eq!(standing(&client.chat("hi").send().expect(429))[2], Some("1ms"));
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(standing(&client.chat("hi").send().expect(200)), [Some("3"), Some("2"), Some("1m0s")]);
    assert_eq!(counts(&app), [4, 4, 0, 0], "what is refused is no request");
}

#[test]
fn a_window_is_as_long_as_it_is_set() {
    let app = limited(&[("RATE_LIMIT_WINDOW", "5400")]);
    let reply = app.client().chat("hi").send().expect(200);
    // Windows are counted from 1970 and not from a full hour; a day has sixteen of these.
    assert_eq!(standing(&reply), [Some("3"), Some("2"), Some("1h30m0s")]);
}

#[test]
fn every_route_of_a_provider_counts_and_tells_in_its_own_form() {
    let app = limited(&[]);
    app.add_api_key("openrouter", "b");
    app.upstream.any_key().always(crate::support::Answer::json(200, &json!({"models": [], "data": []})));
    let anon = app.anon();
    assert_eq!(standing(&anon.get("/v1/models").expect(200))[1], Some("2"));
    assert_eq!(standing(&anon.chat("hi").send().expect(401))[1], Some("1"), "before the token is looked at");
    assert_eq!(standing(&anon.get("/v1/chat/completions").expect(405))[1], Some("0"));

    let refused = app.client().chat("hi").send().expect(429);
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    let anthropic = app.client().call("POST", "/v1/messages").json(&json!({})).send().expect(429).json();
    assert_eq!(anthropic["error"]["type"], "rate_limit_error", "{anthropic}");
    let ollama = anon.get("/api/tags").expect(429);
    assert!(ollama.json()["error"].is_string(), "{}", ollama.text());
    assert_eq!(standing(&ollama)[1], Some("0"));

    assert_eq!(standing(&anon.get("/openrouter/v1/models").expect(200))[1], Some("2"), "another provider");
    for path in ["/v1/nothing", "/no-such/v1/models"] {
        assert_eq!(standing(&anon.get(path).expect(404)), [None; 3], "{path}");
    }
    app.admin().get("/admin/stats").expect(200);
    app.anon().get("/health").expect(200);
}

#[test]
fn browsers_may_ask_for_free_and_read_where_they_stand() {
    let app = limited(&[]);
    for _ in 0..5 {
        app.anon().call("OPTIONS", "/v1/models").header("origin", "https://app.example").send().expect(204);
    }
    let reply = app.client().chat("hi").header("origin", "https://app.example").send().expect(200);
    assert_eq!(standing(&reply)[1], Some("2"));
    let exposed = reply.header("access-control-expose-headers").expect("a list");
    for name in NAMES.into_iter().chain(["retry-after", "x-request-id"]) {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{name} is not in {exposed}");
    }
}

#[test]
fn an_address_is_what_trusted_proxies_say_and_nobody_else() {
    let app = limited(&[("TRUSTED_PROXIES", "127.0.0.1")]);
    let client = app.client();
    let from = |forwarded_for: &str| client.chat("hi").header("x-forwarded-for", forwarded_for).send().status;
    assert_eq!([(); 4].map(|()| from("198.51.100.7")), [200, 200, 200, 429]);
    assert_eq!(from("203.0.113.9, 198.51.100.7"), 429, "what the client claims does not matter");
    assert_eq!(from("198.51.100.7, 198.51.100.8"), 200);
    assert_eq!([1, 2, 3, 4].map(|n| from(&format!("2001:db8::{n}"))), [200, 200, 200, 429], "one /64");
    assert_eq!(from("2001:db8:0:1::1"), 200);

    let app = limited(&[]);
    let client = app.client();
    let from = |forwarded_for: &str| client.chat("hi").header("x-forwarded-for", forwarded_for).send().status;
    assert_eq!([1, 2, 3, 4].map(|n| from(&format!("198.51.100.{n}"))), [200, 200, 200, 429]);
}

#[test]
fn all_threads_count_together() {
    let app = TestApp::builder().option("ENABLE_RATE_LIMIT", "true").option("RATE_LIMIT_REQUESTS", "20");
    let app = app.option("WORKERS", "4").api_keys(&["a"]).start();
    let client = app.client();
    let waiting: Vec<_> = (0..50).map(|_| client.chat("hi").start()).collect();
    let statuses: Vec<_> = waiting.into_iter().map(|one| one.head().expect("an answer").status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 30, "{statuses:?}");
}

#[test]
fn unknown_tokens_are_answered_later_and_a_good_one_at_once() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    let (client, stranger) = (app.client(), app.bearer("sk-guessed"));
    let timed = |paths: &[&str]| {
        let started = Instant::now();
        for path in paths {
            assert_eq!(code(&stranger.get(path).expect(401)), "invalid_api_key");
        }
        started.elapsed()
    };
    timed(&["/v1/models"; 5]);
    app.anon().chat("hi").send().expect(401);
    assert!(timed(&["/v1/models"]) >= Duration::from_millis(250));
    assert!(timed(&["/v1/models"; 2]) >= Duration::from_millis(1_500));
    let started = Instant::now();
    let held = stranger.chat("hi").start();
    client.chat("hi").send().expect(200);
    let good = started.elapsed();
    assert_eq!(held.head().expect("an answer").status, 401);
    assert!(started.elapsed() >= Duration::from_secs(2) && good < started.elapsed());
}

#[test]
fn of_one_address_only_so_many_wrong_answers_are_held_back() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    let (client, stranger) = (app.client(), app.bearer("sk-guessed"));
    // On a slow machine the first may be answered before the last has come; then they are sent again.
    let refused = (0..5).find_map(|_| {
        let waiting: Vec<_> = (0..60).map(|_| stranger.chat("hi").start()).collect();
        client.chat("hi").send().expect(200);
        let heads: Vec<_> = waiting.into_iter().map(|one| one.head().expect("an answer")).collect();
        assert!(heads.iter().all(|head| matches!(head.status, 401 | 429)));
        heads.into_iter().find(|head| head.status == 429)
    });
    let refused = refused.expect("one that was refused");
    assert_eq!(refused.headers.get("retry-after"), Some("2"));
    client.chat("hi").send().expect(200);
}
