//! The one secret that opens all others, and the file it is kept in when the operator does not supply it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{NoRandomness, random_bytes};

/// 32 random bytes. Without them nothing that was sealed can be opened again.
pub struct MasterKey(Zeroizing<[u8; MasterKey::LEN]>);

/// Why a text is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes in base64, 44 characters")]
pub struct MasterKeyError;

/// Why the master key's file cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("other users can read the master key file {path}: run `chmod 600 {path}` and start again", path = .0.display())]
    Exposed(PathBuf),
    #[error(
        "{path} holds no master key (32 bytes in base64): restore it from a backup, or remove it if there is no \
         database yet",
        path = .0.display()
    )]
    Malformed(PathBuf),
    #[error("cannot read the master key file {path}: let the user who runs this program read it", path = .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "cannot create the master key file {path}: let the user who runs this program write to its directory",
        path = .path.display()
    )]
    NotCreated { path: PathBuf, source: io::Error },
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl MasterKey {
    pub const LEN: usize = 32;

    pub fn generate() -> Result<Self, NoRandomness> {
        random_bytes().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// A key that was configured and checked elsewhere.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// Surrounding white space is ignored, as files and environment variables tend to bring some.
    pub fn from_base64(text: &str) -> Result<Self, MasterKeyError> {
        let decoded = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| MasterKeyError)?);
        let bytes = <[u8; Self::LEN]>::try_from(decoded.as_slice()).map_err(|_| MasterKeyError)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(*self.0))
    }

    /// Reads the key from a file, or makes one there if the file does not exist. The flag says that it was made.
    ///
    /// A new key is on the disk, directory entry included, before it is returned: nothing may be sealed with a key
    /// that a power cut could still take away.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyFileError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => {
                let key = Self::generate()?;
                key.write(file, path).map_err(|source| KeyFileError::NotCreated { path: path.to_owned(), source })?;
                Ok((key, true))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok((Self::load(path)?, false)),
            Err(source) => Err(KeyFileError::NotCreated { path: path.to_owned(), source }),
        }
    }

    /// Reads the key from a file that only its owner can read.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        const OTHERS: u32 = 0o077;
        /// More than the key and white space around it can be.
        const MAX_LEN: u64 = 256;
        let unreadable = |source| KeyFileError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        // Asked of the open file, so that it cannot be exchanged in between.
        if file.metadata().map_err(unreadable)?.mode() & OTHERS != 0 {
            return Err(KeyFileError::Exposed(path.to_owned()));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_LEN).read_to_end(&mut bytes).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| KeyFileError::Malformed(path.to_owned()))?;
        Self::from_base64(text).map_err(|MasterKeyError| KeyFileError::Malformed(path.to_owned()))
    }

    /// Writes the key to a new file that only its owner can read.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        self.write(file, path)
    }

    fn write(&self, mut file: File, path: &Path) -> io::Result<()> {
        let mut line = self.to_base64();
        line.push('\n');
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let (made, created) = MasterKey::load_or_create(&path).unwrap();
        let (read, created_again) = MasterKey::load_or_create(&path).unwrap();
        assert!(created && !created_again);
        assert_eq!(*made.to_base64(), *read.to_base64());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", *made.to_base64()));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKey::load_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = MasterKey::load_or_create(&path).err().unwrap();
            assert!(matches!(error, KeyFileError::Exposed(_)), "{mode:o}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let too_long = "A".repeat(400);
        for content in ["", "\n", "not base64", "AAAA", too_long.as_str()] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(MasterKey::load_or_create(&path), Err(KeyFileError::Malformed(_))), "{content:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_missing_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("master.key");
        let error = MasterKey::load_or_create(&path).err().unwrap();
        assert!(matches!(error, KeyFileError::NotCreated { .. }) && error.to_string().contains("missing"), "{error}");
    }

    #[test]
    fn base64_round_trips_and_tolerates_white_space() {
        let key = MasterKey::generate().unwrap();
        let padded = format!("  {}\n", *key.to_base64());
        assert_eq!(*MasterKey::from_base64(&padded).unwrap().to_base64(), *key.to_base64());
        assert!(MasterKey::from_base64("AAAA").is_err());
    }
}
