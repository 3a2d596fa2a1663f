//! What the tests share.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use maestro_domain::Timestamp;
use maestro_eventlog::{Delivery, EventLog, Settings};
use maestro_testkit::Nats;

/// Longest any single wait of a test may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) async fn start() -> (Nats, EventLog) {
    let nats = Nats::start().await;
    let log = connect(&nats).await;
    log.ensure().await.unwrap();
    (nats, log)
}

pub(crate) async fn connect(nats: &Nats) -> EventLog {
    EventLog::connect(&Settings::single(nats.url()))
        .await
        .unwrap()
}

/// JetStream without this crate between.
pub(crate) async fn raw(nats: &Nats) -> async_nats::jetstream::Context {
    let url = nats.url();
    let (user_info, host) = url
        .strip_prefix("nats://")
        .and_then(|rest| rest.split_once('@'))
        .expect("nats://user:password@host");
    let (user, password) = user_info.split_once(':').expect("user:password");
    let options = async_nats::ConnectOptions::with_user_and_password(user.into(), password.into());
    async_nats::jetstream::new(options.connect(host).await.unwrap())
}

pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, work)
        .await
        .expect("it takes too long")
}

pub(crate) fn delivery(id: &str) -> Delivery {
    Delivery {
        provider: "github".parse().unwrap(),
        event: "issues".to_owned(),
        repository: Some(("acme".to_owned(), "web.shop".to_owned())),
        id: id.parse().unwrap(),
        hook_id: Some("42".to_owned()),
        form: false,
        body: Bytes::from(format!("{{\"id\":\"{id}\"}}")),
        received_at: Timestamp::from_millis(1_795_176_000_123),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

/// Tries until the broker is back.
pub(crate) async fn until_stored(log: &EventLog, delivery: &Delivery) {
    soon(async {
        while let Err(error) = log.store_delivery(delivery).await {
            assert!(error.is_unavailable(), "{error}");
        }
    })
    .await;
}
