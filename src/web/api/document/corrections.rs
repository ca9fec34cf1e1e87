//! What poem-openapi's own document leaves out: that a field without a value is sent as null, and the answers that come
//! before or around a handler. Nothing here names a route: what holds for a kind of route is said of all of that kind.

use serde_json::{Map, Value, json};

/// How the control plane sends JSON.
const JSON: &str = "application/json; charset=utf-8";

pub(super) type Fields = Map<String, Value>;

/// What decides which refusals an operation can be answered with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trait {
    /// Every operation has it.
    Exists,
    NeedsAdmin,
    /// It takes parameters or a body.
    TakesInput,
    TakesBody,
    NamesSomething,
}

/// A status, what it means, and which operations can be answered so.
const REFUSALS: [(&str, &str, Trait); 10] = [
    (
        "400",
        "A parameter or the body is malformed, or a value is out of range; nothing was changed.",
        Trait::TakesInput,
    ),
    ("401", "The admin token is missing or wrong.", Trait::NeedsAdmin),
    ("403", "The client's address may not administer this server.", Trait::NeedsAdmin),
    ("404", "What the path names does not exist.", Trait::NamesSomething),
    ("405", "The path does not take this method.", Trait::Exists),
    ("413", "The body is larger than the option `MAX_BODY_SIZE` allows.", Trait::TakesBody),
    ("415", "The body is not sent as JSON.", Trait::TakesBody),
    ("429", "Too many requests, or too many wrong tokens, came from this address.", Trait::NeedsAdmin),
    ("500", "Something went wrong here; the log says what.", Trait::Exists),
    ("503", "The server cannot answer now.", Trait::NeedsAdmin),
];

/// A header of answers.
struct Header {
    /// Its name among the document's components.
    id: &'static str,
    name: &'static str,
    ty: &'static str,
    meaning: &'static str,
    /// The statuses that have it; none is all of them.
    statuses: &'static [&'static str],
}

const HEADERS: [Header; 4] = [
    Header {
        id: "RequestId",
        name: "x-request-id",
        ty: "string",
        meaning: "Names the request in the server's log.",
        statuses: &[],
    },
    Header {
        id: "RetryAfter",
        name: "Retry-After",
        ty: "integer",
        meaning: "After how many seconds it makes sense to try again.",
        statuses: &["429", "503"],
    },
    Header {
        id: "Allow",
        name: "Allow",
        ty: "string",
        meaning: "The methods that the path takes.",
        statuses: &["405"],
    },
    Header {
        id: "WwwAuthenticate",
        name: "WWW-Authenticate",
        ty: "string",
        meaning: "How to authenticate.",
        statuses: &["401"],
    },
];

impl Header {
    fn described(&self) -> Value {
        json!({ "description": self.meaning, "schema": { "type": self.ty } })
    }
}

/// Puts the document right.
pub(super) fn apply(document: &mut Value) {
    for (_, schema) in members(document, "components/schemas").into_iter().flatten() {
        declare_nulls(schema);
    }
    for (path, operations) in members(document, "paths").into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else { continue };
            operation.entry("operationId").or_insert_with(|| operation_id(method, path).into());
            declare_answers(operation, path.contains('{'));
        }
    }
    if let Some(headers) = members(document, "components/headers") {
        headers.extend(HEADERS.map(|header| (header.id.to_owned(), header.described())));
    }
}

/// The object at a place of the document, made where it is not there.
pub(super) fn members<'a>(document: &'a mut Value, place: &str) -> Option<&'a mut Fields> {
    let mut names = place.split('/');
    let object = || Value::Object(Fields::new());
    names.try_fold(document, |at, name| Some(at.as_object_mut()?.entry(name).or_insert_with(object)))?.as_object_mut()
}

/// A field that need not be there is sent as null when it has no value, and taken as null too.
fn declare_nulls(schema: &mut Value) {
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        declare_nulls(part);
    }
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if required.iter().any(|required| required == name) {
            continue;
        }
        if property.get("$ref").is_some() {
            // What stands beside a reference is not read.
            *property = json!({ "allOf": [property.take()] });
        }
        if let Some(values) = property.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
        if let Some(property) = property.as_object_mut() {
            property.insert(String::from("nullable"), true.into());
        }
    }
}

/// `deleteAdminTokens` for `DELETE /admin/tokens`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    words.fold(method.to_owned(), |mut id, word| {
        let mut letters = word.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(letters.as_str());
        id
    })
}

fn declare_answers(operation: &mut Fields, names_something: bool) {
    let has = |name| operation.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let takes_body = operation.contains_key("requestBody");
    let traits = [
        (Trait::Exists, true),
        (Trait::NeedsAdmin, has("security")),
        (Trait::TakesInput, takes_body || has("parameters")),
        (Trait::TakesBody, takes_body),
        (Trait::NamesSomething, names_something),
    ];
    let answers = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(answers) = answers.as_object_mut() else { return };
    for (status, meaning, needed) in REFUSALS {
        if traits.contains(&(needed, true)) {
            answers.entry(status).or_insert_with(|| refusal(meaning, JSON, "ErrorBody"));
        }
    }
    for (status, answer) in answers {
        declare_headers(status, answer);
    }
}

/// An answer whose body is an error of this schema.
pub(super) fn refusal(meaning: &str, content_type: &str, schema: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    json!({ "description": meaning, "content": { (content_type): { "schema": schema } } })
}

/// Adds the headers that answers of this status have, whoever makes them.
pub(super) fn declare_headers(status: &str, answer: &mut Value) {
    let Some(declared) = members(answer, "headers") else { return };
    for header in HEADERS.iter().filter(|header| header.statuses.is_empty() || header.statuses.contains(&status)) {
        if !declared.keys().any(|name| name.eq_ignore_ascii_case(header.name)) {
            let reference = json!({ "$ref": format!("#/components/headers/{}", header.id) });
            declared.insert(header.name.to_owned(), reference);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(mut document: Value) -> Value {
        apply(&mut document);
        document
    }

    #[test]
    fn fields_that_may_be_missing_may_be_null() {
        let document = applied(json!({ "components": { "schemas": { "Key": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": { "type": "string" },
                "label": { "type": "string" },
                "rest": { "$ref": "#/components/schemas/Rest" },
                "kind": { "type": "string", "enum": ["a"] },
            },
        } } } }));
        let expected = json!({
            "id": { "type": "string" },
            "label": { "type": "string", "nullable": true },
            "rest": { "allOf": [{ "$ref": "#/components/schemas/Rest" }], "nullable": true },
            "kind": { "type": "string", "enum": ["a", null], "nullable": true },
        });
        assert_eq!(document["components"]["schemas"]["Key"]["properties"], expected);
    }

    #[track_caller]
    fn check(path: &str, operation: &Value, statuses: &[&str]) {
        let document = applied(json!({ "paths": { path: { "post": operation } } }));
        let answers = document["paths"][path]["post"]["responses"].as_object().expect("answers");
        assert_eq!(answers.keys().map(String::as_str).collect::<Vec<_>>(), statuses, "{path}");
        for (status, answer) in answers {
            assert!(answer["headers"].get("x-request-id").is_some(), "{path} {status}");
        }
    }

    #[test]
    fn each_kind_of_operation_has_its_refusals() {
        let ok = json!({ "200": { "description": "" } });
        let secured = json!([{ "AdminToken": [] }]);
        check("/a", &json!({ "responses": ok }), &["200", "405", "500"]);
        check("/a/{b}", &json!({ "responses": ok, "parameters": [{}] }), &["200", "400", "404", "405", "500"]);
        check(
            "/a",
            &json!({ "responses": ok, "security": secured }),
            &["200", "401", "403", "405", "429", "500", "503"],
        );
        check("/a", &json!({ "requestBody": {} }), &["400", "405", "413", "415", "500"]);
    }

    #[test]
    fn what_an_operation_says_itself_stays() {
        let own = json!({ "description": "own", "headers": { "RETRY-AFTER": { "schema": { "type": "integer" } } } });
        let operation = json!({ "operationId": "mine", "security": [{}], "responses": { "503": own } });
        let document = applied(json!({ "paths": { "/a": { "get": operation } } }));
        let operation = &document["paths"]["/a"]["get"];
        assert_eq!(
            (&operation["operationId"], &operation["responses"]["503"]["description"]),
            (&json!("mine"), &json!("own"))
        );
        let headers = operation["responses"]["503"]["headers"].as_object().expect("headers");
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["RETRY-AFTER", "x-request-id"]);
    }

    #[test]
    fn operations_are_named_by_method_and_path() {
        assert_eq!(operation_id("delete", "/admin/api-keys/{key}"), "deleteAdminApiKeysKey");
        assert_eq!(operation_id("get", "/openapi.json"), "getOpenapiJson");
    }
}
