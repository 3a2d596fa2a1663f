//! What the gateway needs to do its work.

use maestro_eventlog::EventLog;
use maestro_readmodel::ReadModel;
use maestro_runtime::health::Health;

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
    Ok(format!("at revision {slowest}"))
}
