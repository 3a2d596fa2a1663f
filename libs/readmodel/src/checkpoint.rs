//! How far a projection is, moved by compare-and-swap in the transaction of its rows.

use maestro_domain::Digest;
use sqlx::{PgConnection, PgPool};

use crate::{
    codec,
    error::ApplyError,
    projection::{Projected, Projection},
};

/// A projection's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Last commit applied; 0 before the first.
    pub(crate) seq: u64,
    /// Its hash; zeros before the first.
    pub(crate) hash: Digest,
    /// Version of the rows.
    pub(crate) version: i32,
    /// Whether it is recorded as stopped.
    pub(crate) stopped: bool,
    /// How often the rows were replaced by others built beside them.
    pub(crate) generation: i64,
}

/// The checkpoint of `projection`, created when it is missing.
pub(crate) async fn load(
    pool: &PgPool,
    projection: &dyn Projection,
) -> Result<Checkpoint, sqlx::Error> {
    sqlx::query!(
        "insert into projection_checkpoints (name, version, seq, hash) values ($1, $2, 0, $3)
         on conflict (name) do nothing",
        projection.name(),
        projection.version(),
        &Digest::ZERO.bytes()[..],
    )
    .execute(pool)
    .await?;
    let row = sqlx::query!(
        "select seq, hash, version, stopped, generation from projection_checkpoints
         where name = $1",
        projection.name()
    )
    .fetch_one(pool)
    .await?;
    let hash = <[u8; 32]>::try_from(row.hash)
        .map_err(|_| sqlx::Error::Decode("the checkpoint's hash does not have 32 bytes".into()))?;
    Ok(Checkpoint {
        seq: row.seq.cast_unsigned(),
        hash: Digest::new(hash),
        version: row.version,
        stopped: row.stopped.is_some(),
        generation: row.generation,
    })
}

/// Moves the checkpoint from sequence `from` to `to`; false when it is not at `from`. Comes first
/// in a transaction: a second projector waits here and then finds that it lost.
pub(crate) async fn advance(
    db: &mut PgConnection,
    projection: &dyn Projection,
    from: u64,
    to: &Projected,
) -> Result<bool, ApplyError> {
    let done = sqlx::query!(
        "update projection_checkpoints
         set seq = $4, hash = $5, applied_at = $6, stopped = null
         where name = $1 and version = $2 and seq = $3",
        projection.name(),
        projection.version(),
        from.cast_signed(),
        to.seq.cast_signed(),
        &to.hash.bytes()[..],
        codec::to_time(to.commit.at),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes over the version of this build where there is nothing to build again; false when there is.
pub(crate) async fn adopt_empty(
    pool: &PgPool,
    projection: &dyn Projection,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update projection_checkpoints set version = $2, stopped = null
         where name = $1 and version < $2 and seq = 0",
        projection.name(),
        projection.version(),
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records why the projection stopped at sequence `seq`, or with `None` that it runs again.
pub(crate) async fn set_stopped(
    pool: &PgPool,
    projection: &dyn Projection,
    seq: u64,
    why: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update projection_checkpoints set stopped = $3 where name = $1 and seq = $2",
        projection.name(),
        seq.cast_signed(),
        why,
    )
    .execute(pool)
    .await?;
    Ok(())
}
