//! The main job: every example webhook of GitHub, each delivered three times, becomes exactly the
//! runs it should, and everybody who is asked tells the same story.

mod expected;
mod views;

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use maestro_domain::event::RunResult;
use maestro_eventlog::{EventLog, Stream};
use maestro_testkit::github::{Payload, payloads};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use reqwest::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use self::expected::{Expected, stack};
use crate::common::{
    Deployment, Setup, Topology,
    history::{History, messages},
};

const COPIES: usize = 3;
const IN_PARALLEL: usize = 32;
/// Deliveries whose copies are shuffled together, so that copies are under way at the same time.
const SHUFFLED_TOGETHER: usize = 10;
const RUNS_WITHIN: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn every_example_webhook_becomes_its_runs_in_one_process() {
    main_job(Topology::Up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_webhook_becomes_its_runs_with_a_process_for_each_service() {
    main_job(Topology::Services).await;
}

async fn main_job(topology: Topology) {
    let deployment = Setup::new(topology).stack(stack()).start().await;
    let log = deployment.log().await;
    let sent: BTreeMap<String, Payload> = payloads()
        .into_iter()
        .map(|payload| (Uuid::new_v4().to_string(), payload))
        .collect();
    assert_eq!(sent.len(), 329, "all examples of the package");
    deliver(&deployment, &sent).await;
    assert_stored_once(&log, &sent).await;

    let expected = Expected::of(&sent);
    assert!(
        expected.runs() > 60,
        "the stack should start many runs, not {}",
        expected.runs()
    );
    let history = deployment
        .eventually("all runs have ended", RUNS_WITHIN, async || {
            let history = History::read(&log).await;
            let decided = history.decisions().len() == sent.len();
            Some(history).filter(|history| decided && history.all_ended(expected.runs()))
        })
        .await;
    history.assert_decided_once(sent.keys());
    expected.assert_met_by(&history);
    for (run, story) in history.runs() {
        assert_eq!(
            story.end().result,
            RunResult::Succeeded,
            "{run}: {story:#?}"
        );
        assert_eq!(
            (&*story.dispatched, &*story.claimed),
            (&[1][..], &[1][..]),
            "{run}"
        );
    }
    views::assert_agreement(&deployment, &history).await;
    deployment.stop_leaving_nothing().await;
}

/// Delivers everything three times; of three copies one is new and two are duplicates.
async fn deliver(deployment: &Deployment, sent: &BTreeMap<String, Payload>) {
    let answers = futures::stream::iter(order(sent.keys().map(String::as_str).collect()))
        .map(|id| async move {
            let Payload { event, body, .. } = &sent[id];
            let (status, answer) = deployment.post(event, id, body.clone()).await;
            assert_eq!(answer["delivery_id"], *id, "{answer}");
            let duplicate = answer["duplicate"].as_bool();
            assert_eq!(
                duplicate,
                Some(status == StatusCode::OK),
                "{status}: {answer}"
            );
            (id, status)
        })
        .buffer_unordered(IN_PARALLEL)
        .collect::<Vec<_>>()
        .await;
    let mut by_id: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    for (id, status) in answers {
        by_id.entry(id).or_default().push(status.as_u16());
    }
    for (id, mut statuses) in by_id {
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 202], "answers to {}", sent[id].name);
    }
}

/// Three of each, in an order that the printed seed repeats.
fn order(mut ids: Vec<&str>) -> Vec<&str> {
    let given = std::env::var("MAESTRO_TEST_SEED").ok();
    let seed = given.map_or_else(|| rand::rng().random(), |seed| seed.parse().unwrap());
    println!("MAESTRO_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    ids.shuffle(&mut random);
    let mut order = Vec::with_capacity(ids.len() * COPIES);
    for together in ids.chunks(SHUFFLED_TOGETHER) {
        let mut copies = together.repeat(COPIES);
        copies.shuffle(&mut random);
        order.extend(copies);
    }
    order
}

/// DELIVERIES holds each delivery once, byte for byte.
async fn assert_stored_once(log: &EventLog, sent: &BTreeMap<String, Payload>) {
    let mut stored = BTreeMap::new();
    for message in messages(log, Stream::Deliveries).await {
        let delivery = log.decode_delivery(&message).await.unwrap();
        let id = delivery.id.to_string();
        assert_eq!(
            delivery.body, sent[&id].body,
            "the body of {}",
            sent[&id].name
        );
        assert_eq!(delivery.event, sent[&id].event);
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        let repository = body["repository"]["full_name"].as_str();
        let stands = delivery
            .repository
            .map(|(owner, name)| format!("{owner}/{name}"));
        assert_eq!(stands.as_deref(), repository, "{}", sent[&id].name);
        assert!(
            stored.insert(id, message.seq).is_none(),
            "{} is stored twice",
            delivery.id
        );
    }
    assert_eq!(stored.len(), sent.len());
}
