//! What a checkpoint says, in the form of <https://c2sp.org/tlog-checkpoint>.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maestro_domain::Digest;

use super::note::{self, NoteError, NoteKey};

/// A signed statement about the log: its commit `n` has this hash, and with it everything before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is about.
    pub origin: String,
    /// Number of the last commit it covers.
    pub n: u64,
    /// SHA-256 of that commit as stored.
    pub hash: Digest,
}

impl Checkpoint {
    /// Reads a signed checkpoint and verifies it: one of `keys` signed it, under its own name.
    ///
    /// # Errors
    /// See [`NoteError`].
    pub fn open(note: &str, keys: &[NoteKey]) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(note::open(note, keys)?)?;
        let named = keys.iter().any(|key| key.name() == checkpoint.origin);
        if named {
            Ok(checkpoint)
        } else {
            Err(NoteError::UnknownKey)
        }
    }

    /// Reads a checkpoint without verifying anything.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn unverified(note: &str) -> Result<Self, NoteError> {
        Self::parse(note::text(note)?)
    }

    fn parse(text: &str) -> Result<Self, NoteError> {
        let parse = || {
            let mut lines = text.lines();
            let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
            let size = lines.next()?;
            let n: u64 = size.parse().ok().filter(|n: &u64| n.to_string() == size)?;
            let hash = STANDARD.decode(lines.next()?).ok()?;
            let hash = Digest::new(hash.try_into().ok()?);
            Some(Self { origin, n, hash })
        };
        parse().ok_or(NoteError::Malformed)
    }

    pub(super) fn text(&self) -> String {
        let Self { origin, n, hash } = self;
        format!("{origin}\n{n}\n{}\n", STANDARD.encode(hash.bytes()))
    }
}
