use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wisp_core::{
    Error, Result,
    model::{ActivationId, ApiKey},
};

const NONCE_LENGTH: usize = 12;

/// Encrypts what must not be read in a copy of the data (AES-256-GCM): callers' keys while they wait in the ledger
/// beside an accepted invocation, and secrets of namespaces. The sealing key lies outside the data directory.
#[derive(Clone)]
pub struct Seal {
    cipher: Aes256Gcm,
    /// Derives what needs not be stored.
    derivation: Hmac<Sha256>,
}

impl Seal {
    /// A seal with this secret.
    pub fn new(secret: [u8; 32]) -> Self {
        // A key that is shorter than a block is filled up with zeros: so HMAC itself does it.
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(&secret);
        Self {
            cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(secret)),
            derivation: <Hmac<Sha256> as KeyInit>::new(&block.into()),
        }
    }

    /// Seals bytes for one place, which `bound` names.
    pub(crate) fn close(&self, clear: &[u8], bound: &[u8]) -> Result<String> {
        self.close_bytes(clear, bound).map(|sealed| STANDARD.encode(sealed))
    }

    /// Seals bytes for one place: 28 bytes more than they are.
    pub(crate) fn close_bytes(&self, clear: &[u8], bound: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LENGTH] = rand::random();
        let payload = Payload { msg: clear, aad: bound };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::internal("a secret cannot be sealed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed; none when it was sealed with another key or for another place.
    pub(crate) fn open(&self, sealed: &str, bound: &[u8]) -> Option<Vec<u8>> {
        self.open_bytes(&STANDARD.decode(sealed).ok()?, bound)
    }

    /// Opens what was sealed as bytes.
    pub(crate) fn open_bytes(&self, sealed: &[u8], bound: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
        let payload = Payload {
            msg: sealed,
            aad: bound,
        };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()
    }

    /// A secret that is always the same for the same parts, and that nobody can tell who does not have the sealing key.
    pub(crate) fn derive(&self, parts: &[&str]) -> [u8; 32] {
        let mut derivation = self.derivation.clone();
        for part in parts {
            derivation.update(&(part.len() as u64).to_be_bytes());
            derivation.update(part.as_bytes());
        }
        derivation.finalize().into_bytes().into()
    }

    /// Seals a caller's key for an activation.
    pub(crate) fn close_key(&self, key: &ApiKey, id: ActivationId) -> Result<String> {
        self.close(key.reveal().as_bytes(), &id.to_bytes())
    }

    /// Seals a key that was sealed for one activation for another.
    pub(crate) fn reseal(&self, sealed: &str, from: ActivationId, to: ActivationId) -> Result<Option<String>> {
        let key = self.open_key(sealed, from);
        key.map(|key| self.close_key(&key, to)).transpose()
    }

    /// Opens a caller's key that was sealed for this activation.
    pub(crate) fn open_key(&self, sealed: &str, id: ActivationId) -> Option<ApiKey> {
        let clear = String::from_utf8(self.open(sealed, &id.to_bytes())?).ok()?;
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
        let sealed = seal.close_key(&key, id).unwrap_or_default();
        assert_eq!(seal.open_key(&sealed, id), Some(key));
        assert_eq!(seal.open_key(&sealed, ActivationId::from_bits(2)), None);
        assert_eq!(Seal::new([8; 32]).open_key(&sealed, id), None);
        assert_eq!(seal.open_key("garbage", id), None);
    }
}
