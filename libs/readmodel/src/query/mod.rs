//! What can be asked.

mod deliveries;
mod executors;
mod journal;
mod runs;
mod slots;
mod status;

pub use deliveries::{Delivery, DeliveryFilter, Outcome};
pub use executors::Executor;
pub use journal::JournalEntry;
pub use runs::{Attempt, Run, RunFilter, RunStory, TimelineEntry};
pub use slots::{QueuedRun, Slot, SlotPool, SlotState};
pub use status::ProjectionStatus;
