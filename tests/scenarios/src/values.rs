use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};

use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Names and what stands for them in `${name}`.
pub type Variables = BTreeMap<String, String>;

/// Puts variables into a text; `${x*3}` becomes `xxx`.
pub fn expand(text: &str, variables: &Variables) -> Result<String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after
            .split_once('}')
            .with_context(|| format!("'{text}': a brace is not closed"))?;
        expanded.push_str(before);
        match (variables.get(name), name.split_once('*')) {
            (Some(value), _) => expanded.push_str(value),
            (None, Some((unit, times))) => expanded.push_str(&unit.repeat(times.parse()?)),
            (None, None) => bail!("'{text}': nothing was saved as '{name}'"),
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Puts variables into all texts of a value, and carries out its words:
///
/// | word | becomes |
/// |---|---|
/// | `{$fill: x, times: 3}` | `"xxx"` |
/// | `{$copies: v, times: 3}` | `[v, v, v]` |
/// | `{$base64: text}` | the text, encoded |
/// | `{$zip: {name: text}}` | an archive of these files, encoded |
pub fn evaluate(value: &Value, variables: &Variables) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(expand(text, variables)?),
        Value::Array(items) => items
            .iter()
            .map(|item| evaluate(item, variables))
            .collect::<Result<_>>()?,
        Value::Object(fields) => {
            let mut evaluated = Map::new();
            for (key, value) in fields {
                evaluated.insert(expand(key, variables)?, evaluate(value, variables)?);
            }
            word(evaluated)?
        }
        other => other.clone(),
    })
}

/// Carries out an object's word, if it is one.
fn word(fields: Map<String, Value>) -> Result<Value> {
    let times = fields
        .get("times")
        .and_then(Value::as_u64)
        .and_then(|times| usize::try_from(times).ok());
    let Some((name, argument)) = fields.iter().find(|(key, _)| key.starts_with('$')) else {
        return Ok(Value::Object(fields));
    };
    Ok(match (name.as_str(), argument, times) {
        ("$fill", Value::String(text), Some(times)) => text.repeat(times).into(),
        ("$copies", item, Some(times)) => vec![item.clone(); times].into(),
        ("$base64", Value::String(text), None) => BASE64_STANDARD.encode(text).into(),
        ("$zip", Value::Object(files), None) => BASE64_STANDARD.encode(archive(files)?).into(),
        // Other words are those of patterns.
        _ => Value::Object(fields),
    })
}

fn archive(files: &Map<String, Value>) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        let Value::String(text) = text else {
            bail!("$zip: '{name}' must be a text")
        };
        zip.start_file(name.as_str(), SimpleFileOptions::default().unix_permissions(0o755))?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: Value, expected: Value) {
        let variables = Variables::from([("id".into(), "7".into())]);
        assert_eq!(evaluate(&value, &variables).unwrap(), expected);
    }

    #[test]
    fn variables_and_words_are_replaced() {
        check(
            json!({"a-${id}": ["<${id}>", 1, null]}),
            json!({"a-7": ["<7>", 1, null]}),
        );
        check(json!({"$fill": "ab", "times": 2}), json!("abab"));
        check(
            json!([{"$copies": {"k": "${id}"}, "times": 2}]),
            json!([[{"k": "7"}, {"k": "7"}]]),
        );
        check(json!({"$base64": "hi"}), json!("aGk="));
        check(json!({"$has": ["${id}"]}), json!({"$has": ["7"]}));
        check(json!("${ab*2}-"), json!("abab-"));
        assert!(expand("${unknown}", &Variables::new()).is_err());
    }

    #[test]
    fn an_archive_holds_its_files() {
        let encoded = evaluate(&json!({"$zip": {"a/b.txt": "text"}}), &Variables::new()).unwrap();
        let bytes = BASE64_STANDARD.decode(encoded.as_str().unwrap()).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let text = std::io::read_to_string(archive.by_name("a/b.txt").unwrap()).unwrap();
        assert_eq!(text, "text");
    }
}
