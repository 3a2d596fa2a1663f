//! `maestro webhook`.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::{
    cli::{
        failure::{Failure, Kind, chain},
        session::Session,
    },
    webhook::SignedWebhook,
};

/// Commands on webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Sign a payload and send it as GitHub would
    #[command(after_help = "\
Examples:
  maestro webhook send --event push --file push.json
  maestro webhook send --event issues --file - < labeled.json
  maestro webhook send --event push --file push.json --delivery my-test-1   once more: a duplicate
  maestro webhook send --event ping --file ping.json --url https://maestro.example/api/v1/webhooks/github \\
      --secret-file secret.txt")]
    Send(Send),
}

/// Options of `maestro webhook send`.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Name of the event, for example push
    #[arg(long, value_name = "EVENT")]
    event: String,
    /// File with the JSON payload; - reads standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Secret to sign with; other users of this machine can see it here
    #[arg(
        long,
        value_name = "TEXT",
        env = "MAESTRO_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    secret: Option<String>,
    /// File with the secret to sign with; the one in the data folder when left out
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    secret_file: Option<PathBuf>,
    /// Id of the delivery; a fresh one when left out
    #[arg(long, value_name = "ID")]
    delivery: Option<String>,
    /// Address of the webhook endpoint; found in the data folder when left out
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl Webhook {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::Send(send) = self;
        send.run(session).await
    }
}

impl Send {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let body = payload(&self.file)?;
        let url = match &self.url {
            Some(url) => url.clone(),
            None => session.endpoints()?.webhook,
        };
        let secret = self.secret(session)?;
        let delivery = self
            .delivery
            .clone()
            .unwrap_or_else(|| Uuid::new_v4().to_string());
        let webhook = SignedWebhook {
            event: &self.event,
            delivery: &delivery,
            secret: &secret,
            body,
        };
        let answer = webhook
            .post(&reqwest::Client::new(), &url)
            .await
            .map_err(|error| unsent(&url, &error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| unsent(&url, &error))?;
        let answer: serde_json::Value =
            serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
        if !status.is_success() {
            let message = answer["message"].as_str().unwrap_or("the endpoint refused");
            return Err(Failure::new(
                kind(status.as_u16()),
                format!("{status}: {message}"),
            ));
        }
        session.output.print(&answer, |_| {
            format!(
                "delivery {delivery}: {}",
                answer["status"].as_str().unwrap_or("sent")
            )
        })
    }

    fn secret(&self, session: &Session) -> Result<String, Failure> {
        if let Some(secret) = &self.secret {
            return Ok(secret.clone());
        }
        let path = match &self.secret_file {
            Some(path) => path.clone(),
            None => session.endpoints()?.webhook_secret_file,
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::caused(
                format!("cannot read the secret from {}", path.display()),
                &error,
            )
        })?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn payload(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new("-") {
        let mut body = Vec::new();
        io::stdin().lock().read_to_end(&mut body).map(|_| body)
    } else {
        fs::read(path)
    };
    read.map_err(|error| Failure::caused(format!("cannot read {}", path.display()), &error))
}

const fn kind(status: u16) -> Kind {
    match status {
        400 | 413 => Kind::Usage,
        401 | 403 => Kind::Refused,
        404 => Kind::NotFound,
        429 | 500..=599 => Kind::Unavailable,
        _ => Kind::Failed,
    }
}

fn unsent(url: &str, error: &reqwest::Error) -> Failure {
    Failure::unavailable(format!("{url} does not answer: {}", chain(error)))
}
