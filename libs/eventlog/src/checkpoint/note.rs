//! Signed notes in the form of <https://c2sp.org/signed-note>, with Ed25519 keys.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use maestro_domain::Digest;

/// Type of an Ed25519 key in key ids and verifier keys.
const ED25519: u8 = 1;
/// Begins every signature line.
const MARK: &str = "— ";
/// Longest note that is read, in bytes.
const MAX_BYTES: usize = 64 << 10;
/// Most signatures that are read.
const MAX_SIGNATURES: usize = 100;

/// The public half of a key that signs notes; in text `<name>+<key id>+<base64>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// A text that is not the public half of an Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a verifier key has the form <name>+<key id>+<base64 of an Ed25519 key>")]
pub struct NoteKeyError;

/// A note that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not of this form.
    #[error("not a signed note")]
    Malformed,
    /// None of the known keys signed it.
    #[error("signed by no known key")]
    UnknownKey,
    /// A signature is wrong.
    #[error("the signature by {name} is wrong")]
    Signature {
        /// Name of the key.
        name: String,
    },
}

impl NoteKey {
    pub(super) fn new(name: &str, key: VerifyingKey) -> Option<Self> {
        let usable = !name.is_empty()
            && name.len() <= 256
            && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control());
        let typed = [&[ED25519], key.as_bytes().as_slice()].concat();
        let digest = Digest::of(&[name.as_bytes(), b"\n", typed.as_slice()].concat());
        let [a, b, c, d, ..] = *digest.bytes();
        usable.then(|| Self {
            name: name.to_owned(),
            id: [a, b, c, d],
            key,
        })
    }

    /// Its name: the origin of the notes it signs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        let (id, key) = (hex::encode(self.id), STANDARD.encode(typed));
        write!(f, "{}+{id}+{key}", self.name)
    }
}

impl FromStr for NoteKey {
    type Err = NoteKeyError;
    fn from_str(text: &str) -> Result<Self, NoteKeyError> {
        let parse = || {
            let (name, rest) = text.split_once('+')?;
            let (id, key) = rest.split_once('+')?;
            let typed = STANDARD.decode(key).ok()?;
            let (&ED25519, key) = typed.split_first()? else {
                return None;
            };
            let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
            let parsed = Self::new(name, key)?;
            (hex::encode(parsed.id) == id).then_some(parsed)
        };
        parse().ok_or(NoteKeyError)
    }
}

/// Signs `text`, which ends with a line feed, under `name` with every key.
pub(super) fn sign(name: &str, text: &str, keys: &[&SigningKey]) -> String {
    let mut note = format!("{text}\n");
    for key in keys {
        if let Some(public) = NoteKey::new(name, key.verifying_key()) {
            let signature = key.sign(text.as_bytes()).to_bytes();
            let line = STANDARD.encode([public.id.as_slice(), &signature].concat());
            note.push_str(&format!("{MARK}{name} {line}\n"));
        }
    }
    note
}

/// The text of a note, after its signatures were checked: at least one is by a known key, and none
/// by a known key is wrong.
pub(super) fn open<'a>(note: &'a str, keys: &[NoteKey]) -> Result<&'a str, NoteError> {
    let (text, signatures) = split(note)?;
    let mut signed = false;
    for (name, id, signature) in signatures {
        let Some(known) = keys.iter().find(|key| key.name == name && key.id == id) else {
            continue;
        };
        let wrong = || NoteError::Signature {
            name: name.to_owned(),
        };
        let signature = Signature::from_slice(&signature).map_err(|_| wrong())?;
        known
            .key
            .verify_strict(text.as_bytes(), &signature)
            .map_err(|_| wrong())?;
        signed = true;
    }
    if signed {
        Ok(text)
    } else {
        Err(NoteError::UnknownKey)
    }
}

/// The text of a note, whoever signed it.
pub(super) fn text(note: &str) -> Result<&str, NoteError> {
    split(note).map(|(text, _)| text)
}

/// Name, key id and signature.
type SignatureLine<'a> = (&'a str, [u8; 4], Vec<u8>);

fn split(note: &str) -> Result<(&str, Vec<SignatureLine<'_>>), NoteError> {
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, lines) = (&note[..=at], &note[at + 2..]);
    let foreign = |c: char| c.is_control() && c != '\n';
    if note.len() > MAX_BYTES || !lines.ends_with('\n') || note.contains(foreign) {
        return Err(NoteError::Malformed);
    }
    let signatures: Option<Vec<_>> = lines.lines().map(signature_line).collect();
    match signatures {
        Some(signatures) if signatures.len() <= MAX_SIGNATURES => Ok((text, signatures)),
        _ => Err(NoteError::Malformed),
    }
}

fn signature_line(line: &str) -> Option<SignatureLine<'_>> {
    let (name, encoded) = line.strip_prefix(MARK)?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded).ok()?;
    let (id, signature) = decoded.split_first_chunk::<4>()?;
    (!name.is_empty()).then(|| (name, *id, signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the package golang.org/x/mod/sumdb/note.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_of_another_implementation_is_read_and_written_alike() {
        let key: NoteKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let text = open(NOTE, std::slice::from_ref(&key)).unwrap();
        assert!(text.ends_with("what your problem is.\n"));
        let seed = STANDARD.decode(SEED).unwrap();
        let signer = SigningKey::from_bytes(seed[1..].try_into().unwrap());
        assert_eq!(sign(key.name(), text, &[&signer]), NOTE);
    }

    #[test]
    fn no_byte_of_a_note_can_be_changed() {
        let key: NoteKey = KEY.parse().unwrap();
        for at in 0..NOTE.len() {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[at] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                let opened = open(&changed, std::slice::from_ref(&key));
                assert!(opened.is_err(), "byte {at}: {opened:?}");
            }
        }
    }

    #[test]
    fn several_keys_sign_and_one_known_one_is_enough() {
        let keys = [[7; 32], [8; 32]].map(|seed| SigningKey::from_bytes(&seed));
        let note = sign("log", "text\n", &[&keys[0], &keys[1]]);
        for key in &keys {
            let known = NoteKey::new("log", key.verifying_key()).unwrap();
            assert_eq!(open(&note, &[known]), Ok("text\n"));
        }
        let other = NoteKey::new("other", keys[0].verifying_key()).unwrap();
        assert_eq!(open(&note, &[other]), Err(NoteError::UnknownKey));
        assert_eq!(open(&note, &[]), Err(NoteError::UnknownKey));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "a",
            "a+b",
            "a+00000000+AQ==",
            &KEY.replace("c74f", "c74e"),
        ] {
            assert_eq!(text.parse::<NoteKey>(), Err(NoteKeyError), "{text}");
        }
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        for name in ["", "a b", "a+b", "a\n"] {
            assert_eq!(NoteKey::new(name, key), None, "{name}");
        }
    }
}
