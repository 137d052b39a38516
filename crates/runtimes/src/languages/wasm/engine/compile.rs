use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{FromRawFd, OwnedFd},
    process::ExitCode,
};

use super::{
    super::{super::passing, compiler::WRONG_CODE},
    settings,
};

/// Where the server's socket is.
const CONTROL: i32 = 3;

/// Compiles one program: its source and an empty file for its machine code come as descriptors.
pub fn compiler_main() -> ExitCode {
    match files() {
        Ok((source, target)) => match compile(source, target) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::from(WRONG_CODE)
            }
        },
        Err(error) => {
            eprintln!("{}: {error}", super::super::COMPILER);
            ExitCode::FAILURE
        }
    }
}

fn files() -> io::Result<(File, File)> {
    // SAFETY: whoever starts a compiler gives it this descriptor, and nobody else in this process has used it.
    let control = unsafe { OwnedFd::from_raw_fd(CONTROL) };
    let mut descriptors = Vec::new();
    passing::receive(&control, &mut [0], &mut descriptors)?;
    match <[OwnedFd; 2]>::try_from(descriptors) {
        Ok([source, target]) => Ok((source.into(), target.into())),
        Err(_) => Err(io::Error::other("source and target did not come")),
    }
}

fn compile(mut source: File, mut target: File) -> wasmtime::Result<()> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes)?;
    let engine = settings::compiling()?;
    // The word after the magic number tells a component from a module.
    let compiled = match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => engine.precompile_module(&bytes)?,
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => engine.precompile_component(&bytes)?,
        _ => wasmtime::bail!("The code is neither a WebAssembly module nor a component."),
    };
    target.write_all(&compiled)?;
    Ok(())
}
