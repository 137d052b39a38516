use anyhow::Context;
use clap::Args;

use crate::cli::Session;

/// Show what the AWS CLI and SDKs sign requests with, as variables of the environment
#[derive(Args)]
#[command(after_help = "Examples:\n  eval \"$(wisp workflow credentials)\"\n  wisp workflow credentials --output json")]
pub struct Show {}

impl Show {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, out) = (session.client()?, session.out());
        let credentials = client.credentials(&session.namespace()?).await;
        let credentials = credentials.context("Unable to obtain credentials")?;
        if !out.for_people() {
            return out.document(&credentials);
        }
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key),
            ("AWS_DEFAULT_REGION", &credentials.region),
            ("AWS_ENDPOINT_URL_SFN", client.endpoint().to_string().as_str()),
            // Without it, clients send two operations to a host that does not exist: sync-127.0.0.1.
            ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
        ] {
            out.line(&format!("export {name}='{value}'"))?;
        }
        Ok(())
    }
}
