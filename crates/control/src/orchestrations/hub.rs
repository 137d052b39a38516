use wisp_core::{Code, Error, Result, model::EntityName};
use wisp_workflow::orchestration::is_entity;

/// The hub that callers are in who name none: what workers outside carry out.
pub const DEFAULT: &str = "default";

/// Longest name of a hub, in bytes.
const NAME: usize = 64;

/// What instances, entities and their workers are in together; nothing in it knows of any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hub {
    /// The namespace.
    pub namespace: EntityName,
    /// Its name in the namespace. Names [who carries out](super::Carrier) what is asked for in it.
    pub name: String,
}

impl Hub {
    /// A hub of a namespace. Refuses names that have anything but letters, digits, `-`, `_` and `.`.
    pub fn new(namespace: EntityName, name: &str) -> Result<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > NAME || !name.bytes().all(fits) {
            let message =
                format!("'{name}' is no name of a task hub: it has 1 to {NAME} letters, digits, '-', '_' and '.'");
            return Err(Error::new(Code::BadRequest, message));
        }
        Ok(Self {
            namespace,
            name: name.to_owned(),
        })
    }

    /// Where an instance or an entity is in the journal: `namespace/*hub/id`. No machine's name begins with a star.
    pub(super) fn key(&self, id: &str) -> String {
        format!("{}/*{}/{id}", self.namespace, self.name)
    }

    /// The list that an instance or an entity stands in.
    pub(super) fn scope(&self, id: &str) -> String {
        match is_entity(id) {
            true => self.entities(),
            false => self.instances(),
        }
    }

    /// The list of instances.
    pub(super) fn instances(&self) -> String {
        format!("{}/*{}", self.namespace, self.name)
    }

    /// The list of entities.
    pub(super) fn entities(&self) -> String {
        format!("{}/*{}/@", self.namespace, self.name)
    }

    /// Reads a key; none if it is an execution's of a state machine.
    pub(super) fn read(key: &str) -> Option<(Self, &str)> {
        let (namespace, rest) = key.split_once('/')?;
        let (name, id) = rest.strip_prefix('*')?.split_once('/')?;
        let hub = Self {
            namespace: namespace.parse().ok()?,
            name: name.to_owned(),
        };
        Some((hub, id))
    }
}

/// Whether a key of the journal is an instance's or an entity's.
pub(crate) fn is_ours(key: &str) -> bool {
    key.split_once('/').is_some_and(|(_, rest)| rest.starts_with('*'))
}
