//! The overview: how the pool is, what needs somebody, and what was asked of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Role, TestApp};

const HERE: &str = "/dashboard";
const HOUR: Duration = Duration::from_hours(1);

fn ask(client: &Role, model: &str, status: u16) {
    let body = json!({"model": model, "messages": []});
    client.call("POST", "/v1/chat/completions").json(&body).send().expect(status);
}

#[track_caller]
fn page(app: &TestApp, query: &str) -> String {
    app.console().get(&format!("{HERE}{query}")).expect(200).text()
}

/// What a chart is drawn from.
#[track_caller]
fn data(page: &str, id: &str) -> Value {
    let (_, rest) = page.split_once(&format!("id=\"{id}-data\">")).unwrap_or_else(|| panic!("no {id} in {page}"));
    serde_json::from_str(rest.split("</script>").next().expect("an end")).expect("JSON")
}

/// The text of a part, without its tags and with single spaces.
#[track_caller]
fn told(page: &str, from: &str, to: &str) -> String {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
    let part = rest.split(to).next().unwrap_or_default();
    let words: Vec<_> = part.split('<').map(|tag| tag.split_once('>').map_or(tag, |(_, text)| text)).collect();
    words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What needs somebody. How much space the tests' disk has is no matter of theirs.
#[track_caller]
fn attention(page: &str) -> Vec<String> {
    let Some((_, list)) = page.split_once("<ol class=\"attention\">") else { return Vec::new() };
    let items = list.split("</ol>").next().unwrap_or_default().split("<li ").skip(1);
    items.map(|item| told(item, ">", "</li>")).filter(|item| !item.contains("left on the disk")).collect()
}

#[test]
fn strangers_are_led_to_where_one_signs_in() {
    let app = TestApp::builder().start();
    let reply = app.browser().get("/dashboard?range=7d").expect(303);
    assert_eq!(reply.header("location"), Some("/dashboard/sign-in?next=%2Fdashboard%3Frange%3D7d"));
}

#[test]
fn an_empty_pool_shows_the_way_to_the_first_answer_until_it_is_in_use() {
    let app = TestApp::builder().start();
    let way = "href=\"/dashboard/start\"";
    let empty = page(&app, "");
    assert!(empty.contains(way) && attention(&empty).is_empty(), "{empty}");
    app.add_api_key("ollama", "upstream-key-0001");
    assert!(page(&app, "").contains(way), "nobody could ask");
    let client = app.client();
    assert!(!page(&app, "").contains(way));
    ask(&client, "m", 200);
    assert!(!page(&app, "").contains(way));
}

#[test]
fn what_is_wrong_is_told_worst_first_with_a_way_to_it() {
    let keys = ["upstream-key-bad1", "upstream-key-slow", "upstream-key-good"];
    let app = TestApp::builder().api_keys(&keys).start();
    app.upstream.key(keys[0]).always(Answer::status(401));
    app.upstream.key(keys[1]).always(Answer::status(429).retry_after(48 * 3_600));
    app.admin().post("/admin/verify-key", &json!({"apiKey": keys[0]})).expect(200);
    let client = app.client();
    app.client_with(&json!({"name": "<b>n8n</b>", "expiresIn": 2 * 86_400}));
    for _ in 0..4 {
        ask(&client, "m", 200);
    }
    let console = page(&app, "");
    let expected = [
        "1 key is rejected by Ollama Cloud. Waiting does not help: replace or delete what is wrong. Review keys",
        "1 key rests for more than a day at Ollama Cloud: quotas that are used up, as a rule. Review keys",
        "Token “&lt;b&gt;n8n&lt;/b&gt;” expires in 2 d Extend",
    ];
    assert_eq!(attention(&console), expected);
    assert!(console.contains("href=\"/dashboard/keys?provider=ollama&amp;state=rejected\""), "{console}");
    assert!(console.contains("All that was looked at:"), "{console}");
    assert_eq!(
        told(&console, "id=\"pool\">", "</ul>"),
        "Key pool All keys 1 of 3 keys usable Usable 1 Cooling down 1 Rejected 1 Disabled 0 Expired 0"
    );
    let chinese = app.console().in_chinese().get(HERE).expect(200).text();
    assert!(attention(&chinese)[0].starts_with("1 个密钥被拒绝： 由 Ollama Cloud 拒绝。"), "{chinese}");
}

#[test]
fn a_provider_without_a_usable_key_is_the_worst_and_says_when_one_comes_back() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.upstream.any_key().plays([Answer::status(429).retry_after(3_600)]);
    let client = app.client();
    ask(&client, "m", 429);
    let console = page(&app, "");
    let expected =
        "No key of Ollama Cloud is usable and its requests are refused. The first comes back in 1 h Review keys";
    assert_eq!(attention(&console), [expected]);
    app.clock.advance(HOUR);
    assert!(attention(&page(&app, "")).is_empty());
    let body = json!({"apiKey": "upstream-key-0001", "duration": 0});
    app.admin().post("/admin/keys/disable", &body).expect(200);
    assert!(attention(&page(&app, ""))[0].contains("all are disabled or expired."));
}

#[test]
fn a_provider_and_a_model_that_rest_are_told_with_why_and_until_when() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.upstream.any_key().plays([Answer::status(503).retry_after(30)]);
    ask(&app.client(), "<i>m</i>", 503);
    let console = page(&app, "");
    let (attention, row) = (attention(&console).join(" "), told(&console, "id=\"provider-ollama\">", "</tr>"));
    assert!(
        attention.contains("rests") && attention.contains("Overloaded. Asked again in 30 s Show providers"),
        "{attention}"
    );
    assert!(row.contains("rest") && !row.contains("Answering"), "{row}");
    assert!(!console.contains("<i>m</i>"), "{console}");
}

#[test]
fn figures_are_those_of_the_range_and_the_provider_that_the_address_names() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let client = app.client_with(&json!({"name": "all", "provider": "all"}));
    // Two requests in the hour after noon, and three on the next day an hour later.
    for (hours, requests) in [(0, 2), (25, 2)] {
        app.clock.advance(HOUR * hours + Duration::from_mins(10));
        for _ in 0..requests {
            ask(&client, "m", 200);
        }
    }
    // The name of a model that was never answered for is not kept.
    ask(&client, "</script><b>m", 200);
    app.upstream.any_key().plays([Answer::status(400)]);
    ask(&client, "m", 400);
    let day = page(&app, "");
    let requests = data(&day, "chart-requests");
    assert_eq!((&requests["step"], &requests["series"][0]["values"][23]), (&json!(3_600_000), &json!(3)), "{requests}");
    assert_eq!(requests["x"].as_array().map(Vec::len), Some(24));
    let errors = data(&day, "chart-errors");
    let classes: Vec<_> = errors["series"].as_array().into_iter().flatten().map(|one| &one["values"][23]).collect();
    assert_eq!(classes, [0, 0, 1, 0], "limits, upstream, client, cut short: {errors}");
    assert!(data(&day, "chart-speed")["series"][2]["values"][0].is_null(), "an unknown value is no zero");
    assert!(!day.contains("</script><b>"), "{day}");
    assert_eq!(told(&day, "Requests today", "</div>"), "4 +100 % on yesterday");
    let models = told(&day, "id=\"models\"", "</table>");
    assert!(models.ends_with("m 3 66.7 % – &lt;/script&gt;&lt;b&gt;m 1 100.0 % –"), "{models}");

    let week = page(&app, "?range=7d&provider=ollama");
    let requests = data(&week, "chart-requests");
    assert_eq!(requests["series"][0]["values"], json!([0, 0, 0, 0, 0, 2, 3]), "{requests}");
    for way in ["/dashboard?provider=ollama", "/dashboard?provider=ollama&amp;range=30d"] {
        assert!(week.contains(&format!("href=\"{way}\"")), "{week}");
    }
    let words = week.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("<option value=\"ollama\" selected>"), "{week}");
    let other = page(&app, "?provider=openrouter");
    assert!(other.contains("Nothing was asked in 24 h."), "{other}");
    assert_eq!(told(&other, "Requests today", "</div>"), "0 0 yesterday by now");
    assert_eq!(data(&page(&app, "?range=never&provider=%3Cb%3E"), "chart-requests")["step"], 3_600_000);
}

#[test]
fn the_busiest_clients_are_those_of_the_provider() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.add_api_key("openrouter", "sk-or-v1-0001");
    let [here, there] = ["here", "there"].map(|name| app.client_with(&json!({"name": name, "provider": "all"})));
    ask(&here, "m", 200);
    here.chat("hi").via("/openrouter").send().expect(200);
    there.chat("hi").via("/openrouter").send().expect(200);
    let clients = |query| told(&page(&app, query), "id=\"clients\"", "</section>");
    assert!(clients("").contains("here 2 ") && clients("").contains("there 1 "), "{}", clients(""));
    let ollama = clients("?provider=ollama");
    assert!(ollama.contains("here 1 ") && !ollama.contains("there"), "{ollama}");
}
