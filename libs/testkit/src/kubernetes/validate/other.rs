//! ConfigMaps, Secrets, quotas, limit ranges, network policies.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::unchanged;
use crate::kubernetes::{
    json::{self, entries, has, int, list, text},
    naming, quantity,
    refusal::Cause,
};

const LARGEST: usize = 1024 * 1024;

pub(super) fn config_map(object: &Value, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in entries(object, &format!("/{field}")) {
            data_key(field, key, causes);
            let text = value.as_str().unwrap_or_default();
            size += match field {
                "data" => text.len(),
                _ => STANDARD.decode(text).map_or(0, |bytes| bytes.len()),
            };
            if field == "binaryData" && has(object, &format!("/data/{key}")) {
                causes.push(Cause::invalid(
                    format!("{field}[{key}]"),
                    &key.as_str().into(),
                    "duplicate of key present in data",
                ));
            }
        }
    }
    if size > LARGEST {
        causes.push(Cause::too_long("", LARGEST));
    }
}

pub(super) fn secret(object: &Value, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for (key, value) in entries(object, "/data") {
        data_key("data", key, causes);
        size += STANDARD
            .decode(value.as_str().unwrap_or_default())
            .map_or(0, |bytes| bytes.len());
    }
    if size > LARGEST {
        causes.push(Cause::too_long("data", LARGEST));
    }
    let needed = match text(object, "/type") {
        "kubernetes.io/dockerconfigjson" => ".dockerconfigjson",
        "kubernetes.io/tls" => "tls.crt",
        _ => return,
    };
    if object["data"].get(needed).is_none() {
        causes.push(Cause::required(format!("data[{needed}]"), ""));
    }
}

fn data_key(field: &str, key: &str, causes: &mut Vec<Cause>) {
    if let Err(why) = naming::data_key(key) {
        causes.push(Cause::invalid(format!("{field}[{key}]"), &key.into(), &why));
    }
}

pub(super) fn data_change(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    if has(old, "/type") {
        unchanged(old, new, &["type"], causes);
    }
    if json::flag(old, "/immutable") {
        let fields = ["immutable", "data", "binaryData"];
        if fields
            .iter()
            .any(|field| old.get(*field) != new.get(*field))
        {
            causes.push(Cause::forbidden(
                "data",
                "field is immutable when `immutable` is set",
            ));
        }
    }
}

pub(super) fn quota(object: &Value, causes: &mut Vec<Cause>) {
    for (resource, value) in entries(object, "/spec/hard") {
        let at = format!("spec.hard[{resource}]");
        if value
            .as_str()
            .and_then(quantity::millis)
            .is_none_or(|amount| amount < 0)
        {
            causes.push(Cause::invalid(
                at.clone(),
                value,
                "must be greater than or equal to 0",
            ));
        }
        let standard = [
            "pods",
            "services",
            "secrets",
            "configmaps",
            "cpu",
            "memory",
            "ephemeral-storage",
            "requests.cpu",
            "requests.memory",
            "requests.ephemeral-storage",
            "requests.storage",
            "limits.cpu",
            "limits.memory",
            "limits.ephemeral-storage",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "resourcequotas",
            "services.nodeports",
            "services.loadbalancers",
        ];
        let known = standard.contains(&resource.as_str())
            || resource.starts_with("count/")
            || resource.contains('/');
        if !known {
            causes.push(Cause::invalid(
                at,
                &resource.as_str().into(),
                "must be a standard resource for quota",
            ));
        }
    }
}

pub(super) fn limit_range(object: &Value, causes: &mut Vec<Cause>) {
    for (index, item) in list(object, "/spec/limits").iter().enumerate() {
        let at = format!("spec.limits[{index}]");
        if !["Container", "Pod", "PersistentVolumeClaim"].contains(&text(item, "/type")) {
            causes.push(Cause::invalid(
                format!("{at}.type"),
                &item["type"],
                "must be a standard limit type or fully qualified",
            ));
        }
        let amount = |field: &str, resource: &str| {
            quantity::millis(text(item, &format!("/{field}/{resource}")))
        };
        for field in ["max", "min", "default", "defaultRequest"] {
            for (resource, value) in entries(item, &format!("/{field}")) {
                let found = value.as_str().and_then(quantity::millis);
                if found.is_none() {
                    causes.push(Cause::invalid(format!("{at}.{field}[{resource}]"), value, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"));
                }
                if let (Some(found), Some(max)) = (found, amount("max", resource))
                    && found > max
                {
                    causes.push(Cause::invalid(
                        format!("{at}.{field}[{resource}]"),
                        value,
                        "default value is greater than max value",
                    ));
                }
            }
        }
        for (resource, value) in entries(item, "/defaultRequest") {
            let default = amount("default", resource);
            if default.is_some_and(|default| amount("defaultRequest", resource) > Some(default)) {
                causes.push(Cause::invalid(
                    format!("{at}.defaultRequest[{resource}]"),
                    value,
                    "default request value is greater than default limit value",
                ));
            }
        }
    }
}

pub(super) fn network_policy(object: &Value, causes: &mut Vec<Cause>) {
    if !has(object, "/spec") {
        causes.push(Cause::required("spec", ""));
    }
    for (index, kind) in list(object, "/spec/policyTypes").iter().enumerate() {
        if kind != "Ingress" && kind != "Egress" {
            causes.push(Cause::unsupported(
                format!("spec.policyTypes[{index}]"),
                kind,
                &["Egress", "Ingress"],
            ));
        }
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in list(object, &format!("/spec/{direction}"))
            .iter()
            .enumerate()
        {
            let at = format!("spec.{direction}[{index}]");
            for (index, peer) in list(rule, &format!("/{peers}")).iter().enumerate() {
                check_peer(peer, &format!("{at}.{peers}[{index}]"), causes);
            }
            for (index, port) in list(rule, "/ports").iter().enumerate() {
                check_port(port, &format!("{at}.ports[{index}]"), causes);
            }
        }
    }
}

fn check_peer(peer: &Value, at: &str, causes: &mut Vec<Cause>) {
    let block = has(peer, "/ipBlock");
    let selects = has(peer, "/podSelector") || has(peer, "/namespaceSelector");
    match (block, selects) {
        (false, false) => causes.push(Cause::required(at, "must specify a peer")),
        (true, true) => causes.push(Cause::forbidden(
            at,
            "may not specify both ipBlock and another peer",
        )),
        _ => {}
    }
    if !block {
        return;
    }
    let cidr = text(peer, "/ipBlock/cidr");
    if !is_cidr(cidr) {
        causes.push(Cause::invalid(
            format!("{at}.ipBlock.cidr"),
            &cidr.into(),
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ));
    }
    for (index, except) in list(peer, "/ipBlock/except").iter().enumerate() {
        if !is_cidr(except.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid(
                format!("{at}.ipBlock.except[{index}]"),
                except,
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ));
        }
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_ipv4() => 32,
        Ok(_) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn check_port(port: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !["TCP", "UDP", "SCTP"].contains(&text(port, "/protocol")) {
        causes.push(Cause::unsupported(
            format!("{at}.protocol"),
            &port["protocol"],
            &["SCTP", "TCP", "UDP"],
        ));
    }
    let number = int(port, "/port");
    if number.is_some_and(|number| !(1..=65535).contains(&number)) {
        causes.push(Cause::invalid(
            format!("{at}.port"),
            &port["port"],
            "must be between 1 and 65535, inclusive",
        ));
    }
    if let Some(end) = int(port, "/endPort")
        && number.is_none_or(|number| end < number)
    {
        causes.push(Cause::invalid(
            format!("{at}.endPort"),
            &end.into(),
            "must be greater than or equal to `port`",
        ));
    }
}
