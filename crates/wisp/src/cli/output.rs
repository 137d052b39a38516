use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, ser::PrettyFormatter};

use super::Usage;

/// Names and other things to look at.
pub const BOLD: Style = Style::new().bold();
/// The word `ok:`.
pub const OK: Style = AnsiColor::Green.on_default();
/// The word `error:`.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, as `wsk` prints.
    #[default]
    #[value(alias = "std")]
    Table,
    /// The whole document as JSON.
    Json,
    /// The whole document as YAML.
    Yaml,
    /// Bare values, for scripts.
    Raw,
}

/// Prints results.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    format: Format,
}

impl Out {
    /// Prints in this format.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// The format.
    pub fn format(self) -> Format {
        self.format
    }

    /// Whether people read it.
    pub fn for_people(self) -> bool {
        self.format == Format::Table
    }

    /// Prints what was done: `ok: …` for people, else the document.
    pub fn done(self, text: &str, document: &impl Serialize) -> anyhow::Result<()> {
        if self.for_people() {
            self.ok(text)
        } else {
            self.document(document)
        }
    }

    /// Prints `ok: …`.
    pub fn ok(self, text: &str) -> anyhow::Result<()> {
        Ok(writeln!(anstream::stdout().lock(), "{OK}ok:{OK:#} {text}")?)
    }

    /// Prints a document that was asked for: for people under a line that says so.
    pub fn got(self, text: &str, document: &impl Serialize) -> anyhow::Result<()> {
        if self.for_people() {
            self.ok(text)?;
        }
        self.document(document)
    }

    /// Prints a document.
    pub fn document(self, document: &impl Serialize) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Table | Format::Json => pretty(document)?,
            Format::Yaml => serde_saphyr::to_string(document)?.trim_end().to_owned(),
            Format::Raw => match serde_json::to_value(document)? {
                Value::String(text) => text,
                other => other.to_string(),
            },
        };
        self.line(&text)
    }

    /// Prints a line; colours only reach a terminal.
    pub fn line(self, text: &str) -> anyhow::Result<()> {
        Ok(writeln!(anstream::stdout().lock(), "{text}")?)
    }
}

/// JSON, indented by four spaces as `wsk` does.
pub fn pretty(document: &impl Serialize) -> anyhow::Result<String> {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    document.serialize(&mut serializer)?;
    String::from_utf8(text).map_err(|error| io::Error::other(error).into())
}

/// A field of a document, by `wsk`'s field filter.
pub fn field<'a>(document: &'a Value, name: &str) -> anyhow::Result<&'a Value> {
    let fields = document.as_object().into_iter().flatten();
    let mut found = fields
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value);
    found.next().ok_or_else(|| {
        let known: Vec<&str> = document
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect();
        Usage(format!(
            "Invalid field filter '{name}'. There are: {}",
            known.join(", ")
        ))
        .into()
    })
}
