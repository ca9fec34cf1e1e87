//! The response cache: who may share an answer and who may not, and what happens while one is on its way.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{app_with_keys, code, counts, eventually, failures, nothing_in_flight, said, tokens, totals};
use crate::support::{Answer, Call, Reply, Role, TestApp};

/// An app with one API key whose cache keeps everything.
fn caching(changes: &Value) -> TestApp {
    let app = app_with_keys(1);
    set(&app, &json!({"cache.mode": "all"}));
    set(&app, changes);
    app
}

#[track_caller]
fn set(app: &TestApp, changes: &Value) {
    app.admin().call("PATCH", "/admin/settings").json(changes).send().expect(200);
}

fn x_cache(reply: &Reply) -> &str {
    reply.header("x-cache").unwrap_or("none")
}

/// What the cache of this name holds and did.
#[track_caller]
fn figures(app: &TestApp, name: &str) -> Value {
    let stats = app.admin().get("/admin/cache/stats").expect(200).json();
    let caches = stats["caches"].as_array().expect("a list");
    caches.iter().find(|cache| cache["name"] == name).unwrap_or_else(|| panic!("{name} in {stats}")).clone()
}

fn chat(role: &Role, body: &str) -> Call {
    role.call("POST", "/v1/chat/completions").header("content-type", "application/json").body(body)
}

/// Asks for one after the other and says whether the second was answered by the first's answer.
#[track_caller]
fn shares(app: &TestApp, first: Call, second: Call) -> bool {
    let before = app.upstream.requests().len();
    assert_eq!(x_cache(&first.send().expect(200)), "MISS");
    let reply = second.send().expect(200);
    let calls = app.upstream.requests().len() - before;
    match x_cache(&reply) {
        "HIT" => assert_eq!((calls, reply.header("age")), (1, Some("0"))),
        other => assert_eq!((calls, other, reply.header("age")), (2, "MISS", None)),
    }
    app.admin().post("/admin/cache/clear", &json!({})).expect(200);
    calls == 1
}

const ASKED: &str = r#"{"model":"test-model","messages":[{"role":"user","content":"hi"}],"temperature":0,"seed":7}"#;

#[test]
fn bodies_that_say_the_same_share_an_answer() {
    let app = caching(&json!({}));
    let client = app.client();
    for same in [
        ASKED,
        r#"{"seed":7,"temperature":0,"messages":[{"content":"hi","role":"user"}],"model":"test-model"}"#,
        "\r\n{ \"model\" : \"test-model\" ,\t\"messages\":[ {\"role\":\"user\",\"content\":\"hi\"} ],\"temperature\":0,\"seed\":7 } ",
        r#"{"model":"test-model","messages":[{"role":"user","content":"hi"}],"temperature":0.0,"seed":7.0}"#,
        r#"{"model":"test-model","messages":[{"role":"user","content":"hi"}],"temperature":-0e3,"seed":70e-1}"#,
        r#"{"\u006dodel":"test\u002dmodel","messages":[{"role":"user","content":"\u0068i"}],"temperature":0,"seed":7}"#,
    ] {
        assert!(shares(&app, chat(&client, ASKED), chat(&client, same)), "{same}");
    }
}

#[test]
fn bodies_that_ask_anything_else_do_not() {
    let app = caching(&json!({}));
    let client = app.client();
    let with = |field: &str, value: Value| chat(&client, ASKED).with(field, value);
    let tool = |name: &str| json!([{"type": "function", "function": {"name": name, "parameters": {}}}]);
    for (field, value) in [
        ("model", json!("other-model")),
        ("messages", json!([{"role": "user", "content": "hi "}])),
        ("messages", json!([{"role": "system", "content": "hi"}])),
        ("messages", json!([{"role": "user", "content": "hi"}, {"role": "user", "content": "hi"}])),
        ("temperature", json!(1)),
        ("temperature", Value::Null),
        ("seed", json!(8)),
        ("seed", json!("7")),
        ("top_p", json!(0.5)),
        ("top_k", json!(1)),
        ("n", json!(2)),
        ("stop", json!(["x"])),
        ("max_tokens", json!(5)),
        ("response_format", json!({"type": "json_object"})),
        ("tools", tool("a")),
        ("tool_choice", json!("none")),
        ("user", json!("somebody")),
        ("stream", json!(false)),
        ("unheard_of", json!(true)),
    ] {
        assert!(!shares(&app, chat(&client, ASKED), with(field, value.clone())), "{field}: {value}");
    }
    assert!(!shares(&app, with("tools", tool("a")), with("tools", tool("b"))));
    let numbers = |seed: &str| chat(&client, &ASKED.replace("\"seed\":7", &format!("\"seed\":{seed}")));
    assert!(!shares(&app, numbers("9007199254740992"), numbers("9007199254740993")), "neighbors that a float unites");
    assert!(!shares(&app, numbers("[1,2]"), numbers("[2,1]")));
}

#[test]
fn paths_queries_headers_and_providers_keep_answers_apart() {
    let app = caching(&json!({}));
    app.add_api_key("openrouter", "router-key");
    let client = app.client_with(&json!({"name": "all", "provider": "all"}));
    app.upstream.any_key().path("/v1/completions").always(Answer::ok_json("completed"));
    let asked = || chat(&client, ASKED);
    let at = |path: &str| client.call("POST", path).header("content-type", "application/json").body(ASKED);
    assert!(!shares(&app, asked(), at("/v1/completions")));
    assert!(!shares(&app, asked(), at("/v1/chat/completions?a=1")));
    assert!(!shares(&app, asked(), asked().via("/openrouter")));
    assert!(shares(&app, asked(), asked().via("/ollama")), "the default provider by its name");
    for (name, value) in [
        ("accept", "text/plain"),
        ("accept-language", "de"),
        ("anthropic-beta", "x"),
        ("anthropic-version", "2023-06-01"),
        ("x-openrouter-mode", "x"),
    ] {
        assert!(!shares(&app, asked(), asked().header(name, value)), "{name}");
        assert!(shares(&app, asked().header(name, value), asked().header(name, value)), "{name}");
    }
    let typed = client.call("POST", "/v1/chat/completions").header("content-type", "text/plain").body(ASKED);
    assert!(!shares(&app, asked(), typed));
    for (name, value) in [("user-agent", "x"), ("x-title", "x"), ("origin", "https://a.b")] {
        assert!(shares(&app, asked(), asked().header(name, value)), "{name}");
    }
}

#[test]
fn tokens_share_only_where_that_is_set() {
    let app = caching(&json!({}));
    let (one, other) = (app.client(), app.client());
    assert!(!shares(&app, chat(&one, ASKED), chat(&other, ASKED)));
    set(&app, &json!({"cache.shared": true}));
    assert!(shares(&app, chat(&one, ASKED), chat(&other, ASKED)));
    app.bearer("sk-wrong").chat("hi").send().expect(401);
}

#[test]
fn the_mode_decides_who_may_use_it() {
    let app = app_with_keys(1);
    let client = app.client();
    let asked = |n: usize| client.chat("hi").with("top_k", n);
    assert_eq!(x_cache(&asked(0).send().expect(200)), "none");
    assert_eq!(x_cache(&asked(0).with("temperature", 0).send().expect(200)), "none");
    set(&app, &json!({"cache.mode": "deterministic"}));
    for (n, (field, value), expected) in [
        (1, ("temperature", json!(0)), "MISS"),
        (1, ("temperature", json!(0.0)), "HIT"),
        (2, ("seed", json!(5)), "MISS"),
        (2, ("seed", json!(5)), "HIT"),
        (3, ("temperature", json!(0.1)), "BYPASS"),
        (3, ("seed", Value::Null), "BYPASS"),
        (3, ("temperature", json!("0")), "BYPASS"),
        (3, ("options", json!({"temperature": 0})), "BYPASS"),
    ] {
        assert_eq!(x_cache(&asked(n).with(field, value.clone()).send().expect(200)), expected, "{field}: {value}");
    }
    let mut stream = asked(1).with("temperature", 0).stream();
    assert_eq!(stream.headers.get("x-cache"), Some("BYPASS"));
    stream.rest();
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let deep = chat(&client, &format!(r#"{{"model":"test-model","temperature":0,"messages":[],"a":{deep}}}"#));
    assert_eq!(x_cache(&deep.send().expect(200)), "BYPASS", "nested too deeply to be compared");
    let equal_keys = r#"{"model":"test-model","temperature":0,"messages":[],"a":{"b":1,"b":2}}"#;
    assert_eq!(x_cache(&chat(&client, equal_keys).send().expect(200)), "BYPASS", "what it says is not certain");
    let long = |blanks: usize| {
        let body = r#"{"model":"test-model","temperature":0,"messages":[{"role":"user","content":"x"}]}"#;
        x_cache(&chat(&client, &format!("{body}{}", " ".repeat(blanks - body.len()))).send().expect(200)).to_owned()
    };
    assert_eq!((long(1 << 20).as_str(), long((1 << 20) + 1).as_str()), ("MISS", "BYPASS"));
    let embed = |app: &TestApp| {
        let body = json!({"model": "test-model", "input": "a"});
        app.bearer(client.token()).post("/v1/embeddings", &body).expect(200)
    };
    assert_eq!(x_cache(&embed(&app)), "BYPASS");
    set(&app, &json!({"cache.mode": "all"}));
    assert_eq!((x_cache(&embed(&app)), x_cache(&embed(&app))), ("MISS", "HIT"));
    set(&app, &json!({"cache.mode": "off"}));
    assert_eq!(x_cache(&asked(1).with("temperature", 0).send().expect(200)), "none");
}

#[test]
fn switching_it_off_forgets_what_is_kept() {
    let app = caching(&json!({}));
    let client = app.client();
    assert_eq!(x_cache(&client.chat("hi").send().expect(200)), "MISS");
    assert_eq!(figures(&app, "response")["entries"], 1);
    set(&app, &json!({"cache.mode": "off"}));
    assert_eq!(figures(&app, "response")["entries"], 0);
    set(&app, &json!({"cache.mode": "all"}));
    assert_eq!(x_cache(&client.chat("hi").send().expect(200)), "MISS");
}

#[test]
fn ollamas_own_form_is_kept_too() {
    let app = app_with_keys(1);
    set(&app, &json!({"cache.mode": "deterministic"}));
    let client = app.client();
    app.upstream.any_key().path("/api/chat").always(Answer::json(200, &json!({"message": {"content": "hi"}})));
    let ask = |options: Value| {
        let body = json!({"model": "test-model", "messages": [], "stream": false, "options": options});
        x_cache(&client.post("/api/chat", &body).expect(200)).to_owned()
    };
    assert_eq!(["MISS", "HIT"], [(); 2].map(|()| ask(json!({"seed": 1}))).each_ref().map(String::as_str));
    assert_eq!(ask(json!({})), "BYPASS");
}

#[test]
fn an_answer_has_an_age_and_an_end() {
    let app = caching(&json!({"cache.ttl_seconds": 60}));
    let client = app.client();
    let ask = || client.chat("hi").send().expect(200);
    let first = ask();
    app.clock.advance(Duration::from_secs(59));
    let second = ask();
    assert_eq!((x_cache(&second), second.header("age")), ("HIT", Some("59")));
    assert_eq!((first.body, first.headers.get("content-type")), (second.body, second.headers.get("content-type")));
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(x_cache(&ask()), "MISS");
    assert_eq!(x_cache(&ask()), "HIT");
}

#[test]
fn the_clients_cache_control_is_honored() {
    let app = caching(&json!({}));
    let client = app.client();
    let ask = |control: &str| client.chat("hi").header("cache-control", control).send();
    let refused = ask("only-if-cached").expect(504);
    assert_eq!(code(&refused), "not_cached");
    assert_eq!((app.upstream.requests().len(), counts(&app)), (0, [0, 0, 0, 0]));
    assert_eq!(x_cache(&ask("no-store").expect(200)), "BYPASS");
    assert_eq!(x_cache(&ask("No-Cache").expect(200)), "MISS", "nothing was stored");
    assert_eq!(x_cache(&ask("only-if-cached").expect(200)), "HIT", "but now it is");
    app.upstream.any_key().plays([Answer::ok_json("newer")]);
    assert_eq!(said(&ask("max-age=0").expect(200)), "newer");
    assert_eq!(said(&ask("").expect(200)), "newer");
    app.clock.advance(Duration::from_secs(10));
    assert_eq!(x_cache(&ask("max-age=10, only-if-cached").expect(200)), "HIT");
    ask("max-age=9, only-if-cached").expect(504);
    ask("no-store, only-if-cached").expect(504);
    app.upstream.any_key().plays([Answer::ok_json("newest")]);
    assert_eq!(said(&ask("max-age=9").expect(200)), "newest");
    assert_eq!(x_cache(&ask("max-stale, s-maxage=0, max-age=x").expect(200)), "HIT");
}

/// Waits until so many wait for the upstream, with their own call or somebody else's.
#[track_caller]
fn in_flight(app: &TestApp, n: u64) {
    eventually("those who wait", || figures(app, "response")["in_flight"] == n);
}

/// So many ask the same at once, and all of them do before the upstream answers.
fn together(app: &TestApp, n: u64, answer: Answer) -> Vec<Reply> {
    let client = app.client();
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([answer.held_by(&gate)]);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..n).map(|_| scope.spawn(|| client.chat("the same").send())).collect();
        in_flight(app, n);
        gate.open();
        asking.into_iter().map(|reply| reply.join().expect("an answer")).collect()
    })
}

#[test]
fn those_who_ask_the_same_at_once_share_one_call() {
    let app = caching(&json!({}));
    let replies = together(&app, 10, Answer::ok_json("once"));
    assert!(replies.iter().all(|reply| reply.status == 200 && said(reply) == "once"));
    assert_eq!(replies.iter().filter(|reply| x_cache(reply) == "MISS").count(), 1);
    assert_eq!(app.upstream.requests().len(), 1);
    assert_eq!((counts(&app), tokens(&app)), ([10, 10, 0, 0], (3, 2)), "each is a request, and one used tokens");
    assert_eq!(totals(&app)["cache_hits"], 9);
    let cache = figures(&app, "response");
    assert_eq!((&cache["misses"], &cache["shared"], &cache["in_flight"]), (&json!(1), &json!(9), &json!(0)));
    nothing_in_flight(&app);
}

#[test]
fn a_leader_that_fails_tells_those_who_wait_and_nothing_is_kept() {
    let app = caching(&json!({}));
    let replies = together(&app, 6, Answer::status(429).retry_after(77));
    assert!(
        replies.iter().all(|reply| reply.status == 429 && reply.header("retry-after") == Some("77")),
        "{replies:?}"
    );
    assert!(replies.iter().all(|reply| x_cache(reply) == "MISS" && reply.body == replies[0].body), "{replies:?}");
    assert_eq!((app.upstream.requests().len(), counts(&app)), (1, [6, 0, 6, 0]));
    assert_eq!(failures(&app), [6, 0, 0, 0]);
    assert_eq!(figures(&app, "response")["entries"], 0);
    app.clock.advance(Duration::from_secs(78));
    assert_eq!(x_cache(&app.client().chat("the same").send().expect(200)), "MISS");
}

#[test]
fn a_refusal_of_the_request_is_told_to_all_as_it_came() {
    let app = caching(&json!({}));
    let refusal = json!({"error": {"message": "no such thing", "type": "x", "code": "y"}});
    let replies = together(&app, 3, Answer::json(400, &refusal));
    assert!(replies.iter().all(|reply| reply.status == 400 && reply.json() == refusal), "{replies:?}");
    assert_eq!((app.upstream.requests().len(), failures(&app)), (1, [0, 0, 3, 0]));
}

#[test]
fn those_who_wait_for_what_cannot_be_shared_ask_for_themselves() {
    let app = caching(&json!({}));
    let large = Answer::ok_json(&"x".repeat(2 << 20));
    app.upstream.any_key().always(large.clone());
    let replies = together(&app, 4, large);
    assert!(replies.iter().all(|reply| x_cache(reply) == "MISS" && said(reply).len() == 2 << 20));
    assert_eq!(app.upstream.requests().len(), 4);
    eventually("everybody to be counted", || counts(&app) == [4, 4, 0, 0]);
    nothing_in_flight(&app);
}

#[test]
fn a_leader_that_leaves_leaves_the_others_their_answer() {
    let app = caching(&json!({}));
    let client = app.client();
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::hang(), Answer::ok_json("from the second call").held_by(&gate)]);
    let leader = client.chat("the same").start();
    eventually("the leader's call", || app.upstream.requests().len() == 1);
    let others: Vec<_> = (0..4).map(|_| client.chat("the same").start()).collect();
    in_flight(&app, 5);
    leader.close();
    eventually("another one's call", || app.upstream.requests().len() == 2);
    gate.open();
    for other in others {
        assert_eq!(other.head().expect("an answer").status, 200);
    }
    assert_eq!(app.upstream.requests().len(), 2);
    eventually("everybody to be counted", || counts(&app) == [5, 4, 0, 1]);
    nothing_in_flight(&app);
}

#[test]
fn an_answer_too_large_to_hold_is_for_the_one_who_asked() {
    let app = caching(&json!({}));
    let client = app.client();
    let large = "x".repeat(2 << 20);
    app.upstream.any_key().always(Answer::ok_json(&large));
    let ask = || client.chat("a book").send().expect(200);
    let sizes: Vec<_> = (0..2).map(|_| (x_cache(&ask()).to_owned(), said(&ask()).len())).collect();
    assert_eq!(sizes, vec![("MISS".to_owned(), 2 << 20); 2]);
    assert_eq!(app.upstream.requests().len(), 4);
    assert_eq!(figures(&app, "response")["entries"], 0);
}

#[test]
fn streams_and_what_is_no_json_are_not_kept() {
    let app = caching(&json!({}));
    let client = app.client();
    for answer in [Answer::ok_sse(&["unasked"]), Answer::status(200).raw_body("fine"), Answer::status(200).raw_body("")]
    {
        app.upstream.any_key().plays([answer.clone(), answer]);
        for _ in 0..2 {
            assert_eq!(x_cache(&client.chat("hi").send().expect(200)), "MISS");
        }
    }
    for status in [400, 404, 422] {
        app.upstream.any_key().plays([Answer::status(status), Answer::status(status)]);
        for _ in 0..2 {
            assert_eq!(x_cache(&client.chat("hi").send().expect(status)), "MISS");
        }
    }
    assert_eq!(figures(&app, "response")["entries"], 0);
}

#[test]
fn memory_stays_within_its_bound_however_much_is_asked() {
    const BOUND: u64 = 1 << 20;
    let app = caching(&json!({"cache.max_bytes": BOUND}));
    let client = app.client();
    app.upstream.any_key().always(Answer::ok_json(&"x".repeat(20_000)));
    for n in 0..120 {
        client.chat(&format!("question {n}")).send().expect(200);
    }
    let cache = figures(&app, "response");
    let number = |field: &str| cache[field].as_u64().expect("a number");
    assert!(number("bytes") <= BOUND && number("entries") > 40, "{cache}");
    assert!(number("bytes") > number("entries") * 20_000, "{cache}");
    assert_eq!((number("capacity_bytes"), number("misses")), (BOUND, 120));
    assert_eq!(x_cache(&client.chat("question 119").send().expect(200)), "HIT");
    assert_eq!(x_cache(&client.chat("question 0").send().expect(200)), "MISS");
    app.upstream.any_key().always(Answer::ok_json(&"x".repeat(200_000)));
    for _ in 0..2 {
        let reply = client.chat("more than an eighth").send().expect(200);
        assert_eq!(x_cache(&reply), "MISS");
    }
}

#[test]
fn hits_are_counted_as_requests_without_attempts_or_tokens() {
    let app = caching(&json!({}));
    let client = app.client_with(&json!({"name": "frugal"}));
    for expected in ["MISS", "HIT", "HIT"] {
        assert_eq!(x_cache(&client.chat("hi").send().expect(200)), expected);
    }
    assert_eq!((counts(&app), tokens(&app)), ([3, 3, 0, 0], (3, 2)));
    assert_eq!(totals(&app)["cache_hits"], 2);
    let keys = app.admin().get("/admin/keys/stats").expect(200).json();
    assert_eq!(keys["stats"][0]["totalRequests"], 1, "{keys}");
    let tokens = app.admin().get("/admin/tokens").expect(200).json();
    let frugal = tokens["tokens"].as_array().expect("a list").iter().find(|token| token["name"] == "frugal");
    assert_eq!(frugal.expect("the token")["requestCount"], 3);
    let cache = figures(&app, "response");
    assert_eq!((&cache["hits"], &cache["misses"], &cache["entries"]), (&json!(2), &json!(1), &json!(1)));
}
