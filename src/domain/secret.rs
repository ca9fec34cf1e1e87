//! Secrets are types: no `Debug`, `Display`, `Serialize` or `Clone` that could leak one by accident.
//!
//! The only way to the text is `expose`, so that every use can be found by its name.

use zeroize::Zeroizing;

/// An upstream API key in clear.
pub struct ApiKeySecret(Zeroizing<String>);

/// Why a text cannot be an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("the API key is empty")]
    Empty,
    #[error("the API key is longer than {} characters", ApiKeySecret::MAX_LEN)]
    TooLong,
    #[error("the API key contains a space or a character that cannot be sent in a header")]
    NotPrintableAscii,
}

impl ApiKeySecret {
    pub const MAX_LEN: usize = 512;

    /// Takes a key as it was pasted: surrounding white space is dropped, anything that could not travel in an
    /// `Authorization` header is refused.
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ApiKeyError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(ApiKeyError::TooLong);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ApiKeyError::NotPrintableAscii);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second one, for a use of its own.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// What may be shown: the last four characters, or nothing of a key under twelve.
    pub fn last4(&self) -> &str {
        last4(&self.0)
    }
}

/// A client token in clear: `sk-` and 48 letters or digits.
pub struct ClientTokenSecret(Zeroizing<String>);

impl ClientTokenSecret {
    const PREFIX: &str = "sk-";
    const RANDOM_LEN: usize = 48;

    /// Builds a token from random bytes. 62 does not divide 256, so bytes of 248 and above are skipped to keep every
    /// character equally likely; `None` when too many were.
    pub fn from_random(random: &[u8]) -> Option<Self> {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut text = String::with_capacity(Self::PREFIX.len() + Self::RANDOM_LEN);
        text.push_str(Self::PREFIX);
        let letters = random.iter().filter(|b| **b < 248).filter_map(|b| ALPHABET.get(usize::from(b % 62)));
        text.extend(letters.take(Self::RANDOM_LEN).map(|b| char::from(*b)));
        (text.len() == Self::PREFIX.len() + Self::RANDOM_LEN).then(|| Self(Zeroizing::new(text)))
    }

    /// Reads a text in this form; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(Self::PREFIX)?;
        let is_shaped = random.len() == Self::RANDOM_LEN && random.bytes().all(|b| b.is_ascii_alphanumeric());
        is_shaped.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn last4(&self) -> &str {
        last4(&self.0)
    }
}

fn last4(text: &str) -> &str {
    const SHORTEST_SHOWN: usize = 12;
    if text.len() < SHORTEST_SHOWN { "" } else { text.get(text.len() - 4..).unwrap_or("") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_keys_are_trimmed_and_checked() {
        assert!(ApiKeySecret::parse("  abc \n").is_ok_and(|k| k.expose() == "abc"));
        assert_eq!(ApiKeySecret::parse(" \t").err(), Some(ApiKeyError::Empty));
        assert_eq!(ApiKeySecret::parse("a b").err(), Some(ApiKeyError::NotPrintableAscii));
        assert_eq!(ApiKeySecret::parse("密钥").err(), Some(ApiKeyError::NotPrintableAscii));
        assert_eq!(ApiKeySecret::parse(&"k".repeat(513)).err(), Some(ApiKeyError::TooLong));
    }

    #[test]
    fn short_keys_show_nothing() {
        assert!(ApiKeySecret::parse("12345678901").is_ok_and(|k| k.last4().is_empty()));
        assert!(ApiKeySecret::parse("123456789012").is_ok_and(|k| k.last4() == "9012"));
    }

    #[test]
    fn tokens_are_sk_and_48_letters_or_digits() {
        let bytes: Vec<u8> = (0..=255).collect();
        let token = ClientTokenSecret::from_random(&bytes).expect("enough bytes");
        assert_eq!(token.expose().len(), 51);
        assert!(token.expose().strip_prefix("sk-").unwrap().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(ClientTokenSecret::from_random(&[255; 64]).is_none(), "no character may be drawn from skipped bytes");
    }
}
