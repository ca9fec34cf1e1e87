//! What became of the lines of a text with keys, in words. Nothing of a line that gives no key is told: it may be half
//! a secret.

use serde::Serialize;

use super::HERE;
use crate::domain::ids::ApiKeyId;
use crate::domain::import::{Line, Reading, Refusal, Skip};
use crate::domain::secret::ApiKeyError;
use crate::storage::NewApiKey;
use crate::web::text::Text;

/// Lines that are told one by one.
const TOLD: usize = 100;

/// What an import would do.
#[derive(Serialize)]
pub(super) struct Preview {
    added: u64,
    existing: u64,
    duplicates: u64,
    refused: u64,
    /// Blank lines and comments.
    skipped: u64,
    /// All lines of a short text; of a long one the first that are not simply added.
    lines: Vec<Told>,
    /// How many more there are.
    others: u64,
}

#[derive(Serialize)]
struct Told {
    number: usize,
    /// Of a line with a key.
    last4: Option<String>,
    label: String,
    result: &'static str,
    why: Option<Text>,
    /// The key that is there already.
    href: Option<String>,
}

/// A line, of which the key was taken out.
pub(super) struct Read {
    number: usize,
    result: Result<(String, String), Reading>,
}

/// Parts the keys from what is told of their lines. A label is given to keys that have none.
pub(super) fn read(lines: Vec<Line>, label: &str) -> (Vec<Read>, Vec<NewApiKey>) {
    let mut keys = Vec::with_capacity(lines.len());
    let read = |line: Line| {
        let result = match line.result {
            Reading::Parsed(key) => {
                let label = if key.label.is_empty() { label.to_owned() } else { key.label };
                let told = (key.secret.last4().to_owned(), label.clone());
                keys.push(NewApiKey { secret: key.secret, label, expires_at: None });
                Ok(told)
            }
            other @ (Reading::Skipped(_) | Reading::Refused(_)) => Err(other),
        };
        Read { number: line.number, result }
    };
    (lines.into_iter().map(read).collect(), keys)
}

impl Preview {
    /// `known` has an entry for each key, in order: which of the pool it is.
    pub(super) fn new(lines: Vec<Read>, known: &[Option<ApiKeyId>]) -> Self {
        let is_short = lines.len() <= TOLD;
        let mut preview =
            Self { added: 0, existing: 0, duplicates: 0, refused: 0, skipped: 0, lines: Vec::new(), others: 0 };
        let mut known = known.iter().copied();
        for line in lines {
            let told = preview.count(line, &mut known);
            let is_told = is_short || !matches!(told.result, "add" | "skipped");
            if is_told && preview.lines.len() < TOLD {
                preview.lines.push(told);
            } else {
                preview.others += 1;
            }
        }
        preview
    }

    fn count(&mut self, line: Read, known: &mut impl Iterator<Item = Option<ApiKeyId>>) -> Told {
        let (last4, label, href, (count, result, why)) = match line.result {
            // One that is there keeps its own label.
            Ok((last4, label)) => match known.next().flatten() {
                Some(id) => {
                    let why = Some(Text::new("keys-import-existing"));
                    let href = Some(format!("{HERE}/{id}"));
                    (Some(last4), String::new(), href, (&mut self.existing, "existing", why))
                }
                None => (Some(last4), label, None, (&mut self.added, "add", None)),
            },
            Err(Reading::Skipped(Skip::Duplicate { first })) => {
                let why = Text::new("keys-import-duplicate").with("line", first as u64);
                (None, String::new(), None, (&mut self.duplicates, "duplicate", Some(why)))
            }
            Err(Reading::Skipped(Skip::Blank | Skip::Comment) | Reading::Parsed(_)) => {
                (None, String::new(), None, (&mut self.skipped, "skipped", Some(Text::new("keys-import-skipped"))))
            }
            Err(Reading::Refused(refusal)) => {
                (None, String::new(), None, (&mut self.refused, "refused", Some(refusal_text(refusal))))
            }
        };
        *count += 1;
        Told { number: line.number, last4, label, result, why, href }
    }
}

/// Why a line gives no key.
pub(super) fn refusal_text(refusal: Refusal) -> Text {
    Text::new(match refusal {
        Refusal::NoApiKey(ApiKeyError::Empty) => "keys-refused-empty",
        Refusal::NoApiKey(ApiKeyError::TooLong) => "keys-refused-too-long",
        Refusal::NoApiKey(ApiKeyError::NotPrintableAscii) => "keys-refused-not-printable",
        Refusal::ThreeFields => "keys-refused-three-fields",
        Refusal::MissingApiKey => "keys-refused-missing",
        Refusal::NeitherTextNorObject => "keys-refused-neither",
        Refusal::Fields => "keys-refused-fields",
        Refusal::Json => "keys-refused-json",
        Refusal::Assignment => "keys-refused-assignment",
        Refusal::SeveralValues => "keys-refused-several",
        Refusal::Masked => "keys-refused-masked",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::import::{AccountList, whole};

    fn preview(text: &str, known: &[usize]) -> Preview {
        let id = ApiKeyId::new(crate::domain::time::Timestamp::from_millis(1), [1; 10]);
        let (lines, keys) = read(whole(text, AccountList::KeyIsFourth), "for all");
        let known: Vec<_> = (0..keys.len()).map(|place| known.contains(&place).then_some(id)).collect();
        Preview::new(lines, &known)
    }

    #[test]
    fn every_line_of_a_short_text_is_told() {
        let preview = preview("key-number-00001\n# no\nx----key-number-00002\nkey-number-00001\na b\n\n", &[1]);
        let told: Vec<_> = preview.lines.iter().map(|line| (line.number, line.result, &*line.label)).collect();
        assert_eq!(
            told,
            [
                (1, "add", "for all"),
                (2, "skipped", ""),
                (3, "existing", ""),
                (4, "duplicate", ""),
                (5, "refused", ""),
                (6, "skipped", "")
            ]
        );
        let Preview { added, existing, duplicates, refused, skipped, others, .. } = preview;
        assert_eq!((added, existing, duplicates, refused, skipped, others), (1, 1, 1, 1, 2, 0));
    }

    #[test]
    fn of_a_long_text_the_first_problems_are_told_and_the_rest_is_counted() {
        let lines: Vec<_> = (0..2_000).map(|n| format!("key-number-{:05}", n / 2)).collect();
        let preview = preview(&lines.join("\n"), &[]);
        assert_eq!(
            (preview.added, preview.duplicates, preview.lines.len(), preview.others),
            (1_000, 1_000, 100, 1_900)
        );
        assert!(preview.lines.iter().all(|line| line.result == "duplicate"));
    }
}
