//! Runs: listed, shown, followed, cancelled, retried.

use maestro_contracts::v1::{
    CancelRunRequest, CancelRunResponse, GetRunRequest, GetRunResponse, ListRunsRequest,
    ListRunsResponse, RetryRunRequest, RetryRunResponse, StreamLogsRequest, StreamLogsResponse,
    WatchRunsRequest, WatchRunsResponse, run_service_server::RunService, watch_response::Change,
};
use maestro_domain::{Command, DeliveryId, Name, RunId};
use maestro_readmodel::{Run, RunFilter, projections::RUNS};
use tonic::{Request, Response, Status};

use super::{
    App, commands, convert, identity, input, logs, queries, retry,
    stream::{Sink, Streaming},
};
use crate::error::{ApiError, ErrorCode};

pub(super) struct Runs(pub(super) App);

#[tonic::async_trait]
impl RunService for Runs {
    type WatchRunsStream = Streaming<WatchRunsResponse>;
    type StreamLogsStream = Streaming<StreamLogsResponse>;

    async fn list_runs(
        &self,
        request: Request<ListRunsRequest>,
    ) -> Result<Response<ListRunsResponse>, Status> {
        let mut request = request.into_inner();
        let page = input::page(request.page.take())?;
        let read = request.read;
        let filter = filter(request)?;
        queries::fresh(&self.0.readmodel, RUNS, read).await?;
        let page = self
            .0
            .readmodel
            .list_runs(&filter, &page)
            .await
            .map_err(queries::failed)?;
        Ok(Response::new(ListRunsResponse {
            runs: page.rows.into_iter().map(convert::run).collect(),
            next_page_token: page.next.unwrap_or_default(),
            revision: page.revision,
        }))
    }

    async fn get_run(
        &self,
        request: Request<GetRunRequest>,
    ) -> Result<Response<GetRunResponse>, Status> {
        let request = request.into_inner();
        let id = input::run_id("id", &request.id)?;
        queries::fresh(&self.0.readmodel, RUNS, request.read).await?;
        let story = self
            .0
            .readmodel
            .get_run(id)
            .await
            .map_err(queries::failed)?;
        let story = story.ok_or_else(|| unknown(id))?;
        Ok(Response::new(convert::story(story)))
    }

    async fn watch_runs(
        &self,
        request: Request<WatchRunsRequest>,
    ) -> Result<Response<Self::WatchRunsStream>, Status> {
        let identity = identity(&request)?;
        let request = request.into_inner();
        let project = input::project(request.project)?;
        let id = input::run_filter("id", &request.id)?;
        let app = self.0.clone();
        self.0
            .streams
            .open(identity, |sink| watch(app, project, id, sink))
    }

    async fn cancel_run(
        &self,
        request: Request<CancelRunRequest>,
    ) -> Result<Response<CancelRunResponse>, Status> {
        let identity = identity(&request)?;
        let request = request.into_inner();
        let run = input::run_id("id", &request.id)?;
        let reason = input::reason(&request.reason)?;
        let key = input::command_key(&request.idempotency_key)?;
        let command = Command::CancelRun { run };
        let done = commands::submit(&self.0, &identity, key, reason, command).await?;
        let (revision, command_id) = (done.revision, done.key.to_string());
        Ok(Response::new(CancelRunResponse {
            revision,
            command_id,
        }))
    }

    async fn retry_run(
        &self,
        request: Request<RetryRunRequest>,
    ) -> Result<Response<RetryRunResponse>, Status> {
        let identity = identity(&request)?;
        let request = request.into_inner();
        let original = input::run_id("id", &request.id)?;
        let asked = retry::Asked {
            original,
            reason: input::reason(&request.reason)?,
            key: input::command_key(&request.idempotency_key)?,
        };
        Ok(Response::new(retry::run(&self.0, &identity, asked).await?))
    }

    async fn stream_logs(
        &self,
        request: Request<StreamLogsRequest>,
    ) -> Result<Response<Self::StreamLogsStream>, Status> {
        let identity = identity(&request)?;
        let request = request.into_inner();
        let id = input::run_id("run_id", &request.run_id)?;
        let last = known(&self.0, id).await?.attempt.max(1);
        let attempt = if request.attempt == 0 {
            last
        } else {
            request.attempt
        };
        if attempt > last {
            let message = format!("the run has had {last} attempts so far");
            return Err(ApiError::field("attempt", message).into());
        }
        let app = self.0.clone();
        if request.no_follow {
            self.0
                .streams
                .open(identity, |sink| logs::stored(app, id, attempt, sink))
        } else {
            self.0
                .streams
                .open(identity, |sink| logs::follow(app, id, attempt, sink))
        }
    }
}

pub(super) fn unknown(id: RunId) -> ApiError {
    ApiError::not_found(format!("there is no run {id}"))
}

fn filter(request: ListRunsRequest) -> Result<RunFilter, ApiError> {
    Ok(RunFilter {
        project: input::project(request.project)?,
        statuses: convert::statuses(&request.statuses)?,
        repository: input::text_filter("repository", request.repository)?,
        trigger: input::filter::<Name>("trigger", request.trigger)?,
        delivery: input::filter::<DeliveryId>("delivery_id", request.delivery_id)?,
    })
}

async fn watch(
    app: App,
    project: String,
    id: Option<RunId>,
    sink: Sink<WatchRunsResponse>,
) -> Result<(), ApiError> {
    let mut changes = app.feed.watch();
    let id = match id {
        Some(id) => {
            send_now(&app, id, &sink).await?;
            Some((id, id.to_string()))
        }
        None => None,
    };
    loop {
        let change = changes.next().await.ok_or_else(super::stopping)?;
        match (&change.change, &id) {
            (Some(Change::Run(run)), _) => {
                let wanted = id.as_ref().is_none_or(|(_, id)| *id == run.id)
                    && (project.is_empty() || project == run.project);
                if wanted {
                    sink.send(WatchRunsResponse {
                        run: Some(run.clone()),
                    })
                    .await;
                }
            }
            (Some(Change::Resync(_)), Some((id, _))) => send_now(&app, *id, &sink).await?,
            (Some(Change::Resync(_)), None) => {
                let message = "changes were dropped: list the runs again, then watch again";
                return Err(ApiError::new(ErrorCode::Aborted, message));
            }
            _ => {}
        }
    }
}

async fn send_now(app: &App, id: RunId, sink: &Sink<WatchRunsResponse>) -> Result<(), ApiError> {
    let run = Some(convert::run(known(app, id).await?));
    sink.send(WatchRunsResponse { run }).await;
    Ok(())
}

/// A run without its timeline.
async fn known(app: &App, id: RunId) -> Result<Run, ApiError> {
    let found = app
        .readmodel
        .get_runs([id])
        .await
        .map_err(queries::failed)?;
    found.into_iter().next().ok_or_else(|| unknown(id))
}
