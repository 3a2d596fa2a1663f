//! Builds rows beside the live ones and puts them in their place, or compares the two.
//!
//! The tables of a job have the same names as the live ones, in a schema of their own that the
//! connections of the job search alone: the very statements that keep the live rows fill them.
//! Their checkpoint stands there as well, so an interrupted job goes on where it was.

mod build;
mod compare;
mod desk;
mod digest;
mod feed;
mod member;
mod staging;
mod switch;

use std::{convert::Infallible, sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::task::JoinSet;

use self::{
    feed::{Plan, feed, pipe},
    member::Member,
};
use crate::{
    error::is_transient,
    jobs,
    names::NameCache,
    projection::Projection,
    projections,
    runner::{Interrupt, chain_of},
    source::CommitSource,
};

/// How often it is looked whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after something was unavailable.
const PAUSE: Duration = Duration::from_secs(2);

/// How a job ends, or does not yet.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Somebody called it off.
    Canceled,
    /// It cannot be done.
    Failed(String),
    /// Something does not answer: somebody goes on later, where this ended.
    Later(String),
}

impl From<Interrupt> for Ended {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Retry(why) => Self::Later(why),
            Interrupt::Stop { why, .. } => Self::Failed(why),
            Interrupt::Lost { .. } | Interrupt::Replaced | Interrupt::Outdated { .. } => {
                Self::Later("another projector works on it".to_owned())
            }
        }
    }
}

impl From<sqlx::Error> for Ended {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) {
            Self::Later(chain_of(&error))
        } else {
            Self::Failed(chain_of(&error))
        }
    }
}

/// Does the jobs that operators and new versions ask for, together those asked for together: the
/// log is read once for all of them. Any number of projectors may have one; each projection is
/// worked on by one at a time.
pub struct Rebuilder {
    pool: PgPool,
    options: PgConnectOptions,
    source: Arc<dyn CommitSource>,
    names: Arc<NameCache>,
}

impl Rebuilder {
    pub(crate) fn new(
        pool: PgPool,
        options: PgConnectOptions,
        source: Arc<dyn CommitSource>,
        names: Arc<NameCache>,
    ) -> Self {
        Self {
            pool,
            options,
            source,
            names,
        }
    }

    /// Does jobs for ever. Dropping the future is safe at any point: what was built stays, and
    /// whoever runs next goes on with it.
    pub async fn run(&self) -> Infallible {
        loop {
            let pause = match self.round().await {
                Ok(true) => continue,
                Ok(false) => LOOK_EVERY,
                Err(why) => {
                    tracing::warn!(%why, "jobs on projections wait");
                    PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Does what is there to do; false when there was nothing, or something is in its way.
    async fn round(&self) -> Result<bool, String> {
        let members = self.members().await.map_err(|error| chain_of(&error))?;
        let Some(from) = members.iter().map(Member::tip).min_by_key(|tip| tip.seq) else {
            return Ok(false);
        };
        let plan = Plan {
            from,
            until: members.iter().map(Member::until).max().unwrap_or_default(),
            rate: members.iter().filter_map(Member::rate).min(),
        };
        let (mut reading, mut working) = (JoinSet::new(), JoinSet::new());
        let mut outlets = Vec::new();
        for member in members {
            let (outlet, inlet) = pipe();
            outlets.push(outlet);
            working.spawn(member.work(inlet));
        }
        reading.spawn(feed(Arc::clone(&self.source), plan, outlets));
        let mut all = true;
        while let Some(ended) = working.join_next().await {
            all &= ended.map_err(|error| chain_of(&error))?;
        }
        Ok(all)
    }

    /// The jobs that nobody else works on.
    async fn members(&self) -> Result<Vec<Member>, sqlx::Error> {
        let live: String = sqlx::query_scalar("select current_schema()::text")
            .fetch_one(&self.pool)
            .await?;
        let mut members = Vec::new();
        for job in jobs::open(&self.pool).await? {
            let wanted = |p: &Arc<dyn Projection>| p.name() == job.projection;
            let Some(projection) = projections::all().into_iter().find(wanted) else {
                continue;
            };
            members.extend(Member::open(self, &live, job, projection).await?);
        }
        Ok(members)
    }
}
