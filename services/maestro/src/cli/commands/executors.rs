//! `maestro executors`.

use clap::{Args, Subcommand};
use maestro_contracts::v1::{
    Executor, ExecutorStanding, ListExecutorsRequest, ListExecutorsResponse,
};

use crate::cli::{
    failure::Failure,
    options::Connection,
    output::{Output, Paint, text_of},
    session::Session,
    times,
};

/// Commands on executors.
#[derive(Debug, Subcommand)]
pub(crate) enum Executors {
    /// List who starts runs, whether they can be counted on and what they hold
    #[command(after_help = "\
Examples:
  maestro executors list
  maestro executors list --output json | jq '.executors[] | select(.leases > 0).id'")]
    List(List),
}

/// Options of `maestro executors list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    connection: Connection,
}

impl Executors {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::List(List { connection }) = self;
        let mut client = session.client(&connection)?.slots();
        let request = ListExecutorsRequest::default();
        let executors = client.list_executors(request).await?.into_inner();
        session
            .output
            .print(&executors, |output| render(output, &executors))
    }
}

/// A standing and its colour.
pub(super) const fn standing_of(standing: ExecutorStanding) -> (&'static str, Paint) {
    match standing {
        ExecutorStanding::Unspecified => ("unknown", Paint::Faint),
        ExecutorStanding::Present => ("present", Paint::Good),
        ExecutorStanding::Draining => ("draining", Paint::Busy),
        ExecutorStanding::Silent => ("silent", Paint::Bad),
        ExecutorStanding::Left => ("left", Paint::Faint),
    }
}

fn render(output: Output, listed: &ListExecutorsResponse) -> String {
    if listed.executors.is_empty() {
        return "There are no executors, so nothing starts.".to_owned();
    }
    let now = maestro_runtime::clock::now();
    let mut table = output.table(&[
        "EXECUTOR", "STATE", "SINCE", "BACKEND", "POOLS", "LEASES", "SITE",
    ]);
    for executor in &listed.executors {
        let Executor {
            id,
            site,
            backend,
            pools,
            since,
            leases,
            ..
        } = executor;
        let (standing, color) = standing_of(executor.standing());
        table.add_row(vec![
            id.as_str().into(),
            color.cell(standing),
            times::ago(*since, now).into(),
            backend.as_str().into(),
            pools.join(",").into(),
            (*leases).into(),
            site.as_str().into(),
        ]);
    }
    text_of(&table)
}
