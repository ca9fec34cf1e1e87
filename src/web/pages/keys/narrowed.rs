//! What the list of keys is narrowed to and sorted by, as its address says it. What makes no sense is left out.

use serde::Deserialize;

use super::HERE;
use super::state::KeyState;
use crate::domain::key_class::KeyClass;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::CheckVerdict;
use crate::storage::{Direction, KeyFilter, KeySort, Learned, ListApiKeys, Search, Sort};
use crate::web::State;
use crate::web::pages::fields::Fields;
use crate::web::pages::lists::{self, Address, Column};

/// The value of a filter for what was not found out yet.
pub(super) const NOT_YET: &str = "none";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Narrowed {
    pub(super) state: String,
    pub(super) provider: String,
    pub(super) class: String,
    pub(super) verdict: String,
    pub(super) search: String,
    pub(super) sort: String,
    pub(super) order: String,
    pub(super) page: String,
    pub(super) size: String,
}

/// What the list can be sorted by: its name in addresses, and in which direction that begins.
pub(super) const SORTS: [(&str, KeySort, Direction); 9] = [
    ("added", KeySort::Created, Direction::Descending),
    ("label", KeySort::Label, Direction::Ascending),
    ("provider", KeySort::Provider, Direction::Ascending),
    ("state", KeySort::Status, Direction::Descending),
    ("expires", KeySort::Expires, Direction::Ascending),
    ("used", KeySort::LastUsed, Direction::Descending),
    ("requests", KeySort::Requests, Direction::Descending),
    ("failures", KeySort::Failures, Direction::Descending),
    ("answered", KeySort::SuccessRate, Direction::Ascending),
];

impl Narrowed {
    /// Of the query of an address.
    pub(super) fn parse(query: &str) -> Self {
        let fields = Fields::parse(query.as_bytes());
        let field = |name: &str| fields.get(name).to_owned();
        Self {
            state: field("state"),
            provider: field("provider"),
            class: field("class"),
            verdict: field("verdict"),
            search: field("search"),
            sort: field("sort"),
            order: field("order"),
            page: field("page"),
            size: field("size"),
        }
    }

    pub(super) fn state(&self) -> Option<KeyState> {
        KeyState::parse(&self.state)
    }

    pub(super) fn filter(&self, state: &State) -> KeyFilter {
        let narrowed = self.state().map(KeyState::filter);
        KeyFilter {
            provider: ProviderId::parse(&self.provider).filter(|provider| state.pool(provider).is_some()),
            status: narrowed.map(|(status, _)| status),
            is_rejected: narrowed.and_then(|(_, is_rejected)| is_rejected),
            class: learned(&self.class, KeyClass::parse),
            verdict: learned(&self.verdict, CheckVerdict::parse),
            search: Search::new(&self.search),
            created_since: None,
            created_before: None,
        }
    }

    pub(super) fn wanted(&self, state: &State) -> ListApiKeys {
        let (_, by, first) = self.sorted();
        let sort = Sort { by, direction: lists::direction(&self.order).unwrap_or(first) };
        ListApiKeys { filter: self.filter(state), sort, page: Some(lists::page_of(&self.page, &self.size)) }
    }

    fn sorted(&self) -> (&'static str, KeySort, Direction) {
        SORTS.into_iter().find(|(name, ..)| *name == self.sort).unwrap_or(SORTS[0])
    }

    /// The list's address without order and page: which keys.
    pub(super) fn which(&self) -> Address {
        Address::new(HERE)
            .with("state", self.state().map_or("", KeyState::as_str))
            .with("provider", &*self.provider)
            .with("class", &*self.class)
            .with("verdict", &*self.verdict)
            .with("search", self.search.trim())
    }

    /// The list's address without its page.
    pub(super) fn address(&self) -> Address {
        let size = lists::size_of(lists::page_of(&self.page, &self.size));
        let known = lists::direction(&self.order).map_or("", lists::word);
        let sort = if SORTS.iter().any(|(name, ..)| *name == self.sort) { &*self.sort } else { "" };
        self.which().with("sort", sort).with("order", known).with("size", size)
    }

    /// The list as it was, its page included.
    pub(super) fn back(&self) -> String {
        let page = lists::page_of(&self.page, "").number.get();
        self.address().with("page", if page == 1 { String::new() } else { page.to_string() }).href()
    }

    pub(super) fn column(&self, name: &'static str) -> Column {
        let (sorted, _, usual) = self.sorted();
        let direction = (sorted == name).then(|| lists::direction(&self.order).unwrap_or(usual));
        let first = SORTS.into_iter().find(|(of, ..)| *of == name).map_or(usual, |(.., first)| first);
        self.address().column(name, direction, first)
    }
}

fn learned<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Learned<T>> {
    if text == NOT_YET { Some(Learned::NotYet) } else { parse(text).map(Learned::Is) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_was_read_is_written_the_same() {
        for query in [
            "",
            "state=cooling&provider=ollama&class=none&verdict=invalid&search=a+b",
            "sort=requests&order=asc&size=100&page=7",
        ] {
            let href = if query.is_empty() { HERE.to_owned() } else { format!("{HERE}?{query}") };
            assert_eq!(Narrowed::parse(query).back(), href);
        }
        assert_eq!(Narrowed::parse("state=odd&sort=odd&order=odd&page=0&size=7&x=1").back(), HERE);
    }

    #[test]
    fn states_of_keys_are_told_apart_as_storage_does() {
        for state in KeyState::ALL {
            assert_eq!(KeyState::parse(state.as_str()), Some(state));
        }
        assert_eq!(KeyState::Rejected.filter().1, Some(true));
        assert_eq!(KeyState::Cooling.filter().1, Some(false));
    }
}
