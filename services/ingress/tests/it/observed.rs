//! What operators see of webhooks, and what they must not.

use std::{
    io,
    sync::{Arc, Mutex},
};

use maestro_testkit::github::sign;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::RequestBuilder;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::harness::{Harness, SECRET};

/// In the body, and so in nothing else.
const MARK: &str = "a title nobody may log";

async fn send_one_of_each(harness: &Harness) {
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

#[tokio::test]
async fn requests_are_counted_by_outcome() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let rendered = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let harness = Harness::start().await;
    let before = rendered.render();
    send_one_of_each(&harness).await;
    let after = rendered.render();

    let count = |text: &str, outcome: &str| -> u64 {
        let name = format!("maestro_webhooks_total{{outcome=\"{outcome}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    };
    for (outcome, more) in [
        ("accepted", 1),
        ("duplicate", 1),
        ("invalid", 1),
        ("unauthorized", 2),
    ] {
        assert_eq!(
            count(&after, outcome) - count(&before, outcome),
            more,
            "{outcome}"
        );
    }
    assert!(after.contains("maestro_webhook_duration_seconds"));
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// Everything that is logged on this thread, Maestro's own crates at their most talkative.
fn logged() -> (Lines, DefaultGuard) {
    let lines = Lines::default();
    let filter =
        EnvFilter::new("warn,maestro_ingress=trace,maestro_forge=trace,maestro_eventlog=trace");
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn logs_name_deliveries_and_hold_neither_bodies_nor_secrets() {
    let (lines, _here) = logged();
    let harness = Harness::start().await;
    send_one_of_each(&harness).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for delivery in ["d-1", "d-2", "d-3", "d-4"] {
        assert!(text.contains(&format!("delivery.id={delivery}")), "{text}");
    }
    assert!(text.contains("the signature does not match"), "{text}");
    let signature = sign(
        SECRET,
        format!("{{\"issue\":{{\"title\":\"{MARK}\"}}}}").as_bytes(),
    );
    for hidden in [MARK, SECRET, "another secret", &signature] {
        assert!(!text.contains(hidden), "{hidden} is logged:\n{text}");
    }
}
