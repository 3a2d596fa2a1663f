//! A pod that does not start.

use super::*;

fn unscheduled(reason: &str, message: &str) -> Value {
    json!({"spec": {"nodeName": null}, "status": {"phase": "Pending", "startTime": null, "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
        "lastTransitionTime": "2026-11-21T12:00:01Z",
    }]}})
}

fn blocked(document: Value, obstacle: Obstacle, since: i64) -> Facts {
    Facts {
        waiting: Some((obstacle, at(since))),
        ..facts(Some(job(json!({}))), vec![pod(document)])
    }
}

#[test]
fn a_pod_no_node_takes() {
    let said = "0/3 nodes are available: 3 Insufficient cpu.";
    for reason in ["Unschedulable", "SchedulingGated"] {
        let facts = blocked(unscheduled(reason, said), Obstacle::Unschedulable, 200);
        assert_eq!(waits_until(&facts, 100), 301);
        let ending = condemned(&facts, 301);
        assert_eq!(ending.end, End::Unschedulable);
        assert_eq!(ending.detail.as_deref(), Some(said));
    }
}

#[test]
fn an_image_that_cannot_be_pulled() {
    let said = "Back-off pulling image \"ghcr.io/acme/agent:nope\": ErrImagePull: not found";
    for reason in ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"] {
        let facts = blocked(waiting(reason, said), Obstacle::ImagePull, 30);
        assert_eq!(waits_until(&facts, 100), 330);
        let ending = condemned(&facts, 330);
        assert_eq!(ending.end, End::ImagePull);
        assert_eq!(ending.detail, Some(format!("{reason}: {said}")));
    }
    let hopeless = blocked(waiting("InvalidImageName", "x"), Obstacle::ImagePull, 30);
    assert_eq!(condemned(&hopeless, 31).end, End::ImagePull);
}

#[test]
fn a_container_that_cannot_be_created() {
    let said = "secret \"run-1-env\" not found";
    for reason in [
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ] {
        let facts = blocked(waiting(reason, said), Obstacle::Launch, 30);
        assert_eq!(waits_until(&facts, 40), 90);
        let ending = condemned(&facts, 90);
        assert_eq!(ending.end, End::LaunchRejected);
        assert!(ending.detail.unwrap().contains(said));
    }
}

#[test]
fn a_long_pull_is_no_failure_until_the_latest_start() {
    let patient = merge(
        waiting("ContainerCreating", ""),
        json!({"spec": {"activeDeadlineSeconds": 9000}}),
    );
    let facts = facts(Some(job(json!({}))), vec![pod(patient)]);
    assert_eq!(waits_until(&facts, 1499), 1500);
    let ending = condemned(&facts, 1500);
    assert_eq!(ending.end, End::LaunchRejected);
    assert!(ending.detail.unwrap().contains("ContainerCreating"));
}

#[test]
fn a_pod_that_is_refused() {
    let said = "Error creating: pods \"run-1-\" is forbidden: exceeded quota: maestro";
    let mut facts = facts(Some(job(json!({"status": {"active": 0}}))), vec![]);
    assert_eq!(waits_until(&facts, 61), 1500);
    facts.failed_create = Some(said.to_owned());
    assert_eq!(waits_until(&facts, 59), 60);
    let ending = condemned(&facts, 60);
    assert_eq!(
        (ending.end, ending.detail.as_deref()),
        (End::LaunchRejected, Some(said))
    );
}

#[test]
fn what_is_condemned_ends_when_its_pod_has() {
    let stuck = ending("image_pull", 330);
    let pending = facts(
        Some(job(stuck.clone())),
        vec![pod(waiting("ImagePullBackOff", "x"))],
    );
    let verdict = judge(&pending, &LIMITS, at(331));
    assert!(
        matches!(
            verdict,
            Verdict::Seen {
                observation: Observation::Starting,
                ..
            }
        ),
        "{verdict:?}"
    );
    let asleep = merge(
        stuck,
        condition("Suspended", "JobSuspended", "Job suspended"),
    );
    let facts = facts(Some(job(asleep)), vec![]);
    assert_eq!(end(&facts, 335).0, End::ImagePull);
}

#[test]
fn a_running_container_runs() {
    let running = json!({"status": {"containerStatuses": [{
        "name": "run", "ready": true, "restartCount": 0, "image": "x", "imageID": "", "started": true,
        "state": {"running": {"startedAt": "2026-11-21T12:00:03Z"}},
    }]}});
    let facts = facts(Some(job(json!({}))), vec![pod(running)]);
    let Verdict::Seen {
        observation,
        look_again,
    } = judge(&facts, &LIMITS, at(5))
    else {
        panic!("it runs");
    };
    assert_eq!(observation.started_at(), Some(at(3)));
    // Its kubelet took it at 2 s; 600 s deadline, 10 s grace, 120 s to answer.
    assert_eq!(look_again, Some(at(732)));
    assert_eq!(end(&facts, 732).0, End::NodeLost);
}
