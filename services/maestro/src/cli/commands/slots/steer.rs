//! `maestro slots pause`, `resume` and `resize`.

use clap::Args;
use maestro_contracts::v1::{
    ListSlotsRequest, PausePoolRequest, ResizePoolRequest, ResumePoolRequest,
};

use crate::cli::{
    failure::{Failure, Kind},
    options::{Connection, Request},
    session::{Client, Session},
};

pub(super) const PAUSE_EXAMPLES: &str = "\
Examples:
  maestro slots pause default --reason \"cluster upgrade\"
  maestro slots pause gpu --project shop";
pub(super) const RESUME_EXAMPLES: &str = "\
Examples:
  maestro slots resume default --reason \"upgrade is done\"
  maestro slots resume gpu --project shop";
pub(super) const RESIZE_EXAMPLES: &str = "\
Examples:
  maestro slots resize default 20 --reason \"more nodes\"
  maestro slots resize gpu 2 --project shop   creates the pool where there is none";

/// Which pool.
#[derive(Debug, Args)]
struct Target {
    /// Name of the pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// Its project; may be left out when only one project has a pool of this name
    #[arg(long, value_name = "SLUG")]
    project: Option<String>,
}

/// Options of `maestro slots pause`.
#[derive(Debug, Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `maestro slots resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `maestro slots resize`.
#[derive(Debug, Args)]
pub(crate) struct Resize {
    #[command(flatten)]
    target: Target,
    /// Slots wanted, 0 to 10,000
    #[arg(value_name = "SIZE", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    size: u32,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    connection: Connection,
}

impl Pause {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = session.client(&self.connection)?;
        let project = self.target.project(&client).await?;
        let name = self.target.named(&project);
        let request = PausePoolRequest {
            project,
            pool: self.target.pool,
            reason: self.request.reason,
            idempotency_key: self.request.key,
        };
        let answer = client.slots().pause_pool(request).await?.into_inner();
        session.output.print(&answer, |_| {
            done(
                &format!("{name} is paused"),
                &answer.command_id,
                answer.revision,
            )
        })
    }
}

impl Resume {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = session.client(&self.connection)?;
        let project = self.target.project(&client).await?;
        let name = self.target.named(&project);
        let request = ResumePoolRequest {
            project,
            pool: self.target.pool,
            reason: self.request.reason,
            idempotency_key: self.request.key,
        };
        let answer = client.slots().resume_pool(request).await?.into_inner();
        session.output.print(&answer, |_| {
            done(
                &format!("{name} goes on"),
                &answer.command_id,
                answer.revision,
            )
        })
    }
}

impl Resize {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = session.client(&self.connection)?;
        let project = self.target.project(&client).await?;
        let said = format!("{} has {} slots", self.target.named(&project), self.size);
        let request = ResizePoolRequest {
            project,
            pool: self.target.pool,
            size: self.size,
            reason: self.request.reason,
            idempotency_key: self.request.key,
        };
        let answer = client.slots().resize_pool(request).await?.into_inner();
        session.output.print(&answer, |_| {
            done(&said, &answer.command_id, answer.revision)
        })
    }
}

fn done(what: &str, command: &str, revision: u64) -> String {
    format!("{what} (command {command}, revision {revision})")
}

impl Target {
    fn named(&self, project: &str) -> String {
        format!("{project}/{}", self.pool)
    }

    /// The project that was named, or the only one with such a pool.
    async fn project(&self, client: &Client) -> Result<String, Failure> {
        if let Some(project) = &self.project {
            return Ok(project.clone());
        }
        let request = ListSlotsRequest::default();
        let listed = client.slots().list_slots(request).await?.into_inner();
        let pools = listed.pools.into_iter();
        let mut projects: Vec<String> = pools
            .filter(|pool| pool.name == self.pool)
            .map(|pool| pool.project)
            .collect();
        match projects.len() {
            1 => Ok(projects.remove(0)),
            0 => Err(Failure::new(
                Kind::NotFound,
                format!(
                    "no project has a pool {}; name the project with --project",
                    self.pool
                ),
            )),
            _ => Err(Failure::usage(format!(
                "{} have a pool {}; choose with --project",
                projects.join(", "),
                self.pool
            ))),
        }
    }
}
