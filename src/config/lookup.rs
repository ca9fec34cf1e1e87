//! Finds each option's value in the four layers, and remembers every problem and where each value came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::args::Args;
use super::environment::Environment;
use super::error::{ConfigError, Invalid, Origin};
use super::file::ConfigFile;
use super::names;
use super::options::{self, Opt};
use super::service_manager::ServiceManager;

/// One line of the effective configuration. Secrets are only said to be set or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveValue {
    pub name: &'static str,
    pub value: String,
    pub origin: Origin,
}

const SET: &str = "«set»";
const NOT_SET: &str = "«not set»";

/// A value before it is understood.
pub(super) struct Found {
    text: String,
    origin: Origin,
}

pub(super) struct Lookup<'a> {
    args: &'a Args,
    environment: &'a Environment,
    file: ConfigFile,
    pub(super) errors: Vec<ConfigError>,
    rows: BTreeMap<&'static str, EffectiveValue>,
}

impl<'a> Lookup<'a> {
    /// Reads the configuration file, if one is named.
    pub(super) fn new(args: &'a Args, environment: &'a Environment) -> Self {
        let file = ConfigFile::default();
        let mut lookup = Self { args, environment, file, errors: Vec::new(), rows: BTreeMap::new() };
        let named = lookup.find(&options::CONFIG_FILE);
        lookup.record(&options::CONFIG_FILE, named.as_ref());
        if let Some(named) = named
            && let Some(text) = lookup.content(&options::CONFIG_FILE, &named)
        {
            lookup.file = ConfigFile::parse(Path::new(&named.text), &text);
            lookup.errors.append(&mut lookup.file.errors);
        }
        lookup
    }

    /// The option's value or its default. `None` when it has neither, or when it is wrong, which is then among the
    /// errors.
    pub(super) fn value<T>(&mut self, opt: &'static Opt, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        self.value_or(opt, None, parse)
    }

    /// As [`Self::value`], with something that comes before the default.
    pub(super) fn value_or<T>(
        &mut self,
        opt: &'static Opt,
        fallback: Option<Found>,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let default = || opt.default.map(|text| Found { text: text.to_owned(), origin: Origin::Default });
        let found = self.find(opt).or(fallback).or_else(default);
        self.record(opt, found.as_ref());
        self.understand(opt, &found?, parse)
    }

    /// A secret, given directly or by the file that holds it.
    pub(super) fn secret<T>(
        &mut self,
        opt: &'static Opt,
        file_opt: &'static Opt,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let (direct, file) = (self.find(opt), self.find(file_opt));
        self.record(file_opt, file.as_ref());
        let found = match (direct, file) {
            (Some(direct), Some(file)) => {
                let (first, second) = (direct.origin, file.origin);
                self.errors.push(ConfigError::GivenTwice { option: opt.name, first, second });
                return None;
            }
            (direct, None) => direct,
            (None, Some(file)) => {
                let text = self.content(file_opt, &file)?.trim().to_owned();
                Some(Found { text, origin: Origin::SecretFile(PathBuf::from(file.text)) })
            }
        };
        self.record(opt, found.as_ref());
        self.understand(opt, &found?, |text| if text.is_empty() { Err(Invalid::EmptyFile) } else { parse(text) })
    }

    /// What the file that an option names says.
    pub(super) fn file<T>(&mut self, opt: &'static Opt, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let found = self.find(opt);
        self.record(opt, found.as_ref());
        let found = found?;
        let content = self.content(opt, &found)?;
        self.understand(opt, &found, |_| parse(&content))
    }

    /// The files that two options name which are of use together only.
    pub(super) fn files(&mut self, first: &'static Opt, second: &'static Opt) -> Option<(PathBuf, PathBuf)> {
        let found = [first, second].map(|opt| {
            let found = self.find(opt);
            self.record(opt, found.as_ref());
            found
        });
        let (given, alone, missing) = match found {
            [Some(one), Some(other)] => return Some((one.text.into(), other.text.into())),
            [None, None] => return None,
            [Some(alone), None] => (first, alone, second),
            [None, Some(alone)] => (second, alone, first),
        };
        let (option, origin) = (given.name, alone.origin);
        self.errors.push(ConfigError::Alone { option, origin, missing: missing.name });
        None
    }

    fn content(&mut self, opt: &'static Opt, found: &Found) -> Option<Zeroizing<String>> {
        let path = PathBuf::from(&found.text);
        match std::fs::read_to_string(&path) {
            Ok(content) => Some(Zeroizing::new(content)),
            Err(cause) => {
                let origin = found.origin.clone();
                self.errors.push(ConfigError::Unreadable { option: opt.name, origin, path, cause });
                None
            }
        }
    }

    /// A variable that only the service manager sets. It may name several directories; the first is the main one.
    pub(super) fn state_directory(&self) -> Option<Found> {
        const NAME: &str = "STATE_DIRECTORY";
        let first = self.environment.get(NAME)?.to_str()?.split(':').next()?;
        Some(Found { text: first.to_owned(), origin: Origin::Environment(NAME) })
    }

    pub(super) fn service_manager(&self) -> Option<ServiceManager> {
        ServiceManager::of(self.environment, std::process::id())
    }

    /// What is effective, in the table's order; and what the operator should know.
    pub(super) fn finish(mut self) -> (Vec<EffectiveValue>, Vec<String>) {
        let in_environment = names::obsolete()
            .filter(|(name, _)| self.environment.get(name).is_some())
            .map(|(name, why)| format!("{name} (environment) has no effect: {why}"));
        let notices = in_environment.chain(self.file.notices).collect();
        let effective = options::ALL.iter().filter_map(|opt| self.rows.remove(opt.name)).collect();
        (effective, notices)
    }

    /// Flags before the environment before the file. Surrounding white space is dropped everywhere.
    fn find(&mut self, opt: &'static Opt) -> Option<Found> {
        if let (Some(typed), Some(flag)) = (self.args.get(opt), opt.flag()) {
            return Some(Found { text: typed.trim().to_owned(), origin: Origin::Flag(flag) });
        }
        if let Some(value) = self.environment.get(opt.name) {
            let origin = Origin::Environment(opt.name);
            let Some(text) = value.to_str() else {
                let problem = Invalid::NotUnicode;
                self.errors.push(ConfigError::Invalid { option: opt.name, origin, value: None, problem });
                return None;
            };
            if !text.trim().is_empty() {
                return Some(Found { text: text.trim().to_owned(), origin });
            }
        }
        let entry = self.file.get(opt)?;
        let origin = Origin::File { path: Path::to_owned(self.file.path()), line: entry.line };
        Some(Found { text: entry.value.clone(), origin })
    }

    fn understand<T>(
        &mut self,
        opt: &'static Opt,
        found: &Found,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let problem = match parse(&found.text) {
            Ok(value) => return Some(value),
            Err(problem) => problem,
        };
        // What stands before an @ in a URL may be a password.
        let is_shown = !opt.is_secret() && !found.text.contains('@');
        let value = is_shown.then(|| found.text.clone());
        self.errors.push(ConfigError::Invalid { option: opt.name, origin: found.origin.clone(), value, problem });
        None
    }

    fn record(&mut self, opt: &'static Opt, found: Option<&Found>) {
        let value = match found {
            None => NOT_SET,
            Some(_) if opt.is_secret() => SET,
            Some(found) => &found.text,
        };
        let origin = found.map_or(Origin::Default, |found| found.origin.clone());
        self.rows.insert(opt.name, EffectiveValue { name: opt.name, value: value.to_owned(), origin });
    }
}
