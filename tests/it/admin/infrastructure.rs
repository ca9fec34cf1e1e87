//! `/health`, `/readyz`, and `/metrics` while a request runs: for whoever watches, without a credential.

use serde_json::json;

use crate::support::{Answer, TestApp};

#[test]
fn health_and_readiness_answer_everybody() {
    let app = TestApp::builder().start();
    let health = app.anon().get("/health").expect(200).json();
    assert_eq!((&health["status"], &health["service"]), (&json!("ok"), &json!("ollama-api-pool")));
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["timestamp"], "2026-01-01T12:00:00.000Z");
    assert!(health["uptime"].as_u64().is_some_and(|seconds| seconds < 60), "{health}");
    assert_eq!(app.anon().get("/readyz").expect(200).json(), json!({"status": "ready"}));
    let head = app.anon().call("HEAD", "/health").open();
    assert_eq!(head.status, 200);
}

#[test]
fn metrics_count_requests_tokens_and_keys() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001", "upstream-key-0002"]).start();
    let gate = app.upstream.gate();
    app.upstream.key("upstream-key-0001").plays([Answer::status(429).retry_after(600)]);
    app.upstream.key("upstream-key-0002").plays([Answer::ok_json("a"), Answer::status(400)]);
    let client = app.client();
    client.chat("hi").send().expect(200);
    client.chat("hi").send().expect(400);
    app.upstream.key("upstream-key-0002").plays([Answer::ok_json("b").held_by(&gate)]);
    let running = client.chat("hi").start();
    app.upstream.request(3);
    let reply = app.anon().get("/metrics").expect(200);
    let content_type = reply.header("content-type").expect("a content type").to_owned();
    assert!(content_type.starts_with("application/openmetrics-text"), "{content_type}");
    let text = reply.text();
    for line in [
        r#"ollama_api_pool_requests_total{provider="ollama",outcome="success"} 1"#,
        r#"ollama_api_pool_requests_total{provider="ollama",outcome="failure"} 1"#,
        r#"ollama_api_pool_tokens_total{provider="ollama",direction="input"} 3"#,
        r#"ollama_api_pool_tokens_total{provider="ollama",direction="output"} 2"#,
        r#"ollama_api_pool_api_keys{provider="ollama"} 2"#,
        r#"ollama_api_pool_api_keys{provider="openrouter"} 0"#,
        r#"ollama_api_pool_attempts_in_flight{provider="ollama"} 1"#,
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in:\n{text}");
    }
    assert!(text.contains(r#"ollama_api_pool_api_keys_resting{provider="ollama",reason=""#), "{text}");
    assert!(!text.contains("upstream-key") && !text.contains("0001"), "{text}");
    gate.open();
    assert_eq!(running.head().expect("an answer").status, 200);
}
