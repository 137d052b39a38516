//! What workers and callbacks say of tasks whose tokens they have.

use wisp_core::{
    Result,
    model::{Identity, Right},
};
use wisp_workflow::execution::{EventKind, Token};

use super::{Exception, arn::Arn, key, start::read_payload};
use crate::{control::Control, resolve::require};

/// Longest name of an error and longest story of it, in characters.
const ERROR: usize = 256;
const CAUSE: usize = 32_768;

impl Control {
    /// A task has ended well. Its output is JSON text.
    pub async fn send_task_success(&self, caller: &Identity, token: &str, output: &str) -> Result<()> {
        let most = self.inner.workflows.settings.payload_size;
        if output.len() > most {
            let rule = format!("Member must have length less than or equal to {most}");
            return Err(Exception::constraint("…", "output", rule).with("limit", "workflows.payload_size"));
        }
        let output = read_payload(output, Exception::InvalidOutput)?;
        let (execution, id) = self.awaited(caller, token).await?;
        self.tell(&execution, EventKind::TaskSucceeded { id, output }).await
    }

    /// A task has failed.
    pub async fn send_task_failure(
        &self,
        caller: &Identity,
        token: &str,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<()> {
        check_failure(error.as_deref(), cause.as_deref())?;
        let (execution, id) = self.awaited(caller, token).await?;
        self.tell(&execution, EventKind::TaskFailed { id, error, cause }).await
    }

    /// A task lives.
    pub async fn send_task_heartbeat(&self, caller: &Identity, token: &str) -> Result<()> {
        let (execution, id) = self.awaited(caller, token).await?;
        self.tell(&execution, EventKind::Heartbeat { id }).await
    }

    /// The execution that waits for a task, by the task's token.
    async fn awaited(&self, caller: &Identity, text: &str) -> Result<(String, u64)> {
        require(caller, Right::Activate)?;
        let invalid = || Exception::InvalidToken.of("Invalid token");
        let token = Token::parse(text).ok_or_else(invalid)?;
        let arn = Arn::parse(&token.execution, caller, Exception::InvalidToken).map_err(|_| invalid())?;
        let execution = key::of_named(&caller.namespace, &arn.named).ok_or_else(invalid)?;
        let gone = || Exception::TaskTimedOut.of("Provided task does not exist anymore");
        let run = self.find_run(&execution).await?.ok_or_else(gone)?;
        match () {
            () if !run.execution.vouches_for(&token) => Err(invalid()),
            () if !run.execution.awaits(token.task) => Err(gone()),
            () => Ok((execution, token.task)),
        }
    }
}

/// Refuses the names and stories of errors that are too long.
pub(super) fn check_failure(error: Option<&str>, cause: Option<&str>) -> Result<()> {
    for (text, field, most) in [(error, "error", ERROR), (cause, "cause", CAUSE)] {
        if text.is_some_and(|text| text.chars().count() > most) {
            let rule = format!("Member must have length less than or equal to {most}");
            return Err(Exception::constraint("…", field, rule));
        }
    }
    Ok(())
}
