//! Reports of executors. One with an old token, or of another executor than the one that claimed,
//! changes nothing (I-4).

use std::{collections::BTreeSet, time::Duration};

use super::{Draft, schedule};
use crate::{
    event::{Event, RunFinished, RunResult},
    ids::ExecutorId,
    name::Name,
    report::{End, Execution, Reply, Report, ReportMessage},
    run::{Reason, Status},
    state::Run,
    timestamp::Timestamp,
};

/// How long beyond its timeout a claimed attempt may stay unheard of.
const SILENCE: Duration = Duration::from_secs(120);

/// Decides a report; the answer says what the executor may do.
pub(super) fn decide(draft: &mut Draft<'_>, message: &ReportMessage) -> Reply {
    let executor = message.executor;
    match &message.report {
        Report::Claim(execution) => claim(draft, *execution, executor),
        Report::Started { execution, at } => {
            started(draft, executor, *execution, *at);
            Reply::Recorded
        }
        Report::Finished {
            execution,
            end,
            at,
            log_bytes,
        } => {
            finished(draft, executor, *execution, *end, *at, *log_bytes);
            Reply::Recorded
        }
        Report::Inventory { pool, executions } => {
            let claimed = draft.state.runs.iter().filter_map(|(id, run)| {
                let ours = run.executor == Some(executor) && run.pool == *pool;
                ours.then(|| run.execution(*id))
            });
            let present: BTreeSet<&Execution> = executions.iter().collect();
            let missing = claimed
                .chain(releasing(draft, pool, executor))
                .filter(|execution| !present.contains(execution));
            Reply::Missing(missing.collect())
        }
    }
}

/// Attempts of ended runs whose end this executor owes.
fn releasing(
    draft: &Draft<'_>,
    pool: &Name,
    executor: ExecutorId,
) -> impl Iterator<Item = Execution> {
    let projects = draft.state.projects.values();
    projects
        .filter_map(move |project| project.pools.get(pool))
        .flat_map(|pool| pool.leases.values())
        .filter(move |lease| lease.releasing && lease.executor == Some(executor))
        .map(|lease| lease.execution)
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
            let silent = Duration::from_secs(run.timeout_s) + SILENCE;
            let deadline = draft.now.after(silent);
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

fn started(draft: &mut Draft<'_>, executor: ExecutorId, execution: Execution, at: Timestamp) {
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
        });
    }
}

fn finished(
    draft: &mut Draft<'_>,
    executor: ExecutorId,
    execution: Execution,
    end: End,
    at: Timestamp,
    log_bytes: u64,
) {
    let Some(run) = current(draft, execution) else {
        return release_leftover(draft, executor, execution);
    };
    if run.executor != Some(executor) {
        return;
    }
    draft.scope(run.project);
    match verdict(end, run.cancel) {
        Verdict::Lost(reason) => schedule::lose(draft, execution.run, reason, log_bytes),
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
                finished_at: at,
                log_bytes,
            }));
        }
    }
    schedule::release(draft, execution.run, &run);
    schedule::fill(draft, run.project);
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
        End::DeadlineExceeded => failed(Reason::DeadlineExceeded),
        End::Canceled => last(
            RunResult::Canceled,
            Some(cancel.unwrap_or(Reason::Canceled)),
            None,
            None,
        ),
        End::LaunchRejected => Verdict::Lost(Reason::LaunchRejected),
        End::Lost => Verdict::Lost(Reason::JobMissing),
    }
}

/// The run ended before; now the end of its execution was observed.
fn release_leftover(draft: &mut Draft<'_>, executor: ExecutorId, execution: Execution) {
    let found = draft.state.projects.iter().find_map(|(project, state)| {
        state.pools.iter().find_map(|(pool, state)| {
            let (slot, _) = state.leases.iter().find(|(_, lease)| {
                lease.releasing && lease.execution == execution && lease.executor == Some(executor)
            })?;
            Some((*project, pool.clone(), *slot))
        })
    });
    let Some((project, pool, slot)) = found else {
        return;
    };
    draft.scope(project);
    let Execution { run, token, .. } = execution;
    draft.push(Event::SlotReleased {
        project,
        pool: pool.clone(),
        slot,
        run,
        token,
    });
    schedule::fill(draft, project);
}
