//! What is missing is never success.

use super::*;

fn gone(document: Value) -> SeenPod {
    SeenPod {
        gone: true,
        ..pod(document)
    }
}

#[test]
fn without_job_and_pod_it_is_lost_after_a_second_look() {
    let mut facts = facts(None, vec![]);
    assert_eq!(end(&facts, 70).0, End::Lost);
    facts.fresh = false;
    assert_eq!(judge(&facts, &LIMITS, at(70)), Verdict::Unsure);
}

#[test]
fn a_job_tells_what_its_pod_cannot_any_more() {
    let cases = [
        (
            condition(
                "Complete",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            ),
            End::Exited { code: 0 },
        ),
        (
            condition(
                "Failed",
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            ),
            End::Lost,
        ),
        (
            condition(
                "Failed",
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            ),
            End::DeadlineExceeded,
        ),
        (
            condition(
                "Failed",
                "PodFailurePolicy",
                "Pod maestro-runs/run-1-x7k2p has condition DisruptionTarget matching FailJob rule at index 0",
            ),
            End::Evicted,
        ),
    ];
    for (document, expected) in cases {
        let facts = facts(Some(job(document.clone())), vec![]);
        assert_eq!(end(&facts, 70).0, expected, "{document}");
    }
}

#[test]
fn a_canceled_job_without_pods_ends_when_nothing_can_come() {
    let canceled = ending("canceled", 5);
    let waiting = facts(Some(job(canceled.clone())), vec![]);
    assert!(matches!(
        judge(&waiting, &LIMITS, at(6)),
        Verdict::Seen {
            observation: Observation::Starting,
            ..
        }
    ));
    let suspended = condition("Suspended", "JobSuspended", "Job suspended");
    let busy = merge(suspended.clone(), json!({"status": {"terminating": 1}}));
    let busy = facts(Some(job(merge(canceled.clone(), busy))), vec![]);
    assert!(matches!(
        judge(&busy, &LIMITS, at(6)),
        Verdict::Seen {
            observation: Observation::Starting,
            ..
        }
    ));
    let asleep = facts(Some(job(merge(canceled, suspended))), vec![]);
    assert_eq!(end(&asleep, 6).0, End::Canceled);
}

#[test]
fn a_pod_taken_from_a_live_job_condemns_the_job_first() {
    let running = json!({"status": {"phase": "Running"}});
    let unfinished = facts(Some(job(json!({}))), vec![gone(running.clone())]);
    let ending = condemned(&unfinished, 70);
    assert_eq!(ending.end, End::Lost);
    let finished = job(condition("Failed", "BackoffLimitExceeded", "x"));
    let finished = facts(Some(finished), vec![gone(running)]);
    assert_eq!(end(&finished, 70).0, End::Lost);
}

#[test]
fn a_second_pod_is_ended_and_the_first_one_counts() {
    let first = gone(over("Failed", json!({"exitCode": 3})));
    let second = pod(
        json!({"metadata": {"uid": "second", "name": "run-1-zzzzz", "creationTimestamp": "2026-11-21T12:01:10Z"}}),
    );
    let both = vec![first.clone(), second];
    let ending = condemned(&facts(Some(job(json!({}))), both), 80);
    assert_eq!(ending.end, End::Exited { code: 3 });
}

#[test]
fn a_node_that_is_gone_takes_its_pod_along() {
    let cause = disrupted(
        "DeletionByPodGC",
        "PodGC: node no longer exists",
        "2026-11-21T12:01:00Z",
    );
    let failed = merge(json!({"status": {"phase": "Failed"}}), cause);
    let facts = facts(Some(job(json!({}))), vec![pod(failed)]);
    assert_eq!(
        end(&facts, 70),
        (
            End::NodeLost,
            Some("PodGC: node no longer exists".to_owned())
        )
    );
}

#[test]
fn a_pod_that_cannot_be_reached_counts_until_its_deadline() {
    let cause = disrupted(
        "DeletionByTaintManager",
        "Taint manager: deleting due to NoExecute taint",
        "2026-11-21T12:01:00Z",
    );
    let leaving = merge(
        json!({"metadata": {"deletionTimestamp": "2026-11-21T12:01:10Z"}}),
        cause,
    );
    let known = facts(Some(job(json!({}))), vec![pod(leaving)]);
    assert!(
        matches!(judge(&known, &LIMITS, at(731)), Verdict::Seen { observation, .. } if !observation.has_ended())
    );
    assert_eq!(end(&known, 732).0, End::NodeLost);
}

#[test]
fn no_controller_holds_up_an_end_for_ever() {
    let canceled = merge(
        ending("canceled", 5),
        json!({"spec": {"activeDeadlineSeconds": 2100}}),
    );
    let without = facts(Some(job(canceled.clone())), vec![]);
    assert_eq!(waits_until(&without, 6), 2220);
    assert_eq!(end(&without, 2220).0, End::Canceled);
    let gone = facts(Some(job(canceled)), vec![gone(json!({}))]);
    let Verdict::Seen {
        observation,
        look_again,
    } = judge(&gone, &LIMITS, at(10))
    else {
        panic!("it waits");
    };
    assert!(!observation.has_ended());
    assert_eq!(look_again, Some(at(732)));
    assert_eq!(end(&gone, 732).0, End::Canceled);
}
