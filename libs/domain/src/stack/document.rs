//! The YAML shape of a stack and its checks.

use std::{cmp::Ordering, collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_saphyr::{Budget, Location, Options, Spanned};

use super::{
    Filter, Group, MAX_DOCUMENT_BYTES, MAX_TRIGGERS, Patterns, RunTemplate, Stack, StackError,
    Trigger, yaml,
};
use crate::{
    name::Name,
    placement::{Placement, PullPolicy, Resources, Toleration},
    run::Mode,
    trigger::{Condition, Template},
};

pub(super) const API_VERSION: &str = "maestro.dev/v1";
pub(super) const KIND: &str = "ServiceStack";
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    triggers: Vec<TriggerDocument>,
    #[serde(default)]
    runs: BTreeMap<Key, RunDocument>,
}

/// The key of a mapping, with its place.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key(Spanned<String>);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.value.cmp(&other.0.value)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.value == other.0.value
    }
}

impl Eq for Key {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TriggerDocument {
    name: Spanned<String>,
    on: On,
    when: Option<Spanned<String>>,
    run: Spanned<String>,
    concurrency: Option<ConcurrencyDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct On {
    event: Spanned<String>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    labels: Vec<String>,
    branches: Option<Spanned<Vec<String>>>,
    paths: Option<Spanned<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConcurrencyDocument {
    group: Spanned<String>,
    #[serde(default)]
    cancel_superseded: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RunDocument {
    image: Option<String>,
    command: Spanned<Vec<String>>,
    #[serde(default)]
    env: BTreeMap<String, Spanned<String>>,
    pool: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    #[serde(default)]
    mode: Mode,
    prompt: Option<Spanned<String>>,
    resources: Option<Spanned<Resources>>,
    node_selector: Option<Spanned<BTreeMap<String, String>>>,
    tolerations: Option<Spanned<Vec<Toleration>>>,
    image_pull_policy: Option<PullPolicy>,
    image_pull_secrets: Option<Spanned<Vec<String>>>,
}

/// Parses and checks a document.
pub(super) fn parse(text: &str) -> Result<Stack, StackError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(nowhere(format!(
            "a stack has at most {MAX_DOCUMENT_BYTES} bytes; write a shorter one"
        )));
    }
    let document: Document =
        serde_saphyr::from_str_with_options(text, options()).map_err(not_yaml)?;
    expect(&document.api_version, API_VERSION)?;
    expect(&document.kind, KIND)?;
    if let Some(first) = document.spec.triggers.get(MAX_TRIGGERS) {
        let message = format!("a stack has at most {MAX_TRIGGERS} triggers; remove the rest");
        return Err(at(first.name.referenced, message));
    }
    let mut runs = BTreeMap::new();
    for (name, run) in document.spec.runs {
        runs.insert(named(&name.0)?, run_template(run)?);
    }
    let mut triggers: Vec<Trigger> = Vec::new();
    for trigger in document.spec.triggers {
        let place = trigger.name.referenced;
        let trigger = check_trigger(trigger, &runs)?;
        if triggers.iter().any(|other| other.name == trigger.name) {
            return Err(at(
                place,
                format!(
                    "another trigger is called `{}`; write another name",
                    trigger.name
                ),
            ));
        }
        triggers.push(trigger);
    }
    Ok(Stack {
        name: named(&document.metadata.name)?,
        triggers,
        runs,
    })
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_depth = 32;
    budget.max_events = 20_000;
    budget.max_nodes = 20_000;
    budget.max_aliases = 100;
    budget.max_anchors = 100;
    budget.max_documents = 1;
    let mut options = Options::default();
    options.budget = Some(budget);
    options
}

fn check_trigger(
    document: TriggerDocument,
    runs: &BTreeMap<Name, RunTemplate>,
) -> Result<Trigger, StackError> {
    let run = named(&document.run)?;
    if !runs.contains_key(&run) {
        let known: Vec<_> = runs.keys().map(Name::as_str).take(10).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        let message =
            format!("there is no run `{run}` under `spec.runs`; write one it has: {known}");
        return Err(at(document.run.referenced, message));
    }
    let when = match &document.when {
        Some(when) => Some(Condition::parse(&when.value).map_err(|why| at(when.referenced, why))?),
        None => None,
    };
    let concurrency = match &document.concurrency {
        Some(wanted) => Some(Group {
            group: template(&wanted.group)?,
            cancel_superseded: wanted.cancel_superseded,
        }),
        None => None,
    };
    let on = document.on;
    if on.event.value.is_empty() {
        return Err(at(
            on.event.referenced,
            "name an event, for example `push`".to_owned(),
        ));
    }
    let filter = Filter {
        branches: patterns(on.branches.as_ref())?,
        paths: patterns(on.paths.as_ref())?,
        event: on.event.value,
        actions: on.actions,
        labels: on.labels,
    };
    Ok(Trigger {
        name: named(&document.name)?,
        on: filter,
        when,
        run,
        concurrency,
    })
}

fn run_template(document: RunDocument) -> Result<RunTemplate, StackError> {
    let command = &document.command;
    if command.value.first().is_none_or(String::is_empty) {
        return Err(at(
            command.referenced,
            "name a program, for example [\"make\", \"test\"]".into(),
        ));
    }
    if command.value.iter().any(|part| part.contains("{{")) {
        let message = "a command is not a template; pass values through `env` or the prompt";
        return Err(at(command.referenced, message.to_owned()));
    }
    let env = document
        .env
        .iter()
        .map(|(name, value)| Ok((variable(name, value)?, template(value)?)));
    let placement = placement(&document)?;
    Ok(RunTemplate {
        placement,
        env: env.collect::<Result<_, StackError>>()?,
        pool: match &document.pool {
            Some(pool) => named(pool)?,
            None => "default".parse().expect("a constant name"),
        },
        timeout: document
            .timeout
            .as_ref()
            .map_or(Ok(DEFAULT_TIMEOUT), duration)?,
        mode: document.mode,
        prompt: document.prompt.as_ref().map(template).transpose()?,
        image: document.image,
        command: document.command.value,
    })
}

/// Each part is checked by itself, so that an error names its line.
fn placement(document: &RunDocument) -> Result<Placement, StackError> {
    let mut placement = Placement::default();
    if let Some(resources) = &document.resources {
        placement.resources = resources.value.clone();
        checked(&placement, resources.referenced)?;
    }
    if let Some(selector) = &document.node_selector {
        placement.node_selector = selector.value.clone();
        checked(&placement, selector.referenced)?;
    }
    if let Some(tolerations) = &document.tolerations {
        placement.tolerations = tolerations.value.clone();
        checked(&placement, tolerations.referenced)?;
    }
    if let Some(secrets) = &document.image_pull_secrets {
        placement.image_pull_secrets = secrets.value.clone();
        checked(&placement, secrets.referenced)?;
    }
    placement.image_pull_policy = document.image_pull_policy;
    Ok(placement)
}

fn checked(placement: &Placement, place: Location) -> Result<(), StackError> {
    placement.check().map_err(|message| at(place, message))
}

fn variable(name: &str, place: &Spanned<String>) -> Result<String, StackError> {
    let head = name
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !head || !rest {
        let message = format!(
            "`{}` is not a variable; use letters, digits and _",
            yaml::cut(name)
        );
        return Err(at(place.referenced, message));
    }
    if name.starts_with("MAESTRO_") {
        return Err(at(
            place.referenced,
            "names that start with MAESTRO_ are Maestro's own; write another name".into(),
        ));
    }
    Ok(name.to_owned())
}

fn duration(text: &Spanned<String>) -> Result<Duration, StackError> {
    let wrong = || {
        let message = "write a duration between 1s and 24h, for example 90s, 15m or 2h";
        at(text.referenced, message.to_owned())
    };
    let unit = text.value.chars().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text.value[..text.value.len() - 1]
        .parse()
        .map_err(|_| wrong())?;
    let duration = Duration::from_secs(number.saturating_mul(seconds));
    if duration.is_zero() || duration > LONGEST_TIMEOUT {
        Err(wrong())
    } else {
        Ok(duration)
    }
}

fn patterns(texts: Option<&Spanned<Vec<String>>>) -> Result<Option<Patterns>, StackError> {
    let Some(texts) = texts else { return Ok(None) };
    Patterns::parse(&texts.value)
        .map(Some)
        .map_err(|why| at(texts.referenced, why))
}

fn template(text: &Spanned<String>) -> Result<Template, StackError> {
    Template::parse(&text.value).map_err(|error| at(text.referenced, error.to_string()))
}

fn named(text: &Spanned<String>) -> Result<Name, StackError> {
    text.value.parse().map_err(|error| {
        at(
            text.referenced,
            format!("`{}`: {error}", yaml::cut(&text.value)),
        )
    })
}

fn expect(text: &Spanned<String>, wanted: &str) -> Result<(), StackError> {
    if text.value == wanted {
        return Ok(());
    }
    Err(at(
        text.referenced,
        format!("`{}` is unknown; write `{wanted}`", yaml::cut(&text.value)),
    ))
}

fn not_yaml(error: serde_saphyr::Error) -> StackError {
    let message = yaml::sentence(&error);
    // What is missing altogether is missing at the beginning.
    let (line, column) = error
        .location()
        .map_or((1, 1), |at| (at.line(), at.column()));
    StackError {
        line: line.max(1),
        column: column.max(1),
        message,
    }
}

fn at(location: Location, message: String) -> StackError {
    StackError {
        line: location.line(),
        column: location.column(),
        message,
    }
}

fn nowhere(message: String) -> StackError {
    StackError {
        line: 0,
        column: 0,
        message,
    }
}
