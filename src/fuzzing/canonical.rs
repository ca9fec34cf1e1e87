//! The canonical form of JSON, against a reading that keeps every digit.

use super::json::Tree;
use crate::domain::canonical::canonical as canonical_form;

/// A text has a canonical form exactly where it says one thing; the form says the same, and is its own form.
pub fn canonical(data: &[u8]) {
    let tree = Tree::read(data);
    let form = canonical_form(data);
    assert_eq!(form.is_some(), tree.is_some(), "only one of two has a reading: {form:?} {tree:?}");
    let Some(form) = form else { return };
    assert_eq!(Tree::read(&form), tree, "the form says something else");
    assert_eq!(canonical_form(&form).as_deref(), Some(&form[..]), "the form has another form");
    assert!(!form.contains(&b'\n'), "white space is left");
}
