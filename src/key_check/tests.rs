//! Every verdict, from real answers on real sockets.

mod server;

use std::sync::Arc;

use super::*;
use crate::domain::fault::Reason;
use crate::domain::provider::PRODUCT;
use crate::domain::time::Timestamp;
use crate::transport::{Options, TlsRoots};
use server::{Play, Server, json, typed};

const LIMIT: Duration = Duration::from_secs(10);
/// 2026-11-22T00:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_795_305_600_000);
const KEY: &str = "sk-or-v1-secret/of+the=pool";
const OLLAMA: ProviderKind = ProviderKind::Ollama;
const OPENROUTER: ProviderKind = ProviderKind::OpenRouter;
const COMPATIBLE: ProviderKind = ProviderKind::OpenAiCompatible;

const ANN: &str = r#"{"id":"6f1b","email":"ann@example.com","name":"ann","plan":"free"}"#;
const KEY_INFO: &str = r#"{"data":{"label":"sk-or-v1-sec...ool","usage":0,"limit":null}}"#;
const COMPLETION: &str = r#"{"choices":[{"message":{"content":"h"},"finish_reason":"length"}]}"#;
const UNAUTHORIZED: &str = r#"{"error":"unauthorized"}"#;
const PAGE: &str = "<!DOCTYPE html><title>Attention Required!</title>";

/// A key at a scripted upstream, which passes for the vendor's own.
struct Asked {
    server: Server,
    provider: Provider,
    endpoint: Endpoint,
    authorization: Zeroizing<Vec<u8>>,
    check: KeyCheck,
}

fn asked(kind: ProviderKind, script: Vec<Play>) -> Asked {
    let server = Server::start(script);
    let base_url = format!("http://{}", server.address);
    let endpoint = Endpoint::parse(&base_url).unwrap();
    let provider = match kind {
        ProviderKind::Ollama => Provider::ollama(String::from("https://ollama.com"), true),
        ProviderKind::OpenRouter => Provider::openrouter(base_url, true),
        ProviderKind::OpenAiCompatible => Provider::echo(base_url),
    };
    let authorization = bearer(&ApiKeySecret::parse(KEY).unwrap());
    let check = KeyCheck::new(Transport::new(TlsRoots::public(), Options::default()), Clock::manual(NOW).0);
    Asked { server, provider, endpoint, authorization, check }
}

impl Asked {
    fn impatient(mut self) -> Self {
        let short = Duration::from_millis(500);
        self.check.patience = Patience { free: short, chat: short };
        self
    }

    fn subject(&self) -> Subject<'_> {
        Subject { provider: &self.provider, endpoint: &self.endpoint, authorization: &self.authorization }
    }

    async fn identity(&self) -> Checked {
        bounded(self.check.identity(&self.subject())).await
    }

    async fn chat(&self) -> Checked {
        bounded(self.check.chat(&self.subject(), "kimi-k2:1t")).await
    }

    async fn models(&self) -> Result<Vec<String>, Checked> {
        bounded(self.check.models(&self.subject())).await
    }

    async fn inspect(&self, class_from: ClassFrom) -> Inspection {
        bounded(self.check.inspect(&self.subject(), class_from)).await
    }
}

async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("an answer never hangs")
}

#[track_caller]
fn told(checked: &Checked, verdict: CheckVerdict, reason: Option<Reason>) {
    assert_eq!((checked.verdict, checked.reason), (verdict, reason), "{checked:?}");
    assert_eq!(checked.message.is_some(), reason.is_some(), "{checked:?}");
    assert!(!format!("{checked:?}").contains("secret"), "{checked:?}");
}

fn names(models: &[&str]) -> String {
    let models: Vec<_> = models.iter().map(|id| json!({ "id": id, "name": id })).collect();
    json!({ "data": models, "models": models }).to_string()
}

#[tokio::test]
async fn an_ollama_server_of_ones_own_is_asked_for_its_models() {
    let list = names(&["qwen3:8b"]);
    for base_url in
        ["http://127.0.0.1:11434", "http://gpu.lan/ollama", "https://notollama.com", "https://ollama.com.lan"]
    {
        let mut asked = asked(OLLAMA, vec![json(200, &list), json(401, UNAUTHORIZED)]);
        asked.provider.base_url = base_url.to_owned();
        let inspection = asked.inspect(ClassFrom::List).await;
        told(&inspection.checked, CheckVerdict::Valid, None);
        assert_eq!(
            (inspection.checked.by, inspection.class),
            (CheckedBy::ModelList, Some(KeyClass::Qwen)),
            "{base_url}"
        );
        told(&asked.identity().await, CheckVerdict::Invalid, Some(Reason::Unauthorized));
        assert_eq!([asked.server.asked(), asked.server.asked()], ["GET /api/tags"; 2], "{base_url}");
    }
    for base_url in ["https://ollama.com", "https://OLLAMA.com:443/", "https://eu.ollama.com"] {
        let mut asked = asked(OLLAMA, vec![json(200, ANN)]);
        asked.provider.base_url = base_url.to_owned();
        told(&asked.identity().await, CheckVerdict::Valid, None);
        assert_eq!(asked.server.asked(), "POST /api/me", "{base_url}");
    }
}

#[tokio::test]
async fn each_provider_is_asked_its_own_free_question() {
    for (kind, body, asks, by) in [
        (OLLAMA, ANN, "POST /api/me", CheckedBy::Identity),
        (OPENROUTER, KEY_INFO, "GET /v1/key", CheckedBy::Identity),
        (COMPATIBLE, r#"{"object":"list","data":[]}"#, "GET /v1/models", CheckedBy::ModelList),
    ] {
        let asked = asked(kind, vec![json(200, body)]);
        let checked = asked.identity().await;
        told(&checked, CheckVerdict::Valid, None);
        assert_eq!((checked.status, checked.by), (Some(200), by));
        let request = asked.server.received();
        assert!(request.starts_with(&format!("{asks} HTTP/1.1\r\n")), "{request}");
        assert!(request.contains(&format!("\r\nauthorization: Bearer {KEY}\r\n")), "{request}");
        assert!(request.contains(&format!("\r\nuser-agent: {PRODUCT}\r\n")), "{request}");
    }
}

#[tokio::test]
async fn an_answer_says_something_about_a_key_only_where_nothing_else_can_be_the_cause() {
    use CheckVerdict::{Invalid, Unknown, Valid};
    let limit = r#"{"error":{"message":"Key limit exceeded (daily limit)","code":403}}"#;
    let weekly = r#"{"error":"you (ann) have reached your weekly usage limit, upgrade"}"#;
    for (kind, status, body, verdict, reason) in [
        (OLLAMA, 401, UNAUTHORIZED, Invalid, Reason::Unauthorized),
        (OPENROUTER, 401, r#"{"error":{"code":401,"message":"User not found."}}"#, Invalid, Reason::Unauthorized),
        (COMPATIBLE, 401, r#"{"error":{"message":"Incorrect API key"}}"#, Invalid, Reason::Unauthorized),
        (COMPATIBLE, 200, r#"{"error":{"type":"authentication_error","message":"no"}}"#, Invalid, Reason::Unauthorized),
        (OLLAMA, 403, r#"{"error":"forbidden"}"#, Invalid, Reason::Forbidden),
        // A key may be good for chats and not for lists.
        (COMPATIBLE, 403, r#"{"error":{"message":"Missing scopes"}}"#, Unknown, Reason::Forbidden),
        (OPENROUTER, 403, r#"{"error":{"code":403,"message":"no"}}"#, Unknown, Reason::Forbidden),
        // The upstream knows the key and what it has used.
        (OPENROUTER, 403, limit, Valid, Reason::KeyLimit),
        (OPENROUTER, 402, r#"{"error":{"code":402,"message":"Insufficient credits"}}"#, Valid, Reason::NoCredit),
        (OLLAMA, 429, weekly, Valid, Reason::WeeklyQuota),
        // A rate may be the address's.
        (OLLAMA, 429, r#"{"error":"too many requests"}"#, Unknown, Reason::RateLimit),
        (COMPATIBLE, 429, "", Unknown, Reason::RateLimit),
        (OLLAMA, 404, "404 page not found", Unknown, Reason::Malformed),
        (COMPATIBLE, 400, r#"{"error":"bad"}"#, Unknown, Reason::InvalidRequest),
        (OLLAMA, 302, "", Unknown, Reason::Malformed),
        (OLLAMA, 500, r#"{"error":"Internal Server Error (ref: 1)"}"#, Unknown, Reason::ServerError),
        (COMPATIBLE, 200, r#"{"error":"broken"}"#, Unknown, Reason::ServerError),
        (OPENROUTER, 503, "", Unknown, Reason::Overloaded),
        (OLLAMA, 200, "ok", Unknown, Reason::Malformed),
        (OLLAMA, 200, "null", Unknown, Reason::Malformed),
        (OLLAMA, 200, r#"{"id":"","name":""}"#, Unknown, Reason::Malformed),
        (OPENROUTER, 200, "{}", Unknown, Reason::Malformed),
        (COMPATIBLE, 200, r#"{"status":"up"}"#, Unknown, Reason::Malformed),
    ] {
        let checked = asked(kind, vec![json(status, body)]).identity().await;
        told(&checked, verdict, Some(reason));
        assert_eq!(checked.status, Some(status), "{checked:?}");
    }
}

#[tokio::test]
async fn a_page_for_people_says_nothing_about_a_key() {
    for kind in [OLLAMA, OPENROUTER, COMPATIBLE] {
        for (status, reason) in [(200, Reason::Malformed), (401, Reason::Malformed), (502, Reason::ServerError)] {
            let checked = asked(kind, vec![typed(status, "text/html", PAGE)]).identity().await;
            told(&checked, CheckVerdict::Unknown, Some(reason));
        }
        for status in [403, 429] {
            let checked = asked(kind, vec![typed(status, "text/html", PAGE)]).identity().await;
            let reason = if kind == COMPATIBLE { Reason::Malformed } else { Reason::AddressBlocked };
            told(&checked, CheckVerdict::Unknown, Some(reason));
        }
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_says_nothing_about_a_key() {
    let mut nobody = asked(OLLAMA, Vec::new());
    nobody.endpoint = Endpoint::parse(&format!("http://{}", server::closed_address())).unwrap();
    let checked = nobody.identity().await;
    told(&checked, CheckVerdict::Unknown, Some(Reason::Network));
    assert_eq!(
        checked.message.as_deref(),
        Some("The upstream gave no complete answer: the connection was not accepted.")
    );

    for (script, status, reason) in [
        (Play::Stall(String::new()), None, Reason::Timeout),
        (Play::Stall(String::from("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"id\"")), Some(200), Reason::Timeout),
        (Play::Send(String::new()), None, Reason::Network),
        (Play::Send(String::from("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"id\"")), Some(200), Reason::Network),
        (Play::Send(String::from("SSH-2.0-OpenSSH_9.9\r\n")), None, Reason::Malformed),
    ] {
        let is_stall = matches!(script, Play::Stall(_));
        let asked = asked(OLLAMA, vec![script]);
        let asked = if is_stall { asked.impatient() } else { asked };
        let checked = asked.identity().await;
        told(&checked, CheckVerdict::Unknown, Some(reason));
        assert_eq!(checked.status, status);
    }
}

#[tokio::test]
async fn a_refusal_counts_even_if_its_body_never_ends() {
    let stalled = Play::Stall(String::from("HTTP/1.1 401 X\r\ncontent-length: 99\r\n\r\n{\"error\":"));
    let checked = asked(OLLAMA, vec![stalled]).impatient().identity().await;
    told(&checked, CheckVerdict::Invalid, Some(Reason::Unauthorized));
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let long = format!(r#"{{"id":"1","padding":"{}"}}"#, "x".repeat(1 << 20));
    let stalled = Play::Stall(format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{long}"));
    let checked = asked(OLLAMA, vec![stalled]).identity().await;
    told(&checked, CheckVerdict::Unknown, Some(Reason::Malformed));
}

#[tokio::test]
async fn a_quoted_key_is_removed_however_it_is_written() {
    let escaped = KEY.replace('/', "\\/").replace('s', "\\u0073");
    let padding = format!("{KEY} ").repeat(100);
    for quoted in [KEY, &escaped, &padding] {
        let body = format!(r#"{{"error":"Bearer {quoted} is not known; {quoted}"}}"#);
        let checked = asked(OLLAMA, vec![json(401, &body)]).identity().await;
        told(&checked, CheckVerdict::Invalid, Some(Reason::Unauthorized));
        let message = checked.message.unwrap();
        assert!(message.starts_with("Bearer [redacted] "), "{message}");
        assert!(!message.contains("secret") && message.chars().count() <= 300, "{message}");
    }
    let in_band = format!(r#"{{"error":{{"code":401,"message":"no {KEY}"}}}}"#);
    let checked = asked(COMPATIBLE, vec![json(200, &in_band)]).identity().await;
    assert_eq!(checked.message.as_deref(), Some("no [redacted]"));
    let plain = asked(COMPATIBLE, vec![typed(401, "text/plain", &format!("not {KEY}!"))]).identity().await;
    assert_eq!(plain.message.as_deref(), Some("not [redacted]!"));
}

#[tokio::test]
async fn an_owner_is_not_named() {
    let body = r#"{"error":"you (ann) have reached your session usage limit, upgrade"}"#;
    let checked = asked(OLLAMA, vec![json(429, body)]).identity().await;
    assert_eq!(checked.message.as_deref(), Some("The account of this key is at its limit (session_quota)."));
}

#[tokio::test]
async fn a_chat_asks_for_one_token_and_is_read_to_its_end() {
    let asked = asked(OPENROUTER, vec![json(200, COMPLETION)]);
    let checked = asked.chat().await;
    told(&checked, CheckVerdict::Valid, None);
    assert!(checked.is_answered() && checked.by == CheckedBy::Chat);
    let request = asked.server.received();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let expected = json!({
        "model": "kimi-k2:1t", "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 1, "stream": false
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn a_chat_tells_the_key_from_the_model() {
    use CheckVerdict::{Invalid, Unknown, Valid};
    let subscription =
        r#"{"error":"this model requires a subscription, upgrade for access: https://ollama.com/upgrade"}"#;
    let free = r#"{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day"}}"#;
    for (kind, status, body, verdict, reason, is_model_refused) in [
        (OLLAMA, 403, subscription, Valid, Reason::Subscription, true),
        (OPENROUTER, 403, r#"{"error":{"code":403,"message":"not this model"}}"#, Valid, Reason::Forbidden, true),
        (OLLAMA, 404, r#"{"error":"model 'x' not found"}"#, Unknown, Reason::ModelNotFound, true),
        (OPENROUTER, 429, free, Valid, Reason::FreeQuota, false),
        (OLLAMA, 401, UNAUTHORIZED, Invalid, Reason::Unauthorized, false),
        // It may be the region's or the model's, and the identity is asked to tell.
        (COMPATIBLE, 403, r#"{"error":"forbidden"}"#, Unknown, Reason::Forbidden, false),
        (COMPATIBLE, 400, r#"{"error":"no such model"}"#, Unknown, Reason::InvalidRequest, false),
        (OLLAMA, 503, r#"{"error":"Server overloaded"}"#, Unknown, Reason::Overloaded, false),
        (OPENROUTER, 200, r#"{"error":{"code":502,"message":"down"}}"#, Unknown, Reason::ServerError, false),
        (OPENROUTER, 200, r#"{"choices":[{"finish_reason":"error"}]}"#, Unknown, Reason::ServerError, false),
        (COMPATIBLE, 200, r#"{"choices":[]}"#, Unknown, Reason::Malformed, false),
        (COMPATIBLE, 200, "data: {}\n\n", Unknown, Reason::Malformed, false),
    ] {
        let checked = asked(kind, vec![json(status, body)]).chat().await;
        told(&checked, verdict, Some(reason));
        assert_eq!((checked.is_model_refused(), checked.is_answered()), (is_model_refused, false), "{checked:?}");
    }
}

#[tokio::test]
async fn lists_are_asked_for_with_the_key() {
    for (kind, asks) in [(OLLAMA, "GET /api/tags"), (OPENROUTER, "GET /v1/models/user"), (COMPATIBLE, "GET /v1/models")]
    {
        let asked = asked(kind, vec![json(200, &names(&["a", "b"]))]);
        assert_eq!(asked.models().await, Ok(vec![String::from("a"), String::from("b")]));
        let request = asked.server.received();
        assert!(request.starts_with(asks) && request.contains(KEY), "{request}");
    }
}

#[tokio::test]
async fn a_missing_list_of_the_user_is_replaced_by_the_list_of_all_and_nothing_else_is() {
    let missing = asked(OPENROUTER, vec![json(404, r#"{"error":"not found"}"#), json(200, &names(&["a"]))]);
    assert_eq!(missing.models().await, Ok(vec![String::from("a")]));
    assert_eq!(
        (missing.server.asked(), missing.server.asked()),
        ("GET /v1/models/user".into(), "GET /v1/models".into())
    );
    let refused = asked(OPENROUTER, vec![json(401, UNAUTHORIZED)]).models().await.unwrap_err();
    told(&refused, CheckVerdict::Invalid, Some(Reason::Unauthorized));
    let other = asked(OPENROUTER, vec![json(200, r#"{"data":5}"#)]).models().await.unwrap_err();
    told(&other, CheckVerdict::Unknown, Some(Reason::Malformed));
    assert_eq!(other.by, CheckedBy::ModelList);
}

#[tokio::test]
async fn a_list_of_the_keys_own_gives_its_class() {
    let own = asked(OPENROUTER, vec![json(200, KEY_INFO), json(200, &names(&["qwen/qwen3-8b", "openai/gpt-4o"]))]);
    let found = own.inspect(ClassFrom::List).await;
    assert_eq!((found.class, found.models_seen, found.checked.by), (Some(KeyClass::Qwen), 2, CheckedBy::Identity));

    // One question answers both.
    let compatible = asked(COMPATIBLE, vec![json(200, &names(&["kimi", "llama"]))]);
    let found = compatible.inspect(ClassFrom::List).await;
    assert_eq!((found.class, found.models_seen), (Some(KeyClass::General), 2));
    told(&found.checked, CheckVerdict::Valid, None);
}

#[tokio::test]
async fn a_public_list_gives_no_class_and_is_not_asked_for() {
    let asked = asked(OLLAMA, vec![json(200, ANN)]);
    let found = asked.inspect(ClassFrom::List).await;
    told(&found.checked, CheckVerdict::Valid, None);
    assert_eq!((found.class, found.models_seen), (None, 0));
}

#[tokio::test]
async fn nothing_more_is_asked_once_nothing_more_can_be_learned() {
    for (status, body, verdict) in [
        (401, UNAUTHORIZED, CheckVerdict::Invalid),
        (429, r#"{"error":"slow down"}"#, CheckVerdict::Unknown),
        (503, r#"{"error":"busy"}"#, CheckVerdict::Unknown),
    ] {
        // A second question would be answered, and show in what was seen.
        let asked = asked(OLLAMA, vec![json(status, body), json(200, &names(&["kimi"]))]);
        let found = asked.inspect(ClassFrom::Chats).await;
        assert_eq!((found.checked.verdict, found.class, found.models_seen), (verdict, None, 0));
    }
}

#[tokio::test]
async fn chats_find_the_families_that_a_key_may_use() {
    #[track_caller]
    fn chats(asked: &Asked) -> Vec<String> {
        let asks = asked.server.requests().into_iter().filter(|request| request.starts_with("POST /v1/chat"));
        let body = |request: String| {
            let body = request.split_once("\r\n\r\n").unwrap().1.to_owned();
            serde_json::from_str::<serde_json::Value>(&body).unwrap()["model"].as_str().unwrap().to_owned()
        };
        asks.map(body).collect()
    }
    let all = names(&["qwen3:480b", "qwen3:8b", "kimi-k2:1t", "gpt-oss:20b", "llama3:8b"]);
    let yes = || json(200, COMPLETION);
    let no = || json(403, r#"{"error":"this model requires a subscription"}"#);
    let gone = || json(404, r#"{"error":"model not found"}"#);
    let busy = || json(503, r#"{"error":"Server overloaded"}"#);
    for (answers, class, asked_for) in [
        (vec![yes(), yes()], Some(KeyClass::General), &["kimi-k2:1t", "llama3:8b"][..]),
        (vec![no(), yes(), no()], Some(KeyClass::Llama), &["kimi-k2:1t", "llama3:8b", "qwen3:8b"]),
        (vec![no(), gone(), yes()], Some(KeyClass::Qwen), &["kimi-k2:1t", "llama3:8b", "qwen3:8b"]),
        (vec![no(), no(), no(), yes()], Some(KeyClass::Other), &["kimi-k2:1t", "llama3:8b", "qwen3:8b", "gpt-oss:20b"]),
        (vec![no(), no(), no(), no()], None, &["kimi-k2:1t", "llama3:8b", "qwen3:8b", "gpt-oss:20b"]),
        // Whether it may use the second is not known, and so neither is the class.
        (vec![yes(), busy()], None, &["kimi-k2:1t", "llama3:8b"]),
    ] {
        let asked = asked(OLLAMA, [vec![json(200, ANN), json(200, &all)], answers].into_iter().flatten().collect());
        let found = asked.inspect(ClassFrom::Chats).await;
        told(&found.checked, CheckVerdict::Valid, None);
        assert_eq!((found.class, found.models_seen, found.checked.by), (class, 5, CheckedBy::Identity));
        assert_eq!(chats(&asked), asked_for);
    }
}

#[tokio::test]
async fn a_chat_decides_where_the_identity_could_not_be_told() {
    let no_route = || json(404, "{}");
    let list = || json(200, &names(&["kimi-k2:1t"]));
    let good = asked(OLLAMA, vec![no_route(), list(), json(200, COMPLETION)]).inspect(ClassFrom::Chats).await;
    told(&good.checked, CheckVerdict::Valid, None);
    assert_eq!((good.class, good.checked.by), (Some(KeyClass::Kimi), CheckedBy::Chat));

    let bad = asked(OLLAMA, vec![no_route(), list(), json(401, UNAUTHORIZED)]).inspect(ClassFrom::Chats).await;
    told(&bad.checked, CheckVerdict::Invalid, Some(Reason::Unauthorized));

    let busy = asked(OLLAMA, vec![no_route(), list(), json(503, "{}")]).inspect(ClassFrom::Chats).await;
    told(&busy.checked, CheckVerdict::Unknown, Some(Reason::Malformed));
    assert_eq!(busy.checked.by, CheckedBy::Identity);

    // The identity's word is the better one.
    let known = asked(OLLAMA, vec![json(200, ANN), list(), json(401, UNAUTHORIZED)]).inspect(ClassFrom::Chats).await;
    told(&known.checked, CheckVerdict::Valid, None);
    assert_eq!(known.class, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_ask_through_one_check() {
    const TASKS: usize = 8;
    let asked = Arc::new(asked(OLLAMA, (0..TASKS).map(|_| json(200, ANN)).collect()));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let asked = Arc::clone(&asked);
        tasks.spawn(async move { asked.check.inspect(&asked.subject(), ClassFrom::List).await });
    }
    for found in bounded(tasks.join_all()).await {
        told(&found.checked, CheckVerdict::Valid, None);
    }
}
