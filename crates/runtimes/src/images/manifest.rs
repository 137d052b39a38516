use serde::{Deserialize, Serialize};
use wisp_core::{Error, Result};

/// An image's configuration, as far as it matters here: `application/vnd.oci.image.config.v1+json`, or Docker's.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Configuration {
    /// The processor that it is for, as Go names it; empty if it does not say.
    #[serde(default)]
    pub architecture: String,
    /// How it runs.
    #[serde(default)]
    pub config: Option<Execution>,
    /// What it consists of.
    #[serde(default)]
    pub rootfs: RootFs,
}

/// How an image runs.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Execution {
    /// User, and perhaps group: names or numbers.
    pub user: Option<String>,
    /// `NAME=value`.
    pub env: Option<Vec<String>>,
    /// What starts.
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments; what starts, if there is no entry point.
    pub cmd: Option<Vec<String>>,
    /// Working directory.
    pub working_dir: Option<String>,
}

/// The layers of an image.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct RootFs {
    /// `sha256:` and the digest of each layer's uncompressed archive; the lowest first.
    #[serde(default)]
    pub diff_ids: Vec<String>,
}

impl Configuration {
    /// Reads one.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::bad_request("The image's configuration is not valid.").because(error))
    }

    /// The digests of its layers, in hexadecimal.
    pub fn layers(&self) -> Result<Vec<String>> {
        let ids = self.rootfs.diff_ids.iter();
        ids.map(|id| hexadecimal(id).map(str::to_owned)).collect()
    }

    /// What it starts, arguments included.
    pub fn command(&self) -> Vec<String> {
        let execution = self.config.clone().unwrap_or_default();
        let (entry, arguments) = (execution.entrypoint, execution.cmd);
        entry.into_iter().chain(arguments).flatten().collect()
    }
}

/// This machine's operating system and processor, as Go names them.
pub fn platform() -> (&'static str, &'static str) {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    ("linux", architecture)
}

/// Refuses an image for another processor.
pub fn check_platform(configuration: &Configuration) -> Result<()> {
    let (_, own) = platform();
    match configuration.architecture.as_str() {
        "" => Ok(()),
        architecture if architecture == own => Ok(()),
        other => Err(Error::bad_request(format!(
            "The image is for another processor: {other}, and this machine's is {own}."
        ))),
    }
}

/// The digits of a digest such as `sha256:0123…`. They name files, so nothing else may be in them.
pub fn hexadecimal(digest: &str) -> Result<&str> {
    let digits = digest.strip_prefix("sha256:").unwrap_or_default();
    let valid = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match valid {
        true => Ok(digits),
        false => Err(Error::bad_request(format!(
            "The image's digest '{digest}' is not one of SHA-256: expected sha256: and 64 digits."
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn configurations_of_docker_and_oci_are_read() {
        let text = br#"{"architecture":"amd64","os":"linux","config":{"User":"app","Env":null,"Entrypoint":["/run"],
            "Cmd":["-v"],"WorkingDir":""},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#;
        assert_eq!(Configuration::read(text).unwrap().command(), ["/run", "-v"]);
        assert!(Configuration::read(b"{}").unwrap().command().is_empty());
        assert!(Configuration::read(b"[").is_err());
    }

    #[test]
    fn only_digests_of_sha256_name_files() {
        let good = "a".repeat(64);
        assert_eq!(hexadecimal(&format!("sha256:{good}")).unwrap(), good);
        for bad in [
            "",
            "sha256:",
            "sha256:../../etc",
            &good,
            &format!("sha256:{}", "A".repeat(64)),
        ] {
            assert!(hexadecimal(bad).is_err(), "{bad}");
        }
    }
}
