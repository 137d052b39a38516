use anyhow::Context;
use clap::{ArgGroup, Args};
use serde_json::json;

use crate::cli::Session;

/// Tell how a task ended, or that it lives, by its token
#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["success", "failure", "heartbeat"]),
          after_help = "Examples:\n  wisp workflow signal TOKEN --success '{\"approved\": true}'\n  \
                        wisp workflow signal TOKEN --failure Refused --cause 'too dear'\n  wisp workflow signal TOKEN --heartbeat")]
pub struct Signal {
    /// The task's token, $$.Task.Token
    token: String,
    /// It has ended well, with this output: JSON
    #[arg(long, value_name = "OUTPUT")]
    success: Option<String>,
    /// It has failed, with an error of this name
    #[arg(long, value_name = "ERROR")]
    failure: Option<String>,
    /// The error's story
    #[arg(long, requires = "failure")]
    cause: Option<String>,
    /// It lives
    #[arg(long)]
    heartbeat: bool,
}

impl Signal {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (operation, input) = match (&self.success, &self.failure) {
            (Some(output), _) => ("SendTaskSuccess", json!({ "taskToken": self.token, "output": output })),
            (_, Some(error)) => {
                let input = json!({ "taskToken": self.token, "error": error, "cause": self.cause });
                ("SendTaskFailure", input)
            }
            _ => ("SendTaskHeartbeat", json!({ "taskToken": self.token })),
        };
        let reply = session.client()?.states(operation, &input).await;
        session
            .out()
            .done("told", &reply.context("Unable to tell of the task")?)
    }
}
