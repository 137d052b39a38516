use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Map, Value};
use wisp_core::{
    Result,
    model::{ActivationId, Response, Status},
    ports::BoxFuture,
};
use wisp_workflow::composer::{Branch, Line, Step};

use super::answer::Asked;
use crate::{
    control::Control,
    durable::{Event, Fork, Known},
    invoke::{Call, json as text, object},
    steps::Ended,
};

type Object = Map<String, Value>;

impl Control {
    /// Lets a composition go on by itself, as its invocation would.
    pub(super) async fn spawn_beside(&self, asked: &mut Asked<'_>, arguments: Object) -> Result<()> {
        let id = asked.beside("async");
        asked.besides += 1;
        let known = asked.call.log.is_some() && self.is_known(&asked.call.caller, id).await?;
        let spawned = match known {
            true => Ok(id),
            false => self.invoke_beside(asked.call, id, arguments).await,
        };
        if let Err(error) = &spawned {
            let text = error.message().to_owned();
            asked.told.log(vec![Line { error: true, text }], self.inner.clock.now());
        }
        let spawned = spawned.ok().map(|id| id.to_string());
        asked.step.spawned(spawned.as_deref());
        Ok(())
    }

    async fn invoke_beside(&self, call: &Call, id: ActivationId, arguments: Object) -> Result<ActivationId> {
        let permit = self.inner.admission.invocation(&call.caller, self.inner.clock.now())?;
        let call = Call {
            log: None,
            ..self.alone(call, id, arguments)?
        };
        let name = call.resolved.action.fqn.clone();
        self.accept(call, &name, permit).await
    }

    /// A call of the same composition, which is a part of nothing.
    fn alone(&self, call: &Call, id: ActivationId, arguments: Object) -> Result<Call> {
        Ok(Call {
            cause: None,
            accepted: true,
            ..call.step(
                id,
                call.resolved.clone(),
                text(&Value::Object(arguments))?,
                self.inner.clock.now(),
                true,
            )
        })
    }

    /// Goes on from the last fork that the call of a conductor came to before the server ended.
    pub(super) async fn resume_fork(&self, asked: &mut Asked<'_>) -> Result<Option<Response>> {
        let Some(log) = asked.call.log.clone() else {
            return Ok(None);
        };
        let mut last = None;
        for number in 0.. {
            asked.besides = number;
            match log.known(asked.beside("fork")) {
                Some(Event::Forked { fork, .. }) => last = Some((number, fork)),
                _ => break,
            }
        }
        asked.besides = 0;
        let Some((number, fork)) = last else { return Ok(None) };
        let Some(step) = Step::restore(asked.program.clone(), fork.step.clone()) else {
            return Ok(None);
        };
        asked.besides = number;
        asked.step = step;
        asked.told = super::told::Told::new(asked.call, fork.start, fork.lines.clone());
        match self.join(asked, fork.branches.clone()).await? {
            Some(response) => Ok(Some(response)),
            None => self.go_on(asked).await.map(Some),
        }
    }

    /// Opens branches; a response ends the call instead.
    pub(super) async fn fork(&self, asked: &mut Asked<'_>, branches: Vec<Branch>) -> Result<Option<Response>> {
        if let Some(log) = &asked.call.log {
            let fork = Fork {
                step: asked.step.save(),
                branches: branches.clone(),
                lines: asked.told.lines.clone(),
                start: asked.told.start,
            };
            let id = asked.beside("fork");
            let fork = Box::new(fork);
            log.write(&Event::Forked { id, fork }).await?;
        }
        self.join(asked, branches).await
    }

    /// Runs branches side by side, and goes on with what they end with.
    async fn join(&self, asked: &mut Asked<'_>, branches: Vec<Branch>) -> Result<Option<Response>> {
        let (count, most) = (branches.len(), self.inner.workflows.settings.branches);
        if count > most {
            let message = format!("Too many branches in the composition: {count} > {most} (workflows.branches).");
            return Ok(Some(Response::failure(Status::ApplicationError, &message)));
        }
        let (fork, opened) = (asked.beside("fork"), self.inner.clock.elapsed());
        asked.besides += 1;
        let barrier = barrier(fork);
        let spawning = format!("barrierId: {barrier}, spawning: {count}");
        asked.told.log(vec![line(spawning)], self.inner.clock.now());
        let (call, step) = (asked.call, &asked.step);
        let running = branches.iter().enumerate().map(|(position, branch)| {
            let id = call.part(&format!("branch {fork} {position}"));
            let barrier = &barrier;
            let run: BoxFuture<'_, Result<Ended>> = Box::pin(async move {
                // Made when it begins: what all of them hold at once would be large.
                let arguments = step.arguments(branch, barrier, position, count);
                self.run_branch(call, id, arguments).await
            });
            run
        });
        let running: Vec<_> = running.collect();
        let concurrency = self.inner.workflows.settings.inline_concurrency as usize;
        let ended: Vec<Ended> = stream::iter(running).buffered(concurrency.max(1)).try_collect().await?;
        let spawned = ended.iter().enumerate();
        let mut lines: Vec<Line> = spawned
            .map(|(position, ended)| {
                let id = ended.id;
                line(format!(
                    "barrierId: {barrier}, spawned position: {position} with activationId: {id}"
                ))
            })
            .collect();
        lines.push(line(format!("barrierId: {barrier}, done waiting")));
        asked.told.log(lines, self.inner.clock.now());
        asked.deadline += self.inner.clock.elapsed() - opened;
        asked.step.joined(Some(ended.into_iter().map(outcome).collect()));
        Ok(None)
    }

    /// Runs a branch: an invocation of the composition that has its own record, and may run as much as any.
    fn run_branch<'a>(&'a self, call: &'a Call, id: ActivationId, arguments: Object) -> BoxFuture<'a, Result<Ended>> {
        Box::pin(async move {
            let mut budget = self.budget();
            if let Some(Known::Ended(ended)) = call.known(id, &mut budget) {
                return Ok(ended);
            }
            let _permit = self.inner.admission.promised(&call.caller.namespace);
            let branch = self.alone(call, id, arguments)?;
            let (activation, outcome) = self.run_composition(branch, &mut budget).await?;
            let ended = Ended::from(&*activation).giving(outcome);
            call.write_ended(&ended, &budget).await?;
            Ok(ended)
        })
    }
}

/// What a branch gives to its fork: its result, if it did not come to its end.
fn outcome(ended: Ended) -> Object {
    let result = || object(&ended.response.result).unwrap_or_else(|_| Object::new());
    ended.outcome.clone().unwrap_or_else(result)
}

fn line(text: String) -> Line {
    Line { error: false, text }
}

/// The name of a fork, a UUID.
fn barrier(fork: ActivationId) -> String {
    let digits = fork.to_string();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
