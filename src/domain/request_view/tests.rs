use super::*;
use crate::domain::provider::ProviderKind;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(body: &str) -> Result<RequestView<'_>, RequestProblem> {
    RequestView::read(ApiForm::Chat, body.as_bytes())
}

fn asked(body: &str) -> Option<String> {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let spliced = read(body).unwrap().with_usage_asked(&bytes)?;
    Some(String::from_utf8(spliced.to_vec()).unwrap())
}

#[test]
fn the_model_and_the_wish_for_a_stream_are_read() {
    let view = read(r#" {"messages":[{"model":"no","stream":true}],"model":"gpt-oss:120b"} "#).unwrap();
    assert_eq!((view.model.as_ref(), view.is_stream), ("gpt-oss:120b", false));
    assert!(matches!(view.model, Cow::Borrowed(_)));
    assert_eq!(read(r#"{"model":"a\u0062"}"#).unwrap().model, "ab");
    assert_eq!(read(r#"{"mod\u0065l":"x"}"#).unwrap().model, "x");
    assert!(read(r#"{"model":"x","stream":true}"#).unwrap().is_stream);
    let native = |body: &'static str| RequestView::read(ApiForm::OllamaChat, body.as_bytes()).unwrap().is_stream;
    assert!(native(r#"{"model":"x"}"#) && native(r#"{"model":"x","stream":null}"#));
    assert!(!native(r#"{"model":"x","stream":false}"#));
}

#[test]
fn the_last_of_equal_keys_counts() {
    let view = read(r#"{"model":"a","stream":true,"model":"b","stream":false}"#).unwrap();
    assert_eq!((view.model.as_ref(), view.is_stream), ("b", false));
    let body = Bytes::from_static(br#"{"model":"a","model":"b"}"#);
    let sent = RequestView::read(ApiForm::Chat, &body).unwrap().with_model(&body, "c");
    assert_eq!(sent, r#"{"model":"a","model":"c"}"#);
}

#[test]
fn problems_are_named() {
    use RequestProblem as P;
    let name = |field, expected| Err(P::WrongType { field, expected });
    assert_eq!(read(""), Err(P::Empty));
    assert_eq!(read(" \n"), Err(P::Empty));
    assert_eq!(RequestView::read(ApiForm::Chat, b"{\"model\":\"\xff\"}"), Err(P::NotUtf8 { offset: 10 }));
    for text in ["[1]", "1", "\"x\"", "null"] {
        assert_eq!(read(text), Err(P::NotAnObject));
    }
    assert_eq!(read("{}"), Err(P::MissingModel));
    assert_eq!(read(r#"{"model":""}"#), Err(P::EmptyModel));
    assert_eq!(read(r#"{"model":"a\nb"}"#), Err(P::ModelNotPrintable));
    assert_eq!(read(r#"{"model":null}"#), name("model", "a string"));
    assert_eq!(read(r#"{"model":["a"]}"#), name("model", "a string"));
    assert_eq!(read(r#"{"model":"a","stream":"true"}"#), name("stream", "a boolean"));
    assert_eq!(read(r#"{"model":"a","stream":1}"#), name("stream", "a boolean"));
    let name_of = |chars| format!(r#"{{"model":"{}"}}"#, "é".repeat(chars));
    assert_eq!(read(&name_of(257)), Err(P::ModelTooLong));
    assert!(read(&name_of(256)).is_ok());
    let broken = read("{\"model\":\"a\",\n  \"x\":tru}").unwrap_err();
    assert_eq!(broken.to_string(), "The request body is not valid JSON: expected ident at line 2, column 10.");
    assert_eq!((broken.code(), broken.param()), ("invalid_json", None));
    assert_eq!((P::MissingModel.code(), P::MissingModel.param()), ("missing_required_parameter", Some("model")));
    for text in [r#"{"model":"a"} x"#, r#"{"model":"a""#, "{'model':'a'}", "hello", r#"{"model":"a",}"#] {
        assert!(matches!(read(text), Err(P::NotJson { .. })), "{text}");
    }
}

#[test]
fn depth_costs_no_stack() {
    for value in ["stream_options", "messages"] {
        let deep =
            format!(r#"{{"model":"a","stream":true,"{value}":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(read(&deep).is_ok());
    }
    assert!(matches!(read(&"[".repeat(1_000_000)), Err(RequestProblem::NotJson { .. })));
    assert!(matches!(read(&r#"{"a":"#.repeat(1_000_000)), Err(RequestProblem::NotJson { .. })));
}

#[test]
fn usage_is_asked_for_without_touching_another_byte() {
    let prefix = r#"{"model":"a", "stream":true"#;
    let cases = [
        ("}", r#"{"stream_options":{"include_usage":true},"model":"a", "stream":true}"#.to_owned()),
        (r#","stream_options":null}"#, format!(r#"{prefix},"stream_options":{{"include_usage":true}}}}"#)),
        (r#","stream_options":{ }}"#, format!(r#"{prefix},"stream_options":{{"include_usage":true }}}}"#)),
        (r#","stream_options":{"a":1}}"#, format!(r#"{prefix},"stream_options":{{"include_usage":true,"a":1}}}}"#)),
        (
            r#","stream_options": {"include_usage" : false , "a":1} }"#,
            format!(r#"{prefix},"stream_options": {{"include_usage" : true , "a":1}} }}"#),
        ),
        (
            r#","stream_options":{"include_usage":null}}"#,
            format!(r#"{prefix},"stream_options":{{"include_usage":true}}}}"#),
        ),
        (
            r#","stream_options":{"include_usage":true,"include_usage":false}}"#,
            format!(r#"{prefix},"stream_options":{{"include_usage":true,"include_usage":true}}}}"#),
        ),
    ];
    for (rest, expected) in cases {
        assert_eq!(asked(&format!("{prefix}{rest}")), Some(expected));
    }
}

#[test]
fn usage_is_not_asked_for_where_it_is_or_cannot_be() {
    for body in [
        r#"{"model":"a"}"#,
        r#"{"model":"a","stream":false,"stream_options":null}"#,
        r#"{"model":"a","stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"a","stream":true,"stream_options":{"include_usage":"yes"}}"#,
        r#"{"model":"a","stream":true,"stream_options":[]}"#,
    ] {
        assert_eq!(asked(body), None, "{body}");
    }
    let body = br#"{"model":"a","stream":true}"#;
    for form in [ApiForm::Responses, ApiForm::Messages, ApiForm::OllamaChat] {
        assert_eq!(RequestView::read(form, body).unwrap().with_usage_asked(&Bytes::from_static(body)), None);
    }
}

#[test]
fn cloud_suffixes_are_ollamas_alone() {
    let strip = |model| strip_cloud_suffix(ProviderKind::Ollama, model);
    assert_eq!(strip("glm-4.6:cloud"), Some("glm-4.6"));
    assert_eq!(strip("gpt-oss:120b-cloud"), Some("gpt-oss:120b"));
    for model in ["gpt-oss:120b", "x-cloud", ":cloud", "x:-cloud", "cloud", "x:cloudy", ""] {
        assert_eq!(strip(model), None, "{model}");
    }
    assert_eq!(strip_cloud_suffix(ProviderKind::OpenRouter, "x:cloud"), None);
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_splice_changes_its_value_and_nothing_else(
        other in proptest::collection::hash_map("[a-l\"\\\\]{1,6}", json(), 0..5),
        options in proptest::option::of(prop_oneof![Just(json!(null)), Just(json!({})), Just(json!({"a": [1]})), Just(json!({"include_usage": false, "z": 1}))]),
        is_pretty: bool, model in ".{1,20}", new in ".{0,20}",
    ) {
        prop_assume!(!model.chars().any(char::is_control));
        let mut object: serde_json::Map<String, Value> = other.into_iter().collect();
        object.insert("model".into(), model.clone().into());
        object.insert("stream".into(), true.into());
        if let Some(options) = options {
            object.insert("stream_options".into(), options);
        }
        let mut expected = Value::Object(object);
        let text = if is_pretty { serde_json::to_string_pretty(&expected) } else { serde_json::to_string(&expected) }.unwrap();
        let body = Bytes::from(text);
        let view = RequestView::read(ApiForm::Chat, &body).unwrap();
        prop_assert_eq!(view.model.as_ref(), model);

        let mut renamed = expected.clone();
        renamed["model"] = new.clone().into();
        prop_assert_eq!(serde_json::from_slice::<Value>(&view.with_model(&body, &new)).unwrap(), renamed);

        if !expected["stream_options"].is_object() {
            expected["stream_options"] = json!({});
        }
        expected["stream_options"]["include_usage"] = true.into();
        let spliced = view.with_usage_asked(&body).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Value>(&spliced).unwrap(), expected);
        prop_assert_eq!(RequestView::read(ApiForm::Chat, &spliced).unwrap().with_usage_asked(&spliced), None);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Err(problem) = RequestView::read(ApiForm::Chat, &body) {
            prop_assert!(problem.to_string().ends_with('.'));
        }
    }
}
