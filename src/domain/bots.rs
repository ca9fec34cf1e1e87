//! Which clients call themselves a bot, and what is done about it.
//!
//! The list is the JavaScript edition's. It finds only who says so: a `User-Agent` is a claim, and `curl` and Python are
//! what an API's own users call it with. That is why nothing is done unless the operator asks for it.

/// What any bot's `User-Agent` has somewhere, in lower case.
const SIGNS: [&[u8]; 7] = [b"python-requests", b"curl/", b"wget/", b"scrapy", b"bot", b"spider", b"crawler"];
/// The search engines that are welcome all the same.
const WELCOME: [&[u8]; 2] = [b"googlebot", b"bingbot"];

/// What is done about a bot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BotPolicy {
    #[default]
    Off,
    /// Its requests are marked in the log.
    Log,
    /// Its requests are refused.
    Refuse,
}

impl BotPolicy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Log => "log",
            Self::Refuse => "refuse",
        }
    }

    /// The policy of that name, in small letters.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Log, Self::Refuse].into_iter().find(|policy| policy.as_str() == text)
    }
}

/// Whether a `User-Agent` is that of a bot.
pub fn is_bot(user_agent: &[u8]) -> bool {
    let says = |words: &[&[u8]]| words.iter().any(|word| contains(user_agent, word));
    says(&SIGNS) && !says(&WELCOME)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_known_by_their_names() {
        for bot in [
            "python-requests/2.32.3",
            "curl/8.5.0",
            "Wget/1.21",
            "Scrapy/2.11 (+https://scrapy.org)",
            "Mozilla/5.0 (compatible; AhrefsBot/7.0)",
            "Baiduspider",
            "my-CRAWLER",
            "bot",
        ] {
            assert!(is_bot(bot.as_bytes()), "{bot}");
        }
    }

    #[test]
    fn people_libraries_and_welcome_search_engines_are_none() {
        for other in [
            "",
            "bo",
            "curl",
            "OpenAI/Python 1.54.0",
            "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/132.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0)",
        ] {
            assert!(!is_bot(other.as_bytes()), "{other}");
        }
        assert!(!is_bot(b"\xff\xfe"));
    }

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        for policy in [BotPolicy::Off, BotPolicy::Log, BotPolicy::Refuse] {
            assert_eq!(BotPolicy::parse(policy.as_str()), Some(policy));
        }
        assert_eq!(BotPolicy::parse("block"), None);
        assert_eq!(BotPolicy::parse(""), None);
    }
}
