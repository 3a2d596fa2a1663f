//! Who starts runs and looks after them.

use maestro_domain::{ExecutorId, Timestamp, state::Standing};

use crate::{
    codec::{from_time, read},
    error::Error,
    model::{ReadModel, bounded},
};

/// An executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// Its id.
    pub id: ExecutorId,
    /// Executors of one site can adopt each other's executions; `None` when it never said.
    pub site: Option<String>,
    /// Kind of its backend; `None` when it never said.
    pub backend: Option<String>,
    /// Names of the pools it serves.
    pub pools: Vec<String>,
    /// Whether it can be counted on.
    pub standing: Standing,
    /// Since when it stands so.
    pub since: Timestamp,
    /// Leases it holds.
    pub leases: u32,
}

impl ReadModel {
    /// Executors that are there, then those that went within a day.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn list_executors(&self) -> Result<Vec<Executor>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"select e.*, (select count(*) from slot_leases l
                 where l.executor_id = e.executor_id) as "leases!"
             from slot_executors e
             order by e.standing in ('silent', 'left'), e.site, e.executor_id"#
        );
        let rows = bounded(rows.fetch_all(self.queries())).await?;
        let executor = |row| {
            let Row {
                executor_id,
                site,
                backend,
                pools,
                standing,
                since,
                leases,
            } = row;
            Ok(Executor {
                id: ExecutorId::new(executor_id),
                site,
                backend,
                pools,
                standing: read("slot_executors", "standing", standing)?,
                since: from_time(since),
                leases: u32::try_from(leases).unwrap_or(u32::MAX),
            })
        };
        rows.into_iter().map(executor).collect()
    }
}

struct Row {
    executor_id: uuid::Uuid,
    site: Option<String>,
    backend: Option<String>,
    pools: Vec<String>,
    standing: String,
    since: time::OffsetDateTime,
    leases: i64,
}
