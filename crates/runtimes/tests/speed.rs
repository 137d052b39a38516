//! Figures, not assertions: `cargo test -p wisp-runtimes --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{json, value::RawValue};
use support::{Platform, code_ref};
use wisp_core::{
    model::{Isolation, Outcome},
    ports::{Init, InstanceLimits, Network, Run},
};
use wisp_testkit::wasm;

const LIMITS: InstanceLimits = InstanceLimits {
    memory: 256,
    concurrency: 1,
    network: Network::None,
    isolation: Isolation::Process,
};

/// An echo in wasm, from its standard input to its standard output.
const COPY: &str = "fn main() { std::io::copy(&mut std::io::stdin(), &mut std::io::stdout()).unwrap(); }";

/// Code, and whether it is binary.
fn code(family: &str) -> (Vec<u8>, bool) {
    if family == "wasm" {
        return (wasm::compile(COPY, "wasm32-wasip1"), true);
    }
    let text = match family {
        "nodejs" => "function main(args) { return args; }",
        "python" => "def main(args):\n    return args\n",
        _ => "#!/bin/sh\nwhile read -r line; do echo '{\"a\":1}' >&3; done\n",
    };
    (text.into(), false)
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_nanos() as f64 / 1e3;
    format!("{:.1} / {:.1} / {:.1} µs", at(0), at(50), at(99))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn starts_and_warm_runs() {
    let platform = Platform::new();
    println!("minimum / median / 99 %");
    for language in &platform.languages {
        for kind in language.kinds() {
            let (code, binary) = code(language.family());
            let code = code_ref(&platform.blobs, code, binary).await;
            let init = Init {
                namespace: "guest".into(),
                name: "echo".into(),
                code,
                plain: false,
                main: "main".into(),
                environment: Vec::new(),
                annotations: Default::default(),
                timeout: Duration::from_secs(10),
                log_limit: 1 << 20,
            };
            let run = Run {
                value: RawValue::from_string(json!({ "name": "value", "n": 1 }).to_string())
                    .unwrap()
                    .into(),
                context: [
                    "activation_id",
                    "action_name",
                    "namespace",
                    "deadline",
                    "transaction_id",
                ]
                .map(|key| (key, "0123456789abcdef0123456789abcdef".to_owned()))
                .to_vec(),
                timeout: Duration::from_secs(10),
                log_limit: 1 << 20,
                result_limit: 1 << 20,
                pieces: None,
            };
            let (mut starts, mut inits, mut firsts, mut runs) = (vec![], vec![], vec![], vec![]);
            for round in 0..15 {
                let began = Instant::now();
                let instance = language.start(kind, LIMITS).await.unwrap();
                starts.push(began.elapsed());
                // A stem cell has waited for a while.
                tokio::time::sleep(Duration::from_millis(150)).await;
                let began = Instant::now();
                assert!(instance.init(&init).await.unwrap().outcome.is_none());
                inits.push(began.elapsed());
                for n in 0..if round == 0 { 20_000 } else { 1 } {
                    let began = Instant::now();
                    let ran = instance.run(&run).await.unwrap();
                    if n == 0 {
                        firsts.push(began.elapsed())
                    } else {
                        runs.push(began.elapsed())
                    }
                    assert!(matches!(ran.outcome, Some(Outcome::Success(_))));
                }
                instance.stop().await;
            }
            println!("{}: start {}, init {}", kind.name, spread(starts), spread(inits));
            println!("{}: first run {}, warm {}", kind.name, spread(firsts), spread(runs));
        }
    }
}
