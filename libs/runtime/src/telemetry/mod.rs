//! Logs, traces and metrics of a process.

mod bridge;
mod exporter;
mod log;
mod metrics;
mod process;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::{metrics::SdkMeterProvider, trace::SdkTracerProvider};
use serde::Deserialize;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt,
};

pub use metrics::text as metrics_text;

/// How a process reports about itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written, as in `info,maestro_gateway=debug`. The environment variables
    /// `MAESTRO_LOG` and `RUST_LOG` win over it.
    pub log: Option<String>,
    /// Which services this process runs, as in `conductor`; an attribute of its traces.
    pub role: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text when stderr is a terminal, else JSON.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was set up before.
    #[error("telemetry is set up once per process")]
    AlreadySetUp,
    /// The log filter is malformed.
    #[error("the log filter is malformed: check MAESTRO_LOG, RUST_LOG and telemetry.log")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The OTLP exporter is misconfigured.
    #[error("the OTLP exporter is misconfigured: check the OTEL_EXPORTER_OTLP_… variables")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The Prometheus recorder is misconfigured.
    #[error("the metrics recorder cannot be built")]
    Recorder(#[from] metrics_exporter_prometheus::BuildError),
}

/// Keeps the exporters; to be shut down last, so that the last spans arrive.
#[must_use]
#[derive(Debug)]
pub struct Guard {
    tracer: SdkTracerProvider,
    meter: Option<SdkMeterProvider>,
}

impl Guard {
    /// Sends what is still waiting, for at most a few seconds.
    pub async fn shutdown(self) {
        let flush = move || {
            // An absent collector is no reason to fail a stop.
            let _ = self.tracer.shutdown();
            let _ = self.meter.map(|meter| meter.shutdown());
        };
        let _ = tokio::task::spawn_blocking(flush).await;
    }
}

/// Sets up logs (to stderr), traces and metrics of this process. Traces and metrics are exported
/// when `OTEL_EXPORTER_OTLP_ENDPOINT` is set; spans have ids in any case, and
/// [`metrics_text`] works in any case. To be called once, within a Tokio runtime.
///
/// # Errors
/// A malformed log filter or exporter setting, or a second call.
pub fn init(config: &TelemetryConfig) -> Result<Guard, Error> {
    let resource = exporter::resource(config.role.as_deref());
    let exports = exporter::is_wanted();
    let tracer = exporter::tracer_provider(resource.clone(), exports)?;
    let meter = exports
        .then(|| exporter::meter_provider(resource))
        .transpose()?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer.tracer("maestro"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_ours));
    let logs = log::layer::<Registry>(config.log_format).with_filter(filter(config)?);
    tracing_subscriber::registry()
        .with(logs)
        .with(spans)
        .try_init()
        .map_err(|_| Error::AlreadySetUp)?;
    metrics::install(meter.as_ref())?;
    Ok(Guard { tracer, meter })
}

/// Libraries' spans are noise, and debug ones cost too much to be always on.
fn is_ours(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.is_span()
        && *metadata.level() <= tracing::Level::INFO
        && metadata.target().starts_with("maestro")
}

fn filter(config: &TelemetryConfig) -> Result<EnvFilter, Error> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let wanted = set("MAESTRO_LOG")
        .or_else(|| set("RUST_LOG"))
        .or_else(|| config.log.clone());
    Ok(EnvFilter::try_new(wanted.as_deref().unwrap_or("info"))?)
}
