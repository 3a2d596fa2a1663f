//! A small history with a true chain.

use maestro_domain::Digest;
use maestro_eventlog::Link;

pub(crate) const SUBJECT: &str = "shop.run.started";

/// Commits 1 to `last`.
pub(crate) fn history(last: u64) -> Vec<Vec<u8>> {
    let mut prev = Digest::ZERO;
    (1..=last)
        .map(|n| {
            let bytes = commit(n, prev, "a");
            prev = Digest::of(&bytes);
            bytes
        })
        .collect()
}

/// A commit with a `note` that makes it another one.
pub(crate) fn commit(n: u64, prev: Digest, note: &str) -> Vec<u8> {
    format!(
        r#"{{"v":1,"n":{n},"prev":"{prev}","note":"{note}","project":"shop","events":[{{"type":"run.started"}}],"cursors":{{"DELIVERIES":{{"of":"d1","seq":{n}}}}}}}"#
    )
    .into_bytes()
}

pub(crate) fn links(commits: &[Vec<u8>]) -> Vec<Link> {
    (1..)
        .zip(commits)
        .map(|(seq, bytes)| Link::of(seq, SUBJECT, bytes, None))
        .collect()
}
