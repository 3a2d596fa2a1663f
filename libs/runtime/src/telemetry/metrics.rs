//! Metrics recorded through the `metrics` macros, for Prometheus and OTLP.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::{Error, bridge::Both, process};

const UPKEEP_EVERY: Duration = Duration::from_secs(15);

/// From half a millisecond to a minute.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// All metrics in Prometheus' text format; empty before telemetry is set up.
#[must_use]
pub fn text() -> String {
    process::record();
    HANDLE
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default()
}

/// Makes `metrics` macros record for Prometheus, and for `meter` when there is one.
pub(super) fn install(meter: Option<&SdkMeterProvider>) -> Result<(), Error> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .build_recorder();
    let handle = recorder.handle();
    let installed = match meter {
        None => metrics::set_global_recorder(recorder).is_ok(),
        Some(meter) => {
            let both = Both::new(recorder, meter.meter("maestro"));
            metrics::set_global_recorder(both).is_ok()
        }
    };
    if !installed || HANDLE.set(handle.clone()).is_err() {
        return Err(Error::AlreadySetUp);
    }
    process::describe();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_EVERY);
        loop {
            ticks.tick().await;
            process::record();
            handle.run_upkeep();
        }
    });
    Ok(())
}
