//! Who holds what, where it executes, who can be counted on, and what waits.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use maestro_domain::{
    Report,
    report::{End, Place},
    run::{Fault, Reason, Status},
    state::{Standing, unheard},
};
use maestro_readmodel::{ReadModel, SlotPool, SlotState};
use support::{Database, History, Log, executor};

async fn pool(model: &ReadModel) -> SlotPool {
    model.list_pools("shop").await.unwrap().remove(0)
}

/// Projects what is new of a history.
async fn show(database: &Database, history: &History) {
    for (key, text) in &history.sealed {
        database.vault.put(key.clone(), text);
    }
    database
        .project(&Log::of(500, &history.commits), history.last())
        .await;
}

#[tokio::test]
async fn a_paused_pool_shows_its_queue_in_order() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let first = history.run(1);
    history.pause(true);
    let waiting: Vec<_> = (2..25).map(|number| history.run(number)).collect();
    show(&database, &history).await;
    let shown = pool(&database.model).await;
    assert!(shown.paused);
    assert_eq!((shown.queued, shown.queue.len()), (23, 20));
    let queue: Vec<_> = shown.queue.iter().map(|queued| queued.run).collect();
    assert_eq!(queue, waiting[..20]);
    let head = &shown.queue[0];
    assert_eq!((head.trigger.as_str(), head.attempt), ("agent-dev", 1));
    assert_eq!(head.requested_at, head.waiting_since);
    assert_eq!(shown.slots[0].run, Some(first));

    history.pause(false);
    history.resize(2);
    show(&database, &history).await;
    let shown = pool(&database.model).await;
    assert!(!shown.paused, "a resize does not pause it again");
    assert_eq!(shown.slots[1].run, Some(waiting[0]));
    assert_eq!(shown.queue[0].run, waiting[1]);
}

#[tokio::test]
async fn a_slot_tells_its_holder_its_place_and_its_deadline() {
    let database = Database::new().await;
    let mut history = History::new(1);
    history.join(executor(9));
    let run = history.run(1);
    show(&database, &history).await;
    let asked = pool(&database.model).await.slots.remove(0);
    assert_eq!((asked.executor, asked.standing), (None, None));
    assert!(asked.until > asked.leased_at, "it must be claimed in time");

    history.start(run);
    let started = history.now;
    show(&database, &history).await;
    let held = pool(&database.model).await.slots.remove(0);
    assert_eq!(
        (held.executor, held.standing, held.attempt),
        (Some(executor(9)), Some(Standing::Present), 1)
    );
    assert_eq!(held.trigger, "agent-dev");
    assert_eq!(held.place.pod.as_deref(), Some("pod-1"));
    assert_eq!(held.until, Some(started.after(unheard(15 * 60))));

    history.pass(60 * 60);
    show(&database, &history).await;
    let left = pool(&database.model).await.slots.remove(0);
    assert_eq!((left.state, left.until), (SlotState::Releasing, None));
    assert_eq!(
        left.executor,
        Some(executor(9)),
        "who has to say that it ended"
    );
}

#[tokio::test]
async fn a_lease_moves_with_its_run_and_is_adopted() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let (old, heir) = (executor(9), executor(10));
    history.join(old);
    history.join(heir);
    let run = history.run(1);
    history.start_on(old, run);
    show(&database, &history).await;
    let before = pool(&database.model).await.slots.remove(0);

    history.silent(old, Duration::from_secs(60));
    show(&database, &history).await;
    let moved = pool(&database.model).await.slots.remove(0);
    assert_eq!((moved.executor, moved.moved), (Some(heir), true));
    assert!(moved.token > before.token);
    assert_eq!((&moved.place, moved.until), (&before.place, before.until));
    let executors = database.model.list_executors().await.unwrap();
    let told: Vec<_> = executors
        .iter()
        .map(|each| (each.id, each.standing, each.leases))
        .collect();
    assert_eq!(
        told,
        [(heir, Standing::Present, 1), (old, Standing::Silent, 0)]
    );

    let execution = history.execution(run);
    history.report_as(heir, Report::Adopt(execution));
    show(&database, &history).await;
    assert!(!pool(&database.model).await.slots[0].moved);
    history.finish(execution, End::Exited { code: 0 });
    show(&database, &history).await;
    let story = database.model.get_run(run).await.unwrap().unwrap();
    assert_eq!(
        (story.run.status, story.run.slot),
        (Status::Succeeded, None)
    );
    assert_eq!(story.run.executor, Some(heir));
    let [attempt] = &story.attempts[..] else {
        panic!("one attempt: {:?}", story.attempts)
    };
    assert_eq!(
        (attempt.status, attempt.executor, attempt.exit_code),
        (Status::Succeeded, Some(heir), Some(0))
    );
}

#[tokio::test]
async fn executors_come_drain_go_and_are_forgotten_after_a_day() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let (one, two) = (executor(9), executor(10));
    history.join(one);
    history.join(two);
    history.report_as(one, Report::Draining);
    show(&database, &history).await;
    let executors = database.model.list_executors().await.unwrap();
    let draining = &executors[0];
    assert_eq!((draining.id, draining.standing), (one, Standing::Draining));
    assert_eq!(draining.since, history.now);
    assert_eq!(
        (draining.site.as_deref(), draining.backend.as_deref()),
        (Some("here"), Some("process"))
    );
    assert_eq!(draining.pools, ["default"]);

    history.report_as(one, Report::Leaving);
    show(&database, &history).await;
    let executors = database.model.list_executors().await.unwrap();
    let told: Vec<_> = executors
        .iter()
        .map(|each| (each.id, each.standing))
        .collect();
    assert_eq!(told, [(two, Standing::Present), (one, Standing::Left)]);

    history.pass(25 * 60 * 60);
    history.silent(two, Duration::from_secs(60));
    show(&database, &history).await;
    let executors = database.model.list_executors().await.unwrap();
    let told: Vec<_> = executors
        .iter()
        .map(|each| (each.id, each.standing))
        .collect();
    assert_eq!(told, [(two, Standing::Silent)]);
}

#[tokio::test]
async fn attempts_tell_where_they_were_and_how_each_ended() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let run = history.run(1);
    let lost = history.start(run);
    history.finish(lost, End::NodeLost);
    show(&database, &history).await;
    let shown = database.model.get_run(run).await.unwrap().unwrap();
    assert_eq!(
        shown.run.detail.as_deref(),
        Some("attempt 1 was seen to end")
    );
    assert_eq!(shown.run.place.pod.as_deref(), Some("pod-1"));

    history.pass(2);
    show(&database, &history).await;
    let again = database.model.get_run(run).await.unwrap().unwrap().run;
    assert_eq!((again.detail, again.place), (None, Place::default()));
    let second = history.start(run);
    history.finish(second, End::OomKilled);
    show(&database, &history).await;
    let story = database.model.get_run(run).await.unwrap().unwrap();
    let [one, two] = &story.attempts[..] else {
        panic!("two attempts: {:?}", story.attempts)
    };
    assert_eq!(
        (one.number, one.status, one.reason, one.fault()),
        (
            1,
            Status::Failed,
            Some(Reason::NodeLost),
            Some(Fault::Infrastructure)
        )
    );
    assert_eq!(one.detail.as_deref(), Some("attempt 1 was seen to end"));
    assert!(one.dispatched_at <= one.started_at.unwrap());
    assert!(one.started_at < one.finished_at && one.finished_at <= one.retry_at);
    assert_eq!(one.place.pod.as_deref(), Some("pod-1"));
    assert_eq!(
        (two.number, two.status, two.reason, two.fault()),
        (
            2,
            Status::Failed,
            Some(Reason::OomKilled),
            Some(Fault::User)
        )
    );
    assert_eq!((two.retry_at, two.log_bytes), (None, 11));
    assert_eq!(two.place.pod.as_deref(), Some("pod-2"));
    assert_eq!(
        story.run.detail.as_deref(),
        Some("attempt 2 was seen to end")
    );
}

#[tokio::test]
async fn a_retry_and_its_original_know_each_other() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let run = history.run(1);
    let execution = history.start(run);
    history.finish(execution, End::Exited { code: 1 });
    let (second, third) = (history.retry(run, 77), history.retry(run, 78));
    show(&database, &history).await;
    let original = database.model.get_run(run).await.unwrap().unwrap();
    assert_eq!(original.retries, [third, second]);
    assert_eq!(original.run.retry_of, None);
    let retried = database.model.get_run(second).await.unwrap().unwrap();
    assert_eq!(retried.run.retry_of, Some(run));
    assert_eq!(retried.run.trigger, original.run.trigger);
    let asked = database.model.run_request(run).await.unwrap();
    assert_eq!(asked.as_ref(), Some(&history.requests[&run]));
    let nothing = maestro_domain::RunId::new(uuid::Uuid::from_u128(404));
    assert_eq!(database.model.run_request(nothing).await.unwrap(), None);
    let project = database.model.project_id("shop").await.unwrap();
    assert_eq!(project, Some(history.project));
    assert_eq!(database.model.project_id("other").await.unwrap(), None);
}
