//! Conditions in CEL with a bounded cost.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, IdedExpr, Value, parser::PrattParser};

use super::{
    Scope,
    cost::{Cost, TOO_DEEP},
};

/// Longest condition, in bytes.
const MAX_LENGTH: usize = 2_000;
/// How deep brackets may stand in one another.
const MAX_BRACKETS: u16 = 24;

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A condition in the Common Expression Language over the values of a [`Scope`].
#[derive(Clone)]
pub struct Condition {
    source: String,
    expression: Arc<IdedExpr>,
    cost: Cost,
}

/// The condition cannot be evaluated for this delivery: a value is missing or of another type, or
/// it would take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the condition cannot be evaluated for this delivery")]
pub struct ConditionError;

impl Condition {
    /// Compiles a condition.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_LENGTH {
            return Err(format!("a condition has at most {MAX_LENGTH} characters"));
        }
        let parser = PrattParser::new().max_recursion_depth(MAX_BRACKETS);
        let expression = parser.parse(source).map_err(|errors| sentence(&errors))?;
        Ok(Self {
            source: source.to_owned(),
            cost: Cost::of(&expression)?,
            expression: Arc::new(expression),
        })
    }

    /// Whether it is true for these values.
    ///
    /// # Errors
    /// When it names a value that is not there, does not end in true or false, or the conditions
    /// of this delivery would together take too long.
    pub fn holds(&self, scope: &Scope) -> Result<bool, ConditionError> {
        if !scope.spend(&self.cost) {
            return Err(ConditionError);
        }
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for name in self.expression.references().variables() {
            if let Some((_, value)) = scope.fields().find(|(field, _)| field.as_str() == name) {
                context.add_variable_from_value(name, cel_value(value));
            }
        }
        match Value::resolve(&self.expression, &context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            _ => Err(ConditionError),
        }
    }
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({})", self.source)
    }
}

/// Whole numbers are `int`, so that `issue.number + 1` has a meaning.
fn cel_value(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(large)) => Value::UInt(large),
            (None, None) => number.as_f64().map_or(Value::Null, Value::Float),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(cel_value).collect())),
        Json::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), cel_value(value)));
            Value::from(fields.collect::<HashMap<_, _>>())
        }
    }
}

fn sentence(errors: &cel::ParseErrors) -> String {
    let first = errors.errors.first();
    let (at, what) = first.map_or((0, ""), |error| (error.pos.1, error.msg.as_str()));
    if what.contains("recursion limit") {
        return TOO_DEEP.to_owned();
    }
    let what = what.trim_start_matches("Syntax error: ");
    format!("write a condition such as `issue.number > 3`; at its character {at}: {what}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(source: &str) -> Result<bool, ConditionError> {
        let scope =
            Scope::over(json!({"issue": {"number": 7, "labels": [{"name": "bug"}]}, "ref": "x"}));
        Condition::parse(source).expect("compiles").holds(&scope)
    }

    #[test]
    fn evaluates_over_the_payload() {
        assert_eq!(holds("issue.number > 3 && ref == 'x'"), Ok(true));
        assert_eq!(holds("issue.labels.exists(l, l.name == 'bug')"), Ok(true));
        assert_eq!(holds("has(issue.milestone)"), Ok(false));
        assert_eq!(
            holds("issue.number + 1 == 8 && issue.number != 7.5"),
            Ok(true)
        );
    }

    #[test]
    fn fails_where_it_has_no_answer() {
        assert_eq!(holds("issue.nope == 1"), Err(ConditionError));
        assert_eq!(holds("issue.number"), Err(ConditionError));
        assert_eq!(holds("pull_request.number > 1"), Err(ConditionError));
    }

    #[test]
    fn refuses_costly_or_broken_texts() {
        assert!(Condition::parse("a.all(x, b.all(y, x == y))").is_err());
        assert!(Condition::parse("issue.number >").is_err());
        assert!(Condition::parse(&"a".repeat(3000)).is_err());
    }
}
