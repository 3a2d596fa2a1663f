//! Jobs.

use serde_json::Value;

use super::{metadata, pod, unchanged};
use crate::kubernetes::{
    json::{self, has, int, list, text},
    naming,
    refusal::Cause,
    selector::match_labels,
};

pub(super) fn check(job: &Value, causes: &mut Vec<Cause>) {
    let name = json::name(job);
    // Pods carry the name as the value of a label.
    if let Err(why) = naming::label_value(name) {
        causes.push(Cause::invalid("spec.template.labels", &name.into(), &why));
    }
    let spec = &job["spec"];
    numbers(spec, causes);
    if !match_labels(&spec["selector"], &spec["template"]) {
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            &spec["template"]["metadata"]["labels"],
            "`selector` does not match template `labels`",
        ));
    }
    metadata::labels(
        &spec["template"]["metadata"]["labels"],
        "spec.template.labels",
        causes,
    );
    let template = &spec["template"]["spec"];
    if !has(spec, "/template/spec") {
        causes.push(Cause::required("spec.template.spec", ""));
        return;
    }
    let before = causes.len();
    pod::check(template, "spec.template.spec", causes);
    let restart = text(template, "/restartPolicy");
    if causes.len() == before && !["OnFailure", "Never"].contains(&restart) {
        causes.push(Cause::unsupported(
            "spec.template.spec.restartPolicy",
            &restart.into(),
            &["OnFailure", "Never"],
        ));
    }
    replacement(spec, causes);
    if has(spec, "/podFailurePolicy") {
        failure_policy(spec, restart, causes);
    }
}

fn numbers(spec: &Value, causes: &mut Vec<Cause>) {
    for field in [
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ] {
        if int(spec, &format!("/{field}")).is_some_and(|value| value < 0) {
            causes.push(Cause::invalid(
                format!("spec.{field}"),
                &spec[field],
                "must be greater than or equal to 0",
            ));
        }
    }
    if !["NonIndexed", "Indexed"].contains(&text(spec, "/completionMode")) {
        causes.push(Cause::unsupported(
            "spec.completionMode",
            &spec["completionMode"],
            &["Indexed", "NonIndexed"],
        ));
    }
}

fn replacement(spec: &Value, causes: &mut Vec<Cause>) {
    let policy = &spec["podReplacementPolicy"];
    let with_failures = has(spec, "/podFailurePolicy");
    match (policy.as_str().unwrap_or_default(), with_failures) {
        ("Failed", _) | ("TerminatingOrFailed", false) => {}
        (_, true) => causes.push(Cause::unsupported(
            "spec.podReplacementPolicy",
            policy,
            &["Failed"],
        )),
        (_, false) => causes.push(Cause::unsupported(
            "spec.podReplacementPolicy",
            policy,
            &["Failed", "TerminatingOrFailed"],
        )),
    }
}

fn failure_policy(spec: &Value, restart: &str, causes: &mut Vec<Cause>) {
    let at = "spec.podFailurePolicy";
    if restart != "Never" {
        causes.push(Cause::invalid(
            at,
            &restart.into(),
            "only \"Never\" is supported for restartPolicy when podFailurePolicy is specified",
        ));
    }
    let rules = list(spec, "/podFailurePolicy/rules");
    if rules.len() > 20 {
        causes.push(Cause::too_long(format!("{at}.rules"), 20));
    }
    let containers: Vec<_> = ["containers", "initContainers"]
        .iter()
        .flat_map(|field| list(spec, &format!("/template/spec/{field}")))
        .map(|container| text(container, "/name"))
        .collect();
    for (index, rule) in rules.iter().enumerate() {
        let at = format!("{at}.rules[{index}]");
        let action = &rule["action"];
        if !["FailJob", "Ignore", "Count"].contains(&action.as_str().unwrap_or_default()) {
            causes.push(if action.is_null() {
                Cause::required(
                    format!("{at}.action"),
                    "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]",
                )
            } else {
                Cause::unsupported(
                    format!("{at}.action"),
                    action,
                    &["Count", "FailJob", "Ignore"],
                )
            });
        }
        let (codes, conditions) = (
            has(rule, "/onExitCodes"),
            !list(rule, "/onPodConditions").is_empty(),
        );
        match (codes, conditions) {
            (true, true) => causes.push(Cause::invalid(
                at.clone(),
                rule,
                "specifying both OnExitCodes and OnPodConditions is not supported",
            )),
            (false, false) => causes.push(Cause::invalid(
                at.clone(),
                rule,
                "specifying one of OnExitCodes and OnPodConditions is required",
            )),
            (true, false) => exit_codes(
                &rule["onExitCodes"],
                &format!("{at}.onExitCodes"),
                &containers,
                causes,
            ),
            (false, true) => pod_conditions(rule, &at, causes),
        }
    }
}

fn exit_codes(rule: &Value, at: &str, containers: &[&str], causes: &mut Vec<Cause>) {
    let operator = text(rule, "/operator");
    if !["In", "NotIn"].contains(&operator) {
        causes.push(Cause::unsupported(
            format!("{at}.operator"),
            &operator.into(),
            &["In", "NotIn"],
        ));
    }
    let named = text(rule, "/containerName");
    if !named.is_empty() && !containers.contains(&named) {
        causes.push(Cause::invalid(
            format!("{at}.containerName"),
            &named.into(),
            "must be one of the container or initContainer names in the pod template",
        ));
    }
    let values: Vec<_> = list(rule, "/values")
        .iter()
        .filter_map(Value::as_i64)
        .collect();
    if values.is_empty() {
        causes.push(Cause::invalid(
            format!("{at}.values"),
            &rule["values"],
            "at least one value is required",
        ));
    }
    if operator == "In" && values.contains(&0) {
        causes.push(Cause::invalid(
            format!("{at}.values[0]"),
            &0.into(),
            "must not be 0 for the In operator",
        ));
    }
    if !values.is_sorted_by(|a, b| a < b) {
        causes.push(Cause::invalid(
            format!("{at}.values"),
            &rule["values"],
            "must be ordered",
        ));
    }
}

fn pod_conditions(rule: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (index, condition) in list(rule, "/onPodConditions").iter().enumerate() {
        let at = format!("{at}.onPodConditions[{index}]");
        if naming::qualified(text(condition, "/type")).is_err() {
            causes.push(Cause::invalid(
                format!("{at}.type"),
                &condition["type"],
                "name part must be non-empty",
            ));
        }
        if !["True", "False", "Unknown"].contains(&text(condition, "/status")) {
            causes.push(Cause::unsupported(
                format!("{at}.status"),
                &condition["status"],
                &["False", "True", "Unknown"],
            ));
        }
    }
}

pub(super) fn change(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let fixed = [
        "spec.completions",
        "spec.selector",
        "spec.template",
        "spec.completionMode",
        "spec.podFailurePolicy",
        "spec.backoffLimitPerIndex",
        "spec.managedBy",
        "spec.successPolicy",
    ];
    unchanged(old, new, &fixed, causes);
}
