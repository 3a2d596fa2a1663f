//! One request to the log API.

use std::{io, pin::Pin};

use bytes::Bytes;
use futures::{AsyncBufRead, AsyncBufReadExt as _};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::api::LogParams;

use super::containers::{Output, output};
use crate::kubernetes::{
    calls::{self, CallError},
    cluster::Cluster,
    judgement::{Facts, is_terminal},
};

/// The answer while it comes.
pub(super) struct Stream {
    reader: Pin<Box<dyn AsyncBufRead + Send>>,
    container: String,
    /// The container had ended before this was opened.
    pub(super) complete: bool,
}

impl Stream {
    /// The next bytes; none at the end. Cancel-safe.
    pub(super) async fn read(&mut self) -> io::Result<Bytes> {
        let bytes = Bytes::copy_from_slice(self.reader.fill_buf().await?);
        self.reader.consume_unpin(bytes.len());
        Ok(bytes)
    }

    /// Whether no more output can come.
    pub(super) fn container_is_over(&self, facts: &Facts) -> bool {
        facts.first_pod().is_some_and(|seen| {
            seen.gone
                || is_terminal(&seen.pod)
                || output(&seen.pod, &self.container) == Output::Complete
        })
    }
}

/// Opens a container's log, from `since` on.
pub(super) async fn open(
    cluster: &Cluster,
    pod: &Pod,
    container: &str,
    complete: bool,
    since: Option<Timestamp>,
) -> Result<Stream, CallError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let params = LogParams {
        container: Some(container.to_owned()),
        follow: !complete,
        since_time: since,
        timestamps: true,
        ..LogParams::default()
    };
    let pods = cluster.within::<Pod>(namespace);
    let reader = calls::once(&cluster.gate, pods.log_stream(name, &params)).await?;
    Ok(Stream {
        reader: Box::pin(reader),
        container: container.to_owned(),
        complete,
    })
}
