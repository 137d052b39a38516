use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use wasmtime::Engine;

/// How long a program runs before others have their turn, and before it can be ended.
const TICK: Duration = Duration::from_millis(5);

/// The clock of running programs; it stands still while none runs.
#[derive(Clone)]
pub struct Ticks {
    running: Arc<AtomicUsize>,
    thread: Thread,
}

/// Keeps the clock going.
pub struct Going(Arc<AtomicUsize>);

impl Ticks {
    /// The clock of an engine.
    pub fn start(engine: &Engine) -> Self {
        let running = Arc::new(AtomicUsize::new(0));
        let (count, engine) = (running.clone(), engine.clone());
        let thread = thread::spawn(move || {
            loop {
                if count.load(Ordering::Acquire) == 0 {
                    thread::park();
                } else {
                    thread::sleep(TICK);
                    engine.increment_epoch();
                }
            }
        });
        Self {
            running,
            thread: thread.thread().clone(),
        }
    }

    /// Lets the clock go until what this returns is dropped.
    pub fn go(&self) -> Going {
        if self.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Going(self.running.clone())
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
