//! Signature Version 4 of AWS, as a server sees it: the client's `Authorization` header says which headers it signed,
//! and with which key; the server signs the same request again and compares.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use hyper::{HeaderMap, Uri, header};
use jiff::{civil::DateTime, tz::TimeZone};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The one algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service that requests are signed for.
const SERVICE: &str = "states";

/// Headers that must be signed: without them, a signature would fit other requests.
const REQUIRED: [&str; 3] = ["host", "x-amz-date", "x-amz-target"];

/// A signature with what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// The key that it was made with.
    pub access_key_id: String,
    /// Date, region, service and `aws4_request`.
    scope: [String; 4],
    headers: Vec<String>,
    signature: String,
}

/// What keeps a request from being believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The header is not one, or says too little.
    Incomplete(String),
    /// The request was signed too long ago, or by a clock that is ahead.
    Time(String),
    /// It was signed with another secret, or changed since.
    Mismatch,
}

impl Signature {
    /// Reads an `Authorization` header.
    pub fn parse(text: &str) -> Result<Self, Doubt> {
        let incomplete = |what: &str| Doubt::Incomplete(format!("Authorization header requires '{what}' parameter."));
        let fields = text
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| Doubt::Incomplete(format!("Authorization header requires algorithm {ALGORITHM}.")))?;
        let field = |name: &str| {
            let mut pairs = fields.split(',').filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        let credential = field("Credential").ok_or_else(|| incomplete("Credential"))?;
        let mut parts = credential.rsplitn(5, '/').map(str::to_owned);
        let mut last = || {
            parts
                .next()
                .filter(|part| !part.is_empty())
                .ok_or_else(|| incomplete("Credential"))
        };
        let (request, service, region, date) = (last()?, last()?, last()?, last()?);
        let headers = field("SignedHeaders").ok_or_else(|| incomplete("SignedHeaders"))?;
        let headers: Vec<String> = headers.split(';').map(str::to_ascii_lowercase).collect();
        if let Some(missing) = REQUIRED
            .iter()
            .find(|required| !headers.iter().any(|header| header == *required))
        {
            return Err(Doubt::Incomplete(format!(
                "'{missing}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
        Ok(Self {
            access_key_id: last()?,
            scope: [date, region, service, request],
            headers,
            signature: field("Signature").ok_or_else(|| incomplete("Signature"))?,
        })
    }

    /// Holds it against a request that came at `now`, in milliseconds since 1970, and may be off by `skew` seconds.
    pub fn check(&self, request: &Request<'_>, secret: &str, now: u64, skew: u64) -> Result<(), Doubt> {
        let date = request.header("x-amz-date").ok_or(Doubt::Incomplete(
            "Authorization header requires existence of a 'X-Amz-Date' header.".into(),
        ))?;
        self.check_time(&date, now, skew)?;
        let [_, _, service, last] = &self.scope;
        if service != SERVICE || last != "aws4_request" || !date.starts_with(&self.scope[0]) {
            let scope = self.scope.join("/");
            return Err(Doubt::Incomplete(format!(
                "Credential should be scoped to correct service: '{SERVICE}', not '{scope}'."
            )));
        }
        let expected = HEXLOWER.encode(&self.sign(request, secret, &date)?);
        match bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            true => Ok(()),
            false => Err(Doubt::Mismatch),
        }
    }

    fn check_time(&self, date: &str, now: u64, skew: u64) -> Result<(), Doubt> {
        let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok();
        let signed = signed.and_then(|signed| signed.to_zoned(TimeZone::UTC).ok());
        let Some(signed) = signed.map(|signed| signed.timestamp().as_millisecond()) else {
            return Err(Doubt::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'."
            )));
        };
        let off = (i128::from(signed) - i128::from(now)).unsigned_abs();
        if off > u128::from(skew) * 1000 {
            return Err(Doubt::Time(format!(
                "Signature expired or not yet valid: the request says {date}, which is {} seconds from the server's time; workflows.skew_seconds is {skew}",
                off / 1000
            )));
        }
        Ok(())
    }

    fn sign(&self, request: &Request<'_>, secret: &str, date: &str) -> Result<[u8; 32], Doubt> {
        let canonical = HEXLOWER.encode(&Sha256::digest(self.canonical(request)?.as_bytes()));
        let text = format!("{ALGORITHM}\n{date}\n{}\n{canonical}", self.scope.join("/"));
        let first = format!("AWS4{secret}").into_bytes();
        let key = self.scope.iter().fold(first, |key, part| mac(&key, part).to_vec());
        Ok(mac(&key, &text))
    }

    /// The request as both sides write it to sign it.
    fn canonical(&self, request: &Request<'_>) -> Result<String, Doubt> {
        let mut headers = String::new();
        for name in &self.headers {
            let value = request.header(name).ok_or(Doubt::Mismatch)?;
            let value: Vec<&str> = value.split_ascii_whitespace().collect();
            headers.push_str(&format!("{name}:{}\n", value.join(" ")));
        }
        let body = HEXLOWER.encode(&Sha256::digest(request.body));
        let (query, signed) = (request.uri.query().unwrap_or_default(), self.headers.join(";"));
        Ok(format!(
            "POST\n{}\n{query}\n{headers}\n{signed}\n{body}",
            request.uri.path()
        ))
    }
}

/// What a signature is about. The method is always POST.
pub(super) struct Request<'a> {
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Request<'_> {
    /// All values of a header; of `host` also the one that HTTP/2 has in its place.
    fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        if values.is_empty() && name == header::HOST.as_str() {
            return self.uri.authority().map(|authority| authority.as_str().to_owned());
        }
        (!values.is_empty()).then(|| values.join(","))
    }
}

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const DATE: &str = "20261121T120000Z";

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:3233"),
            ("x-amz-date", DATE),
            ("x-amz-target", "AWSStepFunctions.ListStateMachines"),
            ("content-type", "application/x-amz-json-1.0"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    fn authorization(signature: &str) -> String {
        format!(
            "{ALGORITHM} Credential=23bc46b1/20261121/us-east-1/states/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
        )
    }

    fn now() -> u64 {
        let time: jiff::Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        time.as_millisecond() as u64
    }

    fn check(headers: &HeaderMap, body: &[u8], secret: &str, now: u64) -> Result<(), Doubt> {
        // What botocore 1.44.5 signs this request with.
        let signature = Signature::parse(&authorization(BOTOCORE))?;
        let uri = Uri::from_static("/");
        signature.check(
            &Request {
                uri: &uri,
                headers,
                body,
            },
            secret,
            now,
            300,
        )
    }

    const BOTOCORE: &str = "a9b40f252babf58aea31dcde9a235f6b45ebdd549cd50aa52ae94cc2a0a823ea";

    #[test]
    fn what_a_client_signed_is_right_and_anything_else_is_not() {
        assert_eq!(check(&headers(), b"{}", SECRET, now()), Ok(()));
        assert_eq!(check(&headers(), b"{ }", SECRET, now()), Err(Doubt::Mismatch));
        assert_eq!(check(&headers(), b"{}", "another", now()), Err(Doubt::Mismatch));
        let mut other = headers();
        other.insert("x-amz-target", "AWSStepFunctions.DeleteStateMachine".parse().unwrap());
        assert_eq!(check(&other, b"{}", SECRET, now()), Err(Doubt::Mismatch));
    }

    #[test]
    fn old_and_future_requests_are_refused() {
        for off in [0, 299_000] {
            assert_eq!(check(&headers(), b"{}", SECRET, now() + off), Ok(()));
            assert_eq!(check(&headers(), b"{}", SECRET, now() - off), Ok(()));
        }
        for late in [now() + 301_000, now() - 301_000, 0] {
            assert!(matches!(check(&headers(), b"{}", SECRET, late), Err(Doubt::Time(_))));
        }
    }

    #[test]
    fn headers_that_say_too_little_are_refused() {
        for text in [
            "",
            "Basic abc",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date;x-amz-target, Signature=00",
            "AWS4-HMAC-SHA256 Credential=a/20261121/r/states/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
            "AWS4-HMAC-SHA256 Credential=a/20261121/r/states/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target",
        ] {
            assert!(matches!(Signature::parse(text), Err(Doubt::Incomplete(_))), "{text}");
        }
        let signature = Signature::parse(&authorization("00").replace("/states/", "/s3/")).unwrap();
        let (uri, headers) = (Uri::from_static("/"), headers());
        let request = Request {
            uri: &uri,
            headers: &headers,
            body: b"{}",
        };
        assert!(matches!(
            signature.check(&request, SECRET, now(), 300),
            Err(Doubt::Incomplete(_))
        ));
    }
}
