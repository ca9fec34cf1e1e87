//! What the answers say, read without ever failing on a value's type.

use serde::de::{MapAccess, SeqAccess};

use crate::domain::answer::loose::{Loose, Substance, Text, deserialize_loosely, loose_object};
use crate::domain::provider::ProviderKind;

loose_object! {
    struct Owner {
        id: Substance = "id",
        name: Substance = "name",
        email: Substance = "email",
        data: Substance = "data",
    }
}

/// Whether an identity answer says whose key it is.
///
/// A success alone does not: Ollama's own client takes a user without a name for nobody who is signed in, and its local
/// server answers `null` when it could not ask.
pub(super) fn names_owner(kind: ProviderKind, body: &[u8]) -> bool {
    let owner = serde_json::from_slice::<Owner>(body).unwrap_or_default();
    match kind {
        ProviderKind::Ollama => owner.id.0 || owner.name.0 || owner.email.0,
        ProviderKind::OpenRouter | ProviderKind::OpenAiCompatible => owner.data.0,
    }
}

loose_object! {
    struct Completion {
        choices: Substance = "choices",
    }
}

/// Whether a chat's answer has what every completion has.
pub(super) fn is_completion(body: &[u8]) -> bool {
    serde_json::from_slice::<Completion>(body).is_ok_and(|completion| completion.choices.0)
}

loose_object! {
    struct Entry<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        name: Text<'a> = "name",
    }
}

impl Entry<'_> {
    fn name(self) -> Option<String> {
        // OpenRouter's `name` is for people; Ollama has no `id`.
        let name = self.id.0.or(self.model.0).or(self.name.0)?;
        (!name.is_empty()).then(|| name.into_owned())
    }
}

/// The names in a list; `None` for what is no list.
#[derive(Default)]
struct Names(Option<Vec<String>>);

impl<'de> Loose<'de> for Names {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while let Some(entry) = seq.next_element::<Entry<'_>>()? {
            names.extend(entry.name());
        }
        Ok(Self(Some(names)))
    }
}
deserialize_loosely!('de, Names);

loose_object! {
    struct Catalogue {
        data: Names = "data",
        models: Names = "models",
    }
}

/// A list of models in any of its forms: OpenAI's, Ollama's, or bare.
#[derive(Default)]
struct Listed(Names);

impl<'de> Loose<'de> for Listed {
    fn from_seq<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        Names::from_seq(seq).map(Self)
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let Catalogue { data, models } = Catalogue::from_map(map)?;
        Ok(Self(Names(data.0.or(models.0))))
    }
}
deserialize_loosely!('de, Listed);

/// The names of a list of models; `None` where the answer is no such list.
pub(super) fn model_names(body: &[u8]) -> Option<Vec<String>> {
    serde_json::from_slice::<Listed>(body).ok()?.0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_every_form() {
        #[track_caller]
        fn check(body: &str, names: Option<&[&str]>) {
            let expected = names.map(|names| names.iter().map(|name| String::from(*name)).collect());
            assert_eq!(model_names(body.as_bytes()), expected, "{body}");
        }
        check(r#"{"object":"list","data":[{"id":"a/b","name":"B, by A"},{"id":"c"}]}"#, Some(&["a/b", "c"]));
        check(r#"{"models":[{"name":"a:1b","model":"a:1b"},{"name":"b:2b"}]}"#, Some(&["a:1b", "b:2b"]));
        check(r#"[{"id":"a"}]"#, Some(&["a"]));
        check(r#"{"data":[]}"#, Some(&[]));
        check(r#"{"data":null,"models":[{"id":"a"}]}"#, Some(&["a"]));
        check(r#"{"data":[5,"x",null,{"size":1},{"id":""},{"id":7},{"id":"a"}]}"#, Some(&["a"]));
        for no_list in [r#"{"data":5}"#, r#"{"data":{}}"#, "{}", "null", "5", r#""x""#, "x", "", "[{", "<html>"] {
            check(no_list, None);
        }
    }

    #[test]
    fn an_identity_has_to_name_somebody() {
        #[track_caller]
        fn check(kind: ProviderKind, body: &str, names: bool) {
            assert_eq!(names_owner(kind, body.as_bytes()), names, "{body}");
        }
        check(ProviderKind::Ollama, r#"{"id":"6f1b","email":"a@b","name":"ann","plan":"free"}"#, true);
        check(ProviderKind::Ollama, r#"{"name":"ann"}"#, true);
        check(ProviderKind::OpenRouter, r#"{"data":{"label":"sk-or-v1-0e6...1c9","limit":null}}"#, true);
        for nobody in ["null", "{}", "[]", r#"{"id":"","name":""}"#, r#"{"data":null}"#, r#"{"data":{}}"#, "x"] {
            check(ProviderKind::Ollama, nobody, false);
            check(ProviderKind::OpenRouter, nobody, false);
        }
    }

    #[test]
    fn a_completion_has_a_choice() {
        assert!(is_completion(br#"{"choices":[{"message":{"content":""}}]}"#));
        for other in [&br#"{"choices":[]}"#[..], b"{}", b"null", br#"{"message":"hi"}"#, b"data: {}"] {
            assert!(!is_completion(other));
        }
    }
}
