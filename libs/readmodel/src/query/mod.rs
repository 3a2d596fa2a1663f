//! What can be asked.

mod deliveries;
mod journal;
mod runs;
mod slots;
mod status;

pub use deliveries::{Delivery, DeliveryFilter, Outcome};
pub use journal::JournalEntry;
pub use runs::{Run, RunFilter, RunStory, TimelineEntry};
pub use slots::{Slot, SlotPool, SlotState};
pub use status::ProjectionStatus;
