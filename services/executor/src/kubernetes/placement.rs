//! Where and with what a run executes: its own wishes over the executor's defaults.

use std::collections::BTreeMap;

use maestro_domain::placement::Placement;

/// Merges. A resource the run names at all takes neither request nor limit from the defaults, so
/// that a default request never exceeds a run's limit.
pub(crate) fn merge(run: &Placement, defaults: &Placement) -> Placement {
    let own = &run.resources;
    let named =
        |resource: &str| own.requests.contains_key(resource) || own.limits.contains_key(resource);
    let fill = |own: &BTreeMap<String, String>, defaults: &BTreeMap<String, String>| {
        let rest = defaults.iter().filter(|(resource, _)| !named(resource));
        own.iter()
            .chain(rest)
            .map(|(resource, amount)| (resource.clone(), amount.clone()))
            .collect()
    };
    let mut merged = defaults.clone();
    merged.resources.requests = fill(&own.requests, &defaults.resources.requests);
    merged.resources.limits = fill(&own.limits, &defaults.resources.limits);
    merged.node_selector.extend(run.node_selector.clone());
    merged.tolerations.extend(run.tolerations.clone());
    merged.image_pull_policy = run.image_pull_policy.or(defaults.image_pull_policy);
    for secret in &run.image_pull_secrets {
        if !merged.image_pull_secrets.contains(secret) {
            merged.image_pull_secrets.push(secret.clone());
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_default_request_never_exceeds_a_runs_limit() {
        let mut defaults = Placement::default();
        defaults.resources.requests = amounts(&[("cpu", "1"), ("memory", "1Gi")]);
        defaults.node_selector = amounts(&[("pool", "shared"), ("arch", "amd64")]);
        let mut run = Placement::default();
        run.resources.limits = amounts(&[("memory", "64Mi")]);
        run.node_selector = amounts(&[("pool", "big")]);
        let merged = merge(&run, &defaults);
        assert_eq!(merged.resources.requests, amounts(&[("cpu", "1")]));
        assert_eq!(merged.resources.limits, amounts(&[("memory", "64Mi")]));
        assert_eq!(
            merged.node_selector,
            amounts(&[("pool", "big"), ("arch", "amd64")])
        );
    }
}
