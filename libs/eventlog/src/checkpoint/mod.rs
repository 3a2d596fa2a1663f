//! Signed checkpoints: what the log was at a moment, provable to others.
//!
//! A checkpoint stands in a stream of its own, CHECKPOINTS. It is signed only after every commit
//! since the one before was read and found to be chained to it, so what was changed in between is
//! never signed over.

mod keys;
mod note;
mod store;
mod text;

pub use keys::{CheckpointKeys, CheckpointKeysError};
pub use note::{NoteError, NoteKey, NoteKeyError};
pub use store::{CheckpointError, StoredCheckpoint};
pub use text::Checkpoint;
