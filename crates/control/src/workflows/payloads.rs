use serde::de::DeserializeOwned;
use wisp_core::{Code, Error, Result};
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
            let body = self.inner.workflows.journal.payload(key, &name).await?;
            let body = body.ok_or_else(|| corrupted(key).with("payload", &name))?;
            payloads.fetched(name, body.to_vec());
        }
        Ok(())
    }

    /// The payloads of an execution, of which none is known yet.
    pub(super) fn payloads(&self) -> Payloads {
        Payloads::new(self.inner.workflows.settings.inline_size)
    }
}

fn corrupted(key: &str) -> Error {
    Error::new(
        Code::Corrupted,
        format!("the execution '{key}' cannot be read from the journal"),
    )
}
