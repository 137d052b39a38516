use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use wisp_core::{
    Code, Error, Result,
    model::{CodeRef, Isolation},
    ports::{Birth, Instance, InstanceLimits, Kind, Language, Lineage, Mount},
};

use super::{
    Context,
    dialect::Dialect,
    discovery::Interpreter,
    instance,
    zygotes::{Soil, Zygotes},
};

/// A language with the interpreters that were found for it.
pub struct Family {
    context: Context,
    dialect: Arc<dyn Dialect>,
    kinds: Vec<Kind>,
    interpreters: Vec<Interpreter>,
    launcher: OnceCell<Mount>,
    zygotes: Zygotes,
}

impl Family {
    /// A language whose kinds and interpreters are in the same order; the first is the default.
    ///
    /// `kind` names one by its version; the default also answers to those of `names` that no other one has.
    pub fn new(
        context: &Context,
        dialect: impl Dialect + 'static,
        interpreters: Vec<Interpreter>,
        kind: fn(&Interpreter) -> String,
        names: &[&str],
    ) -> Self {
        let mut kinds: Vec<Kind> = interpreters
            .iter()
            .map(|interpreter| Kind {
                name: kind(interpreter),
                default: false,
                aliases: Vec::new(),
                requires_main: false,
                provider: format!("{} {}", interpreter.path.display(), interpreter.full_version),
                levels: vec![Isolation::Process],
            })
            .collect();
        let free = |name: &&&str| !kinds.iter().any(|kind| kind.name == **name);
        let aliases = names.iter().filter(free).map(|name| (*name).to_owned()).collect();
        if let Some(first) = kinds.first_mut() {
            first.default = true;
            first.aliases = aliases;
        }
        Self {
            context: context.clone(),
            dialect: Arc::new(dialect),
            kinds,
            interpreters,
            launcher: OnceCell::new(),
            zygotes: Zygotes::new(context.config.zygote_memory),
        }
    }

    /// Adds a note to what people read about each kind.
    pub fn noted(mut self, note: &str) -> Self {
        self.kinds.iter_mut().for_each(|kind| kind.provider.push_str(note));
        self
    }
}

fn modules(lineage: &Lineage) -> Vec<String> {
    lineage
        .0
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[async_trait]
impl Language for Family {
    fn family(&self) -> &'static str {
        self.dialect.family()
    }

    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    async fn start(&self, kind: &Kind, limits: InstanceLimits) -> Result<Box<dyn Instance>> {
        self.start_of(kind, limits, &Lineage::default()).await
    }

    fn lineage(&self, _kind: &Kind, _namespace: &str, code: &CodeRef) -> Lineage {
        let imports = match self.dialect.learns() {
            true => self.context.imports.of(&code.digest),
            false => None,
        };
        imports.map_or_else(Lineage::default, |modules| Lineage(modules.join(",")))
    }

    async fn start_of(&self, kind: &Kind, limits: InstanceLimits, lineage: &Lineage) -> Result<Box<dyn Instance>> {
        let position = self.kinds.iter().position(|known| known.name == kind.name);
        let Some(interpreter) = position.and_then(|position| self.interpreters.get(position)) else {
            return Err(Error::new(
                Code::NotFound,
                format!("There is no interpreter for the kind '{}'.", kind.name),
            ));
        };
        let install = || async { self.context.install(self.family(), self.dialect.launcher()) };
        let launcher = self.launcher.get_or_try_init(install).await?;
        let modules = modules(lineage);
        let soil = Soil {
            context: &self.context,
            dialect: &*self.dialect,
            interpreter,
            launcher,
        };
        let start = |birth| {
            instance::start(
                &self.context,
                self.dialect.clone(),
                interpreter,
                launcher,
                limits,
                birth,
            )
        };
        let Some(zygote) = self.zygotes.deepest(&soil, &modules).await else {
            return start(Birth::Executed).await;
        };
        match start(zygote.birth()).await {
            Err(error) if { true } && !zygote.is_alive() => {
                tracing::warn!(family = self.family(), ?error, "a zygote has ended");
                start(Birth::Executed).await
            }
            started => started,
        }
    }
}
