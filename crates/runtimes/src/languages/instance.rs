use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use wisp_core::{
    Code as ErrorCode, Error, Result,
    model::Outcome,
    ports::{Birth, Cell, Exit, Init, Instance, InstanceLimits, Line, Mount, Ran, Run, Stages},
};

use super::{
    Context,
    dialect::Dialect,
    discovery::Interpreter,
    exchange::{Exchange, Reply},
    logs::Logs,
    outcome,
    passage::Passage,
    protocol::{FIRST, Given, Kind, Message, Token, acknowledged},
    requirements::Layer,
    stem,
};
use crate::code::{Code, Lease, Owner};

/// Bytes of an initialisation's reply that are kept.
const INIT_REPLY: u64 = 1 << 20;
/// Where archives and programs are visible.
const ACTION: &str = "/action";
/// Where compiled code is visible.
const COMPILED: &str = "/compiled";
/// What a launcher is told to do about compiled code.
const MAKE: &str = "make";
const USE: &str = "use";
/// Where what they require is visible.
const REQUIREMENTS: &str = "/requirements";

/// A launcher in a sandbox.
pub(super) struct Launched {
    pub(super) context: Context,
    pub(super) dialect: Arc<dyn Dialect>,
    interpreter: Interpreter,
    cell: Box<dyn Cell>,
    exchange: Exchange,
    room: Semaphore,
    code: OnceLock<Lease>,
    layer: OnceLock<Layer>,
    sandboxed_in: Duration,
    ready_in: OnceLock<Duration>,
    placed_in: OnceLock<Duration>,
    /// The digest of the code whose imports are to be learnt.
    learns: OnceLock<String>,
    /// What would compile its code, if that is worth keeping.
    engine: Option<String>,
}

/// How long waiting for a reply took an end.
pub(super) enum Ended {
    Reply(Reply),
    Late,
}

/// Starts a stem cell, and waits until its launcher is ready.
pub async fn start(
    context: &Context,
    dialect: Arc<dyn Dialect>,
    interpreter: &Interpreter,
    launcher: &Mount,
    limits: InstanceLimits,
    birth: Birth,
) -> Result<Box<dyn Instance>> {
    let begun = context.clock.elapsed();
    let (cell, channel) = stem::start(context, &*dialect, interpreter, launcher, &limits, birth).await?;
    let sandboxed_in = context.clock.elapsed() - begun;
    let config = &context.config;
    let exchange = Exchange::new(channel, dialect.protocol(), config.message_limit, context.clock.clone())?;
    let room = if dialect.concurrent() {
        limits.concurrency.max(1)
    } else {
        1
    };
    let room = Semaphore::new(
        usize::try_from(room)
            .unwrap_or(Semaphore::MAX_PERMITS)
            .min(Semaphore::MAX_PERMITS),
    );
    // Flags of the engine, such as the size of its heap, are part of what it compiles.
    let engine = dialect
        .compiles(interpreter)
        .then(|| format!("{}-{}-{}", dialect.family(), interpreter.full_version, limits.memory));
    let launched = Launched {
        context: context.clone(),
        dialect,
        interpreter: interpreter.clone(),
        cell,
        exchange,
        room,
        code: OnceLock::new(),
        layer: OnceLock::new(),
        sandboxed_in,
        ready_in: OnceLock::new(),
        placed_in: OnceLock::new(),
        learns: OnceLock::new(),
        engine,
    };
    launched.ready(interpreter).await?;
    // These are set once: an instance is started once, and initialised once.
    let _ = launched.ready_in.set(context.clock.elapsed() - begun - sandboxed_in);
    Ok(Box::new(launched))
}

impl Launched {
    async fn ready(&self, interpreter: &Interpreter) -> Result<()> {
        let token = self.exchange.open_first(Logs::new(INIT_REPLY, u64::MAX));
        let timeout = Duration::from_millis(self.context.config.start_timeout);
        let ended = self.ended(token, &[], INIT_REPLY, timeout).await;
        if let Ended::Reply(Reply::Message(_)) = ended {
            self.exchange.close(token);
            return Ok(());
        }
        self.cell.stop().await;
        let (lines, _) = self.exchange.close(token).finish(0);
        let said = lines
            .iter()
            .map(|line| line.text.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        let path = interpreter.path.display();
        Err(Error::new(
            ErrorCode::Sandbox,
            format!("{path} did not start in the sandbox: {said}"),
        ))
    }

    /// Sends a request when there is room for it, and waits for its reply, the end of the process, or the deadline.
    pub(super) async fn ended(&self, token: Token, request: &[u8], keep: u64, timeout: Duration) -> Ended {
        let answered = async {
            // Nobody closes the semaphore, so that this cannot fail.
            let _room = self.room.acquire().await;
            if !self.dialect.protocol().names_requests()
                && token != FIRST
                && let Some(reason) = self.exchange.unsolicited().await
            {
                return Reply::Broken(reason);
            }
            self.exchange.send(request).await;
            self.exchange.reply(token, keep).await
        };
        tokio::select! {
            biased;
            reply = answered => Ended::Reply(reply),
            _ = self.cell.wait() => Ended::Reply(self.exchange.last_reply(token).await),
            () = self.context.clock.sleep(timeout) => Ended::Late,
        }
    }

    /// How the process ended, if it does so soon.
    async fn exit(&self) -> Option<Exit> {
        let grace = Duration::from_millis(self.context.config.exit_grace);
        tokio::select! {
            exit = self.cell.wait() => Some(exit),
            () = self.context.clock.sleep(grace) => None,
        }
    }

    /// The end of a process that did not reply; `plain` if there is nothing more to say about it.
    async fn died(&self, logs: &[Line], plain: Outcome) -> Outcome {
        let Some(exit) = self.exit().await else { return plain };
        if exit.out_of_memory || self.dialect.exhausted(exit, logs) {
            return Outcome::OutOfMemory;
        }
        self.dialect.not_started(exit).map_or(plain, Outcome::InitFailed)
    }

    /// Makes the code visible or returns its text; the user's mistakes are an outcome.
    async fn place(&self, init: &Init) -> Result<Result<Option<String>, Outcome>> {
        if init.code.size == 0 {
            return Ok(Err(Outcome::InitFailed("Missing main/no code to execute.".into())));
        }
        let code = if self.dialect.program() {
            self.context.code.program(&init.code).await
        } else {
            self.context.code.materialise(&init.code).await
        };
        match code {
            Ok(Code::Text(text)) => Ok(Ok(Some(text))),
            Ok(Code::Directory(lease)) if self.dialect.program() && !lease.path().join("exec").is_file() => Ok(Err(
                Outcome::InitFailed("The archive has no program named 'exec' at its root.".into()),
            )),
            Ok(Code::Directory(lease)) => {
                if let Err(reason) = self.require(&init.namespace, &lease).await? {
                    return Ok(Err(Outcome::InitFailed(format!(
                        "Initialization has failed due to: {reason}"
                    ))));
                }
                self.cell.mount(lease.path(), ACTION.as_ref()).await?;
                // Set once: an instance is initialised once.
                let _ = self.code.set(lease);
                Ok(Ok(None))
            }
            Err(error) if matches!(error.code(), ErrorCode::BadRequest | ErrorCode::TooLarge) => Ok(Err(
                Outcome::InitFailed(format!("Initialization has failed due to: {}", error.message())),
            )),
            Err(error) => Err(error),
        }
    }

    /// Makes visible what the archive requires, if it requires anything; else the reason why that cannot be.
    async fn require(&self, namespace: &str, code: &Lease) -> Result<Result<(), String>> {
        let list = self.dialect.requirements().map(|name| code.path().join(name));
        let Some(list) = list.filter(|list| list.exists()) else {
            return Ok(Ok(()));
        };
        let layer = match self.context.layers.get(&self.interpreter, namespace, &list).await? {
            Ok(layer) => layer,
            Err(reason) => return Ok(Err(reason)),
        };
        self.cell.mount(&layer, REQUIREMENTS.as_ref()).await?;
        // Set once: an instance is initialised once.
        let _ = self.layer.set(layer);
        Ok(Ok(()))
    }

    /// Keeps what the launcher has told of imports, as far as a zygote may know it.
    fn learn(&self) {
        let Some(digest) = self.learns.get() else { return };
        let told = self.exchange.imports().take();
        // The function shares the launcher's channel: what it says in its name may be anything.
        let told: Option<Vec<String>> = told.and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(mut modules) = told {
            modules.retain(|module| self.dialect.offers(module));
            self.context.imports.learn(digest, modules);
        }
    }

    fn owner<'a>(&'a self, init: &'a Init) -> Option<Owner<'a>> {
        Some(Owner {
            namespace: &init.namespace,
            digest: &init.code.digest,
            engine: self.engine.as_deref()?,
        })
    }

    /// Makes the compiled code visible if there is any; returns what the launcher is to do about it.
    async fn compiled(&self, init: &Init) -> Result<Option<&'static str>> {
        let Some(owner) = self.owner(init).filter(|_| self.context.compiled.pays(init.code.size)) else {
            return Ok(None);
        };
        let Some(path) = self.context.compiled.find(&owner) else {
            return Ok(Some(MAKE));
        };
        self.cell.mount(&path, COMPILED.as_ref()).await?;
        Ok(Some(USE))
    }

    /// Keeps what the launcher has handed over; no activation waits for that.
    fn keep_compiled(&self, init: &Init, message: Message) {
        let Some(Owner {
            namespace,
            digest,
            engine,
        }) = self.owner(init)
        else {
            return;
        };
        let (namespace, digest, engine) = (namespace.to_owned(), digest.to_owned(), engine.to_owned());
        let compiled = self.context.compiled.clone();
        tokio::task::spawn_blocking(move || {
            let owner = Owner {
                namespace: &namespace,
                digest: &digest,
                engine: &engine,
            };
            if let Err(error) = compiled.keep(&owner, &message.text) {
                tracing::debug!(namespace, digest, %error, "compiled code is not kept");
            }
        });
    }

    fn logs(&self, limit: u64) -> Logs {
        Logs::new(limit, self.context.config.log_lines)
    }

    fn finish(&self, token: Token) -> (Vec<Line>, bool) {
        self.exchange.close(token).finish(self.context.clock.now())
    }
}

pub fn broken(reason: &str) -> Outcome {
    outcome::developer_error(&format!(
        "The action wrote to descriptor 3, which belongs to the platform: {reason}."
    ))
}

pub fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.text).into_owned()
}

pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl Instance for Launched {
    async fn init(&self, init: &Init) -> Result<Ran> {
        let begun = self.context.clock.elapsed();
        let placed = self.place(init).await?;
        let _ = self.placed_in.set(self.context.clock.elapsed() - begun);
        let code = match placed {
            Ok(code) => code,
            Err(outcome) => {
                return Ok(Ran {
                    outcome: Some(outcome),
                    logs: Vec::new(),
                    truncated: false,
                });
            }
        };
        let token = self.exchange.open(self.logs(init.log_limit));
        let compiled = self.compiled(init).await?;
        let digest = &init.code.digest;
        let given = Given {
            code: code.as_deref(),
            compiled,
            learn: self.dialect.learns() && self.context.imports.of(digest).is_none(),
        };
        if given.learn {
            let _ = self.learns.set(digest.clone());
        }
        let (request, replies) = self.dialect.protocol().init(token, init, &given);
        if !replies {
            self.exchange.send(&request).await;
            let (logs, truncated) = self.finish(token);
            return Ok(Ran {
                outcome: None,
                logs,
                truncated,
            });
        }
        let keep = match compiled {
            Some(MAKE) => self.context.compiled.most(),
            _ => INIT_REPLY,
        };
        let ended = self.ended(token, &request, keep, init.timeout).await;
        let (logs, truncated) = self.finish(token);
        self.learn();
        let outcome = match ended {
            Ended::Late => Some(Outcome::InitTimedOut(millis(init.timeout))),
            Ended::Reply(Reply::Closed) => Some(self.died(&logs, Outcome::InitExited).await),
            Ended::Reply(Reply::Broken(reason)) => Some(broken(&reason)),
            Ended::Reply(Reply::Message(message)) => match message.kind {
                Kind::Done => {
                    if compiled == Some(MAKE) {
                        self.keep_compiled(init, message);
                    }
                    None
                }
                Kind::Failure => Some(Outcome::InitFailed(text(&message))),
                _ => acknowledged(&message.text).err().map(Outcome::InitFailed),
            },
        };
        Ok(Ran {
            outcome,
            logs,
            truncated,
        })
    }

    async fn rehearse(&self) {
        self.exchange.send(&self.dialect.protocol().rehearse()).await;
    }

    fn reads_streams(&self) -> bool {
        self.dialect.reads_streams()
    }

    async fn run(&self, run: &Run) -> Result<Ran> {
        let token = self.exchange.open(self.logs(run.log_limit));
        let request = self.dialect.protocol().run(token, run);
        let begun = self.context.clock.elapsed();
        let keep = run.result_limit.max(run.log_limit);
        let mut ended = self.ended(token, &request, keep, run.timeout).await;
        let mut passing = None;
        if let Some(pieces) = &run.pieces {
            let mut passage = Passage::new(self, token, pieces, run, begun);
            ended = passage.pass(ended).await;
            passing = Some(passage);
        }
        let (logs, truncated) = self.finish(token);
        self.learn();
        let outcome = match ended {
            Ended::Late => Outcome::TimedOut(millis(run.timeout)),
            Ended::Reply(Reply::Closed) => self.died(&logs, Outcome::Exited).await,
            Ended::Reply(Reply::Broken(reason)) => broken(&reason),
            Ended::Reply(Reply::Message(message)) => match message.kind {
                Kind::Result => outcome::of_result(message, run.result_limit),
                Kind::Failure => outcome::developer_error(&text(&message)),
                _ => broken("a message that is no result"),
            },
        };
        if let (Outcome::Success(_), Some(passage)) = (&outcome, passing) {
            passage.end().await;
        }
        Ok(Ran {
            outcome: Some(outcome),
            logs,
            truncated,
        })
    }

    fn stages(&self) -> Stages {
        let known = |stage: &OnceLock<Duration>| stage.get().copied().unwrap_or_default();
        Stages {
            sandbox: self.sandboxed_in,
            runtime: known(&self.ready_in),
            code: known(&self.placed_in),
        }
    }

    async fn freeze(&self) -> Result<()> {
        self.cell.freeze().await
    }

    async fn thaw(&self) -> Result<()> {
        self.cell.thaw().await
    }

    fn memory(&self) -> Option<u64> {
        self.cell.memory()
    }

    fn is_alive(&self) -> bool {
        self.cell.wait().now_or_never().is_none()
    }

    async fn stop(&self) {
        self.cell.stop().await;
    }
}
