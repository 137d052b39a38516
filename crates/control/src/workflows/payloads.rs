use serde::de::DeserializeOwned;
use wisp_core::{Code, Error, Result, ports::journal::Payload};
use wisp_workflow::apart::Payloads;

use crate::control::Control;

impl Control {
    /// Reads something that is stored of an execution, with the payloads that it refers to.
    pub(super) async fn unpack<T: DeserializeOwned>(
        &self,
        key: &str,
        json: &[u8],
        payloads: &mut Payloads,
    ) -> Result<T> {
        loop {
            let read = payloads.read(json);
            match read.map_err(|error| corrupted(key).because(error))? {
                Ok(whole) => return Ok(whole),
                Err(missing) => self.fetch_payloads(key, missing, payloads).await?,
            }
        }
    }

    async fn fetch_payloads(&self, key: &str, names: Vec<String>, payloads: &mut Payloads) -> Result<()> {
        for name in names {
            let body = match self.inner.recent.get(&kept_as(key, &name)) {
                Some(body) => Some(body),
                None => self.inner.workflows.journal.payload(key, &name).await?,
            };
            let body = body.ok_or_else(|| corrupted(key).with("payload", &name))?;
            payloads.fetched(name, body.to_vec());
        }
        Ok(())
    }

    /// Keeps values in memory that were stored apart just now: a step that takes them need not read them back.
    pub(super) fn keep_payloads(&self, key: &str, apart: Vec<Payload>) {
        for Payload { name, body } in apart {
            self.inner.recent.put(kept_as(key, &name), body);
        }
    }

    /// The payloads of an execution, of which none is known yet.
    pub(super) fn payloads(&self) -> Payloads {
        Payloads::new(self.inner.workflows.settings.inline_size)
    }
}

/// The name of a payload of an execution among those in memory. No blob's has a slash.
fn kept_as(key: &str, name: &str) -> String {
    format!("{key}/{name}")
}

fn corrupted(key: &str) -> Error {
    Error::new(
        Code::Corrupted,
        format!("the execution '{key}' cannot be read from the journal"),
    )
}
