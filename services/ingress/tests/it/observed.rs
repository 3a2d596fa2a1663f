//! What operators see of webhooks, and what they must not.

use metrics_exporter_prometheus::PrometheusBuilder;

use crate::harness::{Harness, send_one_of_each};

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
