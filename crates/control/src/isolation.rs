use wisp_core::{
    Code, Error, Result,
    model::{Annotations, EntityName, Exec, Identity, Isolation, NamespaceLimits},
};

use crate::control::Control;

impl Control {
    /// The level at which an action runs for a caller: the one that its annotation asks for, else the first of its
    /// kind's that the caller's namespace may use. A sequence has none of its own: its steps have.
    pub(crate) fn isolation(&self, caller: &Identity, exec: &Exec, annotations: &Annotations) -> Result<Isolation> {
        if matches!(exec, Exec::Sequence { .. }) {
            return Ok(Isolation::default());
        }
        let levels = self.inner.kinds.levels(exec.runtime().unwrap_or(exec.kind()));
        let minimum = self.minimum(&caller.limits);
        let Some(asked) = asked(annotations)? else {
            let allowed = levels.iter().copied().find(|level| level.satisfies(minimum));
            return allowed.ok_or_else(|| too_weak(&caller.namespace, exec, levels[levels.len() - 1], minimum));
        };
        if !levels.contains(&asked) {
            return Err(not_offered(exec, asked, levels));
        }
        match asked.satisfies(minimum) {
            true => Ok(asked),
            false => Err(too_weak(&caller.namespace, exec, asked, minimum)),
        }
    }

    /// The weakest level that a namespace with these limits may use.
    fn minimum(&self, limits: &NamespaceLimits) -> Isolation {
        let platform = self.inner.limits.min_isolation;
        limits.min_isolation.map_or(platform, |own| own.max(platform))
    }
}

/// The level that an action's annotation asks for.
fn asked(annotations: &Annotations) -> Result<Option<Isolation>> {
    let Some(value) = annotations.get(Isolation::ANNOTATION).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    word.parse().map(Some)
}

fn not_offered(exec: &Exec, asked: Isolation, levels: &[Isolation]) -> Error {
    let kind = exec.kind();
    let levels = levels.iter().map(|level| level.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!("Actions of kind '{kind}' cannot run at the isolation level '{asked}' here.");
    Error::bad_request(message)
        .with("available", levels)
        .with("remedy", "choose one of these levels, or none for the kind's own")
}

fn too_weak(namespace: &EntityName, exec: &Exec, level: Isolation, minimum: Isolation) -> Error {
    let kind = exec.kind();
    let message = format!(
        "Functions of namespace '{namespace}' must be isolated at least at the level '{minimum}': kind '{kind}' at \
         '{level}' is weaker."
    );
    Error::new(Code::Isolation, message)
        .with("limit", "minIsolation")
        .with("value", minimum)
        .with(
            "remedy",
            "choose a stronger level or another kind, or ask the operator (`wisp user limits`)",
        )
}
