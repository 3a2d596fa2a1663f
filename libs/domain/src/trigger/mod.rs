//! Whether a trigger matches a delivery.

mod condition;
mod cost;
mod template;

use std::cell::Cell;

use serde_json::{Value, json};

pub use self::{
    condition::{Condition, ConditionError},
    template::{Template, TemplateError},
};
use crate::{
    decide::Refusal,
    delivery::DeliveryFacts,
    event::VerdictReason,
    stack::{Patterns, Trigger},
};

/// What templates and conditions can name: the payload's own fields at the top, and `maestro` with
/// `event`, `action`, `delivery`, `branch`, `number`, `commit`.
#[derive(Debug, Clone)]
pub struct Scope {
    values: Value,
    /// Length of the longest list or object in it.
    longest: u64,
    /// Steps that conditions may still take.
    steps: Cell<u64>,
}

impl Scope {
    /// The values of one delivery.
    #[must_use]
    pub fn new(facts: &DeliveryFacts) -> Self {
        let mut values = match &facts.payload {
            Value::Object(fields) => fields.clone(),
            _ => serde_json::Map::new(),
        };
        values.insert(
            "maestro".to_owned(),
            json!({
                "event": facts.event,
                "action": facts.action,
                "delivery": facts.id,
                "branch": facts.branch,
                "number": facts.number,
                "commit": facts.commit,
            }),
        );
        Self::over(Value::Object(values))
    }

    fn over(values: Value) -> Self {
        let longest = longest(&values);
        let steps = Cell::new(cost::MAX_STEPS);
        Self {
            values,
            longest,
            steps,
        }
    }

    /// Takes what an evaluation costs at most; false when too little is left.
    fn spend(&self, cost: &cost::Cost) -> bool {
        let left = self.steps.get().checked_sub(cost.steps(self.longest));
        left.is_some_and(|left| {
            self.steps.set(left);
            true
        })
    }

    /// Renders a template; `None` when it names a value that is not there.
    #[must_use]
    pub fn render(&self, template: &Template) -> Option<String> {
        template.render(&self.values)
    }

    fn fields(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.values.as_object().into_iter().flatten()
    }
}

fn longest(value: &Value) -> u64 {
    match value {
        Value::Array(items) => {
            let inner = items.iter().map(longest).max().unwrap_or(0);
            inner.max(items.len() as u64)
        }
        Value::Object(fields) => {
            let inner = fields.values().map(longest).max().unwrap_or(0);
            inner.max(fields.len() as u64)
        }
        _ => 0,
    }
}

/// The first reason why the trigger does not match; `None` when it does.
pub(crate) fn mismatch(trigger: &Trigger, facts: &DeliveryFacts, scope: &Scope) -> Option<Refusal> {
    let on = &trigger.on;
    let reason = if on.event != facts.event {
        VerdictReason::EventDiffers
    } else if !on.actions.is_empty()
        && !facts
            .action
            .as_ref()
            .is_some_and(|action| on.actions.contains(action))
    {
        VerdictReason::ActionDiffers
    } else if !on.labels.is_empty() && !labelled(&on.labels, facts) {
        VerdictReason::LabelMissing
    } else if on
        .branches
        .as_ref()
        .is_some_and(|branches| !names_branch(branches, facts))
    {
        VerdictReason::BranchDiffers
    } else if on
        .paths
        .as_ref()
        .is_some_and(|paths| !facts.paths.iter().any(|p| paths.matches(p)))
    {
        VerdictReason::PathsUntouched
    } else {
        match trigger.when.as_ref().map(|when| when.holds(scope)) {
            None | Some(Ok(true)) => return None,
            Some(Ok(false)) => VerdictReason::ConditionFalse,
            Some(Err(ConditionError)) => VerdictReason::ConditionFailed,
        }
    };
    Some(reason.into())
}

/// Of a labelling, the label just set counts; otherwise any label that is there.
fn labelled(wanted: &[String], facts: &DeliveryFacts) -> bool {
    match &facts.label {
        Some(label) => wanted.contains(label),
        None => facts.labels.iter().any(|label| wanted.contains(label)),
    }
}

fn names_branch(branches: &Patterns, facts: &DeliveryFacts) -> bool {
    facts
        .branch
        .as_ref()
        .is_some_and(|branch| branches.matches(branch))
}
