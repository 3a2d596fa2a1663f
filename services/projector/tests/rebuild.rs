//! Rebuilds on a real broker and a real Postgres: projectors that are killed, and a wire on which
//! any effect would show.
#![allow(clippy::unwrap_used)]

mod wire;

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use maestro_eventlog::{EventLog, Settings, Stream, Vault, VaultKeys};
use maestro_projector::Config;
use maestro_readmodel::{Asked, JobKind, JobState, ReadModel, projections};
use maestro_testkit::{Nats, Postgres, history::History, wait_until};
use tokio_util::sync::CancellationToken;

use wire::Wire;

const SOON: Duration = Duration::from_secs(120);
const NATS: &str = "MAESTRO_TEST_NATS";
const DATABASE: &str = "MAESTRO_TEST_DATABASE";

struct World {
    nats: Nats,
    log: EventLog,
    vault: Vault,
    database: String,
    model: ReadModel,
    last: u64,
}

impl World {
    /// A log of `commits` commits, projected.
    async fn new(commits: u64) -> Self {
        let nats = Nats::start().await;
        let log = EventLog::connect(&Settings::single(nats.url()))
            .await
            .unwrap();
        log.ensure().await.unwrap();
        let mut appender = log.appender(0);
        let mut history = History::seeded(11);
        let mut pending = Vec::new();
        for _ in 0..commits {
            let made = history.next_commit();
            pending.push(appender.append(made.n, &made.subject, made.bytes.into(), None));
        }
        for appending in pending {
            appending.await.unwrap();
        }
        let database = Postgres::shared().await.database().await;
        let world = Self {
            vault: log.vault(VaultKeys::random()),
            model: ReadModel::connect(&database).unwrap(),
            last: commits,
            nats,
            log,
            database,
        };
        world.reach(&world.start()).await;
        world
    }

    /// A projector in this process, until the token is dropped.
    fn start(&self) -> tokio_util::sync::DropGuard {
        let stop = CancellationToken::new();
        let (log, vault, model) = (self.log.clone(), self.vault.clone(), self.model.clone());
        let run = maestro_projector::run(Config::default(), log, vault, model, stop.clone());
        tokio::spawn(run);
        stop.drop_guard()
    }

    async fn reach(&self, _running: &tokio_util::sync::DropGuard) {
        for projection in projections::all() {
            wait_until(SOON, || async {
                let revision = self.model.revision(projection.name()).await;
                revision.is_ok_and(|revision| revision == self.last)
            })
            .await;
        }
    }

    async fn ask(&self, kind: JobKind, rate: Option<u32>) {
        for projection in projections::all() {
            let asked = self.model.ask(projection.name(), kind, rate).await;
            assert!(matches!(asked.unwrap(), Asked::New(_)));
        }
    }

    /// Commits applied beside the live rows, of all projections together.
    async fn built(&self) -> u64 {
        let jobs = self.model.jobs().await.unwrap_or_default();
        jobs.iter().map(|job| job.revision).sum()
    }

    async fn done(&self, kind: JobKind) {
        for projection in projections::all() {
            wait_until(SOON, || async {
                let jobs = self.model.jobs().await.unwrap();
                let mut jobs = jobs.into_iter();
                let job = jobs.find(|job| job.projection == projection.name() && job.kind == kind);
                job.is_some_and(|job| {
                    assert_ne!(job.state, JobState::Failed, "{:?}", job.message);
                    assert_eq!(job.finding, None);
                    job.state == JobState::Done
                })
            })
            .await;
        }
    }

    /// How much every stream holds: work queues and inputs as well as the log.
    async fn stored(&self) -> Vec<u64> {
        let mut stored = Vec::new();
        for stream in Stream::ALL {
            stored.push(self.log.stream_state(stream).await.unwrap().last_seq);
        }
        stored
    }

    /// A projector in a process of its own.
    fn spawn(&self) -> Killed {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "a_projector_until_it_is_killed"])
            .env(NATS, self.nats.url())
            .env(DATABASE, &self.database)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Killed(child.unwrap())
    }
}

/// A process that is killed, at the latest when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the processes run that the tests kill; no test by itself.
#[tokio::test]
#[ignore = "run by other tests, in a process of its own"]
async fn a_projector_until_it_is_killed() {
    let url = |name| std::env::var(name).unwrap();
    let log = EventLog::connect(&Settings::single(url(NATS)))
        .await
        .unwrap();
    let vault = log.vault(VaultKeys::random());
    let model = ReadModel::connect(&url(DATABASE)).unwrap();
    let stop = CancellationToken::new();
    maestro_projector::run(Config::default(), log, vault, model, stop)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn projectors_killed_at_ten_moments_leave_rows_that_the_log_confirms() {
    let world = World::new(3_000).await;
    world.ask(JobKind::Rebuild, Some(1_500)).await;
    for moment in 1..=10 {
        let _projector = world.spawn();
        let before = world.built().await;
        // In a transaction as likely as between two: it is looked for every few milliseconds.
        wait_until(SOON, || async { world.built().await > before }).await;
        assert!(world.built().await < 4 * world.last, "over at {moment}");
    }
    let _running = world.start();
    world.done(JobKind::Rebuild).await;
    world.ask(JobKind::Verify, None).await;
    world.done(JobKind::Verify).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_publishes_nothing_that_could_cause_an_effect() {
    let world = World::new(2_000).await;
    let wire = Wire::tap(&world.nats.url()).await;
    let before = world.stored().await;
    let _running = world.start();
    world.ask(JobKind::Rebuild, None).await;
    world.done(JobKind::Rebuild).await;
    world.ask(JobKind::Verify, None).await;
    world.done(JobKind::Verify).await;
    assert_eq!(world.stored().await, before);

    // The tap hears what an effect handler would: a marker sent last ends it.
    let heard = wire.until_marker().await;
    assert!(
        heard.iter().any(|subject| subject.starts_with("$JS.API.")),
        "the rebuild itself was heard"
    );
    let reads = |subject: &String| {
        [
            "$JS.API.CONSUMER.",
            "$JS.API.STREAM.INFO.",
            "$JS.API.DIRECT.GET.",
            "$JS.API.STREAM.MSG.GET.",
            "$JS.API.INFO",
        ]
        .iter()
        .any(|allowed| subject.starts_with(allowed))
            || ["_INBOX.", "$JS.FC.", "$JS.ACK.", "$JS.EVENT.", "$SYS."]
                .iter()
                .any(|answer| subject.starts_with(answer))
    };
    let effects: Vec<_> = heard.iter().filter(|subject| !reads(subject)).collect();
    assert!(effects.is_empty(), "published: {effects:?}");
}
