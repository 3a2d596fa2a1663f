//! How long a condition may take, known before it is evaluated.
//!
//! A step is some microsecond at most: a node of the expression, or the comparison of a few list
//! elements. What a node may touch is bounded by the payload's 64 KiB, since texts can be joined
//! only a few times, and not in loops.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, IdedEntryExpr, LiteralValue, operators},
};

/// What to say of an expression that is nested too deep.
pub(super) const TOO_DEEP: &str = "write a shorter condition; this one is nested too deep";

/// Steps that all conditions of one delivery may take together.
pub(super) const MAX_STEPS: u64 = 500_000;

/// Deepest expression; evaluation recurses once a level.
const MAX_DEPTH: usize = 24;
const MAX_JOINS: u64 = 8;
const LONGEST_PATTERN: usize = 100;
/// Steps to compile a regular expression.
const PATTERN: u64 = 500;
/// Steps to put a value into a list in a loop.
const COPY: u64 = 100;
/// List elements compared in one step.
const ELEMENTS: u64 = 32;

/// Steps as a polynomial of the length of the longest list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    outside: Part,
    in_loops: Part,
    /// Longest list written in the condition itself.
    literal: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    steps: u64,
    comparisons: u64,
    joins: u64,
}

impl Cost {
    /// Counts.
    ///
    /// # Errors
    /// A sentence that says what makes it too costly.
    pub(super) fn of(expression: &IdedExpr) -> Result<Self, String> {
        let mut cost = Self::default();
        cost.add(expression, 0, false)?;
        if cost.in_loops.joins > 0 || cost.outside.joins > MAX_JOINS {
            return Err(format!(
                "write at most {MAX_JOINS} `+`, and none inside a loop"
            ));
        }
        Ok(cost)
    }

    /// Steps when no list is longer than `longest`.
    pub(super) fn steps(&self, longest: u64) -> u64 {
        let longest = longest.max(self.literal);
        let once = |part: &Part| part.steps + part.comparisons * (1 + longest / ELEMENTS);
        once(&self.in_loops)
            .saturating_mul(longest)
            .saturating_add(once(&self.outside))
    }

    fn add(&mut self, expression: &IdedExpr, depth: usize, in_loop: bool) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(TOO_DEEP.to_owned());
        }
        self.part(in_loop).steps += 1;
        match &expression.expr {
            Expr::Call(call) => {
                self.call(&call.func_name, &call.args, in_loop)?;
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                self.add_all(parts, depth, in_loop)
            }
            Expr::Comprehension(_) if in_loop => Err(
                "write loops (all, exists, map, filter) one after the other, not in one another"
                    .to_owned(),
            ),
            Expr::Comprehension(inner) => {
                let outside = [&inner.iter_range, &inner.accu_init, &inner.result];
                self.add_all(outside, depth, false)?;
                self.add_all([&inner.loop_cond, &inner.loop_step], depth, true)
            }
            Expr::List(list) => {
                self.list(list.elements.len(), in_loop);
                self.add_all(&list.elements, depth, in_loop)
            }
            Expr::Map(map) => {
                self.list(map.entries.len(), in_loop);
                self.add_all(map.entries.iter().flat_map(parts), depth, in_loop)
            }
            Expr::Struct(object) => {
                self.add_all(object.entries.iter().flat_map(parts), depth, in_loop)
            }
            Expr::Select(select) => self.add(&select.operand, depth + 1, in_loop),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Ok(()),
        }
    }

    fn add_all<'e>(
        &mut self,
        parts: impl IntoIterator<Item = &'e IdedExpr>,
        depth: usize,
        in_loop: bool,
    ) -> Result<(), String> {
        let mut parts = parts.into_iter();
        parts.try_for_each(|part| self.add(part, depth + 1, in_loop))
    }

    fn call(&mut self, name: &str, args: &[IdedExpr], in_loop: bool) -> Result<(), String> {
        let part = self.part(in_loop);
        match name {
            operators::ADD if !args.first().is_some_and(is_accumulator) => part.joins += 1,
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::IN
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS => part.comparisons += 1,
            "matches" => {
                part.steps += PATTERN;
                return pattern(args.last());
            }
            _ => {}
        }
        Ok(())
    }

    fn list(&mut self, elements: usize, in_loop: bool) {
        let elements = elements as u64;
        self.literal = self.literal.max(elements);
        self.part(in_loop).steps += elements * if in_loop { COPY } else { 1 };
    }

    fn part(&mut self, in_loop: bool) -> &mut Part {
        if in_loop {
            &mut self.in_loops
        } else {
            &mut self.outside
        }
    }
}

fn parts(entry: &IdedEntryExpr) -> impl Iterator<Item = &IdedExpr> {
    let (key, value) = match &entry.expr {
        EntryExpr::StructField(field) => (None, &field.value),
        EntryExpr::MapEntry(entry) => (Some(&entry.key), &entry.value),
    };
    key.into_iter().chain([value])
}

/// What loops collect their result in; its name cannot be written.
fn is_accumulator(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == "@result")
}

/// A regular expression is compiled for each match: it has to be short and known.
fn pattern(expression: Option<&IdedExpr>) -> Result<(), String> {
    let Some(Expr::Literal(LiteralValue::String(text))) = expression.map(|part| &part.expr) else {
        return Err("write the pattern of `matches` as a text in quotes".to_owned());
    };
    let text = text.inner();
    if text.len() > LONGEST_PATTERN
        || text.contains(['{', '}'])
        || text.to_lowercase().contains("\\p")
    {
        return Err(format!(
            "write a pattern for `matches` of at most {LONGEST_PATTERN} characters, without \
             {{n}} and \\p"
        ));
    }
    Ok(())
}
