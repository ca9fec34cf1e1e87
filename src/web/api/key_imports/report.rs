//! What is told of each line of an import.

use poem_openapi::Object;

use crate::changes::Added;
use crate::domain::ids::ApiKeyId;
use crate::domain::import::{Line, Reading, Skip};
use crate::storage::NewApiKey;

#[derive(Clone, Object)]
pub(super) struct LineReport {
    /// From 1.
    line: usize,
    /// `added`, `existing` (in the pool already), `duplicate` (an earlier line has it), `skipped` (blank or a comment) or
    /// `refused`; where providers are asked also `invalid` and `unknown`.
    result: String,
    /// The key's.
    #[oai(skip_serializing_if_is_none)]
    id: Option<String>,
    /// One word for why it was refused or skipped.
    #[oai(skip_serializing_if_is_none)]
    code: Option<String>,
    /// One sentence for that.
    #[oai(skip_serializing_if_is_none)]
    error: Option<String>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) added: usize,
    pub(super) existing: usize,
    pub(super) duplicates: usize,
    pub(super) skipped: usize,
    pub(super) refused: usize,
}

/// A whole report.
pub(super) struct Report {
    pub(super) counts: Counts,
    pub(super) lines: Vec<LineReport>,
    pub(super) is_dry: bool,
}

/// The lines of an import, before it is known which keys the pool has already.
pub(super) struct Sorted(Vec<Sort>);

enum Sort {
    /// Takes the next outcome.
    Submitted,
    Skipped(Skip),
    Refused {
        code: &'static str,
        why: String,
    },
}

/// What became of a submitted line.
pub(super) enum Outcome {
    Added(Option<ApiKeyId>),
    Existing(ApiKeyId),
    /// Its provider does not accept it, or says nothing about it.
    NotAccepted {
        verdict: &'static str,
        why: String,
    },
    NotStored,
}

/// Parts the keys that are to be stored from what is told of the other lines.
pub(super) fn sort_out(lines: Vec<Line>) -> (Sorted, Vec<NewApiKey>) {
    let mut keys = Vec::with_capacity(lines.len());
    let sort = |line: Line| match line.result {
        Reading::Skipped(skip) => Sort::Skipped(skip),
        Reading::Refused(refusal) => Sort::Refused { code: refusal.code(), why: refusal.to_string() },
        Reading::Parsed(key) => {
            keys.push(NewApiKey { secret: key.secret, label: key.label, expires_at: None });
            Sort::Submitted
        }
    };
    let lines = lines.into_iter().map(sort).collect();
    (Sorted(lines), keys)
}

impl Sorted {
    pub(super) fn finished(self, added: &[Added]) -> Report {
        let outcome = |added: &Added| match added {
            Added::Added(id) => Outcome::Added(Some(*id)),
            Added::Exists(id) => Outcome::Existing(*id),
        };
        self.told(added.iter().map(outcome), false)
    }

    /// As [`Self::finished`], where nothing is stored.
    pub(super) fn previewed(self, known: &[Option<ApiKeyId>]) -> Report {
        let outcome = |known: &Option<ApiKeyId>| known.map_or(Outcome::Added(None), Outcome::Existing);
        self.told(known.iter().map(outcome), true)
    }

    /// The numbers of the lines that have a key.
    pub(super) fn submitted(&self) -> Vec<usize> {
        let is_submitted = |(index, sort): (usize, &Sort)| matches!(sort, Sort::Submitted).then_some(index + 1);
        self.0.iter().enumerate().filter_map(is_submitted).collect()
    }

    pub(super) fn told(self, mut outcomes: impl Iterator<Item = Outcome>, is_dry: bool) -> Report {
        let mut counts = Counts::default();
        let tell = |(index, sort): (usize, Sort)| {
            let outcome = || outcomes.next().unwrap_or(Outcome::NotStored);
            sort.told(index + 1, outcome, &mut counts)
        };
        let lines = self.0.into_iter().enumerate().map(tell).collect();
        Report { counts, lines, is_dry }
    }
}

impl Sort {
    fn told(self, line: usize, outcome: impl FnOnce() -> Outcome, counts: &mut Counts) -> LineReport {
        let (count, result, id, why) = match self {
            Self::Skipped(skip @ Skip::Duplicate { .. }) => {
                (&mut counts.duplicates, "duplicate", None, Some((skip.code(), skip.to_string())))
            }
            Self::Skipped(skip @ (Skip::Blank | Skip::Comment)) => {
                (&mut counts.skipped, "skipped", None, Some((skip.code(), skip.to_string())))
            }
            Self::Refused { code, why } => (&mut counts.refused, "refused", None, Some((code, why))),
            Self::Submitted => match outcome() {
                Outcome::Added(id) => (&mut counts.added, "added", id, None),
                Outcome::Existing(id) => (&mut counts.existing, "existing", Some(id), None),
                Outcome::NotAccepted { verdict, why } => (&mut counts.refused, verdict, None, Some((verdict, why))),
                Outcome::NotStored => {
                    let why = String::from("it could not be stored");
                    (&mut counts.refused, "refused", None, Some(("not_stored", why)))
                }
            },
        };
        *count += 1;
        let (code, error) = why.map_or((None, None), |(code, why)| (Some(code.to_owned()), Some(why)));
        LineReport { line, result: result.to_owned(), id: id.map(|id| id.to_string()), code, error }
    }
}
