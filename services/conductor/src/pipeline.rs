//! From a decision to its acknowledgement: vault writes ahead, appends in order and pipelined,
//! nothing leaves before its commit is stored.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, future::Either};
use maestro_domain::{
    core::{Step, Stored},
    report::Reply,
    run::RunCommand,
};
use maestro_eventlog::{Appender, EventLog, Vault};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{dispatch::Dispatch, error::Error, seals::Seals};

/// Decisions whose vault writes are under way at once.
const SEALING: usize = 64;

/// A decision on its way.
pub(crate) struct Work {
    pub(crate) step: Step,
    pub(crate) reply_to: Option<String>,
}

/// What leaves when the commit is stored.
struct Release {
    reply: Option<(String, Reply)>,
    run_commands: Vec<RunCommand>,
    traceparent: Option<String>,
}

/// Runs until the channel closes or a commit cannot be stored.
pub(crate) async fn run(
    log: EventLog,
    vault: Vault,
    mut appender: Appender,
    in_flight: usize,
    work: mpsc::Receiver<Work>,
    dispatch: mpsc::UnboundedSender<Dispatch>,
) -> Result<(), Error> {
    let seals = Arc::new(Seals::new(vault));
    let (log, dispatch) = (&log, &dispatch);
    ReceiverStream::new(work)
        .map(|work| {
            let seals = Arc::clone(&seals);
            async move {
                seals.put(&work.step.seals).await?;
                Ok::<_, Error>(work)
            }
        })
        .buffered(SEALING)
        .map(move |work| match work {
            Ok(work) => Either::Left(append(&mut appender, work)),
            Err(error) => Either::Right(std::future::ready(Err(error))),
        })
        .buffered(in_flight)
        .try_for_each(|released| async move {
            release(log, dispatch, released).await;
            Ok(())
        })
        .await
}

/// Issues the append now; the future is its acknowledgement.
fn append(
    appender: &mut Appender,
    work: Work,
) -> impl Future<Output = Result<Release, Error>> + use<> {
    let Work { step, reply_to } = work;
    let traceparent = step
        .commit
        .as_ref()
        .and_then(|stored| stored.commit.traceparent.clone());
    let acknowledged = step.commit.map(|Stored { commit, bytes }| {
        let stored = appender.append(
            commit.n,
            &commit.subject(),
            bytes.into(),
            commit.traceparent.as_deref(),
        );
        async move {
            stored.await.map_err(|source| Error::Append {
                n: commit.n,
                source,
            })
        }
    });
    async move {
        if let Some(acknowledged) = acknowledged {
            acknowledged.await?;
        }
        let reply = reply_to.zip(step.reply);
        Ok(Release {
            reply,
            run_commands: step.run_commands,
            traceparent,
        })
    }
}

async fn release(log: &EventLog, dispatch: &mpsc::UnboundedSender<Dispatch>, release: Release) {
    for command in release.run_commands {
        // The receiver lives as long as the leadership.
        let _ = dispatch.send(Dispatch::new(command, release.traceparent.as_deref()));
    }
    if let Some((to, reply)) = release.reply
        && let Err(error) = log.answer(&to, &reply).await
    {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, "answer not sent; whoever asked will ask again");
    }
}
