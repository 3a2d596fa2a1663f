//! A thousand short runs on fifty slots, beside the bare cost of the same processes.

use std::{collections::HashMap, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use maestro_domain::{Commit, Event, RunId, Timestamp, event::RunResult};
use maestro_runtime::clock::monotonic;
use maestro_testkit::wait_until;
use tokio::{process::Command, task::JoinSet};

use super::{
    deployment::Deployment,
    latency::{marks_of, stack_of, tail},
    load,
    programs::Programs,
    results::{Runs, Tail},
};

const RUNS: u64 = 1000;
const SLOTS: usize = 50;
/// Webhooks a second: far more than can execute, so that nearly all of them queue.
const RATE: u64 = 500;
const DONE_WITHIN: Duration = Duration::from_secs(300);

pub(crate) async fn measure(programs: &Programs) -> anyhow::Result<Runs> {
    eprintln!("runs: {RUNS} short runs on {SLOTS} slots");
    let dir = tempfile::tempdir()?;
    let (bare_seconds, bare) = bare(&programs.mark, &dir.path().join("bare")).await?;
    let marks = dir.path().join("marks");
    let stack = dir.path().join("stack.yaml");
    fs::write(&stack, stack_of(&programs.mark, &marks))?;
    let settings = format!(
        "[project]\nslots = {SLOTS}\nstack = {:?}\n",
        stack.display().to_string()
    );
    let up = Deployment::up(programs, None, &settings).await?;
    load::paced(programs, &up.webhook, &up.secret_file, RATE, RUNS / RATE).await?;
    let lines = || fs::read_to_string(&marks).map_or(0, |text| text.lines().count());
    wait_until(DONE_WITHIN, async || lines() >= RUNS as usize).await;
    let story = finished_story(programs, up.dir()).await?;
    up.stop().await?;
    let marks = fs::read_to_string(&marks)?;
    let started = marks_of(&marks)?;
    ensure!(
        started.len() == RUNS as usize,
        "a run executed twice or never"
    );
    let mut dispatched = Vec::new();
    for run in story.runs.values() {
        let at = started.get(run.delivery.as_str());
        let at = at.with_context(|| format!("delivery {} started nothing", run.delivery))?;
        let since = u64::try_from(run.dispatched.millis()).unwrap_or_default() * 1000;
        dispatched.push(at.saturating_sub(since) as f64 / 1e3);
    }
    Ok(Runs {
        runs: RUNS,
        slots: SLOTS,
        per_minute: RUNS as f64 * 60.0 / story.seconds,
        dispatched_to_started: tail(&dispatched),
        bare_per_minute: RUNS as f64 * 60.0 / bare_seconds,
        bare_spawned_to_started: bare,
    })
}

/// The same program, as often, as many at once, started by this process.
async fn bare(mark: &Path, marks: &Path) -> anyhow::Result<(f64, Tail)> {
    let start = monotonic();
    let mut running = JoinSet::new();
    let mut spawned = HashMap::new();
    for n in 0..RUNS {
        if running.len() == SLOTS {
            running.join_next().await.context("something runs")???;
        }
        let delivery = format!("bare-{n}");
        spawned.insert(delivery.clone(), micros());
        let mut child = Command::new(mark)
            .arg(marks)
            .env("MAESTRO_DELIVERY_ID", delivery)
            .stdin(Stdio::null())
            .spawn()?;
        running.spawn(async move {
            let status = child.wait().await?;
            ensure!(status.success(), "the program fails");
            anyhow::Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let text = fs::read_to_string(marks)?;
    let started = marks_of(&text)?;
    let taken: Vec<f64> = spawned
        .iter()
        .map(|(delivery, at)| started[delivery.as_str()].saturating_sub(*at) as f64 / 1e3)
        .collect();
    Ok((seconds, tail(&taken)))
}

fn micros() -> u64 {
    u64::try_from(maestro_runtime::clock::now().millis()).unwrap_or_default() * 1000
}

struct Story {
    runs: HashMap<RunId, Dispatched>,
    /// From the first dispatch to the last end.
    seconds: f64,
}

struct Dispatched {
    delivery: String,
    dispatched: Timestamp,
}

/// Waits for the end of every run in the log.
async fn finished_story(programs: &Programs, data: &Path) -> anyhow::Result<Story> {
    let deadline = monotonic() + DONE_WITHIN;
    loop {
        let output = Command::new(&programs.maestro)
            .args(["tail", "--no-follow", "--since", "all", "--output", "json"])
            .arg("--data")
            .arg(data)
            .output()
            .await?;
        ensure!(output.status.success(), "`maestro tail` fails");
        if let Some(story) = story(&output.stdout)? {
            return Ok(story);
        }
        ensure!(monotonic() < deadline, "not every run ends");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// `None` while a run has not ended.
fn story(log: &[u8]) -> anyhow::Result<Option<Story>> {
    let (mut deliveries, mut dispatched) = (HashMap::new(), HashMap::new());
    let (mut last, mut ended) = (Timestamp::default(), 0);
    for line in log
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let commit = Commit::decode(line)?;
        for event in commit.events() {
            match event {
                Event::RunRequested(requested) => {
                    deliveries.insert(requested.run, requested.delivery.to_string());
                }
                Event::RunDispatched { run, attempt, .. } => {
                    ensure!(*attempt == 1, "{run} was tried again");
                    dispatched.insert(*run, commit.at);
                }
                Event::RunFinished(finished) => {
                    let succeeded = finished.result == RunResult::Succeeded;
                    ensure!(succeeded, "{} failed", finished.run);
                    last = commit.at;
                    ended += 1;
                }
                _ => {}
            }
        }
    }
    if ended < RUNS {
        return Ok(None);
    }
    let first = dispatched.values().min().copied().unwrap_or_default();
    let runs = deliveries.into_iter().filter_map(|(run, delivery)| {
        let dispatched = dispatched.get(&run).copied()?;
        Some((
            run,
            Dispatched {
                delivery,
                dispatched,
            },
        ))
    });
    Ok(Some(Story {
        runs: runs.collect(),
        seconds: last.since(first).as_secs_f64(),
    }))
}
