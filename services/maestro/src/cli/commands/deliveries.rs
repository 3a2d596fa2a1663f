//! `maestro deliveries`.

use clap::{Args, Subcommand, ValueEnum};
use maestro_contracts::v1::{
    Delivery, DeliveryOutcome, GetDeliveryRequest, ListDeliveriesRequest, ListDeliveriesResponse,
    PageRequest,
};

use crate::cli::{
    failure::Failure,
    options::Connection,
    output::{Output, Paint, text_of},
    session::Session,
    times,
};

/// Commands on deliveries.
#[derive(Debug, Subcommand)]
pub(crate) enum Deliveries {
    /// List decided deliveries, newest first
    #[command(after_help = "\
Examples:
  maestro deliveries list
  maestro deliveries list --outcome ignored --repository acme/shop
  maestro deliveries list --event push --output json")]
    List(List),
    /// Show one delivery and what each trigger made of it
    #[command(after_help = "\
Examples:
  maestro deliveries show 72d3162e-cc78-11e3-81ab-4c9367dc0958")]
    Show(Show),
}

/// Options of `maestro deliveries list`.
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
    /// Only this repository
    #[arg(
        long,
        value_name = "OWNER/NAME",
        default_value = "",
        hide_default_value = true
    )]
    repository: String,
    /// Only this event
    #[arg(
        long,
        value_name = "EVENT",
        default_value = "",
        hide_default_value = true
    )]
    event: String,
    /// Only this outcome
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<Outcome>,
    /// Most deliveries to list, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// `nextPageToken` of the page before
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    page: String,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `maestro deliveries show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The host's id of the delivery
    #[arg(value_name = "DELIVERY")]
    id: String,
    /// The host
    #[arg(long, value_name = "NAME", default_value = "github")]
    provider: String,
    #[command(flatten)]
    connection: Connection,
}

/// Outcomes by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Outcome {
    Accepted,
    Ignored,
    Parked,
}

impl From<Outcome> for DeliveryOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Ignored => Self::Ignored,
            Outcome::Parked => Self::Parked,
        }
    }
}

impl Deliveries {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Show(show) => show.run(session).await,
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.client(&self.connection)?.deliveries();
        let request = ListDeliveriesRequest {
            page: Some(PageRequest {
                page_size: self.limit,
                page_token: self.page,
            }),
            read: None,
            project: self.project,
            repository: self.repository,
            event: self.event,
            outcome: self
                .outcome
                .map_or(DeliveryOutcome::Unspecified, Into::into)
                .into(),
        };
        let listed = client.list_deliveries(request).await?.into_inner();
        session
            .output
            .print(&listed, |output| table(output, &listed))
    }
}

impl Show {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.client(&self.connection)?.deliveries();
        let request = GetDeliveryRequest {
            id: self.id,
            provider: self.provider,
            read: None,
        };
        let answer = client.get_delivery(request).await?.into_inner();
        session.output.print(&answer, |output| {
            answer
                .delivery
                .as_ref()
                .map_or_else(String::new, |delivery| story(output, delivery))
        })
    }
}

fn outcome_of(delivery: &Delivery) -> (&'static str, Paint) {
    match delivery.outcome() {
        DeliveryOutcome::Accepted => ("accepted", Paint::Good),
        DeliveryOutcome::Ignored => ("ignored", Paint::Faint),
        DeliveryOutcome::Parked => ("parked", Paint::Bad),
        DeliveryOutcome::Unspecified => ("unknown", Paint::Faint),
    }
}

fn event_of(delivery: &Delivery) -> String {
    match delivery.action.as_str() {
        "" => delivery.event.clone(),
        action => format!("{}.{action}", delivery.event),
    }
}

fn table(output: Output, listed: &ListDeliveriesResponse) -> String {
    if listed.deliveries.is_empty() {
        return "There are no such deliveries.".to_owned();
    }
    let now = maestro_runtime::clock::now();
    let mut table = output.table(&[
        "DELIVERY",
        "OUTCOME",
        "REASON",
        "EVENT",
        "REPOSITORY",
        "RECEIVED",
    ]);
    for delivery in &listed.deliveries {
        let (outcome, color) = outcome_of(delivery);
        table.add_row(vec![
            delivery.id.as_str().into(),
            color.cell(outcome),
            delivery.reason.as_str().into(),
            event_of(delivery).into(),
            delivery.repository.as_str().into(),
            times::ago(delivery.received_at, now).into(),
        ]);
    }
    let more = match listed.next_page_token.as_str() {
        "" => String::new(),
        token => format!("\nThere are more: --page {token}"),
    };
    format!("{}{more}", text_of(&table))
}

fn story(output: Output, delivery: &Delivery) -> String {
    let (outcome, color) = outcome_of(delivery);
    let time = |time| times::at(time).map(|at| at.to_string()).unwrap_or_default();
    let facts = [
        (
            "Delivery",
            format!("{} from {}", delivery.id, delivery.provider),
        ),
        (
            "Outcome",
            format!("{} ({})", output.paint(outcome, color), delivery.reason),
        ),
        ("Why", delivery.explanation.clone()),
        ("Event", event_of(delivery)),
        ("Repository", delivery.repository.clone()),
        ("Sender", delivery.sender.clone()),
        ("Project", delivery.project.clone()),
        ("Received", time(delivery.received_at)),
        ("Decided", time(delivery.decided_at)),
    ];
    let mut lines: Vec<_> = facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            format!(
                "{} {value}",
                output.paint(&format!("{name:11}"), Paint::Faint)
            )
        })
        .collect();
    if !delivery.triggers.is_empty() {
        let mut table = output.table(&["TRIGGER", "MATCHED", "WHY", "RUN"]);
        for verdict in &delivery.triggers {
            let matched = if verdict.matched {
                Paint::Good.cell("yes")
            } else {
                Paint::Faint.cell("no")
            };
            table.add_row(vec![
                verdict.trigger.as_str().into(),
                matched,
                verdict.explanation.as_str().into(),
                verdict.run_id.as_str().into(),
            ]);
        }
        lines.extend([String::new(), text_of(&table)]);
    }
    lines.join("\n")
}
