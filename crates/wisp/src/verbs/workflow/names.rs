use wisp_wire::{client::Client, document::CredentialsDoc};

use crate::cli::Session;

/// What ARNs of a namespace are made of.
pub struct Names(CredentialsDoc);

impl Names {
    /// Asks the server.
    pub async fn of(session: &Session, client: &Client) -> anyhow::Result<Self> {
        Ok(Self(client.credentials(&session.namespace()?).await?))
    }

    /// The ARN of a machine, of one of its versions or aliases (`NAME:3`), or the ARN that it is already.
    pub fn machine(&self, name: &str) -> String {
        self.arn("stateMachine", name)
    }

    /// The ARN of an execution, `MACHINE:NAME`, or the ARN that it is already.
    pub fn execution(&self, name: &str) -> String {
        self.arn("execution", name)
    }

    fn arn(&self, kind: &str, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        let CredentialsDoc { region, account, .. } = &self.0;
        format!("arn:aws:states:{region}:{account}:{kind}:{name}")
    }
}

/// An ARN without what is the same for all of a namespace: `MACHINE:NAME`.
pub fn short(arn: &str) -> String {
    arn.splitn(7, ':').nth(6).unwrap_or(arn).to_owned()
}
