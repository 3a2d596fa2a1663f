//! What a cluster has to know to place and equip a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Placement of a run, in the terms of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Placement {
    /// Resources of its container.
    #[serde(skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Labels a node must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes it puts up with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// When its image is pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<PullPolicy>,
    /// Names of Secrets with credentials of its registry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<String>,
}

impl Placement {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Resources by name (`cpu`, `memory`, …) as Kubernetes quantities (`500m`, `1Gi`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// What the scheduler reserves.
    pub requests: BTreeMap<String, String>,
    /// What it may use at most.
    pub limits: BTreeMap<String, String>,
}

impl Resources {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.limits.is_empty()
    }
}

/// A taint that is put up with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Toleration {
    /// Key of the taint; `None` means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How `value` is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<TolerationOperator>,
    /// Value of the taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Effect of the taint; `None` means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
}

/// How a toleration compares the taint's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TolerationOperator {
    /// The same value.
    Equal,
    /// Any value.
    Exists,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaintEffect {
    /// Nothing new is placed there.
    NoSchedule,
    /// Nothing new is placed there while there is another node.
    PreferNoSchedule,
    /// What runs there has to leave.
    NoExecute,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    /// At each start.
    Always,
    /// When the node has none.
    IfNotPresent,
    /// Never.
    Never,
}

/// Most entries of each list and mapping of a placement.
const MAX_ENTRIES: usize = 32;

impl Placement {
    /// Checks what a cluster would refuse anyway.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn check(&self) -> Result<(), String> {
        let resources = [&self.resources.requests, &self.resources.limits];
        let sizes = [
            self.resources.requests.len(),
            self.resources.limits.len(),
            self.node_selector.len(),
            self.tolerations.len(),
            self.image_pull_secrets.len(),
        ];
        if sizes.iter().any(|size| *size > MAX_ENTRIES) {
            return Err(format!("write at most {MAX_ENTRIES} entries"));
        }
        for (name, quantity) in resources.into_iter().flatten() {
            if !is_qualified(name) {
                return Err(not(name, "a resource", "cpu"));
            }
            if !is_quantity(quantity) {
                return Err(not(quantity, "a quantity", "500m or 1Gi"));
            }
        }
        for (name, value) in &self.node_selector {
            if !is_qualified(name) {
                return Err(not(name, "a label", "kubernetes.io/arch"));
            }
            if !is_label_value(value) {
                return Err(not(value, "a label's value", "arm64"));
            }
        }
        self.tolerations.iter().try_for_each(Toleration::check)?;
        let unfit = |name: &&String| !is_subdomain(name);
        match self.image_pull_secrets.iter().find(unfit) {
            Some(name) => Err(not(name, "the name of a Secret", "registry-login")),
            None => Ok(()),
        }
    }
}

impl Toleration {
    fn check(&self) -> Result<(), String> {
        if let Some(key) = self.key.as_ref().filter(|key| !is_qualified(key)) {
            return Err(not(key, "the key of a taint", "gpu"));
        }
        if let Some(value) = self.value.as_ref().filter(|value| !is_label_value(value)) {
            return Err(not(value, "the value of a taint", "true"));
        }
        let exists = self.operator == Some(TolerationOperator::Exists);
        if exists && self.value.is_some() {
            return Err("a toleration with the operator Exists has no value; remove it".to_owned());
        }
        if self.key.is_none() && !exists {
            return Err("a toleration without a key needs `operator: Exists`".to_owned());
        }
        Ok(())
    }
}

fn not(text: &str, what: &str, example: &str) -> String {
    let text: String = text.chars().take(80).collect();
    format!("`{text}` is not {what}; write one such as {example}")
}

/// A number with an optional suffix, not negative.
fn is_quantity(text: &str) -> bool {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let exponent = |rest: &str| {
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let known = matches!(
        suffix,
        "" | "n"
            | "u"
            | "m"
            | "k"
            | "M"
            | "G"
            | "T"
            | "P"
            | "E"
            | "Ki"
            | "Mi"
            | "Gi"
            | "Ti"
            | "Pi"
            | "Ei"
    );
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    (1..=19).contains(&digits)
        && number.bytes().filter(|b| *b == b'.').count() <= 1
        && (known || suffix.strip_prefix(['e', 'E']).is_some_and(exponent))
}

/// `name` or `prefix/name`.
fn is_qualified(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_subdomain)
}

fn is_label_value(text: &str) -> bool {
    let ends = |c: u8| c.is_ascii_alphanumeric();
    let inner = |c: u8| ends(c) || matches!(c, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|c| inner(*c))
        && bytes.first().is_none_or(|c| ends(*c))
        && bytes.last().is_none_or(|c| ends(*c))
}

fn is_subdomain(text: &str) -> bool {
    let ends = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.iter().all(|c| ends(*c) || *c == b'-')
            && bytes.first().is_some_and(|c| ends(*c))
            && bytes.last().is_some_and(|c| ends(*c))
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for good in [
            "1", "0", "500m", "1.5", ".5", "1Gi", "100k", "12e6", "1E3", "2E",
        ] {
            assert!(is_quantity(good), "{good}");
        }
        for bad in [
            "", "-1", "1.2.3", "one", "1gi", "1 Gi", "1e", "Gi", ".", "1Gib",
        ] {
            assert!(!is_quantity(bad), "{bad}");
        }
    }

    #[test]
    fn what_a_cluster_would_refuse_is_refused_with_an_example() {
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let selector = |key, value| Placement {
            node_selector: map(key, value),
            ..Placement::default()
        };
        assert_eq!(selector("kubernetes.io/arch", "arm64").check(), Ok(()));
        for bad in [
            selector("Bad Key", "x"),
            selector("a/b/c", "x"),
            selector("arch", "-x"),
            Placement {
                image_pull_secrets: vec!["UPPER".to_owned()],
                ..Placement::default()
            },
            Placement {
                tolerations: vec![Toleration::default()],
                ..Placement::default()
            },
            Placement {
                image_pull_secrets: vec!["a".to_owned(); 33],
                ..Placement::default()
            },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
