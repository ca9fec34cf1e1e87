use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;

use super::*;
use crate::domain::fault::{FaultScope, Provenance, Reason};
use crate::domain::verdict::CheckVerdict;

/// The ids of a language, each with the names of its arguments.
fn ids(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut ids = BTreeMap::new();
    for name in Catalogue::files(language) {
        let resource = Catalogue::resource(&name).unwrap_or_else(|(_, errors)| panic!("{name}: {errors:?}"));
        for (id, arguments) in messages(&resource) {
            assert!(ids.insert(id.clone(), arguments).is_none(), "{name}: `{id}` is there twice");
        }
    }
    ids
}

/// What a file has, read from its text: Fluent's own syntax tree has no place for it in the public interface.
fn messages(resource: &FluentResource) -> Vec<(String, BTreeSet<String>)> {
    let mut messages: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in resource.source().lines() {
        let begins = line.split_once('=').filter(|_| line.starts_with(|first: char| first.is_ascii_alphabetic()));
        if let Some((id, _)) = begins {
            messages.push((id.trim().to_owned(), BTreeSet::new()));
        }
        let Some((_, arguments)) = messages.last_mut() else { continue };
        for place in line.split('$').skip(1) {
            arguments.insert(place.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect());
        }
    }
    messages
}

#[test]
fn every_text_is_there_in_every_language_with_the_same_arguments() {
    let (english, chinese) = (ids(Language::En), ids(Language::Zh));
    assert!(english.len() > 30, "the catalogue was not read: {english:?}");
    for (id, arguments) in &english {
        assert_eq!(chinese.get(id), Some(arguments), "`{id}` in Chinese");
    }
    for id in chinese.keys() {
        assert!(english.contains_key(id), "`{id}` is there in Chinese only");
    }
}

#[test]
fn every_text_can_be_said() {
    for language in Language::ALL {
        let catalogue = Catalogue::new(language);
        for (id, arguments) in ids(language) {
            for number in [0, 1, 2, 1_234_567] {
                let mut args = FluentArgs::new();
                for name in &arguments {
                    args.set(name.clone(), FluentValue::from(number));
                }
                let text = catalogue.text(&id, &args).unwrap_or_else(|| panic!("`{id}` in {language:?}"));
                assert!(!text.trim().is_empty() && !text.contains(['{', '}']), "`{id}` in {language:?}: {text}");
            }
        }
    }
}

#[test]
fn a_text_without_its_argument_is_not_said_by_half() {
    let catalogue = Catalogue::new(Language::En);
    assert_eq!(catalogue.text("unit-ago", &FluentArgs::new()), None);
    assert_eq!(catalogue.text("no-such-text", &FluentArgs::new()), None);
}

#[test]
fn every_word_of_the_server_is_said_in_every_language() {
    let said = |start: &str, words: &[&str]| {
        let id = |word: &&str| format!("{start}-{}", word.replace('_', "-"));
        let mut expected: Vec<_> = words.iter().map(id).collect();
        expected.sort();
        let start = format!("{start}-");
        let found: Vec<_> = ids(Language::En).into_keys().filter(|id| id.starts_with(&start)).collect();
        assert_eq!(found, expected);
    };
    said("reason", &Reason::ALL.map(Reason::as_str));
    said("provenance", &Provenance::ALL.map(Provenance::as_str));
    said("scope", &FaultScope::ALL.map(FaultScope::as_str));
    said("verdict", &CheckVerdict::ALL.map(CheckVerdict::as_str));
    said("checked-by", &["identity", "model_list", "chat"]);
    said("job-kind", &["check", "import", "enable", "disable", "amend", "delete"]);
    let decided = ["added", "existing", "duplicate", "skipped", "refused", "not_found", "done", "pending", "other"];
    said("job-result", &[&decided[..], &CheckVerdict::ALL.map(CheckVerdict::as_str)].concat());
}
