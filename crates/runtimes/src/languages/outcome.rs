use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{json, value::RawValue};
use wisp_core::model::{Json, Outcome};

use super::protocol::Message;

/// What a result means: OpenWhisk's reading of a runtime's reply.
pub fn of_result(message: Message, limit: u64) -> Outcome {
    let Message { size, mut text, .. } = message;
    if size > limit {
        text.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let start = String::from_utf8_lossy(&text).into_owned();
        return Outcome::ResultTooLarge { size, limit, start };
    }
    let text = match String::from_utf8(text) {
        Ok(text) => text,
        Err(bad) => return Outcome::InvalidResult(String::from_utf8_lossy(bad.as_bytes()).into_owned()),
    };
    let first = text.trim_ascii_start().bytes().next();
    if !matches!(first, Some(b'{' | b'[')) {
        return Outcome::InvalidResult(text);
    }
    let fails = first == Some(b'{') && has_error(&text);
    match serde_json::from_str::<&RawValue>(&text) {
        Ok(json) if fails => Outcome::ApplicationError(json.to_owned().into()),
        Ok(json) => Outcome::Success(json.to_owned().into()),
        Err(_) => Outcome::InvalidResult(text),
    }
}

/// `{"error": message}`, the developer's fault.
pub fn developer_error(message: &str) -> Outcome {
    let text = json!({ "error": message }).to_string();
    let json: Json = RawValue::from_string(text).unwrap_or_default().into();
    Outcome::DeveloperError(json)
}

/// Whether an object has the key `error` at its top. Most texts do not even contain the word: only those that do, or
/// that may spell it with escapes, are parsed for it.
fn has_error(text: &str) -> bool {
    if !text.contains("\"error\"") && !text.contains("\\u") {
        return false;
    }
    serde_json::Deserializer::from_str(text)
        .deserialize_map(TopLevel)
        .unwrap_or(false)
}

struct TopLevel;

impl<'de> Visitor<'de> for TopLevel {
    type Value = bool;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            found |= key == "error";
            map.next_value::<IgnoredAny>()?;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use crate::languages::protocol::Kind;

    fn read(text: &[u8], limit: u64) -> String {
        let message = Message {
            kind: Kind::Result,
            token: None,
            size: text.len() as u64,
            text: text.to_vec(),
        };
        match of_result(message, limit) {
            Outcome::Success(json) => format!("success {json}"),
            Outcome::ApplicationError(json) => format!("error {json}"),
            Outcome::InvalidResult(text) => format!("invalid {text}"),
            Outcome::ResultTooLarge { size, limit, start } => format!("large {size} {limit} {start}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn replies_are_read_as_openwhisk_reads_them() {
        for (text, expected) in [
            (&br#"{"a":1}"#[..], r#"success {"a":1}"#),
            (br#"[1,{"error":2}]"#, r#"success [1,{"error":2}]"#),
            (br#"{"a":{"error":1}}"#, r#"success {"a":{"error":1}}"#),
            (br#"{"a":"\"error\""}"#, r#"success {"a":"\"error\""}"#),
            (br#"{"error":null}"#, r#"error {"error":null}"#),
            (br#"{"\u0065rror":1}"#, r#"error {"\u0065rror":1}"#),
            (br#"{"a":1,"error":{}}"#, r#"error {"a":1,"error":{}}"#),
            (b"null", "invalid null"),
            (b"\"text\"", "invalid \"text\""),
            (b"", "invalid "),
            (br#"{"a":"#, r#"invalid {"a":"#),
            (br#"{"a":1} x"#, r#"invalid {"a":1} x"#),
        ] {
            assert_eq!(read(text, 100), expected);
        }
        assert_eq!(read("{\"a\":\"é\"}".as_bytes(), 7), "large 10 7 {\"a\":\"\u{fffd}");
    }
}
