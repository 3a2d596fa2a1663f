//! What comes in from outside.

use maestro_domain::{
    Command, DeliveryFacts, Digest, Name, PersonRef, Provider, Report, RepositoryRef, Timestamp,
    VaultKey,
    command::{Actor, CommandMessage},
    delivery::{Person, Repository},
    report::{End, Execution, Membership, Place},
};
use serde_json::json;

pub(super) const POOL: &str = "default";
/// People who send deliveries.
const PEOPLE: u64 = 40;

pub(super) const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: shop}
spec:
  triggers:
    - name: agent-dev
      on: {event: issues, actions: [labeled], labels: ["run:dev"]}
      run: agent
    - name: check
      on: {event: push}
      run: check
  runs:
    agent: {command: ["agent"], timeout: 15m}
    check: {command: ["make", "check"], timeout: 5m}
"#;

pub(super) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn provider() -> Provider {
    "github".parse().expect("a provider")
}

pub(super) fn repository(number: u64) -> RepositoryRef {
    RepositoryRef {
        provider: provider(),
        id: 40_000 + number,
    }
}

fn person(number: u64) -> PersonRef {
    PersonRef {
        provider: provider(),
        id: 7_000 + number % PEOPLE,
    }
}

fn full_name(number: u64) -> String {
    format!("acme/service-{number}")
}

pub(super) fn names(repositories: u64) -> Vec<(VaultKey, String)> {
    let repositories = (0..repositories).map(|number| {
        (
            VaultKey::repository_name(&repository(number)),
            full_name(number),
        )
    });
    let people = (0..PEOPLE).map(|number| {
        let key = VaultKey::person_login(&person(number));
        (key, format!("person-{number}"))
    });
    repositories.chain(people).collect()
}

pub(super) fn command(number: u64, command: Command) -> CommandMessage {
    CommandMessage {
        key: format!("key-{number}").parse().expect("a key"),
        actor: Actor::System(name("history")),
        reason: None,
        command,
    }
}

pub(super) fn inventory() -> Report {
    Report::Inventory {
        pool: name(POOL),
        executions: Vec::new(),
        membership: Some(Membership {
            site: name("here"),
            backend: name("process"),
        }),
    }
}

/// A delivery; one that `starts` runs is a labelled issue or a push.
pub(super) fn delivery(number: u64, at: u64, starts: bool, now: Timestamp) -> DeliveryFacts {
    let event = match (starts, number % 3) {
        (false, _) => "watch",
        (true, 0) => "push",
        (true, _) => "issues",
    };
    let issue = event == "issues";
    let sender = person(number.wrapping_mul(31));
    let id = format!("delivery-{number}");
    DeliveryFacts {
        body: Digest::of(id.as_bytes()),
        id: id.parse().expect("a delivery's id"),
        provider: provider(),
        event: event.into(),
        action: issue.then(|| "labeled".into()),
        repository: Some(Repository {
            reference: repository(at),
            full_name: full_name(at),
            default_branch: Some("main".into()),
        }),
        sender: Some(Person {
            login: format!("person-{}", sender.id - 7_000),
            reference: sender,
        }),
        received_at: now,
        branch: Some("main".into()),
        number: issue.then_some(number),
        label: issue.then(|| "run:dev".into()),
        labels: Vec::new(),
        paths: Vec::new(),
        commit: None,
        identity: vec![event.into(), number.to_string()],
        payload: json!({"issue": {"number": number, "title": "Fix the till"}}),
    }
}

pub(super) fn started(execution: Execution, at: Timestamp) -> Report {
    let place = Place {
        pod: Some(format!("pod-{}", execution.attempt)),
        node: Some("node-a".into()),
        ..Place::default()
    };
    Report::Started {
        execution,
        at,
        place,
    }
}

/// The end of an attempt, as luck out of 1,000 has it.
pub(super) fn finished(execution: Execution, luck: u64, at: Timestamp) -> Report {
    let end = match luck {
        0..30 => End::Evicted,
        30..45 => End::OomKilled,
        45..60 => End::DeadlineExceeded,
        60..200 => End::Exited { code: 1 },
        _ => End::Exited { code: 0 },
    };
    Report::Finished {
        execution,
        end,
        at,
        log_bytes: luck * 97,
        detail: None,
    }
}
