//! Slots, seen from outside: how many jobs execute at once, and that a long one keeps its own.

use std::{fs, path::Path, time::Duration};

use maestro_domain::Event;

use crate::common::{Scratch, Setup, Topology, github::labeled, history::History};

const WITHIN: Duration = Duration::from_secs(90);

/// A job that notes in a ledger of its own when it begins and when it ends.
fn stack(folder: &Path, seconds: &str) -> String {
    let ledger = folder.join("ledger").display().to_string();
    format!(
        r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {{name: slots}}
spec:
  triggers:
    - {{name: work, on: {{event: issues, actions: [labeled]}}, run: work}}
  runs:
    work: {{command: [sh, -c, 'echo + >> {ledger}; sleep {seconds}; echo - >> {ledger}'], timeout: 1m}}
"#
    )
}

/// How many executed at once, at most, by their own account; and how many began.
fn busiest(folder: &Path) -> (usize, usize) {
    let ledger = fs::read_to_string(folder.join("ledger")).unwrap();
    let (mut now, mut most) = (0_usize, 0);
    for line in ledger.lines() {
        if line == "+" {
            now += 1;
            most = most.max(now);
        } else {
            now -= 1;
        }
    }
    (most, ledger.lines().filter(|line| *line == "+").count())
}

/// Delivers so many webhooks and waits until their runs have ended.
async fn work(setup: Setup, jobs: usize) -> History {
    let deployment = setup.start().await;
    for number in 1..=jobs {
        let issue = labeled(number as u64, "any");
        deployment.deliver("issues", &issue).await;
    }
    let log = deployment.log().await;
    let history = deployment
        .eventually("all runs have ended", WITHIN, async || {
            let history = History::read(&log).await;
            Some(history).filter(|history| history.all_ended(jobs))
        })
        .await;
    deployment.stop_leaving_nothing().await;
    history
}

#[tokio::test(flavor = "multi_thread")]
async fn five_runs_on_two_slots_are_never_three_at_once() {
    let folder = Scratch::new();
    let setup = Setup::new(Topology::Up)
        .slots(2)
        .stack(stack(folder.path(), "0.4"));
    let history = work(setup, 5).await;
    assert_eq!(busiest(folder.path()), (2, 5));
    let leased = history.events().filter_map(|event| match event {
        Event::SlotLeased { slot, .. } => Some(*slot),
        _ => None,
    });
    assert!(leased.max() <= Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_three_times_as_long_as_its_lease_keeps_its_slot() {
    let folder = Scratch::new();
    let setup = Setup::new(Topology::Services)
        .slots(1)
        .env("MAESTRO__CONDUCTOR__LEASE_TERM_MS", "1500")
        .stack(stack(folder.path(), "5"));
    let history = work(setup, 1).await;
    assert_eq!(busiest(folder.path()), (1, 1));
    let attempts = history
        .events()
        .filter(|event| matches!(event, Event::RunDispatched { .. }));
    assert_eq!(attempts.count(), 1);
    let lost = history.events().find(|event| {
        matches!(
            event,
            Event::ExecutorSilent { .. }
                | Event::SlotLeaseMoved { .. }
                | Event::RunAttemptLost { .. }
        )
    });
    assert_eq!(lost, None);
}
