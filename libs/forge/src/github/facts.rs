//! From a stored delivery to the facts the core decides on.

use std::collections::HashSet;

use maestro_domain::{
    DeliveryFacts, Digest, PersonRef, RepositoryRef,
    delivery::{Person, Repository},
    ids::Provider,
};
use serde_json::Value;

use super::{field, identity, subject};
use crate::{body, error::ReduceError, json, prune, source::Received};

pub(super) fn reduce(
    provider: &Provider,
    received: &Received<'_>,
) -> Result<DeliveryFacts, ReduceError> {
    let object = json::parse(&body::text(received.encoding, received.body)?)?;
    let payload = Value::Object(object);
    let event = received.event;
    let action = field::text(&payload, "/action")?;
    Ok(DeliveryFacts {
        id: received.id.clone(),
        provider: provider.clone(),
        event: event.to_owned(),
        repository: repository(provider, &payload)?,
        sender: sender(provider, &payload)?,
        received_at: received.received_at,
        branch: subject::branch(event, &payload)?,
        number: subject::number(&payload)?,
        label: subject::label(action.as_deref(), &payload)?,
        labels: subject::labels(&payload)?,
        paths: paths(event, &payload)?,
        commit: subject::commit(event, &payload)?,
        identity: identity::identity(event, received.id, &payload),
        body: Digest::of(received.body),
        action,
        payload: prune::prune(payload),
    })
}

fn repository(provider: &Provider, payload: &Value) -> Result<Option<Repository>, ReduceError> {
    let Some(id) = field::number(payload, "/repository/id")? else {
        return Ok(None);
    };
    let full_name = field::text(payload, "/repository/full_name")?;
    Ok(Some(Repository {
        reference: RepositoryRef {
            provider: provider.clone(),
            id,
        },
        full_name: field::required(full_name, "/repository/full_name")?,
        default_branch: field::text(payload, "/repository/default_branch")?,
    }))
}

fn sender(provider: &Provider, payload: &Value) -> Result<Option<Person>, ReduceError> {
    let Some(id) = field::number(payload, "/sender/id")? else {
        return Ok(None);
    };
    let login = field::text(payload, "/sender/login")?;
    Ok(Some(Person {
        reference: PersonRef {
            provider: provider.clone(),
            id,
        },
        login: field::required(login, "/sender/login")?,
    }))
}

const MAX_PATHS: usize = 3000;

/// Most bytes of all paths together.
const MAX_PATH_BYTES: usize = 256 * 1024;

/// Files that pushed commits added, changed or removed, each once, in the payload's order.
fn paths(event: &str, payload: &Value) -> Result<Vec<String>, ReduceError> {
    let mut paths = Vec::new();
    if event != "push" {
        return Ok(paths);
    }
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for commit in field::array(payload, "/commits")? {
        for list in ["/added", "/modified", "/removed"] {
            for path in field::array(commit, list)? {
                let path = field::path(path)?;
                if !seen.insert(path) {
                    continue;
                }
                bytes += path.len();
                if paths.len() == MAX_PATHS || bytes > MAX_PATH_BYTES {
                    return Ok(paths);
                }
                paths.push(path.to_owned());
            }
        }
    }
    Ok(paths)
}
