//! What surrounds the rows of a list. Filter, order and page are in its address, so that every link is complete.

use std::num::NonZeroU32;

use serde::Serialize;
use url::form_urlencoded::Serializer;

use crate::storage::{Direction, Page};
use crate::web::text::Text;

/// Rows on a page: as long as nothing else is wanted, and what else can be.
const SIZES: [u32; 3] = [25, 50, 100];

/// An address with its parameters.
#[derive(Clone)]
pub(super) struct Address {
    path: String,
    parameters: Vec<(&'static str, String)>,
}

/// A link of the pager; without an address it is a gap.
#[derive(Serialize)]
struct Step {
    label: String,
    href: Option<String>,
    is_current: bool,
}

/// Which rows are shown of how many, and the ways to the others.
#[derive(Serialize)]
pub(super) struct Pager {
    from: u64,
    to: u64,
    total: u64,
    previous: Option<String>,
    next: Option<String>,
    pages: Vec<Step>,
    sizes: Vec<Step>,
}

/// The head of a column that can be sorted by.
#[derive(Serialize)]
pub(super) struct Column {
    href: String,
    direction: Option<&'static str>,
}

/// What something is called: by its name, which is the same in every language, or by a text.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Label {
    Name(String),
    Text(Text),
}

/// One of few ways to look at something, such as a filter.
#[derive(Serialize)]
pub(super) struct Way {
    pub(super) label: Label,
    pub(super) href: String,
    pub(super) count: Option<u64>,
    pub(super) is_current: bool,
}

/// One of the values that a field can have.
#[derive(Clone, Serialize)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: Label,
}

impl Address {
    pub(super) fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), parameters: Vec::new() }
    }

    /// The same with another value; an empty one is left out.
    #[must_use]
    pub(super) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut address = self.clone();
        address.parameters.retain(|(of, _)| *of != name);
        let value = value.into();
        if !value.is_empty() {
            address.parameters.push((name, value));
        }
        address
    }

    /// The parameters alone.
    pub(super) fn query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.parameters).finish()
    }

    pub(super) fn href(&self) -> String {
        if self.parameters.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query()) }
    }

    /// The head of the column `name`. What is not sorted by it begins with `first`.
    pub(super) fn column(&self, name: &'static str, sorted: Option<Direction>, first: Direction) -> Column {
        let next = sorted.map_or(first, reversed);
        let href = self.with("sort", name).with("order", word(next)).href();
        Column { href, direction: sorted.map(spoken) }
    }
}

impl Pager {
    /// `size` rows are on each page. The address has no page.
    pub(super) fn new(address: &Address, total: u64, page: u64, size: u64) -> Self {
        let (size, page) = (size.max(1), page.max(1));
        let last = total.div_ceil(size).max(1);
        let href =
            |number: u64| address.with("page", if number == 1 { String::new() } else { number.to_string() }).href();
        let from = if total == 0 { 0 } else { (page - 1) * size + 1 };
        let size_step = |rows: &u32| Step {
            label: rows.to_string(),
            href: Some(address.with("size", if rows == &SIZES[0] { String::new() } else { rows.to_string() }).href()),
            is_current: u64::from(*rows) == size,
        };
        Self {
            from,
            to: (page * size).min(total),
            total,
            previous: (page > 1).then(|| href(page - 1)),
            next: (page < last).then(|| href(page + 1)),
            pages: numbers(page, last).into_iter().map(|number| Step::new(number, page, &href)).collect(),
            sizes: if total > u64::from(SIZES[0]) { SIZES.iter().map(size_step).collect() } else { Vec::new() },
        }
    }
}

impl Step {
    fn new(number: Option<u64>, current: u64, href: &impl Fn(u64) -> String) -> Self {
        Self {
            label: number.map_or_else(|| String::from("…"), |number| number.to_string()),
            href: number.map(href),
            is_current: number == Some(current),
        }
    }
}

/// The first, the last, and those around the one that is shown; `None` is a gap.
fn numbers(page: u64, last: u64) -> Vec<Option<u64>> {
    let mut shown: Vec<u64> = (page.saturating_sub(1)..=page + 1).chain([1, last]).collect();
    // A gap of one is no gap.
    shown.extend([2, last.saturating_sub(1)].into_iter().filter(|number| number.abs_diff(page) == 2));
    shown.retain(|number| (1..=last).contains(number));
    shown.sort_unstable();
    shown.dedup();
    let mut numbers = Vec::with_capacity(shown.len() + 2);
    let mut before = 0;
    for number in shown {
        if number > before + 1 {
            numbers.push(None);
        }
        numbers.push(Some(number));
        before = number;
    }
    numbers
}

/// Which page is wanted, by an address. What is no number is the first page, of the usual size.
pub(super) fn page_of(number: &str, size: &str) -> Page {
    let size = size.parse().ok().filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0]);
    let number = number.parse().unwrap_or(NonZeroU32::MIN);
    Page { number, size: NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN) }
}

/// The size as an address has it.
pub(super) fn size_of(page: Page) -> String {
    if page.size.get() == SIZES[0] { String::new() } else { page.size.to_string() }
}

/// The direction that an address names.
pub(super) fn direction(word: &str) -> Option<Direction> {
    match word {
        "asc" => Some(Direction::Ascending),
        "desc" => Some(Direction::Descending),
        _ => None,
    }
}

pub(super) const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "asc",
        Direction::Descending => "desc",
    }
}

const fn spoken(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ascending",
        Direction::Descending => "descending",
    }
}

const fn reversed(direction: Direction) -> Direction {
    match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    }
}

impl Choice {
    pub(super) fn new(value: impl Into<String>, label: Text) -> Self {
        Self { value: value.into(), label: Label::Text(label) }
    }

    pub(super) fn named(value: impl Into<String>, name: impl Into<String>) -> Self {
        Self { value: value.into(), label: Label::Name(name.into()) }
    }
}

#[cfg(test)]
impl Pager {
    /// Of a list with pages before and after the one that is shown.
    pub(super) fn sample() -> Self {
        Self::new(&Address::new("/dashboard/keys").with("search", "<b>payload</b>"), 438, 5, 25)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_what_differs_from_the_usual() {
        let list = Address::new("/dashboard/tokens");
        assert_eq!(list.href(), "/dashboard/tokens");
        let filtered = list.with("state", "active").with("search", "a&b=é");
        assert_eq!(filtered.href(), "/dashboard/tokens?state=active&search=a%26b%3D%C3%A9");
        assert_eq!(filtered.with("search", "").with("state", "expired").query(), "state=expired");
    }

    #[test]
    fn the_head_of_a_column_turns_the_order_around() {
        let list = Address::new("/l").with("sort", "name").with("order", "asc");
        let name = list.column("name", Some(Direction::Ascending), Direction::Ascending);
        assert_eq!((name.href.as_str(), name.direction), ("/l?sort=name&order=desc", Some("ascending")));
        let requests = list.column("requests", None, Direction::Descending);
        assert_eq!((requests.href.as_str(), requests.direction), ("/l?sort=requests&order=desc", None));
    }

    #[test]
    fn a_pager_names_the_pages_around_and_no_gap_of_one() {
        let shown = |page, last| {
            let told = |number: Option<u64>| number.map_or_else(|| String::from("…"), |number| number.to_string());
            numbers(page, last).into_iter().map(told).collect::<Vec<_>>().join(" ")
        };
        for (page, last, expected) in [
            (1, 1, "1"),
            (1, 2, "1 2"),
            (1, 9, "1 2 … 9"),
            (3, 9, "1 2 3 4 … 9"),
            (4, 9, "1 2 3 4 5 … 9"),
            (5, 9, "1 … 4 5 6 … 9"),
            (6, 9, "1 … 5 6 7 8 9"),
            (9, 9, "1 … 8 9"),
        ] {
            assert_eq!(shown(page, last), expected, "{page} of {last}");
        }
    }

    #[test]
    fn a_pager_tells_its_rows_and_has_ways_out() {
        let list = Address::new("/l");
        let pager = Pager::new(&list, 51, 3, 25);
        assert_eq!((pager.from, pager.to, pager.previous.as_deref(), pager.next), (51, 51, Some("/l?page=2"), None));
        assert_eq!(Pager::new(&list, 51, 2, 25).previous.as_deref(), Some("/l"));
        let empty = Pager::new(&list, 0, 1, 25);
        assert_eq!((empty.from, empty.to, empty.pages.len(), empty.sizes.len()), (0, 0, 1, 0));
    }

    #[test]
    fn an_address_that_makes_no_sense_shows_the_first_page() {
        for (number, size, expected) in
            [("", "", (1, 25)), ("7", "100", (7, 100)), ("0", "7", (1, 25)), ("x", "-1", (1, 25))]
        {
            let page = page_of(number, size);
            assert_eq!((page.number.get(), page.size.get()), expected, "{number:?} {size:?}");
        }
    }
}
