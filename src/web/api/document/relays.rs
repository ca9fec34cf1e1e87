//! The relays as the document tells them. They are not the control plane's: only the names of paths and forms are known
//! here, from the domain, and what an upstream takes and answers is left open. The names of their schemas begin with
//! `Relay`, so that none is that of a type of the control plane.

mod table;

use serde_json::{Value, json};

use self::table::{RELAYED, Relayed, TOLD, Told};
use super::corrections::{Fields, declare_headers, members, refusal};
use crate::domain::api_form::{ApiForm, ErrorForm, StreamFraming};
use crate::domain::request_view::RequestView;

const TAG: &str = "Relays";

/// How the data plane sends JSON.
const JSON: &str = "application/json";

const SCHEMA_OF_404: &str = "/404/content/application~1json/schema";

/// A status, what it means, and whether only a request with a body is answered so.
type Refusal = (&'static str, &'static str, bool);

const REFUSALS: [Refusal; 14] = [
    (
        "400",
        "The body is no JSON object, or `model` or `stream` is not what it has to be, or the upstream says so.",
        true,
    ),
    ("401", "The client token is missing, unknown or expired.", false),
    ("403", "The client token is disabled or for another provider, or no API key may use the model.", false),
    ("404", "There is no such provider, or no such model.", false),
    ("405", "The path does not take this method.", false),
    ("408", "The body did not arrive in time.", true),
    ("413", "The body is larger than the option `MAX_BODY_SIZE` allows.", true),
    ("429", "The client came too often, or all API keys are at their limits.", false),
    ("431", "The headers are too large.", false),
    ("4XX", "The upstream refuses the request, in its own words.", false),
    ("500", "Something went wrong here; the log says what.", false),
    ("502", "The upstream cannot be reached or understood.", false),
    ("503", "No API key is usable, or the upstream is overloaded.", false),
    ("504", "The upstream did not answer in time.", false),
];

/// Every status with which a relay can refuse; `4XX` is any other one of the upstream.
pub(in crate::web) fn refusal_statuses() -> impl Iterator<Item = &'static str> {
    REFUSALS.iter().map(|(status, ..)| *status)
}

/// An operation as a page names it.
pub(in crate::web) struct Endpoint {
    pub(in crate::web) id: &'static str,
    pub(in crate::web) method: &'static str,
    pub(in crate::web) path: &'static str,
    pub(in crate::web) form: ErrorForm,
    pub(in crate::web) has_stream: bool,
}

/// Every relay, at the default provider.
pub(in crate::web) fn endpoints() -> impl Iterator<Item = Endpoint> {
    let relayed = RELAYED.iter().map(|relayed| Endpoint {
        id: relayed.id,
        method: "POST",
        path: relayed.form.upstream_path(),
        form: relayed.form.error_form(),
        has_stream: relayed.has_stream,
    });
    let told = TOLD.iter().map(|told| Endpoint {
        id: told.id,
        method: "GET",
        path: told.path,
        form: told.form,
        has_stream: false,
    });
    relayed.chain(told)
}

/// The well-known fields of a chat in OpenAI's form, each with its JSON type, where it has one.
pub(in crate::web) fn chat_fields() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let chat = RELAYED.iter().filter(|relayed| relayed.form == ApiForm::Chat);
    let own = [("model", Some("string")), ("stream", Some("boolean"))];
    own.into_iter().chain(chat.flat_map(|chat| chat.fields).map(|(name, ty, _)| (*name, *ty)))
}

/// A header of answers: its name among the document's components, its own, its type and what it tells.
type Header = (&'static str, &'static str, &'static str, &'static str);

const OF_ANSWERS: [Header; 2] = [
    ("UpstreamRequestId", "x-upstream-request-id", "string", "The upstream's own name for the request."),
    (
        "Cache",
        "X-Cache",
        "string",
        "`HIT` when an equal request's answer was kept, else `MISS`; absent without a cache.",
    ),
];

/// They come with refusals too.
const OF_LIMITS: [Header; 3] = [
    ("RateLimit", "x-ratelimit-limit-requests", "integer", "Requests in a window, when they are limited."),
    ("RateLimitRemaining", "x-ratelimit-remaining-requests", "integer", "Those that are left."),
    ("RateLimitReset", "x-ratelimit-reset-requests", "string", "Until the next is possible, as `1m30s` or `250ms`."),
];

/// Adds every relay, at the default provider and at a named one.
pub(super) fn add(document: &mut Value, providers: &[&str]) {
    let tag = json!({ "name": TAG, "description": "What clients ask of the models, with a client token." });
    if let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut) {
        tags.push(tag);
    }
    extend(document, "components/securitySchemes", security_schemes());
    extend(document, "components/schemas", schemas());
    let headers = OF_ANSWERS.iter().chain(&OF_LIMITS);
    let described =
        |(id, _, ty, meaning): &Header| ((*id).to_owned(), json!({ "description": meaning, "schema": { "type": ty } }));
    extend(document, "components/headers", headers.map(described));
    let Some(paths) = members(document, "paths") else { return };
    let mut add = |path: &str, method: &str, operation: &dyn Fn() -> Value| {
        paths.insert(path.to_owned(), json!({ (method): operation() }));
        let path = format!("/{{provider}}{path}");
        paths.insert(path, json!({ (method): at_provider(operation(), providers) }));
    };
    for relayed in &RELAYED {
        add(relayed.form.upstream_path(), "post", &|| relayed.operation());
    }
    for told in &TOLD {
        add(told.path, "get", &|| told.operation());
    }
}

fn extend(document: &mut Value, place: &str, with: impl IntoIterator<Item = (String, Value)>) {
    if let Some(members) = members(document, place) {
        members.extend(with);
    }
}

fn security_schemes() -> [(String, Value); 2] {
    let bearer =
        json!({ "type": "http", "scheme": "bearer", "description": "A client token, as OpenAI's clients send it." });
    let header = json!({
        "type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same, as Anthropic's clients send it.",
    });
    [(String::from("ClientToken"), bearer), (String::from("ClientTokenHeader"), header)]
}

fn client_token() -> [Value; 2] {
    [json!({ "ClientToken": [] }), json!({ "ClientTokenHeader": [] })]
}

/// The same operation where the path names the provider.
fn at_provider(mut operation: Value, providers: &[&str]) -> Value {
    let Some(fields) = operation.as_object_mut() else { return operation };
    let id = fields.get("operationId").and_then(Value::as_str).unwrap_or_default();
    let id = format!("{id}AtProvider");
    fields.insert(String::from("operationId"), id.into());
    let summary = fields.get("summary").and_then(Value::as_str).unwrap_or_default();
    let summary = format!("{summary}, at a provider");
    fields.insert(String::from("summary"), summary.into());
    if let Some(schema) = fields.get_mut("responses").and_then(|answers| answers.pointer_mut(SCHEMA_OF_404)) {
        // What no provider can be called is a path like any other that leads nowhere.
        *schema = json!({ "anyOf": [schema.take(), { "$ref": "#/components/schemas/ErrorBody" }] });
    }
    let parameters = fields.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.insert(
            0,
            in_path("provider", "Whom the request is for.", &json!({ "type": "string", "enum": providers })),
        );
    }
    operation
}

fn in_path(name: &str, meaning: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": meaning, "schema": schema })
}

impl Relayed {
    fn operation(&self) -> Value {
        let body = json!({ "$ref": format!("#/components/schemas/{}", self.request_schema()) });
        json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [TAG],
            "security": client_token(),
            "requestBody": { "required": true, "content": { JSON: { "schema": body } } },
            "responses": answers(&self.success(), self.form.error_form(), true),
        })
    }

    /// `RelayCreateMessage` for `createMessage`.
    fn request_schema(&self) -> String {
        let (first, rest) = self.id.split_at_checked(1).unwrap_or_default();
        format!("Relay{}{rest}", first.to_ascii_uppercase())
    }

    fn success(&self) -> Value {
        let mut content = json!({ JSON: { "schema": { "$ref": "#/components/schemas/RelayAnswer" } } });
        let stream = match self.form.framing() {
            StreamFraming::Sse => "text/event-stream",
            StreamFraming::Ndjson => "application/x-ndjson",
        };
        if let Some(content) = content.as_object_mut().filter(|_| self.has_stream) {
            content.insert(stream.to_owned(), json!({ "schema": {} }));
        }
        json!({ "description": "The upstream's answer, as it came.", "content": content })
    }

    /// An object that may have any fields, of which the well-known are told.
    fn request(&self) -> Value {
        let mut properties = Fields::new();
        for (name, ty, meaning) in self.fields {
            let mut schema = json!({ "description": meaning });
            if let (Some(schema), Some(ty)) = (schema.as_object_mut(), ty) {
                schema.insert(String::from("type"), (*ty).into());
                if *ty == "array" {
                    schema.insert(String::from("items"), json!({}));
                }
            }
            properties.insert((*name).to_owned(), schema);
        }
        let model = json!({ "type": "string", "minLength": 1, "maxLength": RequestView::MODEL_CHARS });
        properties.insert(String::from("model"), model);
        let stream = json!({ "type": "boolean", "nullable": true, "default": self.form.streams_by_default() });
        properties.insert(String::from("stream"), stream);
        json!({ "type": "object", "required": ["model"], "properties": properties, "additionalProperties": true })
    }
}

impl Told {
    fn operation(&self) -> Value {
        let schema = json!({ "$ref": format!("#/components/schemas/{}", self.schema) });
        let success =
            json!({ "description": "As the upstream told it lately.", "content": { JSON: { "schema": schema } } });
        // Without a token too: it is looked at only where there is one.
        let security: Vec<_> = [json!({})].into_iter().chain(client_token()).collect();
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [TAG],
            "security": security,
            "responses": answers(&success, self.form, false),
        });
        if let Some(operation) = operation.as_object_mut().filter(|_| self.path.ends_with("{model}")) {
            let model = in_path("model", "The model's id.", &json!({ "type": "string", "minLength": 1 }));
            operation.insert(String::from("parameters"), json!([model]));
        }
        operation
    }
}

fn answers(success: &Value, form: ErrorForm, has_body: bool) -> Value {
    let schema = match form {
        ErrorForm::OpenAi => "RelayErrorOfOpenAi",
        ErrorForm::Anthropic => "RelayErrorOfAnthropic",
        ErrorForm::Ollama => "RelayErrorOfOllama",
    };
    let mut answers = Fields::from_iter([(String::from("200"), success.clone())]);
    for (status, meaning, needs_body) in REFUSALS {
        if has_body || !needs_body {
            answers.insert(status.to_owned(), refusal(meaning, JSON, schema));
        }
    }
    for (status, answer) in &mut answers {
        let headers = match status.as_str() {
            "200" => [OF_ANSWERS.as_slice(), &OF_LIMITS].concat(),
            "429" => OF_LIMITS.to_vec(),
            _ => Vec::new(),
        };
        let referred =
            |(id, name, ..): Header| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{id}") }));
        extend(answer, "headers", headers.into_iter().map(referred));
        declare_headers(status, answer);
    }
    Value::Object(answers)
}

fn schemas() -> Vec<(String, Value)> {
    let open = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": true });
    let text = || json!({ "type": "string" });
    let cause = open(json!({ "reason": text(), "keys": { "type": "integer" } }), &["reason", "keys"]);
    let openai = json!({
        "message": text(),
        "type": { "type": "string", "nullable": true },
        "param": { "type": "string", "nullable": true },
        "code": { "description": "A word; of an upstream maybe a number." },
        "causes": { "type": "array", "items": cause, "description": "Why how many API keys rest." },
    });
    let anthropic = json!({
        "type": { "type": "string", "enum": ["error"] },
        "error": open(json!({ "type": text(), "message": text() }), &["message"]),
    });
    let model = json!({ "id": text(), "object": text(), "created": { "type": "integer" }, "owned_by": text() });
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let list = json!({ "object": text(), "data": { "type": "array", "items": reference("RelayModel") } });
    let requests = RELAYED.iter().map(|relayed| (relayed.request_schema(), relayed.request()));
    let named = [
        ("RelayErrorOfOpenAi", open(json!({ "error": open(openai, &["message"]) }), &["error"])),
        ("RelayErrorOfAnthropic", open(anthropic, &["type", "error"])),
        ("RelayErrorOfOllama", open(json!({ "error": text() }), &["error"])),
        ("RelayAnswer", json!({ "type": "object", "additionalProperties": true })),
        ("RelayModel", open(model, &["id", "object", "created", "owned_by"])),
        ("RelayModelList", open(list, &["object", "data"])),
    ];
    named.into_iter().map(|(name, schema)| (name.to_owned(), schema)).chain(requests).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        let mut document = json!({ "tags": [], "paths": {}, "components": {} });
        add(&mut document, &["ollama", "echo"]);
        document
    }

    #[test]
    fn every_relay_is_told_at_the_default_and_at_a_named_provider() {
        let document = document();
        let paths = document["paths"].as_object().expect("paths");
        assert_eq!(paths.len(), 2 * (RELAYED.len() + TOLD.len()));
        let named = &paths["/{provider}/v1/chat/completions"]["post"];
        assert_eq!(named["operationId"], "createChatCompletionAtProvider");
        assert_eq!(named["parameters"][0]["schema"]["enum"], json!(["ollama", "echo"]));
        let model = &paths["/{provider}/v1/models/{model}"]["get"]["parameters"];
        let not_found = &named["responses"].pointer(SCHEMA_OF_404).expect("a schema")["anyOf"];
        assert_eq!(not_found.as_array().map(Vec::len), Some(2));
        assert_eq!((&model[0]["name"], &model[1]["name"]), (&json!("provider"), &json!("model")));
    }

    #[test]
    fn errors_and_streams_have_the_form_of_their_path() {
        let document = document();
        let answer = |path: &str, status: &str| document["paths"][path]["post"]["responses"][status]["content"].clone();
        for (path, error, stream) in [
            ("/v1/responses", "RelayErrorOfOpenAi", Some("text/event-stream")),
            ("/v1/messages", "RelayErrorOfAnthropic", Some("text/event-stream")),
            ("/api/chat", "RelayErrorOfOllama", Some("application/x-ndjson")),
            ("/api/show", "RelayErrorOfOllama", None),
        ] {
            let schema = format!("#/components/schemas/{error}");
            assert_eq!(answer(path, "429")[JSON]["schema"]["$ref"], schema, "{path}");
            let answer = answer(path, "200");
            let streams: Vec<_> = answer.as_object().expect("content").keys().filter(|ty| *ty != JSON).collect();
            assert_eq!(streams, stream.iter().collect::<Vec<_>>(), "{path}");
        }
    }

    #[test]
    fn requests_are_open_objects_with_a_model() {
        let document = document();
        let request = &document["components"]["schemas"]["RelayOllamaChat"];
        assert_eq!((&request["required"], &request["additionalProperties"]), (&json!(["model"]), &json!(true)));
        assert_eq!(request["properties"]["stream"]["default"], true);
        assert!(request["properties"]["messages"].is_object());
    }
}
