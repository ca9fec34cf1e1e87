//! What is typed to find a key. It may be a whole key, so it is posted, and comes into an address only where it is not.

use poem::{Response, handler};

use super::HERE;
use super::back::LIST;
use super::list::Keys;
use super::narrowed::Narrowed;
use crate::domain::import::{self, Reading};
use crate::domain::secret::ApiKeySecret;
use crate::storage::KeyRef;
use crate::web::pages::fields::Fields;
use crate::web::pages::{Admin, Error, redirect};

/// Shorter texts are no key of any provider, or one that would be found.
const SHORTEST_KEY: usize = 20;

#[handler]
pub(super) async fn search(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let (state, text) = (admin.state(), fields.get("search").trim());
    let page = String::new();
    let narrowed = Narrowed { search: text.to_owned(), page, ..Narrowed::parse(fields.get(LIST)) };
    if let Ok(secret) = ApiKeySecret::parse(text)
        && let Some((_, id)) = state.storage.find_api_key(None, KeyRef::Secret(secret)).await?
    {
        return Ok(redirect(&format!("{HERE}/{id}")));
    }
    if may_be_key(text) && state.storage.count_matching_api_keys(narrowed.filter(state), state.clock.now()).await? == 0
    {
        let unnamed = Narrowed { search: String::new(), ..narrowed };
        return admin.visit.page(&Keys::read(state, &unnamed, true).await?).await;
    }
    Ok(redirect(&narrowed.back()))
}

/// Whether there may be a key somewhere in it, of this pool or of another: then it is not to be in an address, which
/// ends up in histories and logs.
fn may_be_key(text: &str) -> bool {
    let is_key = |word: &str| {
        let is_long = word.len() >= SHORTEST_KEY;
        is_long && import::keys([word]).iter().any(|line| matches!(line.result, Reading::Parsed(_)))
    };
    text.split_whitespace().flat_map(|word| word.split("----")).any(is_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_key_is_told_from_words() {
        for (text, expected) in [
            ("", false),
            ("4193", false),
            ("lin.yue@example.com", false),
            ("a label of many short words", false),
            ("5d0c00000000000000009f3c", true),
            ("Bearer 5d0c00000000000000009f3c", true),
            ("nas-01----5d0c00000000000000009f3c", true),
            ("https://pool.example/?a=b,c", false),
        ] {
            assert_eq!(may_be_key(text), expected, "{text}");
        }
    }
}
