use maestro_contracts::v1::{
    DeliveryOutcome, GetDeliveryRequest, GetRunRequest, GetStatusRequest, ListDeliveriesRequest,
    ListRunsRequest, ListRunsResponse, ListSlotsRequest, PageRequest, ReadOptions, RunStatus,
    SlotState, delivery_service_client::DeliveryServiceClient,
    slot_service_client::SlotServiceClient, system_service_client::SystemServiceClient,
};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::{Conductor, World, frames, push};

#[tokio::test]
async fn what_was_decided_can_be_asked_for() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let mut revision = 0;
    for number in 0..5 {
        revision = conductor.deliver(push(number)).await;
    }
    let read = Some(ReadOptions {
        min_revision: revision,
    });

    let page = |token: String| ListRunsRequest {
        page: Some(PageRequest {
            page_size: 2,
            page_token: token,
        }),
        read,
        project: "shop".into(),
        ..ListRunsRequest::default()
    };
    let mut ids = Vec::new();
    let mut token = String::new();
    for size in [2, 2, 1] {
        let listed = world
            .runs()
            .list_runs(page(token))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(listed.runs.len(), size);
        assert!(listed.revision >= revision);
        ids.extend(listed.runs.into_iter().map(|run| run.id));
        token = listed.next_page_token;
    }
    assert_eq!(token, "");
    ids.dedup();
    assert_eq!(ids.len(), 5);

    let story = world
        .runs()
        .get_run(GetRunRequest {
            id: ids[4].clone(),
            read,
        })
        .await;
    let story = story.unwrap().into_inner();
    let run = story.run.unwrap();
    assert_eq!(
        (run.project.as_str(), run.trigger.as_str()),
        ("shop", "check")
    );
    assert_eq!(
        (run.repository.as_str(), run.sender.as_str()),
        ("acme/shop", "octocat")
    );
    assert_eq!(run.status(), RunStatus::Dispatched);
    assert_eq!(story.timeline[0].r#type, "run.requested");
    assert!(
        story.timeline[0].summary.contains("check"),
        "{}",
        story.timeline[0].summary
    );

    let mut deliveries = DeliveryServiceClient::new(world.operator());
    let request = ListDeliveriesRequest {
        read,
        event: "push".into(),
        ..Default::default()
    };
    let listed = deliveries
        .list_deliveries(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.deliveries.len(), 5);
    let request = GetDeliveryRequest {
        id: "push-0".into(),
        provider: String::new(),
        read,
    };
    let delivery = deliveries
        .get_delivery(request)
        .await
        .unwrap()
        .into_inner()
        .delivery
        .unwrap();
    assert_eq!(delivery.outcome(), DeliveryOutcome::Accepted);
    assert_eq!(delivery.triggers[0].reason, "started");
    assert!(delivery.triggers[0].matched);
    assert_eq!(delivery.triggers[0].run_id, run.id);

    let mut slots = SlotServiceClient::new(world.operator());
    let request = ListSlotsRequest {
        project: "shop".into(),
        read,
    };
    let pools = slots.list_slots(request).await.unwrap().into_inner().pools;
    assert_eq!((pools[0].size, pools[0].queued), (2, 3));
    assert!(
        pools[0]
            .slots
            .iter()
            .all(|slot| slot.state() == SlotState::Leased)
    );

    let mut system = SystemServiceClient::new(world.operator());
    let status = system
        .get_status(GetStatusRequest {})
        .await
        .unwrap()
        .into_inner();
    assert!(status.ready, "{status:?}");
    assert_eq!(status.log_revision, revision);
    assert_eq!(status.projections.len(), 4);
    let components: Vec<_> = status
        .components
        .iter()
        .map(|each| (each.name.as_str(), each.ok))
        .collect();
    assert_eq!(
        components,
        [("broker", true), ("read models", true), ("conductor", true)]
    );
}

#[tokio::test]
async fn a_browser_and_a_client_made_by_reflection_list_the_same_runs() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let native = world.list(revision).await;
    assert_eq!(native.len(), 1);

    let browser = world.browser().await;
    let answer = browser
        .call(
            "maestro.v1.RunService/ListRuns",
            &ListRunsRequest::default(),
        )
        .await;
    let (messages, trailers) = frames(answer.bytes().await.unwrap());
    let listed = ListRunsResponse::decode(messages[0].clone()).unwrap();
    assert_eq!(listed.runs, native);
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    let pool = reflected(&world).await;
    let service = pool.get_service_by_name("maestro.v1.RunService").unwrap();
    let method = service
        .methods()
        .find(|method| method.name() == "ListRuns")
        .unwrap();
    let request = DynamicMessage::new(method.input()).encode_to_vec();
    let path = format!("{}/{}", service.full_name(), method.name());
    let answer = browser.call_raw(&path, &request, &[]).await;
    let (messages, _) = frames(answer.bytes().await.unwrap());
    let answer = DynamicMessage::decode(method.output(), messages[0].clone()).unwrap();
    let runs = answer.get_field_by_name("runs").unwrap();
    let run = runs.as_list().unwrap()[0].as_message().unwrap().clone();
    let id = run.get_field_by_name("id").unwrap();
    assert_eq!(id.as_str().unwrap(), native[0].id);
}

/// The contract as a client learns it from the server alone.
async fn reflected(world: &World) -> DescriptorPool {
    let mut client = ServerReflectionClient::new(world.operator());
    let ask = |request| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    let symbol = MessageRequest::FileContainingSymbol("maestro.v1.RunService".into());
    let mut wanted = vec![symbol];
    let mut files = prost_types::FileDescriptorSet::default();
    while let Some(request) = wanted.pop() {
        let answers = client
            .server_reflection_info(tokio_stream::iter([ask(request)]))
            .await;
        let answer = answers
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap()
            .unwrap();
        let Some(MessageResponse::FileDescriptorResponse(found)) = answer.message_response else {
            panic!("{answer:?}");
        };
        for bytes in found.file_descriptor_proto {
            let file = prost_types::FileDescriptorProto::decode(&*bytes).unwrap();
            if files.file.iter().all(|known| known.name != file.name) {
                wanted.extend(
                    file.dependency
                        .iter()
                        .cloned()
                        .map(MessageRequest::FileByFilename),
                );
                files.file.push(file);
            }
        }
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_set(files).unwrap();
    pool
}
