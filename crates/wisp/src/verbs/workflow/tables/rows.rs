use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The rows of a table of cases: the array `cases` of a document, or an array that is the document.
pub(super) fn rows(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let document = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    match document {
        Value::Array(rows) => Ok(rows),
        Value::Object(mut fields) => match fields.remove("cases") {
            Some(Value::Array(rows)) => Ok(rows),
            _ => bail!("{} has no array 'cases'", file.display()),
        },
        _ => bail!("{} is neither an array of cases nor an object with one", file.display()),
    }
}
