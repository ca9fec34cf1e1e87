//! Sealing and opening of secrets, and the digests by which a secret is found again.
//!
//! Everything kept at rest is sealed with XChaCha20-Poly1305 under a key derived from the [`MasterKey`], and bound to
//! the column and row it was sealed for ([`Aad`]): a ciphertext that is moved elsewhere does not open.
//! API keys are found by a keyed [`Fingerprint`], client tokens by a plain [`TokenHash`]: a token has enough entropy
//! of its own, and its hash is looked up on every request.
//!
//! The vault knows neither SQL nor an async runtime, and the only file it touches is the master key's.

mod master_key;
mod place;

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use self::master_key::{KeyFileError, MasterKey, MasterKeyError};
pub use self::place::Aad;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;

/// The random part in front of every ciphertext; long enough to be drawn at random for ever.
const NONCE_LEN: usize = 24;

/// The operating system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random numbers: {0}")]
pub struct NoRandomness(getrandom::Error);

/// Random bytes of the operating system.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes)
}

/// Why something could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error("the text is too long to be sealed")]
    TooLong,
}

/// A ciphertext does not open: another master key, another place, or damaged bytes. Which of them cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not open with this master key at this place")]
pub struct OpenError;

/// A digest of so many bytes.
macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name([u8; Self::LEN]);

        impl $name {
            pub const LEN: usize = $length;

            pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
                Self(bytes)
            }

            pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
                &self.0
            }
        }
    };
}

digest!(
    /// Names an API key by its secret, for whoever has the master key. It may be stored and compared, not reversed.
    Fingerprint,
    16
);
digest!(
    /// SHA-256 of a client token's text: what is stored of it, and the key of the map that every request asks.
    TokenHash,
    32
);
digest!(
    /// SHA-256 of a session's secret: what is stored of it, and by which it is found.
    SessionHash,
    32
);
digest!(
    /// What is stored of the credential that a session was opened with, to see that another is in force since.
    CredentialDigest,
    32
);

impl TokenHash {
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(text).into())
    }
}

impl SessionHash {
    pub fn of(secret: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// Seals and opens secrets. Holds only keys derived from the master key, each for one purpose.
pub struct Vault {
    sealing: XChaCha20Poly1305,
    /// An HMAC that has taken in its key and nothing else, as the next one.
    fingerprinting: Hmac<Sha256>,
    credentials: Hmac<Sha256>,
}

impl Vault {
    pub fn new(master: &MasterKey) -> Self {
        let sealing = subkey(master, b"ollama-api-pool/sealing/1");
        let fingerprinting = subkey(master, b"ollama-api-pool/fingerprinting/1");
        let credentials = subkey(master, b"ollama-api-pool/credentials/1");
        Self {
            sealing: XChaCha20Poly1305::new((&*sealing).into()),
            fingerprinting: keyed_hmac(&fingerprinting),
            credentials: keyed_hmac(&credentials),
        }
    }

    /// The nonce, then the ciphertext with its tag.
    pub fn seal(&self, place: &Aad, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random_bytes::<NONCE_LEN>()?;
        let payload = Payload { msg: plaintext, aad: place.as_bytes() };
        let ciphertext = self.sealing.encrypt(&nonce.into(), payload).map_err(|_| SealError::TooLong)?;
        Ok([&nonce[..], &ciphertext].concat())
    }

    /// The reverse of [`Self::seal`], for the same place only.
    pub fn open(&self, place: &Aad, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(OpenError)?;
        let payload = Payload { msg: ciphertext, aad: place.as_bytes() };
        self.sealing.decrypt(nonce.into(), payload).map(Zeroizing::new).map_err(|_| OpenError)
    }

    /// The same key at two providers has two fingerprints.
    pub fn fingerprint(&self, provider: &ProviderId, secret: &ApiKeySecret) -> Fingerprint {
        let place = Aad::new("api_keys.fingerprint", &[provider.as_str().as_bytes(), secret.expose().as_bytes()]);
        let digest: [u8; 32] =
            self.fingerprinting.clone().chain_update(place.as_bytes()).finalize().into_bytes().into();
        let mut bytes = [0; Fingerprint::LEN];
        for (byte, digested) in bytes.iter_mut().zip(digest) {
            *byte = digested;
        }
        Fingerprint(bytes)
    }

    /// Of the hash of a credential that people choose, so that nobody can guess it from what is stored.
    pub fn credential_digest(&self, hash: &[u8; 32]) -> CredentialDigest {
        CredentialDigest(self.credentials.clone().chain_update(hash).finalize().into_bytes().into())
    }
}

fn subkey(master: &MasterKey, label: &[u8]) -> Zeroizing<[u8; 32]> {
    let digest = keyed_hmac(master.as_bytes()).chain_update(label).finalize();
    Zeroizing::new(digest.into_bytes().into())
}

/// HMAC pads a key shorter than its block with zeros; doing it here leaves no length to be wrong.
fn keyed_hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    const BLOCK_LEN: usize = 64;
    let mut block = Zeroizing::new([0; BLOCK_LEN]);
    for (padded, byte) in block.iter_mut().zip(key) {
        *padded = *byte;
    }
    Hmac::new((&*block).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault() -> Vault {
        Vault::new(&MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap())
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(text: Vec<u8>, column in "[a-z]{1,9}", key: Vec<u8>) {
            let vault = vault();
            let place = Aad::new(&column, &[&key]);
            let sealed = vault.seal(&place, &text).unwrap();
            prop_assert_eq!(&*vault.open(&place, &sealed).unwrap(), &text);
        }

        #[test]
        fn a_flipped_bit_or_a_missing_byte_does_not_open(text: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let vault = vault();
            let place = Aad::new("column", &[b"row"]);
            let mut sealed = vault.seal(&place, &text).unwrap();
            let at = at.index(sealed.len());
            prop_assert_eq!(vault.open(&place, &sealed[..at]).err(), Some(OpenError));
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(vault.open(&place, &sealed).err(), Some(OpenError));
        }

        #[test]
        fn another_place_does_not_open(column: String, key: Vec<u8>, other_column: String, other_key: Vec<u8>) {
            prop_assume!((&column, &key) != (&other_column, &other_key));
            let vault = vault();
            let sealed = vault.seal(&Aad::new(&column, &[&key]), b"secret").unwrap();
            prop_assert_eq!(vault.open(&Aad::new(&other_column, &[&other_key]), &sealed).err(), Some(OpenError));
        }
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        let vault = vault();
        let place = Aad::new("column", &[b"row"]);
        assert_ne!(vault.seal(&place, b"text").unwrap(), vault.seal(&place, b"text").unwrap());
    }

    #[test]
    fn another_master_key_neither_opens_nor_finds() {
        let (one, other) = (vault(), Vault::new(&MasterKey::generate().unwrap()));
        let place = Aad::new("column", &[b"row"]);
        assert!(other.open(&place, &one.seal(&place, b"text").unwrap()).is_err());
        let secret = ApiKeySecret::parse("key-1").unwrap();
        let provider = ProviderId::ollama();
        assert_ne!(one.fingerprint(&provider, &secret), other.fingerprint(&provider, &secret));
    }

    #[test]
    fn a_fingerprint_is_stable_and_depends_on_provider_and_key() {
        let vault = vault();
        let (secret, other) = (ApiKeySecret::parse("key-1").unwrap(), ApiKeySecret::parse("key-2").unwrap());
        let found = vault.fingerprint(&ProviderId::ollama(), &secret);
        // Stored fingerprints must be found by every later version.
        assert_eq!(found.as_bytes(), &FINGERPRINT_OF_KEY_1);
        assert_ne!(found, vault.fingerprint(&ProviderId::openrouter(), &secret));
        assert_ne!(found, vault.fingerprint(&ProviderId::ollama(), &other));
    }

    /// Calculated apart from this code.
    const FINGERPRINT_OF_KEY_1: [u8; 16] = [107, 142, 64, 169, 4, 90, 103, 126, 22, 164, 115, 50, 179, 219, 104, 96];

    #[test]
    fn a_token_hash_is_sha_256() {
        let abc = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
        assert!(TokenHash::of("abc").as_bytes().starts_with(&abc));
    }
}
