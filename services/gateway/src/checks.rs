//! What the gateway needs to do its work.

use std::time::Duration;

use maestro_domain::{Commit, core::DELIVERIES};
use maestro_eventlog::{Error, EventLog, Stream};
use maestro_readmodel::ReadModel;
use maestro_runtime::health::{CheckResult, Health};

use crate::error::chain;

/// Adds checks of the broker, of Postgres and of every projection.
pub(crate) fn add(health: &Health, log: &EventLog, readmodel: &ReadModel) {
    let log = log.clone();
    health.ask("broker", move || {
        let log = log.clone();
        async move {
            let took = log.ping().await.map_err(|error| chain(&error))?;
            Ok(format!("answers in {} ms", took.as_millis()))
        }
    });
    let readmodel = readmodel.clone();
    health.ask("read models", move || {
        let readmodel = readmodel.clone();
        async move { projections(&readmodel).await }
    });
}

/// Passes while Postgres answers and no projection is stopped.
async fn projections(readmodel: &ReadModel) -> Result<String, String> {
    let projections = readmodel
        .projections()
        .await
        .map_err(|error| error.to_string())?;
    let stopped: Vec<_> = projections
        .iter()
        .filter_map(|each| {
            let why = each.stopped.as_deref()?;
            Some(format!(
                "projection {} stopped at revision {}: {why}",
                each.name, each.revision
            ))
        })
        .collect();
    if !stopped.is_empty() {
        return Err(stopped.join("; "));
    }
    let slowest = projections
        .iter()
        .map(|each| each.revision)
        .min()
        .unwrap_or_default();
    let older: Vec<_> = projections
        .iter()
        .filter(|each| each.version < each.wanted)
        .map(|each| {
            format!(
                "; {} shows rows of version {} until those of version {} are built",
                each.name, each.version, each.wanted
            )
        })
        .collect();
    Ok(format!("at revision {slowest}{}", older.concat()))
}

/// How long a delivery may wait before the conductor counts as away.
const DECIDED_WITHIN: Duration = Duration::from_secs(1);

/// Passes while no delivery waits, or the conductor is deciding. Not part of readiness: without a
/// conductor queries go on.
pub(crate) async fn conductor(log: &EventLog) -> CheckResult {
    let asked = async {
        let before = progress(log).await?;
        if before.decided > 0 && before.waiting == 0 {
            return Ok((before, true));
        }
        tokio::time::sleep(DECIDED_WITHIN).await;
        let after = progress(log).await?;
        let moves = after.decided > before.decided;
        Ok::<_, Error>((after, moves))
    };
    let (ok, detail) = match asked.await {
        Err(error) => (false, chain(&error)),
        Ok((Progress { decided: 0, .. }, _)) => (false, "none has led yet".to_owned()),
        Ok((Progress { waiting: 0, .. }, _)) => (true, "no delivery waits".to_owned()),
        Ok((Progress { waiting, .. }, moves)) => (moves, format!("{waiting} deliveries wait")),
    };
    CheckResult {
        name: "conductor".to_owned(),
        ok,
        detail,
    }
}

struct Progress {
    /// Number of the last commit.
    decided: u64,
    /// Deliveries behind its cursor. Each one ends in a commit, unlike other inputs.
    waiting: u64,
}

async fn progress(log: &EventLog) -> Result<Progress, Error> {
    let last = log.last_commit().await?;
    let decided = last.as_ref().map_or(0, |(seq, _)| *seq);
    let commit = last.and_then(|(_, bytes)| Commit::decode(&bytes).ok());
    let cursor = commit
        .as_ref()
        .and_then(|commit| commit.cursors.get(DELIVERIES));
    let stored = log.stream_state(Stream::Deliveries).await?.last_seq;
    let waiting = stored.saturating_sub(cursor.map_or(0, |cursor| cursor.seq));
    Ok(Progress { decided, waiting })
}
