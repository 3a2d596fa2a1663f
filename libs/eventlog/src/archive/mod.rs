//! The log in a file: written, read, verified without anything else, and restored from.
//!
//! A gzip stream. Its first line is `maestro-log-export 1`; then come records of the form
//! `<kind> <sha-256> <bytes> <name>`, a line feed, that many bytes, and a line feed:
//!
//! | kind         | name               | bytes                                        |
//! |--------------|--------------------|----------------------------------------------|
//! | `checkpoint` | its sequence       | the signed note                              |
//! | `commit`     | sequence, subject  | the commit, byte for byte                    |
//! | `vault`      | key                | the value as the vault stores it, encrypted  |
//! | `end`        | number of commits  | nothing                                      |
//!
//! in this order. The digest of a commit is that of its bytes, as the next commit names it; that of
//! any other record is over its name, a line feed and its bytes. Without `end` the file is cut off.

mod reader;
mod restore;
mod verify;
mod writer;

use maestro_domain::Digest;

pub use reader::{ArchiveError, ArchiveReader, Record};
pub use restore::RestoreError;
pub use verify::ArchiveReport;
pub use writer::ArchiveWriter;

/// First line of the uncompressed file.
const MAGIC: &str = "maestro-log-export 1\n";
/// Longest record that is read, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// The digest that stands beside a record other than a commit.
fn digest(name: &str, bytes: &[u8]) -> Digest {
    Digest::of(&[name.as_bytes(), b"\n", bytes].concat())
}

/// Longest first line of a record, in bytes.
const MAX_LINE: u64 = 4 << 10;
