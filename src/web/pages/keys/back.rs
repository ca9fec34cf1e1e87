//! Where a form leads back to: the list as it was, or the key's own page.

use super::HERE;
use super::narrowed::Narrowed;
use crate::domain::ids::ApiKeyId;
use crate::web::pages::fields::Fields;

/// The name of the query or the field that has the list's own query. Its absence is the key's page.
pub(super) const LIST: &str = "list";

/// The list to come back to, if one does not come from a key's page.
pub(super) struct Back(Option<String>);

impl Back {
    pub(super) fn of_query(query: Option<&str>) -> Self {
        Self::of(&Fields::parse(query.unwrap_or_default().as_bytes()))
    }

    pub(super) fn of(fields: &Fields) -> Self {
        Self(fields.has(LIST).then(|| fields.get(LIST).to_owned()))
    }

    pub(super) fn to_list(&self) -> String {
        Narrowed::parse(self.0.as_deref().unwrap_or_default()).back()
    }

    pub(super) fn to(&self, id: ApiKeyId) -> String {
        if self.0.is_some() { self.to_list() } else { format!("{HERE}/{id}") }
    }

    /// As a hidden field passes it on.
    pub(super) fn list(&self) -> Option<String> {
        self.0.clone()
    }
}
