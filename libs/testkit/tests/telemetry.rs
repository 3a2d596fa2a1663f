//! Telemetry of a whole process, against a real collector. One test: it is set up once.
#![allow(clippy::unwrap_used)]

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use maestro_runtime::{
    secret::register_secret,
    telemetry::{self, TelemetryConfig},
    trace,
};
use maestro_testkit::otlp::Collector;

const CHILD: &str = "MAESTRO_TEST_TELEMETRY_CHILD";
const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The process under observation: this test binary again, so that its environment is its own.
async fn observed() {
    let role = Some("tests".to_owned());
    let guard = telemetry::init(&TelemetryConfig {
        role,
        ..TelemetryConfig::default()
    })
    .unwrap();
    assert!(telemetry::init(&TelemetryConfig::default()).is_err());
    register_secret("s3same-open");
    let span = tracing::info_span!(target: "maestro_test", "decide", run.id = "run_1", token = "s3same-open");
    trace::set_parent(&span, Some(REMOTE));
    span.in_scope(|| tracing::info!(token = "s3same-open", "decided"));
    drop(span);
    for _ in 0..2 {
        metrics::counter!("maestro_test_total", "kind" => "a").increment(2);
        metrics::gauge!("maestro_test_open").increment(1);
        metrics::histogram!("maestro_test_seconds").record(0.02);
    }
    println!("{}", telemetry::metrics_text());
    guard.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_traces_and_metrics_leave_the_process_without_secrets() {
    if env::var_os(CHILD).is_some() {
        return observed().await;
    }
    let collector = Collector::start().await;
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args([
            "--exact",
            "--nocapture",
            "logs_traces_and_metrics_leave_the_process_without_secrets",
        ])
        .env(CHILD, "1")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .env_remove("MAESTRO_LOG")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{stdout}{stderr}");

    assert!(!stderr.contains("s3same"), "{stderr}");
    let line = stderr
        .lines()
        .find(|line| line.contains("decided"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["token"], &line["span"]["run.id"]),
        (&"[redacted]".into(), &"run_1".into())
    );

    collector
        .wait_for(Duration::from_secs(10), |spans| !spans.is_empty())
        .await;
    let spans = collector.spans();
    let [span] = spans.as_slice() else {
        panic!("one span: {spans:?}")
    };
    assert_eq!(span.span.name, "decide");
    assert_eq!(span.trace_id(), trace::trace_id(REMOTE).unwrap());
    assert_eq!(span.parent_id(), "b7ad6b7169203331");
    assert_eq!(span.attribute("service.name"), Some("maestro"));
    assert_eq!(span.attribute("maestro.role"), Some("tests"));
    assert_eq!(span.attribute("token"), Some("[redacted]"));
    assert!(!format!("{spans:?}").contains("s3same"));

    let sent: Vec<_> = collector
        .metrics()
        .into_iter()
        .map(|metric| metric.name)
        .collect();
    for name in [
        "maestro_test_total",
        "maestro_test_open",
        "maestro_test_seconds",
    ] {
        assert!(sent.iter().any(|sent| sent == name), "{name} in {sent:?}");
    }
    for line in [
        "maestro_test_total{kind=\"a\"} 4",
        "maestro_test_open 2",
        "maestro_test_seconds_bucket{le=\"0.025\"} 2",
    ] {
        assert!(
            stdout.lines().any(|printed| printed == line),
            "{line} in {stdout}"
        );
    }
    assert!(
        stdout.contains("process_resident_memory_bytes "),
        "{stdout}"
    );
}
