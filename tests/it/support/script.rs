//! What a fake upstream says: answers as values, put together by the test that scripts them.

use serde_json::{Value, json};

use super::upstream::Gate;

/// A part of a body. Each is one chunk on the wire and, as far as TCP allows, one read for the peer.
#[derive(Clone)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    /// Sent only where the request asked for usage in its stream, as real upstreams do.
    IfUsageAsked(Vec<u8>),
    /// Nothing more until the test releases it.
    Wait(Gate),
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

/// How an answer ends the connection before its body is complete.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    Fin,
    Reset,
}

/// One answer of the script.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(super) kind: Kind,
    /// Nothing, not even the head, until the test releases it.
    pub(super) held_by: Option<Gate>,
    /// Every part of the body takes one release.
    pub(super) step_by: Option<Gate>,
    /// Body bytes after which the connection ends.
    pub(super) cut: Option<(usize, Cut)>,
}

#[derive(Clone)]
pub(super) enum Kind {
    /// Says nothing until the peer leaves.
    Hang,
    /// Ends the connection instead of answering.
    Close,
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        body: Body,
    },
}

#[derive(Clone)]
pub(super) enum Body {
    Whole(Vec<u8>),
    Chunked(Vec<Part>),
}

impl Answer {
    /// A chat completion that says `text`: 3 tokens in, 2 out.
    pub(crate) fn ok_json(text: &str) -> Self {
        Self::json(
            200,
            &json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": "test-model",
                "choices": [{
                    "index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop",
                }],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            }),
        )
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::status(status).body(body)
    }

    /// An error in OpenAI's form; `body` replaces it.
    pub(crate) fn status(status: u16) -> Self {
        let body = json!({"error": {"message": format!("scripted {status}"), "type": "scripted", "code": null}});
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::of(Kind::Reply { status, headers, body: Body::Whole(body.to_string().into()) })
    }

    /// A complete chat stream, one event a chunk: role, the texts, the end, usage where asked (3 in, 2 out), `[DONE]`.
    pub(crate) fn ok_sse(texts: &[&str]) -> Self {
        let mut parts = vec![chat_event(&json!({"role": "assistant", "content": ""}), &Value::Null)];
        parts.extend(texts.iter().map(|text| chat_event(&json!({"content": text}), &Value::Null)));
        parts.push(chat_event(&json!({}), &json!("stop")));
        let usage = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "test-model",
            "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        });
        parts.push(Part::IfUsageAsked(format!("data: {usage}\n\n").into()));
        parts.push("data: [DONE]\n\n".into());
        Self::sse_raw(parts)
    }

    /// A stream of these pieces, whatever they are; events may be split anywhere.
    pub(crate) fn sse_raw(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::streamed("text/event-stream", parts)
    }

    /// A stream of JSON lines in Ollama's own form.
    pub(crate) fn ok_ndjson(lines: &[Value]) -> Self {
        Self::streamed("application/x-ndjson", lines.iter().map(|line| Part::Bytes(format!("{line}\n").into())))
    }

    /// Reads the request and says nothing until the peer leaves.
    pub(crate) fn hang() -> Self {
        Self::of(Kind::Hang)
    }

    /// Reads the request and ends the connection.
    pub(crate) fn close_before_answer() -> Self {
        Self::of(Kind::Close)
    }

    pub(crate) fn body(mut self, json: &Value) -> Self {
        if let Kind::Reply { body, .. } = &mut self.kind {
            *body = Body::Whole(json.to_string().into());
        }
        self
    }

    /// A body that is no JSON.
    pub(crate) fn raw_body(mut self, text: &str) -> Self {
        if let Kind::Reply { body, .. } = &mut self.kind {
            *body = Body::Whole(text.to_owned().into());
        }
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Kind::Reply { headers, .. } = &mut self.kind {
            headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    /// RST after so many bytes of the body, wherever that is.
    pub(crate) fn drop_after(mut self, bytes: usize) -> Self {
        self.cut = Some((bytes, Cut::Reset));
        self
    }

    /// FIN after so many bytes of the body, without the end that HTTP asks for.
    pub(crate) fn fin_after(mut self, bytes: usize) -> Self {
        self.cut = Some((bytes, Cut::Fin));
        self
    }

    /// Holds the whole answer back until the gate releases it.
    pub(crate) fn held_by(mut self, gate: &Gate) -> Self {
        self.held_by = Some(gate.clone());
        self
    }

    /// The head goes out at once, then each part of the body takes one release of the gate.
    pub(crate) fn step_by(mut self, gate: &Gate) -> Self {
        self.step_by = Some(gate.clone());
        self
    }

    fn streamed(content_type: &str, parts: impl IntoIterator<Item = Part>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self::of(Kind::Reply { status: 200, headers, body: Body::Chunked(parts.into_iter().collect()) })
    }

    fn of(kind: Kind) -> Self {
        Self { kind, held_by: None, step_by: None, cut: None }
    }
}

/// What an unscripted request is told: a tiny model server with one model, `test-model`.
pub(super) fn unscripted(path: &str, body: &Value) -> Answer {
    let path = path.split('?').next().unwrap_or(path);
    if body["model"] == "missing-model" || path.ends_with("/models/missing-model") {
        let message = "model \"missing-model\" not found";
        return Answer::json(404, &json!({"error": {"message": message, "type": "not_found_error", "code": null}}));
    }
    let model = json!({"id": "test-model", "object": "model", "created": 1_760_000_000, "owned_by": "test"});
    match path.rsplit_once("/v1").map_or(path, |(_, operation)| operation) {
        "/chat/completions" if body["stream"] == true => Answer::ok_sse(&["hello", " world"]),
        "/chat/completions" => Answer::ok_json("hello world"),
        "/embeddings" => embedding(body),
        "/models" => Answer::json(200, &json!({"object": "list", "data": [model]})),
        "/models/test-model" => Answer::json(200, &model),
        // OpenRouter's question whose key it is.
        "/key" => Answer::json(200, &json!({"data": {"label": "sk-or-v1-sec...ool", "usage": 0, "limit": null}})),
        "/api/tags" => Answer::json(200, &json!({"models": [{"name": "test-model", "model": "test-model"}]})),
        _ => Answer::status(404),
    }
}

/// The vector 0.25, -0.5 in the encoding that was asked for.
fn embedding(request: &Value) -> Answer {
    let base64 = request["encoding_format"] == "base64";
    let vector = if base64 { json!("AACAPgAAAL8=") } else { json!([0.25, -0.5]) };
    Answer::json(
        200,
        &json!({
            "object": "list", "model": "test-model",
            "data": [{"object": "embedding", "index": 0, "embedding": vector}],
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
        }),
    )
}

fn chat_event(delta: &Value, finish_reason: &Value) -> Part {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "test-model",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    });
    Part::Bytes(format!("data: {chunk}\n\n").into())
}
