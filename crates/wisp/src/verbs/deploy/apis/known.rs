use serde_json::{Value, json};
use wisp_wire::client::Client;

use super::{
    operation::{DIGEST, PROJECT, signatures},
    wanted::Wanted,
};

/// The documents of all APIs that are there.
pub async fn list(client: &Client) -> anyhow::Result<Vec<Value>> {
    let got: Value = client.apis("getApi", &[]).await?;
    let apis = got["apis"].as_array().into_iter().flatten();
    Ok(apis.map(|api| api["value"]["apidoc"].clone()).collect())
}

/// In what an API is not as wanted: words for people, none if it is.
pub fn differences(wanted: &Wanted, current: &Value, namespace: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (new, old) = (signatures(&wanted.document, namespace), signatures(current, namespace));
    for (name, signature) in &new {
        match old.get(name) {
            None => found.push(format!("+{name}")),
            Some(known) if known != signature => found.push(name.clone()),
            Some(_) => {}
        }
    }
    found.extend(
        old.keys()
            .filter(|name| !new.contains_key(*name))
            .map(|name| format!("-{name}")),
    );
    let document = &wanted.document;
    if document["info"]["title"] != current["info"]["title"] {
        found.push(format!(
            "title {} → {}",
            current["info"]["title"], document["info"]["title"]
        ));
    }
    let policy = document.get("x-wisp");
    if policy.is_some() && policy != current.get("x-wisp") {
        found.push("policy".to_owned());
    }
    // Of a file, more than what the gateway reads is kept.
    if document.get(DIGEST) != current.get(DIGEST) && document.get(DIGEST).is_some() {
        found.push("document".to_owned());
    }
    if document[PROJECT] != current[PROJECT] {
        found.push(format!("+project {}", document[PROJECT].as_str().unwrap_or_default()));
    }
    found
}

/// Makes an API as wanted. Who may call it stays as it is, if the manifest does not say.
pub async fn put(client: &Client, wanted: &Wanted, current: Option<&Value>) -> anyhow::Result<()> {
    let mut document = wanted.document.clone();
    if let (None, Some(policy)) = (
        document.get("x-wisp"),
        current.and_then(|current| current.get("x-wisp")),
    ) {
        document["x-wisp"] = policy.clone();
    }
    let body = json!({ "apidoc": { "namespace": "_", "swagger": document } });
    let _: Value = client.change_apis("createApi", &[], &body).await?;
    Ok(())
}

/// Deletes an API. One that is gone already is no failure.
pub async fn delete(client: &Client, base: &str) -> anyhow::Result<()> {
    let there = list(client).await?.iter().any(|document| super::base(document) == base);
    if there {
        let _: Value = client.apis("deleteApi", &[("basepath", Some(base))]).await?;
    }
    Ok(())
}
