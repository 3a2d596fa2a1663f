//! One trace from webhook to result, and no secret anywhere.

mod secrets;

use std::{collections::BTreeMap, time::Duration};

use maestro_domain::RunId;
use maestro_eventlog::LogMessage;
use maestro_testkit::otlp::{CollectedSpan, Collector};
use serde_json::Value;

use self::secrets::Planted;
use crate::common::{Deployment, Setup, Topology, github::labeled, history::History};

const SOON: Duration = Duration::from_secs(60);

fn stack(secret: &str) -> String {
    format!(
        r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {{name: traced}}
spec:
  triggers:
    - {{name: traced, on: {{event: issues, actions: [labeled]}}, run: traced}}
  runs:
    traced:
      command: [sh, -c, 'echo "trace $TRACEPARENT"; echo "token $API_TOKEN"; echo "again $API_TOKEN" >&2; exit 3']
      env: {{API_TOKEN: {secret}}}
      prompt: "Use {secret}-in-a-prompt"
      timeout: 1m
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_through_one_process_and_shows_no_secret() {
    let traced = Traced::run(Topology::Up).await;
    traced.assert_no_secret().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_through_a_process_for_each_service() {
    Traced::run(Topology::Services)
        .await
        .deployment
        .stop_leaving_nothing()
        .await;
}

/// A run whose trace is complete.
struct Traced {
    deployment: Deployment,
    collector: Collector,
    secret: String,
    delivery: String,
    run: RunId,
    printed: BTreeMap<&'static str, String>,
}

impl Traced {
    async fn run(topology: Topology) -> Self {
        let collector = Collector::start().await;
        let secret = format!("planted-{}", uuid::Uuid::new_v4().simple());
        let setup = Setup::new(topology)
            .stack(stack(&secret))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
            // Everything of Maestro's own that could say too much.
            .env("MAESTRO_LOG", "debug,maestro=trace");
        let deployment = setup.start().await;
        let delivery = deployment.deliver("issues", &labeled(1, "any")).await;
        let log = deployment.log().await;
        let ended = async || Some(History::read(&log).await).filter(|history| history.all_ended(1));
        let history = deployment
            .eventually("the run has ended", SOON, ended)
            .await;
        deployment.caught_up(&history).await;
        let (run, story) = history.runs().into_iter().next().unwrap();
        let printed = output(&deployment, run).await;

        let trace = trace_id(
            story
                .requested
                .as_ref()
                .unwrap()
                .traceparent
                .as_deref()
                .unwrap(),
        );
        assert!(
            printed["stdout"].contains(&format!("trace 00-{trace}-")),
            "{printed:?}"
        );
        let shown = deployment
            .cli(["runs", "show", &run.to_string(), "--output", "json"])
            .await;
        assert_eq!(shown.json()["run"]["traceId"], Value::from(trace.as_str()));
        let complete = |spans: &[CollectedSpan]| {
            let of_trace: Vec<_> = spans
                .iter()
                .filter(|span| span.trace_id() == trace)
                .collect();
            let has = |name: &str, key: &str, value: &str| {
                let fits = |span: &&&CollectedSpan| {
                    span.span.name == name && (key.is_empty() || span.attribute(key) == Some(value))
                };
                of_trace.iter().any(|span| fits(&span))
            };
            has("webhook", "delivery.id", &delivery)
            && has("decide", "stream", "DELIVERIES")
            && has("run", "run.id", &run.to_string())
            // Claim, start and result come back as reports.
            && of_trace.iter().filter(|span| span.attribute("stream") == Some("REPORTS")).count() >= 3
        };
        collector.wait_for(SOON, complete).await;
        assert_connected(&collector, &trace);

        Self {
            deployment,
            collector,
            secret,
            delivery,
            run,
            printed,
        }
    }

    async fn assert_no_secret(self) {
        let Self {
            mut deployment,
            collector,
            secret,
            delivery,
            run,
            printed,
        } = self;
        let planted = Planted::of(&mut deployment, &secret).await;
        planted.assert_in_no_output(&printed);
        planted
            .assert_in_no_answer(&deployment, run, &delivery)
            .await;
        planted.assert_in_no_stream(&deployment.log().await).await;
        planted.assert_in_no_span(&collector);
        deployment.stop().await;
        planted.assert_in_no_file(&deployment);
    }
}

/// Every span of the trace but the webhook's has its parent in the trace.
fn assert_connected(collector: &Collector, trace: &str) {
    let spans = collector.spans();
    let of_trace: Vec<_> = spans
        .iter()
        .filter(|span| span.trace_id() == trace)
        .collect();
    let ids: Vec<_> = of_trace.iter().map(|span| span.span_id()).collect();
    let roots = of_trace
        .iter()
        .filter(|span| !ids.contains(&span.parent_id()));
    let roots: Vec<_> = roots.map(|span| span.span.name.clone()).collect();
    assert_eq!(roots, ["webhook"], "one root");
}

fn trace_id(traceparent: &str) -> String {
    traceparent
        .split('-')
        .nth(1)
        .expect("00-<trace>-<span>-<flags>")
        .to_owned()
}

/// What a run printed, by output, as everybody may read it.
async fn output(deployment: &Deployment, run: RunId) -> BTreeMap<&'static str, String> {
    let mut reader = deployment.log().await.logs(run, 1);
    let mut printed: BTreeMap<_, String> = BTreeMap::new();
    loop {
        let next = tokio::time::timeout(SOON, reader.next()).await;
        match next.expect("the end of the log").unwrap() {
            LogMessage::Chunk(chunk) => {
                let text = String::from_utf8_lossy(&chunk.bytes);
                printed
                    .entry(chunk.output.as_str())
                    .or_default()
                    .push_str(&text);
            }
            LogMessage::End => return printed,
        }
    }
}
