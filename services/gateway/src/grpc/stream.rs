//! Long answers: what ends them besides their own end.

use std::{future::Future, pin::Pin, sync::Arc};

use futures::Stream;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use crate::{
    auth::{Identity, Sessions},
    error::{ApiError, ErrorCode},
};

/// Messages waiting for a slow reader before its stream stops reading more.
const WAITING: usize = 32;
/// Streams open at once.
const STREAMS: usize = 2_000;

pub(super) type Streaming<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Opens streams and ends them when their reader goes away, its session ends, or the gateway
/// stops.
#[derive(Clone)]
pub(crate) struct Streams {
    sessions: Sessions,
    shutdown: CancellationToken,
    places: Arc<Semaphore>,
}

/// Where a stream's messages go.
pub(super) struct Sink<T>(mpsc::Sender<Result<T, Status>>);

impl<T> Sink<T> {
    /// Sends one message, waiting for a slow reader.
    pub(super) async fn send(&self, message: T) {
        // A reader that went away ends the whole task; nothing to do about it here.
        let _ = self.0.send(Ok(message)).await;
    }
}

impl Streams {
    pub(crate) fn new(sessions: Sessions, shutdown: CancellationToken) -> Self {
        Self {
            sessions,
            shutdown,
            places: Arc::new(Semaphore::new(STREAMS)),
        }
    }

    /// Answers with a stream whose messages `produce` sends until it returns.
    pub(super) fn open<T, P, F>(
        &self,
        identity: Identity,
        produce: P,
    ) -> Result<Response<Streaming<T>>, Status>
    where
        T: Send + 'static,
        P: FnOnce(Sink<T>) -> F,
        F: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            ApiError::new(
                ErrorCode::RateLimited,
                "too many streams are open; try again later",
            )
        })?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let producing = produce(Sink(sender.clone()));
        let Self {
            sessions, shutdown, ..
        } = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let end = tokio::select! {
                () = sender.closed() => return,
                () = sessions.ended(&identity) => Err(ApiError::unauthorized()),
                () = shutdown.cancelled() => {
                    Err(ApiError::new(ErrorCode::Unavailable, "the gateway is stopping"))
                }
                result = producing => result,
            };
            if let Err(error) = end {
                let _ = sender.send(Err(error.into())).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
