//! From a webhook to the start of its process. The process is a small program that writes its own
//! start time; both times are the wall clock of one machine.

use std::{collections::HashMap, fs, path::Path, time::Duration};

use anyhow::Context as _;
use maestro_testkit::wait_until;

use super::{
    deployment::Deployment,
    load::{self, Paced},
    programs::Programs,
    results::{Latency, Sync, Tail},
    stats::percentile,
};

const RATE: u64 = 20;
const SECONDS: u64 = 30;
const STARTED_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn measure(programs: &Programs) -> anyhow::Result<Latency> {
    eprintln!("latency: {RATE} webhooks/s for {SECONDS} s");
    let dir = tempfile::tempdir()?;
    let marks = dir.path().join("marks");
    let stack = dir.path().join("stack.yaml");
    fs::write(&stack, stack_of(&programs.mark, &marks))?;
    let settings = format!(
        "[project]\nslots = 64\nstack = {:?}\n",
        stack.display().to_string()
    );
    let up = Deployment::up(programs, None, &settings).await?;
    let paced = load::paced(programs, &up.webhook, &up.secret_file, RATE, SECONDS).await?;
    let lines = || {
        fs::read_to_string(&marks)
            .unwrap_or_default()
            .lines()
            .count()
    };
    wait_until(STARTED_WITHIN, async || lines() >= paced.sent.len()).await;
    up.stop().await?;
    let marks = fs::read_to_string(&marks)?;
    of(&paced, &marks_of(&marks)?)
}

/// A stack whose runs leave a mark.
pub(crate) fn stack_of(mark: &Path, marks: &Path) -> String {
    format!(
        "apiVersion: maestro.dev/v1\n\
         kind: ServiceStack\n\
         metadata: {{name: bench}}\n\
         spec:\n  \
           triggers:\n  \
           - name: bench\n    \
             on: {{event: issues, actions: [labeled], labels: [\"run:bench\"]}}\n    \
             run: mark\n  \
           runs:\n    \
             mark:\n      \
               command: [{:?}, {:?}]\n      \
               timeout: 1m\n      \
               prompt: \"Implement issue #{{{{ issue.number }}}}: {{{{ issue.title }}}}\"\n",
        mark.display().to_string(),
        marks.display().to_string(),
    )
}

/// Start times in microseconds by delivery.
pub(crate) fn marks_of(marks: &str) -> anyhow::Result<HashMap<&str, u64>> {
    let lines = marks.lines();
    lines
        .map(|line| mark(line).with_context(|| format!("no mark: {line}")))
        .collect()
}

fn mark(line: &str) -> Option<(&str, u64)> {
    let (delivery, at) = line.split_once(' ')?;
    Some((delivery, at.parse().ok()?))
}

fn of(paced: &Paced, started: &HashMap<&str, u64>) -> anyhow::Result<Latency> {
    let mut to_start = Vec::new();
    let mut to_answer = Vec::new();
    for sent in &paced.sent {
        let at = started.get(sent.delivery.as_str());
        let at = at.with_context(|| format!("delivery {} started nothing", sent.delivery))?;
        to_start.push(at.saturating_sub(sent.sent_us) as f64 / 1e3);
        to_answer.push(sent.answered_us.saturating_sub(sent.sent_us) as f64 / 1e3);
    }
    Ok(Latency {
        sync: Sync::Always,
        rate: RATE,
        webhooks: paced.sent.len(),
        started: tail(&to_start),
        answered: tail(&to_answer),
    })
}

pub(crate) fn tail(samples: &[f64]) -> Tail {
    Tail {
        p50_ms: percentile(samples, 50),
        p90_ms: percentile(samples, 90),
        p99_ms: percentile(samples, 99),
        max_ms: percentile(samples, 100),
    }
}
