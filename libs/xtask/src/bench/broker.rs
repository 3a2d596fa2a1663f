//! The broker that all contestants of a run share.

use anyhow::Context as _;
use maestro_testkit::Nats;

use super::results::Sync;

pub(crate) struct Broker {
    nats: Nats,
}

impl Broker {
    pub(crate) async fn start(sync: Sync) -> Self {
        let nats = match sync {
            Sync::Always => Nats::durable().await,
            Sync::Default => Nats::start().await,
        };
        Self { nats }
    }

    pub(crate) fn url(&self) -> String {
        self.nats.url()
    }

    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.nats.pid().context("the broker is down")
    }
}
