use std::{collections::BTreeMap, sync::PoisonError};

use bytes::Bytes;
use serde_json::value::RawValue;
use wasmtime::{Engine, Error, Result, Store};
use wasmtime_wasi::{I32Exit, p1::WasiP1Ctx, p2::bindings::CommandPre};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::{
    super::wire::{Load, RunHeader},
    guest::{Component, Given, Guest},
    http::{self, Handled},
    load::{Form, Idle, Program, START},
    output::{Current, STDERR, Shared, Written},
};

/// Bytes of a trap's story that are logged.
const STORY: usize = 4096;

/// How an activation ended.
pub enum Ending {
    /// With a result.
    Written(Written),
    /// Without one.
    Exited,
    /// For want of memory.
    Exhausted,
}

/// An activation.
pub struct Activation<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its limits.
    pub header: RunHeader,
    /// OpenWhisk's body: what comes along with the value, and the value.
    pub body: &'a [u8],
    /// Where it writes to.
    pub output: Shared,
}

impl Program {
    /// Whether a run's result is what it writes to standard output.
    pub fn writes_result(&self) -> bool {
        !matches!(self.form, Form::Proxy(_))
    }
}

impl Activation<'_> {
    /// Runs the program in a new instance, or one that waits.
    pub async fn run(&self, engine: &Engine) -> Ending {
        let Ok((environment, value)) = read(&self.program.load, self.body) else {
            return Ending::Exited;
        };
        let mut given = Given {
            name: &self.program.load.name,
            environment: &environment,
            input: Bytes::new(),
            memory: self.program.load.memory,
            output: Current::new(self.output.clone()),
        };
        match &self.program.form {
            Form::Module(pre) => {
                given.input = Bytes::copy_from_slice(value.get().as_bytes());
                let mut store = given.module(engine);
                let called = module(pre, &mut store).await;
                self.written(called, &store)
            }
            Form::Command(pre) => {
                given.input = Bytes::copy_from_slice(value.get().as_bytes());
                let mut store = given.component(engine, &self.program.load.grants);
                let called = command(pre, &mut store).await;
                self.written(called, &store)
            }
            Form::Proxy(pre) => {
                self.answer(pre, value, || given.component(engine, &self.program.load.grants))
                    .await
            }
        }
    }

    /// The result of a program that ran to its end.
    fn written<W: 'static>(&self, called: Result<()>, store: &Store<Guest<W>>) -> Ending {
        match called {
            Ok(()) => Ending::Written(self.output.lock().finish()),
            Err(error) => self.failed(&error, store.data().memory.exhausted),
        }
    }

    /// Has a component answer the activation as a request.
    async fn answer(
        &self,
        pre: &ProxyPre<Guest<Component>>,
        value: &RawValue,
        store: impl FnOnce() -> Store<Guest<Component>>,
    ) -> Ending {
        let reuses = self.program.load.grants.reuse;
        let Idle { mut store, proxy } = match self.idle() {
            Some(idle) => {
                idle.store.data().output.turn_to(self.output.clone());
                idle
            }
            None => {
                let mut store = store();
                match pre.instantiate_async(&mut store).await {
                    Ok(proxy) => Idle { store, proxy },
                    Err(error) => return self.failed(&error, store.data().memory.exhausted),
                }
            }
        };
        let handled = http::handle(&mut store, &proxy, value, self.header.result_limit).await;
        let exhausted = store.data().memory.exhausted;
        let answer = match handled {
            Ok(Handled::Whole(answer)) => {
                if reuses {
                    self.idle_again(Idle { store, proxy });
                }
                Ok(answer)
            }
            Ok(Handled::Begun(rest)) => {
                // What the instance left open ends with it.
                drop(store);
                rest.await
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => {
                self.output.lock().abandon();
                Ending::Written(answer)
            }
            Err(error) => self.failed(&error, exhausted),
        }
    }

    fn idle(&self) -> Option<Idle> {
        self.program.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn idle_again(&self, idle: Idle) {
        self.program
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(idle);
    }

    /// Tells the log why there is no result.
    fn failed(&self, error: &Error, exhausted: bool) -> Ending {
        let mut output = self.output.lock();
        if exhausted {
            output.abandon();
            return Ending::Exhausted;
        }
        output.abandon();
        // A program that ends itself has said what it wanted to say.
        if !error.is::<I32Exit>() {
            let story = format!("{error:?}");
            output.write(STDERR, &story.as_bytes()[..story.floor_char_boundary(STORY)]);
            output.write(STDERR, b"\n");
            output.abandon();
        }
        Ending::Exited
    }
}

async fn module(pre: &wasmtime::InstancePre<Guest<WasiP1Ctx>>, store: &mut Store<Guest<WasiP1Ctx>>) -> Result<()> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, START)?;
    well(start.call_async(&mut *store, ()).await)
}

async fn command(pre: &CommandPre<Guest<Component>>, store: &mut Store<Guest<Component>>) -> Result<()> {
    let command = pre.instantiate_async(&mut *store).await?;
    match command.wasi_cli_run().call_run(&mut *store).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(())) => Err(I32Exit(1).into()),
        Err(error) => well(Err(error)),
    }
}

/// An exit with code 0 is an end like any other.
fn well(called: Result<()>) -> Result<()> {
    match called {
        Err(error) if error.downcast_ref::<I32Exit>().is_some_and(|exit| exit.0 == 0) => Ok(()),
        other => other,
    }
}

/// The variables of a run, and its value.
fn read<'a>(load: &Load, body: &'a [u8]) -> serde_json::Result<(Vec<(String, String)>, &'a RawValue)> {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body)?;
    let value = fields.remove("value").unwrap_or(RawValue::NULL);
    let mut environment: BTreeMap<String, String> = load.environment.iter().cloned().collect();
    for (key, text) in fields {
        environment.insert(
            format!("__OW_{}", key.to_uppercase()),
            serde_json::from_str(text.get())?,
        );
    }
    Ok((environment.into_iter().collect(), value))
}
