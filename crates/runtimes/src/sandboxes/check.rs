use serde::Serialize;

/// Whether the machine offers something that sandboxes use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It is there, whole.
    Ok,
    /// Sandboxes work, with less protection or fewer features.
    Limited,
    /// Sandboxes do not work without it.
    Missing,
}

/// One finding about the machine, for `wisp doctor` and the start-up log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it stands.
    pub health: Health,
    /// What was found.
    pub detail: String,
    /// What to do about it; empty when nothing is to be done.
    pub remedy: String,
}

impl Check {
    /// A finding that needs nothing to be done.
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            health: Health::Ok,
            detail: detail.into(),
            remedy: String::new(),
        }
    }

    /// Something that is missing, but not needed.
    pub fn limited(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            health: Health::Limited,
            detail: detail.into(),
            remedy: remedy.into(),
        }
    }

    /// Something without which sandboxes do not start.
    pub fn missing(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            health: Health::Missing,
            detail: detail.into(),
            remedy: remedy.into(),
        }
    }
}
