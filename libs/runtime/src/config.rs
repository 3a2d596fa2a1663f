//! Typed configuration: a TOML file, overridden by environment variables.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use figment::{
    Error as FigmentError, Figment, Metadata, Profile, Provider,
    error::{Kind, OneOf},
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};
use serde::de::DeserializeOwned;

/// Why the configuration cannot be used. The messages hold keys, never values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {problem}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        problem: String,
    },
    /// A setting is unknown, missing or of the wrong type.
    #[error("{place}: {problem}")]
    Setting {
        /// The file and line, or the environment variable.
        place: String,
        /// The key and what is wrong with it.
        problem: String,
    },
}

/// Reads `path`, then variables named `<prefix>__SECTION__KEY`, which win. A value is taken as
/// TOML would (number, boolean, array), else as text. `T` should deny unknown fields.
///
/// # Errors
/// The file cannot be read or parsed, or a setting is unknown, missing or of the wrong type.
pub fn load<T: DeserializeOwned>(path: Option<&Path>, prefix: &str) -> Result<T, Error> {
    load_with(
        path,
        prefix,
        env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    )
}

fn load_with<T: DeserializeOwned>(
    path: Option<&Path>,
    prefix: &str,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<T, Error> {
    let mut figment = Figment::new();
    let mut file = None;
    if let Some(path) = path {
        let text = fs::read_to_string(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        figment = figment.merge(Toml::string(&text));
        file = Some((path, text));
    }
    let prefix = format!("{prefix}__");
    for (name, value) in variables {
        if let Some(key) = name.strip_prefix(&prefix) {
            let key = key.to_ascii_lowercase().replace("__", ".");
            figment = figment.merge(Variable { name, key, value });
        }
    }
    figment.extract().map_err(|error| {
        explain(
            error,
            file.as_ref().map(|(path, text)| (*path, text.as_str())),
        )
    })
}

/// One environment variable.
struct Variable {
    name: String,
    key: String,
    value: String,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, FigmentError> {
        let value = self
            .value
            .parse::<Value>()
            .unwrap_or_else(|never| match never {});
        let nested = figment::util::nest(&self.key, value);
        Ok(nested
            .into_dict()
            .map(|dict| Profile::Default.collect(dict))
            .unwrap_or_default())
    }
}

fn explain(error: FigmentError, file: Option<(&Path, &str)>) -> Error {
    if let (Kind::Message(message), Some((path, _)), true) =
        (&error.kind, file, error.path.is_empty())
    {
        let problem = message.lines().next().unwrap_or_default().to_owned();
        return Error::Syntax {
            path: path.to_owned(),
            problem,
        };
    }
    let mut keys = error.path.clone();
    if let Kind::UnknownField(name, _) = &error.kind
        && keys.last() != Some(name)
    {
        keys.push(name.clone());
    }
    if let Kind::MissingField(name) = &error.kind {
        keys.push(name.clone().into_owned());
    }
    let variable = error
        .metadata
        .as_ref()
        .map(|it| it.name.as_ref())
        .filter(|it| it.starts_with("environment"));
    let place = match (variable, file) {
        (Some(variable), _) => variable.to_owned(),
        (None, Some((path, text))) => match line_of(text, &keys) {
            Some(line) => format!("{}, line {line}", path.display()),
            None => path.display().to_string(),
        },
        (None, None) => "configuration".to_owned(),
    };
    Error::Setting {
        place,
        problem: format!("`{}` {}", keys.join("."), problem(&error.kind)),
    }
}

fn problem(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!("must be {expected}")
        }
        Kind::InvalidLength(length, expected) => {
            format!("has {length} items and must be {expected}")
        }
        Kind::UnknownVariant(_, allowed) => format!("must be {}", OneOf(allowed)),
        Kind::UnknownField(_, allowed) => format!("is unknown; known here: {}", OneOf(allowed)),
        Kind::MissingField(_) => "is missing".to_owned(),
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    }
}

/// The line of a key in a TOML file: the section's header leads to it.
fn line_of(text: &str, keys: &[String]) -> Option<usize> {
    let wanted = keys.join(".");
    let mut section = String::new();
    let mut best = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let (key, is_header) = match line.strip_prefix('[') {
            Some(header) => (header.trim_matches(['[', ']', ' ']).to_owned(), true),
            None => match line.split_once('=') {
                Some((key, _)) => (plain(key), false),
                None => continue,
            },
        };
        let full = match (is_header, section.is_empty()) {
            (true, _) | (false, true) => key.clone(),
            (false, false) => format!("{section}.{key}"),
        };
        if is_header {
            section = key;
        }
        if full == wanted {
            return Some(number);
        }
        if wanted.starts_with(&format!("{full}.")) {
            best = Some(number);
        }
    }
    best
}

fn plain(key: &str) -> String {
    key.split('.')
        .map(|part| part.trim().trim_matches(['"', '\'']))
        .collect::<Vec<_>>()
        .join(".")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Config {
        gateway: Gateway,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Gateway {
        listen: String,
        #[serde(default)]
        limit: u32,
    }

    fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("maestro.toml");
        fs::write(&path, text).unwrap();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load_with(Some(&path), "MAESTRO", variables).map_err(|error| {
            error
                .to_string()
                .replace(&format!("{}/", dir.path().display()), "")
        })
    }

    #[test]
    fn variables_win_over_the_file() {
        let found = load_text(
            "[gateway]\nlisten = 'a'\nlimit = 1",
            &[("MAESTRO__GATEWAY__LIMIT", "7"), ("OTHER", "x")],
        );
        assert_eq!(
            found.unwrap(),
            Config {
                gateway: Gateway {
                    listen: "a".to_owned(),
                    limit: 7
                }
            }
        );
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let unknown = load_text("# hello\n[gateway]\nlisten = 'a'\nlisen = 'b'", &[]).unwrap_err();
        assert!(
            unknown.starts_with("maestro.toml, line 4: `gateway.lisen` is unknown; known here:"),
            "{unknown}"
        );
        let wrong = load_text("[gateway]\nlisten = 'a'\nlimit = 'sesame-open'", &[]).unwrap_err();
        assert!(
            wrong.starts_with("maestro.toml, line 3: `gateway.limit` must be"),
            "{wrong}"
        );
        assert!(
            !wrong.contains("sesame"),
            "a value may be a secret: {wrong}"
        );
        let missing = load_text("[gateway]\nlimit = 3", &[]).unwrap_err();
        assert_eq!(missing, "maestro.toml, line 1: `gateway.listen` is missing");
    }

    #[test]
    fn errors_name_the_variable() {
        let set = [("MAESTRO__GATEWAY__LIMIT", "many")];
        let wrong = load_text("[gateway]\nlisten = 'a'", &set).unwrap_err();
        assert!(
            wrong.starts_with(
                "environment variable MAESTRO__GATEWAY__LIMIT: `gateway.limit` must be"
            ),
            "{wrong}"
        );
        let set = [("MAESTRO__GATEWAY__LIMTI", "1")];
        let unknown = load_text("[gateway]\nlisten = 'a'", &set).unwrap_err();
        assert!(
            unknown.starts_with(
                "environment variable MAESTRO__GATEWAY__LIMTI: `gateway.limti` is unknown"
            ),
            "{unknown}"
        );
    }

    #[test]
    fn a_file_that_is_not_toml_or_not_there_is_named() {
        let syntax = load_text("[gateway]\nlisten 'a'", &[]).unwrap_err();
        assert!(
            syntax.starts_with("maestro.toml is not valid TOML: ") && syntax.contains("line 2"),
            "{syntax}"
        );
        let absent = load::<Config>(Some(Path::new("/nonexistent/maestro.toml")), "MAESTRO");
        assert_eq!(
            absent.unwrap_err().to_string(),
            "/nonexistent/maestro.toml cannot be read"
        );
    }
}
