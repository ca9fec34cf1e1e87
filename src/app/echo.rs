//! The demonstration's upstream: an OpenAI-compatible server that answers with the last thing it was told.
//!
//! No model is asked. It streams word by word and reports usage, so that everything between a client and an upstream
//! can be tried without an account anywhere. Every answer says what it is.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::jobs;

pub(super) const MODEL: &str = "echo";
const PAUSE: Duration = Duration::from_millis(40);

/// A running echo server; it stops when dropped.
pub(super) struct Echo {
    addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl Echo {
    pub(super) fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("echo")
            .enable_all()
            .build()
            .context("cannot start the echo server's thread")?;
        let listener =
            runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).context("cannot start the echo server")?;
        let addr = listener.local_addr().context("cannot read the echo server's address")?;
        let listener = std::sync::Arc::new(listener);
        let handle = runtime.handle().clone();
        jobs::spawn(runtime.handle(), "echo", move || accept(std::sync::Arc::clone(&listener), handle.clone()));
        Ok(Self { addr, runtime: Some(runtime) })
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: std::sync::Arc<TcpListener>, handle: tokio::runtime::Handle) {
    while let Ok((stream, _)) = listener.accept().await {
        handle.spawn(async move {
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            if let Err(error) = served {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a connection to the echo server ended early"
                );
            }
        });
    }
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/v1/models") => json_answer(
            &json!({ "object": "list", "data": [{ "id": MODEL, "object": "model", "created": 0, "owned_by": "demonstration" }] }),
        ),
        (&Method::POST, "/v1/chat/completions") if asked.get("stream") == Some(&Value::Bool(true)) => {
            streamed(&Reply::to(&asked))
        }
        (&Method::POST, "/v1/chat/completions") => json_answer(&Reply::to(&asked).whole()),
        _ => {
            let mut answer = json_answer(&json!({ "error": {
                "message": "The echo provider of the demonstration has chat completions and models only.",
                "type": "invalid_request_error", "code": "unknown_url", "param": null
            } }));
            *answer.status_mut() = StatusCode::NOT_FOUND;
            answer
        }
    })
}

fn json_answer(value: &Value) -> Answer {
    let mut answer = Response::new(Full::from(value.to_string()).boxed());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

struct Reply {
    text: String,
    model: Value,
    input_tokens: usize,
    with_usage: bool,
}

impl Reply {
    fn to(asked: &Value) -> Self {
        let messages = asked.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let said = |message: &Value| message.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
        let last = messages.last().map(said).unwrap_or_default();
        Self {
            text: format!("(echo, no model) {last}"),
            model: asked.get("model").cloned().unwrap_or_default(),
            input_tokens: messages.iter().map(|message| said(message).split_whitespace().count()).sum(),
            with_usage: asked.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)),
        }
    }

    /// One word is one token here.
    fn usage(&self) -> Value {
        let output = self.text.split_whitespace().count();
        json!({ "prompt_tokens": self.input_tokens, "completion_tokens": output, "total_tokens": self.input_tokens + output })
    }

    fn whole(&self) -> Value {
        let message = json!({ "role": "assistant", "content": self.text });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        json!({ "id": "echo", "object": "chat.completion", "created": 0, "model": self.model, "choices": [choice], "usage": self.usage() })
    }

    fn chunk(&self, choices: &Value, usage: &Value) -> String {
        let chunk = json!({ "id": "echo", "object": "chat.completion.chunk", "created": 0, "model": self.model, "choices": choices, "usage": usage });
        format!("data: {chunk}\n\n")
    }

    fn chunks(&self) -> Vec<String> {
        let delta = |delta: Value, finish: Value| json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        let word = |word: &str| self.chunk(&delta(json!({ "content": word }), Value::Null), &Value::Null);
        let mut chunks: Vec<_> = self.text.split_inclusive(' ').map(word).collect();
        chunks.push(self.chunk(&delta(json!({}), json!("stop")), &Value::Null));
        if self.with_usage {
            chunks.push(self.chunk(&json!([]), &self.usage()));
        }
        chunks.push(String::from("data: [DONE]\n\n"));
        chunks
    }
}

fn streamed(reply: &Reply) -> Answer {
    let chunks = reply.chunks().into_iter();
    let frames = futures_util::stream::unfold(chunks, |mut chunks| async move {
        let chunk = chunks.next()?;
        tokio::time::sleep(PAUSE).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(chunk))), chunks))
    });
    let mut answer = Response::new(StreamBody::new(frames).boxed());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer
}
