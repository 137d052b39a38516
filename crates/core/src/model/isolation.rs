use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What keeps a function from everything else: the wall that its code has to break to get out.
///
/// An action asks for a level with the annotation [`Isolation::ANNOTATION`]; a namespace, or the whole platform, may
/// demand one at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// WebAssembly's own memory and capabilities, in a sandboxed process that only this namespace's functions share.
    #[default]
    Wasm,
    /// A V8 isolate, in a sandboxed process that only this namespace's functions share.
    Isolate,
    /// A process sandbox of the instance's own: Linux namespaces, control groups, a system call filter.
    Process,
    /// The same sandbox with an image's files as its root: no wall more, no wall less.
    Oci,
    /// A kernel of the instance's own, behind the processor's virtualisation.
    Microvm,
}

impl Isolation {
    /// All levels, the weakest first.
    pub const ALL: [Isolation; 5] = [
        Isolation::Wasm,
        Isolation::Isolate,
        Isolation::Process,
        Isolation::Oci,
        Isolation::Microvm,
    ];

    /// The annotation with which an action chooses.
    pub const ANNOTATION: &str = "isolation";

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Isolation::Wasm => "wasm",
            Isolation::Isolate => "isolate",
            Isolation::Process => "process",
            Isolation::Oci => "oci",
            Isolation::Microvm => "microvm",
        }
    }

    /// Whether it is as strong as a minimum demands.
    pub fn satisfies(self, minimum: Isolation) -> bool {
        self.strength() >= minimum.strength()
    }

    /// The stronger of two.
    pub fn max(self, other: Isolation) -> Isolation {
        if other.satisfies(self) { other } else { self }
    }

    /// `process` and `oci` stand behind the same walls.
    fn strength(self) -> u8 {
        match self {
            Isolation::Wasm => 1,
            Isolation::Isolate => 2,
            Isolation::Process | Isolation::Oci => 3,
            Isolation::Microvm => 4,
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Isolation {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|level| level.as_str() == word);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Error::bad_request(format!("'{word}' is no level of isolation; there are: {names}."))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_an_order_and_images_are_no_stronger_than_processes() {
        for (index, weaker) in Isolation::ALL.into_iter().enumerate() {
            for stronger in &Isolation::ALL[index..] {
                assert!(stronger.satisfies(weaker), "{stronger} {weaker}");
            }
        }
        assert!(Isolation::Process.satisfies(Isolation::Oci));
        assert!(!Isolation::Isolate.satisfies(Isolation::Process));
        assert_eq!(Isolation::Wasm.max(Isolation::Process), Isolation::Process);
        assert_eq!(Isolation::Microvm.max(Isolation::Wasm), Isolation::Microvm);
    }

    #[test]
    fn names_are_read_back() {
        for level in Isolation::ALL {
            assert_eq!(level.as_str().parse::<Isolation>().ok(), Some(level));
        }
        assert!("vm".parse::<Isolation>().is_err());
    }
}
