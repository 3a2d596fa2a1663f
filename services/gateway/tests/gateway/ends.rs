use maestro_contracts::v1::{GetRunRequest, ReadOptions, RunStatus};
use maestro_domain::{
    Report, Timestamp,
    report::{End, Place},
};

use crate::support::{Conductor, World, execution, push};

/// Every end an executor can see, with the reason and the fault it is shown with.
const ENDS: [(End, &str, &str); 13] = [
    (End::Exited { code: 0 }, "", ""),
    (End::Exited { code: 3 }, "exit_code", "user"),
    (End::Signaled { signal: 9 }, "signaled", "user"),
    (End::OomKilled, "oom_killed", "user"),
    (End::DeadlineExceeded, "deadline_exceeded", "user"),
    (End::Canceled, "canceled", ""),
    (End::Evicted, "evicted", "infrastructure"),
    (End::Preempted, "preempted", "infrastructure"),
    (End::NodeLost, "node_lost", "infrastructure"),
    (End::ImagePull, "image_pull", "infrastructure"),
    (End::Unschedulable, "unschedulable", "infrastructure"),
    (End::LaunchRejected, "launch_rejected", "infrastructure"),
    (End::Lost, "job_missing", "infrastructure"),
];

#[tokio::test]
async fn every_end_is_shown_with_its_reason_whose_fault_it_is_and_what_was_said() {
    let world = World::start().await;
    let mut conductor = Conductor::new(&world.log, &world.vault).await;
    let at = Timestamp::from_millis(1_795_176_000_000);
    for (number, (end, reason, fault)) in (1..).zip(ENDS) {
        let revision = conductor.deliver(push(number)).await;
        let run = world.list(revision).await.remove(0);
        let execution = execution(run.id.parse().unwrap(), number);
        conductor.report(Report::Claim(execution)).await;
        conductor
            .report(Report::Started {
                execution,
                at,
                place: Place::default(),
            })
            .await;
        let said = format!("what the kubelet said of {number}");
        let revision = conductor
            .report(Report::Finished {
                execution,
                end,
                at,
                log_bytes: 0,
                detail: Some(said.clone()),
            })
            .await;
        let read = Some(ReadOptions {
            min_revision: revision,
        });
        let request = GetRunRequest { id: run.id, read };
        let told = world.runs().get_run(request).await.unwrap().into_inner();
        let (run, attempt) = (told.run.unwrap(), &told.attempts[0]);
        assert_eq!((run.reason.as_str(), run.fault.as_str()), (reason, fault));
        assert_eq!(
            (attempt.reason.as_str(), attempt.fault.as_str()),
            (reason, fault)
        );
        assert_eq!((&run.detail, &attempt.detail), (&said, &said), "{end:?}");
        let again = fault == "infrastructure";
        assert_eq!(run.status() == RunStatus::Pending, again, "{end:?}");
        assert_eq!(attempt.retry_at.is_some(), again, "{end:?}");
    }
}
