use data_encoding::BASE64;
use wisp_core::{
    Result,
    model::{ApiKey, Chain, Identity, Right},
};

use crate::{authenticate::secret_digest, control::Control, resolve::require};

/// Bytes of a signing secret: 40 characters, as tools expect.
const SECRET: usize = 30;

/// What clients sign requests with that speak AWS's protocols.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half of the namespace's key.
    pub access_key_id: String,
    /// A secret made of the key's secret half and of the server's sealing key: neither it nor anything that it could be
    /// made of lies in the data directory.
    pub secret_access_key: String,
}

/// Somebody who may have signed a request.
pub struct Signer {
    /// Who it is, if the signature is right.
    pub identity: Identity,
    /// What it must be signed with.
    pub secret_access_key: String,
}

impl Control {
    /// The caller's credentials for requests that are signed.
    pub async fn credentials(&self, caller: &Identity) -> Result<Credentials> {
        require(caller, Right::Read)?;
        let ApiKey { uuid, secret } = &caller.api_key;
        // A function may have a key of its run in place of the one that its signature is held against.
        let stored = self.inner.subjects.find(uuid).await?;
        let digest = stored.map_or_else(|| secret_digest(secret), |(_, digest)| digest);
        Ok(Credentials {
            access_key_id: uuid.clone(),
            secret_access_key: self.signing_secret(uuid, &digest),
        })
    }

    /// Who signs with this access key, if anybody does.
    pub async fn signer(&self, access_key_id: &str) -> Result<Option<Signer>> {
        let found = self.inner.subjects.find(access_key_id).await?;
        Ok(found.map(|(owner, secret_sha256)| {
            let (subject, namespace) = &*owner;
            let identity = Identity {
                subject: subject.name.clone(),
                namespace: namespace.name.clone(),
                api_key: ApiKey {
                    uuid: access_key_id.to_owned(),
                    secret: String::new(),
                },
                rights: subject.rights.clone(),
                limits: namespace.limits.clone(),
                chain: Chain::default(),
            };
            let secret_access_key = self.signing_secret(access_key_id, &secret_sha256);
            Signer {
                identity,
                secret_access_key,
            }
        }))
    }

    fn signing_secret(&self, uuid: &str, secret_sha256: &str) -> String {
        let derived = self.inner.seal.derive(&["signing secret", uuid, secret_sha256]);
        BASE64.encode(&derived[..SECRET])
    }
}
