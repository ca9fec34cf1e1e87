//! What happens to clients that call themselves a bot.

use rustix::process::Signal;

use super::{code, counts};
use crate::support::{ADMIN_TOKEN, FakeUpstream, Role, ServerProcess, TestApp, options};

const BOT: &str = "python-requests/2.32.3";
const OTHERS: [&str; 3] = ["OpenAI/Python 1.54.0", "Mozilla/5.0 (compatible; Googlebot/2.1)", ""];

#[test]
fn bots_are_served_unless_they_are_refused() {
    for policy in [None, Some("off"), Some("false"), Some("log"), Some("true")] {
        let app = TestApp::builder().api_keys(&["a"]);
        let app = policy.into_iter().fold(app, |app, policy| app.option("ENABLE_BOT_DETECTION", policy)).start();
        app.client().chat("hi").header("user-agent", BOT).send().expect(200);
    }
}

#[test]
fn refused_bots_learn_nothing_and_others_are_served() {
    let app = TestApp::builder().option("ENABLE_BOT_DETECTION", "refuse").api_keys(&["a"]).start();
    let client = app.client();
    let refused = client.chat("hi").header("user-agent", BOT).send().expect(403);
    assert_eq!(code(&refused), "client_not_allowed");
    assert_eq!(code(&app.anon().chat("hi").header("user-agent", BOT).send().expect(403)), "client_not_allowed");
    let native = client.call("GET", "/api/tags").header("user-agent", "CURL/8.5").send().expect(403);
    assert!(native.json()["error"].is_string(), "{}", native.text());
    assert!(app.upstream.requests().is_empty());
    for other in OTHERS {
        client.chat("hi").header("user-agent", other).send().expect(200);
    }
    assert_eq!(counts(&app), [3, 3, 0, 0]);
    app.anon().call("GET", "/health").header("user-agent", BOT).send().expect(200);
}

#[test]
fn a_bot_is_logged_in_one_line_that_names_its_request() {
    let (dir, upstream) = (tempfile::tempdir().expect("a temporary directory"), FakeUpstream::start());
    let mut options = options(dir.path(), &upstream);
    options.push(("ENABLE_BOT_DETECTION".into(), "log".into()));
    let server = ServerProcess::start(&options);
    let anon = Role::new(server.addr(), None);
    let bot = anon.chat("hi").header("user-agent", &format!("{BOT} {}", "é".repeat(1_000))).send().expect(401);
    let id = bot.header("x-request-id").expect("an id").to_owned();
    for other in OTHERS {
        anon.chat("hi").header("user-agent", other).send().expect(401);
    }
    Role::new(server.addr(), Some(ADMIN_TOKEN)).get("/admin/stats").expect(200);
    server.signal(Signal::TERM);
    let log = server.wait().err;
    let lines: Vec<_> = log.lines().filter(|line| line.contains("a bot asks")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    for part in [id.as_str(), "INFO", "client.address=127.0.0.1", BOT] {
        assert!(lines[0].contains(part), "{part} is not in {}", lines[0]);
    }
    assert!(lines[0].len() < 1_000, "{}", lines[0]);
}
