//! A row of `runs` and what each event makes of it.

use maestro_domain::{
    Event, RunId, Sealed, VaultKey,
    event::{RunFinished, RunRequested, RunResult},
    report::Place,
    run::{Reason, Status},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    codec::{text, to_time, trace_id},
    error::ApplyError,
    names::Texts,
    projection::Projected,
};

/// Every column of `runs`, as Postgres holds it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) project_id: Uuid,
    pub(crate) project: String,
    pub(crate) trigger: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) delivery_id: String,
    pub(crate) provider: String,
    pub(crate) event: String,
    pub(crate) repository_id: Option<i64>,
    pub(crate) repository: Option<String>,
    pub(crate) sender_id: Option<i64>,
    pub(crate) sender: Option<String>,
    pub(crate) number: Option<i64>,
    pub(crate) pool: String,
    pub(crate) slot: Option<i32>,
    pub(crate) slot_token: Option<i64>,
    pub(crate) executor_id: Option<Uuid>,
    pub(crate) mode: String,
    pub(crate) timeout_s: i64,
    pub(crate) requested_at: OffsetDateTime,
    pub(crate) started_at: Option<OffsetDateTime>,
    pub(crate) finished_at: Option<OffsetDateTime>,
    pub(crate) log_bytes: i64,
    pub(crate) cancel_requested: bool,
    pub(crate) trace_id: Option<String>,
    pub(crate) revision: i64,
    pub(crate) namespace: Option<String>,
    pub(crate) job: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) node: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) retry_of: Option<Uuid>,
}

impl Row {
    pub(super) fn requested(
        by: &Projected,
        requested: &RunRequested,
        texts: &Texts,
    ) -> Result<Self, ApplyError> {
        let commit = &by.commit;
        let repository = requested.repository.as_ref();
        let sender = requested.sender.as_ref();
        let name = |key: VaultKey| texts.get(&key).map(str::to_owned);
        let project = commit.project.as_ref().map(ToString::to_string);
        Ok(Self {
            id: requested.run.uuid(),
            project_id: requested.project.uuid(),
            project: project.unwrap_or_else(|| requested.project.to_string()),
            trigger: requested.trigger.to_string(),
            name: requested.name.to_string(),
            status: text(&Status::Pending)?,
            reason: None,
            attempt: 1,
            exit_code: None,
            signal: None,
            delivery_id: requested.delivery.to_string(),
            provider: requested.provider.to_string(),
            event: requested.event.clone(),
            repository_id: repository.map(|r| r.id.cast_signed()),
            repository: repository.and_then(|r| name(VaultKey::repository_name(r))),
            sender_id: sender.map(|p| p.id.cast_signed()),
            sender: sender.and_then(|p| name(VaultKey::person_login(p))),
            number: requested.number.map(u64::cast_signed),
            pool: requested.pool.to_string(),
            slot: None,
            slot_token: None,
            executor_id: None,
            mode: text(&requested.mode)?,
            timeout_s: requested.timeout_s.cast_signed(),
            requested_at: to_time(commit.at),
            started_at: None,
            finished_at: None,
            log_bytes: 0,
            cancel_requested: false,
            trace_id: requested
                .traceparent
                .as_deref()
                .or(commit.traceparent.as_deref())
                .and_then(trace_id),
            revision: by.seq.cast_signed(),
            namespace: None,
            job: None,
            pod: None,
            node: None,
            detail: None,
            retry_of: requested.retry_of.map(RunId::uuid),
        })
    }

    pub(super) fn evolve(
        &mut self,
        by: &Projected,
        event: &Event,
        texts: &Texts,
    ) -> Result<(), ApplyError> {
        self.revision = by.seq.cast_signed();
        match event {
            Event::SlotLeased { .. }
            | Event::SlotLeaseMoved { .. }
            | Event::SlotReleased { .. } => {
                self.evolve_lease(event);
            }
            Event::RunDispatched { attempt, .. } => {
                self.status = text(&Status::Dispatched)?;
                self.attempt = attempt.cast_signed();
                self.stand_at(&Place::default());
            }
            Event::RunClaimed { executor, .. } => self.executor_id = Some(executor.uuid()),
            Event::RunStarted {
                attempt,
                started_at,
                place,
                ..
            } => {
                self.status = text(&Status::Running)?;
                self.attempt = attempt.cast_signed();
                self.started_at = Some(to_time(*started_at));
                self.stand_at(place);
            }
            Event::RunAttemptLost { reason, detail, .. } => {
                self.lost(*reason)?;
                self.detail = detail_of(detail.as_ref(), texts);
            }
            Event::RunRequeued { attempt, .. } => {
                self.status = text(&Status::Pending)?;
                self.attempt = attempt.cast_signed();
                self.reason = None;
                self.detail = None;
            }
            Event::RunCancelRequested { .. } => self.cancel_requested = true,
            Event::RunFinished(finished) => {
                self.finish(finished)?;
                self.detail = detail_of(finished.detail.as_ref(), texts);
            }
            Event::SlotReleasing { .. }
            | Event::SlotLeaseAdopted { .. }
            | Event::RunRequested(_)
            | Event::RunDeferred { .. }
            | Event::ConductorTookOver { .. }
            | Event::ProjectCreated { .. }
            | Event::StackChanged { .. }
            | Event::PoolResized { .. }
            | Event::PoolPaused { .. }
            | Event::PoolResumed { .. }
            | Event::ExecutorJoined { .. }
            | Event::ExecutorDraining { .. }
            | Event::ExecutorSilent { .. }
            | Event::ExecutorReturned { .. }
            | Event::ExecutorLeft { .. }
            | Event::RepositoryAttached { .. }
            | Event::DeliveryDecided(_)
            | Event::CommandRejected { .. }
            | Event::InputLost { .. }
            | Event::InputParked { .. } => {}
        }
        Ok(())
    }

    fn evolve_lease(&mut self, event: &Event) {
        match event {
            Event::SlotLeased { slot, token, .. } => {
                self.slot = Some(slot.cast_signed());
                self.slot_token = Some(token.cast_signed());
            }
            Event::SlotLeaseMoved {
                slot,
                token,
                executor,
                ..
            } if self.slot == Some(slot.cast_signed()) => {
                self.slot_token = Some(token.cast_signed());
                self.executor_id = Some(executor.uuid());
            }
            Event::SlotReleased { token, .. } if self.slot_token == Some(token.cast_signed()) => {
                self.slot = None;
                self.slot_token = None;
            }
            _ => {}
        }
    }

    fn stand_at(&mut self, place: &Place) {
        self.namespace.clone_from(&place.namespace);
        self.job.clone_from(&place.job);
        self.pod.clone_from(&place.pod);
        self.node.clone_from(&place.node);
    }

    /// The attempt is over; the run waits to be queued again and shows why.
    fn lost(&mut self, reason: Reason) -> Result<(), ApplyError> {
        self.status = text(&Status::Pending)?;
        self.reason = Some(text(&reason)?);
        self.executor_id = None;
        self.started_at = None;
        Ok(())
    }

    fn finish(&mut self, finished: &RunFinished) -> Result<(), ApplyError> {
        self.status = text(&status_of(finished.result))?;
        self.reason = finished.reason.as_ref().map(text).transpose()?;
        self.attempt = finished.attempt.cast_signed();
        self.exit_code = finished.exit_code;
        self.signal = finished.signal;
        self.finished_at = Some(to_time(finished.finished_at));
        self.log_bytes = finished.log_bytes.cast_signed();
        Ok(())
    }
}

/// The state a result leads to.
pub(super) const fn status_of(result: RunResult) -> Status {
    match result {
        RunResult::Succeeded => Status::Succeeded,
        RunResult::Failed => Status::Failed,
        RunResult::Canceled => Status::Canceled,
    }
}

/// What the system said about an end, unless it was erased.
pub(super) fn detail_of(sealed: Option<&Sealed>, texts: &Texts) -> Option<String> {
    texts.get(&sealed?.key).map(str::to_owned)
}
