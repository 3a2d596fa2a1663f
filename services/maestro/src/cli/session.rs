//! One command's view of the world: where Maestro is, who asks, how to print.

use std::path::PathBuf;

use maestro_contracts::v1::{
    delivery_service_client::DeliveryServiceClient, live_service_client::LiveServiceClient,
    run_service_client::RunServiceClient, slot_service_client::SlotServiceClient,
    system_service_client::SystemServiceClient,
};
use maestro_gateway::OperatorToken;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use super::{
    endpoints::{Endpoints, TOKEN_FILE, data_dir},
    failure::{Failure, Kind},
    options::{Connection, Global},
    output::Output,
};

/// How long to wait for a connection.
const CONNECT_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// What a command works with.
pub(crate) struct Session {
    pub(crate) dir: PathBuf,
    pub(crate) output: Output,
}

impl Session {
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        let dir = data_dir(global.data.as_deref())?;
        Ok(Self {
            dir,
            output: Output::new(global.output),
        })
    }

    pub(crate) fn endpoints(&self) -> Result<Endpoints, Failure> {
        Endpoints::load(&self.dir)
    }

    /// URL of the gateway.
    pub(crate) fn url(&self, connection: &Connection) -> Result<String, Failure> {
        connection
            .url
            .clone()
            .map_or_else(|| Ok(self.endpoints()?.grpc), Ok)
    }

    /// The operator's token.
    pub(crate) fn token(&self, connection: &Connection) -> Result<OperatorToken, Failure> {
        let path = connection
            .token_file
            .clone()
            .unwrap_or_else(|| self.dir.join(TOKEN_FILE));
        OperatorToken::load(&path)
            .map_err(|error| Failure::new(Kind::Refused, super::failure::chain(&error)))
    }

    /// A channel to the gateway; connects when first used.
    pub(crate) fn client(&self, connection: &Connection) -> Result<Client, Failure> {
        let url = self.url(connection)?;
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|_| {
            Failure::usage(format!("{url} is not a URL of the form http://host:port"))
        })?;
        let token = self.token(connection)?;
        let authorization = format!("Bearer {}", token.expose())
            .parse()
            .map_err(|_| Failure::new(Kind::Refused, "the operator's token is malformed"))?;
        let channel = endpoint.connect_timeout(CONNECT_WITHIN).connect_lazy();
        Ok(Client(InterceptedService::new(
            channel,
            Bearer(authorization),
        )))
    }
}

/// Adds the operator's token to every call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Authorized = InterceptedService<Channel, Bearer>;

/// The gateway's services.
#[derive(Clone)]
pub(crate) struct Client(Authorized);

impl Client {
    pub(crate) fn runs(&self) -> RunServiceClient<Authorized> {
        RunServiceClient::new(self.0.clone())
    }
    pub(crate) fn deliveries(&self) -> DeliveryServiceClient<Authorized> {
        DeliveryServiceClient::new(self.0.clone())
    }
    pub(crate) fn slots(&self) -> SlotServiceClient<Authorized> {
        SlotServiceClient::new(self.0.clone())
    }
    pub(crate) fn live(&self) -> LiveServiceClient<Authorized> {
        LiveServiceClient::new(self.0.clone())
    }
    pub(crate) fn system(&self) -> SystemServiceClient<Authorized> {
        SystemServiceClient::new(self.0.clone())
    }
}
