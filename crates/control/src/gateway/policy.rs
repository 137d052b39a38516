use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisp_core::{Error, Result};

use super::rates::Rate;

/// The field of a document that says who may call and how often.
const FIELD: &str = "x-wisp";

/// Who may call an API, and how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// Whether callers need a key of the API.
    pub require_key: bool,
    /// Whether their key needs its secret too.
    pub require_secret: bool,
    /// Namespaces whose keys of this platform callers must have; everybody may call when it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Requests of all callers together, such as `100/minute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Requests of each key that has no rate of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_rate: Option<Rate>,
    /// Requests of each key that has no quota of its own, in a calendar day, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_quota: Option<u64>,
    /// Tokens that callers need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
    /// The header that a key comes in; `X-Api-Key` when it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_header: String,
}

/// Which tokens (JSON Web Tokens, RFC 7519) are good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Jwt {
    /// Address of the issuer's keys (a JSON Web Key Set, RFC 7517): `https://…`, or `http://…`.
    pub jwks: String,
    /// The keys themselves, when there is no address.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub keys: Value,
    /// Who must have issued them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whom they must be meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Claims that must have these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Value>,
}

impl Policy {
    /// Reads a document's policy. What OpenWhisk's documents say of keys counts too: `securityDefinitions` with an
    /// `apiKey` in a header, asked for by `security`.
    pub fn read(document: &Value) -> Result<Self> {
        let mut policy: Self = match document.get(FIELD) {
            None => Self::default(),
            Some(value) => serde_json::from_value(value.clone())
                .map_err(|error| Error::bad_request(format!("{FIELD} of the API is malformed: {error}")))?,
        };
        let asked = document.get("security").and_then(Value::as_array).into_iter().flatten();
        for name in asked.filter_map(Value::as_object).flat_map(|object| object.keys()) {
            let definition = &document["securityDefinitions"][name];
            if definition["type"] == "apiKey" && definition["in"] == "header" {
                policy.require_key = true;
                let header = definition["name"].as_str().unwrap_or_default();
                match header.to_ascii_lowercase().contains("secret") {
                    true => policy.require_secret = true,
                    false => policy.key_header = header.to_owned(),
                }
            }
        }
        Ok(policy)
    }

    /// Whether callers must show a key of the API.
    pub fn wants_key(&self) -> bool {
        self.require_key || self.require_secret
    }

    /// The header that a key comes in.
    pub fn header(&self) -> &str {
        match self.key_header.as_str() {
            "" => "X-Api-Key",
            header => header,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_says_who_may_call() {
        let policy = Policy::read(&json!({ "x-wisp": { "rate": "5/second", "requireKey": true } })).unwrap();
        assert!(policy.wants_key() && policy.rate.is_some());
        assert_eq!(policy.header(), "X-Api-Key");
        assert!(Policy::read(&json!({ "x-wisp": { "rat": "5/second" } })).is_err());
        assert!(Policy::read(&json!({ "x-wisp": { "rate": "5/fortnight" } })).is_err());
        assert_eq!(Policy::read(&json!({})).unwrap(), Policy::default());
    }

    #[test]
    fn security_definitions_of_swagger_ask_for_keys() {
        let policy = Policy::read(&json!({
            "securityDefinitions": {
                "id": { "type": "apiKey", "in": "header", "name": "X-IBM-Client-Id" },
                "secret": { "type": "apiKey", "in": "header", "name": "X-IBM-Client-Secret" },
            },
            "security": [{ "id": [], "secret": [] }],
        }));
        let policy = policy.unwrap();
        assert_eq!((policy.header(), policy.require_secret), ("X-IBM-Client-Id", true));
    }
}
