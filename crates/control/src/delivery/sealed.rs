use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use wisp_core::{
    Result,
    model::{ActivationId, ApiKey},
};

use crate::seal::Seal;

/// The secret half of a key that a function has because of an event: it tells which run asks, so that chains are seen
/// whatever client the function uses. As long as any other secret.
pub(super) fn close(seal: &Seal, uuid: &str, run: ActivationId, depth: u32) -> Result<String> {
    let clear = [&run.to_bytes()[..], &depth.to_be_bytes()].concat();
    seal.close_bytes(&clear, &bound(uuid))
        .map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
}

/// The run and the depth that a secret tells of; none if it is not one of ours.
pub(super) fn open(seal: &Seal, key: &ApiKey) -> Option<(ActivationId, u32)> {
    let sealed = URL_SAFE_NO_PAD.decode(&key.secret).ok()?;
    let clear = seal.open_bytes(&sealed, &bound(&key.uuid))?;
    let (run, depth) = clear.split_first_chunk()?;
    let depth = u32::from_be_bytes(depth.try_into().ok()?);
    Some((ActivationId::from_bits(u128::from_be_bytes(*run)), depth))
}

fn bound(uuid: &str) -> Vec<u8> {
    [b"run's key of ", uuid.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::authenticate::SECRET_LENGTH;

    #[test]
    fn a_secret_tells_its_run_to_the_same_server_only() {
        let (seal, run) = (Seal::new([1; 32]), ActivationId::from_bits(7));
        let key = |uuid: &str, secret: &str| ApiKey {
            uuid: uuid.into(),
            secret: secret.into(),
        };
        let secret = close(&seal, "u", run, 3).unwrap();
        assert_eq!(secret.len(), SECRET_LENGTH);
        assert_eq!(open(&seal, &key("u", &secret)), Some((run, 3)));
        assert_eq!(open(&seal, &key("other", &secret)), None);
        assert_eq!(open(&Seal::new([2; 32]), &key("u", &secret)), None);
        assert_eq!(open(&seal, &key("u", &"x".repeat(SECRET_LENGTH))), None);
    }
}
