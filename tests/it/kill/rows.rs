//! What must be in a list after a kill: everything that was acknowledged, and nothing that was not asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use parking_lot::Mutex;
use serde_json::Value;

/// How a row must be shown.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    Enabled,
    /// Until a moment between these two, or until it is enabled by hand.
    Disabled(Option<RangeInclusive<String>>),
    /// Deleted, or not added yet.
    Nowhere,
    /// As before or as after a change that the server did not live to acknowledge.
    Either(Box<Shown>, Box<Shown>),
}

impl Shown {
    fn allows(&self, row: Option<&Value>) -> bool {
        match (self, row) {
            (Self::Either(before, after), _) => before.allows(row) || after.allows(row),
            (Self::Nowhere, _) => row.is_none(),
            (_, None) => false,
            // Client tokens have no status.
            (Self::Enabled, Some(row)) => row.get("status").is_none_or(|status| status == "active"),
            (Self::Disabled(until), Some(row)) => {
                row["status"] == "disabled"
                    && match (until, row["disabled_until"].as_str()) {
                        (Some(between), Some(at)) => between.contains(&at.to_owned()),
                        (between, at) => between.is_none() && at.is_none(),
                    }
            }
        }
    }

    /// Once it was seen which of two it is, it may not become the other one.
    fn settled(self, row: Option<&Value>) -> Self {
        match self {
            Self::Either(before, after) => if before.allows(row) { *before } else { *after }.settled(row),
            certain @ (Self::Enabled | Self::Disabled(_) | Self::Nowhere) => certain,
        }
    }
}

/// Rows by their names.
#[derive(Default)]
pub(super) struct Rows(Mutex<BTreeMap<String, Shown>>);

impl Rows {
    /// Has `ask` change a row and notes what that makes of it; `None` when the server went before it answered.
    pub(super) fn change<R>(&self, name: &str, to: Shown, ask: impl FnOnce() -> Option<R>) -> Option<R> {
        let before = self.0.lock().get(name).cloned().unwrap_or(Shown::Nowhere);
        let in_doubt = Shown::Either(before.into(), to.clone().into());
        self.0.lock().insert(name.to_owned(), in_doubt);
        let answer = ask()?;
        self.0.lock().insert(name.to_owned(), to);
        Some(answer)
    }

    /// A random row that was acknowledged and is not deleted.
    pub(super) fn pick(&self, random: u64) -> Option<(String, Shown)> {
        let rows = self.0.lock();
        let there: Vec<_> =
            rows.iter().filter(|(_, shown)| matches!(shown, Shown::Enabled | Shown::Disabled(_))).collect();
        let index = usize::try_from(random).expect("64 bits").checked_rem(there.len())?;
        Some((there[index].0.clone(), there[index].1.clone()))
    }

    /// The names of what was certainly deleted, or of what is certainly enabled.
    pub(super) fn names(&self, is_wanted: impl Fn(&Shown) -> bool) -> BTreeSet<String> {
        self.0.lock().iter().filter(|(_, shown)| is_wanted(shown)).map(|(name, _)| name.clone()).collect()
    }

    /// Compares with a list whose rows have their name in `field`, and settles what was in doubt.
    #[track_caller]
    pub(super) fn check(&self, round: usize, list: &[Value], field: &str) {
        let listed: BTreeMap<&str, &Value> =
            list.iter().map(|row| (row[field].as_str().expect("a row has a name"), row)).collect();
        assert_eq!(listed.len(), list.len(), "round {round}: a row is listed twice");
        let mut rows = self.0.lock();
        let unasked: Vec<_> = listed.keys().filter(|name| !rows.contains_key(**name)).collect();
        assert!(unasked.is_empty(), "round {round}: nobody asked for {unasked:?}");
        for (name, shown) in rows.iter_mut() {
            let row = listed.get(name.as_str()).copied();
            assert!(shown.allows(row), "round {round}: {name} must be {shown:?} and is {row:?}");
            *shown = shown.clone().settled(row);
        }
    }
}
