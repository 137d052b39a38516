use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, Method, header};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde_json::Value;
use wisp_control::gateway::{Jwt, Settings};
use wisp_core::{Code, Error, Result};
use wisp_wire::client::{Call, Client, Endpoint, Options};

/// Shortest time between two fetches of the same keys: tokens with made-up key ids must not make us ask all the time.
const PAUSE: Duration = Duration::from_secs(10);
/// Longest wait for an issuer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Algorithms that a public key can verify, and the one for keys that both sides share.
const FAMILIES: [&[Algorithm]; 5] = [
    &[
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ],
    &[Algorithm::ES256],
    &[Algorithm::ES384],
    &[Algorithm::EdDSA],
    &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
];

/// Keys, and when they were fetched.
type Fetched = (Instant, Arc<JwkSet>);

/// The keys of issuers, by their addresses.
#[derive(Clone, Default)]
pub(crate) struct Issuers {
    fetched: Arc<Mutex<HashMap<String, Fetched>>>,
    plain: bool,
    keep: Duration,
}

impl Issuers {
    pub fn new(settings: &Settings) -> Self {
        Self {
            fetched: Arc::default(),
            plain: settings.jwks_plain,
            keep: Duration::from_secs(settings.jwks_seconds),
        }
    }

    /// Refuses a request without a good token in its `Authorization` header.
    pub async fn check(&self, wanted: &Jwt, headers: &HeaderMap) -> Result<()> {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = sent
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else {
            return Err(refused(
                "This API needs a token.",
                "send it in the header Authorization, as Bearer",
            ));
        };
        let token = token.trim();
        let kid = decode_header(token).map_err(|error| bad(&error))?.kid;
        let key = self.key(wanted, kid.as_deref()).await?;
        verify(token, &key, wanted)
    }

    /// The key that a token names, or the only one there is.
    async fn key(&self, wanted: &Jwt, kid: Option<&str>) -> Result<Jwk> {
        let find = |keys: &JwkSet| match (kid, keys.keys.as_slice()) {
            (Some(kid), _) => keys.find(kid).cloned(),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        };
        let keys = if wanted.jwks.is_empty() {
            let keys = serde_json::from_value(wanted.keys.clone());
            keys.map_err(|error| Error::internal("the keys of an API's tokens are malformed").because(error))?
        } else {
            self.fetch(&wanted.jwks, self.keep).await?
        };
        if let Some(key) = find(&keys) {
            return Ok(key);
        }
        // The issuer may have new ones.
        if !wanted.jwks.is_empty()
            && let Some(key) = find(&*self.fetch(&wanted.jwks, PAUSE).await?)
        {
            return Ok(key);
        }
        Err(refused(
            "The token is signed with a key that is not known here.",
            "get a new token from its issuer",
        ))
    }

    /// The keys at an address, fetched again if they are older than this.
    async fn fetch(&self, url: &str, keep: Duration) -> Result<Arc<JwkSet>> {
        let known = self
            .fetched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(url)
            .cloned();
        if let Some((at, keys)) = &known
            && at.elapsed() < keep
        {
            return Ok(keys.clone());
        }
        match self.ask(url).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
                fetched.insert(url.to_owned(), (Instant::now(), keys.clone()));
                Ok(keys)
            }
            // Keys that were good go on being so while their issuer cannot be reached.
            Err(error) => known.map(|(_, keys)| keys).ok_or(error),
        }
    }

    async fn ask(&self, url: &str) -> Result<JwkSet> {
        let unreachable = |error: String| {
            tracing::warn!(url, error, "the keys of a token's issuer cannot be fetched");
            Error::new(
                Code::Unavailable,
                "The keys of the token's issuer cannot be fetched now.",
            )
            .with("retryAfter", 10)
        };
        if !url.starts_with("https://") && !self.plain {
            return Err(unreachable(
                "its address must begin with https://, unless gateway.jwks_plain is set".into(),
            ));
        }
        let endpoint: Endpoint = url.parse().map_err(|error| unreachable(format!("{error}")))?;
        let path = url
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
            .unwrap_or("/");
        let options = Options {
            connect_timeout: PATIENCE,
            reply_timeout: PATIENCE,
            ..Options::default()
        };
        let keys = Client::new(endpoint, options).ask(Call::new(Method::GET, path)).await;
        keys.map_err(|error| unreachable(error.to_string()))
    }
}

fn verify(token: &str, key: &Jwk, wanted: &Jwt) -> Result<()> {
    let decoding = DecodingKey::from_jwk(key).map_err(|error| bad(&error))?;
    // What a key can verify is decided by the key, not by the token.
    let header = decode_header(token).map_err(|error| bad(&error))?;
    let mut validation = Validation::new(header.alg);
    validation.algorithms = FAMILIES
        .iter()
        .find(|family| family.contains(&header.alg))
        .map(|family| family.to_vec())
        .unwrap_or_default();
    validation.validate_nbf = true;
    validation.validate_aud = wanted.audience.is_some();
    let mut required = vec!["exp"];
    if let Some(audience) = &wanted.audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    }
    if let Some(issuer) = &wanted.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    let claims: Value = decode(token, &decoding, &validation)
        .map_err(|error| bad(&error))?
        .claims;
    match wanted
        .claims
        .iter()
        .find(|(name, value)| claims.get(name.as_str()) != Some(*value))
    {
        None => Ok(()),
        Some((name, _)) => Err(Error::new(
            Code::Forbidden,
            format!("The token's claim '{name}' is not what this API asks for."),
        )
        .with("remedy", "get a token with that claim from its issuer")),
    }
}

fn bad(error: &jsonwebtoken::errors::Error) -> Error {
    refused(
        &format!("The token is not good: {error}."),
        "get a new token from its issuer",
    )
}

fn refused(message: &str, remedy: &str) -> Error {
    Error::new(Code::Unauthenticated, message).with("remedy", remedy)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"a shared secret of thirty-two bytes";

    fn wanted() -> Jwt {
        let key = json!({ "kty": "oct", "kid": "k", "k": BASE64_URL_SAFE_NO_PAD.encode(SECRET) });
        Jwt {
            keys: json!({ "keys": [key] }),
            issuer: Some("me".into()),
            claims: [("role".to_owned(), json!("reader"))].into(),
            ..Jwt::default()
        }
    }

    fn token(claims: Value, secret: &[u8]) -> String {
        let header = Header {
            kid: Some("k".into()),
            ..Header::default()
        };
        encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    async fn checked(token: &str) -> String {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        let checked = Issuers::default().check(&wanted(), &headers).await;
        checked.map_or_else(|error| error.message().to_owned(), |()| "good".to_owned())
    }

    #[tokio::test]
    async fn only_good_tokens_pass() {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let good = json!({ "iss": "me", "role": "reader", "exp": now + 600 });
        assert_eq!(checked(&token(good.clone(), SECRET)).await, "good");
        assert!(
            checked(&token(good.clone(), b"another secret"))
                .await
                .contains("InvalidSignature")
        );
        let change = |field: &str, value: Value| {
            let mut claims = good.clone();
            claims[field] = value;
            token(claims, SECRET)
        };
        assert!(
            checked(&change("exp", json!(now - 600)))
                .await
                .contains("ExpiredSignature")
        );
        assert!(checked(&change("iss", json!("you"))).await.contains("InvalidIssuer"));
        assert!(
            checked(&change("nbf", json!(now + 600)))
                .await
                .contains("ImmatureSignature")
        );
        assert!(checked(&change("role", json!("writer"))).await.contains("claim 'role'"));
        assert!(checked("nonsense").await.starts_with("The token is not good"));
        let unsigned = format!(
            "{}.{}.",
            BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k"}"#),
            BASE64_URL_SAFE_NO_PAD.encode(good.to_string())
        );
        assert!(checked(&unsigned).await.starts_with("The token is not good"));
    }
}
