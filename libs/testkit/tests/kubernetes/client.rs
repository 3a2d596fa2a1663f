//! A plain HTTPS client.

use std::time::Duration;

use maestro_testkit::{
    kubernetes::{Kubernetes, Options},
    wait_until,
};
use reqwest::{Certificate, Method, StatusCode};
use serde_json::{Value, json};

pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Api {
    pub(crate) cluster: Kubernetes,
    pub(crate) http: reqwest::Client,
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let cluster = Kubernetes::with(options).await;
        let ca = Certificate::from_pem(cluster.ca().as_bytes()).unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([ca])
            .user_agent("test/1")
            .build()
            .unwrap();
        let api = Self { cluster, http };
        if api
            .cluster
            .object("/api/v1/namespaces/default/serviceaccounts/default")
            .is_none()
        {
            api.until("/api/v1/namespaces/default/serviceaccounts/default", |_| {
                true
            })
            .await;
        }
        api
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> (StatusCode, Value) {
        let request = self
            .http
            .request(method, format!("{}{path}", self.cluster.url()));
        let request = request
            .bearer_auth(self.cluster.token())
            .header("content-type", kind)
            .body(body);
        let answer = request.send().await.unwrap();
        let code = answer.status();
        let text = answer.text().await.unwrap();
        (
            code,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        self.send(
            method,
            path,
            "application/json",
            body.to_string().into_bytes(),
        )
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, "application/json", Vec::new())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let (code, value) = self.json(Method::POST, path, body).await;
        assert_eq!(code, StatusCode::CREATED, "{value}");
        value
    }

    pub(crate) async fn patch(&self, path: &str, kind: &str, body: &Value) -> (StatusCode, Value) {
        self.send(
            Method::PATCH,
            path,
            &format!("application/{kind}"),
            body.to_string().into_bytes(),
        )
        .await
    }

    pub(crate) async fn delete(&self, path: &str, options: &Value) -> (StatusCode, Value) {
        self.json(Method::DELETE, path, options).await
    }

    /// Waits until an object is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_until(SOON, async || {
            self.cluster
                .object(path)
                .is_some_and(|object| wanted(&object))
        })
        .await;
        self.cluster.object(path).unwrap()
    }

    pub(crate) async fn gone(&self, path: &str) {
        wait_until(SOON, async || self.cluster.object(path).is_none()).await;
    }

    /// Creates a Job in `default` that runs a script.
    pub(crate) async fn job(&self, name: &str, script: &str) -> Value {
        self.post(JOBS, &job(name, script)).await
    }

    /// The path of a Job's first pod, once it is there.
    pub(crate) async fn pod_of(&self, job: &str) -> String {
        let find = || {
            let pods = self.cluster.objects("pods");
            let found = pods
                .iter()
                .find(|pod| pod["metadata"]["labels"]["job-name"] == job);
            found.map(|pod| format!("{PODS}/{}", pod["metadata"]["name"].as_str().unwrap()))
        };
        wait_until(SOON, async || find().is_some()).await;
        find().unwrap()
    }

    /// A Job's pod, once it runs.
    pub(crate) async fn running(&self, job: &str) -> String {
        let pod = self.pod_of(job).await;
        self.until(&pod, |pod| pod["status"]["phase"] == "Running")
            .await;
        pod
    }

    /// Waits for a condition of an object, which is returned.
    pub(crate) async fn condition(&self, path: &str, kind: &str) -> Value {
        let object = self
            .until(path, |object| condition(object, kind).is_some())
            .await;
        condition(&object, kind).unwrap()
    }
}

pub(crate) const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
pub(crate) const PODS: &str = "/api/v1/namespaces/default/pods";
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub(crate) const SECRETS: &str = "/api/v1/namespaces/default/secrets";

/// A condition that is true.
pub(crate) fn condition(object: &Value, kind: &str) -> Option<Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions
        .iter()
        .find(|condition| condition["type"] == kind && condition["status"] == "True");
    found.cloned()
}

pub(crate) fn job(name: &str, script: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0, "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}]},
            "template": {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "main", "image": "busybox:1", "command": ["sh", "-c", script]}]}},
        },
    })
}

pub(crate) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}
