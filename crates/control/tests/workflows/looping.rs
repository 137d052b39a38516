//! A loop of executions and functions ends, whatever client the functions use.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::json;
use tokio::time::timeout;
use wisp_control::workflows::{Draft, MachineKind, Start};
use wisp_core::{
    Code,
    model::{ApiKey, Identity},
};

use crate::world::{Server, World};

/// Who a function is to the server, with the key that it was given: by the key itself, or by what it signs with.
async fn caller(server: &Server, key: &ApiKey, signs: bool) -> Identity {
    let header = format!("Basic {}", BASE64.encode(key.reveal().as_bytes()));
    let caller = server.control.authenticate(Some(&header)).await.unwrap();
    if !signs {
        return caller;
    }
    let credentials = server.control.credentials(&caller).await.unwrap();
    let signer = server
        .control
        .signer(&credentials.access_key_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(signer.secret_access_key, credentials.secret_access_key);
    assert_eq!(signer.identity.chain, caller.chain);
    signer.identity
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_starts_its_own_machine_is_stopped() {
    let world = World::new();
    let server = world.start(None).await;
    server
        .deploy("again", "main", &[("provide-api-key", json!(true))])
        .await;
    let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"wisp:action:again","End":true}}}"#;
    let draft = Draft {
        name: "loop".into(),
        definition: definition.into(),
        role_arn: "arn:aws:iam::1:role/x".into(),
        kind: MachineKind::Standard,
        ..Draft::default()
    };
    let machine = server.control.create_machine(&server.caller, draft).await.unwrap();
    let start = || Start {
        machine: machine.arn.to_string(),
        ..Start::default()
    };
    let mut who = server.caller.clone();
    for round in 1..100 {
        match server.control.start_execution(&who, start()).await {
            Ok(started) => {
                let run = server.control.describe_execution(&server.caller, &started.arn).await;
                assert_eq!(run.unwrap().chain.depth, round - 1);
            }
            Err(error) => {
                assert_eq!((error.code(), round), (Code::Loop, 18), "{error}");
                return;
            }
        }
        let given = async {
            loop {
                let key = world.calls.keys.lock().unwrap().pop();
                match key {
                    Some(key) => return key,
                    None => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            }
        };
        let key = timeout(Duration::from_secs(60), given).await.unwrap();
        who = caller(&server, &key, round % 2 == 0).await;
        assert_eq!(who.chain.depth, round, "{:?}", who.chain);
        let names: Vec<_> = who
            .chain
            .links
            .iter()
            .rev()
            .take(2)
            .map(|link| link.name.name())
            .collect();
        assert_eq!(names, ["again", "loop"]);
    }
    panic!("the loop does not end");
}
