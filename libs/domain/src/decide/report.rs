//! Reports of executors. One with an old token, or of another executor than the one that claimed,
//! changes nothing (I-4).

use std::{collections::BTreeSet, time::Duration};

use super::{
    Draft, bounds, executor,
    schedule::{self, Lost},
};
use crate::{
    event::{Event, RunFinished, RunResult},
    ids::ExecutorId,
    name::Name,
    report::{End, Execution, LONGEST_DETAIL, Place, Reply, Report, ReportMessage},
    run::{Reason, Status},
    sealed::{Sealed, VaultKey},
    state::{Run, SILENCE, START_WITHIN},
    timestamp::Timestamp,
};

/// Decides a report; the answer says what the executor may do.
pub(super) fn decide(draft: &mut Draft<'_>, message: &ReportMessage) -> Reply {
    let executor = message.executor;
    match &message.report {
        Report::Claim(execution) => claim(draft, *execution, executor),
        Report::Adopt(execution) => adopt(draft, *execution, executor),
        Report::Started {
            execution,
            at,
            place,
        } => {
            started(draft, executor, *execution, *at, place);
            Reply::Recorded
        }
        Report::Finished {
            execution,
            end,
            at,
            log_bytes,
            detail,
        } => {
            let ended = Ended {
                execution: *execution,
                end: *end,
                at: *at,
                log_bytes: *log_bytes,
                detail: detail.as_deref(),
            };
            finished(draft, executor, &ended);
            Reply::Recorded
        }
        Report::Inventory {
            pool,
            executions,
            membership,
        } => {
            if let Some(membership) = membership {
                executor::joined(draft, executor, pool, membership);
            }
            differences(draft, executor, pool, executions)
        }
        Report::Draining => {
            executor::draining(draft, executor);
            Reply::Recorded
        }
        Report::Leaving => {
            executor::left(draft, executor);
            Reply::Recorded
        }
    }
}

fn differences(
    draft: &Draft<'_>,
    executor: ExecutorId,
    pool: &Name,
    executions: &[Execution],
) -> Reply {
    let held: BTreeSet<Execution> = draft
        .state
        .leases_of(executor)
        .filter(|held| held.pool == pool)
        .map(|held| held.lease.execution)
        .collect();
    let present: BTreeSet<Execution> = executions.iter().copied().collect();
    Reply::Differences {
        missing: held.difference(&present).copied().collect(),
        stale: present.difference(&held).copied().collect(),
    }
}

fn current(draft: &Draft<'_>, execution: Execution) -> Option<Run> {
    let run = draft.state.runs.get(&execution.run)?;
    (run.execution(execution.run) == execution).then(|| run.clone())
}

fn claim(draft: &mut Draft<'_>, execution: Execution, executor: ExecutorId) -> Reply {
    let Some(run) = current(draft, execution) else {
        return Reply::Refused;
    };
    match (run.status, run.executor) {
        (Status::Dispatched, None) => {
            draft.scope(run.project);
            let Execution {
                run: id,
                attempt,
                token,
            } = execution;
            let unheard = START_WITHIN + Duration::from_secs(run.timeout_s) + SILENCE;
            let deadline = draft.now.after(unheard);
            draft.push(Event::RunClaimed {
                run: id,
                attempt,
                token,
                executor,
                deadline,
            });
            Reply::Granted
        }
        (Status::Dispatched, Some(owner)) if owner == executor && run.cancel.is_none() => {
            Reply::Granted
        }
        _ => Reply::Refused,
    }
}

/// The new holder of a lease that moved begins to look after the execution.
fn adopt(draft: &mut Draft<'_>, execution: Execution, executor: ExecutorId) -> Reply {
    let Some(held) = draft
        .state
        .lease_of(execution)
        .filter(|held| held.lease.executor == Some(executor))
    else {
        return Reply::Refused;
    };
    if held.lease.moved {
        let (project, pool, slot) = (held.project, held.pool.clone(), held.slot);
        draft.scope(project);
        draft.push(Event::SlotLeaseAdopted {
            project,
            pool,
            slot,
            run: execution.run,
            token: execution.token,
        });
    }
    Reply::Granted
}

fn started(
    draft: &mut Draft<'_>,
    executor: ExecutorId,
    execution: Execution,
    at: Timestamp,
    place: &Place,
) {
    let Some(run) = current(draft, execution) else {
        return;
    };
    if run.status == Status::Dispatched && run.executor == Some(executor) {
        draft.scope(run.project);
        let Execution {
            run: id, attempt, ..
        } = execution;
        draft.push(Event::RunStarted {
            run: id,
            attempt,
            started_at: at,
            place: bounds::place(place),
        });
    }
}

/// What a report of an end says.
struct Ended<'a> {
    execution: Execution,
    end: End,
    at: Timestamp,
    log_bytes: u64,
    detail: Option<&'a str>,
}

fn finished(draft: &mut Draft<'_>, executor: ExecutorId, ended: &Ended<'_>) {
    let execution = ended.execution;
    let Some(run) = current(draft, execution) else {
        return release_leftover(draft, executor, execution);
    };
    if run.executor != Some(executor) {
        return;
    }
    draft.scope(run.project);
    let detail = ended.detail.filter(|detail| !detail.is_empty());
    let detail = detail.map(|detail| seal_detail(draft, execution, detail));
    match verdict(ended.end, run.cancel) {
        Verdict::Lost(reason) => {
            let lost = Lost {
                reason,
                log_bytes: ended.log_bytes,
                detail,
            };
            schedule::lose(draft, execution.run, lost);
        }
        Verdict::Final {
            result,
            reason,
            exit_code,
            signal,
        } => {
            draft.push(Event::RunFinished(RunFinished {
                run: execution.run,
                attempt: execution.attempt,
                result,
                reason,
                exit_code,
                signal,
                finished_at: ended.at,
                log_bytes: ended.log_bytes,
                detail,
            }));
        }
    }
    schedule::release(draft, execution.run, &run);
    schedule::fill(draft, run.project);
}

fn seal_detail(draft: &mut Draft<'_>, execution: Execution, detail: &str) -> Sealed {
    let Execution { run, attempt, .. } = execution;
    let cut = detail.floor_char_boundary(LONGEST_DETAIL);
    draft.seal(VaultKey::end_detail(run, attempt), detail[..cut].into())
}

enum Verdict {
    Lost(Reason),
    Final {
        result: RunResult,
        reason: Option<Reason>,
        exit_code: Option<i32>,
        signal: Option<i32>,
    },
}

fn verdict(end: End, cancel: Option<Reason>) -> Verdict {
    let last = |result, reason, exit_code, signal| Verdict::Final {
        result,
        reason,
        exit_code,
        signal,
    };
    let failed = |reason| last(RunResult::Failed, Some(reason), None, None);
    match end {
        End::Exited { code: 0 } => last(RunResult::Succeeded, None, Some(0), None),
        End::Exited { code } => last(RunResult::Failed, Some(Reason::ExitCode), Some(code), None),
        End::Signaled { signal } => last(
            RunResult::Failed,
            Some(Reason::Signaled),
            None,
            Some(signal),
        ),
        End::OomKilled => failed(Reason::OomKilled),
        End::DeadlineExceeded => failed(Reason::DeadlineExceeded),
        End::Canceled => last(
            RunResult::Canceled,
            Some(cancel.unwrap_or(Reason::Canceled)),
            None,
            None,
        ),
        End::Evicted => Verdict::Lost(Reason::Evicted),
        End::Preempted => Verdict::Lost(Reason::Preempted),
        End::NodeLost => Verdict::Lost(Reason::NodeLost),
        End::ImagePull => Verdict::Lost(Reason::ImagePull),
        End::Unschedulable => Verdict::Lost(Reason::Unschedulable),
        End::LaunchRejected => Verdict::Lost(Reason::LaunchRejected),
        End::Lost => Verdict::Lost(Reason::JobMissing),
    }
}

/// The run ended before; now the end of its execution was observed.
fn release_leftover(draft: &mut Draft<'_>, executor: ExecutorId, execution: Execution) {
    let leftover = draft
        .state
        .lease_of(execution)
        .filter(|held| held.lease.releasing && held.lease.executor == Some(executor))
        .map(|held| (held.project, held.pool.clone(), held.slot));
    let Some((project, pool, slot)) = leftover else {
        return;
    };
    draft.scope(project);
    let Execution { run, token, .. } = execution;
    draft.push(Event::SlotReleased {
        project,
        pool,
        slot,
        run,
        token,
    });
    schedule::fill(draft, project);
}
