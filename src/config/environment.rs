//! The environment as a value, so that nothing else reads the process's own and tests need no global state.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Environment variables. Names that are not Unicode cannot be ours and are left out.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The process's own variables, as they are now.
    pub fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    pub fn new<K: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let named = |(name, value): (K, V)| Some((name.into().into_string().ok()?, value.into()));
        Self(variables.into_iter().filter_map(named).collect())
    }

    /// The value of a variable. An empty one counts as not set: container tools pass those on for what nobody gave.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}
