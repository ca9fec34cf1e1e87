use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::secret::ApiKeyError;

/// A line in a word: `label=key`, or the code of its reason.
fn told(line: &Line) -> String {
    match &line.result {
        Reading::Parsed(key) => format!("{}={}", key.label, key.secret.expose()),
        Reading::Skipped(why) => format!("skipped {}", why.code()),
        Reading::Refused(why) => format!("refused {}", why.code()),
    }
}

#[track_caller]
fn check(lines: &[Line], expected: &[&str]) {
    assert_eq!(lines.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(lines.iter().map(|line| line.number).eq(1..=lines.len()), "lines are numbered in their order");
}

#[track_caller]
fn check_secret(text: &str, expected: Result<&str, Refusal>) {
    let read = keys([text]).pop().map(|line| line.result);
    match (read, expected) {
        (Some(Reading::Parsed(key)), Ok(expected)) => assert_eq!(key.secret.expose(), expected, "{text:?}"),
        (Some(Reading::Refused(why)), Err(expected)) => assert_eq!(why, expected, "{text:?}"),
        _ => panic!("{text:?} is not {expected:?}"),
    }
}

#[test]
fn a_list_has_a_key_in_each_item() {
    let read = keys(["key-1", " key-2\r", "", "key-1", "#key", "two words", "schlüssel"]);
    check(
        &read,
        &[
            "=key-1",
            "=key-2",
            "refused empty",
            "skipped duplicate",
            "=#key",
            "refused not_printable",
            "refused not_printable",
        ],
    );
    check(&keys([]), &[]);
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let text = "\u{feff}key-1\r\n\r\n# my keys\r\n  key-2  \n\t\n#\nkey-1\nkey-3";
    let expected = [
        "=key-1",
        "skipped empty",
        "skipped comment",
        "=key-2",
        "skipped empty",
        "skipped comment",
        "skipped duplicate",
        "=key-3",
    ];
    check(&key_lines(text), &expected);
    check(&key_lines(""), &[]);
    check(&key_lines("\n"), &["skipped empty"]);
    check(&key_lines("key-1\n"), &["=key-1"]);
    check(&key_lines("\u{feff}# a\n\u{feff}key-1"), &["skipped comment", "=key-1"]);
}

#[test]
fn lines_with_fields_have_the_key_where_their_form_has_it() {
    let text =
        "key-1\nmine----key-2\na----b----key-3\na@x----pass----session----key-4\na@x----b----c----key-5----e----f";
    let expected = ["=key-1", "mine=key-2", "refused too_few_fields"];
    check(&account_lines(text), &[&expected[..], &["=key-4", "=key-5"]].concat());
    let items: Vec<_> = text.lines().map(Value::from).collect();
    check(&accounts(&items), &[&expected[..], &["a@x=key-4", "a@x=f"]].concat());
}

#[test]
fn fields_are_trimmed_and_may_be_missing() {
    let text = " mine ---- key-1 \n----key-2\nmine----\n----\n a ---- b ---- c ---- key-3 \na----b----c----\na------x";
    let expected = ["mine=key-1", "=key-2", "refused empty", "refused empty", "=key-3", "refused empty", "a=--x"];
    check(&account_lines(text), &expected);
}

#[test]
fn objects_have_a_key_and_a_label_under_several_names() {
    let items = [
        json!({"api_key": "key-1", "username": "u", "email": "e@x", "password": "p"}),
        json!({"apiKey": "key-2", "label": "l"}),
        json!({"key": "key-3", "name": "n"}),
        json!({"api_key": "key-4", "email": "e@x"}),
        json!({"api_key": "key-5"}),
        json!({"api_key": null, "apiKey": " ", "key": "key-6", "username": "", "name": 7, "email": "e"}),
        json!({"api_key": ""}),
        json!({"api_key": 7}),
        json!({"api_key": ["key-7"]}),
        json!({"foo": 1}),
        json!({}),
        json!({"api_key": "a----b----c----key-8"}),
        json!({"api_key": "key-1", "username": "another"}),
    ];
    let expected = [
        "u=key-1",
        "l=key-2",
        "n=key-3",
        "e@x=key-4",
        "=key-5",
        "e=key-6",
        "refused empty",
        "refused missing_api_key",
        "refused missing_api_key",
        "refused missing_api_key",
        "refused missing_api_key",
        "refused not_supported",
        "skipped duplicate",
    ];
    check(&accounts(&items), &expected);
}

#[test]
fn items_of_other_kinds_are_refused_and_lines_among_them_are_lines() {
    let items = [json!(7), json!(null), json!(true), json!(["key-1"]), json!(""), json!("# a"), json!("key-1")];
    let refused = ["refused not_supported"; 4];
    check(&accounts(&items), &[&refused[..], &["skipped empty", "skipped comment", "=key-1"]].concat());
}

#[test]
fn what_a_program_or_a_table_puts_around_a_key_is_taken_off() {
    for around in
        ["key-1", "\"key-1\",", "'key-1'", "`key-1`;", " \"key-1\" , ", "key-1,", "\" key-1 \"", "\u{feff}key-1"]
    {
        check_secret(around, Ok("key-1"));
        check(&account_lines(around), &["=key-1"]);
    }
    for line in ["\"mine----key-1\",", "\"mine\"----\"key-1\"", "'mine'----\"key-1\";", "mine----key-1,"] {
        check(&account_lines(line), &["mine=key-1"]);
    }
    check_secret("abc==", Ok("abc=="));
    check_secret("abc==.def", Ok("abc==.def"));
    check_secret("\"key-1", Ok("\"key-1"));
    check_secret("\"\",", Err(Refusal::NoApiKey(ApiKeyError::Empty)));
    check_secret(",", Err(Refusal::NoApiKey(ApiKeyError::Empty)));
}

#[test]
fn what_is_no_key_is_refused_for_what_it_looks_like() {
    for (text, why) in [
        ("session=abc; path=/; HttpOnly", Refusal::Assignment),
        ("Cookie: session=abc", Refusal::Assignment),
        ("__Secure-token=eyJhbGciOi", Refusal::Assignment),
        ("OLLAMA_API_KEY=key-1", Refusal::Assignment),
        ("a@x,key-1", Refusal::SeveralValues),
        ("a@x;password", Refusal::SeveralValues),
        ("{\"api_key\":\"key-1\"}", Refusal::Json),
        ("[", Refusal::Json),
        ("],", Refusal::Json),
        ("mine----key-1", Refusal::Fields),
        ("two words", Refusal::NoApiKey(ApiKeyError::NotPrintableAscii)),
        ("key\u{0}1", Refusal::NoApiKey(ApiKeyError::NotPrintableAscii)),
        (&"k".repeat(513), Refusal::NoApiKey(ApiKeyError::TooLong)),
    ] {
        check_secret(text, Err(why));
    }
}

#[test]
fn the_first_of_equal_keys_counts_and_the_others_name_it() {
    let read = account_lines("one----key-1\n\"key-1\",\ntwo----key-1\nkey-2\nbad key\nbad key");
    let expected = [
        "one=key-1",
        "skipped duplicate",
        "skipped duplicate",
        "=key-2",
        "refused not_printable",
        "refused not_printable",
    ];
    check(&read, &expected);
    for line in &read[1..3] {
        assert!(matches!(line.result, Reading::Skipped(Skip::Duplicate { first: 1 })));
    }
}

#[test]
fn labels_are_made_fit_to_be_stored() {
    for (label, expected) in [
        ("  mine\t", String::from("mine")),
        ("\u{1b}[31m mi\u{0}ne", String::from("[31m mine")),
        ("我的钥匙", String::from("我的钥匙")),
        (&"é".repeat(201), "é".repeat(200)),
        (&format!("{} b", "a".repeat(199)), "a".repeat(199)),
        ("\u{1} \u{2}", String::new()),
    ] {
        let items = [json!({"key": "key-1", "label": label})];
        check(&accounts(&items), &[&format!("{expected}=key-1")]);
    }
}

#[test]
fn reasons_are_sentences_for_people() {
    assert_eq!(Skip::Duplicate { first: 7 }.to_string(), "line 7 has the same API key");
    assert_eq!(Refusal::from(ApiKeyError::Empty).to_string(), ApiKeyError::Empty.to_string());
}

/// Lines as people paste them, and lines as nobody does.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::prelude::any::<String>().prop_map(|text| text.replace('\n', "")),
        "[ -~]{0,40}",
        "[\"'`{\\[#;,=-]{0,12}[a-c]{0,3}[-,;\"'` ]{0,12}",
        "[a-d]{1,3}(----[a-d]{0,3}){0,6}[,;]?",
    ]
}

proptest! {
    #[test]
    fn every_line_is_reported_once_and_its_key_and_label_can_be_stored(
        pasted in proptest::collection::vec(line(), 0..20),
    ) {
        let text = pasted.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        let items: Vec<_> = pasted.iter().map(|line| Value::from(line.as_str())).collect();
        let objects: Vec<_> = pasted.iter().map(|line| json!({"key": line, "name": line})).collect();
        let readings = [
            keys(pasted.iter().map(String::as_str)),
            key_lines(&text),
            account_lines(&text),
            accounts(&items),
            accounts(&objects),
        ];
        for read in readings {
            prop_assert_eq!(read.len(), pasted.len());
            let mut seen = std::collections::HashSet::new();
            for (line, number) in read.iter().zip(1..) {
                prop_assert_eq!(line.number, number);
                match &line.result {
                    Reading::Parsed(NewKey { secret, label }) => {
                        let again = ApiKeySecret::parse(secret.expose());
                        prop_assert!(again.is_ok_and(|again| again.expose() == secret.expose()));
                        prop_assert!(label.chars().count() <= LABEL_CHARS && !label.chars().any(char::is_control));
                        prop_assert_eq!(label.trim(), label);
                        prop_assert!(seen.insert(secret.expose()), "a key is parsed twice");
                    }
                    Reading::Skipped(Skip::Duplicate { first }) => {
                        prop_assert!(*first < number);
                        prop_assert!(matches!(read[first - 1].result, Reading::Parsed(_)));
                    }
                    Reading::Skipped(_) | Reading::Refused(_) => {}
                }
            }
        }
    }

    #[test]
    fn of_an_account_list_only_the_key_and_the_label_are_left(
        fields in proptest::collection::vec("[a-z]{8}", 4..8),
    ) {
        let line = fields.join("----");
        check(&account_lines(&line), &[&format!("={}", fields[3])]);
        check(&accounts([&Value::from(line)]), &[&format!("{}={}", fields[0], fields[fields.len() - 1])]);
    }
}
