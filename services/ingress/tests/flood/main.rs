//! Memory under hostile requests. A process of its own: other tests would grow it too.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the other tests of the endpoint")]
#[path = "../it/harness.rs"]
mod harness;

use std::fs;

use futures::future::join_all;
use reqwest::RequestBuilder;

use crate::harness::{Harness, object_of};

/// What strangers send: headers missing, signatures wrong, bodies broken or large.
fn malformed(harness: &Harness, n: usize) -> RequestBuilder {
    let id = format!("m-{n}");
    match n % 8 {
        0 => harness.bare(),
        1 => harness.bare().header("X-GitHub-Delivery", id).body("{}"),
        2 => harness.unsigned(&id).body(vec![b'['; 5000]),
        3 => harness
            .unsigned(&id)
            .header("X-Hub-Signature-256", "sha256=zz")
            .body("{}"),
        4 => harness.signed_with("guess", &id, &object_of(20_000)),
        5 => harness.signed(&id, b"{\"a\":"),
        6 => harness.signed(&id, "[".repeat(3000).as_bytes()),
        _ => harness
            .unsigned(&id)
            .header("X-GitHub-Event", "again")
            .body("{}"),
    }
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_malformed_requests_costs_no_memory_and_no_5xx() {
    let harness = Harness::start().await;
    let flood = async |from: usize, to: usize| {
        for start in (from..to).step_by(50) {
            let sends = (start..start + 50).map(|n| harness.send(malformed(&harness, n)));
            for answer in join_all(sends).await {
                assert!(answer.status.is_client_error(), "{answer:?}");
                assert!(!answer.code().is_empty());
            }
        }
    };
    flood(0, 2_000).await;
    let before = resident_kib();
    flood(2_000, 12_000).await;
    let grown = resident_kib().saturating_sub(before);
    assert!(grown <= 10 * 1024, "{grown} KiB");
    assert_eq!(harness.stored().await, 0);
}
