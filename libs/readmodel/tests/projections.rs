//! What each projection makes of commits.
#![allow(clippy::unwrap_used)]

mod support;

use maestro_domain::{
    Command, Commit, Digest,
    event::VerdictReason,
    report::End,
    run::{Fault, Reason, Status},
};
use maestro_readmodel::{DeliveryFilter, DeliveryKey, Health, Outcome, PageRequest, SlotState};
use maestro_testkit::wait_until;
use support::{Database, History, Log, SOON};

#[tokio::test]
async fn the_journal_keeps_every_commit_byte_for_byte() {
    let database = Database::new().await;
    let mut history = History::new(1);
    history.run(1);
    let last = history.last();
    database
        .project(&Log::of(500, &history.commits), last)
        .await;

    let entries = database.model.journal(1..=u64::MAX).await.unwrap();
    let bytes: Vec<_> = entries.iter().map(|entry| entry.bytes.clone()).collect();
    assert_eq!(bytes, history.commits);
    let mut prev = Digest::ZERO;
    for (n, entry) in (1..).zip(&entries) {
        assert_eq!((entry.n, entry.prev), (n, prev));
        assert_eq!(entry.hash, Digest::of(&entry.bytes));
        prev = entry.hash;
    }
    let decided = entries.last().unwrap();
    assert_eq!(decided.subject, "shop.delivery.decided");
    assert_eq!(decided.project.as_deref(), Some("shop"));
    assert_eq!(decided.at, Commit::decode(&decided.bytes).unwrap().at);
    assert_eq!(database.model.journal(2..=3).await.unwrap(), entries[1..3]);

    let change = sqlx::query("update journal set project = null")
        .execute(&database.pool)
        .await;
    assert!(change.unwrap_err().to_string().contains("append-only"));
}

#[tokio::test]
async fn every_delivery_has_a_decision_with_its_reason() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let run = history.run(1);
    history.deliver("unwanted", "watch", 2);
    history.poison("broken");
    database
        .project(&Log::of(500, &history.commits), history.last())
        .await;

    let (any, first) = (DeliveryFilter::default(), PageRequest::default());
    let all = database.model.list_deliveries(&any, &first).await.unwrap();
    assert_eq!(all.revision, history.last());
    let ids: Vec<_> = all
        .rows
        .iter()
        .map(|row| (row.key.id.as_str(), row.outcome))
        .collect();
    assert_eq!(
        ids,
        [
            ("broken", Outcome::Parked),
            ("unwanted", Outcome::Ignored),
            ("delivery-1", Outcome::Accepted)
        ]
    );
    let [broken, unwanted, accepted] = &all.rows[..] else {
        panic!("three rows")
    };
    assert_eq!(broken.reason, "undecodable");
    assert!(broken.explanation.contains("could not be decoded"));
    assert_eq!(unwanted.reason, "no_trigger_matched");
    assert!(
        unwanted
            .triggers
            .iter()
            .all(|t| t.reason == VerdictReason::EventDiffers)
    );

    assert_eq!(accepted.project.as_deref(), Some("shop"));
    assert_eq!(accepted.repository.as_deref(), Some("Acme/Till"));
    assert_eq!(accepted.sender.as_deref(), Some("octocat"));
    assert_eq!(
        (accepted.event.as_str(), accepted.action.as_deref()),
        ("issues", Some("labeled"))
    );
    assert_eq!((accepted.number, accepted.stream_sequence), (Some(1), 1));
    assert_eq!(accepted.triggers[0].run, Some(run));
    let key = DeliveryKey {
        provider: "github".parse().unwrap(),
        id: "delivery-1".parse().unwrap(),
    };
    assert_eq!(
        database.model.get_delivery(&key).await.unwrap().as_ref(),
        Some(accepted)
    );
    let several = [key.clone(), key.clone()];
    let found = database.model.get_deliveries(several).await.unwrap();
    assert_eq!(found.first(), Some(accepted));
    let key = DeliveryKey {
        id: "never-seen".parse().unwrap(),
        ..key
    };
    assert_eq!(database.model.get_delivery(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_tells_its_story() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let run = history.run(1);
    let lost = history.start(run);
    history.finish(lost, End::Lost);
    history.pass(2);
    let second = history.start(run);
    history.finish(second, End::Exited { code: 3 });
    database
        .project(&Log::of(500, &history.commits), history.last())
        .await;

    let story = database.model.get_run(run).await.unwrap().unwrap();
    let shown = &story.run;
    assert_eq!(
        (shown.status, shown.reason),
        (Status::Failed, Some(Reason::ExitCode))
    );
    assert_eq!(
        (shown.fault(), shown.exit_code),
        (Some(Fault::User), Some(3))
    );
    assert_eq!((shown.attempt, shown.slot, shown.log_bytes), (2, None, 11));
    assert_eq!(
        (shown.project.as_str(), shown.trigger.as_str()),
        ("shop", "agent-dev")
    );
    assert_eq!(
        (shown.repository.as_deref(), shown.number),
        (Some("Acme/Till"), Some(1))
    );
    assert_eq!(
        shown.trace_id.as_deref(),
        Some("4bf92f3577b34da6a3ce929d0e0e4736")
    );
    assert_eq!(
        (shown.revision, story.revision),
        (history.last(), history.last())
    );
    assert!(shown.requested_at < shown.started_at.unwrap());
    assert!(shown.started_at < shown.finished_at);

    let unknown = maestro_domain::RunId::new(uuid::Uuid::from_u128(404));
    let found = database.model.get_runs([run, unknown]).await.unwrap();
    assert_eq!(found.as_slice(), std::slice::from_ref(shown));
    assert_eq!(database.model.get_run(unknown).await.unwrap(), None);

    let kinds: Vec<_> = story
        .timeline
        .iter()
        .map(|entry| entry.kind.as_str())
        .collect();
    let first = [
        "run.requested",
        "slot.leased",
        "run.dispatched",
        "run.claimed",
        "run.started",
    ];
    let lost = ["run.attempt_lost", "slot.released", "run.requeued"];
    let last = ["run.finished", "slot.released"];
    assert_eq!(kinds, [&first[..], &lost, &first[1..], &last].concat());
    assert_eq!(story.timeline[1].summary, "Leased slot 1 of pool default");
    assert_eq!(story.timeline[1].data["slot"], 1);
    assert!(story.timeline[5].summary.contains("job_missing"));
    assert!(story.timeline[3].actor.starts_with("exe_"));
    assert!(
        story
            .timeline
            .is_sorted_by_key(|entry| (entry.revision, entry.index))
    );
}

#[tokio::test]
async fn a_cancelled_run_shows_that_it_was_asked_to_end() {
    let database = Database::new().await;
    let log = Log::new(500);
    let mut history = History::new(1);
    let run = history.run(1);
    let execution = history.start(run);
    history.command(Command::CancelRun { run });
    log.extend(&history.commits);
    let running = database.follow(&log);
    running.reach(history.last()).await;
    let shown = database.model.get_run(run).await.unwrap().unwrap().run;
    assert_eq!(
        (shown.status, shown.cancel_requested, shown.slot),
        (Status::Running, true, Some(1))
    );

    history.finish(execution, End::Canceled);
    log.extend(&history.commits);
    running.reach(history.last()).await;
    let shown = database.model.get_run(run).await.unwrap().unwrap().run;
    assert_eq!(
        (shown.status, shown.reason),
        (Status::Canceled, Some(Reason::Canceled))
    );
    assert_eq!((shown.fault(), shown.slot), (None, None));
}

#[tokio::test]
async fn pools_show_who_holds_what_and_who_waits() {
    let database = Database::new().await;
    let log = Log::new(500);
    let mut history = History::new(2);
    let first = history.run(1);
    let second = history.run(2);
    history.run(3);
    history.run(4);
    history.start(second);
    history.resize(1);
    log.extend(&history.commits);
    let running = database.follow(&log);
    running.reach(history.last()).await;

    let pools = database.model.list_pools("shop").await.unwrap();
    assert_eq!(database.model.list_pools("").await.unwrap(), pools);
    assert_eq!(database.model.list_pools("other").await.unwrap(), []);
    let [pool] = &pools[..] else {
        panic!("one pool")
    };
    assert_eq!(
        (pool.name.as_str(), pool.size, pool.queued),
        ("default", 1, 2)
    );
    let held: Vec<_> = pool
        .slots
        .iter()
        .map(|slot| (slot.number, slot.state, slot.run))
        .collect();
    assert_eq!(
        held,
        [
            (1, SlotState::Leased, Some(first)),
            (2, SlotState::Leased, Some(second))
        ]
    );

    history.pass(60 * 60);
    log.extend(&history.commits);
    running.reach(history.last()).await;
    let pools = database.model.list_pools("shop").await.unwrap();
    let slot = pools[0]
        .slots
        .iter()
        .find(|slot| slot.run == Some(second))
        .unwrap();
    assert_eq!(slot.state, SlotState::Releasing, "its end was not observed");

    history.finish(
        maestro_domain::report::Execution {
            run: second,
            attempt: 1,
            token: slot.token,
        },
        End::Lost,
    );
    log.extend(&history.commits);
    running.reach(history.last()).await;
    let pools = database.model.list_pools("shop").await.unwrap();
    assert!(pools[0].slots.iter().all(|slot| slot.run != Some(second)));
}

#[tokio::test]
async fn an_erased_name_is_shown_as_none_and_an_unreachable_vault_is_waited_for() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let run = history.run(1);
    database.vault.0.lock().unwrap().clear();
    database.vault.reachable(false);
    let running = database.follow(&Log::of(500, &history.commits));
    running.reach_one("journal", history.last()).await;
    running.reach_one("slots", history.last()).await;
    for name in ["runs", "deliveries"] {
        wait_until(SOON, || async {
            matches!(running.of(name).health, Health::Waiting(_))
        })
        .await;
        assert_eq!(running.of(name).revision, 0);
    }
    database.vault.reachable(true);
    running.reach(history.last()).await;
    let shown = database.model.get_run(run).await.unwrap().unwrap().run;
    assert_eq!((shown.repository, shown.sender), (None, None));
}
