//! The `services.yaml` of a repository or project: which events start which runs.

mod document;
mod error;
mod yaml;

use std::{collections::BTreeMap, fmt, time::Duration};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

pub use self::error::StackError;
use crate::{
    name::Name,
    placement::Placement,
    run::Mode,
    trigger::{Condition, Template},
};

/// Longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Most triggers in a stack.
pub const MAX_TRIGGERS: usize = 100;
/// Most patterns in a filter.
pub const MAX_PATTERNS: usize = 100;
/// Longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 200;

/// A checked stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its name.
    pub name: Name,
    /// Triggers in the order of the document.
    pub triggers: Vec<Trigger>,
    /// Run templates by name.
    pub runs: BTreeMap<Name, RunTemplate>,
}

/// When a run is requested.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Unique in the stack.
    pub name: Name,
    /// Filters; all must match.
    pub on: Filter,
    /// A further condition in CEL.
    pub when: Option<Condition>,
    /// Run template to use.
    pub run: Name,
    /// At most one run of a group at a time.
    pub concurrency: Option<Group>,
}

/// Filters of a trigger; an empty one matches everything.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Event name.
    pub event: String,
    /// Actions.
    pub actions: Vec<String>,
    /// Labels: the one just set, or else any that is there.
    pub labels: Vec<String>,
    /// Branches.
    pub branches: Option<Patterns>,
    /// Changed files.
    pub paths: Option<Patterns>,
}

/// A concurrency group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name, rendered per delivery.
    pub group: Template,
    /// Whether a newer run ends older ones.
    pub cancel_superseded: bool,
}

/// What a run executes.
#[derive(Debug, Clone)]
pub struct RunTemplate {
    /// Container image.
    pub image: Option<String>,
    /// Program and arguments; never templated, so that no payload can become code.
    pub command: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, Template>,
    /// Pool whose slots it takes.
    pub pool: Name,
    /// Longest it may run.
    pub timeout: Duration,
    /// Isolation.
    pub mode: Mode,
    /// Text for an agent.
    pub prompt: Option<Template>,
    /// What a cluster has to know.
    pub placement: Placement,
}

impl Stack {
    /// Parses and checks a document.
    ///
    /// # Errors
    /// Where it is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, StackError> {
        document::parse(text)
    }
}

/// Glob patterns: `*` stays within a path segment, `**` crosses them.
#[derive(Clone)]
pub struct Patterns {
    texts: Vec<String>,
    set: GlobSet,
}

impl Patterns {
    /// Compiles patterns.
    ///
    /// # Errors
    /// The first pattern that is none, with the reason.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        if texts.len() > MAX_PATTERNS {
            return Err(format!("write at most {MAX_PATTERNS} patterns"));
        }
        let mut set = GlobSetBuilder::new();
        for text in texts {
            if text.len() > MAX_PATTERN_BYTES {
                return Err(format!(
                    "write patterns of at most {MAX_PATTERN_BYTES} characters"
                ));
            }
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            set.add(glob.map_err(|error| {
                format!(
                    "`{text}` is not a pattern ({}); write one such as `src/**`",
                    error.kind()
                )
            })?);
        }
        let set = set.build().map_err(|error| error.kind().to_string())?;
        Ok(Self {
            texts: texts.to_vec(),
            set,
        })
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.set.is_match(text)
    }
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.texts.fmt(f)
    }
}
