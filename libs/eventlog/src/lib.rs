//! The event log on NATS JetStream: streams, commits, readers, work queues, vault. The only crate
//! that knows async-nats.
//!
//! [`EventLog`] is a cheap handle to one connection that reconnects for ever. Writes fail with
//! [`Error::Unavailable`] within seconds while the broker is away; readers wait and go on where
//! they stopped.

mod address;
mod appender;
mod archive;
mod bodies;
mod broker;
mod checkpoint;
mod commits;
mod decode;
mod definition;
mod delivery;
mod ensure;
mod error;
mod eventlog;
mod header;
mod heartbeats;
mod lease;
mod logs;
mod message;
mod names;
mod proof;
mod queue;
mod reader;
mod request;
mod settings;
mod snapshot;
mod store;
mod stream;
mod subject;
mod vault;

pub use appender::{AppendError, Appender, Appending};
pub use archive::{
    ArchiveError, ArchiveReader, ArchiveReport, ArchiveWriter, Record, RestoreError,
};
pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointKeys, CheckpointKeysError, NoteError, NoteKey,
    NoteKeyError, StoredCheckpoint,
};
pub use decode::DecodeError;
pub use delivery::{Delivery, Stored};
pub use error::Error;
pub use eventlog::EventLog;
pub use heartbeats::{Heartbeat, Heartbeats, OrderFeed};
pub use lease::{Holding, Lease, LeaseLost};
pub use logs::{LogChunk, LogMessage, LogReader, Offsets, Output, Shipped};
pub use message::Message;
pub use proof::{Audit, Chain, Copy, CopyReport, Finding, Link, Report, Scan, ScanError, Whole};
pub use queue::{Job, RunCommands};
pub use reader::{ReadError, Reader, Start};
pub use request::RequestError;
pub use settings::Settings;
pub use stream::{Stream, StreamState};
pub use subject::{escape, unescape};
pub use vault::{KeysError, Vault, VaultError, VaultKeys, VaultWatch};
