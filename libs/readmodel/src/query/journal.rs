//! The second copy of the log.

use std::ops::RangeInclusive;

use maestro_domain::{Digest, Timestamp};

use crate::{
    codec::from_time,
    error::Error,
    model::{ReadModel, bounded},
};

/// Commits of one answer at most.
const LIMIT: i64 = 1_000;

/// A commit as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Number and sequence.
    pub n: u64,
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// SHA-256 of the commit before.
    pub prev: Digest,
    /// When it was decided.
    pub at: Timestamp,
    /// Its subject below the log's prefix.
    pub subject: String,
    /// Slug of its project.
    pub project: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl ReadModel {
    /// Number of the last commit that the journal holds; 0 when it holds none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away or the table is not there yet.
    pub async fn journal_end(&self) -> Result<u64, Error> {
        let last = sqlx::query_scalar!("select max(n) from journal");
        let last = bounded(last.fetch_one(self.queries())).await?;
        Ok(last.unwrap_or_default().cast_unsigned())
    }

    /// The commits of `range` in order; at most the first 1,000 of them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn journal(&self, range: RangeInclusive<u64>) -> Result<Vec<JournalEntry>, Error> {
        let bound = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let rows = sqlx::query_as!(
            Row,
            "select n, hash, prev, at, subject, project, bytes from journal
             where n between $1 and $2 order by n limit $3",
            bound(*range.start()),
            bound(*range.end()),
            LIMIT
        );
        let rows = bounded(rows.fetch_all(self.queries())).await?;
        let entry = |row| {
            let Row {
                n,
                hash,
                prev,
                at,
                subject,
                project,
                bytes,
            } = row;
            Ok(JournalEntry {
                n: n.cast_unsigned(),
                hash: digest("hash", &hash)?,
                prev: digest("prev", &prev)?,
                at: from_time(at),
                subject,
                project,
                bytes,
            })
        };
        rows.into_iter().map(entry).collect()
    }
}

struct Row {
    n: i64,
    hash: Vec<u8>,
    prev: Vec<u8>,
    at: time::OffsetDateTime,
    subject: String,
    project: Option<String>,
    bytes: Vec<u8>,
}

fn digest(column: &'static str, bytes: &[u8]) -> Result<Digest, Error> {
    <[u8; 32]>::try_from(bytes)
        .map(Digest::new)
        .map_err(|_| Error::Corrupt {
            table: "journal",
            column,
            value: hex::encode(bytes),
        })
}
