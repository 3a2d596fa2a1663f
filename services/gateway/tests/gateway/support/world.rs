use std::{net::SocketAddr, sync::Arc};

use maestro_contracts::v1::{ListRunsRequest, Run, run_service_client::RunServiceClient};
use maestro_eventlog::{EventLog, Settings, Vault, VaultKeys};
use maestro_gateway::{Config, OperatorToken, issue_login_code, run_on};
use maestro_readmodel::ReadModel;
use maestro_runtime::health::Health;
use maestro_testkit::{Nats, Postgres};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use super::{
    Web,
    source::{Source, Texts},
};

/// A gateway with everything it needs.
pub struct World {
    pub nats: Nats,
    pub log: EventLog,
    pub vault: Vault,
    pub address: SocketAddr,
    pub token: OperatorToken,
    tasks: JoinSet<()>,
    _stop: DropGuard,
    _dir: tempfile::TempDir,
}

pub type Authorized = InterceptedService<Channel, Bearer>;
pub type Runs = RunServiceClient<Authorized>;

#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl World {
    pub async fn start() -> Self {
        let (nats, postgres) = tokio::join!(Nats::start(), Postgres::shared());
        let database = postgres.database().await;
        let log = EventLog::connect(&Settings::single(nats.url()))
            .await
            .unwrap();
        log.ensure().await.unwrap();
        let vault = log.vault(VaultKeys::random());
        let readmodel = ReadModel::connect(&database).unwrap();
        readmodel.migrate().await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator_token");
        let token = OperatorToken::load_or_create(&path).unwrap();
        let config = Config {
            operator_token_file: Some(path),
            ..Config::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let source: Arc<dyn maestro_readmodel::CommitSource> = Arc::new(Source(log.clone()));
        for runner in readmodel.runners(&source, Arc::new(Texts(vault.clone()))) {
            tasks.spawn(async move { panic!("{}", runner.run().await) });
        }
        let gateway = run_on(
            listener,
            config,
            log.clone(),
            vault.clone(),
            readmodel,
            Health::new(),
            stop.clone(),
        );
        tasks.spawn(async move { gateway.await.unwrap() });
        Self {
            nats,
            log,
            vault,
            address,
            token,
            tasks,
            _stop: stop.drop_guard(),
            _dir: dir,
        }
    }

    /// Runs something beside the gateway until the end of the test.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A native gRPC channel without credentials.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(self.url("")).unwrap().connect_lazy()
    }

    /// A native gRPC channel with the operator's token.
    pub fn operator(&self) -> Authorized {
        let token = format!("Bearer {}", self.token.expose());
        InterceptedService::new(self.channel(), Bearer(token.parse().unwrap()))
    }

    pub fn runs(&self) -> Runs {
        RunServiceClient::new(self.operator())
    }

    /// A browser that is not signed in.
    pub fn anonymous(&self) -> Web {
        Web::new(self.url(""), HeaderMap::new())
    }

    /// A browser that is signed in.
    pub async fn browser(&self) -> Web {
        let code = issue_login_code(&self.vault).await.unwrap();
        let answer = self.anonymous().login(&code).await;
        assert_eq!(answer.status(), 204);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert("cookie", HeaderValue::from_str(&cookie).unwrap());
        Web::new(self.url(""), headers)
    }

    /// The runs the gateway lists at `revision` or later.
    pub async fn list(&self, revision: u64) -> Vec<Run> {
        let read = Some(maestro_contracts::v1::ReadOptions {
            min_revision: revision,
        });
        let request = ListRunsRequest {
            read,
            ..ListRunsRequest::default()
        };
        self.runs()
            .list_runs(request)
            .await
            .unwrap()
            .into_inner()
            .runs
    }
}
