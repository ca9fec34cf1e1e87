//! Releases, as the headings of `CHANGELOG.md` tell them: `## 1.2.0 (2026-11-22)`.

/// One section of the changelog.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// The heading's first word: a version, or `Unreleased`.
    pub(super) name: &'a str,
    /// `YYYY-MM-DD`, where the heading has it.
    pub(super) date: Option<&'a str>,
    /// Its first lines that are not blank.
    pub(super) summary: String,
}

const SUMMARY_LINES: usize = 3;
const SUMMARY_CHARS: usize = 280;

impl Section<'_> {
    /// Whether the name is that of a version, which is what a tag is called.
    pub(super) fn is_released(&self) -> bool {
        self.name.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
    }

    /// `1.2.0-rc.1`
    pub(super) fn is_prerelease(&self) -> bool {
        self.is_released() && self.name.contains('-')
    }
}

/// The sections in their order, newest first.
pub(super) fn sections(text: &str) -> impl Iterator<Item = Section<'_>> {
    let mut parts = text.split("\n## ");
    // What is before the first heading belongs to none.
    let before = parts.next().and_then(|before| before.strip_prefix("## "));
    before.into_iter().chain(parts).filter_map(section)
}

fn section(text: &str) -> Option<Section<'_>> {
    let mut lines = text.lines().map(str::trim);
    let mut words = lines.next()?.split_whitespace().map(|word| word.trim_matches(['[', ']', '(', ')', ',']));
    let name = words.next()?;
    let date = words.find(|word| is_date(word));
    let first: Vec<_> = lines.filter(|line| !line.is_empty()).take(SUMMARY_LINES).collect();
    let summary = first.join("\n").chars().take(SUMMARY_CHARS).collect();
    Some(Section { name, date, summary })
}

fn is_date(word: &str) -> bool {
    word.len() == "YYYY-MM-DD".len() && word.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, Option<&str>, &str)]) {
        let read: Vec<_> = sections(text).collect();
        let read: Vec<_> = read.iter().map(|s| (s.name, s.date, s.summary.as_str())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn headings_tell_versions_and_dates() {
        let text = "# Changelog\n\nAbout.\n\n## Unreleased\n\n### Added\n\n- One.\n- Two.\n- Three.\n\n\
                    ## [1.1.0-rc.1] - 2026-11-22\n\n- Four.\n## v1.0.0 (2026-10-01)\n\n## 0.9\n";
        let expected = [
            ("Unreleased", None, "### Added\n- One.\n- Two."),
            ("1.1.0-rc.1", Some("2026-11-22"), "- Four."),
            ("v1.0.0", Some("2026-10-01"), ""),
            ("0.9", None, ""),
        ];
        check(text, &expected);
        let released: Vec<_> = sections(text).map(|s| (s.is_released(), s.is_prerelease())).collect();
        assert_eq!(released, [(false, false), (true, true), (true, false), (true, false)]);
    }

    #[test]
    fn summaries_are_cut_between_characters() {
        let long = "é".repeat(SUMMARY_CHARS + 1);
        check(&format!("## 1.0.0\n{long}\n"), &[("1.0.0", None, long.split_at(SUMMARY_CHARS * 2).0)]);
    }

    #[test]
    fn a_text_without_headings_has_no_sections() {
        for text in ["", "\n", "# Changelog\n\n### Added\n- One.\n", "## ", "## \n"] {
            check(text, &[]);
        }
    }
}
