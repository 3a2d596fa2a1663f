//! A run's output, from its beginning to its end.

use std::time::Duration;

use maestro_contracts::v1::{StreamLogsResponse, watch_response::Change};
use maestro_domain::{RunId, run::Status};
use maestro_eventlog::{LogMessage, LogReader};
use tokio::time::timeout;

use super::{App, convert, queries, stream::Sink};
use crate::error::ApiError;

/// How long after an attempt is over its last output may arrive.
const LATE: Duration = Duration::from_secs(5);

/// Sends what is stored, then what comes, until the attempt has ended.
pub(super) async fn follow(
    app: App,
    run: RunId,
    attempt: u32,
    sink: Sink<StreamLogsResponse>,
) -> Result<(), ApiError> {
    let mut reader = app.log.logs(run, attempt);
    let over = over(&app, run, attempt);
    tokio::pin!(over);
    loop {
        tokio::select! {
            message = reader.next() => match message.map_err(|error| queries::unreadable(&error))? {
                LogMessage::Chunk(chunk) => sink.send(convert::chunk(&chunk)).await,
                LogMessage::End => return Ok(()),
            },
            ended = &mut over => {
                ended?;
                return drain(reader, &sink).await;
            }
        }
    }
}

/// Sends what is stored and ends.
pub(super) async fn stored(
    app: App,
    run: RunId,
    attempt: u32,
    sink: Sink<StreamLogsResponse>,
) -> Result<(), ApiError> {
    let mut reader = app.log.logs(run, attempt);
    while let Some(message) = reader
        .try_next()
        .await
        .map_err(|error| queries::unreadable(&error))?
    {
        match message {
            LogMessage::Chunk(chunk) => sink.send(convert::chunk(&chunk)).await,
            LogMessage::End => break,
        }
    }
    Ok(())
}

/// Reads on until the end mark or silence: an attempt that was lost has no mark.
async fn drain(mut reader: LogReader, sink: &Sink<StreamLogsResponse>) -> Result<(), ApiError> {
    while let Ok(message) = timeout(LATE, reader.next()).await {
        match message.map_err(|error| queries::unreadable(&error))? {
            LogMessage::Chunk(chunk) => sink.send(convert::chunk(&chunk)).await,
            LogMessage::End => break,
        }
    }
    Ok(())
}

/// Waits until the attempt cannot produce any more output.
async fn over(app: &App, run: RunId, attempt: u32) -> Result<(), ApiError> {
    let mut changes = app.feed.watch();
    loop {
        if let Ok([known]) = app.readmodel.get_runs([run]).await.as_deref()
            && (is_final(known.status) || known.attempt > attempt)
        {
            return Ok(());
        }
        loop {
            let Some(change) = changes.next().await else {
                return Err(super::stopping());
            };
            match &change.change {
                Some(Change::Run(changed)) if changed.id == run.to_string() => break,
                Some(Change::Resync(_)) => break,
                _ => {}
            }
        }
    }
}

const fn is_final(status: Status) -> bool {
    matches!(
        status,
        Status::Succeeded | Status::Failed | Status::Canceled
    )
}
