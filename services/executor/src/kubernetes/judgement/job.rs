//! What a Job says where there is no pod to ask.

use k8s_openapi::api::batch::v1::{Job, JobCondition};
use maestro_domain::{Timestamp, report::End};

use super::{Conclusion, Interruption, moment};
use crate::kubernetes::ending::Ending;

/// How an attempt without a pod ended; `None` while its Job is not over.
pub(super) fn conclusion(job: &Job, ending: Option<&Ending>, now: Timestamp) -> Option<Conclusion> {
    if let Some(complete) = condition(job, "Complete") {
        return Some(finished(End::Exited { code: 0 }, None, complete, now));
    }
    if let Some(failed) = condition(job, "Failed") {
        let (end, detail) = match (ending, deadline(job)) {
            (Some(ending), _) => (ending.end, ending.detail.clone()),
            (None, Some(deadline)) => (deadline.end, deadline.detail),
            (None, None) => failure(failed),
        };
        return Some(finished(end, detail, failed, now));
    }
    let ending = ending.filter(|_| is_asleep(job))?;
    Some(Conclusion {
        end: ending.end,
        detail: ending.detail.clone(),
        started_at: None,
        at: now,
        certain: false,
    })
}

/// The Job's own deadline, once it has passed.
pub(super) fn deadline(job: &Job) -> Option<Interruption> {
    let conditions = [condition(job, "FailureTarget"), condition(job, "Failed")];
    let mut passed = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition.reason.as_deref() == Some("DeadlineExceeded"));
    let condition = passed.next()?;
    Some(Interruption {
        end: End::DeadlineExceeded,
        detail: condition.message.clone(),
        at: condition.last_transition_time.as_ref().map(moment),
    })
}

/// The Job failed and its pod is not there to say why.
fn failure(failed: &JobCondition) -> (End, Option<String>) {
    let end = match failed.reason.as_deref() {
        // The only rule is the one about disruptions.
        Some("PodFailurePolicy") => End::Evicted,
        _ => End::Lost,
    };
    (end, failed.message.clone())
}

/// No pod will be created for it any more.
pub(crate) fn is_settled(job: &Job) -> bool {
    let last = ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"];
    is_asleep(job) || last.iter().any(|what| condition(job, what).is_some())
}

/// The Job controller has ended all pods and creates none.
fn is_asleep(job: &Job) -> bool {
    let Some(status) = &job.status else {
        return false;
    };
    let none = |count: Option<i32>| count.unwrap_or(0) == 0;
    condition(job, "Suspended").is_some() && none(status.active) && none(status.terminating)
}

fn finished(end: End, detail: Option<String>, by: &JobCondition, now: Timestamp) -> Conclusion {
    Conclusion {
        end,
        detail,
        started_at: None,
        at: by.last_transition_time.as_ref().map_or(now, moment),
        certain: false,
    }
}

fn condition<'a>(job: &'a Job, what: &str) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == what && condition.status == "True")
}
