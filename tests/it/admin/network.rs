//! From where the admin may come, what guessing the admin token costs, and what pages of other sites may read.

use std::time::Duration;

use tokio::time::Instant;

use super::refused;
use crate::support::{Reply, Role, TestApp};

fn from(role: &Role, method: &'static str, path: &str, forwarded_for: &str) -> Reply {
    role.call(method, path).header("x-forwarded-for", forwarded_for).send()
}

#[test]
fn the_admins_routes_are_reached_from_the_admins_networks_only() {
    let app = TestApp::builder().option("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8");
    let app = app.option("ADMIN_NETWORKS", "192.0.2.0/24, 2001:db8:7::/48").start();
    let admin = app.admin();
    for inside in ["192.0.2.9", "203.0.113.1, 192.0.2.9", "192.0.2.9, 10.1.2.3", "2001:db8:7::1", "192.0.2.9:4711"] {
        from(&admin, "GET", "/admin/stats", inside).expect(200);
    }
    for outside in ["198.51.100.7", "192.0.2.9, 198.51.100.7", "192.0.2.9, nonsense", "2001:db8:8::1", "", "10.1.2.3"] {
        refused(from(&admin, "GET", "/admin/stats", outside), 403, "forbidden", "ADMIN_NETWORKS");
    }
    for (method, path) in [
        ("GET", "/admin/stats"),
        ("POST", "/admin/tokens"),
        ("PUT", "/admin/stats"),
        ("OPTIONS", "/admin/stats"),
        ("GET", "/admin/no/such/thing"),
        ("GET", "/admin"),
        ("GET", "/admin/public-stats/"),
    ] {
        for role in [app.anon(), app.bearer("wrong"), admin.clone()] {
            let reply = from(&role, method, path, "198.51.100.7");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
            refused(reply, 403, "forbidden", "your address");
        }
    }
}

#[test]
fn what_is_everybodys_is_reached_from_everywhere() {
    let app = TestApp::builder().option("ADMIN_NETWORKS", "192.0.2.0/24").api_keys(&[]).start();
    let anon = app.anon();
    for path in ["/admin/public-stats", "/health", "/metrics", "/openapi.json"] {
        anon.get(path).expect(200);
    }
    anon.call("OPTIONS", "/admin/public-stats").send().expect(204);
    anon.chat("hi").send().expect(401);
    refused(anon.get("/project/nothing"), 404, "not_found", "nothing at this path");
}

#[test]
fn without_a_trusted_proxy_nobody_can_say_where_they_come_from() {
    let app = TestApp::builder().option("ADMIN_NETWORKS", "192.0.2.0/24").start();
    refused(from(&app.admin(), "GET", "/admin/stats", "192.0.2.9"), 403, "forbidden", "your address");
    let app = TestApp::builder().option("ADMIN_NETWORKS", "127.0.0.0/8").start();
    from(&app.admin(), "GET", "/admin/stats", "198.51.100.7").expect(200);
}

#[test]
fn wrong_admin_tokens_are_answered_later_and_the_right_one_at_once() {
    let app = TestApp::builder().start();
    let (admin, guesser) = (app.admin(), app.bearer("wrong"));
    let timed = |times: usize| {
        let started = Instant::now();
        for _ in 0..times {
            refused(guesser.get("/admin/stats"), 401, "unauthorized", "not the admin token");
        }
        started.elapsed()
    };
    timed(5);
    // Who sends none has guessed nothing.
    for _ in 0..20 {
        refused(app.anon().get("/admin/stats"), 401, "unauthorized", "Bearer");
    }
    assert!(timed(1) >= Duration::from_millis(250));
    assert!(timed(2) >= Duration::from_millis(1_500));
    let started = Instant::now();
    let held = guesser.call("GET", "/admin/stats").start();
    admin.get("/admin/stats").expect(200);
    let right = started.elapsed();
    assert_eq!(held.head().expect("an answer").status, 401);
    assert!(started.elapsed() >= Duration::from_secs(2) && right < started.elapsed());
}

#[test]
fn guesses_are_forgiven_and_counted_by_address() {
    let app = TestApp::builder().option("TRUSTED_PROXIES", "127.0.0.1").start();
    let guesser = app.bearer("wrong");
    let timed = |address: &str| {
        let started = Instant::now();
        from(&guesser, "GET", "/admin/stats", address).expect(401);
        started.elapsed()
    };
    for _ in 0..6 {
        timed("198.51.100.7");
    }
    assert!(timed("198.51.100.7") >= Duration::from_millis(500));
    // Held back, these would take a minute.
    let started = Instant::now();
    for n in 1..40 {
        timed(&format!("203.0.113.{n}"));
    }
    for _ in 0..5 {
        app.clock.advance(Duration::from_mins(2));
        timed("198.51.100.7");
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn of_one_address_only_so_many_guesses_are_held_back() {
    let app = TestApp::builder().start();
    let (admin, guesser) = (app.admin(), app.bearer("wrong"));
    // On a slow machine the first may be answered before the last has come; then they are sent again.
    let refused = (0..5).find_map(|_| {
        let waiting: Vec<_> = (0..60).map(|_| guesser.call("GET", "/admin/stats").start()).collect();
        admin.get("/admin/stats").expect(200);
        let heads: Vec<_> = waiting.into_iter().map(|one| one.head().expect("an answer")).collect();
        assert!(heads.iter().all(|head| matches!(head.status, 401 | 429)));
        heads.into_iter().find(|head| head.status == 429)
    });
    assert_eq!(refused.expect("one that was refused").headers.get("retry-after"), Some("2"));
    admin.get("/admin/stats").expect(200);
}

#[test]
fn pages_of_other_sites_may_read_what_is_public_and_nothing_else() {
    let app = TestApp::builder().start();
    let asked = |role: &Role, method, path| {
        let reply = role.call(method, path).header("origin", "https://elsewhere.example").send();
        ["access-control-allow-origin", "access-control-allow-methods"]
            .map(|name| reply.header(name).map(str::to_owned))
    };
    let any = || Some(String::from("*"));
    for path in [
        "/admin/public-stats",
        "/admin/public-stats?provider=nowhere",
        "/api/test-templates",
        "/project/meta",
        "/project/docs",
        "/health",
        "/openapi.json",
    ] {
        assert_eq!(asked(&app.anon(), "GET", path), [any(), None], "{path}");
        assert_eq!(asked(&app.anon(), "OPTIONS", path), [any(), Some("GET, HEAD, OPTIONS".into())], "{path}");
    }
    for path in ["/admin/stats", "/admin/tokens", "/admin/api-keys", "/admin", "/api/auth/login", "/metrics", "/readyz"]
    {
        for (role, method) in [(app.anon(), "GET"), (app.admin(), "GET"), (app.anon(), "OPTIONS")] {
            assert_eq!(asked(&role, method, path), [None, None], "{method} {path}");
        }
    }
}
