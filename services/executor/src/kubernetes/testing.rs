//! What the tests of this backend start from.

use std::collections::BTreeMap;

use maestro_domain::{
    Digest, ExecutorId, ProjectId, RunId, VaultKey,
    placement::Placement,
    report::Execution,
    run::{Mode, RunSpec, Start},
    sealed::Sealed,
};
use uuid::Uuid;

use super::{Settings, config::Kubernetes, names::Names};
use crate::backend::Task;

pub(super) fn settings() -> Settings {
    Settings {
        config: Kubernetes::default(),
        names: Names {
            prefix: "run".parse().unwrap(),
            instance: "maestro".parse().unwrap(),
        },
        executor: ExecutorId::new(Uuid::from_u128(9)),
        pools: vec!["default".parse().unwrap()],
        term_grace_s: 10,
        retention_s: 3600,
    }
}

pub(super) fn task(change: impl FnOnce(&mut RunSpec)) -> Task {
    let run = RunId::new(Uuid::from_u128(1));
    let mut spec = RunSpec {
        image: Some("ghcr.io/acme/agent:1.4".to_owned()),
        command: vec!["agent".to_owned(), "pay $(USD) $5".to_owned()],
        env: BTreeMap::from([("API_TOKEN".to_owned(), "hunter22-secret".to_owned())]),
        prompt: Some("Do it.".to_owned()),
        repository: Some("acme/shop".to_owned()),
        timeout_s: 900,
        mode: Mode::CodeOnly,
        placement: Placement::default(),
    };
    change(&mut spec);
    Task {
        start: Start {
            execution: Execution {
                run,
                attempt: 2,
                token: 77,
            },
            spec: Sealed {
                key: VaultKey::run_spec(run, None),
                digest: Digest::of(b"spec"),
            },
            project: ProjectId::new(Uuid::from_u128(2)),
            slug: "shop".parse().unwrap(),
            pool: "large".parse().unwrap(),
            trigger: "agent-dev".parse().unwrap(),
            delivery: "72d3162e".parse().unwrap(),
            event: "issues".to_owned(),
            traceparent: None,
        },
        spec,
        traceparent: Some("00-1-2-01".to_owned()),
    }
}
