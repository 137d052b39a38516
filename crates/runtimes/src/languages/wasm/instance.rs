use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use wisp_core::{
    Error, Result,
    model::{Isolation, Outcome},
    ports::{Init, Instance, InstanceLimits, Network, Ran, Run, Stages},
};

use super::{
    super::{
        exchange::Reply,
        outcome,
        protocol::{Kind, Message},
    },
    Grants, Wasm,
    compiled::Compiled,
    compiler::Failure,
    host::{Ended, Host},
    wire::{self, Load},
};

/// Bytes of an initialisation's reply that are kept.
const INIT_REPLY: u64 = 1 << 20;

/// A program in its namespace's host. Before it is initialised it is nothing but its limits.
pub struct Program {
    wasm: Arc<Wasm>,
    limits: InstanceLimits,
    room: Semaphore,
    loaded: OnceLock<Loaded>,
    stages: OnceLock<Stages>,
}

/// Where a program is loaded.
struct Loaded {
    host: Arc<Host>,
    program: u64,
    /// Kept while the host has it mapped.
    _code: Arc<Compiled>,
}

impl Program {
    /// One that is not initialised.
    pub fn new(wasm: Arc<Wasm>, limits: InstanceLimits) -> Self {
        let room = usize::try_from(limits.concurrency.max(1)).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            wasm,
            limits,
            room: Semaphore::new(room.min(Semaphore::MAX_PERMITS)),
            loaded: OnceLock::new(),
            stages: OnceLock::new(),
        }
    }

    /// Finds machine code and a host, and brings them together.
    async fn place(&self, init: &Init) -> Result<Option<Outcome>> {
        let grants = match Grants::of(&init.annotations) {
            Ok(grants) => grants,
            Err(wrong) => return Ok(Some(Outcome::InitFailed(wrong))),
        };
        if init.code.size == 0 {
            return Ok(Some(Outcome::InitFailed("Missing main/no code to execute.".into())));
        }
        let clock = &self.wasm.hosts.context.clock;
        let begun = clock.elapsed();
        let mut code = match self.wasm.compiler.compiled(&init.code).await {
            Ok(code) => code,
            Err(failure) => return failed(failure),
        };
        let compiled_in = clock.elapsed() - begun;
        let host = self.host(init, &grants).await?;
        // Set once: an instance is initialised once.
        let _ = self.stages.set(Stages {
            sandbox: clock.elapsed() - begun - compiled_in,
            runtime: Duration::ZERO,
            code: compiled_in,
        });
        let mut refused = self.load(&host, &code, init, &grants).await?;
        if refused.is_some() && code.stored {
            // It may have been made for another processor or by another version of the engine.
            self.wasm.compiler.forget(&init.code.digest);
            code = match self.wasm.compiler.compiled(&init.code).await {
                Ok(code) => code,
                Err(failure) => return failed(failure),
            };
            refused = self.load(&host, &code, init, &grants).await?;
        }
        Ok(refused)
    }

    async fn host(&self, init: &Init, grants: &Grants) -> Result<Arc<Host>> {
        // Code that may not send requests needs no network that it could break out to.
        let network = match grants.hosts.is_empty() {
            true => Network::None,
            false => self.limits.network,
        };
        match self.limits.isolation {
            Isolation::Wasm => self.wasm.hosts.of(&init.namespace, network).await,
            _ => self.wasm.hosts.new_host(network).await,
        }
    }

    async fn load(
        &self,
        host: &Arc<Host>,
        code: &Arc<Compiled>,
        init: &Init,
        grants: &Grants,
    ) -> Result<Option<Outcome>> {
        let program = host.next_program();
        let load = Load {
            program,
            name: init.name.clone(),
            environment: self.environment(init),
            memory: self.limits.memory,
            grants: grants.clone(),
        };
        let token = host.open(init.log_limit);
        host.promise(self.promise()).await;
        host.exchange().send_with(&wire::load(token, &load), code.file()).await;
        let ended = host.reply(token, INIT_REPLY, init.timeout).await;
        host.close(token);
        let outcome = match ended {
            Ended::Late => Some(Outcome::InitTimedOut(millis(init.timeout))),
            Ended::Reply(Reply::Message(message)) if message.kind == Kind::Done => None,
            Ended::Reply(Reply::Message(message)) => Some(Outcome::InitFailed(text(&message))),
            Ended::Reply(Reply::Closed | Reply::Broken(_)) => Some(self.died(host, Outcome::InitExited).await),
        };
        match outcome {
            Some(_) => host.promise(-self.promise()).await,
            None => {
                let loaded = Loaded {
                    host: host.clone(),
                    program,
                    _code: code.clone(),
                };
                // Set once: an instance is initialised once.
                let _ = self.loaded.set(loaded);
            }
        }
        Ok(outcome)
    }

    /// MB that the program may use with as many activations at a time as it takes.
    fn promise(&self) -> i64 {
        i64::try_from(self.limits.memory * self.limits.concurrency.max(1)).unwrap_or(i64::MAX)
    }

    fn environment(&self, init: &Init) -> Vec<(String, String)> {
        let config = &self.wasm.hosts.context.config;
        let own = [
            ("__OW_API_HOST", config.api_host.clone()),
            ("__OW_ALLOW_CONCURRENT", (self.limits.concurrency > 1).to_string()),
        ];
        let own = own.map(|(key, value)| (key.to_owned(), value));
        own.into_iter().chain(init.environment.iter().cloned()).collect()
    }

    async fn died(&self, host: &Host, plain: Outcome) -> Outcome {
        match host.exit().await {
            Some(exit) if exit.out_of_memory => Outcome::OutOfMemory,
            _ => plain,
        }
    }
}

fn failed(failure: Failure) -> Result<Option<Outcome>> {
    match failure {
        Failure::Code(wrong) => Ok(Some(Outcome::InitFailed(wrong))),
        Failure::Platform(error) => Err(Error::new(error.code(), error.message().to_owned()).because(error)),
    }
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.text).into_owned()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a host's reply to a run means.
fn outcome_of(message: Message, limit: u64) -> Outcome {
    match message.kind {
        Kind::Result => outcome::of_result(message, limit),
        Kind::Failure => outcome::developer_error(&text(&message)),
        Kind::Exhausted => Outcome::OutOfMemory,
        Kind::TooLarge => match message.text.split_first_chunk() {
            Some((size, start)) => Outcome::ResultTooLarge {
                size: u64::from_le_bytes(*size),
                limit,
                start: String::from_utf8_lossy(start).into_owned(),
            },
            None => Outcome::Exited,
        },
        _ => Outcome::Exited,
    }
}

#[async_trait]
impl Instance for Program {
    async fn init(&self, init: &Init) -> Result<Ran> {
        let clock = &self.wasm.hosts.context.clock;
        let outcome = tokio::select! {
            placed = self.place(init) => placed?,
            () = clock.sleep(init.timeout) => Some(Outcome::InitTimedOut(millis(init.timeout))),
        };
        Ok(Ran {
            outcome,
            logs: Vec::new(),
            truncated: false,
        })
    }

    async fn run(&self, run: &Run) -> Result<Ran> {
        let Some(Loaded { host, program, .. }) = self.loaded.get() else {
            return Err(Error::internal("an instance runs before it is initialised"));
        };
        // Nobody closes the semaphore, so that this cannot fail.
        let _room = self.room.acquire().await;
        let token = host.open(run.log_limit);
        host.exchange().send(&wire::run(token, *program, run)).await;
        let keep = run.result_limit.max(run.log_limit) + 8;
        let outcome = match host.reply(token, keep, run.timeout).await {
            Ended::Late => {
                host.cancel(token).await;
                Outcome::TimedOut(millis(run.timeout))
            }
            Ended::Reply(Reply::Closed) => self.died(host, Outcome::Exited).await,
            Ended::Reply(Reply::Broken(reason)) => {
                // Nothing that it says can be believed any more.
                host.stop().await;
                outcome::developer_error(&format!("The host of the action's code broke: {reason}."))
            }
            Ended::Reply(Reply::Message(message)) => outcome_of(message, run.result_limit),
        };
        let (logs, truncated) = host.close(token);
        Ok(Ran {
            outcome: Some(outcome),
            logs,
            truncated,
        })
    }

    fn stages(&self) -> Stages {
        self.stages.get().copied().unwrap_or_default()
    }

    fn is_alive(&self) -> bool {
        self.loaded.get().is_none_or(|loaded| loaded.host.is_alive())
    }

    async fn stop(&self) {
        let Some(Loaded { host, program, .. }) = self.loaded.get() else {
            return;
        };
        if self.room.is_closed() {
            return;
        }
        self.room.close();
        host.exchange().send(&wire::unload(*program)).await;
        host.promise(-self.promise()).await;
    }
}
