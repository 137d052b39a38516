use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use subtle::ConstantTimeEq;
use wisp_core::{Error, Result};

/// How a signature is made and written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheme {
    algorithm: hmac::Algorithm,
    encoding: Encoding,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Hex,
    Base64,
}

impl Scheme {
    /// HMAC with SHA-256, in hexadecimal.
    pub const USUAL: Self = Self {
        algorithm: hmac::HMAC_SHA256,
        encoding: Encoding::Hex,
    };

    /// The scheme of these names.
    pub fn new(algorithm: &str, encoding: &str) -> Result<Self> {
        let algorithm = match algorithm {
            "sha256" => hmac::HMAC_SHA256,
            "sha512" => hmac::HMAC_SHA512,
            "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            other => {
                let message = format!("algorithm parameter '{other}' is not one of sha256, sha512, sha1");
                return Err(Error::bad_request(message));
            }
        };
        let encoding = match encoding {
            "hex" => Encoding::Hex,
            "base64" => Encoding::Base64,
            other => {
                let message = format!("encoding parameter '{other}' is not one of hex, base64");
                return Err(Error::bad_request(message));
            }
        };
        Ok(Self { algorithm, encoding })
    }

    /// Whether a signature is that of a message; takes as long whether it is or not.
    pub fn verify(self, secret: &str, message: &[&[u8]], signature: &str) -> bool {
        let signature = match self.encoding {
            Encoding::Hex => hex(signature),
            Encoding::Base64 => STANDARD.decode(signature).ok(),
        };
        let Some(signature) = signature else { return false };
        let key = hmac::Key::new(self.algorithm, secret.as_bytes());
        hmac::verify(&key, &message.concat(), &signature).is_ok()
    }
}

/// Whether two texts are the same; takes as long whether they are or not.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    });
    digits.collect()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
