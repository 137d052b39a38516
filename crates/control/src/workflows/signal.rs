use wisp_core::{Result, model::Identity};
use wisp_workflow::execution::Token;

use super::Exception;
use crate::control::Control;

/// What is said of a task.
#[derive(Clone, Debug)]
pub enum Said {
    /// It has ended well, with this output: JSON text.
    Succeeded(String),
    /// It has failed.
    Failed {
        /// The name of the error.
        error: Option<String>,
        /// Its story.
        cause: Option<String>,
    },
    /// It lives.
    Lives,
}

impl Control {
    /// Tells an execution of a task of its that waits for its token.
    pub async fn signal_execution(&self, caller: &Identity, arn: &str, token: &str, said: Said) -> Result<()> {
        if Token::parse(token).is_none_or(|token| token.execution != arn) {
            return Err(Exception::InvalidToken.says(format!("Invalid Token: it is of no task of '{arn}'")));
        }
        match said {
            Said::Succeeded(output) => self.send_task_success(caller, token, &output).await,
            Said::Failed { error, cause } => self.send_task_failure(caller, token, error, cause).await,
            Said::Lives => self.send_task_heartbeat(caller, token).await,
        }
    }
}
