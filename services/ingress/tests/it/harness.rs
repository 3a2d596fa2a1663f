//! An ingress on a free port, with a broker of its own.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use maestro_domain::{VaultKey, ids::Provider};
use maestro_eventlog::{Delivery, EventLog, Settings, Stream, Vault, VaultKeys};
use maestro_ingress::Config;
use maestro_testkit::{Nats, github::sign};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

pub(crate) struct Harness {
    pub(crate) nats: Nats,
    pub(crate) log: EventLog,
    pub(crate) vault: Vault,
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) server: JoinHandle<anyhow::Result<()>>,
    pub(crate) stop: CancellationToken,
    _stop: DropGuard,
}

/// A status and a JSON body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Harness {
    /// With the default configuration and one secret.
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let harness = Self::without_secrets(config).await;
        harness.set_secrets(&[SECRET]).await;
        harness.verified("until-ready").await;
        harness
    }

    pub(crate) async fn without_secrets(config: Config) -> Self {
        let nats = Nats::start().await;
        let log = EventLog::connect(&Settings::single(nats.url()))
            .await
            .unwrap();
        log.ensure().await.unwrap();
        let vault = log.vault(VaultKeys::random());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server =
            maestro_ingress::run_on(listener, config, log.clone(), vault.clone(), stop.clone());
        Self {
            nats,
            log,
            vault,
            client: Client::builder().no_proxy().build().unwrap(),
            address,
            server: tokio::spawn(server),
            _stop: stop.clone().drop_guard(),
            stop,
        }
    }

    pub(crate) async fn set_secrets(&self, secrets: &[&str]) {
        let entry = serde_json::to_vec(secrets).unwrap();
        self.vault.put(&secrets_key(), &entry).await.unwrap();
    }

    /// Waits until the active secret is known: a body that is not JSON is told so only once its
    /// signature was verified.
    async fn verified(&self, id: &str) {
        maestro_testkit::wait_until(std::time::Duration::from_secs(10), async || {
            self.send(self.signed(id, b"no json")).await.status == StatusCode::BAD_REQUEST
        })
        .await;
    }

    /// The webhook address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without headers of its own.
    pub(crate) fn bare(&self) -> RequestBuilder {
        self.client.post(self.url("/api/v1/webhooks/github"))
    }

    /// A request as GitHub sends it, the signature aside.
    pub(crate) fn unsigned(&self, id: &str) -> RequestBuilder {
        self.bare()
            .header("X-GitHub-Delivery", id)
            .header("X-GitHub-Event", "issues")
            .header("Content-Type", "application/json")
    }

    /// A request as GitHub sends it.
    pub(crate) fn signed(&self, id: &str, body: &[u8]) -> RequestBuilder {
        self.signed_with(SECRET, id, body)
    }

    pub(crate) fn signed_with(&self, secret: &str, id: &str, body: &[u8]) -> RequestBuilder {
        self.unsigned(id)
            .header("X-Hub-Signature-256", sign(secret, body))
            .body(body.to_vec())
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    /// How many deliveries are stored.
    pub(crate) async fn stored(&self) -> u64 {
        let state = self.log.stream_state(Stream::Deliveries).await.unwrap();
        state.messages
    }

    /// The delivery stored last.
    pub(crate) async fn last(&self) -> Delivery {
        let state = self.log.stream_state(Stream::Deliveries).await.unwrap();
        self.log.delivery(state.last_seq).await.unwrap().unwrap()
    }
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes: Bytes = response.bytes().await.unwrap();
        Self {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

pub(crate) fn secrets_key() -> VaultKey {
    let github: Provider = "github".parse().unwrap();
    VaultKey::webhook_secrets(&github)
}

/// A JSON object of exactly `bytes` bytes.
pub(crate) fn object_of(bytes: usize) -> Vec<u8> {
    let frame = br#"{"repository":{"full_name":"acme/shop.js"},"pad":""}"#;
    let mut body = frame[..frame.len() - 2].to_vec();
    body.resize(bytes - 2, b'x');
    body.extend_from_slice(b"\"}");
    body
}

/// In the body, and so in nothing else.
pub(crate) const MARK: &str = "a title nobody may log";

pub(crate) async fn send_one_of_each(harness: &Harness) {
    let body = format!("{{\"issue\":{{\"title\":\"{MARK}\"}}}}");
    let broken = format!("{{\"{MARK}\"");
    let requests: [RequestBuilder; 5] = [
        harness.signed("d-1", body.as_bytes()),
        harness.signed("d-1", body.as_bytes()),
        harness.signed("d-2", broken.as_bytes()),
        harness.signed_with("another secret", "d-3", body.as_bytes()),
        harness.unsigned("d-4").body(body.clone()),
    ];
    for request in requests {
        harness.send(request).await;
    }
}
