//! What Job and pod status say about an attempt. Pure: facts, limits and the time in, a verdict
//! out. Missing evidence is never success.

mod blocker;
mod container;
mod interruption;
mod job;
mod pod;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use maestro_domain::{
    Timestamp,
    report::{End, LONGEST_DETAIL, Place},
};

use self::{blocker::Blocker, interruption::Interruption};
pub(crate) use self::{blocker::Obstacle, job::is_settled, pod::is_terminal};
use super::{ending::Ending, names};
use crate::backend::Observation;

/// How long after its pod's deadline and grace a node may take to say that it is over.
const NODE_ANSWERS_WITHIN: Duration = Duration::from_secs(120);

/// A pod as last seen.
#[derive(Debug, Clone)]
pub(crate) struct SeenPod {
    pub(crate) pod: Arc<Pod>,
    /// The object is removed.
    pub(crate) gone: bool,
}

/// Everything known of one attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) job: Option<Arc<Job>>,
    /// By uid.
    pub(crate) pods: BTreeMap<String, SeenPod>,
    /// What the Job controller last said about not creating the pod.
    pub(crate) failed_create: Option<String>,
    /// What the pod waits for, and since when that was first seen.
    pub(crate) waiting: Option<(Obstacle, Timestamp)>,
    /// Job and pods were just read from the server: what is missing is really missing.
    pub(crate) fresh: bool,
}

impl Facts {
    /// The attempt's pod: the first one.
    pub(crate) fn first_pod(&self) -> Option<&SeenPod> {
        let created = |seen: &&SeenPod| {
            let created = seen.pod.metadata.creation_timestamp.as_ref();
            created.map(|created| created.0)
        };
        self.pods.values().min_by_key(created)
    }
}

/// How long what is waited for, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) unschedulable_s: u64,
    pub(crate) image_pull_s: u64,
    pub(crate) launch_s: u64,
    pub(crate) start_s: u64,
}

/// What follows from the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// This is seen. At `look_again` something else follows from the same facts.
    Seen {
        observation: Observation,
        look_again: Option<Timestamp>,
    },
    /// It cannot get on: end it, then report this.
    Condemned(Ending),
    /// Only fresh facts allow a conclusion.
    Unsure,
}

/// The verdict on one attempt.
pub(crate) fn judge(facts: &Facts, limits: &Limits, now: Timestamp) -> Verdict {
    let case = Case::new(facts, limits, now);
    match case.pod {
        Some(seen) if !case.lives(seen) => case.over(seen),
        Some(seen) => case.alive(&seen.pod),
        None => case.without_pod(),
    }
}

/// Facts made easy to ask.
struct Case<'a> {
    facts: &'a Facts,
    limits: &'a Limits,
    now: Timestamp,
    ending: Option<Ending>,
    pod: Option<&'a SeenPod>,
}

impl<'a> Case<'a> {
    fn new(facts: &'a Facts, limits: &'a Limits, now: Timestamp) -> Self {
        let meta = facts.job.as_ref().map(|job| &job.metadata);
        let ending = meta
            .and_then(|meta| names::annotation(meta, names::ENDING))
            .and_then(Ending::parse);
        Self {
            facts,
            limits,
            now,
            ending,
            pod: facts.first_pod(),
        }
    }

    fn lives(&self, seen: &SeenPod) -> bool {
        !seen.gone && !pod::is_terminal(&seen.pod)
    }

    /// The pod is over; the attempt is when nothing else of it lives.
    fn over(&self, seen: &SeenPod) -> Verdict {
        let result = pod::result(seen, self.job(), self.ending.as_ref(), self.now);
        if let Some(second) = self.facts.pods.values().find(|other| self.lives(other)) {
            return match &self.ending {
                Some(_) => self.running(&second.pod),
                None => self.condemn(result.end, result.detail),
            };
        }
        if !result.certain && !self.facts.fresh {
            return Verdict::Unsure;
        }
        // Where the pod was taken away, its Job would make another one.
        let replaceable = seen.gone && self.job().is_some_and(|job| !job::is_settled(job));
        match (&self.ending, replaceable) {
            (None, true) => self.condemn(result.end, result.detail),
            (Some(_), true) if self.latest_end(&seen.pod) > self.now => self.running(&seen.pod),
            (Some(_), true) => self.ended(result, self.place(Some(&seen.pod))),
            (_, false) => self.ended(result, self.place(Some(&seen.pod))),
        }
    }

    fn alive(&self, pod: &Pod) -> Verdict {
        if let Some(overdue) = self.overdue(pod) {
            return overdue;
        }
        if pod::started_at(pod).is_some() {
            return self.running(pod);
        }
        if self.ending.is_some() {
            return self.seen(Observation::Starting, Some(self.latest_end(pod)));
        }
        match Blocker::of(pod) {
            Some(blocker) => self.blocked(blocker, pod),
            None => self.slow(None, pod),
        }
    }

    fn running(&self, pod: &Pod) -> Verdict {
        let observation = match pod::started_at(pod) {
            Some(at) => Observation::Running {
                at,
                place: self.place(Some(pod)),
            },
            None => Observation::Starting,
        };
        self.seen(observation, Some(self.latest_end(pod)))
    }

    fn blocked(&self, blocker: Blocker, pod: &Pod) -> Verdict {
        let limit = match blocker.obstacle {
            Obstacle::Unschedulable => self.limits.unschedulable_s,
            Obstacle::ImagePull => self.limits.image_pull_s,
            Obstacle::Launch => self.limits.launch_s,
        };
        let first_seen = self.facts.waiting.as_ref();
        let since = blocker.since.or_else(|| {
            let (_, since) = first_seen.filter(|(what, _)| *what == blocker.obstacle)?;
            Some(*since)
        });
        let until = since.unwrap_or(self.now).after(Duration::from_secs(limit));
        if blocker.hopeless || until <= self.now {
            return self.condemn(blocker.obstacle.end(), Some(blocker.detail));
        }
        match self.slow(Some(blocker), pod) {
            Verdict::Seen {
                observation,
                look_again,
            } => {
                let look_again = Some(look_again.map_or(until, |at| at.min(until)));
                self.seen(observation, look_again)
            }
            other => other,
        }
    }

    /// Nothing is known to be wrong, but it must start some time.
    fn slow(&self, blocker: Option<Blocker>, pod: &Pod) -> Verdict {
        let until = self.latest_start();
        if until > self.now {
            return self.seen(Observation::Starting, Some(until));
        }
        let (end, why) = match blocker {
            Some(blocker) => (blocker.obstacle.end(), blocker.detail),
            None => (End::LaunchRejected, pod::waits_for(pod)),
        };
        self.condemn(end, Some(format!("it did not start in time: {why}")))
    }

    /// The kubelet should have ended it long ago.
    fn overdue(&self, pod: &Pod) -> Option<Verdict> {
        if self.latest_end(pod) > self.now {
            return None;
        }
        if !self.facts.fresh {
            return Some(Verdict::Unsure);
        }
        let node = pod::node(pod).unwrap_or("none");
        let ending = self.ending.as_ref();
        let result = Conclusion {
            end: ending.map_or(End::NodeLost, |ending| ending.end),
            detail: Some(format!(
                "its deadline has passed and node {node} does not say that it ended"
            )),
            started_at: pod::started_at(pod),
            at: self.now,
            certain: true,
        };
        Some(self.ended(result, self.place(Some(pod))))
    }

    fn without_pod(&self) -> Verdict {
        let conclusion = match self.job() {
            None => Some(Conclusion::lost("its Job is gone", self.now)),
            Some(job) => job::conclusion(job, self.ending.as_ref(), self.now),
        };
        match conclusion {
            Some(_) if !self.facts.fresh => Verdict::Unsure,
            Some(conclusion) => self.ended(conclusion, self.place(None)),
            None => match &self.ending {
                Some(ending) => self.ends_without_pod(ending),
                None => self.no_pod_yet(),
            },
        }
    }

    /// The Job controller confirms the end; without it the Job's deadline does.
    fn ends_without_pod(&self, ending: &Ending) -> Verdict {
        let spec = self.job().and_then(|job| job.spec.as_ref());
        let seconds = spec.and_then(|spec| spec.active_deadline_seconds);
        let longest = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let longest = Duration::from_secs(longest.unwrap_or_default());
        let until = self.created().after(longest + NODE_ANSWERS_WITHIN);
        if until > self.now {
            return self.seen(Observation::Starting, Some(until));
        }
        if !self.facts.fresh {
            return Verdict::Unsure;
        }
        let conclusion = Conclusion {
            end: ending.end,
            detail: ending.detail.clone(),
            ..Conclusion::lost("", self.now)
        };
        self.ended(conclusion, self.place(None))
    }

    fn no_pod_yet(&self) -> Verdict {
        let created = self.created();
        let (limit, why) = match &self.facts.failed_create {
            Some(said) => (self.limits.launch_s, said.as_str()),
            None => (self.limits.start_s, "no pod was created for the Job"),
        };
        let until = created.after(Duration::from_secs(limit));
        if until <= self.now {
            return self.condemn(End::LaunchRejected, Some(why.to_owned()));
        }
        self.seen(Observation::Starting, Some(until))
    }

    fn job(&self) -> Option<&'a Job> {
        self.facts.job.as_deref()
    }

    fn created(&self) -> Timestamp {
        let meta = self.job().map(|job| &job.metadata);
        let meta = meta.or(self.pod.map(|seen| &seen.pod.metadata));
        meta.and_then(|meta| meta.creation_timestamp.as_ref())
            .map_or(self.now, moment)
    }

    fn latest_start(&self) -> Timestamp {
        self.created()
            .after(Duration::from_secs(self.limits.start_s))
    }

    /// When nothing of the pod can live any more, whatever became of its node.
    fn latest_end(&self, pod: &Pod) -> Timestamp {
        let start = pod::acknowledged_at(pod).unwrap_or_else(|| self.latest_start());
        start.after(pod::longest_life(pod) + NODE_ANSWERS_WITHIN)
    }

    fn place(&self, pod: Option<&Pod>) -> Place {
        let job = self.job().map(|job| &job.metadata);
        let pod_meta = pod.map(|pod| &pod.metadata);
        let namespace = |meta: &ObjectMeta| meta.namespace.clone();
        Place {
            namespace: job.and_then(namespace).or(pod_meta.and_then(namespace)),
            job: job.and_then(|meta| meta.name.clone()),
            pod: pod_meta.and_then(|meta| meta.name.clone()),
            node: pod.and_then(pod::node).map(str::to_owned),
        }
    }

    fn condemn(&self, end: End, detail: Option<String>) -> Verdict {
        Verdict::Condemned(Ending {
            end,
            at: self.now,
            detail: detail.map(cut),
        })
    }

    fn seen(&self, observation: Observation, look_again: Option<Timestamp>) -> Verdict {
        Verdict::Seen {
            observation,
            look_again: look_again.filter(|at| *at > self.now),
        }
    }

    fn ended(&self, conclusion: Conclusion, place: Place) -> Verdict {
        let observation = Observation::Ended {
            end: conclusion.end,
            started_at: conclusion.started_at,
            at: conclusion.at,
            detail: conclusion.detail.map(cut),
            place,
        };
        self.seen(observation, None)
    }
}

/// How an attempt ended.
#[derive(Debug)]
struct Conclusion {
    end: End,
    detail: Option<String>,
    started_at: Option<Timestamp>,
    at: Timestamp,
    /// It rests on what is there, not on what is missing.
    certain: bool,
}

impl Conclusion {
    fn lost(why: &str, at: Timestamp) -> Self {
        Self {
            end: End::Lost,
            detail: Some(why.to_owned()),
            started_at: None,
            at,
            certain: false,
        }
    }
}

/// A detail may be stored up to a length.
fn cut(mut detail: String) -> String {
    let mut end = detail.len().min(LONGEST_DETAIL);
    while !detail.is_char_boundary(end) {
        end -= 1;
    }
    detail.truncate(end);
    detail
}

/// A time of Kubernetes.
pub(crate) fn moment(time: &Time) -> Timestamp {
    Timestamp::from_millis(time.0.as_millisecond())
}

#[cfg(test)]
mod tests;
