//! What a busy server says when it says all it can.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::client::{Client, Identity, Protocol};
use crate::proxy::tunneling_proxy;
use crate::support::{ADMIN_TOKEN, Answer, FakeUpstream, ServerProcess, options};

const KEYS: [&str; 3] = ["upstream-secret-number-one", "upstream-secret-number-two", "upstream-secret-number-three"];
const PASSWORD: &str = "correct-horse-of-the-proxy";

/// Keys, tokens, requests that succeed, fail and stream, in this protocol. Gives the tokens that were made.
fn keep_busy(client: &Client, identity: &Identity, protocol: Protocol) -> Vec<String> {
    let mut connection = client.connect(protocol, identity);
    let mut admin = |method, path: &str, body: &Value| connection.call(method, path, ADMIN_TOKEN, body);
    for key in KEYS {
        admin("POST", "/admin/api-keys", &json!({"api_key": key}));
        admin("POST", "/admin/verify-key", &json!({"apiKey": key}));
    }
    admin("POST", "/admin/api-keys/import", &json!({"keys": KEYS}));
    admin("GET", &format!("/admin/api-keys?search={}", KEYS[0]), &Value::Null);
    let (status, made) = admin("POST", "/admin/tokens", &json!({"name": "one"}));
    assert_eq!(status, 200, "{made}");
    let token = made["token"].as_str().expect("a token").to_owned();
    let id = made["id"].as_str().expect("an id").to_owned();
    let mut connection = client.connect(protocol, identity);
    for is_stream in [false, true, false] {
        let body = json!({"model": "m", "stream": is_stream, "messages": [{"role": "user", "content": "hi"}]});
        connection.call("POST", "/v1/chat/completions", &token, &body);
    }
    connection.call("POST", "/v1/chat/completions", &token, &json!({"model": "m", "messages": []}));
    connection.call("GET", "/v1/models", &token, &Value::Null);
    connection.call("GET", "/admin/stats", &token, &Value::Null);
    let (_, rotated) = connection.call("POST", &format!("/admin/tokens/{id}/rotate"), ADMIN_TOKEN, &Value::Null);
    let rotated = rotated["token"].as_str().expect("another token").to_owned();
    connection.call("GET", "/metrics", "", &Value::Null);
    vec![token, rotated]
}

#[test]
fn no_secret_is_in_the_log_at_its_loudest() {
    for format in ["text", "json"] {
        let (dir, upstream, identity) =
            (tempfile::tempdir().expect("a temporary directory"), FakeUpstream::start(), Identity::new());
        upstream.key(KEYS[0]).always(Answer::status(429).retry_after(600));
        upstream.key(KEYS[1]).plays([Answer::status(401), Answer::status(500)]);
        let (proxy, _heads) = tunneling_proxy();
        let mut options = options(&dir.path().join("data"), &upstream);
        let more = [
            ("LOG_LEVEL", "trace".to_owned()),
            ("LOG_FORMAT", format.to_owned()),
            ("OLLAMA_PROXY", format!("http://operator:{PASSWORD}@{proxy}")),
        ];
        options
            .extend(more.into_iter().chain(identity.write(dir.path())).map(|(name, value)| (name.to_owned(), value)));
        let server = ServerProcess::start(&options);
        let client = Client::of(server.addr());
        let tokens =
            [Protocol::Http1, Protocol::Http2].map(|protocol| keep_busy(&client, &identity, protocol)).concat();
        server.signal(Signal::HUP);
        server.signal(Signal::TERM);
        let ended = server.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.err.contains("TRACE") && ended.err.contains("h2::"), "it is loud:\n{}", ended.err);
        let master_key = options.iter().find(|(name, _)| name == "MASTER_KEY").expect("the master key").1.clone();
        // As the proxy is sent it.
        let credentials = "b3BlcmF0b3I6Y29ycmVjdC1ob3JzZS1vZi10aGUtcHJveHk=".to_owned();
        let given = KEYS.into_iter().chain([ADMIN_TOKEN, PASSWORD]).map(str::to_owned);
        for secret in given.chain(tokens).chain([master_key, credentials]) {
            let line = ended.err.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
    }
}
