//! The languages that texts for people come in, and which of them a client prefers.

use poem_openapi::Enum;

/// The first is that of clients that prefer none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum Language {
    #[default]
    En,
    /// In simplified characters.
    Zh,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The language of a tag that [`Self::tag`] gave.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// What the language calls itself.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// As `Content-Language` names it.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Which of them an `Accept-Language` prefers (RFC 9110, 12.5.4). Of two that are equally welcome it is the one that
    /// comes first; a variant, `zh-TW` or `en-GB`, stands for its language.
    pub(super) fn preferred(accept: &str) -> Self {
        let mut best = None;
        for (language, weight) in accept.split(',').filter_map(range) {
            if weight > best.map_or(0.0, |(_, best)| best) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language).unwrap_or_default()
    }
}

/// One range and its weight; `None` for a language that there is not, and for what is malformed.
fn range(text: &str) -> Option<(Language, f32)> {
    let (tag, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let weight = weight.trim().strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?;
    let weight = weight.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
        "en" | "*" => Some((Language::En, weight)),
        "zh" => Some((Language::Zh, weight)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_preferred_most_is_spoken() {
        for (accept, expected) in [
            ("", Language::En),
            ("zh", Language::Zh),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("en-US,en;q=0.9,zh-CN;q=0.8", Language::En),
            ("en;q=0.5, zh;q=0.6", Language::Zh),
            ("zh , en", Language::Zh),
            ("en , zh", Language::En),
            ("de, fr;q=0.9, ZH-hans;q=0.1", Language::Zh),
            ("zh;q=0, de", Language::En),
            ("zh;q=0.5, *", Language::En),
            ("zh; Q=0.9 , en ; q = 0.1", Language::Zh),
            ("de", Language::En),
            ("zhx, zh_CN, 中文", Language::En),
            ("zh;q=2, zh;q=nan, zh;q=-1, zh;q=, zh;level=1, ;;,,", Language::En),
        ] {
            assert_eq!(Language::preferred(accept), expected, "{accept:?}");
        }
    }
}
