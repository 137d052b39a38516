use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::Mutex,
};

use wasmtime::{Engine, InstancePre, Linker, Module, Precompiled, Store, bail, component};
use wasmtime_wasi::{p1, p1::WasiP1Ctx, p2, p2::bindings::CommandPre};
use wasmtime_wasi_http::p2::{
    add_only_http_to_linker_async,
    bindings::{Proxy, ProxyPre},
};

use super::{
    super::wire::Load,
    guest::{Component, Guest},
};

/// The function that a module is started with.
pub const START: &str = "_start";
/// What a component exports that answers HTTP requests; any 0.2 version.
const HANDLER: &str = "wasi:http/incoming-handler@0.2";
/// What a component exports that runs like a program.
const RUN: &str = "wasi:cli/run@0.2";

/// A program that is ready to be instantiated.
pub struct Program {
    /// How to run it.
    pub load: Load,
    /// What it is.
    pub form: Form,
    /// Instances that may be used again.
    pub idle: Mutex<Vec<Idle>>,
}

/// What a program is.
pub enum Form {
    /// A module with WASI's first interface.
    Module(InstancePre<Guest<WasiP1Ctx>>),
    /// A component that runs like a program.
    Command(CommandPre<Guest<Component>>),
    /// A component that answers HTTP requests.
    Proxy(ProxyPre<Guest<Component>>),
}

/// An instance that has answered a request.
pub struct Idle {
    /// Its memory.
    pub store: Store<Guest<Component>>,
    /// Its function.
    pub proxy: Proxy,
}

/// What programs can import.
pub struct Linkers {
    /// The engine that they run in.
    pub engine: Engine,
    modules: Linker<Guest<WasiP1Ctx>>,
    components: component::Linker<Guest<Component>>,
}

impl Linkers {
    /// The system interfaces, nothing else.
    pub fn new(engine: Engine) -> wasmtime::Result<Self> {
        let mut modules = Linker::new(&engine);
        p1::add_to_linker_async(&mut modules, |guest: &mut Guest<WasiP1Ctx>| &mut guest.wasi)?;
        let mut components = component::Linker::new(&engine);
        p2::add_to_linker_async(&mut components)?;
        add_only_http_to_linker_async(&mut components)?;
        Ok(Self {
            engine,
            modules,
            components,
        })
    }

    /// Maps machine code and finds what it imports. Fails if it is of no form that is known, or wants more than there is.
    pub fn load(&self, load: Load, code: OwnedFd) -> wasmtime::Result<Program> {
        // The file has no name but this.
        let path = format!("/proc/self/fd/{}", code.as_raw_fd());
        let form = match Engine::detect_precompiled_file(&path)? {
            // SAFETY: the platform made the file with the same engine, and sealed it: it is valid machine code.
            Some(Precompiled::Module) => self.module(unsafe { Module::deserialize_file(&self.engine, &path) }?)?,
            Some(Precompiled::Component) => {
                // SAFETY: as above.
                self.component(&unsafe { component::Component::deserialize_file(&self.engine, &path) }?)?
            }
            None => bail!("The machine code is damaged."),
        };
        Ok(Program {
            load,
            form,
            idle: Mutex::default(),
        })
    }

    fn module(&self, module: Module) -> wasmtime::Result<Form> {
        if module.get_export(START).is_none() {
            bail!("The module exports no function '{START}': build it as a WASI command.");
        }
        Ok(Form::Module(self.modules.instantiate_pre(&module)?))
    }

    fn component(&self, component: &component::Component) -> wasmtime::Result<Form> {
        let exports = |prefix: &str| {
            let kind = component.component_type();
            kind.exports(&self.engine).any(|(name, _)| name.starts_with(prefix))
        };
        let pre = || self.components.instantiate_pre(component);
        if exports(HANDLER) {
            Ok(Form::Proxy(ProxyPre::new(pre()?)?))
        } else if exports(RUN) {
            Ok(Form::Command(CommandPre::new(pre()?)?))
        } else {
            bail!("The component exports neither wasi:http/incoming-handler nor wasi:cli/run, version 0.2.");
        }
    }
}
