//! Runs on a cluster, from a webhook to what people see: Maestro and the executor are real, the
//! cluster is the testkit's.

use std::time::Duration;

use maestro_testkit::kubernetes::Kubernetes;
use serde_json::Value;

use crate::common::{Deployment, Setup, Topology, github::labeled};

const WITHIN: Duration = Duration::from_secs(90);

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: cluster}
spec:
  triggers:
    - {name: fails, on: {event: issues, actions: [labeled], labels: ["run:fails"]}, run: fails}
    - {name: waits, on: {event: issues, actions: [labeled], labels: ["run:waits"]}, run: waits}
  runs:
    fails: {image: "busybox:1", command: [sh, -c, 'echo from the cluster; exit 3'], timeout: 5m}
    waits: {image: "busybox:1", command: [sh, -c, 'while :; do sleep 0.1; done'], timeout: 5m, mode: full-env}
"#;

struct Cluster {
    kubernetes: Kubernetes,
    deployment: Deployment,
}

impl Cluster {
    async fn start() -> Self {
        let kubernetes = Kubernetes::start().await;
        let setting = |key: &str| format!("MAESTRO__EXECUTOR__{key}");
        let kubeconfig = kubernetes.kubeconfig().display().to_string();
        let deployment = Setup::new(Topology::Services)
            .stack(STACK)
            .env(&setting("BACKEND"), "kubernetes")
            .env(&setting("KUBERNETES__KUBECONFIG"), kubeconfig)
            .start()
            .await;
        Self {
            kubernetes,
            deployment,
        }
    }

    /// Delivers a webhook and waits until the run it starts is as wanted; its `runs show`.
    async fn run(&self, number: u64, label: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let id = self
            .deployment
            .deliver("issues", &labeled(number, label))
            .await;
        self.until(&id, wanted).await
    }

    async fn until(&self, delivery: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = String::new();
        let find = async || {
            let list = ["runs", "list", "--delivery", delivery, "--output", "json"];
            let list = self.deployment.cli(list).await.json();
            let id = list["runs"][0]["id"].as_str()?.to_owned();
            let show = ["runs", "show", &id, "--output", "json"];
            let shown = self.deployment.cli(show).await.json();
            let run = &shown["run"];
            let now = format!("{} {} {}", run["status"], run["attempt"], run["reason"]);
            if now != seen {
                eprintln!("{delivery}: {now}");
                seen = now;
            }
            wanted(&shown).then_some(shown)
        };
        let what = format!("the run of {delivery} is as wanted");
        self.deployment.eventually(&what, WITHIN, find).await
    }

    async fn table(&self, run: &str) -> String {
        self.deployment.cli(["runs", "show", run]).await.text()
    }
}

fn ended(shown: &Value) -> bool {
    shown["run"]["finishedAt"].is_string() || shown["run"]["finished_at"].is_string()
}

fn id(shown: &Value) -> String {
    shown["run"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_becomes_a_job_and_its_end_is_told_truthfully() {
    let cluster = Cluster::start().await;
    let failed = cluster.run(1, "run:fails", ended).await;
    assert_eq!(failed["run"]["reason"], "exit_code", "{failed:#}");
    let table = cluster.table(&id(&failed)).await;
    assert!(table.contains("maestro-runs"), "{table}");
    let logs = ["runs", "logs", &id(&failed)];
    let logs = cluster.deployment.cli(logs).await.text();
    assert_eq!(logs, "from the cluster\n");
    cluster.deployment.stop_leaving_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_out_of_memory_is_the_runs_own_fault_and_an_evicted_one_is_repeated() {
    let cluster = Cluster::start().await;
    let runs = |shown: &Value| {
        shown["run"]["status"]
            .as_str()
            .is_some_and(|s| s.to_lowercase().contains("running"))
    };
    let pod = |shown: &Value| {
        let place = &shown["run"]["place"];
        format!(
            "/api/v1/namespaces/{}/pods/{}",
            place["namespace"].as_str().unwrap(),
            place["pod"].as_str().unwrap()
        )
    };
    let first = cluster.run(1, "run:waits", runs).await;
    let delivery = first["run"]["deliveryId"]
        .as_str()
        .or(first["run"]["delivery_id"].as_str())
        .unwrap()
        .to_owned();
    assert!(cluster.kubernetes.evict(&pod(&first)));
    let second = cluster
        .until(&delivery, |shown| {
            shown["run"]["attempt"] == 2 && runs(shown)
        })
        .await;
    let table = cluster.table(&id(&second)).await;
    assert!(table.contains("evicted"), "{table}");
    assert!(cluster.kubernetes.oom_kill(&pod(&second)));
    let killed = cluster.until(&delivery, ended).await;
    assert_eq!(killed["run"]["reason"], "oom_killed", "{killed:#}");
    assert_eq!(killed["run"]["fault"], "user");
    assert_eq!(cluster.kubernetes.most_live(), 1, "never two at once");
    cluster.deployment.stop_leaving_nothing().await;
}
