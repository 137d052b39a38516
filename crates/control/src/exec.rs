use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use bytes::Bytes;
use serde::Serialize;
use wisp_core::{
    Code, Error, Result,
    model::{ActionLimits, ActionPut, CodeRef, Exec, ExecPut, Identity, Limits},
};

use crate::control::Control;

/// OpenWhisk takes for base64 what has its alphabet, length and padding, whatever the last unused bits are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

impl Control {
    /// Refuses requests whose parts are larger than allowed.
    pub(crate) fn check_put(&self, caller: &Identity, put: &ActionPut) -> Result<()> {
        let limits = &self.inner.limits;
        if let Some(exec) = &put.exec {
            within("exec", exec_size(exec), limits.code_size)?;
            self.check_kind(caller, exec)?;
        }
        self.check_size("parameters", put.parameters.as_ref())?;
        self.check_size("annotations", put.annotations.as_ref())
    }

    /// Refuses parameters or annotations that are larger than allowed.
    pub(crate) fn check_size(&self, what: &str, value: Option<&impl Serialize>) -> Result<()> {
        let Some(value) = value else { return Ok(()) };
        let text = serde_json::to_vec(value);
        let text = text.map_err(|error| Error::internal(format!("{what} cannot be encoded")).because(error))?;
        within(what, text.len() as u64, self.inner.limits.parameters_size)
    }

    fn check_kind(&self, caller: &Identity, exec: &ExecPut) -> Result<()> {
        let kind = match exec {
            ExecPut::Code { kind, .. } => self.inner.kinds.resolve(kind)?.name.as_str(),
            ExecPut::Blackbox { .. } => "blackbox",
            ExecPut::Sequence { .. } => return Ok(()),
        };
        match &caller.limits.allowed_kinds {
            Some(allowed) if !allowed.iter().any(|allowed| allowed == kind) => {
                let message =
                    format!("The supplied authentication is not authorized to access actions of kind '{kind}'.");
                Err(Error::new(Code::Forbidden, message)
                    .with("limit", "allowedKinds")
                    .with("value", allowed.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses limits that the caller's namespace may not have.
    pub(crate) fn check_limits(&self, caller: &Identity, asked: &ActionLimits) -> Result<()> {
        let mut limits = Limits::clone(&self.inner.limits);
        let own = &caller.limits;
        limits.memory.max = own.max_action_memory.unwrap_or(limits.memory.max);
        limits.timeout.max = own.max_action_timeout.unwrap_or(limits.timeout.max);
        limits.check(asked)?;
        let concurrent = own.concurrent_invocations.unwrap_or(limits.concurrent_invocations);
        if asked.instances.is_some_and(|instances| instances > concurrent) {
            return Err(Error::bad_request(format!(
                "Max action instance concurrency must not exceed your namespace concurrency of {concurrent}."
            )));
        }
        Ok(())
    }

    /// What a request wants to run, its code stored.
    pub(crate) async fn store_exec(&self, exec: ExecPut) -> Result<Exec> {
        Ok(match exec {
            ExecPut::Code { kind, code, main } => {
                let kind = self.inner.kinds.resolve(&kind)?.name.clone();
                Exec::Code {
                    kind,
                    code: self.store_code(code).await?,
                    main,
                }
            }
            ExecPut::Blackbox { image, code, main } => {
                let code = match code {
                    Some(code) => Some(self.store_code(code).await?),
                    None => None,
                };
                Exec::Blackbox { image, code, main }
            }
            ExecPut::Sequence { components } => Exec::Sequence { components },
        })
    }

    async fn store_code(&self, code: String) -> Result<CodeRef> {
        let (bytes, binary) = match decode(&code) {
            Some(bytes) => (Bytes::from(bytes), true),
            None => (Bytes::from(code), false),
        };
        let size = bytes.len() as u64;
        Ok(CodeRef {
            digest: self.inner.blobs.put(bytes).await?,
            size,
            binary,
        })
    }

    /// The code of an action as it was sent: text, or base64.
    pub(crate) async fn code(&self, exec: &Exec) -> Result<Option<String>> {
        let Some(code) = exec.code() else { return Ok(None) };
        let missing =
            || Error::new(Code::Corrupted, "Resource is corrupted and cannot be read.").with("digest", &code.digest);
        let bytes = self.inner.blobs.get(&code.digest).await?.ok_or_else(missing)?;
        match code.binary {
            true => Ok(Some(STANDARD.encode(bytes))),
            false => String::from_utf8(bytes.into())
                .map(Some)
                .map_err(|error| missing().because(error)),
        }
    }
}

/// Refuses what is larger than allowed.
fn within(what: &str, size: u64, limit: u64) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let message = format!("{what} larger than allowed: {size} > {limit} bytes.");
    Err(Error::new(Code::TooLarge, message)
        .with("limit", format!("{what} size"))
        .with("value", limit))
}

fn exec_size(exec: &ExecPut) -> u64 {
    match exec {
        ExecPut::Code { code, .. } => code.len() as u64,
        ExecPut::Blackbox { code, .. } => code.as_ref().map_or(0, String::len) as u64,
        ExecPut::Sequence { .. } => 0,
    }
}

/// The bytes of code that is base64; none for text.
fn decode(code: &str) -> Option<Vec<u8>> {
    let code = code.trim();
    if code.is_empty() || !code.len().is_multiple_of(4) {
        return None;
    }
    BASE64.decode(code).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strict_base64_is_binary() {
        for (code, expected) in [
            ("aGVsbG8=", Some(b"hello".to_vec())),
            (" aGVsbG8=\n", Some(b"hello".to_vec())),
            ("aGVsbG9=", Some(b"hello".to_vec())),
            ("aGVsbG8", None),
            ("aGVs\nbG8=", None),
            ("function main() {}", None),
            ("", None),
        ] {
            assert_eq!(decode(code), expected, "{code}");
        }
    }
}
