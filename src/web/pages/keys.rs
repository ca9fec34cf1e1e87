//! `/dashboard/keys` and what is below it: the upstream keys, one and many.
//!
//! A whole key is never part of an address or of a page, but for the one that answers whoever asked to see it, and the
//! form into which many are pasted: keys are named by their ids and shown by their last four characters.

mod add;
mod ask;
mod back;
mod bulk;
mod edit;
mod export;
mod history;
mod import;
mod list;
mod narrowed;
mod one;
mod readings;
mod reveal;
mod search;
mod state;
mod verify;

use poem::{get, post};

use super::PageRoute;
#[cfg(test)]
pub(super) use {
    add::Add, ask::Ask, export::Export, import::Import, list::Keys, one::Key, reveal::Reveal, reveal::Revealed,
};

const HERE: &str = "/dashboard/keys";

pub(super) fn routes() -> Vec<PageRoute> {
    vec![
        (HERE, get(list::show)),
        ("/dashboard/keys/search", post(search::search)),
        ("/dashboard/keys/bulk", post(bulk::act)),
        ("/dashboard/keys/undo", post(bulk::undo)),
        ("/dashboard/keys/add", get(add::show).post(add::add)),
        ("/dashboard/keys/import", get(import::show).post(import::submit)),
        ("/dashboard/keys/export", get(export::show).post(export::file)),
        ("/dashboard/keys/:id", get(one::show)),
        ("/dashboard/keys/:id/verify", post(verify::verify)),
        ("/dashboard/keys/:id/enable", post(verify::enable)),
        ("/dashboard/keys/:id/reveal", get(reveal::ask).post(reveal::reveal)),
        ("/dashboard/keys/:id/:asked", get(ask::show).post(ask::answer)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::edit::Asked;

    /// What templates put together has a text; that it is there in every language, and used, other tests tell.
    #[test]
    fn every_form_has_its_texts() {
        let texts =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/text/en/keys.ftl")).unwrap();
        let ids: BTreeSet<_> = texts.lines().filter_map(|line| line.split_once(" =").map(|(id, _)| id)).collect();
        let mut expected: BTreeSet<_> =
            Asked::ALL.iter().flat_map(|asked| ["one", "title", "submit"].map(|end| (asked.as_str(), end))).collect();
        expected.extend(["add", "existing", "duplicate", "skipped", "refused"].map(|result| ("result", result)));
        expected.extend([("delete", "what"), ("delete", "lost")]);
        let starts = ["disable", "edit", "delete", "result"];
        let found = starts.into_iter().flat_map(|start| {
            let prefix = format!("keys-{start}-");
            ids.iter().filter_map(|id| Some((start, id.strip_prefix(&prefix)?))).collect::<Vec<_>>()
        });
        assert_eq!(found.collect::<BTreeSet<_>>(), expected);
    }
}
