//! The scenarios that every backend must pass, each with executors that are processes of their own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../executor/bench.rs"]
mod bench;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../executor/conductor.rs"]
mod conductor;
mod lab;
mod real_cluster;

use maestro_testkit::conformance::Scenario;

use crate::lab::Lab;

async fn perform(scenario: Scenario, lab: Lab) {
    if let Err(why) = scenario.run(&lab).await {
        println!("skipped: {} ({why})", scenario.name());
    }
}

macro_rules! suite {
    ($($test:ident = $scenario:ident)*) => {
        const LISTED: &[Scenario] = &[$(Scenario::$scenario),*];

        mod process {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::perform(super::Scenario::$scenario, super::Lab::process().await).await;
            })*
        }

        mod kubernetes {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::perform(super::Scenario::$scenario, super::Lab::kubernetes().await).await;
            })*
        }
    };
}

suite! {
    success = Success
    exit_code = ExitCode
    command_not_found = CommandNotFound
    environment = Environment
    prompt = Prompt
    big_prompt = BigPrompt
    literal_text = LiteralText
    repeated_start = RepeatedStart
    refused_claim = RefusedClaim
    full_env = FullEnv
    deadline = Deadline
    cancel_while_running = CancelWhileRunning
    cancel_ignored = CancelIgnored
    cancel_soon = CancelSoon
    cancel_before_start = CancelBeforeStart
    follow = Follow
    ansi = Ansi
    masking = Masking
    cap = Cap
    long_lines = LongLines
    killed_executor = KilledExecutor
    stopped_executor = StoppedExecutor
    nobody_watched = NobodyWatched
    evicted = Evicted
    drained = Drained
    preempted = Preempted
    out_of_memory = OutOfMemory
    node_lost = NodeLost
    image_pull = ImagePull
    unschedulable = Unschedulable
    pod_deleted = PodDeleted
    job_deleted = JobDeleted
    lost_while_nobody_watched = LostWhileNobodyWatched
    denied = Denied
    api_errors = ApiErrors
    history_compacted = HistoryCompacted
}

#[test]
fn every_scenario_is_listed() {
    assert_eq!(LISTED, Scenario::ALL);
}
