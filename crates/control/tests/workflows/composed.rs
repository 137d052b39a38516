//! A server that is killed at any write of the journal leaves durable sequences and compositions that end as if nothing had
//! happened, with the same records, and no component that has ended runs again.

use std::{collections::HashSet, process::Command, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;
use wisp_control::{Invoked, Wait};
use wisp_core::model::ActivationId;

use crate::world::{Fault, Server, World};

/// What is invoked: a sequence, a conductor written by hand, and a composition of Composer, within one another.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Sequence,
    Conductor,
    Composer,
}

/// Code of a composition with branches within branches, as Composer writes it; none if its packages are not here.
fn composition() -> Option<String> {
    let modules = std::env::var("WISP_TEST_COMPOSER").ok()?;
    let script = "const composer = require('openwhisk-composer'); const c = composer;
        const composition = c.seq('echo', c.parallel('echo', c.seq('line', c.map(c.seq('echo', x => x))), 'absent'),
          c.retry(1, 'echo'), c.parallel('conduct', x => x)).compile();
        console.log(require('openwhisk-composer/conductor').generate({ name: 'x', ...composition }).action.exec.code)";
    let ran = Command::new("node")
        .args(["-e", script])
        .env("NODE_PATH", modules)
        .output()
        .ok()?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8(ran.stdout).unwrap().trim_end_matches('\n').to_owned())
}

async fn prepare(server: &Server, composition: Option<&str>) {
    server.action("echo").await;
    server.sequence("line", &["echo", "echo"], &[]).await;
    let durable = ("durable", json!(true));
    server
        .deploy(
            "conduct",
            "const main = x => x",
            &[("conductor", json!(true)), durable.clone()],
        )
        .await;
    server
        .sequence(
            "top",
            &["echo", "line", "conduct", "echo"],
            std::slice::from_ref(&durable),
        )
        .await;
    if let Some(code) = composition {
        server
            .deploy("composed", code, &[("conductor", json!({ "type": "seq" })), durable])
            .await;
    }
}

async fn record(server: &Server, id: ActivationId) -> Option<Value> {
    let namespace = server.caller.namespace.clone();
    let text = server
        .control
        .get_activation(&server.caller, &namespace, id)
        .await
        .ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

/// The records of an activation and its steps, without what differs from run to run.
async fn tree(server: &Server, id: ActivationId) -> Value {
    let record = record(server, id)
        .await
        .unwrap_or_else(|| panic!("there is no record of {id}"));
    let mut steps = Vec::new();
    let kind = record["annotations"]
        .as_array()
        .unwrap()
        .iter()
        .any(|annotation| annotation["value"] == "sequence");
    for step in record["logs"].as_array().unwrap() {
        let text = step.as_str().unwrap();
        match text.parse() {
            Ok(id) if kind => steps.push(Box::pin(tree(server, id)).await),
            _ => steps.push(json!(text.get(31..))),
        }
    }
    let shown = json!({ "name": record["name"], "response": record["response"], "cause": record.get("cause").is_some(), "steps": steps });
    serde_json::from_str(&without_ids(&shown.to_string())).unwrap()
}

/// A text with ids, which are new in each run, replaced.
fn without_ids(text: &str) -> String {
    let words = text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let hidden = words.map(|word| {
        let id = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let digits = id.bytes().filter(u8::is_ascii_hexdigit).count();
        match digits == 32 {
            true => word.replace(id, "id"),
            false => word.to_owned(),
        }
    });
    hidden.collect()
}

/// Runs it on a server that dies once; the records at its end, and how many commits the last server made.
async fn run(what: What, composition: Option<&str>, fault: Option<Fault>) -> (Value, usize) {
    let world = World::new();
    let mut server = world.start(None).await;
    prepare(&server, composition).await;
    server.kill();
    server = world.start(fault).await;
    let name = server.name(match what {
        What::Sequence => "top",
        What::Conductor => "conduct",
        What::Composer => "composed",
    });
    let payload = json!({ "value": [{ "n": 1 }, { "n": 2 }] });
    let payload = serde_json::value::to_raw_value(&payload).unwrap().into();
    let invoked = server
        .control
        .invoke(&server.caller, &name, payload, Wait::None, "t")
        .await
        .unwrap();
    let Invoked::Accepted(id) = invoked else {
        panic!("{invoked:?}")
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(2)) => {
                // The end is told in the journal after it is recorded.
                let over = server.control.list_composed(&server.caller, &server.caller.namespace, Some("running"), 10).await.unwrap().is_empty();
                if over && record(&server, id).await.is_some() {
                    break;
                }
            }
            () = server.died() => {
                server.kill();
                server = world.start(None).await;
            }
        }
    }
    let ran = world.calls.ran.lock().unwrap().clone();
    let once: HashSet<_> = ran.iter().collect();
    assert_eq!(once.len(), ran.len(), "{what:?}, {fault:?}: a component ran twice");
    (tree(&server, id).await, server.commits())
}

async fn killed(what: What) {
    let composition = composition();
    let composition = composition.as_deref();
    if what == What::Composer && composition.is_none() {
        return eprintln!("SKIPPED: WISP_TEST_COMPOSER does not say where the packages of Composer are");
    }
    let (undisturbed, commits) = run(what, composition, None).await;
    assert_eq!(undisturbed["response"]["success"], true, "{undisturbed:#}");
    assert!(commits > 5, "{what:?} needs more than {commits} commits");
    for number in 1..=commits {
        for fault in [Fault::DiesBefore(number), Fault::DiesAfter(number)] {
            let ended = timeout(Duration::from_secs(120), run(what, composition, Some(fault))).await;
            let (end, _) = ended.unwrap_or_else(|_| panic!("{what:?}, {fault:?}: it does not end"));
            assert_eq!(end, undisturbed, "{what:?}, {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequence_ends_alike_wherever_the_server_is_killed() {
    killed(What::Sequence).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conductor_ends_alike_wherever_the_server_is_killed() {
    killed(What::Conductor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_composition_ends_alike_wherever_the_server_is_killed() {
    killed(What::Composer).await;
}
