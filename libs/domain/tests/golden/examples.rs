//! One event of each type, and a commit.

use maestro_domain::{
    Commit, DeliveryId, Digest, Event, ExecutorId, Name, PersonRef, ProjectId, Provider,
    RepositoryRef, RunId, Sealed, Timestamp, VaultKey,
    command::{Actor, Rejection},
    commit::{Cause, Cursor, Record},
    core::DELIVERIES,
    event::{
        Concurrency, DecisionReason, DeliveryDecided, InputProblem, RunFinished, RunRequested,
        RunResult, TriggerVerdict, VerdictReason,
    },
    report::Place,
    run::{Mode, Reason},
};
use uuid::Uuid;

pub(crate) const AT: Timestamp = Timestamp::from_millis(1_795_176_000_123);

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn github() -> Provider {
    "github".parse().unwrap()
}

pub(crate) fn delivery() -> DeliveryId {
    "72d3162e-cc78-11e3-81ab-4c9367dc0958".parse().unwrap()
}

pub(crate) fn run() -> RunId {
    RunId::new(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef))
}

pub(crate) fn project() -> ProjectId {
    ProjectId::new(Uuid::from_u128(1))
}

pub(crate) fn repository() -> RepositoryRef {
    RepositoryRef {
        provider: github(),
        id: 42,
    }
}

pub(crate) fn sender() -> PersonRef {
    PersonRef {
        provider: github(),
        id: 7,
    }
}

pub(crate) fn sealed(key: VaultKey) -> Sealed {
    Sealed {
        key,
        digest: Digest::of(b"text"),
    }
}

/// One event of each type, with every field filled. Whoever adds a variant adds it here: the match
/// has no wildcard, and each arm names the next, until there is none.
pub(crate) fn example(after: Option<&Event>) -> Option<Event> {
    let (run, project, pool, executor) = (
        run(),
        project(),
        name("default"),
        ExecutorId::new(Uuid::from_u128(2)),
    );
    let (attempt, token, slot) = (2, 17, 3);
    let Some(after) = after else {
        return Some(Event::ConductorTookOver {
            epoch: 7,
            instance: "conductor-1".to_owned(),
        });
    };
    Some(match after {
        Event::ConductorTookOver { .. } => Event::ProjectCreated {
            project,
            slug: name("shop"),
        },
        Event::ProjectCreated { .. } => {
            let stack = Digest::of(b"stack");
            Event::StackChanged {
                project,
                stack,
                document: sealed(VaultKey::stack(&stack)),
            }
        }
        Event::StackChanged { .. } => Event::PoolResized {
            project,
            pool,
            size: 8,
        },
        Event::PoolResized { .. } => Event::PoolPaused { project, pool },
        Event::PoolPaused { .. } => Event::PoolResumed { project, pool },
        Event::PoolResumed { .. } => Event::ExecutorJoined {
            executor,
            pool,
            site: name("cluster-1"),
            backend: name("kubernetes"),
        },
        Event::ExecutorJoined { .. } => Event::ExecutorDraining { executor },
        Event::ExecutorDraining { .. } => Event::ExecutorSilent { executor },
        Event::ExecutorSilent { .. } => Event::ExecutorReturned { executor },
        Event::ExecutorReturned { .. } => Event::ExecutorLeft { executor },
        Event::ExecutorLeft { .. } => Event::RepositoryAttached {
            project,
            repository: repository(),
        },
        Event::RepositoryAttached { .. } => Event::DeliveryDecided(Box::new(decided())),
        Event::DeliveryDecided(_) => Event::RunRequested(Box::new(requested())),
        Event::RunRequested(_) => Event::SlotLeased {
            project,
            pool,
            slot,
            run,
            token,
        },
        Event::SlotLeased { .. } => Event::RunDispatched {
            run,
            attempt,
            token,
            claim_by: AT,
        },
        Event::RunDispatched { .. } => Event::RunClaimed {
            run,
            attempt,
            token,
            executor,
            deadline: AT,
        },
        Event::RunClaimed { .. } => Event::RunStarted {
            run,
            attempt,
            started_at: AT,
            place: Place {
                namespace: Some("maestro-runs".to_owned()),
                job: Some("run-0123".to_owned()),
                pod: Some("run-0123-x7k2p".to_owned()),
                node: Some("node-1.internal".to_owned()),
            },
        },
        Event::RunStarted { .. } => {
            let reason = Reason::ExecutorLost;
            Event::RunAttemptLost {
                run,
                attempt,
                reason,
                retry_at: AT,
                detail: Some(sealed(VaultKey::end_detail(run, attempt))),
            }
        }
        Event::RunAttemptLost { .. } => Event::RunRequeued { run, attempt },
        Event::RunRequeued { .. } => Event::RunDeferred { run, attempt },
        Event::RunDeferred { .. } => Event::RunCancelRequested {
            run,
            reason: Reason::Superseded,
        },
        Event::RunCancelRequested { .. } => Event::RunFinished(RunFinished {
            run,
            attempt,
            result: RunResult::Failed,
            reason: Some(Reason::ExitCode),
            exit_code: Some(3),
            signal: Some(9),
            finished_at: AT,
            log_bytes: 1_024,
            detail: Some(sealed(VaultKey::end_detail(run, attempt))),
        }),
        Event::RunFinished(_) => Event::SlotReleasing {
            project,
            pool,
            slot,
            run,
            token,
        },
        Event::SlotReleasing { .. } => Event::SlotLeaseMoved {
            project,
            pool,
            slot,
            run,
            token,
            executor,
        },
        Event::SlotLeaseMoved { .. } => Event::SlotLeaseAdopted {
            project,
            pool,
            slot,
            run,
            token,
        },
        Event::SlotLeaseAdopted { .. } => Event::SlotReleased {
            project,
            pool,
            slot,
            run,
            token,
        },
        Event::SlotReleased { .. } => Event::CommandRejected {
            code: Rejection::ProjectUnknown,
        },
        Event::CommandRejected { .. } => Event::InputLost {
            stream: DELIVERIES.to_owned(),
            from: 3,
            to: 5,
        },
        Event::InputLost { .. } => Event::InputParked {
            stream: DELIVERIES.to_owned(),
            seq: 6,
            problem: InputProblem::Undecodable,
            delivery: Some(delivery()),
        },
        Event::InputParked { .. } => return None,
    })
}

pub(crate) fn decided() -> DeliveryDecided {
    let verdict = |trigger, reason, run| TriggerVerdict {
        trigger: name(trigger),
        reason,
        run,
    };
    DeliveryDecided {
        delivery: delivery(),
        provider: github(),
        event: "issues".to_owned(),
        action: Some("labeled".to_owned()),
        project: Some(project()),
        repository: Some(repository()),
        sender: Some(sender()),
        number: Some(12),
        received_at: AT,
        reason: DecisionReason::Started,
        triggers: vec![
            verdict("agent-dev", VerdictReason::Started, Some(run())),
            verdict("on-push", VerdictReason::EventDiffers, None),
        ],
    }
}

pub(crate) fn requested() -> RunRequested {
    RunRequested {
        run: run(),
        project: project(),
        trigger: name("agent-dev"),
        name: name("agent"),
        delivery: delivery(),
        provider: github(),
        event: "issues".to_owned(),
        repository: Some(repository()),
        sender: Some(sender()),
        number: Some(12),
        pool: name("default"),
        timeout_s: 900,
        mode: Mode::FullEnv,
        spec: sealed(VaultKey::run_spec(run(), Some(&sender()))),
        natural_key: Digest::of(b"natural key"),
        concurrency: Some(Concurrency {
            group: Digest::of(b"group"),
            cancel_superseded: true,
        }),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        retry_of: Some(RunId::new(Uuid::from_u128(5))),
    }
}

pub(crate) fn examples() -> Vec<Event> {
    std::iter::successors(example(None), |event| example(Some(event))).collect()
}

pub(crate) fn commit() -> Commit {
    let cursor = |seq| Cursor {
        of: "0a1b2c".to_owned(),
        seq,
    };
    let (executor, run) = (ExecutorId::new(Uuid::from_u128(2)), run());
    let claimed = Event::RunClaimed {
        run,
        attempt: 2,
        token: 17,
        executor,
        deadline: AT,
    };
    Commit {
        v: 1,
        n: 120_417,
        epoch: 7,
        at: AT,
        prev: Digest::of(b"commit 120416"),
        cause: Cause {
            stream: DELIVERIES.to_owned(),
            seq: 8_841,
            id: Some(delivery().to_string()),
        },
        cursors: [("DELIVERIES", 8_841), ("COMMANDS", 12), ("REPORTS", 310)]
            .map(|(stream, seq)| (stream.to_owned(), cursor(seq)))
            .into(),
        actor: Actor::Host(github()),
        reason: Some(sealed(VaultKey::reason(&"key-1".parse().unwrap()))),
        traceparent: requested().traceparent,
        project: Some(name("shop")),
        events: [Event::RunRequested(Box::new(requested())), claimed]
            .map(Record)
            .into(),
    }
}
