use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, de::Error as _};

use crate::{Error, Result};

/// Longest name segment, in characters (OpenWhisk's `ENTITY_NAME_MAX_LENGTH`).
const MAX_LENGTH: usize = 256;

/// One segment of a name: 1 to 256 characters, `\A([\w]|[\w][\w@ .&-]{0,254}[\w@.&-])\z`, case-sensitive.
/// Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EntityName(Arc<str>);

impl EntityName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a namespace, whose error messages differ from an entity's.
    pub fn namespace(text: &str) -> Result<Self> {
        if text.chars().count() > MAX_LENGTH {
            let length = text.chars().count();
            return Err(Error::bad_request(format!(
                "Namespace longer than allowed: {length} > {MAX_LENGTH}."
            )));
        }
        if !is_legal(text) {
            return Err(Error::bad_request("The namespace contains illegal characters."));
        }
        Ok(Self(text.into()))
    }
}

fn is_legal(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let inner = |byte: u8| word(byte) || b"@ .&-".contains(&byte);
    match text.as_bytes() {
        [] => false,
        [first, rest @ ..] => word(*first) && rest.iter().all(|byte| inner(*byte)) && rest.last() != Some(&b' '),
    }
}

impl FromStr for EntityName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let length = text.chars().count();
        if length > MAX_LENGTH {
            // The misspelling is OpenWhisk's; clients and tests match it.
            return Err(Error::bad_request(format!(
                "Name segement longer than allowed: {length} > {MAX_LENGTH}."
            )));
        }
        if !is_legal(text) {
            return Err(Error::bad_request(
                "The name of the entity contains illegal characters.",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl<'de> Deserialize<'de> for EntityName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for EntityName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A fully qualified entity name: `namespace/name`, or `namespace/package/name` for what a package contains.
///
/// Stored and compared without a leading slash, which is also the id in the store: all kinds of entities of a
/// namespace share one id space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fqn {
    namespace: EntityName,
    package: Option<EntityName>,
    name: EntityName,
}

impl Fqn {
    /// A name at the top level of a namespace, or inside a package.
    pub fn new(namespace: EntityName, package: Option<EntityName>, name: EntityName) -> Self {
        Self {
            namespace,
            package,
            name,
        }
    }

    /// Parses every form that OpenWhisk accepts, with `caller` standing in for `_` and for a missing namespace:
    /// `/ns/name`, `/ns/pkg/name`, `ns/pkg/name`, `_/name`, `/_/name`, `pkg/name`, `name`.
    pub fn resolve(text: &str, caller: &EntityName) -> Result<Self> {
        let text = text.trim();
        let absolute = text.starts_with('/');
        let segments: Vec<&str> = text.strip_prefix('/').unwrap_or(text).split('/').collect();
        let (namespace, rest) = match segments.as_slice() {
            ["_", rest @ ..] => (caller.clone(), rest),
            [namespace, rest @ ..] if absolute || rest.len() == 2 => (EntityName::namespace(namespace)?, rest),
            rest => (caller.clone(), rest),
        };
        match rest {
            [name] => Ok(Self::new(namespace, None, name.parse()?)),
            [package, name] => Ok(Self::new(namespace, Some(package.parse()?), name.parse()?)),
            _ => Err(Error::bad_request(format!(
                "'{text}' is not a name: expected /namespace/name or /namespace/package/name"
            ))),
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.namespace.as_str()
    }

    /// The namespace as a checked name.
    pub fn namespace_name(&self) -> &EntityName {
        &self.namespace
    }

    /// The package, if the entity is in one.
    pub fn package(&self) -> Option<&str> {
        self.package.as_ref().map(EntityName::as_str)
    }

    /// The package as a fully qualified name of its own.
    pub fn package_fqn(&self) -> Option<Fqn> {
        self.package
            .clone()
            .map(|package| Fqn::new(self.namespace.clone(), None, package))
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The last segment as a checked name.
    pub fn entity(&self) -> &EntityName {
        &self.name
    }

    /// What stands before the name: `ns`, or `ns/pkg`.
    pub fn path(&self) -> String {
        match &self.package {
            Some(package) => format!("{}/{package}", self.namespace),
            None => self.namespace.to_string(),
        }
    }

    /// The same package and name in another namespace and package path.
    pub fn at(&self, package: &Fqn) -> Fqn {
        Fqn::new(package.namespace.clone(), Some(package.name.clone()), self.name.clone())
    }

    /// The same name, with `caller` for the namespace if that is `_`.
    pub fn or_of(self, caller: &EntityName) -> Fqn {
        match self.namespace.as_str() {
            "_" => Fqn {
                namespace: caller.clone(),
                ..self
            },
            _ => self,
        }
    }

    /// With the leading slash that OpenWhisk puts before names in documents.
    pub fn absolute(&self) -> String {
        format!("/{self}")
    }
}

impl FromStr for Fqn {
    type Err = Error;

    /// Parses `ns/name` and `ns/pkg/name`, with or without a leading slash; the namespace must be there.
    fn from_str(text: &str) -> Result<Self> {
        let segments: Vec<&str> = text
            .trim()
            .strip_prefix('/')
            .unwrap_or(text.trim())
            .split('/')
            .collect();
        match segments.as_slice() {
            [namespace, name] => Ok(Self::new(EntityName::namespace(namespace)?, None, name.parse()?)),
            [namespace, package, name] => Ok(Self::new(
                EntityName::namespace(namespace)?,
                Some(package.parse()?),
                name.parse()?,
            )),
            _ => Err(Error::bad_request(format!(
                "'{text}' is not a fully qualified name: expected /namespace/name or /namespace/package/name"
            ))),
        }
    }
}

impl fmt::Display for Fqn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.package {
            Some(package) => write!(f, "{}/{package}/{}", self.namespace, self.name),
            None => write!(f, "{}/{}", self.namespace, self.name),
        }
    }
}

impl fmt::Debug for Fqn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Fqn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fqn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar() {
        for good in ["a", "_", "A1", "with space", "a@b.c&d-e", "9lives", &"x".repeat(256)] {
            assert!(good.parse::<EntityName>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "@a", ".", "a/b", "ä", "a$", &"x".repeat(257)] {
            assert!(bad.parse::<EntityName>().is_err(), "{bad}");
        }
        let long = "x".repeat(300).parse::<EntityName>().map_err(|error| error.to_string());
        assert_eq!(long, Err("Name segement longer than allowed: 300 > 256.".into()));
    }

    #[test]
    fn every_form_resolves() -> Result<()> {
        let me = EntityName::namespace("me")?;
        for (text, expected) in [
            ("a", "me/a"),
            ("p/a", "me/p/a"),
            ("_/a", "me/a"),
            ("/_/a", "me/a"),
            ("/_/p/a", "me/p/a"),
            ("/ns/a", "ns/a"),
            ("/ns/p/a", "ns/p/a"),
            ("ns/p/a", "ns/p/a"),
        ] {
            assert_eq!(Fqn::resolve(text, &me)?.to_string(), expected, "{text}");
        }
        for bad in ["", "/", "/a", "a/b/c/d", "//a", "/ns//a"] {
            assert!(Fqn::resolve(bad, &me).is_err(), "{bad}");
        }
        Ok(())
    }
}
