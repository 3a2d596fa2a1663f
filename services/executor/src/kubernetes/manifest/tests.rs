//! What must hold for every Job, whatever the run asks for.

use maestro_domain::{
    placement::{PullPolicy, Toleration, TolerationOperator},
    run::{Mode, RunSpec},
};
use serde_json::{Value, json};

use super::{inputs::InputError, *};
use crate::kubernetes::{
    config::Kubernetes,
    testing::{settings, task},
};

fn document(task: &Task) -> Value {
    let settings = settings();
    let wanted = Wanted {
        settings: &settings,
        task,
        namespace: "maestro-runs",
    };
    serde_json::to_value(job(&wanted)).unwrap()
}

#[test]
fn there_is_never_a_second_pod() {
    let spec = &document(&task(|_| {}))["spec"];
    assert_eq!(spec["backoffLimit"], 0);
    assert_eq!(
        (&spec["completions"], &spec["parallelism"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(spec["podReplacementPolicy"], "Failed");
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    assert_eq!(
        spec["podFailurePolicy"]["rules"],
        json!([{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}])
    );
    assert_eq!(spec.get("ttlSecondsAfterFinished"), None);
}

#[test]
fn deadlines_grow_from_inside_out() {
    let spec = &document(&task(|_| {}))["spec"];
    assert_eq!(spec["template"]["spec"]["activeDeadlineSeconds"], 900);
    assert_eq!(spec["activeDeadlineSeconds"], 900 + 1500);
    let endless = document(&task(|spec| spec.timeout_s = u64::MAX));
    assert_eq!(endless["spec"]["activeDeadlineSeconds"], i32::MAX);
}

#[test]
fn the_pod_meets_the_restricted_standard() {
    let pod = &document(&task(|_| {}))["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
}

#[test]
fn nothing_secret_stands_in_the_job() {
    let task = task(|_| {});
    let job = document(&task);
    assert!(!job.to_string().contains("hunter22"));
    let variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .unwrap();
    let token = variables
        .iter()
        .find(|one| one["name"] == "API_TOKEN")
        .unwrap();
    let name = format!("run-{}-2-env", task.start.execution.run.uuid().simple());
    assert_eq!(
        token["valueFrom"]["secretKeyRef"],
        json!({"name": name, "key": "API_TOKEN"})
    );
}

#[test]
fn kubernetes_expands_nothing() {
    let job = document(&task(|_| {}));
    let command = &job["spec"]["template"]["spec"]["containers"][0]["command"];
    assert_eq!(command, &json!(["agent", "pay $$(USD) $$5"]));
}

#[test]
fn a_run_cannot_claim_to_be_another() {
    let job = document(&task(|spec| {
        spec.env
            .insert("MAESTRO_RUN_ID".to_owned(), "mine".to_owned());
        spec.env.insert("HOME".to_owned(), "/elsewhere".to_owned());
    }));
    let variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .unwrap();
    let named = |name: &str| {
        let found: Vec<_> = variables.iter().filter(|one| one["name"] == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0].clone()
    };
    assert!(
        named("MAESTRO_RUN_ID")["value"]
            .as_str()
            .unwrap()
            .starts_with("run_")
    );
    assert!(named("HOME")["valueFrom"].is_object());
    assert_eq!(
        named("MAESTRO_PROMPT_FILE")["value"],
        "/maestro/inputs/prompt.md"
    );
}

#[test]
fn labels_and_annotations_say_what_it_is() {
    let job = document(&task(|_| {}));
    let meta = &job["metadata"];
    assert_eq!(meta["labels"]["app.kubernetes.io/managed-by"], "maestro");
    assert_eq!(meta["labels"]["maestro.dev/pool"], "large");
    assert_eq!(meta["labels"]["maestro.dev/project"], "shop");
    assert_eq!(meta["labels"]["maestro.dev/attempt"], "2");
    assert_eq!(meta["annotations"]["maestro.dev/token"], "77");
    assert_eq!(
        meta["annotations"]["maestro.dev/correlation-id"],
        "72d3162e"
    );
    assert_eq!(meta["annotations"]["maestro.dev/traceparent"], "00-1-2-01");
    let pod = &job["spec"]["template"]["metadata"];
    assert_eq!(pod["labels"], meta["labels"]);
    assert_eq!(pod["annotations"].get("maestro.dev/token"), None);
}

#[test]
fn placement_reaches_the_pod() {
    let job = document(&task(|spec| {
        spec.placement
            .resources
            .limits
            .insert("memory".to_owned(), "1Gi".to_owned());
        spec.placement.image_pull_policy = Some(PullPolicy::Always);
        spec.placement.image_pull_secrets = vec!["registry".to_owned()];
        spec.placement.tolerations = vec![Toleration {
            key: Some("gpu".to_owned()),
            operator: Some(TolerationOperator::Exists),
            ..Toleration::default()
        }];
    }));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "1Gi");
    assert_eq!(pod["containers"][0]["imagePullPolicy"], "Always");
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "registry"}]));
    assert_eq!(
        pod["tolerations"],
        json!([{"key": "gpu", "operator": "Exists"}])
    );
}

#[test]
fn what_no_pod_could_get_is_refused_before() {
    let check = |change: fn(&mut RunSpec)| {
        let (settings, task) = (settings(), task(change));
        let wanted = Wanted {
            settings: &settings,
            task: &task,
            namespace: "n",
        };
        inputs::check(&wanted)
    };
    assert_eq!(check(|_| {}), Ok(()));
    assert_eq!(check(|spec| spec.image = None), Err(InputError::NoImage));
    let long = check(|spec| spec.prompt = Some("x".repeat(1024 * 1024 + 1)));
    assert_eq!(long, Err(InputError::Prompt(1024 * 1024 + 1)));
    let name = check(|spec| drop(spec.env.insert("A B".to_owned(), String::new())));
    assert_eq!(name, Err(InputError::Names("A B".to_owned())));
}

#[test]
fn a_namespace_of_its_own_lets_nothing_in_and_only_dns_out() {
    let config = Kubernetes::default().full_env;
    let policy = namespace::network_policy(ObjectMeta::default(), &config);
    let spec = &serde_json::to_value(policy).unwrap()["spec"];
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(spec["podSelector"], json!({}));
    assert_eq!(spec.get("ingress"), None);
    let egress = spec["egress"].as_array().unwrap();
    assert_eq!(egress.len(), 1);
    assert_eq!(
        egress[0]["ports"][0],
        json!({"port": 53, "protocol": "UDP"})
    );
    let own = document(&task(|spec| spec.mode = Mode::FullEnv));
    assert_eq!(own["spec"]["template"]["spec"]["serviceAccountName"], "run");
}
