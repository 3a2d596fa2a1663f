//! GitHub's webhooks.

mod facts;
mod field;
mod headers;
mod identity;
mod subject;

use std::sync::LazyLock;

use http::HeaderMap;
use maestro_domain::{DeliveryFacts, ids::Provider};

use crate::{
    body,
    error::{BodyError, HeaderError, ReduceError, SignatureError},
    signature::Signature,
    source::{Encoding, Envelope, Outline, Received, Source},
};

static PROVIDER: LazyLock<Provider> =
    LazyLock::new(|| "github".parse().expect("a literal that is a token"));

/// github.com and GitHub Enterprise.
pub(crate) struct GitHub;

impl Source for GitHub {
    fn provider(&self) -> &Provider {
        &PROVIDER
    }

    fn envelope(&self, headers: &HeaderMap) -> Result<Envelope, HeaderError> {
        headers::envelope(headers)
    }

    fn signature(&self, headers: &HeaderMap) -> Result<Signature, SignatureError> {
        headers::signature(headers)
    }

    fn outline(&self, encoding: Encoding, body: &[u8]) -> Result<Outline, BodyError> {
        body::outline(encoding, body)
    }

    fn reduce(&self, received: &Received<'_>) -> Result<DeliveryFacts, ReduceError> {
        facts::reduce(&PROVIDER, received)
    }
}
