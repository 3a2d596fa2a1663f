//! Executors come and go, executions go on.

use super::{
    Ended, Laboratory, Work,
    work::{done, gate, once, open},
};

const RUNS: usize = 20;
const LINES: u32 = 10_000;

/// Prints numbered lines, half of them after the gate.
fn numbered<L: Laboratory>(lab: &L) -> Work {
    let half = LINES / 2;
    Work::script(
        lab,
        &format!("seq 1 {half}; {}; seq {} {LINES}", gate(lab), half + 1),
    )
}

async fn submit_all<L: Laboratory>(lab: &L) -> (Vec<L::Run>, Vec<String>) {
    let (mut runs, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let work = numbered(lab);
        ids.push(work.id.clone());
        runs.push(lab.submit(work).await);
    }
    for run in &runs {
        lab.started(run).await;
    }
    (runs, ids)
}

/// Each succeeded once, was executed once, and every line is there exactly once.
async fn all_are_whole<L: Laboratory>(lab: &L, runs: &[L::Run], ids: &[String]) {
    let expected: String = (1..=LINES).map(|line| format!("{line}\n")).collect();
    for (run, id) in runs.iter().zip(ids) {
        assert_eq!(lab.ended(run).await, Ended::Exited(0));
        let ends = lab.ends(run);
        assert!(ends.iter().all(|end| *end == Ended::Exited(0)), "{ends:?}");
        let output = lab.output(run).await.stdout;
        assert!(
            output == expected.as_bytes(),
            "{}",
            difference(&output, &expected)
        );
        once(lab, id);
    }
}

fn difference(found: &[u8], expected: &str) -> String {
    let text = String::from_utf8_lossy(found);
    let pairs = text.lines().zip(expected.lines()).enumerate();
    let first = pairs
        .into_iter()
        .find(|(_, (found, expected))| found != expected);
    format!(
        "{} bytes instead of {}; first difference: {first:?}",
        found.len(),
        expected.len()
    )
}

/// The executor is killed twice: while executions wait, and while they write.
pub(super) async fn killed_executor<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let (runs, ids) = submit_all(lab).await;
    lab.kill(executor).await;
    let executor = lab.executor().await;
    open(lab, &ids);
    lab.kill(executor).await;
    let executor = lab.executor().await;
    all_are_whole(lab, &runs, &ids).await;
    lab.stop(executor).await;
}

/// The executor is stopped; another one continues, and nothing is reported to have failed.
pub(super) async fn stopped_executor_with_a_standby<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let (runs, ids) = submit_all(lab).await;
    let standby = lab.standby().await;
    lab.stop(executor).await;
    open(lab, &ids);
    all_are_whole(lab, &runs, &ids).await;
    lab.stop(standby).await;
}

/// What ended while no executor was there is reported as it was.
pub(super) async fn ended_while_nobody_watched<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let script = format!(
        "{}; echo late; touch \"$CONFORMANCE_FOLDER/$CONFORMANCE_ID.done\"; exit 9",
        gate(lab)
    );
    let work = Work::script(lab, &script);
    let id = work.id.clone();
    let run = lab.submit(work).await;
    lab.started(&run).await;
    lab.kill(executor).await;
    open(lab, std::slice::from_ref(&id));
    done(lab, &id).await;
    let executor = lab.executor().await;
    assert_eq!(lab.ended(&run).await, Ended::Exited(9));
    assert_eq!(lab.output(&run).await.stdout, b"late\n");
    once(lab, &id);
    lab.stop(executor).await;
}
