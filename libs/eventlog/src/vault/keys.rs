//! The encryption keys and the file they live in.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use maestro_domain::{Digest, digest::DigestKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

/// Label under which the digest key is derived.
const DIGEST_LABEL: &[u8] = b"maestro digest key 1";
/// Longest key id.
const MAX_ID: usize = 64;
/// Longest keys file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// A keys file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read or written.
    #[error("cannot use the keys file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("the keys file {} must be accessible to its owner only (mode 600)", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
    },
    /// It does not hold keys.
    #[error("the keys file {} does not hold keys", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// The vault's encryption keys. The first one encrypts; all of them decrypt. Wiped from memory
/// when the last copy is dropped.
#[derive(Clone)]
pub struct VaultKeys {
    ring: Arc<Ring>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ring {
    /// Secret behind the digest key; stays when the others change.
    digest: Secret,
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    secret: Secret,
}

/// 32 secret bytes, hex in the file.
pub(crate) struct Secret(pub(crate) Zeroizing<[u8; 32]>);

impl Secret {
    pub(crate) fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(hex::encode(*self.0)))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.as_bytes(), bytes.as_mut_slice())
            .map_err(|_| D::Error::custom("a secret has 64 hex digits"))?;
        Ok(Self(bytes))
    }
}

impl VaultKeys {
    /// New keys that are in no file. For tests.
    #[must_use]
    pub fn random() -> Self {
        let id = format!("key-{}", hex::encode(rand::random::<[u8; 4]>()));
        let key = Key {
            id,
            secret: Secret::random(),
        };
        Self {
            ring: Arc::new(Ring {
                digest: Secret::random(),
                keys: vec![key],
            }),
        }
    }

    /// Reads the keys file, or makes one with a new key (and its folder) where there is none. JSON:
    /// `{"digest": "<hex>", "keys": [{"id": "…", "secret": "<hex>"}, …]}`; to rotate, put a new
    /// key in front.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeysError> {
        match load(path) {
            Err(KeysError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                create(path, &Self::random())?;
                load(path)
            }
            other => other,
        }
    }

    /// The key for digests of texts.
    #[must_use]
    pub fn digest_key(&self) -> DigestKey {
        DigestKey::new(*Digest::of_parts(&[DIGEST_LABEL, self.ring.digest.0.as_slice()]).bytes())
    }

    pub(super) fn active(&self) -> (&str, &[u8; 32]) {
        let key = &self.ring.keys[0];
        (&key.id, &key.secret.0)
    }

    pub(super) fn get(&self, id: &str) -> Option<&[u8; 32]> {
        self.ring
            .keys
            .iter()
            .find(|key| key.id == id)
            .map(|key| &*key.secret.0)
    }
}

impl std::fmt::Debug for VaultKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VaultKeys({} keys)", self.ring.keys.len())
    }
}

fn load(path: &Path) -> Result<VaultKeys, KeysError> {
    let failed = |source| KeysError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeysError::Permissions {
            path: path.to_owned(),
        });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE).read_to_end(&mut text).map_err(failed)?;
    let malformed = || KeysError::Malformed {
        path: path.to_owned(),
    };
    // The parser's own words could repeat a secret.
    let ring: Ring = serde_json::from_slice(&text).map_err(|_| malformed())?;
    let ids_fit = ring
        .keys
        .iter()
        .all(|key| (1..=MAX_ID).contains(&key.id.len()));
    let distinct = ring
        .keys
        .iter()
        .enumerate()
        .all(|(at, key)| ring.keys[..at].iter().all(|before| before.id != key.id));
    if ring.keys.is_empty() || !ids_fit || !distinct {
        return Err(malformed());
    }
    Ok(VaultKeys {
        ring: Arc::new(ring),
    })
}

/// Writes the file aside and links it into place, so that a reader never sees half of it and of
/// two processes one wins.
fn create(path: &Path, keys: &VaultKeys) -> Result<(), KeysError> {
    let failed = |source| KeysError::Io {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
    }
    let aside = path.with_extension(format!("new-{}", uuid::Uuid::new_v4().simple()));
    let written = create_folder(path).and_then(|()| write(&aside, keys));
    let written = written.and_then(|()| match fs::hard_link(&aside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path),
    });
    let _ = fs::remove_file(&aside);
    written.map_err(failed)
}

fn create_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, keys: &VaultKeys) -> io::Result<()> {
    let text = Zeroizing::new(serde_json::to_vec_pretty(&*keys.ring)?);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&text)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_private_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("vault.json");
        let made = VaultKeys::load_or_create(&path).unwrap();
        let read = VaultKeys::load_or_create(&path).unwrap();
        assert_eq!(made.active(), read.active());
        assert_eq!(
            Digest::keyed(&made.digest_key(), b"text"),
            Digest::keyed(&read.digest_key(), b"text")
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn of_several_that_start_at_once_all_get_the_same_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        let starts: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn({
                    let path = path.clone();
                    move || VaultKeys::load_or_create(&path).unwrap()
                })
            })
            .collect();
        let keys: Vec<_> = starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect();
        assert!(keys.iter().all(|key| key.active() == keys[0].active()));
    }

    #[test]
    fn a_file_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        VaultKeys::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = VaultKeys::load_or_create(&path);
        assert!(
            matches!(refused, Err(KeysError::Permissions { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_damaged_file_is_refused_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        for text in ["", "{}", r#"{"digest":"topsecret","keys":[]}"#] {
            let _ = fs::remove_file(&path);
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let refused = VaultKeys::load_or_create(&path).unwrap_err();
            assert!(
                matches!(refused, KeysError::Malformed { .. }),
                "{refused:?}"
            );
            assert!(!format!("{refused:?} {refused}").contains("topsecret"));
        }
    }

    #[test]
    fn a_key_in_front_takes_over_and_the_digest_key_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        let before = VaultKeys::load_or_create(&path).unwrap();
        let mut file: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let key = serde_json::json!({"id": "next", "secret": "11".repeat(32)});
        file["keys"].as_array_mut().unwrap().insert(0, key);
        fs::write(&path, file.to_string()).unwrap();
        let after = VaultKeys::load_or_create(&path).unwrap();
        assert_eq!(after.active().0, "next");
        assert_eq!(after.get(before.active().0), Some(before.active().1));
        assert_eq!(
            Digest::keyed(&before.digest_key(), b"text"),
            Digest::keyed(&after.digest_key(), b"text")
        );
    }
}
