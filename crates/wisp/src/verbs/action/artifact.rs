use std::{fs, path::Path};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};

use super::archive;
use crate::cli::Usage;

/// The families that file name endings mean, as `wsk` guesses.
const ENDINGS: &[(&str, &str)] = &[
    ("js", "nodejs"),
    ("mjs", "nodejs"),
    ("cjs", "nodejs"),
    ("py", "python"),
    ("php", "php"),
    ("rb", "ruby"),
    ("go", "go"),
    ("rs", "rust"),
    ("swift", "swift"),
    ("jar", "java"),
    ("wasm", "wasm"),
];

/// The image that `--native` means.
pub const SKELETON: &str = "openwhisk/dockerskeleton";

/// Code as it is sent.
#[derive(Debug)]
pub struct Code {
    /// The text, or base64.
    pub text: String,
    /// Bytes before base64.
    pub bytes: u64,
    /// Whether it was a folder.
    pub packed: bool,
    guess: Result<&'static str, String>,
}

impl Code {
    /// The kind that it looks like; an error says what to do instead.
    pub fn kind(&self) -> anyhow::Result<String> {
        match &self.guess {
            // Families of their own: there is no default among their kinds.
            Ok(single @ ("native" | "wasm")) => Ok((*single).into()),
            Ok(family) => Ok(format!("{family}:default")),
            Err(reason) => Err(Usage(format!("{reason}; name it with --kind (see `wisp list kinds`)")).into()),
        }
    }
}

/// Reads an action's code from a file or folder.
pub fn read(path: &Path) -> anyhow::Result<Code> {
    let shown = path.display();
    let facts = fs::metadata(path).with_context(|| format!("'{shown}' cannot be read"))?;
    if facts.is_dir() {
        let bytes = archive::pack(path)?;
        return Ok(binary(&bytes, true, archive::family(&bytes, path)));
    }
    let bytes = fs::read(path).with_context(|| format!("'{shown}' cannot be read"))?;
    if bytes.starts_with(b"PK\x03\x04") {
        let guess = if ending(path) == "jar" {
            Ok("java")
        } else {
            archive::family(&bytes, path)
        };
        return Ok(binary(&bytes, false, guess));
    }
    let guess = ENDINGS
        .iter()
        .find(|(known, _)| *known == ending(path))
        .map(|(_, family)| *family);
    let content = || match bytes.get(..4) {
        Some(b"\x7fELF" | [b'#', b'!', ..]) => Some("native"),
        Some(b"\0asm") => Some("wasm"),
        _ => None,
    };
    let guess = guess
        .or_else(content)
        .ok_or_else(|| format!("'{shown}' is of no kind that its name or content tells"));
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Code {
            bytes: text.len() as u64,
            text,
            packed: false,
            guess,
        }),
        Err(error) => Ok(binary(error.as_bytes(), false, guess)),
    }
}

/// Reads a Python action's code together with the list of what it requires, as an archive.
pub fn read_with(path: &Path, requirements: &Path) -> anyhow::Result<Code> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("'{}' cannot be read", path.display()));
    let list = ("requirements.txt", read(requirements)?);
    let packed = path.is_dir();
    let content = if packed { archive::pack(path)? } else { read(path)? };
    let bytes = if content.starts_with(b"PK\x03\x04") {
        archive::extend(content, &[list])
    } else {
        archive::extend(Vec::new(), &[("__main__.py", content), list])
    };
    let bytes = bytes.with_context(|| format!("'{}' cannot be packed with its requirements", path.display()))?;
    Ok(binary(&bytes, packed, archive::family(&bytes, path)))
}

fn binary(bytes: &[u8], packed: bool, guess: Result<&'static str, String>) -> Code {
    Code {
        text: BASE64_STANDARD.encode(bytes),
        bytes: bytes.len() as u64,
        packed,
        guess,
    }
}

fn ending(path: &Path) -> String {
    path.extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn requirements_come_along_with_a_file_a_folder_or_an_archive() {
        let folder = tempfile::tempdir().unwrap();
        let (list, code) = (folder.path().join("needs.txt"), folder.path().join("code"));
        fs::write(&list, "numpy>=2").unwrap();
        fs::create_dir(&code).unwrap();
        fs::write(code.join("__main__.py"), "main = dict").unwrap();
        let (file, archive) = (code.join("__main__.py"), folder.path().join("code.zip"));
        fs::write(&archive, archive::pack(&code).unwrap()).unwrap();
        for path in [&file, &code, &archive] {
            let sent = read_with(path, &list).unwrap();
            assert_eq!(sent.kind().unwrap(), "python:default");
            let bytes = BASE64_STANDARD.decode(&sent.text).unwrap();
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            for (name, text) in [("requirements.txt", "numpy>=2"), ("__main__.py", "main = dict")] {
                let found = std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
                assert_eq!(found, text, "{}", path.display());
            }
        }
    }

    #[test]
    fn kinds_are_guessed_from_name_and_content() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content, kind, base64) in [
            ("a.js", &b"function main() {}"[..], Some("nodejs:default"), false),
            ("a.PY", b"def main(a): return a", Some("python:default"), false),
            ("prog", b"\x7fELF\x02\xff\xfe", Some("native"), true),
            ("script", b"#!/bin/sh\n", Some("native"), false),
            ("a.wasm", b"\0asm\x01\0\0\0\xff", Some("wasm"), true),
            ("module", b"\0asm\x01\0\0\0\xff", Some("wasm"), true),
            ("a.txt", b"hello", None, false),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            let code = read(&path).unwrap();
            assert_eq!(code.kind().ok().as_deref(), kind, "{name}");
            assert_eq!(code.bytes, content.len() as u64, "{name}");
            let text = if base64 {
                BASE64_STANDARD.encode(content)
            } else {
                String::from_utf8(content.to_vec()).unwrap()
            };
            assert_eq!(code.text, text, "{name}");
        }
        assert!(
            read(&folder.path().join("missing"))
                .unwrap_err()
                .to_string()
                .contains("missing")
        );
    }
}
