//! Writes a file.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use maestro_domain::Digest;

use super::{MAGIC, digest};

/// Writes the records of an export, in the order of its methods.
pub struct ArchiveWriter<W: Write> {
    out: GzEncoder<W>,
    commits: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut out = GzEncoder::new(out, Compression::fast());
        out.write_all(MAGIC.as_bytes())?;
        Ok(Self { out, commits: 0 })
    }

    /// A checkpoint.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn checkpoint(&mut self, seq: u64, note: &str) -> io::Result<()> {
        let (name, note) = (seq.to_string(), note.as_bytes());
        self.record("checkpoint", &name, note, digest(&name, note))
    }

    /// The commit stored at `seq` under `subject` (below the log's prefix).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn commit(&mut self, seq: u64, subject: &str, bytes: &[u8]) -> io::Result<()> {
        self.commits += 1;
        let name = format!("{seq} {subject}");
        self.record("commit", &name, bytes, Digest::of(bytes))
    }

    /// A value of the vault as it is stored.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn vault(&mut self, key: &str, sealed: &[u8]) -> io::Result<()> {
        self.record("vault", key, sealed, digest(key, sealed))
    }

    /// Ends the file and hands out what it was written to.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        let name = self.commits.to_string();
        self.record("end", &name, b"", digest(&name, b""))?;
        self.out.finish()
    }

    fn record(&mut self, kind: &str, name: &str, bytes: &[u8], digest: Digest) -> io::Result<()> {
        let length = bytes.len();
        writeln!(self.out, "{kind} {digest} {length} {name}")?;
        self.out.write_all(bytes)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> std::fmt::Debug for ArchiveWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveWriter")
            .field("commits", &self.commits)
            .finish_non_exhaustive()
    }
}
