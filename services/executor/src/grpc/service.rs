//! The calls.

use std::sync::Arc;

use futures::{StreamExt as _, stream::BoxStream};
use maestro_contracts::v1::{
    self, ExecutorServiceCancelRequest, ExecutorServiceCancelResponse, ExecutorServiceDrainRequest,
    ExecutorServiceDrainResponse, ExecutorServiceGetRequest, ExecutorServiceGetResponse,
    ExecutorServiceListRequest, ExecutorServiceListResponse, ExecutorServiceStreamLogsRequest,
    ExecutorServiceStreamLogsResponse, ExecutorServiceSubmitRequest, ExecutorServiceSubmitResponse,
    executor_service_server::ExecutorService,
};
use maestro_domain::report::Execution;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{convert, logs};
use crate::{
    backend::Backend,
    executor::Executor,
    registry::Phase,
    submission::{Submitted, Ticket},
};

/// Pieces of output on their way to a slow caller.
const PIECES: usize = 16;

/// The executor as its callers see it.
pub(super) struct Front<B>(pub(super) Arc<Executor<B>>);

impl<B: Backend> Front<B> {
    fn state(&self, execution: Execution) -> Result<v1::ExecutionState, Status> {
        let phase = self.0.registry.phase(execution);
        let phase = phase.ok_or_else(|| Status::not_found("this execution is not here"))?;
        Ok(self.state_in(execution, &phase))
    }

    fn state_in(&self, execution: Execution, phase: &Phase) -> v1::ExecutionState {
        let seen = self.0.backend.observe(execution);
        let seen = seen.as_ref().map(|seen| seen.borrow());
        convert::state(execution, phase, seen.as_deref())
    }
}

#[tonic::async_trait]
impl<B: Backend> ExecutorService for Front<B> {
    type StreamLogsStream = BoxStream<'static, Result<ExecutorServiceStreamLogsResponse, Status>>;

    async fn submit(
        &self,
        request: Request<ExecutorServiceSubmitRequest>,
    ) -> Result<Response<ExecutorServiceSubmitResponse>, Status> {
        let start = convert::start(request.into_inner())?;
        let execution = start.execution;
        if !self.0.pools.contains(&start.pool) {
            return Err(Status::failed_precondition("this pool is not served here"));
        }
        if let Ok(state) = self.state(execution) {
            return Ok(Response::new(ExecutorServiceSubmitResponse {
                state: Some(state),
            }));
        }
        if self.0.drained.is_cancelled() {
            return Err(Status::unavailable("the executor takes nothing new"));
        }
        let (ticket, submitted) = Ticket::asked();
        self.0
            .spawn(Executor::start(Arc::clone(&self.0), ticket, start));
        match submitted.await {
            Ok(Submitted::Granted) => Ok(Response::new(ExecutorServiceSubmitResponse {
                // It may be over by now.
                state: Some(
                    self.state(execution)
                        .unwrap_or_else(|_| self.state_in(execution, &Phase::Settled)),
                ),
            })),
            Ok(Submitted::Refused) => Err(Status::failed_precondition(
                "the conductor has not dispatched this, or not to this executor",
            )),
            Err(_) => Err(Status::unavailable("the executor is stopping")),
        }
    }

    async fn cancel(
        &self,
        request: Request<ExecutorServiceCancelRequest>,
    ) -> Result<Response<ExecutorServiceCancelResponse>, Status> {
        let execution = convert::execution(request.into_inner().execution)?;
        match self.0.registry.phase(execution) {
            Some(Phase::Starting(canceled)) => canceled.cancel(),
            Some(Phase::Live(live)) if !live.canceled => {
                self.0.backend.cancel(execution).await.map_err(|error| {
                    tracing::warn!(run.id = %execution.run, %error, "cannot cancel");
                    Status::unavailable("it cannot be ended now")
                })?;
                self.0.registry.canceled(execution);
            }
            _ => {}
        }
        Ok(Response::new(ExecutorServiceCancelResponse {
            state: Some(self.state(execution)?),
        }))
    }

    async fn get(
        &self,
        request: Request<ExecutorServiceGetRequest>,
    ) -> Result<Response<ExecutorServiceGetResponse>, Status> {
        let execution = convert::execution(request.into_inner().execution)?;
        Ok(Response::new(ExecutorServiceGetResponse {
            state: Some(self.state(execution)?),
        }))
    }

    async fn list(
        &self,
        _: Request<ExecutorServiceListRequest>,
    ) -> Result<Response<ExecutorServiceListResponse>, Status> {
        let mut all = self.0.registry.all();
        all.sort_by_key(|(execution, _)| convert::rank(execution));
        let executions = all
            .iter()
            .map(|(execution, phase)| self.state_in(*execution, phase));
        Ok(Response::new(ExecutorServiceListResponse {
            executor_id: self.0.id.to_string(),
            draining: self.0.drained.is_cancelled(),
            confirmed: self.0.confirmation.may_create(),
            executions: executions.collect(),
        }))
    }

    async fn stream_logs(
        &self,
        request: Request<ExecutorServiceStreamLogsRequest>,
    ) -> Result<Response<Self::StreamLogsStream>, Status> {
        let execution = convert::execution(request.into_inner().execution)?;
        self.state(execution)?;
        let (sink, pieces) = mpsc::channel(PIECES);
        self.0
            .spawn(logs::follow(Arc::clone(&self.0), execution, sink));
        Ok(Response::new(ReceiverStream::new(pieces).boxed()))
    }

    async fn drain(
        &self,
        request: Request<ExecutorServiceDrainRequest>,
    ) -> Result<Response<ExecutorServiceDrainResponse>, Status> {
        self.0.drain(request.into_inner().then_stop);
        let remaining = self.0.registry.all().len();
        Ok(Response::new(ExecutorServiceDrainResponse {
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
        }))
    }
}
