use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::{Delivery, FeedSettings},
};

use crate::{
    setting::{number, text},
    signature::{Scheme, same},
};

/// How a service proves that a request is its own.
pub(super) enum Dialect {
    /// `x-hub-signature-256`: an HMAC of the body.
    GitHub,
    /// `x-gitlab-token`: the secret itself.
    GitLab,
    /// `stripe-signature`: a time, and an HMAC of time and body; old ones are refused.
    Stripe { tolerance: Millis },
    /// An HMAC of the body in a header that the user names.
    Generic {
        header: String,
        prefix: String,
        scheme: Scheme,
        id: Option<String>,
    },
}

impl Dialect {
    /// The dialect of a feed.
    pub fn new(feed: &str, settings: &FeedSettings) -> Result<Self> {
        let lower = |name: &str| text(settings, name).map(str::to_ascii_lowercase);
        Ok(match feed {
            "github" => Self::GitHub,
            "gitlab" => Self::GitLab,
            "stripe" => Self::Stripe {
                tolerance: number(settings, "tolerance")?.unwrap_or(300).unsigned_abs() * 1_000,
            },
            _ => Self::Generic {
                header: lower("header").unwrap_or_else(|| "x-signature".into()),
                prefix: text(settings, "prefix").unwrap_or_default().to_owned(),
                scheme: Scheme::new(
                    text(settings, "algorithm").unwrap_or("sha256"),
                    text(settings, "encoding").unwrap_or("hex"),
                )?,
                id: lower("idHeader"),
            },
        })
    }

    /// Refuses a request that does not carry proof.
    pub fn verify(&self, request: &Delivery<'_>, secret: &str, now: Millis) -> Result<()> {
        let header = |name: &str| {
            let missing = || refused(format!("The header {name} is missing."));
            request.header(name).ok_or_else(missing)
        };
        let holds = match self {
            Self::GitHub => {
                let signature = header("x-hub-signature-256")?.strip_prefix("sha256=");
                signature.is_some_and(|signature| Scheme::USUAL.verify(secret, &[request.body], signature))
            }
            Self::GitLab => same(header("x-gitlab-token")?, secret),
            Self::Stripe { tolerance } => stripe(header("stripe-signature")?, request.body, secret, now, *tolerance)?,
            Self::Generic {
                header: name,
                prefix,
                scheme,
                ..
            } => {
                let signature = header(name)?.strip_prefix(prefix.as_str());
                signature.is_some_and(|signature| scheme.verify(secret, &[request.body], signature))
            }
        };
        match holds {
            true => Ok(()),
            false => Err(refused("The signature is not valid.")),
        }
    }

    /// The id that the sender gives a delivery.
    pub fn id<'a>(&self, request: &Delivery<'a>) -> Option<&'a str> {
        match self {
            Self::GitHub => request.header("x-github-delivery"),
            Self::GitLab => request
                .header("idempotency-key")
                .or_else(|| request.header("x-gitlab-event-uuid")),
            // The body of a Stripe event has its id.
            Self::Stripe { .. } => None,
            Self::Generic { id, .. } => request.header(id.as_deref()?),
        }
    }
}

/// `t=<seconds>,v1=<signature>[,v1=…]`: one of the signatures must hold, and the time must be near.
fn stripe(header: &str, body: &[u8], secret: &str, now: Millis, tolerance: Millis) -> Result<bool> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find_map(|(key, value)| (key == "t").then_some(value));
    let time = time.ok_or_else(|| refused("The signature has no time."))?;
    let seconds: Millis = time.parse().map_err(|_| refused("The signature has no time."))?;
    if now.abs_diff(seconds.saturating_mul(1_000)) > tolerance {
        return Err(refused("The signature is too old."));
    }
    let message: [&[u8]; 3] = [time.as_bytes(), b".", body];
    let mut signatures = parts().filter(|(key, _)| *key == "v1");
    Ok(signatures.any(|(_, signature)| Scheme::USUAL.verify(secret, &message, signature)))
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(Code::Unauthenticated, message)
}
