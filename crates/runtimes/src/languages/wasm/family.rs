use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use wisp_core::{
    Result,
    model::Isolation,
    ports::{Instance, InstanceLimits, Kind, Language},
};

use super::{
    super::{Context, config::SELF},
    compiler::Compiler,
    hosts::Hosts,
    instance::Program,
};

const FAMILY: &str = "wasm";

/// WebAssembly, if it was built in, or the settings name an executable of its own for it.
pub fn register(context: &Context) -> Arc<dyn Language> {
    let kind = || Kind {
        name: FAMILY.into(),
        default: true,
        aliases: vec!["wasm:default".into()],
        requires_main: false,
        provider: "wasmtime (component or WASI module)".into(),
        levels: vec![Isolation::Wasm, Isolation::Process],
    };
    let found = cfg!(feature = "wasm") || context.config.wasm_host != Path::new(SELF);
    Arc::new(Family {
        kinds: found.then(kind).into_iter().collect(),
        wasm: Arc::new(Wasm {
            hosts: Arc::new(Hosts::new(context.clone())),
            compiler: Arc::new(Compiler::new(context.clone())),
        }),
    })
}

/// What all programs share.
pub struct Wasm {
    pub hosts: Arc<Hosts>,
    pub compiler: Arc<Compiler>,
}

struct Family {
    kinds: Vec<Kind>,
    wasm: Arc<Wasm>,
}

#[async_trait]
impl Language for Family {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// A place in a process is taken when the namespace is known; a stem cell is a process that is ready for it.
    async fn start(&self, _kind: &Kind, limits: InstanceLimits) -> Result<Box<dyn Instance>> {
        self.wasm.hosts.prepare();
        Ok(Box::new(Program::new(self.wasm.clone(), limits)))
    }
}
