//! What every language must do, whatever it is: the contract of [`Language`] and [`Instance`].
//!
//! Each family has one program here that does what its argument `do` asks for. Add a language by adding its program
//! to [`program`]. (That of `native` is a script for `/usr/bin/python3`.)

#![allow(clippy::panic, clippy::expect_used)]

mod cases;
mod hostile;

use std::{sync::Arc, time::Duration};

use crate::wasm;
use serde_json::{Value, json, value::RawValue};
use wisp_core::{
    model::{Annotations, CodeRef, Outcome},
    ports::{Blobs, Init, Instance, InstanceLimits, Kind, Language, Network, Ran, Run},
};

/// The program of a family, and whether it is binary.
fn program(family: &str) -> (Vec<u8>, bool) {
    let text = |code: &str| (code.as_bytes().to_vec(), false);
    match family {
        "nodejs" => text(include_str!("nodejs.js")),
        "python" => text(include_str!("python.py")),
        "native" => text(include_str!("native.py")),
        "js" => text(include_str!("js.js")),
        "wasm" => (wasm::compile(include_str!("wasm.rs"), "wasm32-wasip1"), true),
        other => panic!("add a conformance program for the language '{other}'"),
    }
}

/// Runs the whole suite for every kind of a language; panics where the contract is broken.
pub async fn check(language: &dyn Language, blobs: &dyn Blobs) {
    assert!(
        !language.kinds().is_empty(),
        "{} has no kinds on this machine",
        language.family()
    );
    for kind in language.kinds() {
        let subject = Subject { language, blobs, kind };
        cases::check(&subject).await;
        hostile::check(&subject).await;
    }
}

/// One kind under test.
struct Subject<'a> {
    language: &'a dyn Language,
    blobs: &'a dyn Blobs,
    kind: &'a Kind,
}

impl Subject<'_> {
    /// An instance that runs the family's program.
    async fn instance(&self) -> Box<dyn Instance> {
        let instance = self.stem().await;
        let init = self.init().await;
        let ran = instance.init(&init).await.expect("the platform does not fail");
        assert!(
            ran.outcome.is_none(),
            "{}: {:?} {:?}",
            self.kind.name,
            ran.outcome,
            ran.logs
        );
        instance
    }

    async fn stem(&self) -> Box<dyn Instance> {
        let limits = InstanceLimits {
            memory: 256,
            concurrency: 1,
            network: Network::None,
            isolation: self.kind.isolation(),
        };
        self.language
            .start(self.kind, limits)
            .await
            .expect("an instance starts")
    }

    async fn init(&self) -> Init {
        let (code, binary) = program(self.language.family());
        let size = code.len() as u64;
        let digest = self.blobs.put(code.into()).await.expect("code is stored");
        Init {
            namespace: "guest".into(),
            name: "test".into(),
            code: CodeRef { digest, size, binary },
            plain: false,
            main: "main".into(),
            environment: vec![("GREETING".into(), "it's \"hello\"\nthere".into())],
            annotations: Annotations::default(),
            timeout: Duration::from_secs(20),
            log_limit: 1 << 20,
        }
    }
}

/// A run of the family's program, with the usual limits.
fn run(arguments: Value) -> Run {
    let context = vec![
        ("activation_id", "0123".to_owned()),
        ("deadline", "1700000000000".to_owned()),
    ];
    let value: Arc<RawValue> = RawValue::from_string(arguments.to_string()).expect("JSON").into();
    let timeout = Duration::from_secs(20);
    Run {
        value,
        context,
        timeout,
        log_limit: 10 << 20,
        result_limit: 2 << 20,
        pieces: None,
    }
}

/// What the program does when it is asked to.
async fn ask(instance: &dyn Instance, arguments: Value) -> Ran {
    instance.run(&run(arguments)).await.expect("the platform does not fail")
}

fn success(ran: &Ran) -> Value {
    match &ran.outcome {
        Some(Outcome::Success(json)) => serde_json::from_str(json.get()).expect("a result is JSON"),
        other => panic!(
            "no success: {:.500} {:.500}",
            format!("{other:?}"),
            format!("{:?}", ran.logs)
        ),
    }
}

fn echo() -> Value {
    json!({ "do": "echo", "text": "grüße 🌍 \u{1}\\\"", "deep": [{ "a": [1, 2.5, null, true, { "b": {} }] }], "": [] })
}
