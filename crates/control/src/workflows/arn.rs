use std::fmt;

use sha2::{Digest, Sha256};
use wisp_core::{
    Error, Result,
    model::{EntityName, Identity},
};

use super::Exception;

/// Characters that no name has, beside blanks and control characters.
const FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";

/// Longest name, in characters.
const NAME_LENGTH: usize = 80;

/// What an ARN of the service `states` names, within an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// `stateMachine:NAME`
    Machine(String),
    /// `stateMachine:NAME:3`
    Version(String, u64),
    /// `stateMachine:NAME:ALIAS`
    Alias(String, String),
    /// `execution:MACHINE:NAME`
    Execution(String, String),
    /// `express:MACHINE:NAME:UUID`
    Express(String, String, String),
    /// `activity:NAME`
    Activity(String),
    /// `mapRun:MACHINE/LABEL:UUID`
    MapRun(String, String),
}

impl Named {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let own = |text: &str| text.to_owned();
        Some(match parts[..] {
            ["stateMachine", name] => Named::Machine(own(name)),
            ["stateMachine", name, last] => match last.parse() {
                Ok(number) => Named::Version(own(name), number),
                Err(_) => Named::Alias(own(name), own(last)),
            },
            ["execution", machine, name] => Named::Execution(own(machine), own(name)),
            ["express", machine, name, id] => Named::Express(own(machine), own(name), own(id)),
            ["activity", name] => Named::Activity(own(name)),
            ["mapRun", run, id] => Named::MapRun(own(run), own(id)),
            _ => return None,
        })
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Named::Machine(name) => write!(f, "stateMachine:{name}"),
            Named::Version(name, number) => write!(f, "stateMachine:{name}:{number}"),
            Named::Alias(name, alias) => write!(f, "stateMachine:{name}:{alias}"),
            Named::Execution(machine, name) => write!(f, "execution:{machine}:{name}"),
            Named::Express(machine, name, id) => write!(f, "express:{machine}:{name}:{id}"),
            Named::Activity(name) => write!(f, "activity:{name}"),
            Named::MapRun(run, id) => write!(f, "mapRun:{run}:{id}"),
        }
    }
}

/// `arn:aws:states:REGION:ACCOUNT:…`: what ACCOUNT's namespace has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    region: String,
    account: String,
    /// What it names.
    pub named: Named,
}

impl Arn {
    /// Of something in the caller's namespace.
    pub(crate) fn new(region: &str, namespace: &EntityName, named: Named) -> Self {
        Self {
            region: region.to_owned(),
            account: account(namespace),
            named,
        }
    }

    /// Reads an ARN of the caller's. One of another account names nothing that the caller could see, and is no less
    /// valid for that: `foreign` says what does not exist then.
    pub(crate) fn parse(text: &str, caller: &Identity, foreign: Exception) -> Result<Self> {
        let invalid = || Exception::InvalidArn.of(text);
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let [_, _, _, region, owner, named] = fields[..] else {
            return Err(malformed(text));
        };
        if !text.starts_with("arn:aws:states:") || region.is_empty() {
            return Err(malformed(text));
        }
        let named = Named::parse(named).ok_or_else(invalid)?;
        if owner != account(&caller.namespace) {
            return Err(foreign.of(text));
        }
        Ok(Self {
            region: region.to_owned(),
            account: owner.to_owned(),
            named,
        })
    }

    /// Something else of the same account.
    pub fn with(&self, named: Named) -> Self {
        Self { named, ..self.clone() }
    }

    /// The refusal where this kind of resource is not taken: `'Resource type not valid in this context: express'`.
    pub(crate) fn misplaced(&self) -> Error {
        let text = self.named.to_string();
        let kind = text.split(':').next().unwrap_or_default();
        Exception::InvalidArn.says(format!(
            "Invalid Arn: 'Resource type not valid in this context: {kind}'"
        ))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:states:{}:{}:{}", self.region, self.account, self.named)
    }
}

fn malformed(text: &str) -> Error {
    Exception::InvalidArn.says(format!("Invalid Arn: 'Invalid ARN prefix: {text}'"))
}

/// The account number of a namespace: twelve digits of a digest of its name, so that it needs no record.
pub fn account(namespace: &EntityName) -> String {
    let digest = Sha256::digest(namespace.as_str().as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:012}", number % 1_000_000_000_000)
}

/// Refuses what cannot be the name of a machine, an activity or an execution.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || FORBIDDEN.contains(c);
    if name.is_empty() || name.chars().count() > NAME_LENGTH || name.chars().any(forbidden) {
        return Err(Exception::InvalidName.of(name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in [
            "stateMachine:Pay",
            "stateMachine:Pay:3",
            "stateMachine:Pay:live",
            "execution:Pay:one",
            "express:Pay:one:2f0c",
            "activity:approve",
            "mapRun:Pay/Items:2f0c",
        ] {
            assert_eq!(Named::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "stateMachine",
            "stateMachine:",
            "stateMachine:a:b:c",
            "execution:a",
            "queue:a",
            "",
        ] {
            assert_eq!(Named::parse(text), None, "{text}");
        }
    }

    #[test]
    fn accounts_are_twelve_digits_that_stay() {
        let guest = account(&EntityName::namespace("guest").unwrap());
        assert_eq!(guest, account(&EntityName::namespace("guest").unwrap()));
        assert_eq!(guest.len(), 12);
        assert!(guest.bytes().all(|byte| byte.is_ascii_digit()));
        assert_ne!(guest, account(&EntityName::namespace("other").unwrap()));
    }

    #[test]
    fn names_have_no_brackets_wildcards_blanks_or_control_characters() {
        for name in ["a", "A_b-c.d", "größe", &"x".repeat(80)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "a b",
            "a:b",
            "a/b",
            "a*",
            "a\u{1f}",
            "a\u{7f}",
            "a<",
            "a\"",
            &"x".repeat(81),
        ] {
            let error = check_name(name).unwrap_err();
            assert_eq!(error.message(), format!("Invalid Name: '{name}'"));
        }
    }
}
