//! Printing results as a table, JSON or YAML.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use comfy_table::{Cell, Color, ContentArrangement, Table, presets::NOTHING};
use serde::Serialize;

use super::{failure::Failure, options::Format};

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    color: bool,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            format,
            color: !no_color && io::stdout().is_terminal(),
        }
    }

    pub(crate) const fn is_table(self) -> bool {
        matches!(self.format, Format::Table)
    }

    /// Prints one result; `table` makes the form for people.
    pub(crate) fn print<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(Self) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => write(&table(self)),
            Format::Json => write(&serde_json::to_string_pretty(value).map_err(unprintable)?),
            Format::Yaml => write(
                serde_yaml_ng::to_string(value)
                    .map_err(unprintable)?
                    .trim_end(),
            ),
        }
    }

    /// Prints one of many results over time; `line` makes the form for people.
    pub(crate) fn print_next<T: Serialize>(
        self,
        value: &T,
        line: impl FnOnce(Self) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => write(&line(self)),
            Format::Json => write(&serde_json::to_string(value).map_err(unprintable)?),
            Format::Yaml => {
                let document = serde_yaml_ng::to_string(value).map_err(unprintable)?;
                write(&format!("---\n{}", document.trim_end()))
            }
        }
    }

    /// Prints the latest of many results: a terminal shows only that one.
    pub(crate) fn print_anew<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(Self) -> String,
    ) -> Result<(), Failure> {
        let clear = if self.is_table() && io::stdout().is_terminal() {
            "\u{1b}[H\u{1b}[2J"
        } else {
            ""
        };
        self.print_next(value, |output| format!("{clear}{}", table(output)))
    }

    /// A table without borders.
    pub(crate) fn table(self, header: &[&str]) -> Table {
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if !self.color {
            table.force_no_tty();
        }
        table.set_header(
            header
                .iter()
                .map(|title| Cell::new(title).fg(Color::DarkGrey)),
        );
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        table
    }

    /// Text in a colour, where colours are wanted.
    pub(crate) fn paint(self, text: &str, color: Paint) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match color {
            Paint::Good => 32,
            Paint::Bad => 31,
            Paint::Busy => 36,
            Paint::Faint => 90,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Good,
    Bad,
    Busy,
    Faint,
}

impl Paint {
    pub(crate) fn cell(self, text: impl ToString) -> Cell {
        Cell::new(text).fg(match self {
            Self::Good => Color::Green,
            Self::Bad => Color::Red,
            Self::Busy => Color::Cyan,
            Self::Faint => Color::DarkGrey,
        })
    }
}

/// A table's text without the spaces that pad its last column.
pub(crate) fn text_of(table: &Table) -> String {
    let text = table.to_string();
    text.lines()
        .map(|line| line.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Writes a line.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}

fn unprintable(error: impl std::error::Error + 'static) -> Failure {
    Failure::caused("the result cannot be printed", &error)
}
