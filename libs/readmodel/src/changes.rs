//! What changed, as it travels from the projections to those who watch.

use std::collections::BTreeSet;

use maestro_domain::{DeliveryId, ExecutorId, Provider, RunId};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Channel of Postgres on which projections tell what they changed.
pub(crate) const CHANNEL: &str = "maestro_changes";
/// Longest payload in bytes; Postgres refuses 8,000 and more.
const MAX_PAYLOAD: usize = 7_900;

/// A delivery by its host and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// The source host.
    pub provider: Provider,
    /// The host's id.
    pub id: DeliveryId,
}

/// Keys of rows that a batch changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedKeys {
    /// Runs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub runs: BTreeSet<RunId>,
    /// Deliveries.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub deliveries: BTreeSet<DeliveryKey>,
    /// Slugs of projects whose slots changed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub projects: BTreeSet<String>,
    /// Executors.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub executors: BTreeSet<ExecutorId>,
}

/// One change of the read models.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// The projection that changed; empty when any may have.
    pub projection: String,
    /// Revision it reached.
    pub revision: u64,
    /// What changed.
    #[serde(flatten)]
    pub keys: ChangedKeys,
    /// The keys are not complete: ask for everything again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resync: bool,
}

impl ChangeSet {
    /// Says only that something may have changed.
    #[must_use]
    pub fn resync() -> Self {
        Self {
            resync: true,
            ..Self::default()
        }
    }

    /// The payload of a notification; without keys when they do not fit.
    pub(crate) fn payload(&self) -> Result<String, serde_json::Error> {
        let full = serde_json::to_string(self)?;
        if full.len() <= MAX_PAYLOAD {
            return Ok(full);
        }
        serde_json::to_string(&Self {
            projection: self.projection.clone(),
            revision: self.revision,
            keys: ChangedKeys::default(),
            resync: true,
        })
    }
}

/// The changes from now on.
#[derive(Debug)]
pub struct Changes(pub(crate) broadcast::Receiver<ChangeSet>);

impl Changes {
    /// The next change. A reader that was too slow gets [`ChangeSet::resync`] in place of what it
    /// missed. `None` when the read model was dropped.
    pub async fn next(&mut self) -> Option<ChangeSet> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(ChangeSet::resync()),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(runs: u128) -> ChangeSet {
        ChangeSet {
            projection: "runs".to_owned(),
            revision: 9,
            keys: ChangedKeys {
                runs: (0..runs)
                    .map(|n| RunId::new(uuid::Uuid::from_u128(n)))
                    .collect(),
                ..ChangedKeys::default()
            },
            resync: false,
        }
    }

    #[test]
    fn a_payload_that_fits_is_complete() {
        let read: ChangeSet = serde_json::from_str(&set(100).payload().unwrap()).unwrap();
        assert_eq!(read, set(100));
    }

    #[test]
    fn a_payload_that_does_not_fit_asks_for_everything() {
        let payload = set(1_000).payload().unwrap();
        assert!(payload.len() < 8_000);
        let read: ChangeSet = serde_json::from_str(&payload).unwrap();
        assert_eq!(
            (read.revision, read.resync, read.keys),
            (9, true, ChangedKeys::default())
        );
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_to_resync() {
        let (sender, receiver) = broadcast::channel(2);
        let mut changes = Changes(receiver);
        for runs in 1..=3 {
            sender.send(set(runs)).unwrap();
        }
        drop(sender);
        assert_eq!(changes.next().await, Some(ChangeSet::resync()));
        assert_eq!(changes.next().await, Some(set(2)));
        assert_eq!(changes.next().await, Some(set(3)));
        assert_eq!(changes.next().await, None);
    }
}
