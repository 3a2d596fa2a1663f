//! What a cluster does to executions. Each is told apart from a failure of the execution itself.

use std::collections::BTreeMap;

use super::{Ended, Laboratory, SOON, Work};
use crate::{kubernetes::Kubernetes, wait_until};

const WAITS: &str = "echo begun; while :; do sleep 0.1; done";

fn steered<L: Laboratory>(lab: &L) -> &Kubernetes {
    lab.cluster().expect("needed")
}

/// The path of an execution's pod, once it was created.
async fn pod<L: Laboratory>(lab: &L, run: &L::Run) -> String {
    let job = lab.job(run);
    let (folder, name) = job.rsplit_once("/jobs/").expect("the path of a Job");
    let namespace = folder.rsplit('/').next().expect("a namespace");
    let find = || {
        let pods = steered(lab).objects("pods").into_iter();
        let mut own =
            pods.filter(|pod| pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name);
        own.find_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned()))
    };
    wait_until(SOON, async || find().is_some()).await;
    format!(
        "/api/v1/namespaces/{namespace}/pods/{}",
        find().expect("found before")
    )
}

/// Starts something that waits, does something to its pod, and returns how it is said to have ended.
async fn disturbed<L: Laboratory>(lab: &L, disturb: impl AsyncFnOnce(&Kubernetes, &str)) -> Ended {
    let executor = lab.executor().await;
    let run = lab.submit(Work::script(lab, WAITS)).await;
    lab.shows(&run, "begun").await;
    let pod = pod(lab, &run).await;
    disturb(steered(lab), &pod).await;
    let ended = lab.ended(&run).await;
    assert_eq!(
        lab.output(&run).await.stdout,
        b"begun\n",
        "output outlives the pod"
    );
    assert_eq!(steered(lab).most_live(), 1, "never a second pod");
    lab.stop(executor).await;
    ended
}

pub(super) async fn evicted<L: Laboratory>(lab: &L) {
    let ended = disturbed(lab, async |cluster, pod| assert!(cluster.evict(pod))).await;
    assert_eq!(ended, Ended::Evicted);
}

/// Somebody drains the node through the eviction API.
pub(super) async fn drained<L: Laboratory>(lab: &L) {
    let ended = disturbed(lab, async |cluster, pod| assert!(cluster.drain(pod))).await;
    assert_eq!(ended, Ended::Evicted);
}

pub(super) async fn preempted<L: Laboratory>(lab: &L) {
    let ended = disturbed(lab, async |cluster, pod| assert!(cluster.preempt(pod))).await;
    assert_eq!(ended, Ended::Preempted);
}

pub(super) async fn out_of_memory<L: Laboratory>(lab: &L) {
    let ended = disturbed(lab, async |cluster, pod| assert!(cluster.oom_kill(pod))).await;
    assert_eq!(ended, Ended::OomKilled);
}

/// The node is silent, its pods are condemned, and at last it is removed.
pub(super) async fn node_lost<L: Laboratory>(lab: &L) {
    let ended = disturbed(lab, async |cluster, pod| {
        let node = cluster.object(pod).expect("it runs")["spec"]["nodeName"].clone();
        let node = node.as_str().expect("it has a node").to_owned();
        cluster.lose_node(&node);
        cluster.taint_lost_node(&node);
        cluster.remove_node(&node);
    })
    .await;
    assert_eq!(ended, Ended::NodeLost);
}

/// Somebody deletes the pod.
pub(super) async fn pod_deleted<L: Laboratory>(lab: &L) {
    let ended = disturbed(lab, async |cluster, pod| assert!(cluster.delete(pod))).await;
    assert_eq!(ended, Ended::Lost);
}

/// Somebody deletes the Job, and with it the pod.
pub(super) async fn job_deleted<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let run = lab.submit(Work::script(lab, WAITS)).await;
    lab.shows(&run, "begun").await;
    assert!(steered(lab).delete(&lab.job(&run)));
    assert_eq!(lab.ended(&run).await, Ended::Lost);
    wait_until(SOON, async || steered(lab).live() == 0).await;
    lab.stop(executor).await;
}

/// The executor is away while the pod is evicted: the next one knows why it ended.
pub(super) async fn lost_while_nobody_watched<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let run = lab.submit(Work::script(lab, WAITS)).await;
    lab.shows(&run, "begun").await;
    let pod = pod(lab, &run).await;
    lab.kill(executor).await;
    assert!(steered(lab).evict(&pod));
    wait_until(SOON, async || steered(lab).live() == 0).await;
    let executor = lab.executor().await;
    assert_eq!(lab.ended(&run).await, Ended::Evicted);
    assert_eq!(lab.output(&run).await.stdout, b"begun\n");
    lab.stop(executor).await;
}

/// It never starts, for a reason that shows only after a while.
async fn stuck<L: Laboratory>(lab: &L, work: Work) -> Ended {
    let executor = lab.executor().await;
    let run = lab.submit(work).await;
    let ended = lab.ended(&run).await;
    assert!(!lab.has_started(&run));
    assert_eq!(steered(lab).most_live(), 0);
    lab.stop(executor).await;
    ended
}

pub(super) async fn image_pull<L: Laboratory>(lab: &L) {
    steered(lab).break_image("no-such-image");
    let mut work = Work::script(lab, "exit 0");
    work.image = Some("registry.example.com/no-such-image:1".to_owned());
    assert_eq!(stuck(lab, work).await, Ended::ImagePull);
}

pub(super) async fn unschedulable<L: Laboratory>(lab: &L) {
    let mut work = Work::script(lab, "exit 0");
    work.node_selector = BTreeMap::from([("zone".to_owned(), "moon".to_owned())]);
    assert_eq!(stuck(lab, work).await, Ended::Unschedulable);
}

pub(super) async fn denied_by_a_webhook<L: Laboratory>(lab: &L) {
    steered(lab).deny_creation("jobs", Some("not on Fridays"));
    let ended = stuck(lab, Work::script(lab, "exit 0")).await;
    assert_eq!(ended, Ended::LaunchRejected);
}
