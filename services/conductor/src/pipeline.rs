//! From a decision to its acknowledgement: vault writes ahead, appends in order and pipelined,
//! nothing leaves before its commit is stored.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, future::Either};
use maestro_domain::{
    ExecutorId,
    core::{Step, Stored},
    report::{Order, Orders, Reply},
    run::RunCommand,
};
use maestro_eventlog::{Appender, EventLog, Holding, Vault};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{dispatch::Dispatch, error::Error, seals::Seals};

/// Decisions whose vault writes are under way at once.
const SEALING: usize = 64;

/// A decision on its way.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) step: Step,
    pub(crate) reply_to: Option<String>,
    /// What the executor that waits at `reply_to` has to do, after everything decided so far.
    pub(crate) orders: Option<Orders>,
}

/// What goes to whoever waits for it.
enum Answer {
    Reply(Reply),
    Orders(Orders),
}

/// Where everything goes.
pub(crate) struct Ways {
    pub(crate) log: EventLog,
    pub(crate) vault: Vault,
    /// Whoever lost the lead answers nobody: what it knows may be of yesterday.
    pub(crate) holding: Holding,
    pub(crate) dispatch: mpsc::UnboundedSender<Dispatch>,
}

/// What leaves when the commit is stored.
struct Release {
    answer: Option<(String, Answer)>,
    run_commands: Vec<RunCommand>,
    orders: Vec<(ExecutorId, Order)>,
}

/// Runs until the channel closes or a commit cannot be stored.
pub(crate) async fn run(
    ways: Ways,
    mut appender: Appender,
    in_flight: usize,
    work: mpsc::Receiver<Work>,
) -> Result<(), Error> {
    let seals = Arc::new(Seals::new(ways.vault.clone()));
    let ways = &ways;
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
            release(ways, released).await;
            Ok(())
        })
        .await
}

/// Issues the append now; the future is its acknowledgement.
fn append(
    appender: &mut Appender,
    work: Work,
) -> impl Future<Output = Result<Release, Error>> + use<> {
    let Work {
        step,
        reply_to,
        orders,
    } = work;
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
    let answer = orders.map(Answer::Orders).or(step.reply.map(Answer::Reply));
    async move {
        if let Some(acknowledged) = acknowledged {
            acknowledged.await?;
        }
        Ok(Release {
            answer: reply_to.zip(answer),
            run_commands: step.run_commands,
            orders: step.orders,
        })
    }
}

async fn release(ways: &Ways, release: Release) {
    for command in release.run_commands {
        // The receiver lives as long as the leadership.
        let _ = ways.dispatch.send(Dispatch::new(command));
    }
    if !ways.holding.is_held() {
        return;
    }
    for (executor, order) in release.orders {
        if let Err(error) = ways.log.order(executor, &order).await {
            tracing::debug!(%error, "an order is not sent; the next heartbeat's answer has it");
        }
    }
    let Some((to, answer)) = release.answer else {
        return;
    };
    let answered = match answer {
        Answer::Reply(reply) => ways.log.answer(&to, &reply).await,
        Answer::Orders(orders) => ways.log.answer_heartbeat(&to, &orders).await,
    };
    if let Err(error) = answered {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, "answer not sent; whoever asked will ask again");
    }
}

#[cfg(test)]
mod tests;
