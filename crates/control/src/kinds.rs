use wisp_core::{
    Error, Result,
    model::{Exec, Isolation},
    ports::Kind,
};

/// The kinds that actions can have: all that the languages of this platform offer.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    families: Vec<(String, Vec<Kind>)>,
}

impl Kinds {
    /// The table from the families and what each of them can run.
    pub fn new(families: Vec<(String, Vec<Kind>)>) -> Self {
        Self { families }
    }

    /// The families with their kinds.
    pub fn families(&self) -> impl Iterator<Item = (&str, &[Kind])> {
        self.families
            .iter()
            .map(|(family, kinds)| (family.as_str(), kinds.as_slice()))
    }

    /// Refuses an action that nothing on this platform runs.
    pub(crate) fn check_runnable(&self, exec: &Exec) -> Result<()> {
        let known = |kind: &str| self.all().any(|known| known.name == kind);
        match (exec, exec.runtime()) {
            (Exec::Sequence { .. } | Exec::Builtin, _) => Ok(()),
            (_, Some(kind)) if known(kind) => Ok(()),
            (Exec::Blackbox { image, .. }, _) => Err(Error::bad_request(format!(
                "The image '{image}' cannot run here: container images are not supported by this platform."
            ))),
            (_, _) => Err(Error::bad_request(format!(
                "The '{}' runtime is no longer supported. You may read and delete but not update or invoke this action.",
                exec.kind()
            ))),
        }
    }

    /// The levels that a kind can run at, its own first; those of processes for what is not in the table.
    pub(crate) fn levels(&self, name: &str) -> &[Isolation] {
        self.all()
            .find(|kind| kind.name == name)
            .map_or(&[Isolation::Process], |kind| &kind.levels)
    }

    /// All kinds.
    pub fn all(&self) -> impl Iterator<Item = &Kind> {
        self.families.iter().flat_map(|(_, kinds)| kinds)
    }

    /// The kind that a client's word means: a kind's name, an alias, or `<family>:default`; case and surrounding
    /// blanks do not count.
    pub fn resolve(&self, word: &str) -> Result<&Kind> {
        let word = word.trim().to_ascii_lowercase();
        let family = word.strip_suffix(":default");
        let default = family.and_then(|family| {
            let (_, kinds) = self.families.iter().find(|(name, _)| name == family)?;
            kinds.iter().find(|kind| kind.default)
        });
        default
            .or_else(|| self.all().find(|kind| kind.name == word))
            .or_else(|| self.all().find(|kind| kind.aliases.contains(&word)))
            .ok_or_else(|| {
                let known: Vec<String> = self.all().map(|kind| format!("'{}'", kind.name)).collect();
                Error::bad_request(format!(
                    "The specified runtime '{word}' is not supported by this platform. Valid values are: {}.",
                    known.join(", ")
                ))
            })
    }
}
