use maestro_contracts::v1::{
    CancelRunRequest, GetRunRequest, ListRunsRequest, ReadOptions, RunStatus,
};
use tonic::Code;

use crate::support::{Conductor, World, push};

#[tokio::test]
async fn a_command_is_decided_once_and_its_writer_sees_it() {
    let mut world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let run = world.list(revision).await.remove(0);
    let request = CancelRunRequest {
        id: run.id.clone(),
        reason: "wrong branch".into(),
        idempotency_key: "once".into(),
    };

    let away = world.runs().cancel_run(request.clone()).await.unwrap_err();
    assert_eq!(away.code(), Code::Unavailable, "{away:?}");
    assert_eq!(away.metadata().get("maestro-command-id").unwrap(), "once");
    assert!(away.message().contains("once"), "{}", away.message());

    world.spawn(conductor.decide_commands());
    let done = world
        .runs()
        .cancel_run(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(done.command_id, "once");
    assert!(done.revision > revision);
    let read = Some(ReadOptions {
        min_revision: done.revision,
    });
    let story = world
        .runs()
        .get_run(GetRunRequest {
            id: run.id.clone(),
            read,
        })
        .await;
    let story = story.unwrap().into_inner();
    assert_eq!(
        story.run.unwrap().status(),
        RunStatus::Canceled,
        "nobody had claimed it"
    );
    let decided: Vec<_> = story
        .timeline
        .iter()
        .filter(|entry| entry.revision == done.revision)
        .collect();
    assert_eq!(decided[0].r#type, "run.finished");
    assert!(decided[0].actor.starts_with("usr_"), "{}", decided[0].actor);

    let again = world.runs().cancel_run(request).await.unwrap().into_inner();
    assert_eq!(again.revision, done.revision);

    let unknown = CancelRunRequest {
        id: format!("run_{}", "0".repeat(32)),
        ..Default::default()
    };
    let refused = world.runs().cancel_run(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
}

#[tokio::test]
async fn a_revision_that_does_not_come_is_not_waited_for_without_end() {
    let world = World::start().await;
    let read = Some(ReadOptions {
        min_revision: u64::MAX,
    });
    let request = ListRunsRequest {
        read,
        ..Default::default()
    };
    let late = world.runs().list_runs(request).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
}

#[tokio::test]
async fn without_the_broker_queries_and_sessions_go_on_and_commands_say_so() {
    let mut world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let run = world.list(revision).await.remove(0);
    let browser = world.browser().await;
    world.nats.stop().await;

    let request = CancelRunRequest {
        id: run.id,
        ..Default::default()
    };
    let away = world.runs().cancel_run(request).await.unwrap_err();
    assert_eq!(away.code(), Code::Unavailable);
    assert!(away.metadata().get("maestro-command-id").is_some());
    assert_eq!(world.list(0).await.len(), 1);
    assert_eq!(browser.get("/api/v1/session").await.status(), 200);
    assert_eq!(world.anonymous().login(&"0".repeat(64)).await.status(), 503);
    assert_eq!(world.anonymous().get("/healthz").await.status(), 200);
    let ready = world.anonymous().get("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("broker"));
}
