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
    /// The caller's credentials for requests that are signed. A function that has a key of its run gets what tells of the run too.
    pub async fn credentials(&self, caller: &Identity) -> Result<Credentials> {
        require(caller, Right::Read)?;
        let ApiKey { uuid, secret } = &caller.api_key;
        let stored = self.inner.subjects.find(uuid).await?;
        let digest = stored.map_or_else(|| secret_digest(secret), |(_, digest)| digest);
        let access_key_id = match self.run_of_key(&caller.api_key) {
            Some((run, depth)) => format!("{uuid}.{run}.{depth}"),
            None => uuid.clone(),
        };
        Ok(Credentials {
            secret_access_key: self.signing_secret(&access_key_id, &digest),
            access_key_id,
        })
    }

    /// Who signs with this access key, if anybody does.
    pub async fn signer(&self, access_key_id: &str) -> Result<Option<Signer>> {
        let (uuid, chain) = match access_key_id.split_once('.') {
            None => (access_key_id, Some(Chain::default())),
            Some((uuid, run)) => (uuid, self.chain_of_access_key(run)),
        };
        let found = self.inner.subjects.find(uuid).await?;
        Ok(found.zip(chain).map(|((owner, secret_sha256), chain)| {
            let (subject, namespace) = &*owner;
            let identity = Identity {
                subject: subject.name.clone(),
                namespace: namespace.name.clone(),
                api_key: ApiKey {
                    uuid: uuid.to_owned(),
                    secret: String::new(),
                },
                rights: subject.rights.clone(),
                limits: namespace.limits.clone(),
                chain,
            };
            let secret_access_key = self.signing_secret(access_key_id, &secret_sha256);
            Signer {
                identity,
                secret_access_key,
            }
        }))
    }

    /// The chain that the end of an access key tells of: `RUN.DEPTH`. Whoever makes one up cannot sign with it.
    fn chain_of_access_key(&self, text: &str) -> Option<Chain> {
        let (run, depth) = text.split_once('.')?;
        Some(self.chain_of_run(run.parse().ok()?, depth.parse().ok()?))
    }

    fn signing_secret(&self, access_key_id: &str, secret_sha256: &str) -> String {
        let derived = self
            .inner
            .seal
            .derive(&["signing secret", access_key_id, secret_sha256]);
        BASE64.encode(&derived[..SECRET])
    }
}
