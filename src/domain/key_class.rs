//! What an API key is good for, in one word: the families of models that it may really use.
//!
//! Families are told by names alone. Which models a key may use is found out elsewhere; a catalogue that everybody is
//! shown says nothing about one key.

/// The class of an API key, for filters and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyClass {
    Kimi,
    Llama,
    Qwen,
    /// Models of several families.
    General,
    /// Models, but none of a family that has a class.
    Other,
}

/// A family of models that has a class of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Kimi,
    Llama,
    Qwen,
}

impl KeyClass {
    const ALL: [Self; 5] = [Self::Kimi, Self::Llama, Self::Qwen, Self::General, Self::Other];

    /// The class that follows from the models that a key may use; `None` when none is known.
    ///
    /// Models of no family make no difference beside those of one: a key for Qwen that also has some small model is
    /// still the one to look for when Qwen is wanted.
    pub fn of<'a>(models: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut class = None;
        for model in models {
            class = match (class, Family::of(model).map(Self::from)) {
                (None | Some(Self::Other), found) => Some(found.unwrap_or(Self::Other)),
                (Some(known), Some(found)) if known != found => return Some(Self::General),
                (Some(known), Some(_) | None) => Some(known),
            };
        }
        class
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kimi => "kimi",
            Self::Llama => "llama",
            Self::Qwen => "qwen",
            Self::General => "general",
            Self::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

impl From<Family> for KeyClass {
    fn from(family: Family) -> Self {
        match family {
            Family::Kimi => Self::Kimi,
            Family::Llama => Self::Llama,
            Family::Qwen => Self::Qwen,
        }
    }
}

impl Family {
    pub const ALL: [Self; 3] = [Self::Kimi, Self::Llama, Self::Qwen];

    /// The family that a model's name tells, in any case; of two the first in the order of [`Family::ALL`].
    pub fn of(model: &str) -> Option<Self> {
        let model = model.to_ascii_lowercase();
        Self::ALL.into_iter().find(|family| match family {
            Self::Kimi => model.contains("kimi"),
            Self::Llama => names_llama(&model),
            Self::Qwen => model.contains("qwen"),
        })
    }
}

/// Whether `llama` stands in a name other than as the end of the word `ollama`, which names a server.
fn names_llama(model: &str) -> bool {
    model.match_indices("llama").any(|(at, _)| {
        let before = model.get(..at).unwrap_or_default();
        let before_ollama = before.strip_suffix('o');
        before_ollama.is_none_or(|before| before.ends_with(char::is_alphanumeric))
    })
}

/// The model of a family, or of none, with which a short chat is likely the cheapest: the one whose name states the
/// fewest parameters, else the first.
pub fn cheapest_chat_model<'a>(models: impl IntoIterator<Item = &'a str>, family: Option<Family>) -> Option<&'a str> {
    let candidates = models.into_iter().filter(|model| Family::of(model) == family && may_chat(model));
    // Of equals this is the first.
    candidates.min_by(|a, b| billions(a).total_cmp(&billions(b)))
}

/// How the names of models for other purposes have a word begin. They are often the smallest of their family.
const OTHER_PURPOSES: [&str; 10] =
    ["embed", "rerank", "moderation", "image", "dall", "audio", "asr", "tts", "whisper", "transcribe"];

fn may_chat(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    !words(&model).any(|word| OTHER_PURPOSES.iter().any(|purpose| word.starts_with(purpose)))
}

/// The number of parameters that a name states, in billions; more than any when it states none.
fn billions(model: &str) -> f64 {
    words(&model.to_ascii_lowercase()).find_map(size).unwrap_or(f64::INFINITY)
}

fn words(model: &str) -> impl Iterator<Item = &str> {
    model.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
}

/// Reads `8b`, `0.6b`, `270m`, `1t`, and `8x7b` for eight experts of seven.
fn size(word: &str) -> Option<f64> {
    const UNITS: [(char, f64); 3] = [('b', 1.0), ('m', 0.001), ('t', 1_000.0)];
    let (number, unit) = UNITS.into_iter().find_map(|(letter, unit)| Some((word.strip_suffix(letter)?, unit)))?;
    let (experts, each) = number.split_once('x').unwrap_or(("1", number));
    Some(decimal(experts)? * decimal(each)? * unit)
}

/// Digits with a point at most; not the signs, exponents and names that `f64` would take as well.
fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_follows_from_the_families_among_the_models() {
        #[track_caller]
        fn check(models: &[&str], class: Option<KeyClass>) {
            assert_eq!(KeyClass::of(models.iter().copied()), class, "{models:?}");
        }
        check(&[], None);
        check(&["kimi-k2:1t"], Some(KeyClass::Kimi));
        check(&["gpt-oss:20b", "kimi-k2:1t", "Kimi-K2-Thinking"], Some(KeyClass::Kimi));
        check(&["meta-llama/Llama-3.1-8B", "gpt-oss:20b"], Some(KeyClass::Llama));
        check(&["qwen3-coder:480b"], Some(KeyClass::Qwen));
        check(&["qwen3-coder:480b", "gpt-oss:20b", "kimi-k2:1t"], Some(KeyClass::General));
        check(&["llama3", "kimi-k2", "qwen3"], Some(KeyClass::General));
        check(&["gpt-oss:20b", "deepseek-v3.1:671b"], Some(KeyClass::Other));
        check(&[""], Some(KeyClass::Other));
    }

    #[test]
    fn a_family_is_in_the_name_and_a_server_is_none() {
        for (model, family) in [
            ("moonshotai/KIMI-k2", Some(Family::Kimi)),
            ("codellama:7b", Some(Family::Llama)),
            ("VideoLLaMA2", Some(Family::Llama)),
            ("llama", Some(Family::Llama)),
            ("ollama/llama3", Some(Family::Llama)),
            ("ollama/ollama/qwen3", Some(Family::Qwen)),
            ("deepseek-r1-distill-qwen-32b", Some(Family::Qwen)),
            ("llama-distilled-from-kimi", Some(Family::Kimi)),
            ("ollama/foo", None),
            ("my-Ollama", None),
            ("größe-ollama", None),
            ("gpt-oss:20b", None),
        ] {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }

    #[test]
    fn classes_are_read_as_they_are_written() {
        for class in KeyClass::ALL {
            assert_eq!(KeyClass::parse(class.as_str()), Some(class));
        }
        assert_eq!(KeyClass::parse("Kimi"), None);
        assert_eq!(KeyClass::parse(""), None);
    }

    #[test]
    fn the_smallest_model_that_chats_is_chosen() {
        #[track_caller]
        fn check(models: &[&str], family: Option<Family>, chosen: Option<&str>) {
            assert_eq!(cheapest_chat_model(models.iter().copied(), family), chosen, "{models:?}");
        }
        let qwen = Some(Family::Qwen);
        check(&["qwen3:480b", "qwen3:8b", "qwen3:14b", "llama3:1b"], qwen, Some("qwen3:8b"));
        check(&["qwen-max", "qwen-plus"], qwen, Some("qwen-max"));
        check(&["qwen-max", "qwen2.5:72b"], qwen, Some("qwen2.5:72b"));
        check(&["Qwen3-4B", "Qwen3-1.7B", "Qwen3-Embedding-0.6B", "qwen-image"], qwen, Some("Qwen3-1.7B"));
        check(&["qwen3-30b-a3b", "qwen3-32b"], qwen, Some("qwen3-30b-a3b"));
        check(&["kimi-k2:1t", "kimi-dev:72b"], Some(Family::Kimi), Some("kimi-dev:72b"));
        check(&["mixtral-8x7b", "yi-34b", "gemma3:270m-cloud"], None, Some("gemma3:270m-cloud"));
        check(&["mixtral-8x7b", "dbrx-132b"], None, Some("mixtral-8x7b"));
        check(&["whisper-1", "text-embedding-3-small", "gpt-4o", "qwen3"], None, Some("gpt-4o"));
        check(&["nan-infb", "x-1..1b", "y-1e1b", "z-9b"], None, Some("z-9b"));
        check(&["gpt-4o"], qwen, None);
        check(&["qwen3-embedding"], qwen, None);
        check(&[], None, None);
    }
}
