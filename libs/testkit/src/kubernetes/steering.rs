//! What a test changes in the cluster.

use std::collections::BTreeSet;

use super::{
    faults::{Cut, Dice, Fate, Faults},
    kind::Kind,
    rights::{Need, Right},
};

/// What a test set.
pub(crate) struct Steering {
    pub(crate) rights: Option<Vec<Right>>,
    /// Every right that was needed.
    pub(crate) needed: BTreeSet<Need>,
    pub(crate) faults: FaultDice,
    /// Kind, and what an admission webhook says against its creation.
    pub(crate) webhooks: Vec<(Kind, String)>,
    /// Images with this in their name cannot be pulled.
    pub(crate) missing_images: Vec<String>,
    /// Nodes that take no new pods and whose kubelet is gone.
    pub(crate) lost_nodes: BTreeSet<String>,
    /// Nothing is scheduled.
    pub(crate) scheduler_paused: bool,
}

/// Faults, or none.
#[derive(Default)]
pub(crate) struct FaultDice(Option<Dice>);

impl FaultDice {
    pub(crate) fn set(&mut self, faults: Option<Faults>) {
        self.0 = faults.map(Dice::new);
    }
    pub(crate) fn fate(&mut self) -> Fate {
        self.0.as_mut().map_or(Fate::Served, Dice::fate)
    }
    pub(crate) fn cut(&mut self) -> Option<Cut> {
        self.0.as_mut().and_then(Dice::cut)
    }
}

impl Steering {
    pub(crate) fn new(rights: Option<Vec<Right>>) -> Self {
        Self {
            rights,
            needed: BTreeSet::new(),
            faults: FaultDice::default(),
            webhooks: Vec::new(),
            missing_images: Vec::new(),
            lost_nodes: BTreeSet::new(),
            scheduler_paused: false,
        }
    }
}
