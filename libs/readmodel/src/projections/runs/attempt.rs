//! A row of `run_attempts` and what each event makes of it.

use maestro_domain::{
    Event, RunId,
    event::RunFinished,
    report::Place,
    run::{Reason, Status},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::row::{detail_of, status_of};
use crate::{
    codec::{text, to_time},
    error::ApplyError,
    names::Texts,
    projection::Projected,
};

/// Every column of `run_attempts`, as Postgres holds it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) run_id: Uuid,
    pub(crate) number: i32,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) executor_id: Option<Uuid>,
    pub(crate) namespace: Option<String>,
    pub(crate) job: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) node: Option<String>,
    pub(crate) dispatched_at: OffsetDateTime,
    pub(crate) started_at: Option<OffsetDateTime>,
    pub(crate) finished_at: Option<OffsetDateTime>,
    pub(crate) retry_at: Option<OffsetDateTime>,
    pub(crate) detail: Option<String>,
    pub(crate) log_bytes: i64,
}

impl Attempt {
    pub(super) fn dispatched(run: RunId, number: i32, by: &Projected) -> Result<Self, ApplyError> {
        Ok(Self {
            run_id: run.uuid(),
            number,
            status: text(&Status::Dispatched)?,
            reason: None,
            exit_code: None,
            signal: None,
            executor_id: None,
            namespace: None,
            job: None,
            pod: None,
            node: None,
            dispatched_at: to_time(by.commit.at),
            started_at: None,
            finished_at: None,
            retry_at: None,
            detail: None,
            log_bytes: 0,
        })
    }

    /// Takes in an event of this attempt.
    pub(super) fn evolve(
        &mut self,
        by: &Projected,
        event: &Event,
        texts: &Texts,
    ) -> Result<(), ApplyError> {
        match event {
            Event::RunClaimed { executor, .. } | Event::SlotLeaseMoved { executor, .. } => {
                self.executor_id = Some(executor.uuid());
            }
            Event::RunStarted {
                started_at, place, ..
            } => {
                self.status = text(&Status::Running)?;
                self.started_at = Some(to_time(*started_at));
                self.stand_at(place);
            }
            Event::RunAttemptLost {
                reason,
                retry_at,
                detail,
                ..
            } => {
                self.lost(*reason)?;
                self.finished_at = Some(to_time(by.commit.at));
                self.retry_at = Some(to_time(*retry_at));
                self.detail = detail_of(detail.as_ref(), texts);
            }
            Event::RunFinished(finished) => {
                self.finish(finished)?;
                self.detail = detail_of(finished.detail.as_ref(), texts);
            }
            _ => {}
        }
        Ok(())
    }

    fn stand_at(&mut self, place: &Place) {
        self.namespace.clone_from(&place.namespace);
        self.job.clone_from(&place.job);
        self.pod.clone_from(&place.pod);
        self.node.clone_from(&place.node);
    }

    fn lost(&mut self, reason: Reason) -> Result<(), ApplyError> {
        self.status = text(&Status::Failed)?;
        self.reason = Some(text(&reason)?);
        Ok(())
    }

    fn finish(&mut self, finished: &RunFinished) -> Result<(), ApplyError> {
        self.status = text(&status_of(finished.result))?;
        self.reason = finished.reason.as_ref().map(text).transpose()?;
        self.exit_code = finished.exit_code;
        self.signal = finished.signal;
        self.finished_at = Some(to_time(finished.finished_at));
        self.log_bytes = finished.log_bytes.cast_signed();
        Ok(())
    }
}
