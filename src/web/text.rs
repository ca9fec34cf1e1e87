//! Texts for people, in each language: the catalogues in `templates/text`, in Fluent's form.
//!
//! A text is named by its id and never built from pieces, because languages put their pieces in different orders. What a
//! text is told (how many, which) are its arguments.

use std::collections::BTreeMap;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::memoizer::MemoizerKind;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use rust_embed::RustEmbed;
use serde::Serialize;
use unic_langid::LanguageIdentifier;

use super::language::Language;
use super::templates::grouped;

/// All texts of one language.
pub(super) struct Catalogue(FluentBundle<FluentResource>);

/// A text by its id, to be said in whatever language the page is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Text {
    id: &'static str,
    args: BTreeMap<&'static str, Argument>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Argument {
    Number(u64),
    Word(String),
}

#[derive(RustEmbed)]
#[folder = "templates/text"]
#[include = "*.ftl"]
struct Files;

impl Text {
    pub(super) const fn new(id: &'static str) -> Self {
        Self { id, args: BTreeMap::new() }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Argument>) -> Self {
        self.args.insert(name, value.into());
        self
    }
}

impl From<u64> for Argument {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<String> for Argument {
    fn from(word: String) -> Self {
        Self::Word(word)
    }
}

impl From<&str> for Argument {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

impl Catalogue {
    /// Reads the files of a language. What of them is no text is left out; a test sees to it that there is no such thing.
    pub(super) fn new(language: Language) -> Self {
        let tag: LanguageIdentifier = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // The marks that isolate right-to-left words would be copied along with a figure or an address.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(plain));
        for name in Self::files(language) {
            bundle.add_resource_overriding(Self::resource(&name).unwrap_or_else(|(read, _)| read));
        }
        Self(bundle)
    }

    /// The text; `None` where the catalogue has none, or the text wants an argument that it was not given.
    pub(super) fn text(&self, id: &str, args: &FluentArgs<'_>) -> Option<String> {
        let pattern = self.0.get_message(id)?.value()?;
        let mut errors = Vec::new();
        let text = self.0.format_pattern(pattern, Some(args), &mut errors).into_owned();
        errors.is_empty().then_some(text)
    }

    fn files(language: Language) -> Vec<String> {
        let of_language = |name: &str| name.split('/').next() == Some(language.folder());
        Files::iter().filter(|name| of_language(name)).map(String::from).collect()
    }

    fn resource(name: &str) -> Result<FluentResource, (FluentResource, Vec<fluent_bundle::FluentError>)> {
        let data = Files::get(name).map(|file| file.data.into_owned()).unwrap_or_default();
        FluentResource::try_new(String::from_utf8_lossy(&data).into_owned())
            .map_err(|(resource, errors)| (resource, errors.into_iter().map(Into::into).collect()))
    }
}

impl Language {
    /// The folder of its texts.
    const fn folder(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

/// Whole numbers are grouped; everything else comes as it is to be shown.
fn plain<M: MemoizerKind>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    let FluentValue::Number(number) = value else { return None };
    #[expect(clippy::cast_possible_truncation, reason = "counts are below 2^53")]
    let whole = number.value as i64;
    Some(grouped(whole))
}

#[cfg(test)]
mod tests;
