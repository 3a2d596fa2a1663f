//! Who may depend on whom.

use super::metadata::{Dependency, Metadata, Package};

/// A dependency of others and the one crate that knows it.
const ONE_KNOWS: [(&str, &str); 4] = [
    ("async-nats", "maestro-eventlog"),
    ("sqlx", "maestro-readmodel"),
    ("kube", "maestro-executor"),
    ("octocrab", "maestro-forge"),
];

/// The binary that puts the services together.
const COMPOSER: &str = "maestro";
const TESTKIT: &str = "maestro-testkit";
const XTASK: &str = "maestro-xtask";
const PURE: &str = "maestro-domain";

/// What makes a crate impure: executors, I/O, randomness.
const IMPURE: [&str; 12] = [
    "async-trait",
    "axum",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "nix",
    "rand",
    "reqwest",
    "tokio",
    "tokio-stream",
    "tokio-util",
];

pub(crate) fn broken_rules(metadata: &Metadata) -> Vec<String> {
    let services: Vec<_> = metadata
        .ours()
        .filter(|package| folder(package).starts_with("services/"))
        .map(|package| package.name.as_str())
        .collect();
    let pairs = metadata.ours().flat_map(|package| {
        package
            .dependencies
            .iter()
            .map(move |dependency| (package, dependency))
    });
    pairs
        .filter_map(|(package, dependency)| {
            let rule = broken_rule(package, dependency, &services)?;
            Some(format!(
                "{} depends on {}: {rule}",
                package.name, dependency.name
            ))
        })
        .collect()
}

fn broken_rule(package: &Package, dependency: &Dependency, services: &[&str]) -> Option<String> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    let owner = ONE_KNOWS
        .iter()
        .find(|(known, _)| to == *known || to.starts_with(&format!("{known}-")));
    if let Some((_, owner)) = owner
        && from != *owner
    {
        return Some(format!("only {owner} may"));
    }
    if services.contains(&to) && folder(package).starts_with("libs/") {
        return Some("a library may not depend on a service".to_owned());
    }
    if services.contains(&to) && from != COMPOSER {
        return Some(format!("services meet in {COMPOSER} only"));
    }
    if to == TESTKIT && !dependency.only_for_tests && from != XTASK {
        return Some("it is for tests only".to_owned());
    }
    if from == PURE
        && !dependency.only_for_tests
        && (IMPURE.contains(&to) || to.starts_with("maestro"))
    {
        return Some("the core is pure".to_owned());
    }
    None
}

fn folder(package: &Package) -> &str {
    package.folder.as_deref().unwrap_or_default()
}

#[test]
fn each_rule_finds_what_it_forbids() {
    let package = |name: &str, folder: &str, dependencies: &[&str]| Package {
        name: name.to_owned(),
        folder: Some(folder.to_owned()),
        dependencies: dependencies
            .iter()
            .map(|name| Dependency {
                name: (*name).to_owned(),
                only_for_tests: false,
            })
            .collect(),
        ..Package::default()
    };
    let packages = vec![
        package(
            "maestro",
            "services/maestro",
            &["maestro-ingress", "maestro-gateway"],
        ),
        package(
            "maestro-gateway",
            "services/gateway",
            &["maestro-ingress", "sqlx"],
        ),
        package("maestro-ingress", "services/ingress", &["maestro-testkit"]),
        package(
            "maestro-domain",
            "libs/domain",
            &["tokio", "maestro-gateway"],
        ),
        package("maestro-eventlog", "libs/eventlog", &["async-nats"]),
        package(
            "maestro-xtask",
            "libs/xtask",
            &["maestro-testkit", "kube-runtime"],
        ),
    ];
    let mut found = broken_rules(&Metadata { packages });
    found.sort();
    let expected = [
        "maestro-domain depends on maestro-gateway: a library may not depend on a service",
        "maestro-domain depends on tokio: the core is pure",
        "maestro-gateway depends on maestro-ingress: services meet in maestro only",
        "maestro-gateway depends on sqlx: only maestro-readmodel may",
        "maestro-ingress depends on maestro-testkit: it is for tests only",
        "maestro-xtask depends on kube-runtime: only maestro-executor may",
    ];
    assert_eq!(found, expected);
}
