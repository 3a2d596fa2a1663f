//! Proof that no commit was lost or changed: the hash chain folded over a copy of the log, and two
//! copies compared.

mod audit;
mod chain;
mod finding;
mod link;
mod scan;

pub use audit::{Audit, Report, Whole};
pub use chain::{Chain, CopyReport};
pub use finding::{Copy, Finding};
pub(crate) use link::Envelope;
pub use link::Link;
pub use scan::{Scan, ScanError};
