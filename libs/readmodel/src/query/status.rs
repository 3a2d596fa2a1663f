//! How far the projections are.

use maestro_domain::Timestamp;

use crate::{
    codec::from_time,
    error::Error,
    model::{ReadModel, bounded},
    projections,
};

/// How far a projection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// Version of its rows.
    pub version: u32,
    /// Version that this build writes. While the rows are of a lower one, those of this one are
    /// built beside them.
    pub wanted: u32,
    /// Last commit applied; 0 before the first.
    pub revision: u64,
    /// `at` of that commit.
    pub applied_at: Option<Timestamp>,
    /// Why it stopped; `None` while it runs.
    pub stopped: Option<String>,
}

impl ReadModel {
    /// Every projection of this build, also those that have not begun.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn projections(&self) -> Result<Vec<ProjectionStatus>, Error> {
        let rows = sqlx::query!(
            "select name, version, seq, applied_at, stopped from projection_checkpoints"
        );
        let mut rows = bounded(rows.fetch_all(self.queries())).await?;
        let status = |name: &str, version: i32| match rows.iter().position(|r| r.name == name) {
            Some(at) => {
                let row = rows.swap_remove(at);
                ProjectionStatus {
                    name: row.name,
                    version: row.version.cast_unsigned(),
                    wanted: version.cast_unsigned(),
                    revision: row.seq.cast_unsigned(),
                    applied_at: row.applied_at.map(from_time),
                    stopped: row.stopped,
                }
            }
            None => ProjectionStatus {
                name: name.to_owned(),
                version: version.cast_unsigned(),
                wanted: version.cast_unsigned(),
                revision: 0,
                applied_at: None,
                stopped: None,
            },
        };
        let mut status = status;
        Ok(projections::all()
            .iter()
            .map(|p| status(p.name(), p.version()))
            .collect())
    }

    /// Last commit that `projection` applied; 0 when it has not begun.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn revision(&self, projection: &str) -> Result<u64, Error> {
        let seq = sqlx::query_scalar!(
            "select seq from projection_checkpoints where name = $1",
            projection
        );
        let seq = bounded(seq.fetch_optional(self.queries())).await?;
        Ok(seq.unwrap_or(0).cast_unsigned())
    }
}
