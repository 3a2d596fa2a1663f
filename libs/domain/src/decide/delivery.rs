//! Deliveries: every trigger of the project's stack is considered, and the record says what came
//! of it (I-3).

use super::{Draft, bounds, schedule};
use crate::{
    core::Stacks,
    delivery::DeliveryFacts,
    digest::Digest,
    event::{
        Concurrency, DecisionReason, DeliveryDecided, Event, RunRequested, TriggerVerdict,
        VerdictReason,
    },
    ids::{ProjectId, RunId},
    run::RunSpec,
    sealed::VaultKey,
    stack::{RunTemplate, Stack, Trigger},
    state::{delivery_key, run_key},
    trigger::{self, Scope},
};
use uuid::Uuid;

/// Slug of the project that takes deliveries of repositories that belong to none.
const DEFAULT_PROJECT: &str = "default";

/// Namespace of run ids.
const RUNS: Uuid = Uuid::from_u128(0x6d61_6573_7472_6f2e_7275_6e73_0000_0001);

/// Decides a delivery in one commit.
pub(super) fn decide(draft: &mut Draft<'_>, facts: &DeliveryFacts, stacks: &dyn Stacks) {
    remember_names(draft, facts);
    let project = project_of(draft, facts);
    if let Some(project) = project {
        draft.scope(project);
    }
    let (reason, triggers, requests) = match (project, stack_of(draft, project, stacks)) {
        _ if facts.event == "ping" => (DecisionReason::Ping, Vec::new(), Vec::new()),
        (None, _) => (DecisionReason::NoProject, Vec::new(), Vec::new()),
        (Some(_), None) => (DecisionReason::NoStack, Vec::new(), Vec::new()),
        (Some(project), Some(stack)) => consider(draft, facts, project, &stack),
    };
    draft.push(Event::DeliveryDecided(Box::new(DeliveryDecided {
        delivery: facts.id.clone(),
        provider: facts.provider.clone(),
        event: bounds::word_or_unknown(&facts.event),
        action: facts.action.as_deref().and_then(bounds::word),
        project,
        repository: facts
            .repository
            .as_ref()
            .map(|repository| repository.reference.clone()),
        sender: facts.sender.as_ref().map(|sender| sender.reference.clone()),
        number: facts.number,
        received_at: facts.received_at,
        reason,
        triggers,
    })));
    for request in requests {
        let run = request.run;
        draft.push(Event::RunRequested(Box::new(request)));
        schedule::supersede(draft, run);
    }
    if let Some(project) = project {
        schedule::fill(draft, project);
    }
}

/// Names belong in the vault; the log refers to them by number.
fn remember_names(draft: &mut Draft<'_>, facts: &DeliveryFacts) {
    let repository = facts.repository.iter().map(|repository| {
        let key = VaultKey::repository_name(&repository.reference);
        (key, &repository.full_name)
    });
    let sender = facts.sender.iter().map(|sender| {
        let key = VaultKey::person_login(&sender.reference);
        (key, &sender.login)
    });
    for (key, name) in repository.chain(sender) {
        if name.len() <= bounds::LONGEST_NAME {
            draft.seal(key, name.clone().into_bytes());
        }
    }
}

fn project_of(draft: &Draft<'_>, facts: &DeliveryFacts) -> Option<ProjectId> {
    let attached = facts
        .repository
        .as_ref()
        .and_then(|repository| draft.state.repositories.get(&repository.reference));
    attached.copied().or_else(|| {
        draft
            .state
            .project_by_slug(DEFAULT_PROJECT)
            .map(|(id, _)| id)
    })
}

fn stack_of(
    draft: &Draft<'_>,
    project: Option<ProjectId>,
    stacks: &dyn Stacks,
) -> Option<std::sync::Arc<Stack>> {
    stacks.stack(draft.state.projects.get(&project?)?.stack.as_ref()?)
}

fn consider(
    draft: &mut Draft<'_>,
    facts: &DeliveryFacts,
    project: ProjectId,
    stack: &Stack,
) -> (DecisionReason, Vec<TriggerVerdict>, Vec<RunRequested>) {
    if stack.triggers.is_empty() {
        return (DecisionReason::NoTriggers, Vec::new(), Vec::new());
    }
    let scope = Scope::new(facts);
    let mut verdicts = Vec::with_capacity(stack.triggers.len());
    let mut requests = Vec::new();
    for trigger in &stack.triggers {
        let considered = trigger::mismatch(trigger, facts, &scope).map_or_else(
            || request(draft, facts, project, stack, trigger, &scope),
            Err,
        );
        let (reason, run) = match considered {
            Ok(request) => {
                let run = request.run;
                requests.push(request);
                (VerdictReason::Started, Some(run))
            }
            Err(Refusal { reason, run }) => (reason, run),
        };
        verdicts.push(TriggerVerdict {
            trigger: trigger.name.clone(),
            reason,
            run,
        });
    }
    (summary(&verdicts), verdicts, requests)
}

fn summary(verdicts: &[TriggerVerdict]) -> DecisionReason {
    let any = |reason| verdicts.iter().any(|verdict| verdict.reason == reason);
    if any(VerdictReason::Started) {
        DecisionReason::Started
    } else if any(VerdictReason::AlreadyStarted) {
        DecisionReason::AlreadyStarted
    } else {
        DecisionReason::NoTriggerMatched
    }
}

/// Why a trigger requests nothing.
pub(crate) struct Refusal {
    pub(crate) reason: VerdictReason,
    pub(crate) run: Option<RunId>,
}

impl From<VerdictReason> for Refusal {
    fn from(reason: VerdictReason) -> Self {
        Self { reason, run: None }
    }
}

fn request(
    draft: &mut Draft<'_>,
    facts: &DeliveryFacts,
    project: ProjectId,
    stack: &Stack,
    trigger: &Trigger,
    scope: &Scope,
) -> Result<RunRequested, Refusal> {
    let run = run_id(facts, project, trigger);
    let natural_key = natural_key(facts, project, trigger);
    if let Some(refusal) = already_started(draft, facts, project, run, &natural_key) {
        return Err(refusal);
    }
    let template = stack
        .runs
        .get(&trigger.run)
        .ok_or(VerdictReason::TemplateFailed)?;
    let pools = draft
        .state
        .projects
        .get(&project)
        .map(|project| &project.pools);
    if pools.is_none_or(|pools| !pools.contains_key(&template.pool)) {
        return Err(VerdictReason::PoolMissing.into());
    }
    let spec = render(template, facts, scope).ok_or(VerdictReason::TemplateFailed)?;
    let concurrency = concurrency(project, trigger, scope)?;
    let sender = facts.sender.as_ref().map(|sender| sender.reference.clone());
    let plaintext = serde_json::to_vec(&spec).map_err(|_| VerdictReason::TemplateFailed)?;
    if plaintext.len() > bounds::LONGEST_SPEC {
        return Err(VerdictReason::TemplateFailed.into());
    }
    Ok(RunRequested {
        run,
        project,
        trigger: trigger.name.clone(),
        name: trigger.run.clone(),
        delivery: facts.id.clone(),
        provider: facts.provider.clone(),
        event: bounds::word_or_unknown(&facts.event),
        repository: facts
            .repository
            .as_ref()
            .map(|repository| repository.reference.clone()),
        number: facts.number,
        pool: template.pool.clone(),
        timeout_s: template.timeout.as_secs(),
        mode: template.mode,
        spec: draft.seal(VaultKey::run_spec(run, sender.as_ref()), plaintext),
        sender,
        natural_key,
        concurrency,
        traceparent: draft.traceparent.clone(),
        retry_of: None,
    })
}

/// The action was dealt with before, under this delivery id or another. A delivery that started
/// something starts nothing further, even if the stack has got new triggers since (I-2).
fn already_started(
    draft: &Draft<'_>,
    facts: &DeliveryFacts,
    project: ProjectId,
    run: RunId,
    natural_key: &Digest,
) -> Option<Refusal> {
    let started = &draft.state.started;
    let known = started
        .get(natural_key)
        .or_else(|| started.get(&run_key(run)))
        .or_else(|| draft.state.may_execute(project, run).then_some(&run));
    let repeated = || {
        started
            .get(&delivery_key(&facts.provider, &facts.id))
            .is_some()
    };
    (known.is_some() || repeated()).then(|| Refusal {
        reason: VerdictReason::AlreadyStarted,
        run: known.copied(),
    })
}

fn render(template: &RunTemplate, facts: &DeliveryFacts, scope: &Scope) -> Option<RunSpec> {
    let mut left = bounds::LONGEST_SPEC;
    let mut text = |template| {
        let text = scope.render(template)?;
        left = left.checked_sub(text.len())?;
        Some(text)
    };
    let prompt = match &template.prompt {
        Some(prompt) => Some(text(prompt)?),
        None => None,
    };
    let env = template
        .env
        .iter()
        .map(|(name, value)| Some((name.clone(), text(value)?)));
    Some(RunSpec {
        image: template.image.clone(),
        command: template.command.clone(),
        env: env.collect::<Option<_>>()?,
        prompt,
        repository: facts
            .repository
            .as_ref()
            .map(|repository| repository.full_name.clone()),
        timeout_s: template.timeout.as_secs(),
        mode: template.mode,
        placement: template.placement.clone(),
    })
}

fn concurrency(
    project: ProjectId,
    trigger: &Trigger,
    scope: &Scope,
) -> Result<Option<Concurrency>, VerdictReason> {
    let Some(wanted) = &trigger.concurrency else {
        return Ok(None);
    };
    let group = scope
        .render(&wanted.group)
        .ok_or(VerdictReason::TemplateFailed)?;
    let group = Digest::of_parts(&[project.uuid().as_bytes(), group.as_bytes()]);
    Ok(Some(Concurrency {
        group,
        cancel_superseded: wanted.cancel_superseded,
    }))
}

fn run_id(facts: &DeliveryFacts, project: ProjectId, trigger: &Trigger) -> RunId {
    let repository = facts
        .repository
        .as_ref()
        .map_or(0, |repository| repository.reference.id);
    let name = Digest::of_parts(&[
        facts.provider.as_str().as_bytes(),
        &repository.to_be_bytes(),
        facts.id.as_str().as_bytes(),
        project.uuid().as_bytes(),
        trigger.name.as_str().as_bytes(),
        b"0",
    ]);
    RunId::new(Uuid::new_v5(&RUNS, name.bytes()))
}

/// What the action is called wherever it appears: a host can send one action under two delivery
/// ids. Where no parts identify it, the digest of the body does.
fn natural_key(facts: &DeliveryFacts, project: ProjectId, trigger: &Trigger) -> Digest {
    let repository = facts
        .repository
        .as_ref()
        .map_or(0, |repository| repository.reference.id);
    let repository = repository.to_be_bytes();
    let project = project.uuid();
    let mut parts: Vec<&[u8]> = vec![
        project.as_bytes(),
        trigger.name.as_str().as_bytes(),
        facts.provider.as_str().as_bytes(),
        &repository,
        facts.event.as_bytes(),
    ];
    if facts.identity.is_empty() {
        parts.push(facts.body.bytes());
    } else {
        parts.extend(facts.identity.iter().map(String::as_bytes));
    }
    Digest::of_parts(&parts)
}
