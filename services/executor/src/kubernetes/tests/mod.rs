//! The backend with a real protocol: the fake cluster of testkit, whose containers are processes.

mod continuing;
mod creating;
mod ends;
mod faults;
mod output;
mod rights;
mod tidying;

use std::{sync::Arc, time::Duration};

use maestro_domain::{
    ExecutorId, RunId,
    report::{End, Execution},
    run::RunSpec,
};
use maestro_testkit::kubernetes::{Kubernetes as Fake, Options};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{testing, *};
use crate::backend::{Channel, Logs as _};

/// Nothing here takes so long, even on a machine that is very busy.
const SOON: Duration = Duration::from_secs(60);

struct Bench {
    fake: Arc<Fake>,
    backend: KubernetesBackend,
    executor: ExecutorId,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Options::default(), |_| {}).await
    }

    async fn with(options: Options, change: impl FnOnce(&mut Settings)) -> Self {
        let fake = Arc::new(Fake::with(options).await);
        let executor = ExecutorId::new(Uuid::new_v4());
        let backend = open(&fake, executor, change).await.unwrap();
        Self {
            fake,
            backend,
            executor,
        }
    }

    /// Another executor process on the same cluster: the first one is gone.
    async fn reopened(self, executor: ExecutorId) -> Self {
        let Self { fake, backend, .. } = self;
        drop(backend);
        let backend = open(&fake, executor, |_| {}).await.unwrap();
        Self {
            fake,
            backend,
            executor,
        }
    }

    async fn shell(&self, script: &str) -> Execution {
        let task = shell(script);
        self.backend
            .ensure(&task, &|| true)
            .await
            .unwrap()
            .execution
    }

    /// Waits for the end; also that it was told in order.
    async fn end(&self, execution: Execution) -> (End, Option<String>) {
        let mut seen = self.backend.observe(execution).unwrap();
        let ended = seen.wait_for(Observation::has_ended);
        let ended = tokio::time::timeout(SOON, ended)
            .await
            .expect("it ends")
            .unwrap();
        match &*ended {
            Observation::Ended { end, detail, .. } => (*end, detail.clone()),
            _ => unreachable!(),
        }
    }

    async fn running(&self, execution: Execution) {
        let mut seen = self.backend.observe(execution).unwrap();
        let runs = seen.wait_for(|now| now.started_at().is_some());
        tokio::time::timeout(SOON, runs)
            .await
            .expect("it starts")
            .unwrap();
    }

    /// The whole output as LOGS would have it, and the notes.
    async fn output(&self, execution: Execution) -> (String, String) {
        let (tail, _) = self.backend.logs(execution, 0).await.unwrap();
        read(tail).await
    }

    /// Path of the one object of a kind.
    fn only(&self, plural: &str) -> String {
        let objects = self.fake.objects(plural);
        assert_eq!(objects.len(), 1, "{plural}: {objects:?}");
        path(plural, &objects[0])
    }

    async fn until(&self, what: &str, condition: impl Fn(&Fake) -> bool) {
        let waiting = async {
            while !condition(&self.fake) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(SOON, waiting).await;
        waited.unwrap_or_else(|_| panic!("never: {what}"));
    }
}

fn path(plural: &str, object: &Value) -> String {
    let group = match plural {
        "jobs" => "apis/batch/v1",
        "networkpolicies" => "apis/networking.k8s.io/v1",
        _ => "api/v1",
    };
    let meta = &object["metadata"];
    let name = meta["name"].as_str().unwrap();
    match meta["namespace"].as_str().filter(|name| !name.is_empty()) {
        Some(namespace) => format!("/{group}/namespaces/{namespace}/{plural}/{name}"),
        None => format!("/{group}/{plural}/{name}"),
    }
}

async fn open(
    fake: &Fake,
    executor: ExecutorId,
    change: impl FnOnce(&mut Settings),
) -> Result<KubernetesBackend, OpenError> {
    let mut settings = testing::settings();
    settings.executor = executor;
    settings.term_grace_s = 2;
    settings.config.kubeconfig = Some(fake.kubeconfig().to_owned());
    settings.config.create_namespace = true;
    change(&mut settings);
    KubernetesBackend::open(settings).await
}

fn task(change: impl FnOnce(&mut RunSpec)) -> Task {
    let mut task = testing::task(change);
    task.start.execution.run = RunId::new(Uuid::new_v4());
    task.start.execution.attempt = 1;
    task
}

fn shell(script: &str) -> Task {
    task(|spec| spec.command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec())
}

async fn read(mut tail: Tail) -> (String, String) {
    let (mut text, mut notes) = (Vec::new(), Vec::new());
    let reading = async {
        while let Some(output) = tail.next().await.unwrap() {
            match output.channel {
                Channel::System => notes.extend_from_slice(&output.bytes),
                _ => text.extend_from_slice(&output.bytes),
            }
        }
    };
    tokio::time::timeout(SOON, reading)
        .await
        .expect("the output ends");
    let text = String::from_utf8(text).unwrap();
    (text, String::from_utf8(notes).unwrap())
}
