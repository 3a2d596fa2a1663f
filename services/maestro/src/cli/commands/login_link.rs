//! `maestro login-link`.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::{
    failure::{Failure, Kind, chain},
    options::Connection,
    session::Session,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  maestro login-link
  xdg-open \"$(maestro login-link)\"";

/// Options of `maestro login-link`.
#[derive(Debug, Args)]
pub(crate) struct LoginLink {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Deserialize)]
struct Issued {
    code: String,
    expires_at: String,
}

#[derive(Serialize)]
struct Link {
    url: String,
    expires_at: String,
}

impl LoginLink {
    pub(crate) async fn run(&self, session: &Session) -> Result<(), Failure> {
        let url = session.url(&self.connection)?;
        let base = url.trim_end_matches('/');
        let token = session.token(&self.connection)?;
        let answer = reqwest::Client::new()
            .post(format!("{base}/api/v1/login-codes"))
            .bearer_auth(token.expose())
            .send()
            .await
            .map_err(|error| {
                Failure::unavailable(format!(
                    "{base} does not answer: {}",
                    chain(&error.without_url())
                ))
            })?;
        let answer = match answer.status().as_u16() {
            200..=299 => answer,
            401 | 403 => {
                return Err(Failure::new(
                    Kind::Refused,
                    "the operator's token is refused",
                ));
            }
            503 => {
                return Err(Failure::unavailable(
                    "sign-in is unavailable: the broker is away",
                ));
            }
            status => {
                return Err(Failure::new(
                    Kind::Failed,
                    format!("the gateway answered {status}"),
                ));
            }
        };
        let Issued { code, expires_at } = answer.json().await.map_err(|error| {
            Failure::caused("the gateway's answer cannot be read", &error.without_url())
        })?;
        let link = Link {
            url: format!("{base}/login#{code}"),
            expires_at,
        };
        session.output.print(&link, |_| link.url.clone())
    }
}
