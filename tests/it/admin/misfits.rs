//! Parameters and bodies of the wrong type: the refusal names them and says what they have to be, in plain words.

use serde_json::{Value, json};

use super::refused;
use crate::support::{Reply, TestApp};

/// Words of the libraries and of the language the server is written in.
const JARGON: [&str; 9] =
    ["parse", "payload", "integer_", "int64", "verification", "exclusive", "Expected", "optional_", "occurred"];

#[track_caller]
fn told(reply: Reply, says: &str) {
    let answer = refused(reply, 400, "bad_request", says);
    let sentence = answer["error"].as_str().expect("a sentence");
    for word in JARGON {
        assert!(!sentence.contains(word), "{word:?} is in {sentence:?}");
    }
}

#[test]
fn a_field_that_does_not_fit_is_named() {
    let app = TestApp::builder().start();
    let cases: [(&str, Value, &str); 14] = [
        ("/admin/tokens", json!({"expiresIn": "x"}), "`expiresIn` has to be a whole number"),
        ("/admin/tokens", json!({"name": [7], "expiresIn": 1}), "`name` has to be a text"),
        ("/admin/tokens", json!({"provider": ["ollama"]}), "`provider` has to be a text"),
        ("/admin/api-keys", json!({"api_key": {"of": "me"}}), "`api_key` has to be a text"),
        ("/admin/api-keys", json!({"apiKey": ["k"]}), "`apiKey` has to be a text"),
        ("/admin/api-keys", json!({"api_key": "upstream-key-0001", "ttl": 1.5}), "`ttl` has to be a whole number"),
        ("/admin/api-keys", json!({"api_key": "upstream-key-0001", "ttl": u64::MAX}), "`ttl` has to be a whole number"),
        ("/admin/api-keys/import", json!({}), "`keys` is missing: it has to be a list of texts"),
        ("/admin/api-keys/import", json!({"keys": null}), "`keys` has to be a list of texts"),
        ("/admin/api-keys/import", json!({"keys": ["upstream-key-0001", ["k"]]}), "`keys` has to be a list of texts"),
        ("/admin/keys/enable", json!({}), "`apiKey` is missing: it has to be a text"),
        ("/admin/keys/disable", json!({"apiKey": "k", "duration": "1h"}), "`duration` has to be a whole number"),
        ("/admin/tokens", json!([1]), "has to be a JSON object"),
        ("/admin/tokens", json!("expiresIn"), "has to be a JSON object"),
    ];
    for (path, body, says) in cases {
        told(app.admin().post(path, &body), says);
    }
    told(app.admin().delete("/admin/tokens", &json!({})), "`token` is missing: it has to be a text");
    told(app.admin().delete("/admin/api-keys", &json!({"apiKeys": "k"})), "`apiKeys` has to be a list of texts");
}

#[test]
fn a_body_that_is_not_json_is_told_where_it_goes_wrong() {
    let app = TestApp::builder().start();
    for (body, says) in [
        ("", "The body is empty"),
        ("{\n  nonsense\n}", "not JSON: it goes wrong at line 2, column 3"),
        ("{\"name\":", "not JSON: it goes wrong at line 1, column 8"),
        ("{} {}", "not JSON"),
    ] {
        let call = app.admin().call("POST", "/admin/tokens").header("content-type", "application/json");
        told(call.body(body).send(), says);
    }
}

/// The values that a schema of the document lists.
fn values<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let referred = |schema: &'a Value| document.pointer(schema["$ref"].as_str()?.strip_prefix('#')?);
    let parts = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
    let listed = parts.map(|part| referred(part).unwrap_or(part)).find_map(|part| part["enum"].as_array());
    listed.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_parameter_with_a_few_values_names_them_all() {
    let app = TestApp::builder().start();
    let document = app.admin().get("/openapi.json").expect(200).json();
    let mut count = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, values) =
                    (parameter["name"].as_str().expect("a name"), values(&document, &parameter["schema"]));
                if parameter["in"] != "query" || values.is_empty() {
                    continue;
                }
                assert_eq!(method, "get", "{path} {name}: this test asks by GET only");
                let reply = app.admin().get(&format!("{path}?{name}=a-secret"));
                assert!(!reply.text().contains("a-secret"), "{}", reply.text());
                let answer = refused(reply, 400, "bad_request", &format!("`{name}` has to be "));
                let sentence = answer["error"].as_str().expect("a sentence");
                assert!(values.iter().all(|value| sentence.contains(&format!("`{value}`"))), "{path}: {sentence}");
                count += 1;
            }
        }
    }
    assert!(count >= 18, "{count}");
}

#[test]
fn a_parameter_that_does_not_fit_is_named() {
    let app = TestApp::builder().start();
    for (query, says) in [
        ("page=0", "`page` has to be at least 1"),
        ("page=x", "`page` has to be a whole number up to 4294967295"),
        ("page=-1", "`page` has to be a whole number"),
        ("page=1.5", "`page` has to be a whole number"),
        ("page=4294967296", "`page` has to be a whole number up to 4294967295"),
        ("page=", "`page` has to be a whole number"),
        ("page=minimum(3,", "`page` has to be a whole number"),
        ("pageSize=0", "`pageSize` has to be at least 1"),
        ("pageSize=201", "`pageSize` has to be at most 200"),
        ("order=a-secret", "`order` has to be `asc` or `desc`."),
        ("fetch=a-secret", "`fetch` has to be `all`."),
    ] {
        let reply = app.admin().get(&format!("/admin/api-keys?{query}"));
        assert!(!reply.text().contains("a-secret"), "{}", reply.text());
        told(reply, says);
    }
}
