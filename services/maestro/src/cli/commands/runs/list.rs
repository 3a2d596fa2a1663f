//! `maestro runs list`.

use clap::{Args, ValueEnum};
use maestro_contracts::v1::{
    ListRunsRequest, ListRunsResponse, PageRequest, Run, RunStatus, WatchRunsRequest,
    WatchRunsResponse,
};
use maestro_domain::Timestamp;
use tonic::Code;

use super::status_of;
use crate::cli::{
    failure::Failure,
    options::Connection,
    output::{Output, text_of},
    session::{Client, Session},
    times,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro runs list
  maestro runs list --status failed --project shop
  maestro runs list --delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958
  maestro runs list --all --output json
  maestro runs list --watch";

/// Rows asked for at once.
const PAGE: u32 = 200;

/// Options of `maestro runs list`.
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
    /// Only these statuses; may be repeated
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Status>,
    /// Only this repository
    #[arg(
        long,
        value_name = "OWNER/NAME",
        default_value = "",
        hide_default_value = true
    )]
    repository: String,
    /// Only this trigger
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    trigger: String,
    /// Only runs of this delivery
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    delivery: String,
    /// Most runs to list
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// List all of them, however many
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Then print each run of the project as it changes, until interrupted
    #[arg(long, conflicts_with_all = ["status", "repository", "trigger", "delivery"])]
    watch: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Statuses by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Pending,
    Dispatched,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl From<Status> for RunStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Dispatched => Self::Dispatched,
            Status::Running => Self::Running,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Canceled => Self::Canceled,
        }
    }
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = session.client(&self.connection)?;
        if self.watch {
            return self.watch(session.output, &client).await;
        }
        let listed = self.list(&client).await?;
        session
            .output
            .print(&listed, |output| table(output, &listed))
    }

    async fn list(&self, client: &Client) -> Result<ListRunsResponse, Failure> {
        let mut client = client.runs();
        let most = if self.all { usize::MAX } else { self.limit };
        let mut listed = ListRunsResponse::default();
        loop {
            let missing = most - listed.runs.len();
            let page_size = u32::try_from(missing).map_or(PAGE, |missing| missing.min(PAGE));
            if page_size == 0 {
                return Ok(listed);
            }
            let page_token = std::mem::take(&mut listed.next_page_token);
            let request = self.request(PageRequest {
                page_size,
                page_token,
            });
            let page = client.list_runs(request).await?.into_inner();
            listed.runs.extend(page.runs);
            listed.next_page_token = page.next_page_token;
            listed.revision = page.revision;
            if listed.next_page_token.is_empty() {
                return Ok(listed);
            }
        }
    }

    fn request(&self, page: PageRequest) -> ListRunsRequest {
        ListRunsRequest {
            page: Some(page),
            read: None,
            project: self.project.clone(),
            statuses: self
                .status
                .iter()
                .map(|status| RunStatus::from(*status).into())
                .collect(),
            repository: self.repository.clone(),
            trigger: self.trigger.clone(),
            delivery_id: self.delivery.clone(),
        }
    }

    /// Lists and watches, again where the gateway had to drop changes.
    async fn watch(&self, output: Output, client: &Client) -> Result<(), Failure> {
        loop {
            match self.watch_once(output, client).await? {
                None => return Ok(()),
                Some(status) if status.code() == Code::Aborted => {}
                Some(status) => return Err(status.into()),
            }
        }
    }

    /// Watches first and lists then, so that no change falls in between. Gives what ended it.
    async fn watch_once(
        &self,
        output: Output,
        client: &Client,
    ) -> Result<Option<tonic::Status>, Failure> {
        let request = WatchRunsRequest {
            project: self.project.clone(),
            id: String::new(),
        };
        let mut changes = client.runs().watch_runs(request).await?.into_inner();
        let listed = self.list(client).await?;
        if output.is_table() {
            output.print(&listed, |output| table(output, &listed))?;
        } else {
            for run in listed.runs.into_iter().rev() {
                output.print_next(&WatchRunsResponse { run: Some(run) }, |_| String::new())?;
            }
        }
        loop {
            let change = match changes.message().await {
                Ok(Some(change)) => change,
                Ok(None) => return Ok(None),
                Err(status) => return Ok(Some(status)),
            };
            output.print_next(&change, |output| {
                change
                    .run
                    .as_ref()
                    .map_or_else(String::new, |run| line(output, run))
            })?;
        }
    }
}

fn table(output: Output, listed: &ListRunsResponse) -> String {
    if listed.runs.is_empty() {
        return "There are no such runs.".to_owned();
    }
    let now = maestro_runtime::clock::now();
    let mut table = output.table(&[
        "RUN",
        "STATUS",
        "PROJECT",
        "TRIGGER",
        "REPOSITORY",
        "REQUESTED",
        "DURATION",
    ]);
    for run in &listed.runs {
        let (status, color) = status_of(run);
        table.add_row(vec![
            run.id.as_str().into(),
            color.cell(status),
            run.project.as_str().into(),
            run.trigger.as_str().into(),
            about(run).into(),
            times::ago(run.requested_at, now).into(),
            took(run, now).into(),
        ]);
    }
    let more = if listed.next_page_token.is_empty() {
        ""
    } else {
        "\nThere are more: --all"
    };
    format!("{}{more}", text_of(&table))
}

fn line(output: Output, run: &Run) -> String {
    let now = maestro_runtime::clock::now();
    let (status, color) = status_of(run);
    let status = output.paint(&format!("{status:10}"), color);
    format!(
        "{now} {} {status} {} {} {}",
        run.id,
        run.project,
        run.trigger,
        about(run)
    )
}

/// `owner/name#7`.
fn about(run: &Run) -> String {
    match run.number {
        0 => run.repository.clone(),
        number => format!("{}#{number}", run.repository),
    }
}

fn took(run: &Run, now: Timestamp) -> String {
    times::between(run.started_at, run.finished_at, now)
}
