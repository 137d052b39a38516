use base64::{Engine, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::query::Chance;

/// The longest text that is encoded, decoded or hashed, in characters.
const MAX_TEXT: usize = 10_000;

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{value} is not a string"))
}

fn bounded(text: &str) -> Result<&str, String> {
    match text.chars().count() {
        0..=MAX_TEXT => Ok(text),
        length => Err(format!("a string of {length} characters is longer than {MAX_TEXT}")),
    }
}

/// `{}` takes the next argument; a backslash keeps a brace from being one.
pub(super) fn format(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let (mut formatted, mut values) = (String::new(), arguments[1..].iter());
    let mut rest = text(&arguments[0])?.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => formatted.extend(rest.next()),
            '{' if rest.as_str().starts_with('}') => {
                rest.next();
                formatted += &shown(values.next().ok_or("there are more {} than arguments")?);
            }
            '{' | '}' => return Err(format!("'{c}' must be escaped as '\\{c}'")),
            c => formatted.push(c),
        }
    }
    match values.len() {
        0 => Ok(formatted.into()),
        left => Err(format!("there are {left} more arguments than {{}}")),
    }
}

/// As Java shows values: texts without quotes, objects as `{name=value}`.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}={}", shown(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Each character of the second argument ends a piece; empty pieces do not count.
pub(super) fn split(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let delimiters: Vec<char> = text(&arguments[1])?.chars().collect();
    let pieces = text(&arguments[0])?.split(&delimiters[..]);
    Ok(pieces.filter(|piece| !piece.is_empty()).collect())
}

pub(super) fn to_json(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let text = text(&arguments[0])?;
    match text.trim() {
        "" => Ok(Value::Null),
        "-0" => Ok(0.into()),
        _ => serde_json::from_str(text).map_err(|error| format!("'{text}' is not JSON: {error}")),
    }
}

pub(super) fn encode(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    Ok(STANDARD.encode(bounded(text(&arguments[0])?)?).into())
}

pub(super) fn decode(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let bytes = STANDARD.decode(bounded(text(&arguments[0])?)?);
    let bytes = bytes.map_err(|error| format!("the string is not Base64: {error}"))?;
    String::from_utf8(bytes)
        .map(Value::from)
        .map_err(|_| "what is encoded is not UTF-8".into())
}

pub(super) fn hash(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let data = match &arguments[0] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    digest(bounded(&data)?, text(&arguments[1])?).map(Value::from)
}

/// The hash in hexadecimal digits, also for JSONata's `$hash`.
pub(in crate::query) fn digest(data: &str, algorithm: &str) -> Result<String, String> {
    let digits = |bytes: &[u8]| HEXLOWER.encode(bytes);
    match algorithm {
        "MD5" => Ok(digits(&Md5::digest(data))),
        "SHA-1" => Ok(digits(&Sha1::digest(data))),
        "SHA-256" => Ok(digits(&Sha256::digest(data))),
        "SHA-384" => Ok(digits(&Sha384::digest(data))),
        "SHA-512" => Ok(digits(&Sha512::digest(data))),
        _ => Err(format!(
            "'{algorithm}' is none of MD5, SHA-1, SHA-256, SHA-384, SHA-512"
        )),
    }
}
