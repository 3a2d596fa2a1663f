//! What stops a projection, and what does not.
#![allow(clippy::unwrap_used)]

mod support;

use maestro_domain::{Commit, Digest, Event};
use maestro_readmodel::Health;
use maestro_testkit::{Postgres, wait_until};
use support::{Database, History, Log, SOON, dump};

/// The commit after a change.
fn altered(bytes: &[u8], change: impl FnOnce(&mut Commit)) -> Vec<u8> {
    let mut commit = Commit::decode(bytes).unwrap();
    change(&mut commit);
    commit.encode()
}

/// The commits with a text in commit `before + 1` that Postgres cannot hold, chained again.
fn with_poison(mut commits: Vec<Vec<u8>>, before: u64) -> Vec<Vec<u8>> {
    let index = usize::try_from(before).unwrap();
    commits[index] = altered(&commits[index], |commit| {
        let Event::DeliveryDecided(decided) = &mut commit.events[0].0 else {
            panic!("decided")
        };
        decided.event = "wat\0ch".to_owned();
    });
    for index in index + 1..commits.len() {
        let prev = Digest::of(&commits[index - 1]);
        commits[index] = altered(&commits[index], |commit| commit.prev = prev);
    }
    commits
}

#[tokio::test]
async fn a_gap_stops_every_projection_and_names_the_sequence() {
    let database = Database::new().await;
    let mut history = History::new(1);
    history.run(1);
    let last = history.last();
    let log = Log::of(500, &history.commits);
    log.remove(5);
    let running = database.follow(&log);
    for name in ["journal", "deliveries", "runs", "slots"] {
        let why = running.stopped(name).await;
        assert!(
            why.contains("commits 5 to 5 are missing") || why.contains("expected commit 5"),
            "{why}"
        );
        assert_eq!(running.of(name).revision, 4);
    }
    let status = database.model.projections().await.unwrap();
    wait_until(SOON, || async {
        let status = database.model.projections().await.unwrap();
        status
            .iter()
            .all(|p| p.revision == 4 && p.stopped.as_ref().is_some_and(|w| w.contains('5')))
    })
    .await;
    assert_eq!(status.len(), 4);
    drop(running);

    log.extend(&history.commits);
    database.project(&log, last).await;
    let status = database.model.projections().await.unwrap();
    assert!(
        status
            .iter()
            .all(|p| p.revision == last && p.stopped.is_none()),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_broken_chain_stops_every_projection_and_names_the_sequence() {
    type Change = fn(&mut Commit);
    let cases: [(&str, u64, Change); 3] = [
        ("the chain breaks at commit 6", 6, |c| {
            c.prev = Digest::of(b"another history")
        }),
        ("the chain breaks at commit 6", 5, |c| c.epoch += 1),
        (
            "the commit of sequence 5 says that it is number 7",
            5,
            |c| c.n = 7,
        ),
    ];
    for (expected, seq, change) in cases {
        let database = Database::new().await;
        let mut history = History::new(1);
        history.run(1);
        let index = usize::try_from(seq).unwrap() - 1;
        let log = Log::new(500);
        log.extend(&history.commits);
        log.put(seq, altered(&history.commits[index], change));
        let running = database.follow(&log);
        let why = running.stopped("runs").await;
        assert!(why.contains(expected), "{why}");
        assert!(running.stopped("journal").await.contains(expected));
    }
}

#[tokio::test]
async fn a_message_that_is_no_commit_stops_every_projection() {
    let database = Database::new().await;
    let history = History::new(1);
    let log = Log::of(500, &history.commits);
    log.put(history.last() + 1, b"{}".to_vec());
    let running = database.follow(&log);
    let why = running.stopped("journal").await;
    assert!(
        why.contains(&format!("sequence {} is not a commit", history.last() + 1)),
        "{why}"
    );
    assert_eq!(
        running.of("journal").revision,
        history.last(),
        "what came before stands"
    );
}

#[tokio::test]
async fn a_log_that_lost_its_end_or_was_replaced_is_noticed() {
    let database = Database::new().await;
    let history = History::new(1);
    let last = history.last();
    let log = Log::of(500, &history.commits);
    database.project(&log, last).await;

    log.remove(last);
    let running = database.follow(&log);
    let why = running.stopped("journal").await;
    assert!(
        why.contains(&format!(
            "ends at commit {}, but commit {last} was",
            last - 1
        )),
        "{why}"
    );
    drop(running);

    let index = usize::try_from(last).unwrap() - 1;
    log.put(last, altered(&history.commits[index], |c| c.epoch += 1));
    let running = database.follow(&log);
    let why = running.stopped("journal").await;
    assert!(
        why.contains(&format!("commit {last} is not the one that was projected")),
        "{why}"
    );
    drop(running);

    log.put(last, history.commits[index].clone());
    let running = database.follow(&log);
    wait_until(SOON, || async {
        let status = database.model.projections().await.unwrap();
        status.iter().all(|projection| projection.stopped.is_none())
    })
    .await;
    assert_eq!(running.of("journal").health, Health::Following);
}

#[tokio::test]
async fn a_journal_that_holds_another_commit_is_noticed() {
    let database = Database::new().await;
    let history = History::new(1);
    let last = history.last();
    let log = Log::of(500, &history.commits);
    database.project(&log, last).await;
    let damage = "alter table journal disable trigger journal_is_append_only;
        update journal set hash = sha256('other') where n = 3;
        update projection_checkpoints set seq = 0, hash = decode(repeat('00', 32), 'hex')
        where name = 'journal';";
    database.execute(damage).await;
    let running = database.follow(&log);
    let why = running.stopped("journal").await;
    assert!(why.contains("the journal holds another commit 3"), "{why}");
    assert_eq!(
        running.of("journal").revision,
        2,
        "what is the same was confirmed"
    );
}

#[tokio::test]
async fn a_commit_that_one_projection_cannot_apply_stops_that_one_alone() {
    let database = Database::new().await;
    let mut history = History::new(1);
    history.run(1);
    let before = history.last();
    history.deliver("poison", "watch", 2);
    let after = history.run(3);
    let last = history.last();
    let log = Log::of(500, &with_poison(history.commits, before));
    let running = database.follow(&log);
    let why = running.stopped("deliveries").await;
    assert!(
        why.contains(&format!("commit {} cannot be applied", before + 1)),
        "{why}"
    );
    assert_eq!(
        running.of("deliveries").revision,
        before,
        "what came before stands"
    );
    for name in ["journal", "runs", "slots"] {
        running.reach_one(name, last).await;
        assert_eq!(running.of(name).health, Health::Following);
    }
    assert!(database.model.get_run(after).await.unwrap().is_some());
    wait_until(SOON, || async {
        let status = database.model.projections().await.unwrap();
        let stopped: Vec<_> = status
            .into_iter()
            .filter(|p| p.stopped.is_some())
            .map(|p| p.name)
            .collect();
        stopped == ["deliveries"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_projectors_one_stands_by_and_takes_over() {
    let database = Database::new().await;
    let mut history = History::new(2);
    let log = Log::new(3);
    let first = database.follow(&log);
    let second = database.follow(&log);
    for number in 1..=40 {
        let run = history.run(number);
        let execution = history.start(run);
        history.finish(execution, maestro_domain::report::End::Exited { code: 0 });
        log.extend(&history.commits);
        tokio::task::yield_now().await;
    }
    let last = history.last();
    for name in ["journal", "deliveries", "runs", "slots"] {
        wait_until(SOON, || async {
            database.model.revision(name).await.unwrap() == last
        })
        .await;
    }
    let health = |name: &str| [first.of(name).health, second.of(name).health];
    for name in ["journal", "deliveries", "runs", "slots"] {
        let stopped = health(name).iter().any(|h| matches!(h, Health::Stopped(_)));
        assert!(!stopped, "{name}: {:?}", health(name));
    }
    let alone = Database::new().await;
    alone.project(&Log::of(500, &history.commits), last).await;
    assert_eq!(dump(&database.pool).await, dump(&alone.pool).await);

    drop(first);
    history.run(100);
    log.extend(&history.commits);
    for name in ["journal", "deliveries", "runs", "slots"] {
        second.reach_one(name, history.last()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_is_caught_up_with() {
    let mut postgres = Postgres::start().await;
    let database = Database::at(postgres.database().await).await;
    let mut history = History::new(1);
    history.run(1);
    let log = Log::of(500, &history.commits);
    let running = database.follow(&log);
    running.reach(history.last()).await;

    postgres.kill9().await;
    history.run(2);
    log.extend(&history.commits);
    wait_until(SOON, || async {
        matches!(running.of("runs").health, Health::Waiting(_))
    })
    .await;
    let error = database.model.projections().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");

    postgres.start_again().await;
    running.reach(history.last()).await;
    let alone = Database::new().await;
    alone.project(&log, history.last()).await;
    assert_eq!(dump(&database.pool).await, dump(&alone.pool).await);
}
