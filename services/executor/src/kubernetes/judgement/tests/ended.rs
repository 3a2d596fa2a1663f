//! A pod that is there and over.

use super::*;

fn of_pod(document: Value) -> (End, Option<String>) {
    end(&facts(Some(job(json!({}))), vec![pod(document)]), 70)
}

#[test]
fn what_the_container_says_is_the_result() {
    let cases = [
        (
            over("Succeeded", json!({"exitCode": 0, "reason": "Completed"})),
            End::Exited { code: 0 },
        ),
        (
            over("Failed", json!({"exitCode": 3, "reason": "Error"})),
            End::Exited { code: 3 },
        ),
        (
            over("Failed", json!({"exitCode": 137, "reason": "OOMKilled"})),
            End::OomKilled,
        ),
        (
            over("Failed", json!({"exitCode": 137, "reason": "Error"})),
            End::Exited { code: 137 },
        ),
        (
            over(
                "Failed",
                json!({"exitCode": 139, "signal": 11, "reason": "Error"}),
            ),
            End::Signaled { signal: 11 },
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(of_pod(document.clone()).0, expected, "{document}");
    }
}

#[test]
fn a_program_that_cannot_be_started_is_no_exit_code() {
    let said = "failed to create containerd task: exec: \"agent\": executable file not found in $PATH: unknown";
    let terminated = json!({"exitCode": 128, "reason": "StartError", "message": said, "startedAt": "1970-01-01T00:00:00Z"});
    let facts = facts(Some(job(json!({}))), vec![pod(over("Failed", terminated))]);
    let Verdict::Seen { observation, .. } = judge(&facts, &LIMITS, at(70)) else {
        panic!("it has ended");
    };
    assert_eq!(observation.started_at(), None);
    assert!(
        matches!(observation, Observation::Ended { end: End::LaunchRejected, detail: Some(detail), .. } if detail == said)
    );
}

#[test]
fn a_node_under_pressure_evicts() {
    let said = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi.";
    let status = json!({"status": {"phase": "Failed", "reason": "Evicted", "message": said}});
    let killed = over("Failed", json!({"exitCode": 137, "reason": "Error"}));
    let cause = disrupted("TerminationByKubelet", said, "2026-11-21T12:00:59Z");
    assert_eq!(
        of_pod(status.clone()),
        (End::Evicted, Some(said.to_owned()))
    );
    let document = merge(merge(killed, status), cause);
    assert_eq!(of_pod(document), (End::Evicted, Some(said.to_owned())));
}

#[test]
fn each_disruption_has_its_name() {
    let cases = [
        ("PreemptionByScheduler", End::Preempted),
        ("DeletionByTaintManager", End::NodeLost),
        ("DeletionByPodGC", End::NodeLost),
        ("EvictionByEvictionAPI", End::Evicted),
    ];
    for (reason, expected) in cases {
        let killed = over("Failed", json!({"exitCode": 143, "reason": "Error"}));
        let deleted = json!({"metadata": {"deletionTimestamp": "2026-11-21T12:01:09Z", "deletionGracePeriodSeconds": 10}});
        let cause = disrupted(reason, "why", "2026-11-21T12:00:59Z");
        let document = merge(merge(killed, deleted), cause);
        assert_eq!(
            of_pod(document),
            (expected, Some("why".to_owned())),
            "{reason}"
        );
    }
}

#[test]
fn a_success_after_a_disruption_began_is_none() {
    let cause = disrupted("PreemptionByScheduler", "why", "2026-11-21T12:00:55Z");
    let late = over("Succeeded", json!({"exitCode": 0}));
    assert_eq!(of_pod(merge(late, cause.clone())).0, End::Preempted);
    let before = over(
        "Succeeded",
        json!({"exitCode": 0, "finishedAt": "2026-11-21T12:00:50Z"}),
    );
    assert_eq!(of_pod(merge(before, cause)).0, End::Exited { code: 0 });
}

#[test]
fn reasons_of_the_kubelet() {
    let cases = [
        ("NodeLost", End::NodeLost),
        ("Terminated", End::NodeLost),
        ("Preempting", End::Preempted),
        ("OutOfcpu", End::Unschedulable),
        ("NodeAffinity", End::Unschedulable),
        ("UnexpectedAdmissionError", End::LaunchRejected),
    ];
    for (reason, expected) in cases {
        let document = json!({"status": {"phase": "Failed", "reason": reason, "message": "why"}});
        assert_eq!(
            of_pod(document),
            (expected, Some("why".to_owned())),
            "{reason}"
        );
    }
}

#[test]
fn the_deadline_of_the_pod() {
    let status = json!({"status": {"phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the specified deadline"}});
    let killed = over(
        "Failed",
        json!({"exitCode": 137, "reason": "Error", "finishedAt": "2026-11-21T12:10:04Z"}),
    );
    assert_eq!(of_pod(merge(killed, status)).0, End::DeadlineExceeded);
}

#[test]
fn a_deadline_before_the_start_is_no_fault_of_the_run() {
    let status = json!({"status": {"phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the specified deadline"}});
    let pulling = merge(waiting("ImagePullBackOff", "no such image"), status.clone());
    let (end, detail) = of_pod(pulling);
    assert_eq!(end, End::ImagePull);
    assert!(detail.unwrap().contains("no such image"));
    let creating = merge(waiting("ContainerCreating", ""), status);
    assert_eq!(of_pod(creating).0, End::LaunchRejected);
}

#[test]
fn a_deleted_pod_is_lost_whatever_code_it_ended_with() {
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-11-21T12:01:09Z", "deletionGracePeriodSeconds": 10}});
    for (phase, code) in [("Succeeded", 0), ("Failed", 143)] {
        let ended = over(phase, json!({"exitCode": code}));
        let (end, detail) = of_pod(merge(ended, deleted.clone()));
        assert_eq!(
            (end, detail.as_deref()),
            (End::Lost, Some("its pod was deleted"))
        );
    }
    let before = over(
        "Failed",
        json!({"exitCode": 4, "finishedAt": "2026-11-21T12:00:30Z"}),
    );
    assert_eq!(of_pod(merge(before, deleted)).0, End::Exited { code: 4 });
}

#[test]
fn a_cancel_explains_a_killed_process_and_no_earlier_result() {
    let cases = [
        (json!({"exitCode": 137}), End::Canceled),
        (
            json!({"exitCode": 143, "finishedAt": "2026-11-21T12:00:40Z"}),
            End::Canceled,
        ),
        (json!({"exitCode": 0}), End::Canceled),
        (
            json!({"exitCode": 0, "finishedAt": "2026-11-21T12:00:40Z"}),
            End::Exited { code: 0 },
        ),
    ];
    for (terminated, expected) in cases {
        let pod = pod(over("Failed", terminated.clone()));
        let facts = facts(Some(job(ending("canceled", 58))), vec![pod]);
        assert_eq!(end(&facts, 70).0, expected, "{terminated}");
    }
}

#[test]
fn a_container_nobody_can_find_is_lost() {
    let unknown = json!({"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "The container could not be located when the pod was terminated"});
    let (end, detail) = of_pod(over("Failed", unknown));
    assert_eq!(end, End::Lost);
    assert!(detail.unwrap().contains("could not be located"));
}

#[test]
fn only_an_untouched_result_needs_no_second_look() {
    let failed = over("Failed", json!({"exitCode": 3}));
    let mut known = facts(Some(job(json!({}))), vec![pod(failed.clone())]);
    known.fresh = false;
    assert_eq!(end(&known, 70).0, End::Exited { code: 3 });
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-11-21T12:01:09Z"}});
    let mut known = facts(Some(job(json!({}))), vec![pod(merge(failed, deleted))]);
    known.fresh = false;
    assert_eq!(judge(&known, &LIMITS, at(70)), Verdict::Unsure);
}

#[test]
fn where_it_ran_and_when() {
    let facts = facts(
        Some(job(json!({}))),
        vec![pod(over("Succeeded", json!({"exitCode": 0})))],
    );
    let Verdict::Seen {
        observation:
            Observation::Ended {
                started_at,
                at: ended,
                place,
                ..
            },
        ..
    } = judge(&facts, &LIMITS, at(70))
    else {
        panic!("it has ended");
    };
    assert_eq!((started_at, ended), (Some(at(3)), at(60)));
    let names = [place.namespace, place.job, place.pod, place.node].map(Option::unwrap);
    assert_eq!(names, ["maestro-runs", "run-1", "run-1-x7k2p", "node-a"]);
}
