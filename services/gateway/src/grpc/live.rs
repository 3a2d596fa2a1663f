//! One stream for everything a browser tab shows.

use std::time::Duration;

use maestro_contracts::v1::{
    Heartbeat, Topic, WatchRequest, WatchResponse, live_service_server::LiveService,
    watch_response::Change,
};
use tokio::time::{Instant, interval_at};
use tonic::{Request, Response, Status};

use super::{
    App, identity,
    stream::{Sink, Streaming},
};
use crate::error::ApiError;

/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Topics a request may name.
const MAX_TOPICS: usize = 16;

pub(super) struct Live(pub(super) App);

#[tonic::async_trait]
impl LiveService for Live {
    type WatchStream = Streaming<WatchResponse>;

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let identity = identity(&request)?;
        let topics = topics(&request.get_ref().topics)?;
        let app = self.0.clone();
        self.0
            .streams
            .open(identity, |sink| follow(app, topics, sink))
    }
}

async fn follow(app: App, topics: Vec<Topic>, sink: Sink<WatchResponse>) -> Result<(), ApiError> {
    let mut changes = app.feed.watch();
    let beat = |revision| WatchResponse {
        revision,
        change: Some(Change::Heartbeat(Heartbeat {})),
    };
    sink.send(beat(app.feed.revision())).await;
    let mut beats = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    loop {
        tokio::select! {
            change = changes.next() => match change {
                Some(change) if wanted(&topics, &change) => sink.send((*change).clone()).await,
                Some(_) => {}
                None => return Err(super::stopping()),
            },
            _ = beats.tick() => sink.send(beat(app.feed.revision())).await,
        }
    }
}

fn topics(requested: &[i32]) -> Result<Vec<Topic>, ApiError> {
    if requested.len() > MAX_TOPICS {
        return Err(ApiError::field(
            "topics",
            format!("at most {MAX_TOPICS} topics"),
        ));
    }
    let read = |number: &i32| {
        Topic::try_from(*number)
            .ok()
            .filter(|topic| *topic != Topic::Unspecified)
    };
    let known: Option<Vec<_>> = requested.iter().map(read).collect();
    known.ok_or_else(|| ApiError::field("topics", "topics holds an unknown topic"))
}

fn wanted(topics: &[Topic], change: &WatchResponse) -> bool {
    let topic = match &change.change {
        Some(Change::Run(_)) => Topic::Runs,
        Some(Change::Delivery(_)) => Topic::Deliveries,
        Some(Change::Slots(_)) => Topic::Slots,
        Some(Change::Resync(_) | Change::Heartbeat(_)) | None => return true,
    };
    topics.is_empty() || topics.contains(&topic)
}

#[cfg(test)]
mod tests {
    use maestro_contracts::v1::{Resync, Run};

    use super::*;

    #[test]
    fn a_watcher_gets_its_topics_and_every_resync() {
        let run = WatchResponse {
            revision: 1,
            change: Some(Change::Run(Run::default())),
        };
        let resync = WatchResponse {
            revision: 1,
            change: Some(Change::Resync(Resync {})),
        };
        assert!(wanted(&[], &run));
        assert!(wanted(&[Topic::Runs], &run));
        assert!(!wanted(&[Topic::Slots], &run));
        assert!(wanted(&[Topic::Slots], &resync));
    }

    #[test]
    fn unknown_topics_are_refused() {
        assert!(topics(&[0]).is_err());
        assert!(topics(&[99]).is_err());
        assert!(topics(&[1; 17]).is_err());
        assert_eq!(topics(&[1, 3]).unwrap(), [Topic::Runs, Topic::Slots]);
    }
}
