use std::path::Path;

use wisp_core::ports::{Exit, InstanceLimits, Line, Mount};

use super::{discovery::Interpreter, protocol::Protocol};

/// What distinguishes one language from another.
pub trait Dialect: Send + Sync {
    /// The family's name.
    fn family(&self) -> &'static str;

    /// The launcher's files, by name.
    fn launcher(&self) -> &'static [(&'static str, &'static str)];

    /// The command that starts a stem cell; the launcher's files are in the directory `launcher`.
    fn command(&self, interpreter: &Path, launcher: &Path, limits: &InstanceLimits) -> Vec<String>;

    /// What is visible beside the interpreter and the launcher.
    fn mounts(&self) -> Vec<Mount> {
        Vec::new()
    }

    /// The command that starts a zygote with these modules; none if this interpreter cannot be one.
    fn zygote(&self, _interpreter: &Interpreter, _launcher: &Path, _modules: &[String]) -> Option<Vec<String>> {
        None
    }

    /// The file of an archive that lists what the function requires, if the language installs that.
    fn requirements(&self) -> Option<&'static str> {
        None
    }

    /// Whether there is anything that a zygote could import for a function.
    fn learns(&self) -> bool {
        false
    }

    /// Whether a zygote may import this module: it must be the platform's own, whatever a function says.
    fn offers(&self, _module: &str) -> bool {
        false
    }

    /// How to talk to the launcher.
    fn protocol(&self) -> &'static dyn Protocol;

    /// Whether one instance can run several activations at a time; else they wait for each other.
    fn concurrent(&self) -> bool {
        false
    }

    /// Whether functions can read a request's body while it arrives.
    fn reads_streams(&self) -> bool {
        false
    }

    /// Whether an interpreter hands over what it has compiled of the code, and takes it back.
    fn compiles(&self, _interpreter: &Interpreter) -> bool {
        false
    }

    /// Whether the code is a program of its own: text, too, is put into the sandbox as the file `exec`.
    fn program(&self) -> bool {
        false
    }

    /// Whether an end without the kernel's help still means that memory ran out.
    fn exhausted(&self, _exit: Exit, _logs: &[Line]) -> bool {
        false
    }

    /// What an exit code says about code that never began to run.
    fn not_started(&self, _exit: Exit) -> Option<String> {
        None
    }
}
