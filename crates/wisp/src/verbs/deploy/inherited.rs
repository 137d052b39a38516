use anyhow::Context;
use serde_json::Value;
use wisp_core::model::Fqn;
use wisp_wire::client::{Client, Collection};

/// Takes those parameters out of an action's document that it shows because its package has them. (One that the action
/// has with the very same value goes, too: it changes nothing.)
pub async fn strip(client: &Client, action: &mut Value, package: &Fqn) -> anyhow::Result<()> {
    let package: Value = client
        .get(Collection::Packages, package)
        .await
        .with_context(|| format!("cannot read package '{}'", package.absolute()))?;
    let inherited = package["parameters"].as_array().cloned().unwrap_or_default();
    if let Some(own) = action["parameters"].as_array_mut() {
        own.retain(|pair| !inherited.contains(pair));
    }
    Ok(())
}
