//! What keeps a commit below [`MAX_COMMIT_BYTES`](crate::commit::MAX_COMMIT_BYTES).

use crate::report::Place;

/// Events after which a decision leaves what could be done at once to the next tick: further
/// starts, and further ends of superseded runs. Beyond them a decision holds what its input itself
/// asks for, at most a request and a deferral for each of a stack's 100 triggers: some 1.5 KiB of
/// events a trigger and 0.5 KiB for each of these.
pub(super) const FULL: usize = 400;

/// Longest text of a run's specification in the vault, in bytes: with its encryption it has to fit
/// into a message of the broker.
pub(super) const LONGEST_SPEC: usize = 512 * 1024;

/// Longest name of a repository or person in the vault, in bytes; no host has longer ones.
pub(super) const LONGEST_NAME: usize = 512;

const LONGEST_WORD: usize = 64;
/// A DNS name.
const LONGEST_PLACE: usize = 253;
const UNKNOWN: &str = "unknown";

/// A host's word for something, if it is short enough and plain enough for the log.
pub(super) fn word(text: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let fits = (1..=LONGEST_WORD).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| text.to_owned())
}

/// Where something executes, without what is too long or strange for the log.
pub(super) fn place(place: &Place) -> Place {
    let fits = |text: &String| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
        (1..=LONGEST_PLACE).contains(&text.len()) && text.bytes().all(plain)
    };
    Place {
        namespace: place.namespace.clone().filter(fits),
        job: place.job.clone().filter(fits),
        pod: place.pod.clone().filter(fits),
        node: place.node.clone().filter(fits),
    }
}

/// The same where there has to be one.
pub(super) fn word_or_unknown(text: &str) -> String {
    word(text).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// A W3C trace context of version 00, or none.
pub(super) fn traceparent(text: &str) -> Option<String> {
    let lengths = text.split('-').map(str::len);
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-');
    let fits = lengths.eq([2, 32, 16, 2]) && text.bytes().all(hex);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_pass() {
        assert_eq!(word("pull_request.v2"), Some("pull_request.v2".to_owned()));
        for bad in ["", "two words", "ä", &"x".repeat(65)] {
            assert_eq!(word(bad), None, "{bad}");
        }
        assert_eq!(word_or_unknown("a\nb"), UNKNOWN);
    }

    #[test]
    fn only_trace_contexts_pass() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(traceparent(good).as_deref(), Some(good));
        let long = format!("{good}-{}", "x".repeat(100_000));
        for bad in ["", "00-1-2-3", &long, &good.to_uppercase()] {
            assert_eq!(traceparent(bad), None);
        }
    }
}
