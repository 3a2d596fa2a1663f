//! Slot pools and who holds what.

use maestro_contracts::v1::{
    ListSlotsRequest, ListSlotsResponse, slot_service_server::SlotService,
};
use maestro_readmodel::projections::SLOTS;
use tonic::{Request, Response, Status};

use super::{App, convert, input, queries};

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
        let revision = self
            .0
            .readmodel
            .revision(SLOTS)
            .await
            .map_err(queries::failed)?;
        let pools = self
            .0
            .readmodel
            .list_pools(&project)
            .await
            .map_err(queries::failed)?;
        let pools = pools.into_iter().map(convert::pool).collect();
        Ok(Response::new(ListSlotsResponse { pools, revision }))
    }
}
