//! What really executes, whatever the executors believe: Jobs of a cluster, processes of a folder.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{
    Name, RunId,
    report::{End, Execution},
};

/// An attempt in one place; nothing can be there twice.
type Key = (Name, RunId, u32);

#[derive(Debug, Clone)]
pub(crate) struct Child {
    /// With the token it was last marked with.
    pub(crate) execution: Execution,
    pub(crate) pool: Name,
    /// When it ends by itself, on the monotonic clock.
    deadline: u64,
    pub(crate) end: Option<End>,
    /// Its result was stored; a restart does not find it any more.
    collected: bool,
}

/// A creation that was begun: it happens until `by`, whatever becomes of who asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Creation {
    pub(crate) site: Name,
    pub(crate) execution: Execution,
    pub(crate) pool: Name,
    pub(crate) by: u64,
    /// How long the backend may take to start it.
    pub(crate) start_within: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Children {
    /// The monotonic clock, in seconds.
    pub(crate) mono: u64,
    /// Timeout of each run, in seconds.
    pub(crate) timeouts: BTreeMap<RunId, u64>,
    pub(crate) begun: Vec<Creation>,
    all: BTreeMap<Key, Child>,
    /// What happened at all: the histories must not miss what they are about.
    pub(crate) witnessed: BTreeSet<&'static str>,
}

fn key(site: &Name, execution: Execution) -> Key {
    (site.clone(), execution.run, execution.attempt)
}

impl Children {
    pub(crate) fn live(&self) -> impl Iterator<Item = Execution> {
        let live = self.all.values().filter(|child| child.end.is_none());
        live.map(|child| child.execution)
    }

    /// Creates the attempt unless it is there.
    pub(crate) fn create(&mut self, creation: Creation) {
        let Creation {
            site,
            execution,
            pool,
            by,
            start_within,
        } = creation;
        let deadline = self.mono.min(by) + start_within + self.timeouts[&execution.run];
        let key = key(&site, execution);
        self.all.entry(key).or_insert(Child {
            execution,
            pool,
            deadline,
            end: None,
            collected: false,
        });
    }

    /// Finds the attempt under whatever token and marks it with this one.
    pub(crate) fn adopt(&mut self, site: &Name, execution: Execution) -> Option<Child> {
        let child = self.all.get_mut(&key(site, execution))?;
        child.execution.token = child.execution.token.max(execution.token);
        Some(child.clone())
    }

    pub(crate) fn get(&self, site: &Name, execution: Execution) -> Option<&Child> {
        self.all.get(&key(site, execution))
    }

    /// What a new process of an executor finds.
    pub(crate) fn found<'a>(&'a self, site: &'a Name) -> impl Iterator<Item = &'a Child> {
        let here = self.all.iter().filter(move |((at, ..), _)| at == site);
        here.map(|(_, child)| child)
            .filter(|child| !child.collected)
    }

    /// Ends it, unless it ended before.
    pub(crate) fn end(&mut self, site: &Name, execution: Execution, end: End) {
        if let Some(child) = self.all.get_mut(&key(site, execution)) {
            child.end.get_or_insert(end);
        }
    }

    /// One that is live, wherever it is, ends by itself.
    pub(crate) fn end_anywhere(&mut self, execution: Execution, end: End) {
        let mut live = self.all.values_mut().filter(|child| child.end.is_none());
        if let Some(child) = live.find(|child| child.execution == execution) {
            child.end = Some(end);
        }
    }

    /// It is gone without a trace, and what was begun of it does not happen.
    pub(crate) fn vanish(&mut self, site: &Name, execution: Execution) {
        self.begun
            .retain(|creation| creation.execution != execution);
        self.all.remove(&key(site, execution));
    }

    pub(crate) fn collect(&mut self, site: &Name, execution: Execution) {
        if let Some(child) = self.all.get_mut(&key(site, execution)) {
            child.collected |= child.execution.token == execution.token;
        }
    }

    /// Every backend ends what runs into its deadline, whether somebody supervises it or not.
    pub(crate) fn expire(&mut self) {
        for child in self.all.values_mut() {
            if child.end.is_none() && child.deadline <= self.mono {
                self.witnessed.insert("an execution ran into its deadline");
                child.end = Some(End::DeadlineExceeded);
            }
        }
    }
}
