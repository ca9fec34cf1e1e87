//! The model names that statistics are kept under.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;

/// Names kept for one provider. A catalogue has hundreds; beyond this, new names count as `other`.
const MAX_NAMES: usize = 4_096;

/// The names of one provider's models that have answered at least once.
pub(crate) struct ModelNames {
    names: RwLock<HashSet<Arc<str>, ahash::RandomState>>,
    unknown: Arc<str>,
    other: Arc<str>,
}

impl ModelNames {
    pub(crate) fn new(known: impl IntoIterator<Item = String>) -> Self {
        let names = known.into_iter().map(Arc::from).collect();
        Self { names: RwLock::new(names), unknown: "unknown".into(), other: "other".into() }
    }

    /// The name to count a request under. A success makes its name known.
    pub(crate) fn name_for(&self, model: &str, is_success: bool) -> Arc<str> {
        if let Some(name) = self.names.read().get(model) {
            return Arc::clone(name);
        }
        if !is_success {
            return Arc::clone(&self.unknown);
        }
        let mut names = self.names.write();
        if names.len() >= MAX_NAMES {
            return Arc::clone(&self.other);
        }
        let name: Arc<str> = model.into();
        names.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_makes_a_name_known() {
        let names = ModelNames::new([String::from("llama")]);
        assert_eq!(&*names.name_for("<img>", false), "unknown");
        assert_eq!(&*names.name_for("qwen", true), "qwen");
        assert_eq!(&*names.name_for("qwen", false), "qwen");
        assert_eq!(&*names.name_for("llama", false), "llama");
    }

    #[test]
    fn names_are_bounded() {
        let names = ModelNames::new((0..MAX_NAMES).map(|i| i.to_string()));
        assert_eq!(&*names.name_for("one more", true), "other");
    }
}
