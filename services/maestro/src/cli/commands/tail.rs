//! `maestro tail`.

use clap::Args;
use maestro_domain::{Commit, DeliveryId, Event, Name, RunId, Timestamp, explain};
use maestro_eventlog::{EventLog, Message, ReadError, Reader, Settings, Start, Stream};
use serde_json::Value;

use super::pattern::Pattern;
use crate::cli::{
    failure::{Failure, Kind, chain},
    output::{Output, Paint},
    session::Session,
    times,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  maestro tail                             everything that happens from now on
  maestro tail 'shop.run.>'                runs of project shop
  maestro tail --run RUN --since 1h        one run's events of the last hour
  maestro tail --no-follow --output json   the whole log, one commit a line

It only reads, and leaves nothing behind on the broker.";

/// Options of `maestro tail`.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Events to follow: <project>.<aggregate>.<event>, where * is one word and > is the rest
    #[arg(value_name = "SUBJECT", default_value = ">", hide_default_value = true)]
    subject: String,
    /// Only this run
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// Only this delivery and the runs it started
    #[arg(long, value_name = "DELIVERY")]
    delivery: Option<DeliveryId>,
    /// Only this project
    #[arg(long, value_name = "SLUG")]
    project: Option<Name>,
    /// Begin in the past: 90s, 15m, 2h, 7d, an RFC 3339 time, or all
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// End where the log ends now
    #[arg(long)]
    no_follow: bool,
    /// Address of the broker; found in the data folder when left out
    #[arg(long, value_name = "URL", env = "MAESTRO_NATS", hide_env_values = true)]
    nats: Option<String>,
    /// First word of the deployment's subjects
    #[arg(
        long,
        value_name = "WORD",
        default_value = "maestro",
        env = "MAESTRO_PREFIX"
    )]
    prefix: String,
}

impl Tail {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let start = self.start(maestro_runtime::clock::now())?;
        let (pattern, filter) = self.filter()?;
        let url = match &self.nats {
            Some(url) => url.clone(),
            None => session.endpoints()?.nats,
        };
        let settings = Settings {
            prefix: self.prefix.clone(),
            ..Settings::single(url)
        };
        let log = EventLog::connect(&settings).await.map_err(|error| {
            let kind = if error.is_unavailable() {
                Kind::Unavailable
            } else {
                Kind::Failed
            };
            Failure::new(kind, chain(&error))
        })?;
        let mut reader = log.read_filtered(Stream::Events, &filter, start);
        self.follow(&mut reader, &pattern, session.output).await
    }

    async fn follow(
        &self,
        reader: &mut Reader,
        pattern: &Pattern,
        output: Output,
    ) -> Result<(), Failure> {
        loop {
            if self.no_follow {
                reader.open().await.map_err(|error| stopped(&error))?;
                if reader.pending() == Some(0) {
                    return Ok(());
                }
            }
            let message = reader.next().await.map_err(|error| stopped(&error))?;
            self.print(output, pattern, &message)?;
        }
    }

    fn print(&self, output: Output, pattern: &Pattern, message: &Message) -> Result<(), Failure> {
        let commit = match Commit::decode(&message.payload) {
            Ok(commit) => commit,
            Err(error) => {
                let message = format!("commit {} cannot be read: {}", message.seq, chain(&error));
                return Err(Failure::new(Kind::Failed, message));
            }
        };
        let project = commit.project.as_ref().map_or("platform", Name::as_str);
        let events: Vec<_> = commit
            .events()
            .filter(|event| pattern.matches(project, event.type_name()))
            .collect();
        if events.is_empty() || !self.wanted(&commit) {
            return Ok(());
        }
        let value: Value = serde_json::from_slice(&message.payload)
            .map_err(|error| Failure::caused("a commit is not JSON", &error))?;
        output.print_next(&value, |output| {
            let lines = events
                .into_iter()
                .map(|event| line(output, &commit, project, event));
            lines.collect::<Vec<_>>().join("\n")
        })
    }

    fn wanted(&self, commit: &Commit) -> bool {
        let run = self
            .run
            .is_none_or(|run| commit.events().any(|event| event.run() == Some(run)));
        let delivery = self.delivery.as_ref().is_none_or(|id| {
            commit.cause.id.as_deref() == Some(id.as_str())
                || commit.events().any(|event| concerns(event, id))
        });
        run && delivery
    }

    fn start(&self, now: Timestamp) -> Result<Start, Failure> {
        match self.since.as_deref() {
            None if self.no_follow => Ok(Start::All),
            None => Ok(Start::New),
            Some("all") => Ok(Start::All),
            Some(text) => times::since(text, now).map(Start::Time).ok_or_else(|| {
                Failure::usage(format!(
                    "--since {text}: write 90s, 15m, 2h, 7d, an RFC 3339 time, or all"
                ))
            }),
        }
    }

    /// What events have to match, and the subject whose messages may hold some: a commit stands
    /// under its first event, so only its project can be left to the broker.
    fn filter(&self) -> Result<(Pattern, String), Failure> {
        let prefix = &self.prefix;
        let subject = self
            .subject
            .strip_prefix(&format!("{prefix}.events."))
            .or_else(|| self.subject.strip_prefix(&format!("{prefix}.log.")))
            .unwrap_or(&self.subject);
        let pattern = match &self.project {
            None => Pattern::parse(subject),
            Some(project) if subject == ">" => Pattern::parse(&format!("{project}.>")),
            Some(_) => return Err(Failure::usage("give either a SUBJECT or --project")),
        };
        let pattern = pattern.ok_or_else(|| {
            let form =
                "a subject is <project>.<aggregate>.<event>, with * for a word and > for the rest";
            Failure::usage(format!("{}: {form}", self.subject))
        })?;
        let project = pattern.project();
        Ok((pattern, format!("{prefix}.log.{project}")))
    }
}

fn concerns(event: &Event, delivery: &DeliveryId) -> bool {
    match event {
        Event::DeliveryDecided(decided) => decided.delivery == *delivery,
        Event::RunRequested(requested) => requested.delivery == *delivery,
        _ => false,
    }
}

fn line(output: Output, commit: &Commit, project: &str, event: &Event) -> String {
    let head = format!("{} #{:<6} {project}", commit.at, commit.n);
    let (kind, id) = (event.type_name(), event.aggregate_id());
    format!(
        "{} {kind:22} {id} {}",
        output.paint(&head, Paint::Faint),
        explain::summary(event)
    )
}

fn stopped(error: &ReadError) -> Failure {
    Failure::new(Kind::Failed, chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(subject: &str, project: Option<&str>) -> Tail {
        Tail {
            subject: subject.to_owned(),
            run: None,
            delivery: None,
            project: project.map(|slug| slug.parse().unwrap()),
            since: None,
            no_follow: false,
            nats: None,
            prefix: "maestro".to_owned(),
        }
    }

    #[test]
    fn subjects_are_taken_in_every_form() {
        for form in [
            "shop.run.>",
            "maestro.events.shop.run.>",
            "maestro.log.shop.run.>",
        ] {
            let (pattern, subject) = tail(form, None).filter().unwrap();
            assert_eq!(subject, "maestro.log.shop.>");
            assert!(pattern.matches("shop", "run.requested"));
            assert!(!pattern.matches("shop", "slot.leased"));
        }
        assert_eq!(
            tail(">", Some("shop")).filter().unwrap().1,
            "maestro.log.shop.>"
        );
        assert_eq!(tail(">", None).filter().unwrap().1, "maestro.log.>");
        assert_eq!(tail("a b", None).filter().unwrap_err().kind(), Kind::Usage);
        assert_eq!(tail("a..b", None).filter().unwrap_err().kind(), Kind::Usage);
        assert_eq!(
            tail("shop.>", Some("shop")).filter().unwrap_err().kind(),
            Kind::Usage
        );
    }

    #[test]
    fn the_start_is_now_unless_asked_otherwise() {
        let now = Timestamp::from_millis(100_000);
        let start = |since: Option<&str>| {
            Tail {
                since: since.map(str::to_owned),
                ..tail(">", None)
            }
            .start(now)
        };
        assert_eq!(start(None).unwrap(), Start::New);
        assert_eq!(start(Some("all")).unwrap(), Start::All);
        assert_eq!(
            start(Some("10s")).unwrap(),
            Start::Time(Timestamp::from_millis(90_000))
        );
        assert_eq!(start(Some("soon")).unwrap_err().kind(), Kind::Usage);
    }
}
