use std::{fs, io, path::Path, process::Command};

use wisp_core::{Code, Error, Result};

/// Runs the `install.sh` among these files, which installs `what` with `npm` into the directory `target`.
pub fn install(what: &str, files: &[(&str, &str)], target: &Path) -> Result<()> {
    let scratch = target.with_extension(format!("{}.files", std::process::id()));
    let run = || Command::new("sh").arg(scratch.join("install.sh")).arg(target).status();
    let ended = write(files, &scratch).and_then(|()| run());
    // What is left of it is only untidy.
    let _ = fs::remove_dir_all(&scratch);
    let place = target.display();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let message = format!("npm did not install {what} into {place} ({status})");
            Err(Error::new(Code::Machine, message).with("remedy", "see what npm said above; npm must be installed"))
        }
        Err(cause) => Err(Error::new(Code::Storage, format!("cannot install into {place}: {cause}")).because(cause)),
    }
}

fn write(files: &[(&str, &str)], directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    files
        .iter()
        .try_for_each(|(name, text)| fs::write(directory.join(name), text))
}
