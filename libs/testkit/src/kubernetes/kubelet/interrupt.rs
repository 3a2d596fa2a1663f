//! What ends a pod from outside, and what is said of it then.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::{
    Keeper, Order, container,
    status::{self, Verdict},
};
use crate::kubernetes::{
    cluster::Cluster,
    json::{self, int, set, text},
    kind::Kind,
};

/// What ends a pod before it ends itself.
#[derive(Debug, Clone)]
pub(super) enum Interrupt {
    Deleted(Duration),
    Gone,
    Deadline,
    Ordered(Order),
}

/// Waits for what ends the pod from outside.
pub(super) async fn interrupted(cluster: &Cluster, pod: &Value, keeper: &Keeper) -> Interrupt {
    loop {
        let due = {
            let state = cluster.lock();
            let current = state.get(Kind::Pod, json::namespace(pod), json::name(pod));
            let Some(current) = current.filter(|found| json::uid(found) == json::uid(pod)) else {
                return Interrupt::Gone;
            };
            if let Some(order) = keeper.take_order() {
                return Interrupt::Ordered(order);
            }
            if json::deleting(current) {
                let grace = int(current, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
                return Interrupt::Deleted(Duration::from_secs(u64::try_from(grace).unwrap_or(0)));
            }
            let seconds = int(current, "/spec/activeDeadlineSeconds")
                .and_then(|seconds| u64::try_from(seconds).ok());
            seconds.and_then(|seconds| {
                state.clock.deadline(
                    text(current, "/status/startTime"),
                    Duration::from_secs(seconds),
                )
            })
        };
        let left = due.map(|due| cluster.lock().clock.until(due));
        if left == Some(Duration::ZERO) {
            return Interrupt::Deadline;
        }
        tokio::select! {
            () = keeper.wake.notified() => {}
            () = sleep(left.unwrap_or(Duration::from_secs(3600))) => {}
        }
    }
}

/// Ends the containers; returns when to kill what is left.
pub(super) fn begin_end(interrupt: &Interrupt, pids: &[i32]) -> Duration {
    let grace = match interrupt {
        Interrupt::Deleted(grace) => *grace,
        Interrupt::Deadline => Duration::from_secs(2),
        Interrupt::Gone | Interrupt::Ordered(_) => Duration::ZERO,
    };
    if grace.is_zero() {
        pids.iter().for_each(|pid| container::kill_all(*pid));
    } else {
        pids.iter().for_each(|pid| container::terminate(*pid));
    }
    grace
}

/// What is said of a pod that was ended so.
pub(super) fn verdict(interrupt: Interrupt) -> Verdict {
    match interrupt {
        Interrupt::Deadline => Verdict {
            reason: Some("DeadlineExceeded".to_owned()),
            message: Some(
                "Pod was active on the node longer than the specified deadline".to_owned(),
            ),
            failed: true,
            ..Verdict::default()
        },
        Interrupt::Ordered(Order::Evict(message)) => Verdict {
            reason: Some("Evicted".to_owned()),
            disruption: Some(("TerminationByKubelet".to_owned(), message.clone())),
            message: Some(message),
            failed: true,
        },
        _ => Verdict::default(),
    }
}

/// The end of a pod whose node is gone, as the pod garbage collector writes it.
pub(crate) fn declare_dead(pod: &mut Value, message: &str, now: &str) {
    set(pod, &["status", "phase"], "Failed");
    let verdict = Verdict {
        disruption: Some(("DeletionByPodGC".to_owned(), message.to_owned())),
        ..Verdict::default()
    };
    status::judge(pod, &verdict, now);
}
