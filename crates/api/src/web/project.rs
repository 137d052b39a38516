use axum::http::StatusCode;
use serde_json::{Value, value::RawValue};
use wisp_core::{Code, Error, Result};

use super::message;

/// What the end of an action's name in a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    /// The result as it is.
    Json,
    /// A page.
    Html,
    /// Status, headers and body: what is meant when nothing is said.
    Http,
    /// A picture.
    Svg,
    /// Text.
    Text,
}

impl Extension {
    /// Splits a segment of a path; an unknown extension belongs to the name.
    pub fn split(segment: &str) -> (&str, Self) {
        let known = |word: &str| match word {
            "json" => Some(Self::Json),
            "html" => Some(Self::Html),
            "http" => Some(Self::Http),
            "svg" => Some(Self::Svg),
            "text" => Some(Self::Text),
            _ => None,
        };
        let split = segment
            .rsplit_once('.')
            .and_then(|(name, word)| Some((name, known(word)?)));
        split.unwrap_or((segment, Self::Http))
    }

    /// The content type, where it does not depend on the result.
    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html; charset=UTF-8",
            Self::Svg => "image/svg+xml",
            Self::Text => "text/plain; charset=UTF-8",
            Self::Http => "message/http",
        }
    }
}

/// What a result looks like from outside.
#[derive(Debug, PartialEq)]
pub(super) struct Projected {
    pub status: StatusCode,
    /// Beside the content type.
    pub headers: Vec<(String, String)>,
    /// None without a body.
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

/// Projects a result: an object or array, or whatever was in the `error` of a failure.
pub(super) fn project(extension: Extension, result: &RawValue) -> Result<Projected> {
    match extension {
        Extension::Http => message::project(result),
        Extension::Json => match result.get().as_bytes().first() {
            Some(b'{' | b'[') => Ok(whole(extension, result.get().to_owned())),
            _ => Err(invalid(extension)),
        },
        Extension::Html => Ok(whole(extension, string(extension, field(result, "html")?)?)),
        Extension::Svg => Ok(whole(extension, string(extension, field(result, "svg")?)?)),
        Extension::Text => Ok(whole(extension, text(field(result, "text")?))),
    }
}

fn whole(extension: Extension, body: String) -> Projected {
    Projected {
        status: StatusCode::OK,
        headers: Vec::new(),
        content_type: Some(extension.content_type().to_owned()),
        body: body.into_bytes(),
    }
}

/// `body`, or the field named like the extension; what is no object is its own field.
fn field(result: &RawValue, name: &str) -> Result<Value> {
    match parsed(result)? {
        Value::Object(mut fields) => fields
            .remove("body")
            .or_else(|| fields.remove(name))
            .ok_or_else(|| Error::new(Code::NotFound, "Response does not include requested property.")),
        other => Ok(other),
    }
}

fn string(extension: Extension, value: Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(invalid(extension)),
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => serde_json::to_string_pretty(&other).unwrap_or_default(),
    }
}

pub(super) fn parsed(result: &RawValue) -> Result<Value> {
    serde_json::from_str(result.get()).map_err(|error| Error::internal("a result is not JSON").because(error))
}

pub(super) fn invalid(extension: Extension) -> Error {
    let media = extension.content_type().split(';').next().unwrap_or_default();
    Error::bad_request(format!("Response is not valid '{media}'."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(extension: &str, result: &str) -> String {
        let (_, extension) = Extension::split(extension);
        let raw = RawValue::from_string(result.to_owned()).unwrap();
        match project(extension, &raw) {
            Ok(projected) => String::from_utf8(projected.body).unwrap(),
            Err(error) => format!("{}: {error}", error.code().status()),
        }
    }

    #[test]
    fn each_extension_has_its_part_of_the_result() {
        let absent = "404: Response does not include requested property.";
        for (extension, result, expected) in [
            ("a.json", r#"{"a":1}"#, r#"{"a":1}"#),
            ("a.json", "[1]", "[1]"),
            ("a.json", "\"no\"", "400: Response is not valid 'application/json'."),
            ("a.html", r#"{"html":"<p>"}"#, "<p>"),
            ("a.html", r#"{"html":"<p>","body":"<b>"}"#, "<b>"),
            ("a.html", r#"{"html":1}"#, "400: Response is not valid 'text/html'."),
            ("a.html", r#"{"a":1}"#, absent),
            ("a.html", "[1]", "400: Response is not valid 'text/html'."),
            ("a.svg", r#"{"svg":"<svg/>"}"#, "<svg/>"),
            (
                "a.svg",
                r#"{"body":null}"#,
                "400: Response is not valid 'image/svg+xml'.",
            ),
            ("a.text", r#"{"text":"hi"}"#, "hi"),
            ("a.text", r#"{"body":{"a":[1]}}"#, "{\n  \"a\": [\n    1\n  ]\n}"),
            ("a.text", r#"{"body":null}"#, "null"),
            ("a.text", r#"{"body":3.5}"#, "3.5"),
            ("a.text", "{}", absent),
        ] {
            assert_eq!(shown(extension, result), expected, "{extension} {result}");
        }
    }
}
