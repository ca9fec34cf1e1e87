//! Pages from the templates in `templates/`, each with a type of its own.
//!
//! A template sees two things: `frame`, the same for every page, and `page`, the type's fields. What is undefined is an
//! error, everything is escaped, and texts come from the catalogue of the page's language.

mod figures;
mod markdown;

use std::sync::Arc;

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, UndefinedBehavior, context, escape_formatter};
use rust_embed::RustEmbed;
use serde::Serialize;

pub(super) use self::figures::grouped;
pub(super) use self::markdown::{Section, sections};
use super::assets::Assets;
use super::language::Language;
use super::text::Catalogue;
use crate::clock::Clock;

/// What a template is made of.
pub(super) trait Page: Serialize {
    /// Its file below `templates/`.
    const TEMPLATE: &'static str;
}

/// All templates, in all languages.
pub(super) struct Templates {
    en: Environment<'static>,
    zh: Environment<'static>,
    tools: Tools,
}

/// What functions and filters need.
#[derive(Clone)]
struct Tools {
    assets: Arc<Assets>,
    clock: Clock,
}

#[derive(RustEmbed)]
#[folder = "templates"]
#[include = "*.html"]
#[cfg_attr(not(debug_assertions), exclude = "*patterns*")]
struct Files;

impl Templates {
    pub(super) fn new(assets: Arc<Assets>, clock: Clock) -> Self {
        let tools = Tools { assets, clock };
        Self { en: environment(Language::En, &tools), zh: environment(Language::Zh, &tools), tools }
    }

    /// A whole page.
    pub(super) fn render<P: Page>(
        &self,
        language: Language,
        frame: &impl Serialize,
        page: &P,
    ) -> Result<String, Error> {
        let context = context! { frame => Value::from(Serde(frame)), page => Value::from(Serde(page)) };
        if cfg!(debug_assertions) {
            // Templates and texts are read from the disk anew, so that a change shows without a build.
            return environment(language, &self.tools).get_template(P::TEMPLATE)?.render(context);
        }
        let environment = match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
        };
        environment.get_template(P::TEMPLATE)?.render(context)
    }

    #[cfg(test)]
    pub(super) fn names() -> impl Iterator<Item = String> {
        Files::iter().map(String::from)
    }
}

fn environment(language: Language, tools: &Tools) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|output, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escaped(output, text),
        _ => escape_formatter(output, state, value),
    });
    environment.set_loader(|name| {
        let source = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
        Ok::<_, Error>(Files::get(name).map(|file| source(&file.data)))
    });
    let catalogue = Arc::new(Catalogue::new(language));
    let texts = Arc::clone(&catalogue);
    environment.add_function("t", move |id: &str, args: Kwargs| {
        let named = args.args().map(|name| Ok((name.to_owned(), args.get::<Value>(name)?)));
        said(&texts, id, named.collect::<Result<Vec<_>, Error>>()?)
    });
    let texts = Arc::clone(&catalogue);
    environment.add_filter("text", move |text: &Value| {
        let id = text.get_attr("id")?;
        let args = text.get_attr("args")?;
        let named = args.try_iter()?.map(|name| Ok((name.to_string(), args.get_item(&name)?)));
        said(&texts, id.as_str().unwrap_or_default(), named.collect::<Result<Vec<_>, Error>>()?)
    });
    environment.add_filter("markdown", |text: &str| Value::from_safe_string(markdown::html(text)));
    let assets = Arc::clone(&tools.assets);
    environment.add_function("asset", move |path: &str| {
        assets.address(path).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no asset `{path}`")))
    });
    figures::add_to(&mut environment, language, &catalogue, &tools.clock);
    environment
}

/// Text as it may stand between tags and in quoted attributes. The library's own also escapes slashes, and the pages are
/// full of addresses.
fn escaped(output: &mut Output<'_>, text: &str) -> Result<(), Error> {
    let mut rest = text;
    while let Some((at, entity)) = rest.char_indices().find_map(|(at, c)| Some((at, entity(c)?))) {
        let (before, after) = rest.split_at(at);
        output.write_str(before)?;
        output.write_str(entity)?;
        rest = after.get(1..).unwrap_or_default();
    }
    Ok(output.write_str(rest)?)
}

const fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    }
}

/// A text with its arguments. That there is none is an error: a page with a hole helps nobody.
fn said(catalogue: &Catalogue, id: &str, named: Vec<(String, Value)>) -> Result<String, Error> {
    let mut args = FluentArgs::new();
    for (name, value) in named {
        let value = match (value.kind(), i64::try_from(value.clone())) {
            #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
            (ValueKind::Number, Ok(number)) => FluentValue::from(number as f64),
            _ => FluentValue::from(value.to_string()),
        };
        args.set(name, value);
    }
    let missing = || Error::new(ErrorKind::InvalidOperation, format!("no text `{id}` for these arguments"));
    catalogue.text(id, &args).ok_or_else(missing)
}

#[cfg(test)]
mod tests;
