//! Jobs as operators ask for them.

use super::{Asked, Job, JobKind, store};
use crate::{
    error::Error,
    model::{ReadModel, bounded},
    projections,
};

impl ReadModel {
    /// Asks for `kind` on `projection`, at most at `rate` commits per second. The next projector
    /// with a free hand does it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown projection or a rate of 0; [`Error::Unavailable`] when
    /// Postgres is away.
    pub async fn ask(
        &self,
        projection: &str,
        kind: JobKind,
        rate: Option<u32>,
    ) -> Result<Asked, Error> {
        known(projection)?;
        let rate = match rate {
            Some(rate) if rate == 0 || i32::try_from(rate).is_err() => {
                return Err(Error::Invalid {
                    field: "rate",
                    problem: "must be between 1 and 2147483647 commits per second",
                });
            }
            rate => rate.map(u32::cast_signed),
        };
        let pool = self.writes();
        let new = bounded(store::ask(pool, projection, kind, rate)).await?;
        let job = bounded(store::find(pool, projection, kind)).await?;
        let job = job.ok_or(Error::Invalid {
            field: "projection",
            problem: "lost its job while it was asked for",
        })?;
        Ok(if new {
            Asked::New(job)
        } else {
            Asked::UnderWay(job)
        })
    }

    /// Calls off what is under way on `projection`; the jobs called off.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown projection; [`Error::Unavailable`] when Postgres is away.
    pub async fn cancel_jobs(&self, projection: &str) -> Result<Vec<Job>, Error> {
        known(projection)?;
        let pool = self.writes();
        bounded(store::cancel(pool, projection)).await?;
        let mut jobs = bounded(store::list(pool)).await?;
        jobs.retain(|job| job.projection == projection && job.cancel && !job.state.is_over());
        Ok(jobs)
    }

    /// The last job of each kind on each projection.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn jobs(&self) -> Result<Vec<Job>, Error> {
        bounded(store::list(self.queries())).await
    }
}

fn known(projection: &str) -> Result<(), Error> {
    if projections::all().iter().any(|p| p.name() == projection) {
        return Ok(());
    }
    Err(Error::Invalid {
        field: "projection",
        problem: "is not one of journal, deliveries, runs and slots",
    })
}
