//! The same scenarios on a cluster that a kubeconfig names; those that need steering are skipped.
//!
//! `MAESTRO_CONFORMANCE_KUBECONFIG=~/.kube/config cargo test -p maestro-executor --test conformance
//! -- --ignored --nocapture real_cluster`; see `docs/kubernetes-conformance.md`.

use std::env;

use maestro_testkit::conformance::Scenario;

use crate::lab::Lab;

const KUBECONFIG: &str = "MAESTRO_CONFORMANCE_KUBECONFIG";
const NAMESPACE: &str = "MAESTRO_CONFORMANCE_NAMESPACE";
const IMAGE: &str = "MAESTRO_CONFORMANCE_IMAGE";
const ONLY: &str = "MAESTRO_CONFORMANCE_ONLY";

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: set MAESTRO_CONFORMANCE_KUBECONFIG"]
async fn real_cluster() {
    let kubeconfig = env::var(KUBECONFIG).unwrap_or_else(|_| panic!("{KUBECONFIG} is not set"));
    let namespace = variable(NAMESPACE, "maestro-conformance");
    let image = variable(IMAGE, "busybox:1.37");
    let only = variable(ONLY, "");
    for scenario in Scenario::ALL {
        if !only.is_empty() && scenario.name() != only {
            continue;
        }
        let lab = Lab::real(kubeconfig.clone().into(), &namespace, &image).await;
        match scenario.run(&lab).await {
            Ok(()) => println!("passed:  {}", scenario.name()),
            Err(why) => println!("skipped: {} ({why})", scenario.name()),
        }
    }
}
