//! The list of client tokens.

use std::collections::HashMap;

use poem::web::Query;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::super::fields::Fields;
use super::super::lists::{self, Address, Choice, Column, Label, Pager, Way};
use super::super::session::Flash;
use super::super::usage::{Point, day_in_row, points};
use super::{LIST, page_of, provider_name, scopes};
use crate::domain::provider::ProviderId;
use crate::domain::secret::ClientTokenSecret;
use crate::domain::time::Timestamp;
use crate::storage::{
    ClientTokenCounts, ClientTokenListItem, Direction, ListClientTokens, Search, Sort, TokenSort, TokenState,
};
use crate::web::State;
use crate::web::pages::{Admin, Error, redirect};
use crate::web::templates::Page;
use crate::web::text::Text;

/// What an address asks for. What it does not know is left aside.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Asked {
    state: String,
    provider: String,
    search: String,
    sort: String,
    order: String,
    page: String,
    size: String,
}

#[derive(Serialize)]
pub(in crate::web) struct Tokens {
    rows: Vec<Row>,
    states: Vec<Way>,
    providers: Vec<Choice>,
    /// What the form that filters has in it.
    asked: Asked,
    columns: Columns,
    pager: Pager,
    matching: u64,
    /// How many tokens there are at all.
    total: u64,
    /// The filter alone, the same with the order, and the address of this page.
    filter: String,
    list: String,
    here: String,
}

#[derive(Serialize)]
struct Columns {
    name: Column,
    expires: Column,
    requests: Column,
    last_used: Column,
}

#[derive(Serialize)]
struct Row {
    id: String,
    href: String,
    name: String,
    last4: String,
    state: &'static str,
    provider: Option<String>,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    requests: u64,
    input: u64,
    output: u64,
    /// The last 24 hours, oldest first.
    day: Vec<Point>,
}

impl Page for Tokens {
    const TEMPLATE: &'static str = "pages/tokens/list.html";
}

#[handler]
pub(super) async fn show(admin: Admin, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let page = Tokens::read(admin.state(), asked).await?;
    admin.visit.page(&page).await
}

/// What is typed to find a token. It may be a whole one, so it is posted, and comes into an address only where it is not.
#[handler]
pub(super) async fn find(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let (state, text) = (admin.state(), fields.get("search").trim());
    if ClientTokenSecret::parse(text).is_none() {
        let asked = Asked { search: text.to_owned(), ..Asked::parse(fields.get("list")) };
        return Ok(redirect(&asked.address().href()));
    }
    let wanted = ListClientTokens { search: Search::new(text), ..ListClientTokens::default() };
    let found = state.storage.matching_client_tokens(wanted, state.clock.now()).await?;
    if found.is_empty() {
        admin.tell(Flash { tone: "warn", text: Text::new("tokens-not-ours"), undo: None });
    }
    Ok(redirect(&found.first().map_or_else(|| LIST.to_owned(), |id| page_of(*id))))
}

impl Asked {
    /// Of the query of an address.
    pub(super) fn parse(query: &str) -> Self {
        let fields = Fields::parse(query.as_bytes());
        let of = |name| fields.get(name).to_owned();
        Self {
            state: of("state"),
            provider: of("provider"),
            search: of("search"),
            sort: of("sort"),
            order: of("order"),
            size: of("size"),
            page: String::new(),
        }
    }

    /// The tokens that the filter lets through.
    pub(super) fn filter(&self, state: &State) -> ListClientTokens {
        let provider = ProviderId::parse(&self.provider).filter(|id| state.pool(id).is_some());
        ListClientTokens {
            provider,
            state: TokenState::parse(&self.state),
            search: Search::new(&self.search),
            ..ListClientTokens::default()
        }
    }

    fn sort(&self) -> Option<Sort<TokenSort>> {
        let by = match self.sort.as_str() {
            "name" => TokenSort::Name,
            "expires" => TokenSort::Expires,
            "last-used" => TokenSort::LastUsed,
            "requests" => TokenSort::Requests,
            _ => return None,
        };
        Some(Sort { by, direction: lists::direction(&self.order).unwrap_or_default() })
    }

    /// With its order.
    fn address(&self) -> Address {
        let size = lists::size_of(lists::page_of("", &self.size));
        self.filtered().with("sort", &*self.sort).with("order", &*self.order).with("size", size)
    }

    fn filtered(&self) -> Address {
        let address = Address::new(LIST).with("state", &*self.state).with("provider", &*self.provider);
        address.with("search", self.search.trim())
    }
}

impl Tokens {
    async fn read(state: &State, asked: Asked) -> Result<Self, Error> {
        state.flush().await;
        let (now, page) = (state.clock.now(), lists::page_of(&asked.page, &asked.size));
        let sort = asked.sort();
        let wanted = ListClientTokens { sort: sort.unwrap_or_default(), page: Some(page), ..asked.filter(state) };
        let counts = state.storage.count_client_tokens(wanted.provider.clone(), now).await?;
        let listed = state.storage.list_client_tokens(wanted, now).await?;
        let ids = listed.items.iter().map(|item| item.token.id).collect();
        let since = day_in_row(now);
        let mut days: HashMap<_, _> = state.storage.token_sparks(ids, since).await?.into_iter().collect();
        let address = asked.address();
        let row = |item: ClientTokenListItem| {
            let day = points(since, &days.remove(&item.token.id).unwrap_or_default());
            Row::new(state, item, day)
        };
        Ok(Self {
            rows: listed.items.into_iter().map(row).collect(),
            states: states(&address, &asked, &counts),
            columns: Columns::new(&address, sort),
            pager: Pager::new(&address, listed.total, listed.page, listed.page_size),
            matching: listed.total,
            total: counts.total(),
            filter: asked.filtered().query(),
            list: address.query(),
            here: address.with("page", if listed.page > 1 { listed.page.to_string() } else { String::new() }).href(),
            providers: any_scope(state),
            asked,
        })
    }
}

/// The providers to filter by.
fn any_scope(state: &State) -> Vec<Choice> {
    let any = Choice::new("", Text::new("tokens-any-provider"));
    std::iter::once(any).chain(scopes(state).into_iter().skip(1)).collect()
}

/// How many there are of each state; a search may find fewer, so that it tells none.
fn states(address: &Address, asked: &Asked, counts: &ClientTokenCounts) -> Vec<Way> {
    let way = |(word, text, count): (&str, _, _)| Way {
        label: Label::Text(Text::new(text)),
        href: address.with("state", word).href(),
        count: asked.search.trim().is_empty().then_some(count),
        is_current: TokenState::parse(&asked.state).map_or("", TokenState::as_str) == word,
    };
    let ways = [
        ("", "tokens-all", counts.total()),
        ("active", "state-active", counts.active),
        ("disabled", "state-disabled", counts.disabled),
        ("expired", "state-expired", counts.expired),
    ];
    ways.map(way).into()
}

impl Columns {
    fn new(address: &Address, sort: Option<Sort<TokenSort>>) -> Self {
        let of =
            |name, by, first| address.column(name, sort.filter(|sort| sort.by == by).map(|sort| sort.direction), first);
        Self {
            name: of("name", TokenSort::Name, Direction::Ascending),
            expires: of("expires", TokenSort::Expires, Direction::Ascending),
            requests: of("requests", TokenSort::Requests, Direction::Descending),
            last_used: of("last-used", TokenSort::LastUsed, Direction::Descending),
        }
    }
}

impl Row {
    fn new(state: &State, item: ClientTokenListItem, day: Vec<Point>) -> Self {
        let ClientTokenListItem { token, state: is, tally, last_used_at, .. } = item;
        Self {
            href: page_of(token.id),
            id: token.id.to_string(),
            name: token.name,
            last4: token.last4,
            state: is.as_str(),
            provider: provider_name(state, token.provider.as_ref()),
            expires_at: token.expires_at.map(Timestamp::as_millis),
            last_used_at: last_used_at.map(Timestamp::as_millis),
            requests: tally.requests,
            input: tally.tokens.input,
            output: tally.tokens.output,
            day,
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Tokens {
    fn samples() -> Vec<Self> {
        let payload = || String::from("<b>payload</b>");
        let row = |number: i64, state, provider: Option<String>| Row {
            id: format!("id-{number}"),
            href: format!("/dashboard/tokens/{number}"),
            name: if number == 2 { String::new() } else { payload() },
            last4: String::from("4193"),
            state,
            provider,
            expires_at: (number > 0).then_some(1_767_268_800_000 + (2 - number) * 60_000),
            last_used_at: (number > 1).then_some(1_767_268_700_000),
            requests: 48_395,
            input: 41_200_000,
            output: 12,
            day: vec![Point { ok: 3, failed: 1 }; 24],
        };
        let address = Address::new(LIST).with("search", "<b>payload</b>");
        let counts = ClientTokenCounts { active: 2, disabled: 1, expired: 1 };
        let asked = |search: &str| Asked { search: search.to_owned(), provider: payload(), ..Asked::default() };
        let page = |rows: Vec<Row>, search: &str, total| Self {
            states: states(&address, &asked(search), &counts),
            providers: vec![Choice::new("", Text::new("tokens-any-provider")), Choice::named("ollama", payload())],
            asked: asked(search),
            columns: Columns::new(&address, Some(Sort { by: TokenSort::Name, direction: Direction::Ascending })),
            pager: Pager::sample(),
            matching: rows.len() as u64,
            total,
            filter: payload(),
            list: payload(),
            here: address.href(),
            rows,
        };
        let rows = vec![
            row(0, "active", None),
            row(1, "active", Some(payload())),
            row(2, "disabled", None),
            row(3, "expired", None),
        ];
        vec![page(rows, "", 4), page(Vec::new(), "<b>payload</b>", 4), page(Vec::new(), "", 0)]
    }
}
