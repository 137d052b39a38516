use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use wisp_core::{Error, Result, model::Millis};

use super::rates::Rate;
use crate::authenticate::secret_digest;

/// Fewest characters of a key and of a secret: they must not be guessed.
const LENGTH: usize = 16;

/// A key of an API, as it is stored: neither it nor its secret can be read off it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientKey {
    /// Whose key it is, as its API's owner calls them.
    pub name: String,
    /// Its first characters, to recognise it by.
    pub hint: String,
    /// SHA-256 of the key.
    pub digest: String,
    /// SHA-256 of the secret, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_digest: Option<String>,
    /// How often it may call, if that differs from the API's usual rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How often it may call in a day, if that differs from the API's usual quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// When it was made.
    pub created: Millis,
}

/// A key to be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyPut {
    pub name: String,
    pub key: String,
    pub secret: Option<String>,
    pub rate: Option<Rate>,
    pub quota: Option<u64>,
}

impl KeyPut {
    /// What is stored of it.
    pub fn stored(self, now: Millis) -> Result<ClientKey> {
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            return Err(Error::bad_request("a key needs a name"));
        }
        for secret in std::iter::once(&self.key).chain(&self.secret) {
            if secret.len() < LENGTH || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::bad_request(format!(
                    "a key and a secret have at least {LENGTH} characters, none of them a blank"
                )));
            }
        }
        Ok(ClientKey {
            hint: self.key.chars().take(6).collect(),
            digest: secret_digest(&self.key),
            secret_digest: self.secret.as_deref().map(secret_digest),
            name: self.name,
            rate: self.rate,
            quota: self.quota,
            created: now,
        })
    }
}

impl ClientKey {
    /// Whether a secret is this key's.
    pub fn opens(&self, secret: Option<&str>) -> bool {
        match (&self.secret_digest, secret) {
            (Some(expected), Some(secret)) => secret_digest(secret).as_bytes().ct_eq(expected.as_bytes()).into(),
            (_, _) => false,
        }
    }
}
