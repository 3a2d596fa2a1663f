//! `maestro slots list`.

use std::time::Duration;

use clap::Args;
use maestro_contracts::v1::{
    ListSlotsRequest, ListSlotsResponse, ReadOptions, Topic, WatchRequest, WatchResponse,
    watch_response::Change,
};
use tokio::time::{Instant, timeout_at};
use tonic::Streaming;

use super::table::render;
use crate::cli::{
    failure::Failure,
    options::Connection,
    session::{Client, Session},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro slots list
  maestro slots list --project shop --watch
  maestro slots list --output json | jq '.pools[] | {name, queued, paused}'";

/// Changes that follow each other this closely are shown together.
const TOGETHER: Duration = Duration::from_millis(200);

/// Options of `maestro slots list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this project
    #[arg(
        long,
        value_name = "SLUG",
        default_value = "",
        hide_default_value = true
    )]
    project: String,
    /// Print them again whenever they change, until interrupted
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    connection: Connection,
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = session.client(&self.connection)?;
        if self.watch {
            return self.watch(session, &client).await;
        }
        let slots = self.list(&client, 0).await?;
        session
            .output
            .print(&slots, |output| render(output, &slots))
    }

    async fn list(&self, client: &Client, revision: u64) -> Result<ListSlotsResponse, Failure> {
        let request = ListSlotsRequest {
            project: self.project.clone(),
            read: Some(ReadOptions {
                min_revision: revision,
            }),
        };
        Ok(client.slots().list_slots(request).await?.into_inner())
    }

    /// Watches first and lists then, so that no change falls in between.
    async fn watch(&self, session: &Session, client: &Client) -> Result<(), Failure> {
        let request = WatchRequest {
            topics: vec![Topic::Slots.into()],
        };
        let mut changes = client.live().watch(request).await?.into_inner();
        let mut revision = 0;
        loop {
            let slots = self.list(client, revision).await?;
            session.output.print_anew(&slots, |output| {
                let now = maestro_runtime::clock::now();
                format!("{now}\n{}\n", render(output, &slots))
            })?;
            match self.next(&mut changes).await? {
                Some(changed) => revision = changed,
                None => return Ok(()),
            }
        }
    }

    /// The revision of the next changes of what is shown; `None` when there will be none.
    async fn next(&self, changes: &mut Streaming<WatchResponse>) -> Result<Option<u64>, Failure> {
        let mut revision = loop {
            match changes.message().await? {
                Some(change) if self.concerns(&change) => break change.revision,
                Some(_) => {}
                None => return Ok(None),
            }
        };
        let until = Instant::now() + TOGETHER;
        while let Ok(more) = timeout_at(until, changes.message()).await {
            match more? {
                Some(change) => revision = revision.max(change.revision),
                None => break,
            }
        }
        Ok(Some(revision))
    }

    fn concerns(&self, change: &WatchResponse) -> bool {
        match &change.change {
            Some(Change::Slots(slots)) => {
                slots.executors || self.project.is_empty() || slots.project == self.project
            }
            Some(Change::Resync(_)) => true,
            _ => false,
        }
    }
}
