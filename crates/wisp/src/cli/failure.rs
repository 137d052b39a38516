use std::{fmt, process::ExitCode};

use anstream::eprintln;
use wisp_wire::client;

use super::output::{BOLD, ERROR};

/// The command line is wrong in a way that its parser cannot see.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A failure that has been shown already: only the exit code is left.
#[derive(Debug)]
pub struct Quiet(pub u8);

impl Quiet {
    /// The exit code for an HTTP status.
    pub fn status(status: u16) -> Self {
        Self(exit_of_status(status))
    }
}

/// A function that the verb needed has failed: the text says which and how.
#[derive(Debug)]
pub struct FunctionFailed {
    /// For people.
    pub text: String,
    /// The HTTP status that the platform gave it.
    pub status: u16,
}

impl fmt::Display for FunctionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for FunctionFailed {}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Quiet {}

/// `wsk` exits with the status minus 256, of which the system keeps a byte.
fn exit_of_status(status: u16) -> u8 {
    status.to_le_bytes()[0]
}

/// Prints a failure with its remedy, and says how to exit.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        // Nothing is left to do when the terminal is gone.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    if let Some(Quiet(code)) = error.downcast_ref() {
        return ExitCode::from(*code);
    }
    if broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("{ERROR}error:{ERROR:#} {error:#}");
    for line in advice(error) {
        eprintln!("  {line}");
    }
    ExitCode::from(exit_code(error))
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Usage>().is_some() {
        return 2;
    }
    if let Some(failed) = error.downcast_ref::<FunctionFailed>() {
        return exit_of_status(failed.status);
    }
    match error.downcast_ref::<client::Error>() {
        Some(client::Error::Unreachable { .. }) => 3,
        Some(error) => error.status().map_or(1, exit_of_status),
        None => 1,
    }
}

/// Whether whoever read our output has gone: `wisp … | head` is no failure.
fn broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    error.downcast_ref::<client::Error>().is_none() && io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

fn advice(error: &anyhow::Error) -> Vec<String> {
    if let Some(error) = error.downcast_ref::<wisp_core::Error>() {
        let facts = error.context().iter().map(|(key, value)| format!("{key}: {value}"));
        return facts.chain([explain(error.code())]).collect();
    }
    match error.downcast_ref::<client::Error>() {
        Some(client::Error::Refused(refusal)) => {
            let facts = refusal.body.facts.iter().map(|(key, value)| match value.as_str() {
                Some(text) => format!("{key}: {text}"),
                None => format!("{key}: {value}"),
            });
            facts.chain(refusal.code().map(explain)).collect()
        }
        Some(client::Error::Unreachable { endpoint, .. }) => unreachable_advice(endpoint),
        _ => Vec::new(),
    }
}

fn unreachable_advice(endpoint: &str) -> Vec<String> {
    let scheme = "a host without a scheme means https: write http://host:port for a server without TLS";
    let mut lines = vec![format!(
        "start one with {BOLD}wisp serve{BOLD:#}, or name another with --apihost HOST"
    )];
    if endpoint.starts_with("https://") {
        lines.push(scheme.into());
        lines.push("a self-signed certificate is accepted with -i, or trusted with --cacert FILE".into());
    }
    lines
}

fn explain(code: wisp_core::Code) -> String {
    format!("what to do: {BOLD}wisp explain {code}{BOLD:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_wsk() {
        for (status, code) in [
            (404, 148),
            (409, 153),
            (401, 145),
            (429, 173),
            (502, 246),
            (500, 244),
            (202, 202),
        ] {
            assert_eq!(exit_of_status(status), code, "{status}");
        }
        assert_eq!(exit_code(&anyhow::Error::new(Usage("no".into())).context("Unable")), 2);
        let lost = client::Error::Unreachable {
            endpoint: "http://x".into(),
            source: "gone".into(),
        };
        assert_eq!(exit_code(&anyhow::Error::new(lost).context("Unable")), 3);
        let failed = FunctionFailed {
            text: "no".into(),
            status: 502,
        };
        assert_eq!(exit_code(&anyhow::Error::new(failed).context("Unable")), 246);
        assert_eq!(exit_code(&anyhow::anyhow!("else")), 1);
    }
}
