//! Providers and the cache in the console.

use serde_json::json;

use crate::support::TestApp;

const HERE: &str = "/dashboard/providers";

#[test]
fn a_provider_is_switched_off_and_on_and_its_clients_notice() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let (console, client) = (app.console(), app.client());
    client.chat("hi").send().expect(200);
    let page = console.get(HERE).expect(200).text();
    assert!(page.contains("Ollama Cloud") && page.contains("OpenRouter") && page.contains("No usable key"), "{page}");
    let off = console.submit("/dashboard/providers/ollama/off", &[]).text();
    assert!(off.contains("Ollama Cloud is off: requests to it are refused."), "{off}");
    assert!(off.contains("action=\"/dashboard/providers/ollama/on\""), "{off}");
    assert_ne!(client.chat("hi").send().status, 200);
    assert!(console.submit("/dashboard/providers/ollama/on", &[]).text().contains("Ollama Cloud is on."));
    client.chat("hi").send().expect(200);
    console.post("/dashboard/providers/nobody/off", &[]).expect(404);
    let log = app.admin().get("/admin/audit-log?action=setting").expect(200).json();
    assert_eq!((&log["total"], &log["entries"][0]["actor"]), (&json!(2), &json!("admin")), "{log}");
}

#[test]
fn a_provider_that_the_configuration_switches_is_switched_there() {
    let app = TestApp::builder().option("DISABLE_OPENROUTER", "true").start();
    let console = app.console();
    let page = console.get(HERE).expect(200).text();
    assert!(page.contains("Fixed by the environment variable DISABLE_OPENROUTER"), "{page}");
    assert!(!page.contains("/dashboard/providers/openrouter/on"), "{page}");
    let refused = console.post("/dashboard/providers/openrouter/on", &[]).expect(409);
    assert!(refused.text().contains("DISABLE_OPENROUTER"), "{}", refused.text());
}

#[test]
fn what_is_kept_is_told_and_cleared() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let (console, client) = (app.console(), app.client());
    assert!(console.get("/dashboard/cache").expect(200).text().contains("No answers are kept"));
    app.admin().call("PATCH", "/admin/settings").json(&json!({"cache.mode": "all"})).send().expect(200);
    for _ in 0..2 {
        client.chat("the same").send().expect(200);
    }
    let page = console.get("/dashboard/cache").expect(200).text();
    assert!(page.contains("All plain ones") && page.contains("50.0"), "{page}");
    let ask = console.get("/dashboard/cache/clear?scope=response").expect(200).text();
    assert!(ask.contains("<option value=\"response\"\n  selected>"), "{ask}");
    console.post("/dashboard/cache/clear", &[("scope", "response"), ("provider", "nobody")]).expect(404);
    let clear = |provider: &str| console.submit("/dashboard/cache/clear", &[("scope", "all"), ("provider", provider)]);
    assert!(clear("openrouter").text().contains("Cleared 0 entries."));
    assert!(clear("").text().contains("Cleared 1 entry."));
    let stats = app.admin().get("/admin/cache/stats").expect(200).json();
    assert_eq!(stats["byType"]["response"], 0, "{stats}");
}
