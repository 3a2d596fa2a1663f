//! One leadership, from the lease to its loss.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use maestro_domain::{
    Core, Event,
    core::{Facts, Input, Origin, Step},
    event::InputProblem,
};
use maestro_eventlog::{EventLog, Heartbeats, Holding, Lease, Vault};
use maestro_runtime::{clock, trace};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    checkpoints,
    config::Config,
    dispatch::{self, Dispatch},
    error::Error,
    intake::{Incoming, Intake},
    load,
    pipeline::{self, Ways, Work},
    roster::Roster,
    snapshot,
    stacks::StackCache,
};

const LEASE: &str = "conductor";
const FLUSH: Duration = Duration::from_secs(2);

/// An input on which the core panicked in the leadership before.
pub(crate) type Poison = Option<(&'static str, u64)>;

/// Waits for the lease and leads until it, the log or `shutdown` ends it.
pub(crate) async fn once(
    config: &Config,
    log: &EventLog,
    vault: &Vault,
    instance: &str,
    poison: &mut Poison,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let Some(lease) = shutdown
        .run_until_cancelled(acquire(config, log, instance))
        .await
    else {
        return Ok(());
    };
    let mut lease = lease?;
    let stop = shutdown.child_token();
    let holding = lease.holding();
    let led = tokio::select! {
        led = lead(config, log, vault, instance, holding, poison, &stop) => led,
        lost = keep(config, &mut lease) => Err(lost),
    };
    stop.cancel();
    metrics::gauge!("maestro_conductor_leading").set(0.0);
    lease.release().await;
    led
}

async fn acquire(config: &Config, log: &EventLog, instance: &str) -> Result<Lease, Error> {
    loop {
        if let Some(lease) = log.lease(LEASE, instance, config.lease()).await? {
            return Ok(lease);
        }
        tokio::time::sleep(config.retry_delay()).await;
    }
}

async fn keep(config: &Config, lease: &mut Lease) -> Error {
    loop {
        tokio::time::sleep(config.lease() / 3).await;
        if lease.renew().await.is_err() {
            return Error::LeaseLost;
        }
    }
}

async fn lead(
    config: &Config,
    log: &EventLog,
    vault: &Vault,
    instance: &str,
    holding: Holding,
    poison: &mut Poison,
    stop: &CancellationToken,
) -> Result<(), Error> {
    checkpoints::confirm(log, vault).await?;
    let core = load::core(log, vault).await?;
    let appender = log.appender(core.state().head.n);
    let (dispatches, outbox) = mpsc::unbounded_channel();
    let (work, decided) = mpsc::channel(config.in_flight);
    let outstanding = core.state().outstanding();
    let intake = Intake::open(config, log, core.state(), stop).await?;
    let heartbeats = log.heartbeats().await?;
    let roster = Roster::new(config.lease_term(), core.state(), Instant::now());
    let mut leader = Leader {
        config,
        log,
        vault,
        core,
        stacks: StackCache::default(),
        roster,
        work,
        poison,
        snapshot_at: config.snapshot_every,
    };
    leader.snapshot_at += leader.core.state().head.n;
    let take_over = Input::TakeOver {
        instance: instance.to_owned(),
    };
    leader.decide(None, &take_over, None, None).await?;
    leader.stacks.refresh(leader.core.state(), vault).await?;
    let epoch = leader.core.state().head.epoch;
    tracing::info!(
        log.epoch = epoch,
        runs.live = leader.core.state().runs.len(),
        "leading"
    );
    metrics::gauge!("maestro_conductor_leading").set(1.0);
    for command in outstanding {
        let _ = dispatches.send(Dispatch::new(command));
    }
    let signing = checkpoints::run(config.clone(), log.clone(), vault.clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(signing));
    let ways = Ways {
        log: log.clone(),
        vault: vault.clone(),
        holding,
        dispatch: dispatches,
    };
    let pipeline = pipeline::run(ways, appender, config.in_flight, decided);
    let outgoing = async {
        tokio::try_join!(pipeline, async {
            dispatch::run(log.clone(), outbox).await;
            Ok(())
        })
    };
    let mut outgoing = std::pin::pin!(outgoing);
    tokio::select! {
        biased;
        failed = &mut outgoing => return failed.map(|_| ()),
        ended = leader.conduct(intake, heartbeats, stop) => ended?,
    }
    // A clean stop waits for what is on its way.
    drop(leader);
    tokio::time::timeout(FLUSH, outgoing)
        .await
        .unwrap_or(Ok(((), ())))
        .map(|_| ())
}

/// Decides, one input at a time.
pub(crate) struct Leader<'a> {
    config: &'a Config,
    log: &'a EventLog,
    vault: &'a Vault,
    pub(crate) core: Core,
    pub(crate) roster: Roster,
    stacks: StackCache,
    work: mpsc::Sender<Work>,
    poison: &'a mut Poison,
    snapshot_at: u64,
}

impl Leader<'_> {
    /// Decides inputs by priority: heartbeats, silence, commands, reports, the clock, deliveries.
    async fn conduct(
        &mut self,
        mut intake: Intake,
        mut heartbeats: Heartbeats,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut looks = tokio::time::interval(self.roster.pause());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let timer = self.core.state().next_timer();
            let incoming = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(heartbeat) = heartbeats.next() => {
                    self.heartbeat(heartbeat).await?;
                    continue;
                }
                _ = looks.tick() => {
                    self.look().await?;
                    continue;
                }
                Some(incoming) = intake.commands.recv() => incoming?,
                Some(incoming) = intake.reports.recv() => incoming?,
                () = clock::sleep_until(timer) => {
                    self.decide(None, &Input::Tick, None, None).await?;
                    continue;
                }
                Some(incoming) = intake.deliveries.recv() => incoming?,
                else => return Ok(()),
            };
            self.deal_with(incoming).await?;
        }
    }

    async fn deal_with(&mut self, incoming: Incoming) -> Result<(), Error> {
        let Incoming {
            origin,
            mut input,
            traceparent,
            reply_to,
        } = incoming;
        if let Input::Report(message) = &input {
            self.roster.heard(message.executor, Instant::now());
        }
        if *self.poison == Some((origin.stream, origin.seq)) {
            input = Input::Poison {
                problem: InputProblem::CorePanicked,
                delivery: None,
            };
        }
        let span = tracing::info_span!("decide", stream = origin.stream, seq = origin.seq);
        trace::set_parent(&span, traceparent.as_deref());
        let started = clock::monotonic();
        let decided = self.decide(Some(&origin), &input, traceparent, reply_to);
        decided.instrument(span).await?;
        let took = started.elapsed();
        metrics::histogram!("maestro_conductor_decision_seconds").record(took.as_secs_f64());
        Ok(())
    }

    /// Decides one input; whether that led to a commit.
    pub(crate) async fn decide(
        &mut self,
        origin: Option<&Origin>,
        input: &Input,
        traceparent: Option<String>,
        reply_to: Option<String>,
    ) -> Result<bool, Error> {
        let traceparent = trace::current_traceparent().or(traceparent);
        let facts = Facts {
            now: clock::now(),
            traceparent,
        };
        let (core, stacks) = (&mut self.core, &self.stacks);
        let handle = AssertUnwindSafe(|| core.handle(origin, input, &facts, stacks));
        let step = match (catch_unwind(handle), origin) {
            (Ok(step), _) => step,
            (Err(_), origin) => {
                let (stream, seq) = origin.map_or(("CLOCK", 0), |o| (o.stream, o.seq));
                *self.poison = origin.map(|origin| (origin.stream, origin.seq));
                return Err(Error::Panicked { stream, seq });
            }
        };
        self.after(&step).await?;
        let committed = step.commit.is_some();
        self.send(Work {
            step,
            reply_to,
            orders: None,
        })
        .await;
        Ok(committed)
    }

    pub(crate) async fn send(&self, work: Work) {
        // A closed channel means that the pipeline failed; its error ends the leadership.
        let _ = self.work.send(work).await;
    }

    /// What a new commit means for the shell itself.
    async fn after(&mut self, step: &Step) -> Result<(), Error> {
        let Some(stored) = &step.commit else {
            return Ok(());
        };
        let n = stored.commit.n;
        metrics::gauge!("maestro_log_revision").set(n as f64);
        metrics::gauge!("maestro_runs_live").set(self.core.state().runs.len() as f64);
        if stored
            .commit
            .events()
            .any(|event| matches!(event, Event::StackChanged { .. }))
        {
            self.stacks.refresh(self.core.state(), self.vault).await?;
        }
        if n >= self.snapshot_at {
            self.snapshot_at = n + self.config.snapshot_every;
            tokio::spawn(snapshot::save(self.log.clone(), self.core.state().clone()));
        }
        Ok(())
    }
}
