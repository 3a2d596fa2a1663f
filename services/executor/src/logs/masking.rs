//! Hiding a run's secret values in its output.

use std::collections::BTreeMap;

/// What stands for a secret.
const MASK: &[u8] = b"***";
const ENDINGS: [&str; 4] = ["TOKEN", "SECRET", "PASSWORD", "KEY"];
/// Shorter values would hide ordinary words.
const MIN_LENGTH: usize = 8;

/// The values of `env` whose names say that they are secret.
pub(crate) fn secrets(env: &BTreeMap<String, String>) -> Vec<String> {
    let secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    env.iter()
        .filter(|(name, value)| secret(name) && value.len() >= MIN_LENGTH)
        .map(|(_, value)| value.clone())
        .collect()
}

/// Replaces secrets in one stream of bytes. The result depends on the bytes alone, not on how they
/// were cut, so that reading the same output again gives the same masked output.
pub(crate) struct Masker {
    secrets: Vec<Vec<u8>>,
    /// Whether a secret begins with this byte.
    first: [bool; 256],
    /// Bytes that may be the beginning of a secret.
    held: Vec<u8>,
}

/// What stands at one position.
enum Found {
    /// No secret begins here.
    Nothing,
    /// A secret of this length.
    Secret(usize),
    /// More bytes are needed to tell.
    Undecided,
}

impl Masker {
    pub(crate) fn new(secrets: &[String]) -> Self {
        let secrets: Vec<Vec<u8>> = secrets
            .iter()
            .map(|text| text.clone().into_bytes())
            .collect();
        let mut first = [false; 256];
        for begin in secrets.iter().filter_map(|secret| secret.first()) {
            first[usize::from(*begin)] = true;
        }
        Self {
            secrets,
            first,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes, appends to `out` what is certain.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        self.emit(false, out);
    }

    /// No more bytes come: appends the rest.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.emit(true, out);
    }

    /// Whether nothing is held back.
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    fn emit(&mut self, complete: bool, out: &mut Vec<u8>) {
        let bytes = std::mem::take(&mut self.held);
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let plain = rest
                .iter()
                .position(|byte| self.first[usize::from(*byte)])
                .unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            at += plain;
            let rest = &rest[plain..];
            if rest.is_empty() {
                break;
            }
            match self.find(rest, complete) {
                Found::Undecided => break,
                Found::Nothing => {
                    out.push(rest[0]);
                    at += 1;
                }
                Found::Secret(length) => {
                    out.extend_from_slice(MASK);
                    at += length;
                }
            }
        }
        self.held = bytes[at..].to_vec();
    }

    /// The longest secret `rest` begins with.
    fn find(&self, rest: &[u8], complete: bool) -> Found {
        let undecided = |secret: &&Vec<u8>| secret.len() > rest.len() && secret.starts_with(rest);
        if !complete && self.secrets.iter().any(|secret| undecided(&secret)) {
            return Found::Undecided;
        }
        let found = self
            .secrets
            .iter()
            .filter(|secret| rest.starts_with(secret))
            .map(Vec::len);
        found.max().map_or(Found::Nothing, Found::Secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&str], pieces: &[&str]) -> String {
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        let mut masker = Masker::new(&secrets);
        let mut out = Vec::new();
        for piece in pieces {
            masker.push(piece.as_bytes(), &mut out);
        }
        masker.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_decide_what_is_secret() {
        let env = BTreeMap::from(
            [
                ("API_TOKEN", "long-enough"),
                ("DB_PASSWORD", "short"),
                ("PLAIN", "long-enough-too"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        assert_eq!(secrets(&env), ["long-enough"]);
    }

    #[test]
    fn every_cut_gives_the_same() {
        let text = "a hunter22-long b hunter22 c hunter2 hunter22-lon";
        let secrets = ["hunter22", "hunter22-long"];
        let expected = "a *** b *** c hunter2 ***-lon";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(masked(&secrets, &pieces), expected, "{first} {second}");
            }
        }
    }

    #[test]
    fn without_secrets_nothing_is_held_back() {
        let mut masker = Masker::new(&[]);
        let mut out = Vec::new();
        masker.push(b"\x00\xff text", &mut out);
        assert_eq!(out, b"\x00\xff text");
    }

    #[test]
    fn a_beginning_that_stays_one_appears_at_the_end() {
        assert_eq!(masked(&["hunter22"], &["x hunt"]), "x hunt");
    }
}
