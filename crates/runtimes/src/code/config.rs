use serde::{Deserialize, Serialize};

/// Limits of unpacked code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Size of an unpacked archive, in bytes.
    pub unpacked_size: u64,
    /// Files, directories and links of an archive.
    pub entries: u64,
    /// Directories above a file of an archive.
    pub depth: u64,
    /// How many times larger than the archive its content may be; archives below 1 MB unpacked are not asked.
    pub ratio: u64,
    /// Size of all unpacked code, in bytes; beyond it the least recently used is removed.
    pub cache_size: u64,
    /// Size of all compiled code that is kept, in bytes; beyond it the oldest is removed. 0 keeps none.
    pub compiled_size: u64,
    /// Size of the compiled code of one action, in bytes.
    pub compiled_entry_size: u64,
    /// Size of code from which on it is kept compiled, in bytes as it was sent.
    pub compiled_from: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            unpacked_size: 1 << 30,
            entries: 100_000,
            depth: 32,
            ratio: 200,
            cache_size: 4 << 30,
            compiled_size: 1 << 30,
            compiled_entry_size: 32 << 20,
            compiled_from: 64 << 10,
        }
    }
}
