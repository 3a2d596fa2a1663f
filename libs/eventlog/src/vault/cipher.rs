//! XChaCha20-Poly1305 with the vault key as associated data: a value moved to another key does not
//! open.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use maestro_domain::VaultKey;
use zeroize::Zeroizing;

use super::{VaultError, VaultKeys};

/// Version of the encoding: version, length of the key id, key id, nonce, ciphertext.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

pub(super) fn seal(keys: &VaultKeys, key: &VaultKey, value: &[u8]) -> Vec<u8> {
    let (id, secret) = keys.active();
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let cipher = XChaCha20Poly1305::new(secret.into());
    let associated = associated(id, key);
    let payload = Payload {
        msg: value,
        aad: &associated,
    };
    let ciphertext = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .expect("only values of 256 GiB cannot be encrypted");
    let mut sealed = Vec::with_capacity(2 + id.len() + NONCE_BYTES + ciphertext.len());
    sealed.push(VERSION);
    sealed.push(u8::try_from(id.len()).expect("key ids have at most 64 characters"));
    sealed.extend_from_slice(id.as_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    sealed
}

pub(super) fn open(
    keys: &VaultKeys,
    key: &VaultKey,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let not_authentic = || VaultError::NotAuthentic { key: key.clone() };
    let (id, nonce, ciphertext) = split(sealed).ok_or_else(not_authentic)?;
    let secret = keys
        .get(id)
        .ok_or_else(|| VaultError::UnknownKey { key: key.clone() })?;
    let cipher = XChaCha20Poly1305::new(secret.into());
    let associated = associated(id, key);
    let payload = Payload {
        msg: ciphertext,
        aad: &associated,
    };
    let value = cipher
        .decrypt(&XNonce::from(nonce), payload)
        .map_err(|_| not_authentic())?;
    Ok(Zeroizing::new(value))
}

fn split(sealed: &[u8]) -> Option<(&str, [u8; NONCE_BYTES], &[u8])> {
    let (&version, rest) = sealed.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (id, rest) = rest.split_at_checked(usize::from(length))?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let id = std::str::from_utf8(id).ok()?;
    (version == VERSION).then_some((id, *nonce, ciphertext))
}

fn associated(id: &str, key: &VaultKey) -> Vec<u8> {
    format!("maestro vault {VERSION}\0{id}\0{key}").into_bytes()
}

#[cfg(test)]
mod tests {
    use maestro_domain::Digest;

    use super::*;

    fn key(text: &str) -> VaultKey {
        VaultKey::stack(&Digest::of(text.as_bytes()))
    }

    #[test]
    fn a_value_comes_back_and_no_two_encryptions_are_alike() {
        let keys = VaultKeys::random();
        let first = seal(&keys, &key("a"), b"secret");
        let second = seal(&keys, &key("a"), b"secret");
        assert_ne!(first, second);
        assert_eq!(
            open(&keys, &key("a"), &first).unwrap().as_slice(),
            b"secret"
        );
        assert_eq!(
            open(&keys, &key("a"), &second).unwrap().as_slice(),
            b"secret"
        );
    }

    #[test]
    fn a_value_opens_under_its_own_key_only() {
        let keys = VaultKeys::random();
        let sealed = seal(&keys, &key("a"), b"secret");
        let moved = open(&keys, &key("b"), &sealed);
        assert!(
            matches!(moved, Err(VaultError::NotAuthentic { .. })),
            "{moved:?}"
        );
        let foreign = open(&VaultKeys::random(), &key("a"), &sealed);
        assert!(
            matches!(foreign, Err(VaultError::UnknownKey { .. })),
            "{foreign:?}"
        );
    }

    #[test]
    fn no_byte_can_be_changed_or_cut() {
        let keys = VaultKeys::random();
        let sealed = seal(&keys, &key("a"), b"secret");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&keys, &key("a"), &changed).is_err(), "byte {at}");
            assert!(
                open(&keys, &key("a"), &sealed[..at]).is_err(),
                "cut at {at}"
            );
        }
    }
}
