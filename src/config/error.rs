//! What can be wrong with a configuration, said so that the operator can put it right without looking anything up.
//!
//! A value is shown with its problem, unless it is secret. Texts of the file are never shown as they are: a line that
//! cannot be understood may well be half a secret.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The flag, without its dashes.
    Flag(String),
    /// The variable's name.
    Environment(&'static str),
    /// A line of the configuration file.
    File {
        path: PathBuf,
        line: usize,
    },
    /// The whole content of a file that holds one secret.
    SecretFile(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::SecretFile(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One problem of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{option}: {problem} ({}from {origin})", got(value.as_deref()))]
    Invalid {
        option: &'static str,
        origin: Origin,
        /// `None` when it must not be shown.
        value: Option<String>,
        problem: Invalid,
    },
    #[error("{option}: cannot read {}: {cause} (from {origin})", path.display())]
    Unreadable { option: &'static str, origin: Origin, path: PathBuf, cause: io::Error },
    #[error("{option} is given twice, by {first} and by {second}; remove one of them")]
    GivenTwice { option: &'static str, first: Origin, second: Origin },
    #[error("{option} is set (from {origin}) but {missing} is not; set both or neither")]
    Alone { option: &'static str, origin: Origin, missing: &'static str },
    #[error("{} line {line}: {problem}", path.display())]
    File { path: PathBuf, line: usize, problem: FileProblem },
}

fn got(value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!("got {value:?} "))
}

/// Why a line of the configuration file cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    #[error("expected NAME=value")]
    NotAnAssignment,
    #[error("the quotation mark is not closed, or something follows it")]
    Quote,
    #[error("{name} was already given on line {first}")]
    Repeated { name: &'static str, first: usize },
    #[error("CONFIG_FILE cannot be set in the file itself")]
    Nested,
    /// The name is shown only where it looks like one, in capitals.
    #[error("unknown name{}{}", name.as_ref().map(|n| format!(" {n}")).unwrap_or_default(),
        suggestion.map(|s| format!("; did you mean {s}?")).unwrap_or_default())]
    Unknown { name: Option<String>, suggestion: Option<&'static str> },
}

/// Why a value is not one that its option can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("is not Unicode text")]
    NotUnicode,
    #[error(
        "names a port but no address; write 0.0.0.0:{port} to listen on every interface, 127.0.0.1:{port} to stay local"
    )]
    AddressMissing { port: u16 },
    #[error("names an address but no port; write {example}")]
    PortMissing { example: String },
    #[error("expected an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080")]
    NotAnAddress,
    #[error("expected true or false")]
    NotASwitch,
    #[error("expected a whole number from {min} to {max}")]
    NotACount { min: u32, max: u32 },
    #[error("expected a number with its unit, such as 500ms, 30s, 2m or 1h")]
    NotADuration,
    #[error("expected a duration from {min} to {max}")]
    DurationOutOfRange { min: &'static str, max: &'static str },
    #[error("expected a number of bytes or one with its unit, such as 512KiB, 32MiB or 1GiB")]
    NotASize,
    #[error("expected a size from {min} to {max}")]
    SizeOutOfRange { min: &'static str, max: &'static str },
    #[error("expected a URL that begins with http:// or https://")]
    NotAnHttpUrl,
    #[error("a user name or password is not allowed in this URL")]
    UrlCredentials,
    #[error("a query or fragment is not allowed in this URL")]
    UrlQuery,
    #[error("a path is not allowed in this URL; the server answers at the root")]
    UrlPath,
    #[error("{item:?} is neither an address nor a network such as 10.0.0.0/8")]
    NotANetwork { item: String },
    #[error("expected at most {max} printable ASCII characters, for it travels in a header")]
    NotHeaderText { max: usize },
    #[error("expected off, log or refuse")]
    NotABotPolicy,
    #[error("expected 1.1, 2 or auto")]
    NotAnHttpVersion,
    #[error("expected auto, text or json")]
    NotALogFormat,
    #[error("expected a level (error, warn, info, debug, trace, off) or module=level, separated by commas")]
    NotALogFilter,
    #[error("expected a proxy such as http://host:3128 or socks5://user:password@host:1080, or none")]
    NotAProxy,
    #[error("contains no PEM certificate")]
    NotPem,
    #[error("the file is empty")]
    EmptyFile,
    #[error("expected 32 bytes in base64, as `openssl rand -base64 32` prints them")]
    NotAMasterKey,
    #[error("is a placeholder, not a secret")]
    Placeholder,
    #[error("is shorter than {min} characters")]
    TokenTooShort { min: usize },
    #[error("contains a space or a character that is not printable ASCII")]
    TokenCharacters,
}
