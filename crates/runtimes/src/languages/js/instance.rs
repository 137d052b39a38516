use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;
use wisp_core::{
    Code as ErrorCode, Error, Result,
    model::Outcome,
    ports::{Init, Instance, InstanceLimits, Line, Ran, Run, Stream},
};

use super::{
    super::{
        exchange::{Exchange, Reply},
        instance::{broken, millis, text},
        logs::Logs,
        outcome,
        protocol::{Frames, Given, Kind, Message, Protocol, Token},
    },
    lane::{Lane, Turn},
    lanes::Lanes,
};
use crate::code::Code;

/// Bytes of an initialisation's reply that are kept.
const INIT_REPLY: u64 = 1 << 20;
/// Processes that are tried for one activation that none of them has begun.
const TRIES: usize = 3;
/// What V8 says, before it ends the process, when the heap of an isolate is full.
const HEAP_FULL: &str = "JavaScript heap out of memory";

/// An instance whose isolate is in a process that others of its namespace share.
pub struct Isolate {
    lanes: Arc<Lanes>,
    limits: InstanceLimits,
    own: OnceLock<Own>,
    /// One run at a time.
    room: AsyncMutex<()>,
    seat: Mutex<Option<Arc<Seat>>>,
}

/// What an instance was initialised with.
struct Own {
    init: Init,
    code: String,
}

/// An isolate's place.
struct Seat {
    lane: Arc<Lane>,
    exchange: Exchange,
    /// Bytes that the isolate holds, by what its turns have added.
    held: AtomicU64,
}

/// How an exchange took an end.
enum Ended {
    Message(Message),
    Closed,
    Broken(String),
    Late,
}

/// What is to be sent, and what is kept of the answer.
struct Ask<'a> {
    request: &'a (dyn Fn(Token) -> Vec<u8> + Sync),
    timeout: Duration,
    keep: u64,
    log_limit: u64,
}

/// An exchange that the process has begun.
struct Had {
    ended: Ended,
    logs: Vec<Line>,
    truncated: bool,
}

impl Isolate {
    /// One that belongs to nobody yet.
    pub fn new(lanes: Arc<Lanes>, limits: InstanceLimits) -> Self {
        Self {
            lanes,
            limits,
            own: OnceLock::new(),
            room: AsyncMutex::default(),
            seat: Mutex::default(),
        }
    }

    fn seat(&self) -> MutexGuard<'_, Option<Arc<Seat>>> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn in the isolate's process, if it comes soon.
    async fn return_to(&self, seat: &Seat) -> Option<Turn> {
        let patience = Duration::from_millis(self.lanes.context.config.isolate_patience);
        let turn = tokio::select! {
            biased;
            turn = seat.lane.turn() => turn,
            () = self.lanes.context.clock.sleep(patience) => None,
        };
        turn.filter(|_| seat.lane.is_alive())
    }

    /// A turn in a process where the isolate is loaded: its own, or another one if that is busy or has ended. The inner
    /// error is how loading it failed.
    async fn take(&self, own: &Own) -> Result<Result<(Arc<Seat>, Turn), Ran>> {
        let seat = self.seat().clone();
        if let Some(seat) = seat
            && let Some(turn) = self.return_to(&seat).await
        {
            return Ok(Ok((seat, turn)));
        }
        let (seat, turn, had) = self.load(own).await?;
        let Some(outcome) = self.init_outcome(&seat, &had, &own.init).await else {
            return Ok(Ok((seat, turn)));
        };
        self.leave(Some(turn));
        Ok(Err(had.ran(Some(outcome))))
    }

    /// Loads the isolate in a process of its namespace.
    async fn load(&self, own: &Own) -> Result<(Arc<Seat>, Turn, Had)> {
        let Own { init, code } = own;
        let ask = Ask {
            request: &|token| Frames.init(token, init, &Given::text(code)).0,
            timeout: init.timeout,
            keep: INIT_REPLY,
            log_limit: init.log_limit,
        };
        for _ in 0..TRIES {
            let (lane, turn) = self.lanes.find(&init.namespace, self.limits).await?;
            let grace = Duration::from_millis(self.lanes.context.config.isolate_grace);
            let Ok(exchange) = lane.connect(grace).await else {
                continue;
            };
            lane.seat();
            let seat = Arc::new(Seat {
                lane,
                exchange,
                held: AtomicU64::new(0),
            });
            *self.seat() = Some(seat.clone());
            if let Some(had) = self.ask(&seat, &ask).await {
                return Ok((seat, turn, had));
            }
        }
        Err(hung())
    }

    /// Sends a request and waits for its end; none if the process did not begin with it, and has been ended.
    async fn ask(&self, seat: &Seat, ask: &Ask<'_>) -> Option<Had> {
        let (exchange, context) = (&seat.exchange, &self.lanes.context);
        exchange.forget_output();
        let used = seat
            .lane
            .allow(self.limits.memory, seat.held.load(Ordering::Relaxed))
            .await;
        let token = exchange.open(Logs::new(ask.log_limit, context.config.log_lines));
        let grace = Duration::from_millis(context.config.isolate_grace);
        let request = (ask.request)(token);
        let begun = async {
            exchange.send(&request).await;
            matches!(exchange.reply(token, 0).await, Reply::Message(message) if message.kind == Kind::Begun)
        };
        let begun = tokio::select! {
            biased;
            begun = begun => begun,
            () = context.clock.sleep(grace) => false,
        };
        if !begun {
            seat.lane.stop().await;
            exchange.close(token);
            return None;
        }
        let ended = tokio::select! {
            biased;
            reply = exchange.reply(token, ask.keep) => reply.into(),
            _ = seat.lane.wait() => exchange.last_reply(token).await.into(),
            () = context.clock.sleep(ask.timeout) => Ended::Late,
        };
        if let (Some(before), Some(after)) = (used, seat.lane.memory()) {
            let held = (seat.held.load(Ordering::Relaxed) + after).saturating_sub(before);
            seat.held.store(held, Ordering::Relaxed);
        }
        let (logs, truncated) = exchange.close(token).finish(context.clock.now());
        Some(Had { ended, logs, truncated })
    }

    /// Why a process that began with a request did not answer it.
    async fn died(&self, seat: &Seat, logs: &[Line], plain: Outcome) -> Outcome {
        let grace = Duration::from_millis(self.lanes.context.config.exit_grace);
        let full = |line: &Line| line.stream == Stream::Stderr && line.text.contains(HEAP_FULL);
        tokio::select! {
            exit = seat.lane.wait() => match exit.out_of_memory || logs.iter().any(full) {
                true => Outcome::OutOfMemory,
                false => plain,
            },
            () = self.lanes.context.clock.sleep(grace) => plain,
        }
    }

    async fn init_outcome(&self, seat: &Seat, had: &Had, init: &Init) -> Option<Outcome> {
        match &had.ended {
            Ended::Late => Some(Outcome::InitTimedOut(millis(init.timeout))),
            Ended::Broken(reason) => Some(broken(reason)),
            Ended::Message(message) if message.kind == Kind::Done => None,
            Ended::Message(message) if message.kind == Kind::Exited => Some(Outcome::InitExited),
            Ended::Message(message) => Some(Outcome::InitFailed(text(message))),
            Ended::Closed => Some(self.died(seat, &had.logs, Outcome::InitExited).await),
        }
    }

    async fn run_outcome(&self, seat: &Seat, had: &mut Had, run: &Run) -> Outcome {
        match std::mem::replace(&mut had.ended, Ended::Closed) {
            Ended::Late => Outcome::TimedOut(millis(run.timeout)),
            Ended::Broken(reason) => broken(&reason),
            Ended::Closed => self.died(seat, &had.logs, Outcome::Exited).await,
            Ended::Message(message) => match message.kind {
                Kind::Result => outcome::of_result(message, run.result_limit),
                Kind::Failure => outcome::developer_error(&text(&message)),
                Kind::Exited => Outcome::Exited,
                _ => broken("a message that is no result"),
            },
        }
    }

    /// Leaves the process; the turn is given back when it is known to answer again.
    fn leave(&self, turn: Option<Turn>) {
        if let Some(seat) = self.seat().take() {
            let lane = seat.lane.clone();
            drop(seat);
            tokio::spawn(async move {
                let _turn = turn;
                lane.settle().await;
            });
        }
    }

    async fn source(&self, init: &Init) -> Result<Result<String, Outcome>> {
        let failed = |message: String| Ok(Err(Outcome::InitFailed(message)));
        if init.code.size == 0 {
            return failed("Missing main/no code to execute.".into());
        }
        if init.code.binary {
            return failed("An isolate takes one source file: bundle the archive into one (esbuild --bundle).".into());
        }
        match self.lanes.context.code.materialise(&init.code).await {
            Ok(Code::Text(text)) => Ok(Ok(text)),
            Ok(Code::Directory(_)) => failed("An isolate takes one source file.".into()),
            Err(error) if matches!(error.code(), ErrorCode::BadRequest | ErrorCode::TooLarge) => {
                failed(format!("Initialization has failed due to: {}", error.message()))
            }
            Err(error) => Err(error),
        }
    }
}

impl Had {
    fn ran(self, outcome: Option<Outcome>) -> Ran {
        Ran {
            outcome,
            logs: self.logs,
            truncated: self.truncated,
        }
    }
}

impl From<Reply> for Ended {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Message(message) => Ended::Message(message),
            Reply::Closed => Ended::Closed,
            Reply::Broken(reason) => Ended::Broken(reason),
        }
    }
}

fn hung() -> Error {
    Error::new(
        ErrorCode::Sandbox,
        "The processes of the namespace's isolates do not begin with what they are sent.",
    )
}

fn failed(outcome: Outcome) -> Ran {
    Ran {
        outcome: Some(outcome),
        logs: Vec::new(),
        truncated: false,
    }
}

#[async_trait]
impl Instance for Isolate {
    async fn init(&self, init: &Init) -> Result<Ran> {
        let code = match self.source(init).await? {
            Ok(code) => code,
            Err(outcome) => return Ok(failed(outcome)),
        };
        let mut init = init.clone();
        let config = &self.lanes.context.config;
        init.environment.extend([
            ("__OW_API_HOST".into(), config.api_host.clone()),
            ("__OW_ALLOW_CONCURRENT".into(), "false".into()),
        ]);
        let own = self.own.get_or_init(|| Own { init, code });
        let (seat, turn, had) = self.load(own).await?;
        let outcome = self.init_outcome(&seat, &had, &own.init).await;
        if outcome.is_some() {
            self.leave(Some(turn));
        }
        Ok(had.ran(outcome))
    }

    /// Being moved to another process is a start, and takes what a start takes beyond the run's own time.
    async fn run(&self, run: &Run) -> Result<Ran> {
        let _room = self.room.lock().await;
        let Some(own) = self.own.get() else {
            return Err(Error::internal("an isolate runs before it is initialised"));
        };
        let ask = Ask {
            request: &|token| Frames.run(token, run),
            timeout: run.timeout,
            keep: run.result_limit.max(run.log_limit),
            log_limit: run.log_limit,
        };
        for _ in 0..TRIES {
            let (seat, turn) = match self.take(own).await? {
                Ok(taken) => taken,
                Err(failed) => return Ok(failed),
            };
            let Some(mut had) = self.ask(&seat, &ask).await else {
                continue;
            };
            let outcome = self.run_outcome(&seat, &mut had, run).await;
            if !outcome.keeps_instance() {
                self.leave(Some(turn));
            }
            return Ok(had.ran(Some(outcome)));
        }
        Err(hung())
    }

    /// One that is not loaded anywhere yet is no worse than a new one; one whose process has ended is.
    fn is_alive(&self) -> bool {
        self.own.get().is_none() || self.seat().as_ref().is_some_and(|seat| seat.lane.is_alive())
    }

    async fn stop(&self) {
        self.leave(None);
    }
}
