use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};
use wisp_core::{
    Code as ErrorCode, Error, Result,
    model::Outcome,
    ports::{Birth, Cell, Init, Instance, InstanceLimits, Ran, Run, SandboxSpec, Stages},
};

use super::{
    super::{Context, logs::Logs, protocol},
    PORT,
    exchange::{Answer, Ask, Limits, Unanswered},
    output::Output,
    plain, reply,
};
use crate::images::{Config, Stored};

/// Where programs are looked for in an image that does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Pauses between attempts to connect, the first and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];
/// Bytes of an initialisation's reply that are kept.
const INIT_REPLY: u64 = 1 << 20;

/// An image that runs in a sandbox.
struct Container {
    context: Context,
    cell: Box<dyn Cell>,
    output: Mutex<Output>,
    room: Semaphore,
    language: OnceLock<Speaks>,
    /// Its layers stay while it runs.
    _image: Arc<Stored>,
    begun: Duration,
    sandboxed_in: Duration,
    listening_in: OnceLock<Duration>,
}

/// What is understood at the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    /// OpenWhisk's protocol: `/init`, `/run`.
    Protocol,
    /// Plain HTTP.
    Plain,
}

/// How an exchange ended.
enum Ended {
    Answer(Answer),
    Unanswered(Unanswered),
    Late,
}

/// Starts an image in a sandbox; it need not listen yet.
pub async fn start(
    context: &Context,
    config: &Config,
    name: &str,
    image: Arc<Stored>,
    limits: InstanceLimits,
) -> Result<Box<dyn Instance>> {
    let refused = |reason: &str| {
        Error::new(
            ErrorCode::Image,
            format!("The container image '{name}' cannot be started: {reason}"),
        )
    };
    if image.command().is_empty() {
        return Err(refused(
            "it names no command: give it one with `wisp image import --command`.",
        ));
    }
    let begun = context.clock.elapsed();
    let started = context.sandbox.start(&spec(context, &image, &limits)).await;
    let (cell, channel) = started.map_err(|error| refused(error.message()).because(error))?;
    let room = usize::try_from(limits.concurrency.max(1)).unwrap_or(Semaphore::MAX_PERMITS);
    Ok(Box::new(Container {
        context: context.clone(),
        cell,
        output: Mutex::new(Output::new(channel, Duration::from_millis(config.log_grace))?),
        room: Semaphore::new(room.min(Semaphore::MAX_PERMITS)),
        language: OnceLock::new(),
        _image: image,
        begun,
        sandboxed_in: context.clock.elapsed() - begun,
        listening_in: OnceLock::new(),
    }))
}

fn spec(context: &Context, image: &Stored, limits: &InstanceLimits) -> SandboxSpec {
    let config = &context.config;
    SandboxSpec {
        command: image.command(),
        environment: environment(context, image, limits),
        directory: image.working_directory(),
        mounts: Vec::new(),
        memory: limits.memory,
        pids: config.pids,
        files: config.files,
        scratch: config.scratch,
        cpu_shares: config.cpu_shares_per_mb * limits.memory,
        network: limits.network,
        listener: None,
        image: Some(image.root()),
        birth: Birth::Executed,
    }
}

/// The image's own environment, and what every container is told.
fn environment(context: &Context, image: &Stored, limits: &InstanceLimits) -> Vec<(String, String)> {
    let mut environment = image.environment();
    for (name, value) in [("PATH", PATH), ("HOME", image.home())] {
        if !environment.iter().any(|(known, _)| known == name) {
            environment.push((name.into(), value.into()));
        }
    }
    let told = [
        ("PORT", PORT.to_string()),
        ("__OW_API_HOST", context.config.api_host.clone()),
        ("__OW_ALLOW_CONCURRENT", (limits.concurrency > 1).to_string()),
    ];
    environment.retain(|(name, _)| !told.iter().any(|(told, _)| told == name));
    environment.extend(told.map(|(name, value)| (name.to_owned(), value)));
    environment
}

impl Container {
    /// Asks, while its output goes to `logs`; the end of the process and the deadline end it, too.
    async fn ended(&self, ask: &Ask, limits: Limits, logs: &mut Logs, timeout: Duration) -> Ended {
        let clock = &*self.context.clock;
        let answered = async {
            // Nobody closes the semaphore, so that this cannot fail.
            let _room = self.room.acquire().await;
            loop {
                match self.answer(ask, limits).await {
                    // It has not begun with it: OpenWhisk asks again.
                    Ok(answer) if answer.status == 503 && ask.again => clock.sleep(PAUSES[1]).await,
                    answered => break answered,
                }
            }
        };
        let collected = async { self.output.lock().await.collect(logs, clock).await };
        tokio::select! {
            biased;
            answered = answered => match answered {
                Ok(answer) => Ended::Answer(answer),
                Err(unanswered) => Ended::Unanswered(unanswered),
            },
            _ = self.cell.wait() => Ended::Unanswered(Unanswered::Dropped),
            () = clock.sleep(timeout) => Ended::Late,
            () = collected => Ended::Unanswered(Unanswered::Dropped),
        }
    }

    async fn answer(&self, ask: &Ask, limits: Limits) -> Result<Answer, Unanswered> {
        let socket = self.cell.socket().await.map_err(|_| Unanswered::Dropped)?;
        ask.send(socket, PORT, limits).await
    }

    /// Waits until it listens; an outcome says why it will not.
    async fn listening(&self, timeout: Duration, logs: &mut Logs) -> Result<(), Outcome> {
        let clock = &*self.context.clock;
        let connected = async {
            let mut pause = PAUSES[0];
            loop {
                let socket = self.cell.socket().await;
                if let Ok(socket) = socket
                    && Ask::connect(socket, PORT).await.is_ok()
                {
                    return;
                }
                clock.sleep(pause).await;
                pause = (pause * 2).min(PAUSES[1]);
            }
        };
        let collected = async { self.output.lock().await.collect(logs, clock).await };
        tokio::select! {
            biased;
            () = connected => Ok(()),
            _ = self.cell.wait() => Err(self.died(Outcome::InitExited).await),
            () = clock.sleep(timeout) => Err(Outcome::InitTimedOut(millis(timeout))),
            // Its output has ended, and so will it.
            () = collected => Err(self.died(Outcome::InitExited).await),
        }
    }

    /// The end of a process that did not reply; `plain` if there is nothing more to say about it.
    async fn died(&self, plain: Outcome) -> Outcome {
        let grace = Duration::from_millis(self.context.config.exit_grace);
        tokio::select! {
            exit = self.cell.wait() => if exit.out_of_memory { Outcome::OutOfMemory } else { plain },
            () = self.context.clock.sleep(grace) => plain,
        }
    }

    /// Sends the code; none when it is ready.
    async fn initialise(&self, init: &Init, timeout: Duration, logs: &mut Logs) -> Result<Option<Outcome>> {
        let ask = Ask {
            path: "/init".into(),
            body: self.init_body(init).await?,
            again: false,
            ..Ask::default()
        };
        let limits = self.limits(INIT_REPLY);
        Ok(match self.ended(&ask, limits, logs, timeout).await {
            Ended::Answer(answer) if answer.status == 200 => None,
            Ended::Answer(answer) if init.code.size == 0 && matches!(answer.status, 404 | 405 | 501) => {
                // Set once, here or before the exchange.
                let _ = self.language.set(Speaks::Plain);
                None
            }
            Ended::Answer(answer) => Some(Outcome::InitFailed(reply::init_failure(&answer))),
            Ended::Unanswered(Unanswered::Broken(reason)) => Some(Outcome::InitFailed(reason)),
            Ended::Unanswered(Unanswered::Dropped) => Some(self.died(Outcome::InitExited).await),
            Ended::Late => Some(Outcome::InitTimedOut(millis(init.timeout))),
        })
    }

    async fn init_body(&self, init: &Init) -> Result<Bytes> {
        let environment: serde_json::Map<_, _> = init
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let mut value = json!({
            "name": init.name, "main": init.main, "binary": init.code.binary, "env": environment,
        });
        if init.code.size > 0 {
            value["code"] = self.context.code.sent(&init.code).await?.into();
        }
        Ok(json!({ "value": value }).to_string().into())
    }

    fn limits(&self, keep: u64) -> Limits {
        Limits {
            keep,
            most: self.context.config.message_limit,
        }
    }

    fn logs(&self, limit: u64) -> Logs {
        Logs::new(limit, self.context.config.log_lines)
    }

    /// Collects what was written before the reply.
    async fn finish(&self, outcome: Option<Outcome>, mut logs: Logs, marked: bool) -> Ran {
        // Somebody else is reading, for a run at the same time; there is only one log.
        if let Ok(mut output) = self.output.try_lock() {
            output.finish(&mut logs, &*self.context.clock, marked).await;
        }
        let (logs, truncated) = logs.finish(self.context.clock.now());
        Ran {
            outcome,
            logs,
            truncated,
        }
    }

    fn speaks(&self) -> Speaks {
        *self.language.get_or_init(|| Speaks::Protocol)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl Instance for Container {
    async fn init(&self, init: &Init) -> Result<Ran> {
        let asked = self.context.clock.elapsed();
        let mut logs = self.logs(init.log_limit);
        if let Err(outcome) = self.listening(init.timeout, &mut logs).await {
            return Ok(self.finish(Some(outcome), logs, false).await);
        }
        // Set once: an instance is initialised once.
        let _ = self
            .listening_in
            .set(self.context.clock.elapsed() - self.begun - self.sandboxed_in);
        if init.plain {
            let _ = self.language.set(Speaks::Plain);
            return Ok(self.finish(None, logs, false).await);
        }
        let left = init.timeout.saturating_sub(self.context.clock.elapsed() - asked);
        let outcome = self.initialise(init, left, &mut logs).await?;
        let failed = matches!(outcome, Some(Outcome::InitFailed(_)));
        Ok(self.finish(outcome, logs, failed).await)
    }

    async fn run(&self, run: &Run) -> Result<Ran> {
        let mut logs = self.logs(run.log_limit);
        let speaks = self.speaks();
        let ask = match speaks {
            Speaks::Plain => plain::request(run),
            Speaks::Protocol => Ask {
                path: "/run".into(),
                body: protocol::body(run).into(),
                again: true,
                ..Ask::default()
            },
        };
        let limits = self.limits(run.result_limit.max(run.log_limit));
        let outcome = match self.ended(&ask, limits, &mut logs, run.timeout).await {
            Ended::Answer(answer) if speaks == Speaks::Plain => plain::outcome(answer, run.result_limit),
            Ended::Answer(answer) => reply::outcome(answer, run.result_limit),
            Ended::Unanswered(Unanswered::Broken(reason)) => Outcome::InvalidResult(reason),
            Ended::Unanswered(Unanswered::Dropped) => self.died(Outcome::Exited).await,
            Ended::Late => Outcome::TimedOut(millis(run.timeout)),
        };
        let marked = speaks == Speaks::Protocol
            && !matches!(outcome, Outcome::Exited | Outcome::TimedOut(_) | Outcome::OutOfMemory);
        Ok(self.finish(Some(outcome), logs, marked).await)
    }

    fn stages(&self) -> Stages {
        Stages {
            sandbox: self.sandboxed_in,
            runtime: self.listening_in.get().copied().unwrap_or_default(),
            code: Duration::ZERO,
        }
    }

    fn is_alive(&self) -> bool {
        self.cell.wait().now_or_never().is_none()
    }

    async fn stop(&self) {
        self.cell.stop().await;
    }
}
