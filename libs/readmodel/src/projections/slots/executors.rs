//! Executors: who serves which pools and whether they can be counted on.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{Event, ExecutorId, state::Standing};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    codec::{column, text},
    error::ApplyError,
};

/// How long an executor that is away is shown.
const REMEMBERED: Duration = Duration::DAY;

#[derive(Debug, Clone)]
struct Executor {
    site: Option<String>,
    backend: Option<String>,
    pools: BTreeSet<String>,
    standing: String,
    away: bool,
    since: OffsetDateTime,
}

/// All executors, once a batch is about any of them: they are few.
#[derive(Debug, Default)]
pub(super) struct Executors {
    rows: BTreeMap<Uuid, Executor>,
    changed: BTreeSet<Uuid>,
}

/// The executor an event of an executor is about.
pub(super) const fn executor(event: &Event) -> Option<ExecutorId> {
    match event {
        Event::ExecutorJoined { executor, .. }
        | Event::ExecutorDraining { executor }
        | Event::ExecutorSilent { executor }
        | Event::ExecutorReturned { executor }
        | Event::ExecutorLeft { executor } => Some(*executor),
        _ => None,
    }
}

impl Executors {
    pub(super) async fn load(db: &mut PgConnection) -> Result<Self, ApplyError> {
        let rows = sqlx::query!("select * from slot_executors")
            .fetch_all(db)
            .await?;
        let away = [text(&Standing::Silent)?, text(&Standing::Left)?];
        let rows = rows.into_iter().map(|row| {
            let executor = Executor {
                site: row.site,
                backend: row.backend,
                pools: row.pools.into_iter().collect(),
                away: away.contains(&row.standing),
                standing: row.standing,
                since: row.since,
            };
            (row.executor_id, executor)
        });
        Ok(Self {
            rows: rows.collect(),
            changed: BTreeSet::new(),
        })
    }

    /// Those that changed.
    pub(super) fn changed(&self) -> impl Iterator<Item = ExecutorId> {
        self.changed.iter().copied().map(ExecutorId::new)
    }

    /// Takes in an event of an executor that happened `at`.
    pub(super) fn evolve(&mut self, event: &Event, at: OffsetDateTime) -> Result<(), ApplyError> {
        let standing = match event {
            Event::ExecutorDraining { .. } => Standing::Draining,
            Event::ExecutorSilent { .. } => Standing::Silent,
            Event::ExecutorLeft { .. } => Standing::Left,
            _ => Standing::Present,
        };
        let Some(id) = executor(event) else {
            return Ok(());
        };
        let standing_text = text(&standing)?;
        let row = self.rows.entry(id.uuid()).or_insert_with(|| Executor {
            site: None,
            backend: None,
            pools: BTreeSet::new(),
            standing: String::new(),
            away: false,
            since: at,
        });
        if let Event::ExecutorJoined {
            pool,
            site,
            backend,
            ..
        } = event
        {
            if row.away || row.site.as_deref() != Some(site.as_str()) {
                row.pools.clear();
            }
            row.site = Some(site.to_string());
            row.backend = Some(backend.to_string());
            row.pools.insert(pool.to_string());
        }
        if row.standing != standing_text {
            row.standing = standing_text;
            row.away = standing.is_away();
            row.since = at;
        }
        self.changed.insert(id.uuid());
        self.forget(at);
        Ok(())
    }

    fn forget(&mut self, at: OffsetDateTime) {
        let gone = |row: &Executor| row.away && at - row.since > REMEMBERED;
        self.changed.extend(
            self.rows
                .iter()
                .filter(|(_, row)| gone(row))
                .map(|(id, _)| *id),
        );
        self.rows.retain(|_, row| !gone(row));
    }

    /// Writes what changed.
    pub(super) async fn save(&self, db: &mut PgConnection) -> Result<(), ApplyError> {
        let (kept, gone): (Vec<_>, Vec<_>) = self
            .changed
            .iter()
            .partition(|id| self.rows.contains_key(id));
        if !gone.is_empty() {
            let gone: Vec<Uuid> = gone;
            sqlx::query!(
                "delete from slot_executors where executor_id = any($1)",
                &gone
            )
            .execute(&mut *db)
            .await?;
        }
        for id in kept {
            let row = &self.rows[&id];
            sqlx::query!(
                "insert into slot_executors (executor_id, site, backend, pools, standing, since)
                 values ($1, $2, $3, $4, $5, $6)
                 on conflict (executor_id) do update set site = excluded.site,
                     backend = excluded.backend, pools = excluded.pools,
                     standing = excluded.standing, since = excluded.since",
                id,
                row.site.as_deref(),
                row.backend.as_deref(),
                &column(&row.pools, String::clone),
                &row.standing,
                row.since,
            )
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}
