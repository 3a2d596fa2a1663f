use maestro_contracts::v1::{
    ExecutorStanding, ListExecutorsRequest, ListSlotsRequest, PausePoolRequest, ReadOptions,
    ResizePoolRequest, ResumePoolRequest, SlotPool, SlotsChanged, Topic, WatchRequest,
    live_service_client::LiveServiceClient, slot_service_client::SlotServiceClient,
    watch_response::Change,
};
use maestro_domain::{
    Report,
    report::{Membership, Place},
};
use tokio::time::timeout;
use tonic::Code;

use crate::support::{Authorized, Conductor, SOON, World, execution, push};

fn slots(world: &World) -> SlotServiceClient<Authorized> {
    SlotServiceClient::new(world.operator())
}

async fn pool(world: &World, revision: u64) -> SlotPool {
    let request = ListSlotsRequest {
        project: "shop".into(),
        read: Some(ReadOptions {
            min_revision: revision,
        }),
    };
    let listed = slots(world).list_slots(request).await.unwrap();
    listed.into_inner().pools.remove(0)
}

fn inventory() -> Report {
    Report::Inventory {
        pool: "default".parse().unwrap(),
        executions: Vec::new(),
        membership: Some(Membership {
            site: "here".parse().unwrap(),
            backend: "kubernetes".parse().unwrap(),
        }),
    }
}

#[tokio::test]
async fn the_board_shows_holders_places_and_the_queue() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    conductor.report(inventory()).await;
    let mut revision = 0;
    for number in 1..=4 {
        revision = conductor.deliver(push(number)).await;
    }
    let mut runs = world.list(revision).await;
    runs.reverse();
    let first = execution(runs[0].id.parse().unwrap(), 1);
    conductor.report(Report::Claim(first)).await;
    let place = Place {
        pod: Some("pod-1".into()),
        ..Place::default()
    };
    let at = maestro_domain::Timestamp::from_millis(1_795_176_000_000);
    let revision = conductor
        .report(Report::Started {
            execution: first,
            at,
            place,
        })
        .await;

    let shown = pool(&world, revision).await;
    assert_eq!((shown.queued, shown.paused), (2, false));
    let queue: Vec<_> = shown.queue.iter().map(|queued| &queued.run_id).collect();
    assert_eq!(queue, [&runs[2].id, &runs[3].id]);
    let [held, asked] = &shown.slots[..] else {
        panic!("two slots")
    };
    assert_eq!(
        (&held.run_id, held.trigger.as_str()),
        (&runs[0].id, "check")
    );
    assert_eq!(held.executor_standing(), ExecutorStanding::Present);
    assert_eq!(held.place.as_ref().unwrap().pod, "pod-1");
    assert!(held.until.unwrap().seconds > held.leased_at.unwrap().seconds);
    assert_eq!(asked.executor_id, "");
    assert!(asked.until.is_some(), "it has to be claimed in time");

    let request = ListExecutorsRequest::default();
    let listed = slots(&world).list_executors(request).await.unwrap();
    let [executor] = &listed.get_ref().executors[..] else {
        panic!("one executor")
    };
    assert_eq!(executor.id, held.executor_id);
    assert_eq!((executor.leases, executor.pools.len()), (1, 1));
    assert_eq!(
        (executor.site.as_str(), executor.backend.as_str()),
        ("here", "kubernetes")
    );
}

#[tokio::test]
async fn a_pool_is_paused_resumed_and_resized() {
    let mut world = World::start().await;
    let conductor = Conductor::new(&world.log, &world.vault).await;
    world.spawn(conductor.decide_commands());
    let mut client = slots(&world);
    let pause = |pool: &str, project: &str| PausePoolRequest {
        project: project.into(),
        pool: pool.into(),
        reason: "maintenance".into(),
        idempotency_key: String::new(),
    };
    // The project is known once the read models hold it.
    pool(&world, 5).await;

    let done = client.pause_pool(pause("default", "shop")).await.unwrap();
    assert!(pool(&world, done.get_ref().revision).await.paused);
    assert!(!done.get_ref().command_id.is_empty());
    let twice = client.pause_pool(pause("default", "shop")).await;
    let twice = twice.unwrap_err();
    assert_eq!(twice.code(), Code::FailedPrecondition, "{twice:?}");
    assert!(twice.message().contains("already paused"));

    let resize = |size| ResizePoolRequest {
        project: "shop".into(),
        pool: "default".into(),
        size,
        ..ResizePoolRequest::default()
    };
    let done = client.resize_pool(resize(3)).await.unwrap();
    let shown = pool(&world, done.get_ref().revision).await;
    assert_eq!((shown.size, shown.paused), (3, true));
    let huge = client.resize_pool(resize(10_001)).await.unwrap_err();
    assert_eq!(huge.metadata().get("field").unwrap(), "size", "{huge:?}");

    let resume = ResumePoolRequest {
        project: "shop".into(),
        pool: "default".into(),
        ..ResumePoolRequest::default()
    };
    let done = client.resume_pool(resume.clone()).await.unwrap();
    assert!(!pool(&world, done.get_ref().revision).await.paused);
    let twice = client.resume_pool(resume).await.unwrap_err();
    assert_eq!(twice.code(), Code::FailedPrecondition);

    for (pool, project) in [("nothing", "shop"), ("default", "nobody")] {
        let unknown = client.pause_pool(pause(pool, project)).await;
        assert_eq!(unknown.unwrap_err().code(), Code::NotFound, "{pool}");
    }
}

#[tokio::test]
async fn a_watcher_of_slots_hears_of_executors() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let request = WatchRequest {
        topics: vec![Topic::Slots.into()],
    };
    let answer = LiveServiceClient::new(world.operator())
        .watch(request)
        .await;
    let mut changes = answer.unwrap().into_inner();
    changes.message().await.unwrap();
    conductor.report(inventory()).await;
    let wanted = Some(Change::Slots(SlotsChanged {
        project: String::new(),
        executors: true,
    }));
    loop {
        let change = timeout(SOON, changes.message()).await.expect("in time");
        if change.unwrap().unwrap().change == wanted {
            return;
        }
    }
}
