//! What is wrong with the YAML, in words that say what to write instead.

use serde_saphyr::{Error, MessageFormatter as _, UserMessageFormatter};

/// One sentence without a place.
pub(super) fn sentence(error: &Error) -> String {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => sentence(error),
        Error::SerdeMissingField { field, .. } => {
            format!("`{field}` is missing; write `{}`", example(field))
        }
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            format!(
                "`{}` is unknown here; write {}",
                cut(field),
                one_of(expected)
            )
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            format!(
                "`{}` is unknown here; write {}",
                cut(variant),
                one_of(expected)
            )
        }
        Error::Unexpected {
            expected: "mapping start",
            ..
        } => "write a mapping here: lines of the form `name: value`".to_owned(),
        Error::Unexpected {
            expected: "sequence start",
            ..
        } => "write a list here, for example `[one, two]`".to_owned(),
        Error::Unexpected {
            expected: "string scalar",
            ..
        }
        | Error::NullIntoString { .. } => {
            "write a text here, in quotes if it has special characters".to_owned()
        }
        Error::InvalidScalar { ty: "boolean", .. } | Error::InvalidBooleanStrict { .. } => {
            "write true or false here".to_owned()
        }
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            "write a single word here".to_owned()
        }
        Error::TaggedScalarCannotDeserializeIntoString { .. } | Error::UnsupportedTag { .. } => {
            "tags have no meaning here; write the value without `!`".to_owned()
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!(
                "`{}` stands here for the second time; write it once",
                cut(key)
            )
        }
        Error::UnknownAnchor { .. } => {
            "no anchor of this name stands above; write the value itself".to_owned()
        }
        Error::MultipleDocuments { .. } => {
            "a stack is a single document; remove everything from `---` on".to_owned()
        }
        Error::Eof { .. } => "the document ends too early; write a stack, beginning with \
                              `apiVersion: maestro.dev/v1`"
            .to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "the document is too long, too deep or repeats itself too often; write a shorter one \
             without aliases"
                .to_owned()
        }
        other => {
            let what = UserMessageFormatter.format_message(other);
            format!("{what}; check indentation (spaces, no tabs), brackets and quotes")
        }
    }
}

fn example(field: &str) -> String {
    let value = match field {
        "apiVersion" => super::document::API_VERSION,
        "kind" => super::document::KIND,
        "metadata" => "{name: shop}",
        "spec" => "{triggers: [], runs: {}}",
        "on" => "{event: push}",
        "event" => "push",
        "group" => "\"issue-{{ issue.number }}\"",
        "command" => "[\"make\", \"test\"]",
        "name" => "my-name",
        "run" => "my-run",
        _ => "…",
    };
    format!("{field}: {value}")
}

fn one_of(words: &[&'static str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [most @ .., last] => format!("`{}` or `{last}`", most.join("`, `")),
    }
}

/// Enough of a text to find it.
pub(super) fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
