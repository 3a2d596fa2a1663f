//! `maestro status`.

use clap::Args;
use maestro_contracts::v1::{GetStatusRequest, GetStatusResponse};

use crate::cli::{
    failure::Failure,
    options::Connection,
    output::{Output, Paint, text_of},
    session::Session,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  maestro status
  maestro status --output json | jq .ready";

/// Options of `maestro status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    connection: Connection,
}

impl Status {
    pub(crate) async fn run(&self, session: &Session) -> Result<(), Failure> {
        let mut client = session.client(&self.connection)?.system();
        let status = client.get_status(GetStatusRequest {}).await?.into_inner();
        session
            .output
            .print(&status, |output| render(output, &status))?;
        if status.ready {
            Ok(())
        } else {
            Err(Failure::unavailable("Maestro is not ready"))
        }
    }
}

fn render(output: Output, status: &GetStatusResponse) -> String {
    let ready = if status.ready {
        output.paint("ready", Paint::Good)
    } else {
        output.paint("not ready", Paint::Bad)
    };
    let head = format!(
        "Maestro {} is {ready}; the log is at revision {}\n",
        status.version, status.log_revision
    );
    let mut components = output.table(&["COMPONENT", "STATE", "DETAIL"]);
    for each in &status.components {
        let state = if each.ok {
            Paint::Good.cell("ok")
        } else {
            Paint::Bad.cell("failing")
        };
        components.add_row(vec![
            each.name.as_str().into(),
            state,
            each.detail.as_str().into(),
        ]);
    }
    let mut projections = output.table(&["PROJECTION", "VERSION", "REVISION", "STATE"]);
    for each in &status.projections {
        let state = match each.stopped.as_str() {
            "" => Paint::Good.cell("running"),
            why => Paint::Bad.cell(format!("stopped: {why}")),
        };
        let (version, revision) = (each.version.to_string(), each.revision.to_string());
        projections.add_row(vec![
            each.name.as_str().into(),
            version.into(),
            revision.into(),
            state,
        ]);
    }
    format!(
        "{head}\n{}\n\n{}",
        text_of(&components),
        text_of(&projections)
    )
}
