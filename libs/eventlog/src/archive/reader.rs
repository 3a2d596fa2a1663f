//! Reads a file.

use std::io::{self, BufRead as _, BufReader, Read};

use bytes::Bytes;
use flate2::read::GzDecoder;
use maestro_domain::Digest;

use super::{MAGIC, MAX_BYTES, MAX_LINE, digest};

/// Reads the records of an export.
pub struct ArchiveReader<R: Read> {
    input: BufReader<GzDecoder<R>>,
    ended: bool,
}

/// A record of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A checkpoint.
    Checkpoint {
        /// Its sequence in CHECKPOINTS.
        seq: u64,
        /// The signed note.
        note: String,
        /// Whether it is what was written, by its own digest.
        intact: bool,
    },
    /// A commit.
    Commit {
        /// Sequence.
        seq: u64,
        /// Subject below the log's prefix.
        subject: String,
        /// The commit, byte for byte.
        bytes: Bytes,
        /// SHA-256 that was recorded beside it.
        recorded: Digest,
    },
    /// A value of the vault.
    Vault {
        /// Its key.
        key: String,
        /// The value, encrypted.
        sealed: Bytes,
        /// Whether it is what was written, by its own digest.
        intact: bool,
    },
    /// The end.
    End {
        /// Commits that were written.
        commits: u64,
    },
}

/// A file that cannot be read (any further).
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read or decompressed.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// It is no export, or of a version that this build does not know.
    #[error("not an export of a log that this build can read")]
    Foreign,
    /// What follows is not a record.
    #[error("what follows is not a record")]
    Malformed,
    /// It ends before its end.
    #[error("the file is cut off")]
    CutOff,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// When it is no export.
    pub fn open(input: R) -> Result<Self, ArchiveError> {
        let mut input = BufReader::with_capacity(64 << 10, GzDecoder::new(input));
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC.as_bytes() => Ok(Self {
                input,
                ended: false,
            }),
            Ok(()) => Err(ArchiveError::Foreign),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(ArchiveError::Foreign),
            Err(error) => Err(error.into()),
        }
    }

    /// The next record; `None` behind the last.
    ///
    /// # Errors
    /// See [`ArchiveError`].
    pub fn next_record(&mut self) -> Result<Option<Record>, ArchiveError> {
        if self.ended {
            // Reads the checksum of the compressed stream.
            return match self.input.read(&mut [0])? {
                0 => Ok(None),
                _ => Err(ArchiveError::Malformed),
            };
        }
        let mut line = Vec::new();
        let mut input = (&mut self.input).take(MAX_LINE);
        input.read_until(b'\n', &mut line).map_err(cut_off)?;
        if line.last() != Some(&b'\n') {
            let whole = line.len() as u64 == MAX_LINE;
            return Err(if whole {
                ArchiveError::Malformed
            } else {
                ArchiveError::CutOff
            });
        }
        let head = Head::parse(&line).ok_or(ArchiveError::Malformed)?;
        let mut bytes = Vec::new();
        (&mut self.input)
            .take(head.length as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(cut_off)?;
        if bytes.len() != head.length + 1 {
            return Err(ArchiveError::CutOff);
        }
        if bytes.pop() != Some(b'\n') {
            return Err(ArchiveError::Malformed);
        }
        let record = head.record(bytes).ok_or(ArchiveError::Malformed)?;
        self.ended = matches!(record, Record::End { .. });
        Ok(Some(record))
    }
}

fn cut_off(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::CutOff,
        _ => ArchiveError::Io(error),
    }
}

/// The first line of a record.
struct Head<'a> {
    kind: &'a str,
    recorded: Digest,
    length: usize,
    name: &'a str,
}

impl<'a> Head<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let mut words = line.splitn(4, ' ');
        Some(Self {
            kind: words.next()?,
            recorded: words.next()?.parse().ok()?,
            length: words
                .next()?
                .parse()
                .ok()
                .filter(|length| *length <= MAX_BYTES)?,
            name: words.next()?,
        })
    }

    fn record(&self, bytes: Vec<u8>) -> Option<Record> {
        let name = self.name;
        let intact = digest(name, &bytes) == self.recorded;
        match self.kind {
            "commit" => {
                let (seq, subject) = name.split_once(' ')?;
                Some(Record::Commit {
                    seq: seq.parse().ok()?,
                    subject: subject.to_owned(),
                    bytes: bytes.into(),
                    recorded: self.recorded,
                })
            }
            "checkpoint" => Some(Record::Checkpoint {
                seq: name.parse().ok()?,
                intact,
                note: String::from_utf8_lossy(&bytes).into_owned(),
            }),
            "vault" => Some(Record::Vault {
                key: name.to_owned(),
                intact,
                sealed: bytes.into(),
            }),
            "end" if intact => Some(Record::End {
                commits: name.parse().ok()?,
            }),
            _ => None,
        }
    }
}

impl<R: Read> std::fmt::Debug for ArchiveReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveReader")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
