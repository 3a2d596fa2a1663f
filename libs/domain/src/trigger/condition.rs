//! Conditions in CEL with a bounded cost.

use std::sync::Arc;

use cel::{
    Context, IdedExpr, Program, Value,
    common::ast::{EntryExpr, Expr},
};

use super::Scope;

/// Longest condition, in bytes.
const MAX_LENGTH: usize = 2_000;

/// How deep `all`, `exists`, `map` and `filter` may stand in one another. Facts have at most 64 KiB,
/// so two levels bound an evaluation to some 10⁸ steps in the worst case and to far fewer in practice.
const MAX_LOOP_DEPTH: usize = 1;

/// A condition in the Common Expression Language over the values of a [`Scope`].
#[derive(Clone)]
pub struct Condition {
    source: String,
    program: Arc<Program>,
}

/// The condition cannot be evaluated for this delivery: a value is missing or of another type.
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
        let program = Program::compile(source).map_err(|error| error.to_string())?;
        if loop_depth(program.expression()) > MAX_LOOP_DEPTH {
            return Err("loops (all, exists, map, filter) cannot stand in one another".to_owned());
        }
        Ok(Self {
            source: source.to_owned(),
            program: Arc::new(program),
        })
    }

    /// Whether it is true for these values.
    ///
    /// # Errors
    /// When it names a value that is not there, or does not end in true or false.
    pub fn holds(&self, scope: &Scope) -> Result<bool, ConditionError> {
        let mut context = Context::default();
        for name in self.program.references().variables() {
            if let Some((_, value)) = scope.fields().find(|(field, _)| field.as_str() == name) {
                let value = cel::to_value(value).map_err(|_| ConditionError)?;
                context.add_variable_from_value(name, value);
            }
        }
        match self.program.execute(&context) {
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

fn loop_depth(expression: &IdedExpr) -> usize {
    let deepest = |parts: Vec<&IdedExpr>| parts.into_iter().map(loop_depth).max().unwrap_or(0);
    let entries = |entries: &[cel::common::ast::IdedEntryExpr]| {
        entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::StructField(field) => loop_depth(&field.value),
                EntryExpr::MapEntry(entry) => loop_depth(&entry.key).max(loop_depth(&entry.value)),
            })
            .max()
            .unwrap_or(0)
    };
    match &expression.expr {
        Expr::Call(call) => {
            let target = call.target.as_deref().map_or(0, loop_depth);
            target.max(deepest(call.args.iter().collect()))
        }
        Expr::Comprehension(inner) => {
            1 + deepest(vec![
                &inner.iter_range,
                &inner.accu_init,
                &inner.loop_cond,
                &inner.loop_step,
                &inner.result,
            ])
        }
        Expr::List(list) => deepest(list.elements.iter().collect()),
        Expr::Map(map) => entries(&map.entries),
        Expr::Struct(object) => entries(&object.entries),
        Expr::Select(select) => loop_depth(&select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(source: &str) -> Result<bool, ConditionError> {
        let scope = Scope(json!({"issue": {"number": 7, "labels": [{"name": "bug"}]}, "ref": "x"}));
        Condition::parse(source).expect("compiles").holds(&scope)
    }

    #[test]
    fn evaluates_over_the_payload() {
        assert_eq!(holds("issue.number > 3 && ref == 'x'"), Ok(true));
        assert_eq!(holds("issue.labels.exists(l, l.name == 'bug')"), Ok(true));
        assert_eq!(holds("has(issue.milestone)"), Ok(false));
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
