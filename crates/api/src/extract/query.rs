use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use wisp_core::{Error, Result};

/// The query of a request; of several values of a key the first counts.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// A flag, false if it is absent.
    pub fn flag(&self, key: &str) -> Result<bool> {
        self.flag_or(key, false)
    }

    /// A flag.
    pub fn flag_or(&self, key: &str, absent: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(absent) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(malformed(key, format_args!("'{value}' is not a valid Boolean value"))),
        }
    }
}

/// The refusal of a value, in OpenWhisk's words.
pub(super) fn malformed(key: &str, detail: impl std::fmt::Display) -> Error {
    Error::bad_request(format!("The query parameter '{key}' was malformed:\n{detail}"))
}

impl Query {
    /// A value read by `parse`, whose refusal is wrapped in OpenWhisk's words.
    pub fn read<T>(&self, key: &str, parse: impl FnOnce(&str) -> std::result::Result<T, String>) -> Result<Option<T>> {
        self.get(key)
            .map(parse)
            .transpose()
            .map_err(|detail| malformed(key, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_words_in_any_case() {
        let query = Query::parse("a=True&b=OFF&c=1&d=maybe&a=no");
        assert_eq!(query.flag("a").ok(), Some(true));
        assert_eq!(query.flag("b").ok(), Some(false));
        assert_eq!(query.flag("c").ok(), Some(true));
        assert_eq!(query.flag_or("absent", true).ok(), Some(true));
        let refusal = query.flag("d").map_err(|error| error.to_string());
        let expected = "The query parameter 'd' was malformed:\n'maybe' is not a valid Boolean value";
        assert_eq!(refusal, Err(expected.into()));
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(Query::parse("name=a%20b+c").get("name"), Some("a b c"));
        assert!(Query::parse("").0.is_empty());
    }
}
