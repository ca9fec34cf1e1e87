use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{MAX_DEPTH, canonical};

#[track_caller]
fn check(text: &str, expected: &str) {
    let form = canonical(text.as_bytes()).map(|form| String::from_utf8(form).expect("text"));
    assert_eq!(form.as_deref(), Some(expected), "{text}");
    assert_eq!(canonical(expected.as_bytes()).as_deref(), Some(expected.as_bytes()), "the form of the form is itself");
}

#[test]
fn keys_are_sorted() {
    check(r#" { "b" : 1 , "a" : [ 2 , { "d" : 1 , "c" : 2 } ] } "#, r#"{"a":[2,{"c":2,"d":1}],"b":1}"#);
    check(r#"{"b":2,"a":{"z":1,"y":2}}"#, r#"{"a":{"y":2,"z":1},"b":2}"#);
    check(r#"{"a":[],"":{},"A":""}"#, r#"{"":{},"A":"","a":[]}"#);
    check(r#"[{"a":1},{"a":1}]"#, r#"[{"a":1},{"a":1}]"#);
}

#[test]
fn equal_keys_in_one_object_have_no_form() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":{}}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"a":{"x":1},"a":{"y":2}}"#,
        r#"[{"b":[{"x":1,"y":2,"x":3}],"a":1}]"#,
    ] {
        assert_eq!(canonical(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn strings_stand_by_their_value() {
    check(r#""\u00fc\/\u0022\\\n\uD83D\ude00""#, "\"ü/\\\"\\\\\\n😀\"");
    check(r#""plain""#, r#""plain""#);
    check(r#""\\""#, r#""\\""#);
    assert_ne!(canonical(br#""a b""#), canonical(br#""a  b""#), "white space in a string is a part of it");
}

#[test]
fn numbers_stand_by_their_exact_value() {
    for one in ["1", "1.0", "1e0", "10e-1", "1E+0", "0.1e1", "1.000e00", "100e-0002"] {
        check(one, "1");
    }
    for zero in ["0", "-0", "-0.0", "0e5", "0.000e-99999999999999999999999"] {
        check(zero, "0");
    }
    check("9007199254740993", "9007199254740993");
    check("9007199254740992", "9007199254740992");
    check("1500", "15e2");
    check("-1.50", "-15e-1");
    check("0.10000000000000000000000000000001", "10000000000000000000000000000001e-32");
    check("1e999999999999", "1e999999999999");
    check("1e-9223372036854775808", "1e-9223372036854775808");
}

#[test]
fn words_differ_from_their_likes() {
    let all = ["null", "false", "true", "0", "\"\"", "[]", "{}", "\"0\"", "\"null\"", "[null]", "[[]]", "1", "\"1\""];
    let forms: std::collections::HashSet<_> =
        all.iter().map(|text| canonical(text.as_bytes()).expect("JSON")).collect();
    assert_eq!(forms.len(), all.len());
}

#[test]
fn what_is_no_json_has_no_form() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "]",
        "{]",
        "[}",
        "[1,]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "1 2",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "1e5.0",
        "0x1",
        "NaN",
        "tru",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\n\"",
        "\"\\ud800\"",
        "'a'",
        "[1]]",
        "{\"a\":1}}",
        "1-1",
        "--1",
        "nulll",
        "\u{c}1",
    ] {
        assert_eq!(canonical(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(canonical(b"\"\xff\""), None);
    assert_eq!(canonical(b"1e99999999999999999999"), None, "no room for such an exponent");
    assert_eq!(canonical(b"0.1e-9223372036854775808"), None);
}

#[test]
fn depth_is_limited_and_costs_no_stack() {
    let nested = |open: &str, middle: &str, close: &str, n: usize| open.repeat(n) + middle + &close.repeat(n);
    assert!(canonical(nested("[", "", "]", MAX_DEPTH).as_bytes()).is_some());
    assert_eq!(canonical(nested("[", "", "]", MAX_DEPTH + 1).as_bytes()), None);
    assert!(canonical(nested("{\"a\":", "1", "}", MAX_DEPTH).as_bytes()).is_some());
    assert_eq!(canonical(nested("{\"a\":", "1", "}", 1_000_000).as_bytes()), None);
    assert_eq!(canonical("[".repeat(1_000_000).as_bytes()), None);
}

#[test]
fn a_number_of_a_million_digits_and_a_huge_exponent_stay_small() {
    let digits = format!("0.{}e1000000", "1".repeat(1_000_000));
    assert_eq!(canonical(digits.as_bytes()), Some("1".repeat(1_000_000).into_bytes()));
    assert_eq!(canonical(b"1e9223372036854775807").expect("a form").len(), 21);
}

fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,6}|[\u{0}-\u{1f}\"\\\\é]{0,6}".prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec(("[a-c\"\\\\]{0,2}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The same value, written in another way: entries reversed, white space between tokens, strings in escapes, numbers with
/// a fraction and an exponent.
fn rewritten(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        Value::Number(number) => writeln!(out, " {number}00.0e-2").unwrap(),
        Value::String(text) => {
            out.push('"');
            for unit in text.encode_utf16() {
                write!(out, "\\u{unit:04X}").unwrap();
            }
            out.push('"');
        }
        Value::Array(items) => {
            out.push_str("[ ");
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "\t," });
                rewritten(item, out);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push_str("{\r\n");
            for (i, (key, item)) in entries.iter().rev().enumerate() {
                let key = Value::from(key.as_str());
                out.push_str(if i == 0 { "" } else { " , " });
                rewritten(&key, out);
                out.push_str(" : ");
                rewritten(item, out);
            }
            out.push_str(" }");
        }
    }
}

proptest! {
    #[test]
    fn ways_of_writing_do_not_matter(value in json()) {
        let plain = canonical(value.to_string().as_bytes());
        prop_assert!(plain.is_some());
        let mut other = String::new();
        rewritten(&value, &mut other);
        prop_assert_eq!(&canonical(other.as_bytes()), &plain, "{}", other);
        prop_assert_eq!(&canonical(plain.as_deref().unwrap()), &plain);
    }

    #[test]
    fn values_do(one in json(), other in json()) {
        let forms = [&one, &other].map(|value| canonical(value.to_string().as_bytes()));
        prop_assert_eq!(one == other, forms[0] == forms[1]);
    }

    #[test]
    fn any_text_is_taken_as_the_parser_takes_it(text in "[\\[\\]{}:,\"\\\\0-9.eE+ntu a-]{0,24}") {
        let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let has_form = canonical(text.as_bytes()).is_some();
        // A form also needs every string to have a value, every exponent to have room and every key to be the only one.
        let may_have_none = text.contains(['\\', 'e', 'E']) || text.matches(':').count() > 1;
        prop_assert!(parsed || !has_form, "{}", text);
        prop_assert!(has_form || !parsed || may_have_none, "{}", text);
    }

    #[test]
    fn decimal_points_and_exponents_cancel_out(digits in "[1-9][0-9]{0,30}", shift in 0_usize..60) {
        let (expected, zeros) = (canonical(digits.as_bytes()), "0".repeat(shift));
        prop_assert_eq!(&canonical(format!("{digits}{zeros}e-{shift}").as_bytes()), &expected);
        prop_assert_eq!(&canonical(format!("0.{zeros}{digits}E+{}", shift + digits.len()).as_bytes()), &expected);
    }
}
