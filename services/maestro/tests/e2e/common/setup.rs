//! What a deployment is made of.

use super::{Deployment, Scratch};

/// How the services are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    /// `maestro up`: everything in one process, servers as its children.
    Up,
    /// Each service as its own `maestro serve` process.
    Services,
}

/// A stack that starts nothing.
const QUIET: &str = "
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: quiet}
spec: {}
";

/// A deployment to be.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) topology: Topology,
    /// Stack of the default project.
    pub(crate) stack: String,
    pub(crate) slots: u32,
    /// Further arguments of `maestro up`.
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Conductors, where each is a process.
    pub(crate) conductors: usize,
}

impl Setup {
    /// `maestro up` with a stack that starts nothing.
    pub(crate) fn new(topology: Topology) -> Self {
        Self {
            topology,
            stack: QUIET.to_owned(),
            slots: 8,
            arguments: Vec::new(),
            environment: Vec::new(),
            conductors: 1,
        }
    }

    pub(crate) fn stack(mut self, stack: impl Into<String>) -> Self {
        self.stack = stack.into();
        self
    }

    pub(crate) const fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) const fn conductors(mut self, conductors: usize) -> Self {
        self.conductors = conductors;
        self
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(self) -> Deployment {
        Deployment::start(self).await
    }

    /// Writes stack and configuration; returns the path of the latter.
    pub(super) fn write(&self, scratch: &Scratch) -> String {
        let stack = scratch.write("stack.yaml", &self.stack);
        let text = format!(
            "[project]\nstack = {:?}\nslots = {}\n",
            stack.display().to_string(),
            self.slots
        );
        scratch.write("maestro.toml", &text).display().to_string()
    }
}
