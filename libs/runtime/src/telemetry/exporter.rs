//! Export over OTLP, set up by the standard `OTEL_EXPORTER_OTLP_…` variables.

use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::SdkMeterProvider,
    trace::{BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter as ExportSpans},
};

use super::Error;
use crate::secret::mask;

/// Whether a collector is configured.
pub(super) fn is_wanted() -> bool {
    std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some_and(|endpoint| !endpoint.is_empty())
}

/// Who reports. `OTEL_RESOURCE_ATTRIBUTES` adds to it.
pub(super) fn resource(role: Option<&str>) -> Resource {
    let own = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    let role = role.map(|role| KeyValue::new("maestro.role", role.to_owned()));
    Resource::builder()
        .with_attributes(own)
        .with_attributes(role)
        .with_service_name("maestro")
        .build()
}

/// Gives spans their ids, and exports them when `exports`.
pub(super) fn tracer_provider(
    resource: Resource,
    exports: bool,
) -> Result<SdkTracerProvider, Error> {
    let builder = SdkTracerProvider::builder().with_resource(resource);
    if !exports {
        return Ok(builder.build());
    }
    let exporter = Masking(SpanExporter::builder().with_tonic().build()?);
    Ok(builder
        .with_span_processor(BatchSpanProcessor::builder(exporter).build())
        .build())
}

/// Exports metrics from time to time (`OTEL_METRIC_EXPORT_INTERVAL`, a minute by default).
pub(super) fn meter_provider(resource: Resource) -> Result<SdkMeterProvider, Error> {
    let exporter = MetricExporter::builder().with_tonic().build()?;
    Ok(SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(exporter)
        .build())
}

/// Masks registered secrets in attributes and events, as the log does in lines.
#[derive(Debug)]
struct Masking<E>(E);

impl<E: ExportSpans> ExportSpans for Masking<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        for span in &mut batch {
            mask_attributes(&mut span.attributes);
            for event in &mut span.events.events {
                event.name = mask(&event.name).into_owned().into();
                mask_attributes(&mut event.attributes);
            }
        }
        self.0.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: std::time::Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn mask_attributes(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if let Value::String(text) = &attribute.value {
            attribute.value = mask(text.as_str()).into_owned().into();
        }
    }
}
