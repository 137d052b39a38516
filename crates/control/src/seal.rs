use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use wisp_core::{
    Error, Result,
    model::{ActivationId, ApiKey},
};

const NONCE_LENGTH: usize = 12;

/// Encrypts callers' keys while they wait in the ledger beside an accepted invocation (AES-256-GCM, bound to the
/// activation's id). The sealing key lies outside the data directory, so that a copy of the data gives no access.
#[derive(Clone)]
pub struct Seal {
    cipher: Aes256Gcm,
}

impl Seal {
    /// A seal with this secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(secret)),
        }
    }

    /// Seals a key for an activation.
    pub(crate) fn close(&self, key: &ApiKey, id: ActivationId) -> Result<String> {
        let nonce: [u8; NONCE_LENGTH] = rand::random();
        let clear = key.reveal();
        let payload = Payload {
            msg: clear.as_bytes(),
            aad: &id.to_bytes(),
        };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::internal("the caller's key cannot be sealed"))?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a sealed key; none when it was sealed with another secret or for another activation.
    pub(crate) fn open(&self, sealed: &str, id: ActivationId) -> Option<ApiKey> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LENGTH>()?;
        let payload = Payload {
            msg: sealed,
            aad: &id.to_bytes(),
        };
        let clear = String::from_utf8(self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()?).ok()?;
        let (uuid, secret) = clear.split_once(':')?;
        Some(ApiKey {
            uuid: uuid.to_owned(),
            secret: secret.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_secret_and_activation() {
        let (seal, id) = (Seal::new([7; 32]), ActivationId::from_bits(1));
        let key = ApiKey {
            uuid: "u".into(),
            secret: "s".into(),
        };
        let sealed = seal.close(&key, id).unwrap_or_default();
        assert_eq!(seal.open(&sealed, id), Some(key));
        assert_eq!(seal.open(&sealed, ActivationId::from_bits(2)), None);
        assert_eq!(Seal::new([8; 32]).open(&sealed, id), None);
        assert_eq!(seal.open("garbage", id), None);
    }
}
