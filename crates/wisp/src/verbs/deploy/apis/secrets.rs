use anyhow::{Context, bail};
use serde_json::{Value, json};
use wisp_core::model::{EntityName, Fqn};
use wisp_wire::client::{Client, Collection};

use super::{
    operation::{CASES, operations},
    wanted::Wanted,
};
use crate::{
    cli,
    verbs::{action::web::SECRET, deploy::wanted},
};

/// Lets an API send the web actions behind it the secrets that they ask for, and refuses actions that are none. What
/// the manifest has is looked at before what is there.
pub async fn add_secrets(
    client: &Client,
    namespace: &EntityName,
    api: &mut Wanted,
    entities: &[wanted::Wanted],
) -> anyhow::Result<()> {
    let mut secrets = Vec::new();
    for (path, _, operation) in operations(&api.document) {
        let target = &operation["x-openwhisk"];
        let Some(name) = full_name(target, namespace.as_str()) else {
            continue;
        };
        let own = entities.iter().find(|entity| entity.name == name);
        let document = match own {
            Some(entity) => entity.body.clone(),
            None => client
                .get(Collection::Actions, &name)
                .await
                .with_context(|| format!("path '{path}' of API '{}' needs action '{name}'", api.base))?,
        };
        if cli::annotation(&document, "web-export") != Some(&Value::Bool(true)) {
            bail!(
                "path '{path}' of API '{}' needs action '{name}', which is no web action: say `web: true`",
                api.base
            );
        }
        if let Some(secret @ (Value::String(_) | Value::Number(_))) = cli::annotation(&document, SECRET) {
            secrets.push((operation["operationId"].clone(), secret.clone()));
        }
    }
    let cases = api.document.pointer_mut(CASES).and_then(Value::as_array_mut);
    for case in cases.into_iter().flatten() {
        let secret = secrets.iter().find(|(id, _)| case["operations"][0] == *id);
        if let (Some((_, secret)), Some(steps)) = (secret, case["execute"].as_array_mut()) {
            steps.push(json!({ "set-variable": { "actions": [
                { "set": "message.headers.X-Require-Whisk-Auth", "value": secret }
            ] } }));
        }
    }
    Ok(())
}

/// The action, if the document says which; one whose namespace is not named is `home`'s.
fn full_name(target: &Value, home: &str) -> Option<Fqn> {
    let named = target["namespace"].as_str().filter(|namespace| *namespace != "_");
    let namespace = named.unwrap_or(home);
    let action = target["action"].as_str()?;
    let path = match target["package"].as_str() {
        None | Some("" | "default") => format!("{namespace}/{action}"),
        Some(package) => format!("{namespace}/{package}/{action}"),
    };
    path.parse().ok()
}
