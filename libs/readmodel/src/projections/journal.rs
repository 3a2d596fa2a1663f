//! The second copy of every commit.

use futures::future::BoxFuture;
use maestro_domain::Digest;
use sqlx::PgConnection;

use crate::{
    changes::ChangedKeys,
    codec::{column, to_time},
    error::ApplyError,
    projection::{Batch, Projected, Projection, Table},
};

pub(super) struct Journal;

impl Projection for Journal {
    fn name(&self) -> &'static str {
        super::JOURNAL
    }

    fn version(&self) -> i32 {
        1
    }

    fn apply<'a>(
        &'a self,
        db: &'a mut PgConnection,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<ChangedKeys, ApplyError>> {
        Box::pin(async move {
            let written = insert(db, &batch.commits).await?;
            if written < batch.commits.len() as u64 {
                compare(db, &batch.commits).await?;
            }
            Ok(ChangedKeys::default())
        })
    }

    fn tables(&self) -> &'static [Table] {
        const { &[Table::keyed("journal")] }
    }

    fn is_evidence(&self) -> bool {
        true
    }
}

async fn insert(db: &mut PgConnection, commits: &[Projected]) -> Result<u64, ApplyError> {
    let done = sqlx::query!(
        "insert into journal (n, seq, hash, prev, at, subject, project, bytes)
         select * from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[],
             $5::timestamptz[], $6::text[], $7::text[], $8::bytea[])
         on conflict (n) do nothing",
        &column(commits, |c| c.commit.n.cast_signed()),
        &column(commits, |c| c.seq.cast_signed()),
        &column(commits, |c| c.hash.bytes().to_vec()),
        &column(commits, |c| c.commit.prev.bytes().to_vec()),
        &column(commits, |c| to_time(c.commit.at)),
        &column(commits, |c| c.commit.subject()),
        &column(commits, |c| c
            .commit
            .project
            .as_ref()
            .map(|p| p.as_str().to_owned())) as _,
        &column(commits, |c| c.bytes.to_vec()),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Names the first commit of which the journal holds another one.
async fn compare(db: &mut PgConnection, commits: &[Projected]) -> Result<(), ApplyError> {
    let kept = sqlx::query!(
        "select n, hash from journal where n = any($1)",
        &column(commits, |c| c.commit.n.cast_signed())
    )
    .fetch_all(db)
    .await?;
    let kept: std::collections::HashMap<u64, Vec<u8>> = kept
        .into_iter()
        .map(|row| (row.n.cast_unsigned(), row.hash))
        .collect();
    for commit in commits {
        match kept.get(&commit.seq) {
            Some(hash) if hash[..] != commit.hash.bytes()[..] => {
                let kept = <[u8; 32]>::try_from(&hash[..])
                    .map(Digest::new)
                    .unwrap_or_default();
                return Err(ApplyError::JournalDiffers {
                    n: commit.seq,
                    kept,
                });
            }
            _ => {}
        }
    }
    Ok(())
}
