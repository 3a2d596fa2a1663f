//! `maestro doctor`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use maestro_contracts::v1::GetStatusRequest;
use maestro_eventlog::{EventLog, Settings};
use maestro_runtime::private;
use serde::Serialize;

use crate::cli::{
    endpoints::Endpoints,
    failure::{Failure, Kind, chain},
    options::Connection,
    output::{Output, Paint, text_of},
    session::Session,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  maestro doctor
  maestro doctor --data /srv/maestro --output json

Exits with 1 when something is wrong.";

/// Options of `maestro doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    connection: Connection,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    ok: bool,
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'static str,
}

#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    checks: Vec<Check>,
}

impl Doctor {
    pub(crate) async fn run(&self, session: &Session) -> Result<(), Failure> {
        let mut checks = vec![data_folder(&session.dir)];
        checks.extend(programs());
        checks.push(self.token(session));
        match session.endpoints() {
            Ok(endpoints) => {
                checks.push(self.gateway(session).await);
                checks.push(broker(&endpoints).await);
                checks.push(secret(&endpoints));
            }
            Err(failure) if self.connection.url.is_none() => {
                checks.push(bad("running", failure.to_string(), ""));
            }
            Err(_) => checks.push(self.gateway(session).await),
        }
        let report = Report {
            healthy: checks.iter().all(|check| check.ok),
            checks,
        };
        session
            .output
            .print(&report, |output| render(output, &report))?;
        if report.healthy {
            return Ok(());
        }
        Err(Failure::new(Kind::Failed, "something is wrong: see above"))
    }

    fn token(&self, session: &Session) -> Check {
        match session.token(&self.connection) {
            Ok(_) => good("operator token", "readable by its owner only"),
            Err(failure) => bad(
                "operator token",
                failure.to_string(),
                "`maestro up` creates it in the data folder; else name one with --token-file",
            ),
        }
    }

    async fn gateway(&self, session: &Session) -> Check {
        let asked = async {
            let mut client = session.client(&self.connection)?.system();
            Ok::<_, Failure>(client.get_status(GetStatusRequest {}).await?.into_inner())
        };
        match asked.await {
            Ok(status) if status.ready => good(
                "gateway",
                format!("ready, log at revision {}", status.log_revision),
            ),
            Ok(status) => {
                let failing = status.components.iter().filter(|component| !component.ok);
                let failing: Vec<_> = failing
                    .map(|each| format!("{}: {}", each.name, each.detail))
                    .collect();
                bad(
                    "gateway",
                    failing.join("; "),
                    "`maestro status` shows each component",
                )
            }
            Err(failure) => bad(
                "gateway",
                failure.to_string(),
                "is `maestro up` still running, and with the same --data?",
            ),
        }
    }
}

fn good(check: &'static str, detail: impl Into<String>) -> Check {
    Check {
        check,
        ok: true,
        detail: detail.into(),
        advice: "",
    }
}

fn bad(check: &'static str, detail: impl Into<String>, advice: &'static str) -> Check {
    Check {
        check,
        ok: false,
        detail: detail.into(),
        advice,
    }
}

/// The programs that a private broker and database need.
fn programs() -> [Check; 2] {
    let found = |check, found: Result<PathBuf, private::Error>| match found {
        Ok(path) => good(check, path.display().to_string()),
        Err(error) => bad(check, chain(&error), "bootstrap/up installs it"),
    };
    [
        found("nats-server", private::nats_server(None)),
        found("Postgres", private::postgres_bin(None)),
    ]
}

fn data_folder(dir: &Path) -> Check {
    let shown = dir.display();
    match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() && !metadata.permissions().readonly() => {
            good("data folder", shown.to_string())
        }
        Ok(_) => bad(
            "data folder",
            format!("{shown} is not a writable folder"),
            "choose another with --data",
        ),
        Err(error) => bad(
            "data folder",
            format!("{shown}: {error}"),
            "`maestro up` creates it",
        ),
    }
}

async fn broker(endpoints: &Endpoints) -> Check {
    let asked = async {
        let log = EventLog::connect(&Settings::single(endpoints.nats.as_str())).await?;
        log.ping().await
    };
    match asked.await {
        Ok(took) => good("broker", format!("answers in {} ms", took.as_millis())),
        Err(error) => bad(
            "broker",
            chain(&error),
            "look for nats-server in the log of `maestro up`",
        ),
    }
}

fn secret(endpoints: &Endpoints) -> Check {
    let path = &endpoints.webhook_secret_file;
    match fs::read(path) {
        Ok(secret) if !secret.is_empty() => good("webhook secret", path.display().to_string()),
        Ok(_) => bad(
            "webhook secret",
            format!("{} is empty", path.display()),
            "delete it and start again",
        ),
        Err(error) => bad(
            "webhook secret",
            format!("{}: {error}", path.display()),
            "start `maestro up` again",
        ),
    }
}

fn render(output: Output, report: &Report) -> String {
    let mut table = output.table(&["CHECK", "STATE", "DETAIL", "WHAT TO DO"]);
    for check in &report.checks {
        let state = if check.ok {
            Paint::Good.cell("ok")
        } else {
            Paint::Bad.cell("wrong")
        };
        table.add_row(vec![
            check.check.into(),
            state,
            check.detail.as_str().into(),
            check.advice.into(),
        ]);
    }
    text_of(&table)
}
