//! Webhooks per second beside raw publishes, in alternating rounds on one broker.

use std::path::Path;

use maestro_runtime::clock::monotonic;
use tokio::process::Command;

use super::{
    broker::Broker,
    child::Child,
    deployment::Deployment,
    load::{self, BYTES, PARALLEL},
    process,
    programs::Programs,
    results::{Contest, Receiver, Round, Sync},
};

pub(crate) const INGRESS: &str = "maestro serve ingress";
pub(crate) const UP: &str = "maestro up";
pub(crate) const NODE: &str = "Node receiver";

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
}

/// Where a contestant takes webhooks.
struct Target {
    name: &'static str,
    pid: u32,
    webhook: String,
}

/// The ingress alone, then everything, with either durability.
pub(crate) async fn measure(programs: &Programs, effort: Effort) -> anyhow::Result<Vec<Contest>> {
    let mut contests = Vec::new();
    for sync in [Sync::Always, Sync::Default] {
        let broker = Broker::start(sync).await;
        let ingress = Deployment::ingress(programs, &broker.url()).await?;
        contests.push(contest(programs, effort, sync, &broker, &ingress, INGRESS).await?);
        ingress.stop().await?;
        drop(broker);
        let broker = Broker::start(sync).await;
        let up = Deployment::up(programs, Some(&broker.url()), "").await?;
        contests.push(contest(programs, effort, sync, &broker, &up, UP).await?);
        up.stop().await?;
    }
    Ok(contests)
}

async fn contest(
    programs: &Programs,
    effort: Effort,
    sync: Sync,
    broker: &Broker,
    maestro: &Deployment,
    name: &'static str,
) -> anyhow::Result<Contest> {
    let start = monotonic();
    let secret = &maestro.secret_file;
    let (node, port) = node(programs, broker, secret, maestro.dir()).await?;
    let targets = [
        Target {
            name,
            pid: maestro.pid()?,
            webhook: maestro.webhook.clone(),
        },
        Target {
            name: NODE,
            pid: node.pid()?,
            webhook: format!("http://127.0.0.1:{port}/api/v1/webhooks/github"),
        },
    ];
    let broker_pid = broker.pid()?;
    let mut raw = Vec::new();
    let mut receivers = targets.each_ref().map(|target| Receiver {
        name: target.name.to_owned(),
        rounds: Vec::new(),
    });
    let busy = [targets[0].pid, targets[1].pid, broker_pid];
    for _ in 0..effort.rounds {
        process::until_quiet(&busy).await?;
        raw.push(load::raw(programs, &broker.url(), effort.seconds).await?);
        for (target, receiver) in targets.iter().zip(&mut receivers) {
            process::until_quiet(&busy).await?;
            receiver
                .rounds
                .push(round(programs, effort, target, secret, broker_pid).await?);
        }
    }
    node.stop().await?;
    eprintln!(
        "ingest: {name}, sync {sync:?}: {} s",
        start.elapsed().as_secs()
    );
    Ok(Contest {
        sync,
        bytes: BYTES,
        parallel: PARALLEL,
        raw,
        receivers: receivers.into(),
    })
}

async fn round(
    programs: &Programs,
    effort: Effort,
    target: &Target,
    secret: &Path,
    broker: u32,
) -> anyhow::Result<Round> {
    let before = (process::cpu(target.pid)?, process::cpu(broker)?);
    let steady = load::steady(programs, &target.webhook, secret, effort.seconds).await?;
    let after = (process::cpu(target.pid)?, process::cpu(broker)?);
    let per_webhook = |used: std::time::Duration| used.as_secs_f64() * 1e6 / steady.posted as f64;
    Ok(Round {
        per_second: steady.per_second,
        p50_ms: steady.p50_ms,
        p99_ms: steady.p99_ms,
        cpu_us: per_webhook(after.0 - before.0),
        broker_cpu_us: per_webhook(after.1 - before.1),
    })
}

/// Starts the receiver in Node; it and its port.
async fn node(
    programs: &Programs,
    broker: &Broker,
    secret: &Path,
    logs: &Path,
) -> anyhow::Result<(Child, u16)> {
    let mut command = Command::new("node");
    command
        .arg(&programs.receiver)
        .env("NATS_URL", broker.url());
    command
        .env("WEBHOOK_SECRET_FILE", secret)
        .env("NODE_ENV", "production");
    let mut node = Child::start(&mut command, &logs.join("node.log"))?;
    let port = node.line("").await?.parse()?;
    Ok((node, port))
}
