use bytes::{Bytes, BytesMut};
use maestro_contracts::v1::{
    LogStream, StreamLogsRequest, WatchRequest, WatchResponse, WatchRunsRequest,
    watch_response::Change,
};
use maestro_domain::{Report, RunId, Timestamp, report::End};
use maestro_eventlog::{LogChunk, Offsets, Output};
use prost::Message as _;
use tokio::time::timeout;
use tonic::Code;

use crate::support::{Conductor, SOON, World, execution, push};

/// Reads the frames of a gRPC-web answer as they arrive.
struct Frames(reqwest::Response, BytesMut);

impl Frames {
    async fn next(&mut self) -> (u8, Bytes) {
        loop {
            if self.1.len() >= 5 {
                let length = u32::from_be_bytes(self.1[1..5].try_into().unwrap()) as usize;
                if self.1.len() >= 5 + length {
                    let mut frame = self.1.split_to(5 + length).freeze();
                    return (frame[0], frame.split_off(5));
                }
            }
            let chunk = timeout(SOON, self.0.chunk())
                .await
                .expect("a frame in time");
            self.1
                .extend_from_slice(&chunk.unwrap().expect("another frame"));
        }
    }

    async fn change(&mut self) -> WatchResponse {
        let (flag, frame) = self.next().await;
        assert_eq!(flag, 0, "{frame:?}");
        WatchResponse::decode(frame).unwrap()
    }
}

#[tokio::test]
async fn a_tab_sees_changes_until_its_session_ends() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let browser = world.browser().await;
    let answer = browser
        .call("maestro.v1.LiveService/Watch", &WatchRequest::default())
        .await;
    let mut tab = Frames(answer, BytesMut::new());
    assert!(matches!(
        tab.change().await.change,
        Some(Change::Heartbeat(_))
    ));

    conductor.deliver(push(1)).await;
    let (mut run, mut delivery) = (None, None);
    while run.is_none() || delivery.is_none() {
        match tab.change().await.change {
            Some(Change::Run(changed)) => run = Some(changed),
            Some(Change::Delivery(changed)) => delivery = Some(changed),
            _ => {}
        }
    }
    assert_eq!(run.unwrap().delivery_id, delivery.unwrap().id);

    assert_eq!(
        browser
            .post("/api/v1/logout", &[], String::new())
            .await
            .status(),
        204
    );
    let trailers = loop {
        let (flag, frame) = tab.next().await;
        if flag & 0x80 != 0 {
            break String::from_utf8(frame.to_vec()).unwrap();
        }
    };
    assert!(trailers.contains("grpc-status:16"), "{trailers}");
}

#[tokio::test]
async fn a_watcher_of_one_run_gets_it_now_and_at_every_change() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let run = world.list(revision).await.remove(0);
    let request = WatchRunsRequest {
        project: String::new(),
        id: run.id.clone(),
    };
    let mut changes = world.runs().watch_runs(request).await.unwrap().into_inner();
    let mut next = async || {
        timeout(SOON, changes.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    };
    assert_eq!(next().await.run.unwrap(), run);

    conductor.deliver(push(2)).await;
    let claim = conductor
        .report(Report::Claim(execution(run.id.parse().unwrap(), 1)))
        .await;
    assert!(claim > revision);
    loop {
        let changed = next().await.run.unwrap();
        assert_eq!(changed.id, run.id, "another run's change");
        if changed.revision == claim {
            break;
        }
    }
}

fn chunk(run: RunId, output: Output, before: Offsets, text: &str) -> LogChunk {
    let next = before.with(output, before.of(output) + text.len() as u64);
    let at = Timestamp::from_millis(1_795_176_000_000);
    LogChunk {
        run,
        attempt: 1,
        output,
        next,
        at,
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    }
}

#[tokio::test]
async fn output_comes_from_the_beginning_until_its_end() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let run = world.list(revision).await.remove(0);
    let id: RunId = run.id.parse().unwrap();
    let first = chunk(id, Output::Stdout, Offsets::default(), "one\n");
    world.log.ship(&first).await.unwrap();

    let stored = StreamLogsRequest {
        run_id: run.id.clone(),
        attempt: 0,
        no_follow: true,
    };
    let mut stored = world.runs().stream_logs(stored).await.unwrap().into_inner();
    assert_eq!(stored.message().await.unwrap().unwrap().data, b"one\n");
    assert!(stored.message().await.unwrap().is_none());

    let follow = StreamLogsRequest {
        run_id: run.id.clone(),
        attempt: 1,
        no_follow: false,
    };
    let mut followed = world.runs().stream_logs(follow).await.unwrap().into_inner();
    assert_eq!(followed.message().await.unwrap().unwrap().data, b"one\n");
    let second = chunk(id, Output::Stderr, first.next, "two\n");
    world.log.ship(&second).await.unwrap();
    let two = followed.message().await.unwrap().unwrap();
    assert_eq!(
        (two.stream(), two.offset, two.attempt),
        (LogStream::Stderr, 0, 1)
    );
    world.log.end_logs(id, 1, second.next).await.unwrap();
    assert!(
        timeout(SOON, followed.message())
            .await
            .unwrap()
            .unwrap()
            .is_none()
    );

    let later = StreamLogsRequest {
        run_id: run.id,
        attempt: 2,
        no_follow: false,
    };
    let refused = world.runs().stream_logs(later).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn output_of_a_run_that_ends_without_an_end_mark_ends_too() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let revision = conductor.deliver(push(1)).await;
    let run = world.list(revision).await.remove(0);
    let id: RunId = run.id.parse().unwrap();
    let follow = StreamLogsRequest {
        run_id: run.id,
        attempt: 1,
        no_follow: false,
    };
    let mut followed = world.runs().stream_logs(follow).await.unwrap().into_inner();
    let ended = tokio::spawn(async move { followed.message().await });

    let execution = execution(id, 1);
    conductor.report(Report::Claim(execution)).await;
    assert!(
        !ended.is_finished(),
        "it follows while the run may still print"
    );
    let at = maestro_runtime::clock::now();
    let end = End::Exited { code: 0 };
    conductor
        .report(Report::Finished {
            execution,
            end,
            at,
            log_bytes: 0,
            detail: None,
        })
        .await;
    assert!(
        timeout(SOON, ended)
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .is_none()
    );
}
