//! The configuration file: lines `NAME=value`, as systemd's environment files are.
//!
//! Empty lines and those that begin with `#` or `;` are skipped. A value may stand in single or double quotes, which
//! are removed; nothing is expanded and no line continues on the next. Unlike the environment, which is shared with
//! other programs, the file is ours: a name that is not known is an error.

use std::path::{Path, PathBuf};

use super::error::{ConfigError, FileProblem};
use super::names::{self, Name};
use super::options::{self, Opt};

/// What a configuration file says. Holds secrets, so it cannot be printed.
#[derive(Default)]
pub(super) struct ConfigFile {
    path: PathBuf,
    entries: Vec<Entry>,
    pub(super) notices: Vec<String>,
    pub(super) errors: Vec<ConfigError>,
}

pub(super) struct Entry {
    opt: &'static Opt,
    pub(super) value: String,
    pub(super) line: usize,
}

impl ConfigFile {
    pub(super) fn parse(path: &Path, text: &str) -> Self {
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        // Editors of another system put an invisible mark before the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, content) in (1..).zip(text.lines()) {
            if let Err(problem) = file.take(line, content.trim()) {
                file.errors.push(ConfigError::File { path: path.to_owned(), line, problem });
            }
        }
        file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says of an option; nothing when the value is empty.
    pub(super) fn get(&self, opt: &Opt) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.opt.name == opt.name && !entry.value.is_empty())
    }

    fn take(&mut self, line: usize, content: &str) -> Result<(), FileProblem> {
        if content.is_empty() || content.starts_with(['#', ';']) {
            return Ok(());
        }
        let (name, value) = content.split_once('=').ok_or(FileProblem::NotAnAssignment)?;
        let name = name.trim_end();
        match names::classify(name) {
            Name::Option(opt) => self.add(opt, unquoted(value.trim_start())?, line)?,
            Name::Obsolete(why) => {
                self.notices.push(format!("{name} ({} line {line}) has no effect: {why}", self.path.display()));
            }
            Name::NotYet => {
                self.notices.push(format!("{name} ({} line {line}) is not used by this version", self.path.display()));
            }
            Name::Unknown => return Err(unknown(name)),
        }
        Ok(())
    }

    fn add(&mut self, opt: &'static Opt, value: &str, line: usize) -> Result<(), FileProblem> {
        if opt.name == options::CONFIG_FILE.name {
            return Err(FileProblem::Nested);
        }
        if let Some(earlier) = self.entries.iter().find(|entry| entry.opt.name == opt.name) {
            return Err(FileProblem::Repeated { name: opt.name, first: earlier.line });
        }
        self.entries.push(Entry { opt, value: value.to_owned(), line });
        Ok(())
    }
}

/// A padded base64 secret alone on its line looks like a name and an empty value: only what is all in capitals, as no
/// such secret is, may be repeated in a message.
fn unknown(name: &str) -> FileProblem {
    let is_shown = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    FileProblem::Unknown { name: is_shown.then(|| name.to_owned()), suggestion: names::suggestion(name) }
}

fn unquoted(value: &str) -> Result<&str, FileProblem> {
    let Some(mark) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return Ok(value);
    };
    let inner = value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    inner.filter(|inner| !inner.contains(mark)).map(str::trim).ok_or(FileProblem::Quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ConfigFile {
        ConfigFile::parse(Path::new("pool.env"), text)
    }

    fn messages(text: &str) -> Vec<String> {
        parse(text).errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn comments_blank_lines_spaces_and_quotes() {
        let file = parse(
            "\u{feff}# LISTEN=1\r\n\n ; x\r\n LISTEN = 127.0.0.1:1 \r\nDATA_DIR='/a b'\nPUBLIC_URL=\"http://x\"\n",
        );
        assert!(file.errors.is_empty(), "{:?}", file.errors);
        let value = |opt| file.get(opt).map(|entry| (entry.value.as_str(), entry.line));
        assert_eq!(value(&options::LISTEN), Some(("127.0.0.1:1", 4)));
        assert_eq!(value(&options::DATA_DIR), Some(("/a b", 5)));
        assert_eq!(value(&options::PUBLIC_URL), Some(("http://x", 6)));
    }

    #[test]
    fn an_empty_value_is_no_value() {
        assert!(parse("LISTEN=\nDATA_DIR=''").get(&options::LISTEN).is_none());
        assert!(parse("DATA_DIR=''").get(&options::DATA_DIR).is_none());
    }

    #[test]
    fn every_bad_line_is_named() {
        let text = "LISTN=1\nno assignment\nLISTEN=127.0.0.1:1\nLISTEN=127.0.0.1:2\nFOO=1\nDATA_DIR=\"a\nCONFIG_FILE=x\nlisten=1";
        assert_eq!(
            messages(text),
            [
                "pool.env line 1: unknown name LISTN; did you mean LISTEN?",
                "pool.env line 2: expected NAME=value",
                "pool.env line 4: LISTEN was already given on line 3",
                "pool.env line 5: unknown name FOO",
                "pool.env line 6: the quotation mark is not closed, or something follows it",
                "pool.env line 7: CONFIG_FILE cannot be set in the file itself",
                "pool.env line 8: unknown name; did you mean LISTEN?",
            ]
        );
    }

    #[test]
    fn a_secret_on_a_line_of_its_own_is_not_repeated() {
        let key = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
        assert_eq!(messages(key), ["pool.env line 1: unknown name"]);
        assert_eq!(messages("hunter2hunter2hunter2"), ["pool.env line 1: expected NAME=value"]);
    }

    #[test]
    fn names_of_the_javascript_edition_are_explained() {
        let file = parse("REDIS_URL=redis://:secret@x\nEMAIL_HOST=x");
        assert!(file.errors.is_empty());
        assert_eq!(
            file.notices,
            [
                "REDIS_URL (pool.env line 1) has no effect: there is no Redis; counters and caches live in the process",
                "EMAIL_HOST (pool.env line 2) is not used by this version",
            ]
        );
    }
}
