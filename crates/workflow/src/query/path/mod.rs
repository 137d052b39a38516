//! JSONPath in Jayway's dialect: what `InputPath`, `ItemsPath`, `Variable`, `"name.$"` … select, and what `ResultPath`
//! writes.
//!
//! | written | selects | definite |
//! |---|---|---|
//! | `$` `$$` `$name` | the input, the context object, a variable | yes |
//! | `.name` `['name']` | a field; unquoted names may hold hyphens, blanks and letters of any language | yes |
//! | `[2]` `[-1]` `[(@.length-1)]` | an item, from the end if negative | yes |
//! | `['a','b']` | at the end an object of these fields, before it each of them | at the end |
//! | `[0,2]` `[1:5:2]` `[*]` `.*` `..name` | items, values, everything below | no |
//! | `[?(@.price < 10 && @.tag in ['a'])]` | the items that satisfy it | no |
//! | `.length()` `.sum()` … at the end | one value made of what the path before it selects | yes |
//!
//! A definite path has one value, or it is a fault; an indefinite one always gives an array.

mod display;
mod filter;
mod function;
mod lexer;
mod parse;
mod select;
mod write;

pub use parse::{Malformed, Path, Root};
pub use write::write;

use serde_json::Value;

use super::{Fault, Scope};

/// What a path of `InputPath`, `OutputPath`, `ItemsPath`, `SecondsPath` … selects: the value of a definite path, an
/// array (perhaps empty) of an indefinite one.
///
/// # Errors
/// `States.Runtime` when the path is malformed or a definite one leads nowhere.
pub fn read(path: &str, scope: &Scope) -> Result<Value, Fault> {
    let fault = |why: String| Fault::runtime(format!("Invalid path '{path}' : {why}"));
    let parsed = Path::parse(path).map_err(|malformed| fault(malformed.to_string()))?;
    parsed.select(scope).map_err(|missing| fault(missing.to_string()))
}
