//! The packages that every Node function can `require`: OpenWhisk's runtime brings them, so functions count on them.

use std::{fs, io, path::Path, process::Command};

use wisp_core::{Code, Error, Result};

const FILES: &[(&str, &str)] = &[
    ("install.sh", include_str!("packages/install.sh")),
    ("package.json", include_str!("packages/package.json")),
    ("package-lock.json", include_str!("packages/package-lock.json")),
];

/// Installs the packages with `npm` into `target`, a `node_modules` directory that is made or replaced. A server finds
/// them when it starts.
pub fn install(target: &Path) -> Result<()> {
    let scratch = target.with_extension(format!("{}.files", std::process::id()));
    let ended = write(&scratch).and_then(|()| Command::new("sh").arg(scratch.join("install.sh")).arg(target).status());
    // What is left of it is only untidy.
    let _ = fs::remove_dir_all(&scratch);
    let place = target.display();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let message = format!("npm did not install the packages into {place} ({status})");
            Err(Error::new(Code::Machine, message).with("remedy", "see what npm said above; npm must be installed"))
        }
        Err(cause) => Err(Error::new(Code::Storage, format!("cannot install into {place}: {cause}")).because(cause)),
    }
}

fn write(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    FILES
        .iter()
        .try_for_each(|(name, text)| fs::write(directory.join(name), text))
}
