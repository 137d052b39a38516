use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// The executable that runs.
pub const SELF: &str = "/proc/self/exe";

/// Settings of all languages.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address of the platform's API as functions reach it: `__OW_API_HOST`.
    pub api_host: String,
    /// Interpreters by family, such as `nodejs = ["/opt/node-22/bin/node"]`, instead of those found on the machine.
    pub interpreters: BTreeMap<String, Vec<PathBuf>>,
    /// What of the host every function sees, read-only, at the same place; what does not exist is left out.
    pub system: Vec<PathBuf>,
    /// `PATH` of functions.
    pub path: String,
    /// Directory of the packages that every Node function can `require`; `<data>/node_modules` when not set.
    pub node_modules: Option<PathBuf>,
    /// Directory with `workerd`, which runs V8 isolates; `<data>/workerd` when not set.
    pub workerd: Option<PathBuf>,
    /// Memory of a process that isolates share, beside what they use, in MB.
    pub isolate_overhead: u64,
    /// Longest wait of an activation for its turn in a process that isolates share, before it moves to another one, in
    /// milliseconds.
    pub isolate_patience: u64,
    /// Longest silence of a process that isolates share when it should begin, before it is taken for hung and ended, in
    /// milliseconds.
    pub isolate_grace: u64,
    /// Directory of the packages that every Python function can import; `<data>/python_packages` when not set.
    pub python_packages: Option<PathBuf>,
    /// Memory for all zygotes together, in MB; 0 starts none, so that every instance is a new interpreter.
    pub zygote_memory: u64,
    /// How many codes are kept in mind with what they import.
    pub learnt_imports: usize,
    /// The program that runs `--native` actions in the sandbox: the one that runs, unless it is embedded in another.
    pub skeleton: PathBuf,
    /// The executable that compiles and runs WebAssembly; by default the one that runs, if WebAssembly was built in.
    pub wasm_host: PathBuf,
    /// Memory of a process that WebAssembly instances share, beside what their limits allow, in MB.
    pub wasm_overhead: u64,
    /// Memory of a compilation of WebAssembly, in MB.
    pub wasm_compile_memory: u64,
    /// Longest compilation of WebAssembly, in milliseconds.
    pub wasm_compile_timeout: u64,
    /// Size of the compiled WebAssembly kept on disk, in MB.
    pub wasm_disk: u64,
    /// Size of the compiled WebAssembly kept in memory while no instance uses it, in MB.
    pub wasm_memory: u64,
    /// Processes for WebAssembly that are started ahead, 0 or 1.
    pub wasm_spare: u64,
    /// Longest installation of what a function requires, in seconds.
    pub requirements_timeout: u64,
    /// Size of what a function may require, in MB.
    pub requirements_size: u64,
    /// Size of all that functions require, in MB; what was used least recently is removed.
    pub requirements_cache: u64,
    /// Whether packages may be built from source, which runs their authors' code outside of any sandbox.
    pub requirements_builds: bool,
    /// Processes and threads of an instance.
    pub pids: u64,
    /// Open files of a process.
    pub files: u64,
    /// Size of `/tmp`, in MB; it counts towards the memory of the instance.
    pub scratch: u64,
    /// Share of the processor for each MB of memory; an instance of 256 MB has 1024, one share.
    pub cpu_shares_per_mb: u64,
    /// Longest start of an interpreter, in milliseconds.
    pub start_timeout: u64,
    /// Longest wait for the end of a process that has closed its channel, in milliseconds.
    pub exit_grace: u64,
    /// Longest message that an instance may send before it is ended, in bytes.
    pub message_limit: u64,
    /// Lines of log kept of an activation, beside the limit of their bytes.
    pub log_lines: u64,
}

impl Default for Config {
    fn default() -> Self {
        let system = [
            "/usr",
            "/bin",
            "/sbin",
            "/lib",
            "/lib32",
            "/lib64",
            "/etc/alternatives",
            "/etc/ssl/certs",
        ];
        Self {
            api_host: "http://10.0.2.2:3233".into(),
            interpreters: BTreeMap::new(),
            system: system.map(PathBuf::from).to_vec(),
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            node_modules: None,
            workerd: None,
            isolate_overhead: 128,
            isolate_patience: 20,
            isolate_grace: 2_000,
            python_packages: None,
            zygote_memory: 512,
            learnt_imports: 10_000,
            skeleton: "/proc/self/exe".into(),
            wasm_host: SELF.into(),
            wasm_overhead: 128,
            wasm_compile_memory: 2048,
            wasm_compile_timeout: 120_000,
            wasm_disk: 2048,
            wasm_memory: 256,
            wasm_spare: 1,
            requirements_timeout: 300,
            requirements_size: 1024,
            requirements_cache: 8192,
            requirements_builds: false,
            pids: 1024,
            files: 1024,
            scratch: 512,
            cpu_shares_per_mb: 4,
            start_timeout: 10_000,
            exit_grace: 1_000,
            message_limit: 256 << 20,
            log_lines: 500_000,
        }
    }
}
