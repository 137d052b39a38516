use std::{
    collections::HashMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

/// Docker's name for its own registry.
const HUB: (&str, &str) = ("docker.io", "index.docker.io");

/// Docker's configuration, as far as it is about credentials.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Docker {
    auths: HashMap<String, Auth>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
}

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The credentials for a registry in Docker's configuration: at `path`, else where Docker has it. Blocks while a helper
/// is asked.
pub fn find(registry: &str, path: Option<&Path>) -> RegistryAuth {
    let Some(path) = path.map(Path::to_owned).or_else(default_path) else {
        return RegistryAuth::Anonymous;
    };
    // Most machines have none.
    let Ok(text) = fs::read(&path) else {
        return RegistryAuth::Anonymous;
    };
    match serde_json::from_slice::<Docker>(&text) {
        Ok(docker) => docker.find(registry).unwrap_or(RegistryAuth::Anonymous),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "Docker's configuration cannot be read");
            RegistryAuth::Anonymous
        }
    }
}

fn default_path() -> Option<PathBuf> {
    let directory = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let directory = directory.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".docker")))?;
    Some(directory.join("config.json"))
}

impl Docker {
    fn find(&self, registry: &str) -> Option<RegistryAuth> {
        let is_it = |name: &&String| host(name) == registry || (registry == HUB.0 && host(name) == HUB.1);
        let helper = self
            .cred_helpers
            .keys()
            .find(is_it)
            .map(|name| (name, &self.cred_helpers[name]));
        if let Some((name, helper)) = helper {
            return ask(helper, name);
        }
        let known = self.auths.keys().find(is_it).map(|name| (name, &self.auths[name]));
        let stored = known.and_then(|(_, auth)| auth.read());
        stored.or_else(|| ask(self.creds_store.as_ref()?, known.map_or(registry, |(name, _)| name)))
    }
}

impl Auth {
    fn read(&self) -> Option<RegistryAuth> {
        if !self.username.is_empty() {
            return Some(RegistryAuth::Basic(self.username.clone(), self.password.clone()));
        }
        let decoded = BASE64_STANDARD.decode(&self.auth).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.trim_end_matches('\0').split_once(':')?;
        Some(RegistryAuth::Basic(user.to_owned(), password.to_owned()))
    }
}

/// Asks one of Docker's helpers, which are programs.
fn ask(helper: &str, server: &str) -> Option<RegistryAuth> {
    if !helper
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return None;
    }
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .inspect_err(|error| tracing::warn!(helper, %error, "the credential helper cannot be asked"))
        .ok()?;
    child.stdin.take()?.write_all(server.as_bytes()).ok()?;
    let answer = child.wait_with_output().ok()?;
    let helped: Helped = serde_json::from_slice(&answer.stdout).ok()?;
    Some(RegistryAuth::Basic(helped.username, helped.secret))
}

/// The host of what may be an address.
fn host(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    name.split_once('/').map_or(name, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn credentials_are_found_by_host() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(
            &path,
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YWRhOnNlY3JldDp4"},
                "127.0.0.1:5000":{"username":"bob","password":"pw"},"empty.example":{}},"credsStore":"../bad"}"#,
        )
        .unwrap();
        for (registry, expected) in [
            ("docker.io", RegistryAuth::Basic("ada".into(), "secret:x".into())),
            ("127.0.0.1:5000", RegistryAuth::Basic("bob".into(), "pw".into())),
            ("empty.example", RegistryAuth::Anonymous),
            ("other.example", RegistryAuth::Anonymous),
        ] {
            assert_eq!(find(registry, Some(&path)), expected, "{registry}");
        }
        assert_eq!(
            find("docker.io", Some(&folder.path().join("none"))),
            RegistryAuth::Anonymous
        );
    }
}
