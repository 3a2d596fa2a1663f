//! Slot pools, who holds what, who looks after it; pools paused, resumed and resized.

use maestro_contracts::v1::{
    ListExecutorsRequest, ListExecutorsResponse, ListSlotsRequest, ListSlotsResponse,
    PausePoolRequest, PausePoolResponse, ResizePoolRequest, ResizePoolResponse, ResumePoolRequest,
    ResumePoolResponse, slot_service_server::SlotService,
};
use maestro_domain::{Command, Name, ProjectId};
use maestro_readmodel::projections::SLOTS;
use tonic::{Request, Response, Status};

use super::{
    App,
    commands::{self, Done},
    convert, identity, input, queries,
};
use crate::{auth::Identity, error::ApiError};

pub(super) struct Slots(pub(super) App);

#[tonic::async_trait]
impl SlotService for Slots {
    async fn list_slots(
        &self,
        request: Request<ListSlotsRequest>,
    ) -> Result<Response<ListSlotsResponse>, Status> {
        let request = request.into_inner();
        let project = input::project(request.project)?;
        queries::fresh(&self.0.readmodel, SLOTS, request.read).await?;
        let revision = self.revision().await?;
        let pools = self
            .0
            .readmodel
            .list_pools(&project)
            .await
            .map_err(queries::failed)?;
        let pools = pools.into_iter().map(convert::pool).collect();
        Ok(Response::new(ListSlotsResponse { pools, revision }))
    }

    async fn list_executors(
        &self,
        request: Request<ListExecutorsRequest>,
    ) -> Result<Response<ListExecutorsResponse>, Status> {
        queries::fresh(&self.0.readmodel, SLOTS, request.into_inner().read).await?;
        let revision = self.revision().await?;
        let executors = self
            .0
            .readmodel
            .list_executors()
            .await
            .map_err(queries::failed)?;
        let executors = executors.into_iter().map(convert::executor).collect();
        Ok(Response::new(ListExecutorsResponse {
            executors,
            revision,
        }))
    }

    async fn pause_pool(
        &self,
        request: Request<PausePoolRequest>,
    ) -> Result<Response<PausePoolResponse>, Status> {
        let identity = identity(&request)?;
        let request = request.into_inner();
        let steer = Steer::read(
            &request.project,
            &request.pool,
            &request.reason,
            &request.idempotency_key,
        )?;
        let pause = |project, pool| Command::PausePool { project, pool };
        let done = self.steer(&identity, steer, pause).await?;
        Ok(Response::new(PausePoolResponse {
            revision: done.revision,
            command_id: done.key.to_string(),
        }))
    }

    async fn resume_pool(
        &self,
        request: Request<ResumePoolRequest>,
    ) -> Result<Response<ResumePoolResponse>, Status> {
        let identity = identity(&request)?;
        let request = request.into_inner();
        let steer = Steer::read(
            &request.project,
            &request.pool,
            &request.reason,
            &request.idempotency_key,
        )?;
        let resume = |project, pool| Command::ResumePool { project, pool };
        let done = self.steer(&identity, steer, resume).await?;
        Ok(Response::new(ResumePoolResponse {
            revision: done.revision,
            command_id: done.key.to_string(),
        }))
    }

    async fn resize_pool(
        &self,
        request: Request<ResizePoolRequest>,
    ) -> Result<Response<ResizePoolResponse>, Status> {
        let identity = identity(&request)?;
        let request = request.into_inner();
        let steer = Steer::read(
            &request.project,
            &request.pool,
            &request.reason,
            &request.idempotency_key,
        )?;
        let resize = |project, pool| Command::ResizePool {
            project,
            pool,
            size: request.size,
        };
        let done = self.steer(&identity, steer, resize).await?;
        Ok(Response::new(ResizePoolResponse {
            revision: done.revision,
            command_id: done.key.to_string(),
        }))
    }
}

/// What commands on a pool have in common.
struct Steer {
    project: Name,
    pool: Name,
    reason: Option<String>,
    key: maestro_domain::ids::CommandKey,
}

impl Steer {
    fn read(project: &str, pool: &str, reason: &str, key: &str) -> Result<Self, ApiError> {
        Ok(Self {
            project: input::name("project", project)?,
            pool: input::name("pool", pool)?,
            reason: input::reason(reason)?,
            key: input::command_key(key)?,
        })
    }
}

impl Slots {
    async fn revision(&self) -> Result<u64, ApiError> {
        let revision = self.0.readmodel.revision(SLOTS).await;
        revision.map_err(queries::failed)
    }

    async fn steer(
        &self,
        identity: &Identity,
        steer: Steer,
        command: impl FnOnce(ProjectId, Name) -> Command,
    ) -> Result<Done, ApiError> {
        let found = self.0.readmodel.project_id(steer.project.as_str()).await;
        let project = found
            .map_err(queries::failed)?
            .ok_or_else(|| ApiError::not_found(format!("there is no project {}", steer.project)))?;
        let command = command(project, steer.pool);
        commands::submit(&self.0, identity, steer.key, steer.reason, command).await
    }
}
