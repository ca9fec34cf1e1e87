//! The secrets that come from the configuration. They are used through `expose` only and cannot be printed.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::error::Invalid;

/// The key that seals what is stored.
pub struct MasterKey(Zeroizing<[u8; MasterKey::LEN]>);

impl MasterKey {
    pub const LEN: usize = 32;

    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        const BASE64: GeneralPurpose = GeneralPurpose::new(
            &STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| Invalid::NotAMasterKey)?);
        let key = <[u8; Self::LEN]>::try_from(bytes.as_slice()).map_err(|_| Invalid::NotAMasterKey)?;
        if is_uniform(&key) { Err(Invalid::Placeholder) } else { Ok(Self(Zeroizing::new(key))) }
    }

    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// What an administrator presents.
pub struct AdminToken(Zeroizing<String>);

impl AdminToken {
    const MIN_LEN: usize = 16;

    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::TokenCharacters);
        }
        if is_placeholder(text) {
            return Err(Invalid::Placeholder);
        }
        if text.len() < Self::MIN_LEN {
            return Err(Invalid::TokenTooShort { min: Self::MIN_LEN });
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Where a proxy is; its user name and password may be in it.
#[derive(Clone)]
pub struct ProxyUrl(Zeroizing<String>);

impl ProxyUrl {
    /// `None` where the text says that no proxy is to be used. What else is in it is the transport's business.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        const SCHEMES: [&str; 3] = ["http://", "socks5://", "socks5h://"];
        if text.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        let is_url = SCHEMES.iter().any(|scheme| text.starts_with(scheme));
        if is_url { Ok(Some(Self(Zeroizing::new(text.to_owned())))) } else { Err(Invalid::NotAProxy) }
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Texts that stand in published examples; whoever knows those would be the administrator.
fn is_placeholder(text: &str) -> bool {
    const EXAMPLES: [&str; 2] = ["your-admin-secret-token", "your-admin-token-here"];
    const BEGINNINGS: [&str; 3] = ["changeme", "change-me", "change_me"];
    let text = text.to_ascii_lowercase();
    EXAMPLES.contains(&text.as_str()) || BEGINNINGS.iter().any(|b| text.starts_with(b)) || is_uniform(text.as_bytes())
}

fn is_uniform(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| bytes.iter().all(|b| b == first))
}
