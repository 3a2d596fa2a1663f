//! The list of runs, newest first.

use maestro_domain::{RunId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Run, RunFilter};
use crate::{
    codec,
    error::Error,
    model::{ReadModel, bounded},
    page::{Mark, Page, PageRequest, filter_text},
    projections::{self, RunRow},
};

impl ReadModel {
    /// Runs that match `filter`, newest first.
    ///
    /// # Errors
    /// [`Error::PageToken`] and [`Error::Invalid`] for a request that cannot be answered,
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn list_runs(
        &self,
        filter: &RunFilter,
        page: &PageRequest,
    ) -> Result<Page<Run>, Error> {
        let mut statuses = filter
            .statuses
            .iter()
            .map(codec::text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Error::Invalid {
                field: "statuses",
                problem: "must be states of a run",
            })?;
        statuses.sort_unstable();
        statuses.dedup();
        let mark = Mark::new(
            projections::RUNS,
            &[
                &filter.project,
                &filter.repository,
                &filter.trigger,
                &filter.delivery,
                &statuses.join(","),
            ],
        );
        let limit = page.limit()?;
        let key = page.key(&mark)?.map(|key| read_key(&key)).transpose()?;
        let revision = self.revision(projections::RUNS).await?;
        let rows = self
            .select(filter, &statuses, key, i64::from(limit) + 1)
            .await?;
        let rows = rows
            .into_iter()
            .map(Run::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(mark.page(rows, limit, revision, |run| {
            write_key(run.requested_at, run.id)
        }))
    }

    async fn select(
        &self,
        filter: &RunFilter,
        statuses: &[String],
        key: Option<(OffsetDateTime, Uuid)>,
        limit: i64,
    ) -> Result<Vec<RunRow>, Error> {
        let project = filter_text("project", &filter.project)?;
        let repository = filter_text("repository", &filter.repository)?;
        let trigger = filter_text("trigger", &filter.trigger)?;
        let delivery = filter_text("delivery_id", &filter.delivery)?;
        let (at, id) = key.unzip();
        if statuses.is_empty() {
            let rows = sqlx::query_file_as!(
                RunRow,
                "queries/runs_list.sql",
                project,
                repository,
                trigger,
                delivery,
                at,
                id,
                limit
            );
            return bounded(rows.fetch_all(self.queries())).await;
        }
        let rows = sqlx::query_file_as!(
            RunRow,
            "queries/runs_list_by_status.sql",
            project,
            repository,
            trigger,
            delivery,
            at,
            id,
            limit,
            statuses
        );
        bounded(rows.fetch_all(self.queries())).await
    }
}

fn write_key(at: Timestamp, id: RunId) -> Vec<u8> {
    [&at.millis().to_be_bytes()[..], id.uuid().as_bytes()].concat()
}

fn read_key(key: &[u8]) -> Result<(OffsetDateTime, Uuid), Error> {
    let (millis, id) = key.split_first_chunk::<8>().ok_or(Error::PageToken)?;
    let at = codec::to_time(Timestamp::from_millis(i64::from_be_bytes(*millis)));
    let id = Uuid::from_slice(id).map_err(|_| Error::PageToken)?;
    Ok((at, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_and_a_broken_one_is_refused() {
        let (at, id) = (
            Timestamp::from_millis(1_795_176_000_123),
            Uuid::from_u128(7),
        );
        let key = write_key(at, RunId::new(id));
        let (read_at, read_id) = read_key(&key).unwrap();
        assert_eq!((codec::from_time(read_at), read_id), (at, id));
        for bad in [&key[..7], &key[..23], &[0; 25][..]] {
            assert!(matches!(read_key(bad), Err(Error::PageToken)));
        }
    }
}
