use std::path::Path;

use anyhow::{Context, Result, bail};
use wisp_control::{Control, Seal};
use wisp_core::model::{ApiKey, EntityName};

use super::{Settings, paths};

/// The namespace that is there from the first start.
const HOME: &str = "guest";

/// The keys of OpenWhisk's tutorials: everybody knows them.
const DEV_KEYS: [(&str, &str, &str); 2] = [
    (
        "guest",
        "23bc46b1-71f6-4ed5-8c54-816aa4f8c502",
        "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP",
    ),
    (
        "whisk.system",
        "789c46b1-71f6-4ed5-8c54-816aa4f8c502",
        "abczO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP",
    ),
];

/// Creates the namespace `guest` on the first start and tells its key to the CLI. With `dev`, the well-known keys are
/// valid too, until this server ends.
pub(super) async fn subjects(control: &Control, settings: &Settings, data: &Path, api: &str) -> Result<()> {
    let wskprops = paths::wskprops(settings, data);
    if control.list_users().await?.is_empty() {
        let (_, key) = control
            .create_user(HOME, Some(EntityName::namespace(HOME)?), None)
            .await?;
        tell(&wskprops, &key.reveal(), api)?;
        tracing::info!("the key of namespace {HOME} is in {}", wskprops.display());
    } else if let Ok(text) = std::fs::read_to_string(&wskprops) {
        // The address may be another one than last time.
        if let Some(key) = text.lines().find_map(|line| line.strip_prefix("AUTH=")) {
            tell(&wskprops, key, api)?;
        }
    }
    if settings.dev {
        tracing::warn!("--dev: OpenWhisk's well-known keys are valid here, and everybody knows them");
        lend_dev_keys(control).await?;
    }
    Ok(())
}

async fn lend_dev_keys(control: &Control) -> Result<()> {
    for (name, uuid, secret) in DEV_KEYS {
        if control.get_user(name).await.is_err() {
            control
                .create_user(name, Some(EntityName::namespace(name)?), None)
                .await?;
        }
        let key = ApiKey {
            uuid: uuid.to_owned(),
            secret: secret.to_owned(),
        };
        control.lend_key(name, &key).await?;
    }
    Ok(())
}

/// Writes the properties that the CLI needs to use this server. The namespace has its name in it, because not every
/// client knows `_`.
fn tell(path: &Path, key: &str, api: &str) -> Result<()> {
    paths::write_private(
        path,
        format!("APIHOST={api}\nAUTH={key}\nNAMESPACE={HOME}\n").as_bytes(),
    )
}

/// What seals callers' keys.
pub(super) fn seal(settings: &Settings) -> Result<Seal> {
    Ok(Seal::new(secret(settings)?))
}

/// The platform's secret, which is not in the data directory; made on the first start.
pub(super) fn secret(settings: &Settings) -> Result<[u8; 32]> {
    let path = paths::secret(settings)?;
    if !path.exists() {
        paths::write_private(&path, &rand::random::<[u8; 32]>())?;
    }
    let secret = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    match <[u8; 32]>::try_from(secret) {
        Ok(secret) => Ok(secret),
        Err(_) => bail!(
            "{} must hold 32 bytes: restore it, or remove it to get a new one",
            path.display()
        ),
    }
}
