//! The checks that operators of the JavaScript edition run against a deployment, and what must never be told.

use serde_json::{Value, json};

use crate::support::{Ending, FakeUpstream, Reply, Role, ServerProcess, TestApp, binary, options, spoken};

#[test]
fn the_acceptance_script_of_the_javascript_edition_passes() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    accept(&app.client());
}

#[test]
fn it_passes_against_the_demonstration() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = [("LISTEN", "127.0.0.1:0".to_owned()), ("TMPDIR", dir.path().display().to_string())];
    let server = ServerProcess::launch(binary(&["demo"], &options.map(|(name, value)| (name.to_owned(), value))));
    let printed = server.printed("hello pool");
    let token = printed.split_once("Bearer ").and_then(|(_, rest)| rest.split_once('\'')).expect("a client token").0;
    accept(&Role::new(server.addr(), Some(token)));
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait().code, Some(0));
}

/// The seven tests of that script, by a client with a token.
fn accept(client: &Role) {
    const GLOBAL: [&str; 8] = [
        "totalRequests",
        "successCount",
        "failureCount",
        "successRate",
        "totalApiKeys",
        "activeKeys",
        "failedKeys",
        "storage",
    ];
    let models = client.without_token().get("/v1/models").expect(200).json();
    assert_eq!(models["object"], "list");
    let first = &models["data"][0];
    assert!(["id", "object", "created", "owned_by"].iter().all(|name| first.get(name).is_some()), "{models}");

    let templates = client.without_token().get("/api/test-templates").expect(200).json();
    let template = &templates["templates"][0];
    let fields = ["id", "label", "description", "systemPrompt", "userMessage", "temperature"];
    assert!(fields.iter().all(|name| template.get(name).is_some()), "{templates}");

    let stats = client.without_token().get("/admin/public-stats").expect(200).json();
    assert!(GLOBAL.iter().all(|name| stats["global"].get(name).is_some()), "{stats}");
    assert!(stats["topModels"].is_array() && stats["recentTopModels"].is_array(), "{stats}");
    assert_eq!(stats["hourlyTrend"].as_array().map(Vec::len), Some(24));

    let answer = client.chat("hi").send().expect(200).json();
    assert!(answer["choices"][0]["message"]["content"].is_string() && answer["usage"].is_object(), "{answer}");

    let (events, ending) = client.chat("hi").stream().rest();
    assert!(!spoken(&events).is_empty() && ending == Ending::Clean, "{events:?}");

    let messages = json!([
        {"role": "system", "content": template["systemPrompt"]},
        {"role": "user", "content": template["userMessage"]},
    ]);
    let asked = client.chat("").with("messages", messages).with("temperature", template["temperature"].clone());
    let answer = asked.send().expect(200).json();
    assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");

    let stranger = client.with_token("sk-invalid-token-000000000000000000000000000000000000");
    stranger.chat("hi").send().expect(401);
}

/// Calls made with whole secrets, as texts that must not be found anywhere afterwards.
struct Secrets {
    texts: Vec<String>,
    answers: Vec<String>,
}

impl Secrets {
    fn note(&mut self, reply: &Reply) {
        self.answers.push(format!("{:?} {}", reply.headers, reply.text()));
    }
}

#[test]
fn no_answer_and_no_log_line_has_a_whole_secret_but_the_answer_that_creates_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let upstream = FakeUpstream::start();
    let mut options = options(dir.path(), &upstream);
    options.push(("LOG_LEVEL".into(), "trace".into()));
    let server = ServerProcess::start(&options);
    let admin = Role::new(server.addr(), Some(crate::support::ADMIN_TOKEN));
    let created = admin.post("/admin/tokens", &json!({"name": "once"})).expect(200).json();
    let token = created["token"].as_str().expect("a token").to_owned();
    let keys = ["upstream-secret-number-one", "upstream-secret-number-two", "upstream-secret-never-added"];
    let mut secrets = Secrets { texts: keys.map(str::to_owned).into(), answers: Vec::new() };
    secrets.texts.extend([token.clone(), crate::support::ADMIN_TOKEN.to_owned()]);
    use_everything(&admin, &keys, &token, &mut secrets);
    server.signal(rustix::process::Signal::TERM);
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("TRACE") || ended.err.contains("DEBUG"), "the log was kept:\n{}", ended.err);
    for secret in &secrets.texts {
        for answer in &secrets.answers {
            assert!(!answer.contains(secret.as_str()), "{secret} is in {answer}");
        }
        assert!(!ended.err.contains(secret.as_str()), "{secret} is in the log");
        assert!(!ended.out.contains(secret.as_str()), "{secret} is in the output");
    }
    for entry in std::fs::read_dir(dir.path()).expect("the data directory") {
        let path = entry.expect("a directory entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        for secret in &secrets.texts {
            let found = memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

fn use_everything(admin: &Role, keys: &[&str; 3], token: &str, secrets: &mut Secrets) {
    let [one, two, never] = *keys;
    let posts: [(&str, Value); 9] = [
        ("/admin/api-keys", json!({"api_key": one})),
        ("/admin/api-keys", json!({"api_key": one})),
        ("/admin/api-keys", json!({"api_key": [never]})),
        ("/admin/api-keys", json!({"api_key": format!("{never} x")})),
        ("/admin/api-keys/import", json!({"keys": [one, two, two, format!("{never} x")]})),
        ("/admin/api-keys/import", json!({"keys": never})),
        ("/admin/keys/disable", json!({"apiKey": one})),
        ("/admin/keys/enable", json!({"apiKey": one})),
        ("/admin/keys/enable", json!({"apiKey": never})),
    ];
    for (path, body) in posts {
        secrets.note(&admin.post(path, &body));
    }
    let client = admin.with_token(token);
    for reply in [
        client.chat("hi").send(),
        client.chat("hi").with("model", "missing-model").send(),
        client.get("/v1/models"),
        client.get("/admin/stats"),
        admin.get("/admin/api-keys?fetch=all"),
        admin.get(&format!("/admin/api-keys?search={one}")),
        admin.get("/admin/keys/stats"),
        admin.get("/admin/tokens"),
        admin.get("/admin/stats"),
        admin.get("/metrics"),
        admin.get("/admin/public-stats"),
        admin.call("DELETE", &format!("/admin/api-keys/{never}")).send(),
        admin.call("DELETE", &format!("/admin/api-keys/{two}")).send(),
        admin.delete("/admin/api-keys", &json!({"apiKeys": [one, never]})),
        admin.delete("/admin/tokens", &json!({"token": token})),
    ] {
        secrets.note(&reply);
    }
}
