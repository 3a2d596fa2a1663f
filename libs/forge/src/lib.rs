//! Source hosts: webhook verification and parsing.
//!
//! A host is a [`Source`]. Adding one takes a source file and a line in [`sources`]; the webhook
//! endpoint serves whatever is registered. The steps are separate so that the endpoint can refuse
//! early: [`Source::envelope`] and [`Source::signature`] look at headers only,
//! [`Signature::verifies`] at the raw bytes, [`Source::outline`] checks that the body is JSON, and
//! [`Source::reduce`] turns a stored delivery into the facts the core decides on.

mod body;
mod error;
mod github;
mod json;
mod prune;
mod signature;
mod source;

pub use error::{BodyError, HeaderError, ReduceError, SignatureError};
pub use signature::{Secret, Signature};
pub use source::{Encoding, Envelope, Outline, Received, Source, source, sources};
