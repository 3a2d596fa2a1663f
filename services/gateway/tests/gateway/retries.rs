use maestro_contracts::v1::{
    CancelRunRequest, GetRunRequest, GetRunResponse, ReadOptions, RetryRunRequest, RunStatus,
};
use maestro_domain::{
    Report, Timestamp,
    report::{End, Place},
};
use tonic::Code;

use crate::support::{Conductor, World, execution, push};

async fn story(world: &World, id: &str, revision: u64) -> GetRunResponse {
    let read = Some(ReadOptions {
        min_revision: revision,
    });
    let id = id.to_owned();
    let story = world.runs().get_run(GetRunRequest { id, read }).await;
    story.unwrap().into_inner()
}

/// Runs the attempt under the log's first lease to its end.
async fn end(conductor: &mut Conductor, run: &str) -> u64 {
    let execution = execution(run.parse().unwrap(), 1);
    let at = Timestamp::from_millis(1_795_176_000_000);
    conductor.report(Report::Claim(execution)).await;
    let place = Place {
        namespace: Some("maestro-runs".into()),
        pod: Some("run-1-x7k2p".into()),
        node: Some("node-a".into()),
        ..Place::default()
    };
    conductor
        .report(Report::Started {
            execution,
            at,
            place,
        })
        .await;
    conductor
        .report(Report::Finished {
            execution,
            end: End::OomKilled,
            at,
            log_bytes: 5,
            detail: Some("container exceeded its limit of 64Mi".into()),
        })
        .await
}

#[tokio::test]
async fn an_ended_run_shows_its_attempts_and_is_repeated_once_a_key() {
    let mut world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let ended = world.list(revision).await.remove(0);
    let revision = end(&mut conductor, &ended.id).await;
    let told = story(&world, &ended.id, revision).await;
    let run = told.run.unwrap();
    assert_eq!(run.detail, "container exceeded its limit of 64Mi");
    assert_eq!(run.place.unwrap().node, "node-a");
    let [attempt] = &told.attempts[..] else {
        panic!("one attempt: {:?}", told.attempts)
    };
    assert_eq!(attempt.status(), RunStatus::Failed);
    assert_eq!(
        (attempt.reason.as_str(), attempt.fault.as_str()),
        ("oom_killed", "user")
    );
    assert_eq!(attempt.detail, run.detail);
    assert!(attempt.executor_id.starts_with("exe_"));
    let place = attempt.place.as_ref().unwrap();
    assert_eq!(
        (place.namespace.as_str(), place.pod.as_str()),
        ("maestro-runs", "run-1-x7k2p")
    );

    world.spawn(conductor.decide_commands());
    let retry = |key: &str| RetryRunRequest {
        id: ended.id.clone(),
        reason: "more memory".into(),
        idempotency_key: key.into(),
    };
    let one = world.runs().retry_run(retry("one")).await.unwrap();
    let one = one.into_inner();
    let again = world.runs().retry_run(retry("one")).await.unwrap();
    assert_eq!(again.into_inner().run_id, one.run_id);
    let other = world.runs().retry_run(retry("other")).await.unwrap();
    let other = other.into_inner();
    assert_ne!(other.run_id, one.run_id);

    let repeated = story(&world, &one.run_id, one.revision).await;
    let run = repeated.run.unwrap();
    assert_eq!(
        (run.retry_of, run.trigger),
        (ended.id.clone(), ended.trigger.clone())
    );
    assert_eq!(run.delivery_id, ended.delivery_id);
    let original = story(&world, &ended.id, other.revision).await;
    assert_eq!(original.retry_ids, [other.run_id, one.run_id]);
}

#[tokio::test]
async fn what_cannot_be_repeated_is_refused_with_its_reason() {
    let mut world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let ended = world.list(revision).await.remove(0);
    end(&mut conductor, &ended.id).await;
    let revision = conductor.deliver(push(2)).await;
    let live = world.list(revision).await.remove(0);
    assert_ne!(live.id, ended.id);
    world.spawn(conductor.decide_commands());

    let retry = |id: &str, key: &str| RetryRunRequest {
        id: id.into(),
        idempotency_key: key.into(),
        ..RetryRunRequest::default()
    };
    let refused = world.runs().retry_run(retry(&live.id, "")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    assert!(refused.message().contains("has not ended"));
    let unknown = format!("run_{}", "0".repeat(32));
    let refused = world.runs().retry_run(retry(&unknown, "")).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);

    let cancel = CancelRunRequest {
        id: live.id,
        idempotency_key: "taken".into(),
        ..CancelRunRequest::default()
    };
    world.runs().cancel_run(cancel).await.unwrap();
    let refused = world.runs().retry_run(retry(&ended.id, "taken")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.metadata().get("field").unwrap(), "idempotency_key");
}
