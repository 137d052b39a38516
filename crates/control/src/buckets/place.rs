use wisp_core::model::{EntityName, Fqn};

/// Where a scope is: `namespace/!bucket/number/session` in the journal. No machine's name begins with an exclamation mark, nor a
/// hub's list. The number tells a bucket from earlier ones of its name; a scope of all sessions has no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub bucket: Fqn,
    pub number: String,
    pub session: String,
}

impl Place {
    /// Its key.
    pub fn key(&self) -> String {
        let list = list(&self.bucket);
        format!("{list}/{}/{}", self.number, self.session)
    }

    /// Reads a key.
    pub fn read(key: &str) -> Option<Self> {
        let (namespace, rest) = key.split_once('/')?;
        let mut parts = rest.strip_prefix('!')?.splitn(3, '/');
        let (name, number, session) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            bucket: Fqn::new(EntityName::namespace(namespace).ok()?, None, name.parse().ok()?),
            number: number.to_owned(),
            session: session.to_owned(),
        })
    }
}

/// The list of a bucket's scopes in the journal.
pub(super) fn list(bucket: &Fqn) -> String {
    format!("{}/!{}", bucket.namespace(), bucket.name())
}

/// Whether a key of the journal is a scope's.
pub(crate) fn is_ours(key: &str) -> bool {
    key.split_once('/').is_some_and(|(_, rest)| rest.starts_with('!'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        for session in ["", "s", "a/b/!c"] {
            let place = Place {
                bucket: "ns/photos & more".parse().expect("a name"),
                number: "7f".into(),
                session: session.into(),
            };
            let key = place.key();
            assert!(is_ours(&key), "{key}");
            assert_eq!(Place::read(&key), Some(place));
        }
        for other in ["ns/machine/name", "ns/*hub/id", "ns/#composed/id", "ns/!b", "ns"] {
            assert_eq!(Place::read(other), None, "{other}");
        }
    }
}
