//! One webhook request: headers, signature, body, store, answer.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_LENGTH, EXPECT},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use maestro_domain::ids::{DeliveryId, Provider};
use maestro_eventlog::{Delivery, EventLog, Stored};
use maestro_forge::{Encoding, Envelope, Outline, Secret, Signature, Source};
use maestro_runtime::{clock, trace};
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::{
    body, config::Config, failures::Failures, memory::Memory, outcome::Outcome, refusal::Refusal,
    secrets::Secrets,
};

/// Namespace of correlation ids.
const CORRELATION: Uuid = Uuid::from_u128(0x6d61_6573_7472_6f2d_8f3a_77cb_0d5e_c0de);

/// Time within which an answer is due, waiting for memory included.
const ANSWER_WITHIN: Duration = Duration::from_millis(7_500);

/// A body longer than this is verified on a thread of its own, in bytes.
const INLINE: usize = 256 * 1024;

/// The endpoint of one source host.
pub(crate) struct Endpoint {
    pub(crate) source: &'static dyn Source,
    pub(crate) secrets: Secrets,
    pub(crate) failures: Arc<Failures>,
    pub(crate) memory: Memory,
    pub(crate) log: EventLog,
    pub(crate) config: Arc<Config>,
}

#[derive(Serialize)]
struct Answer {
    correlation_id: Uuid,
    delivery_id: DeliveryId,
    status: &'static str,
    duplicate: bool,
}

impl Endpoint {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request) -> Response {
        let started = Instant::now();
        let (parts, mut body) = request.into_parts();
        let result = self.accept(&parts, &mut body).await;
        let (outcome, response) = match result {
            Ok((outcome, answer)) => (outcome, answer.into_response()),
            Err(refusal) => {
                // A sender that asked first (`Expect`) sends nothing more once it is refused.
                if refusal != Refusal::Slow && !parts.headers.contains_key(EXPECT) {
                    body::drain(body, &self.config).await;
                }
                (refusal.outcome(), refusal.into_response())
            }
        };
        outcome.record(started.elapsed());
        response
    }

    async fn accept(
        &self,
        parts: &Parts,
        body: &mut Body,
    ) -> Result<(Outcome, (StatusCode, Json<Answer>)), Refusal> {
        let envelope = self.source.envelope(&parts.headers)?;
        let traceparent = traceparent(&parts.headers);
        let span = tracing::info_span!(
            "webhook",
            provider = %self.source.provider(),
            delivery.id = %envelope.delivery,
            event = %envelope.event,
        );
        trace::set_parent(&span, traceparent);
        async {
            let result = self.verify_and_store(parts, body, envelope).await;
            let outcome = match &result {
                Ok((outcome, _)) => *outcome,
                Err(refusal) => refusal.outcome(),
            };
            let outcome = outcome.as_str();
            trace::set_attribute(&Span::current(), "outcome", outcome);
            match &result {
                Ok(_) => tracing::debug!(outcome, "webhook answered"),
                Err(Refusal::TooManyFailures { .. }) => tracing::debug!(outcome, "webhook refused"),
                Err(refusal) => tracing::info!(outcome, reason = %refusal, "webhook refused"),
            }
            result
        }
        .instrument(span)
        .await
    }

    async fn verify_and_store(
        &self,
        parts: &Parts,
        body: &mut Body,
        envelope: Envelope,
    ) -> Result<(Outcome, (StatusCode, Json<Answer>)), Refusal> {
        let signature = match self.source.signature(&parts.headers) {
            Ok(signature) => signature,
            Err(error) => return Err(self.unverified(parts, error.into())),
        };
        let announced = content_length(&parts.headers);
        let received = body::receive(body, announced, &self.config, &self.memory).await?;
        let candidates = self.secrets.candidates(envelope.hook.as_deref()).await;
        let check = Check {
            source: self.source,
            signature,
            encoding: envelope.encoding,
            body: received.bytes.clone(),
            candidates: candidates.ok_or(Refusal::Unavailable)?,
        };
        let outline = match check.run().await {
            Err(Refusal::Mismatch) => return Err(self.unverified(parts, Refusal::Mismatch)),
            checked => checked?,
        };
        let provider = self.source.provider().clone();
        let delivery = delivery(provider, envelope, outline, received.bytes, &parts.headers);
        let stored = self.store(&delivery, received.waited).await;
        drop(received.held);
        Ok(answer(delivery, stored?))
    }

    /// Counts a failed verification; over the limit the refusal becomes another.
    fn unverified(&self, parts: &Parts, refusal: Refusal) -> Refusal {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        match self.failures.record(peer.map(|peer| peer.0.ip())) {
            Ok(()) => refusal,
            Err(retry_after) => Refusal::TooManyFailures { retry_after },
        }
    }

    async fn store(&self, delivery: &Delivery, waited: Duration) -> Result<Stored, Refusal> {
        let patience = ANSWER_WITHIN
            .saturating_sub(waited)
            .min(self.config.ack_timeout());
        match timeout(patience, self.log.store_delivery(delivery)).await {
            Ok(Ok(stored)) => Ok(stored),
            Ok(Err(error)) if error.is_unavailable() => Err(Refusal::Unavailable),
            Ok(Err(error)) => {
                tracing::error!(%error, "the broker does not take deliveries");
                Err(Refusal::Unavailable)
            }
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}

/// What is looked at once the body is there.
struct Check {
    source: &'static dyn Source,
    signature: Signature,
    encoding: Encoding,
    body: Bytes,
    candidates: Arc<[Secret]>,
}

impl Check {
    async fn run(self) -> Result<Outline, Refusal> {
        if self.body.len() <= INLINE {
            return self.now();
        }
        let checked = tokio::task::spawn_blocking(move || self.now()).await;
        checked.unwrap_or(Err(Refusal::Unavailable))
    }

    fn now(&self) -> Result<Outline, Refusal> {
        if !self.signature.verifies(&self.body, &self.candidates) {
            return Err(Refusal::Mismatch);
        }
        Ok(self.source.outline(self.encoding, &self.body)?)
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The sender's trace context, when it is well formed.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    trace::trace_id(text).map(|_| text)
}

fn delivery(
    provider: Provider,
    envelope: Envelope,
    outline: Outline,
    body: Bytes,
    headers: &HeaderMap,
) -> Delivery {
    let traceparent = trace::current_traceparent()
        .or_else(|| traceparent(headers).map(ToOwned::to_owned))
        .unwrap_or_else(trace::new_traceparent);
    Delivery {
        provider,
        event: envelope.event,
        repository: outline.repository,
        id: envelope.delivery,
        hook_id: envelope.hook,
        form: envelope.encoding == Encoding::Form,
        body,
        received_at: clock::now(),
        traceparent: Some(traceparent),
    }
}

fn answer(delivery: Delivery, stored: Stored) -> (Outcome, (StatusCode, Json<Answer>)) {
    let (outcome, code, status, duplicate) = match stored {
        Stored::New { .. } => (Outcome::Accepted, StatusCode::ACCEPTED, "accepted", false),
        Stored::Duplicate => (Outcome::Duplicate, StatusCode::OK, "duplicate", true),
    };
    let answer = Answer {
        correlation_id: correlation_id(&delivery.provider, &delivery.id),
        delivery_id: delivery.id,
        status,
        duplicate,
    };
    (outcome, (code, Json(answer)))
}

/// The same for every attempt at one delivery.
fn correlation_id(provider: &Provider, delivery: &DeliveryId) -> Uuid {
    Uuid::new_v5(&CORRELATION, format!("{provider}/{delivery}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correlation_id_depends_on_provider_and_delivery_alone() {
        let id = |provider: &str, delivery: &str| {
            correlation_id(&provider.parse().unwrap(), &delivery.parse().unwrap())
        };
        assert_eq!(id("github", "a"), id("github", "a"));
        assert_ne!(id("github", "a"), id("github", "b"));
        assert_ne!(id("github", "a"), id("gitlab", "a"));
        assert_eq!(
            id("github", "72d3162e-cc78-11e3-81ab-4c9367dc0958").to_string(),
            "bf778565-942a-5f51-9e62-5ab32d676954"
        );
    }
}
