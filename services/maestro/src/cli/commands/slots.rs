//! `maestro slots`.

use clap::{Args, Subcommand};
use maestro_contracts::v1::{ListSlotsRequest, ListSlotsResponse, SlotState};

use crate::cli::{
    failure::Failure,
    options::Connection,
    output::{Output, Paint, text_of},
    session::Session,
    times,
};

/// Commands on slots.
#[derive(Debug, Subcommand)]
pub(crate) enum Slots {
    /// List the slots of every pool
    #[command(after_help = "\
Examples:
  maestro slots list
  maestro slots list --project shop")]
    List(List),
}

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
    #[command(flatten)]
    connection: Connection,
}

impl Slots {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::List(List {
            project,
            connection,
        }) = self;
        let mut client = session.client(&connection)?.slots();
        let request = ListSlotsRequest {
            project,
            read: None,
        };
        let slots = client.list_slots(request).await?.into_inner();
        session
            .output
            .print(&slots, |output| render(output, &slots))
    }
}

fn render(output: Output, slots: &ListSlotsResponse) -> String {
    let now = maestro_runtime::clock::now();
    let mut table = output.table(&["PROJECT", "POOL", "SLOT", "STATE", "RUN", "SINCE"]);
    for pool in &slots.pools {
        for slot in &pool.slots {
            let state = match slot.state() {
                SlotState::Leased => Paint::Busy.cell("leased"),
                SlotState::Releasing => Paint::Bad.cell("releasing"),
                SlotState::Free | SlotState::Unspecified => Paint::Faint.cell("free"),
            };
            table.add_row(vec![
                pool.project.as_str().into(),
                pool.name.as_str().into(),
                slot.number.into(),
                state,
                slot.run_id.as_str().into(),
                times::ago(slot.leased_at, now).into(),
            ]);
        }
    }
    let waiting: Vec<_> = slots
        .pools
        .iter()
        .filter(|pool| pool.queued > 0)
        .map(|pool| {
            format!(
                "\n{} runs wait for {}/{}",
                pool.queued, pool.project, pool.name
            )
        })
        .collect();
    if slots.pools.is_empty() {
        return "There are no slot pools.".to_owned();
    }
    format!("{}{}", text_of(&table), waiting.concat())
}
