#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;

/// Answers requests of one connection with the given replies and returns what was asked.
async fn recorder(replies: Vec<String>) -> io::Result<(Client, JoinHandle<Vec<String>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?)
        .parse()
        .map_err(io::Error::other)?;
    let recorded = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for reply in replies {
            requests.push(read_request(&mut stream).await.unwrap());
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        requests
    });
    let client = Client::new(endpoint, Options::default()).with_key("user:pass");
    Ok((client, recorded))
}

fn reply(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Ok(String::from_utf8(bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn names_are_encoded_and_the_connection_is_used_again() {
    let ok = reply("200 OK", "{}");
    let (client, recorded) = recorder(vec![ok.clone(), ok]).await.unwrap();
    let name = "/guest/my pkg/say&hi".parse().unwrap();
    client.get::<Value>(Collection::Actions, &name).await.unwrap();
    client
        .put::<Value>(Collection::Actions, &name, &ActionPut::default(), true)
        .await
        .unwrap();
    let requests = recorded.await.unwrap();
    assert!(requests[0].starts_with("GET /api/v1/namespaces/guest/actions/my%20pkg/say%26hi?code=false HTTP/1.1\r\n"));
    assert!(
        requests[0].contains("authorization: Basic dXNlcjpwYXNz\r\n"),
        "{}",
        requests[0]
    );
    assert!(requests[1].starts_with("PUT /api/v1/namespaces/guest/actions/my%20pkg/say%26hi?overwrite=true HTTP/1.1"));
    assert!(requests[1].ends_with("\r\n\r\n{}"), "{}", requests[1]);
}

#[tokio::test]
async fn a_package_is_listed_with_a_slash() {
    let (client, recorded) = recorder(vec![reply("200 OK", "[]")]).await.unwrap();
    let place = Place {
        namespace: "_".into(),
        package: Some("tools".into()),
    };
    client
        .list::<Value>(
            Collection::Actions,
            &place,
            Page {
                limit: Some(5),
                skip: 2,
            },
        )
        .await
        .unwrap();
    let requests = recorded.await.unwrap();
    assert!(
        requests[0].starts_with("GET /api/v1/namespaces/_/actions/tools/?skip=2&limit=5 "),
        "{}",
        requests[0]
    );
}

#[tokio::test]
async fn refusals_keep_reason_transaction_and_facts() {
    let body = r#"{"error":"Too many requests.","code":"tx9","limit":"60/m"}"#;
    let (client, _recorded) = recorder(vec![reply("429 Too Many Requests", body)]).await.unwrap();
    let Err(Error::Refused(refusal)) = client.namespaces().await else {
        panic!("not refused")
    };
    assert_eq!(
        (refusal.status, refusal.body.error.as_str(), refusal.body.code.as_str()),
        (429, "Too many requests.", "tx9")
    );
    assert_eq!(refusal.body.facts.get("limit"), Some(&json!("60/m")));
    assert_eq!(refusal.code().map(|code| code.id()), Some("WSP-0429"));
}

#[tokio::test]
async fn a_failed_function_is_a_result_and_a_failed_gateway_is_not() {
    let failed = reply(
        "502 Bad Gateway\r\nx-openwhisk-activation-id: abc",
        r#"{"error":"mine"}"#,
    );
    let gateway = reply("502 Bad Gateway", r#"{"error":"down","code":"t"}"#);
    let late = reply("202 Accepted", r#"{"activationId":"def"}"#);
    let (client, _recorded) = recorder(vec![failed, gateway, late]).await.unwrap();
    let name = "/_/f".parse().unwrap();
    match client.invoke(&name, &json!({}), Invoke::result()).await.unwrap() {
        Invoked::Ended { id, status, body } => {
            assert_eq!((id.as_str(), status, body), ("abc", 502, json!({"error": "mine"})))
        }
        other => panic!("{other:?}"),
    }
    let refused = client.invoke(&name, &json!({}), Invoke::result()).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    let accepted = client.invoke(&name, &json!({}), Invoke::blocking()).await.unwrap();
    assert!(
        matches!(&accepted, Invoked::Accepted { id } if id == "def"),
        "{accepted:?}"
    );
}

#[tokio::test]
async fn a_fire_without_rules_has_no_id() {
    let (client, _recorded) = recorder(vec![reply("204 No Content", "")]).await.unwrap();
    assert_eq!(client.fire(&"/_/t".parse().unwrap(), &json!({})).await.unwrap(), None);
}

#[tokio::test]
async fn nobody_there_is_told() {
    let client = Client::new("http://127.0.0.1:1".parse().unwrap(), Options::default());
    let error = client.namespaces().await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { .. }) && error.to_string().contains("http://127.0.0.1:1"),
        "{error}"
    );
}
