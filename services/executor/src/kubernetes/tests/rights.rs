//! The least rights: those in `deploy/k8s/rbac`, no more and no less.

use std::collections::BTreeSet;

use maestro_domain::run::Mode;
use maestro_testkit::kubernetes::Right;

use super::*;
use crate::kubernetes::{
    access::{FULL_ENV_RIGHTS, NAMESPACE_RIGHTS, RIGHTS},
    config::Scope,
};

const CLUSTER: &str = include_str!("../../../../../deploy/k8s/rbac/cluster.yaml");
const NAMESPACE: &str = include_str!("../../../../../deploy/k8s/rbac/namespace.yaml");

type Rights = BTreeSet<(String, String, String)>;

/// The rules of a manifest, as (group, resource, verb).
fn documented(manifest: &str) -> Rights {
    let mut all = Rights::new();
    let mut rule = (Vec::new(), Vec::new());
    let list = |text: &str| -> Vec<String> {
        let inner = text.split_once('[').unwrap().1.trim_end_matches(']');
        let words = inner
            .split(',')
            .map(|word| word.trim().trim_matches('"').to_owned());
        words.collect()
    };
    for line in manifest
        .lines()
        .map(|line| line.trim().trim_start_matches("- "))
    {
        match line.split_once(':') {
            Some(("apiGroups", groups)) => rule.0 = list(groups),
            Some(("resources", resources)) => rule.1 = list(resources),
            Some(("verbs", verbs)) => {
                let (groups, resources) = &rule;
                for verb in list(verbs) {
                    for (group, resource) in groups.iter().zip(resources) {
                        all.insert((group.clone(), resource.clone(), verb.clone()));
                    }
                }
            }
            _ => {}
        }
    }
    all
}

fn checked(rights: &[(&str, &str, &[&str])]) -> Rights {
    let each = rights.iter().flat_map(|(group, resource, verbs)| {
        let right = |verb: &&str| {
            (
                (*group).to_owned(),
                (*resource).to_owned(),
                (*verb).to_owned(),
            )
        };
        verbs.iter().map(right)
    });
    each.collect()
}

fn granted(rights: &Rights, namespace: Option<&str>) -> Vec<Right> {
    let right = |(group, resource, verb): &(String, String, String)| Right {
        group: group.clone(),
        resource: resource.clone(),
        verb: verb.clone(),
        namespace: namespace.map(str::to_owned),
    };
    rights.iter().map(right).collect()
}

#[test]
fn what_is_documented_is_what_is_checked() {
    let cluster = [RIGHTS.as_slice(), FULL_ENV_RIGHTS.as_slice()].concat();
    assert_eq!(documented(CLUSTER), checked(&cluster));
    let namespace = [RIGHTS.as_slice(), NAMESPACE_RIGHTS.as_slice()].concat();
    assert_eq!(documented(NAMESPACE), checked(&namespace));
}

#[tokio::test]
async fn the_documented_rights_are_enough() {
    let rights = granted(&documented(CLUSTER), None);
    let options = Options {
        rights: Some(rights),
    };
    let bench = Bench::with(options, |_| {}).await;
    let mut task = shell("echo $API_TOKEN");
    task.spec.mode = Mode::FullEnv;
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    let executor = bench.executor;
    let bench = bench.reopened(executor).await;
    bench.backend.recover().await.unwrap();
    assert_eq!(bench.end(execution).await.0, End::Exited { code: 0 });
    assert_eq!(bench.output(execution).await.0, "***\n");
    let now = clock::now();
    bench.backend.collect(execution, now).await.unwrap();
    let later = now.after(Duration::from_secs(24 * 3600));
    assert!(bench.backend.sweep(later).await.unwrap() > 0);
}

#[tokio::test]
async fn one_namespace_needs_rights_in_it_only() {
    let rights = granted(&documented(NAMESPACE), Some("maestro-runs"));
    let options = Options {
        rights: Some(rights),
    };
    let fake = Arc::new(Fake::with(options).await);
    fake.set_object(
        "/api/v1/namespaces/maestro-runs",
        &json!({"status": {"phase": "Active"}}),
    );
    let executor = ExecutorId::new(Uuid::new_v4());
    let backend = open(&fake, executor, |settings| {
        settings.config.scope = Scope::Namespace;
    });
    let backend = backend.await.unwrap();
    let bench = Bench {
        fake,
        backend,
        executor,
    };
    let account = "/api/v1/namespaces/maestro-runs/serviceaccounts/default";
    bench
        .until("its account", |fake| fake.object(account).is_some())
        .await;
    let execution = bench.shell("exit 3").await;
    assert_eq!(bench.end(execution).await.0, End::Exited { code: 3 });
    let mut own = shell("true");
    own.spec.mode = Mode::FullEnv;
    assert!(bench.backend.ensure(&own, &|| true).await.is_err());
}

#[tokio::test]
async fn missing_rights_are_named_all_at_once() {
    let rights = Right::all(
        "batch",
        &["jobs"],
        &["get", "list", "watch", "create", "patch"],
    );
    let options = Options {
        rights: Some(rights),
    };
    let fake = Fake::with(options).await;
    let opened = open(&fake, ExecutorId::new(Uuid::new_v4()), |_| {}).await;
    let Err(OpenError::Access(error)) = opened else {
        panic!("it opened");
    };
    let error = error.to_string();
    for right in [
        "delete jobs.batch",
        "get pods/log",
        "create secrets",
        "patch networkpolicies.networking.k8s.io",
    ] {
        assert!(error.contains(right), "{error}");
    }
    assert!(!error.contains("create jobs"), "{error}");
}
