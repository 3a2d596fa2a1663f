//! A real OTLP collector that keeps what it is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::Metric,
    trace::v1::Span,
};
use tokio::{net::TcpListener, task::AbortHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::wait_until;

/// A collector on a free loopback port; it ends when this value is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    received: Received,
    server: AbortHandle,
}

#[derive(Debug, Clone, Default)]
struct Received(Arc<Mutex<Everything>>);

#[derive(Debug, Default)]
struct Everything {
    spans: Vec<CollectedSpan>,
    metrics: Vec<Metric>,
}

/// A span and who sent it.
#[derive(Debug, Clone)]
pub struct CollectedSpan {
    /// The attributes of the sender.
    pub resource: Vec<KeyValue>,
    /// The span.
    pub span: Span,
}

impl CollectedSpan {
    /// The trace's id, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex::encode(&self.span.trace_id)
    }

    /// The span's id, 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        hex::encode(&self.span.span_id)
    }

    /// The parent's id, 16 hexadecimal digits; empty for a root.
    #[must_use]
    pub fn parent_id(&self) -> String {
        hex::encode(&self.span.parent_span_id)
    }

    /// A text attribute of the span, else of its sender.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let attributes = self.span.attributes.iter().chain(&self.resource);
        let found = attributes
            .into_iter()
            .find(|attribute| attribute.key == key)?;
        match found.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => Some(text),
            _ => None,
        }
    }
}

impl Collector {
    /// Starts a collector.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let received = Received::default();
        let served = Server::builder()
            .add_service(TraceServiceServer::new(received.clone()))
            .add_service(MetricsServiceServer::new(received.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(served).abort_handle();
        Self {
            address,
            received,
            server,
        }
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.received.lock().spans.clone()
    }

    /// The metrics so far, in the order of their arrival.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        self.received.lock().metrics.clone()
    }

    /// Waits until `enough` holds for the spans so far; panics after `deadline`.
    pub async fn wait_for(&self, deadline: Duration, enough: impl Fn(&[CollectedSpan]) -> bool) {
        wait_until(deadline, async || enough(&self.spans())).await;
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Received {
    fn lock(&self) -> MutexGuard<'_, Everything> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for from in request.into_inner().resource_spans {
            let resource = from.resource.unwrap_or_default().attributes;
            let spans = from.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let collected = spans.map(|span| CollectedSpan {
                resource: resource.clone(),
                span,
            });
            self.lock().spans.extend(collected);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let from = request.into_inner().resource_metrics.into_iter();
        let metrics = from
            .flat_map(|from| from.scope_metrics)
            .flat_map(|scope| scope.metrics);
        self.lock().metrics.extend(metrics);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
