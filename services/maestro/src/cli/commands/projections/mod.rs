//! `maestro projections`: straight to the database, since whoever repairs a broken system may not
//! have a gateway. The work itself is done by a projector.

mod list;
mod verdict;
mod watch;

use clap::{ArgAction, Args, Subcommand};
use maestro_readmodel::{Asked, Error, Job, JobKind, ReadModel, projections};

use crate::cli::{
    failure::{Failure, Kind, chain},
    output::Output,
    session::Session,
};

/// Commands on projections.
#[derive(Debug, Subcommand)]
pub(crate) enum Projections {
    /// List the projections, how far they are, and what is done beside them
    #[command(after_help = "\
Examples:
  maestro projections list
  maestro projections list --database postgres://… --output json")]
    List(Database),
    /// Build the rows of a projection anew from the log, beside those that are read meanwhile
    #[command(after_help = "\
Examples:
  maestro projections rebuild runs
  maestro projections rebuild --all --rate 5000   at most 5,000 commits per second
  maestro projections rebuild runs --detach       without waiting for it

It is done by the projector: ending this command does not end the rebuild, cancel does.")]
    Rebuild(Rebuild),
    /// Call off what is done beside a projection; its rows stay as they are
    #[command(after_help = "\
Examples:
  maestro projections cancel runs")]
    Cancel(Cancel),
    /// Build the rows of projections anew and compare those that are read with them
    #[command(after_help = "\
Examples:
  maestro projections verify
  maestro projections verify runs --output json

Exits with 1 when a row differs from what the log says. Names and texts that changed in the vault
since they were projected are told, but are no such difference.")]
    Verify(Verify),
}

/// Which database.
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// The database; found in the data folder when left out
    #[arg(
        long,
        value_name = "URL",
        env = "MAESTRO_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
}

/// Options of `maestro projections rebuild`.
#[derive(Debug, Args)]
#[group(id = "which", required = true, args = ["name", "all"])]
pub(crate) struct Rebuild {
    /// The projection
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Every projection
    #[arg(long, action = ArgAction::SetTrue)]
    all: bool,
    #[command(flatten)]
    how: How,
}

/// Options of `maestro projections verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The projection; every one when left out
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Commits per second at most
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// Do not wait until it is done
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    database: Database,
}

/// Options of `maestro projections cancel`.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The projection
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    database: Database,
}

impl Projections {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(database) => list::run(session, &database.connect(session)?).await,
            Self::Rebuild(Rebuild { name, how, .. }) => {
                work(session, JobKind::Rebuild, name, how).await
            }
            Self::Verify(Verify { name, how }) => work(session, JobKind::Verify, name, how).await,
            Self::Cancel(Cancel { name, database }) => {
                let model = database.connect(session)?;
                let canceled = model.cancel_jobs(&name).await.map_err(failure)?;
                session
                    .output
                    .print(&canceled, |_| match canceled.as_slice() {
                        [] => format!("Nothing is done beside {name}."),
                        jobs => format!("{}: called off", kinds(jobs)),
                    })
            }
        }
    }
}

impl Database {
    fn connect(self, session: &Session) -> Result<ReadModel, Failure> {
        let url = match self.database {
            Some(url) => url,
            None => session.endpoints()?.postgres,
        };
        ReadModel::connect(&url).map_err(failure)
    }
}

async fn work(
    session: &Session,
    kind: JobKind,
    name: Option<String>,
    how: How,
) -> Result<(), Failure> {
    let model = how.database.connect(session)?;
    let names = name.map_or_else(every, |name| vec![name]);
    let mut jobs = Vec::new();
    for name in &names {
        match model.ask(name, kind, how.rate).await.map_err(failure)? {
            Asked::New(job) => jobs.push(job),
            Asked::UnderWay(job) => return Err(under_way(&job)),
        }
    }
    if how.detach {
        return session
            .output
            .print(&jobs, |_| format!("{}: asked for", kinds(&jobs)));
    }
    let jobs = watch::until_over(&model, jobs).await?;
    session
        .output
        .print(&jobs, |output: Output| verdict::render(output, &jobs))?;
    verdict::judge(&jobs)
}

fn every() -> Vec<String> {
    let all = projections::all();
    all.iter().map(|p| p.name().to_owned()).collect()
}

fn under_way(job: &Job) -> Failure {
    let (kind, name) = (job.kind.as_str(), &job.projection);
    Failure::new(
        Kind::Failed,
        format!(
            "a {kind} of {name} is under way ({}, commit {} of {}): `maestro projections cancel \
             {name}` calls it off",
            job.state.as_str(),
            job.revision,
            job.target
        ),
    )
}

fn kinds(jobs: &[Job]) -> String {
    let kinds: Vec<String> = jobs
        .iter()
        .map(|job| format!("{} of {}", job.kind.as_str(), job.projection))
        .collect();
    kinds.join(", ")
}

fn failure(error: Error) -> Failure {
    match &error {
        Error::Invalid { .. } | Error::Url => Failure::usage(error.to_string()),
        _ if error.is_unavailable() => Failure::unavailable(chain(&error)),
        _ => Failure::new(Kind::Failed, chain(&error)),
    }
}
