//! Deliveries and what was decided about them.

use maestro_contracts::v1::{
    GetDeliveryRequest, GetDeliveryResponse, ListDeliveriesRequest, ListDeliveriesResponse,
    delivery_service_server::DeliveryService,
};
use maestro_readmodel::{DeliveryFilter, DeliveryKey, projections::DELIVERIES};
use tonic::{Request, Response, Status};

use super::{App, convert, input, queries};
use crate::error::ApiError;

pub(super) struct Deliveries(pub(super) App);

#[tonic::async_trait]
impl DeliveryService for Deliveries {
    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        let mut request = request.into_inner();
        let page = input::page(request.page.take())?;
        let read = request.read;
        let filter = filter(request)?;
        queries::fresh(&self.0.readmodel, DELIVERIES, read).await?;
        let page = self
            .0
            .readmodel
            .list_deliveries(&filter, &page)
            .await
            .map_err(queries::failed)?;
        Ok(Response::new(ListDeliveriesResponse {
            deliveries: page.rows.into_iter().map(convert::delivery).collect(),
            next_page_token: page.next.unwrap_or_default(),
            revision: page.revision,
        }))
    }

    async fn get_delivery(
        &self,
        request: Request<GetDeliveryRequest>,
    ) -> Result<Response<GetDeliveryResponse>, Status> {
        let request = request.into_inner();
        let key = DeliveryKey {
            provider: input::provider(&request.provider)?,
            id: input::delivery_id("id", &request.id)?,
        };
        queries::fresh(&self.0.readmodel, DELIVERIES, request.read).await?;
        let revision = self
            .0
            .readmodel
            .revision(DELIVERIES)
            .await
            .map_err(queries::failed)?;
        let found = self
            .0
            .readmodel
            .get_delivery(&key)
            .await
            .map_err(queries::failed)?;
        let delivery = found.ok_or_else(|| {
            ApiError::not_found(format!("there is no decided delivery {}", key.id))
        })?;
        let delivery = Some(convert::delivery(delivery));
        Ok(Response::new(GetDeliveryResponse { delivery, revision }))
    }
}

fn filter(request: ListDeliveriesRequest) -> Result<DeliveryFilter, ApiError> {
    Ok(DeliveryFilter {
        project: input::project(request.project)?,
        repository: input::text_filter("repository", request.repository)?,
        event: input::text_filter("event", request.event)?,
        outcome: convert::outcome_filter(request.outcome)?,
    })
}
