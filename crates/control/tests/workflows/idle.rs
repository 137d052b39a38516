//! While an orchestrator waits, nothing of it runs on the server: no call of its code, and no task.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use wisp_control::{
    hosted::{Show, Word},
    orchestrations::Start,
};

use crate::world::{Server, World};

const ID: &str = "one";

async fn standing(server: &Server) -> serde_json::Value {
    let (caller, namespace) = (&server.caller, &server.caller.namespace);
    let shown = server.control.show_hosted(caller, namespace, ID, Show::default()).await;
    shown.unwrap().unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_while_an_orchestrator_waits() {
    let world = World::new();
    let server = world.start(None).await;
    server
        .deploy("waiting", "main", &[("durable-function", json!("orchestrator"))])
        .await;
    let before = server.tasks();
    let start = Start {
        instance: ID.into(),
        ..Start::default()
    };
    let (caller, namespace) = (&server.caller, &server.caller.namespace);
    let started = server.control.start_hosted(caller, namespace, "waiting", start);
    started.await.unwrap();
    let idle = async {
        while standing(&server).await["runtimeStatus"] != "Running" || server.tasks() > before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), idle).await.unwrap();
    let ran = world.calls.ran.lock().unwrap().len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((world.calls.ran.lock().unwrap().len(), server.tasks()), (ran, before));
    server.kill();

    let server = world.start(None).await;
    let (caller, namespace) = (&server.caller, &server.caller.namespace);
    let word = Word::Raise("go".into(), None);
    server.control.tell_hosted(caller, namespace, ID, word).await.unwrap();
    let over = async {
        while standing(&server).await["runtimeStatus"] != "Completed" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), over).await.unwrap();
    assert_eq!(standing(&server).await["output"], "heard");
}
