//! What OpenWhisk's skeleton image does, without the image: `/action/exec` runs once for each activation, with the
//! parameters as its only argument and on its standard input; the last line that it prints is the result.
//!
//! Unlike in the image, a result may also be written to descriptor 3, as programs of the kind `native` do.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::fd::{FromRawFd, OwnedFd},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
};

use serde_json::{Value, value::RawValue};
use wisp_core::ports::{InstanceLimits, Mount};

use super::super::{
    Context,
    dialect::Dialect,
    discovery::Interpreter,
    family::Family,
    protocol::{Frames, Protocol},
};

/// The argument with which the program executes itself as a skeleton, inside a sandbox.
pub const ARGUMENT: &str = "sandbox-skeleton";

/// Where our own program is inside.
const INSIDE: &str = "/wisp/skeleton-program";
/// The user's program.
const EXEC: &str = "/action/exec";
/// Longest argument that the kernel takes, its end included.
const ARGUMENT_LENGTH: usize = 128 << 10;

struct Skeleton(PathBuf);

/// Whether an image is OpenWhisk's skeleton, of any version.
pub fn is_skeleton(image: &str) -> bool {
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    let name = name.split_once(['@', ':']).map_or(name, |(name, _)| name);
    name == "openwhisk/dockerskeleton"
}

/// The skeleton's language.
pub fn family(context: &Context) -> Family {
    let own = &context.config.skeleton;
    let program = own.canonicalize().unwrap_or_else(|_| own.clone());
    let interpreter = Interpreter {
        path: INSIDE.into(),
        prefix: None,
        version: (0, 0),
        full_version: String::new(),
    };
    Family::new(
        context,
        Skeleton(program),
        vec![interpreter],
        |_| super::FAMILY.into(),
        &[],
    )
}

impl Dialect for Skeleton {
    fn family(&self) -> &'static str {
        "skeleton"
    }

    fn launcher(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn command(&self, interpreter: &Path, _launcher: &Path, _limits: &InstanceLimits) -> Vec<String> {
        vec![interpreter.display().to_string(), ARGUMENT.into()]
    }

    fn mounts(&self) -> Vec<Mount> {
        vec![Mount {
            source: self.0.clone(),
            target: INSIDE.into(),
        }]
    }

    fn protocol(&self) -> &'static dyn Protocol {
        &Frames
    }

    fn program(&self) -> bool {
        true
    }
}

/// Serves the platform on descriptor 3 until it closes that.
pub fn skeleton_main() -> ExitCode {
    // SAFETY: the sandbox gives the control socket as descriptor 3, and nothing else in this process has it.
    let control = unsafe { OwnedFd::from_raw_fd(3) };
    match serve(control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{ARGUMENT}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(third: OwnedFd) -> io::Result<()> {
    // Out of the way: the user's program has something else as descriptor 3, and must not have this.
    let mut control = File::from(rustix::io::fcntl_dupfd_cloexec(&third, 10)?);
    let mut place = third;
    let mut environment: Vec<(String, String)> = Vec::new();
    reply(&mut control, 1, 0, b"")?;
    while let Some((kind, token, body)) = request(&mut control)? {
        if kind == 1 {
            let init: Value = serde_json::from_slice(&body)?;
            environment = serde_json::from_value(init["environment"].clone())?;
            reply(&mut control, 2, token, b"")?;
            continue;
        }
        match run(&body, &environment, &mut place) {
            Ok(result) => reply(&mut control, 3, token, &result)?,
            Err(reason) => reply(&mut control, 4, token, reason.to_string().as_bytes())?,
        }
    }
    Ok(())
}

/// Runs the user's program once; returns its result.
fn run(body: &[u8], environment: &[(String, String)], third: &mut OwnedFd) -> io::Result<Vec<u8>> {
    let body: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_slice(body)?;
    let value = body.get("value").map_or("{}", |value| value.get());
    let mut command = Command::new(EXEC);
    command.current_dir("/action").envs(environment.iter().cloned());
    for (key, text) in body.iter().filter(|(key, _)| *key != "value") {
        let text = serde_json::from_str::<String>(text.get()).unwrap_or_else(|_| text.get().to_owned());
        command.env(format!("__OW_{}", key.to_uppercase()), text);
    }
    // A longer one only fits through standard input.
    if value.len() < ARGUMENT_LENGTH {
        command.arg(value);
    }
    let (results, its_results) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    rustix::io::dup2(&its_results, third)?;
    drop(its_results);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    // Only the program holds it from here on, so that it ends with it.
    rustix::io::dup2(File::open("/dev/null")?, third)?;
    let mut child = child?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let line = format!("{value}\n");
    let feeder = thread::spawn(move || {
        // A program that does not read it closes it.
        let _ = stdin.map(|mut stdin| stdin.write_all(line.as_bytes()));
    });
    let listener = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = BufReader::new(File::from(results)).read_until(b'\n', &mut text);
        text
    });
    let last = stdout.map(pass_on).transpose()?.unwrap_or_default();
    child.wait()?;
    let _ = feeder.join();
    let written = listener.join().unwrap_or_default();
    result(if written.trim_ascii().is_empty() {
        last
    } else {
        log(&last)?;
        written
    })
}

/// Passes output on as it comes, all but the last line that is not blank, which it returns.
fn pass_on(stdout: impl Read) -> io::Result<Vec<u8>> {
    let mut stdout = BufReader::new(stdout);
    let mut kept: VecDeque<Vec<u8>> = VecDeque::new();
    loop {
        let mut line = Vec::new();
        if stdout.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            for line in kept.drain(..) {
                log(&line)?;
            }
        }
        kept.push_back(line);
    }
    let last = kept.pop_front().unwrap_or_default();
    kept.iter().try_for_each(|line| log(line))?;
    Ok(last)
}

fn log(line: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line)?;
    stdout.flush()
}

/// A result that the platform takes; anything else is the program's fault.
fn result(text: Vec<u8>) -> io::Result<Vec<u8>> {
    match serde_json::from_slice::<Value>(&text) {
        Ok(Value::Object(_) | Value::Array(_)) => Ok(text.trim_ascii().to_vec()),
        _ => {
            // What it was may help whoever looks into the log.
            log(&text)?;
            Err(io::Error::other("The action did not return a dictionary."))
        }
    }
}

/// The next request: its kind, its token, its body; none at the end.
fn request(control: &mut File) -> io::Result<Option<(u8, u64, Vec<u8>)>> {
    let mut header = [0; 13];
    match control.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let [l0, l1, l2, l3, kind, token @ ..] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]).saturating_sub(9);
    let mut body = vec![0; length as usize];
    control.read_exact(&mut body)?;
    Ok(Some((kind, u64::from_le_bytes(token), body)))
}

fn reply(control: &mut File, kind: u8, token: u64, text: &[u8]) -> io::Result<()> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX).saturating_add(9);
    let mut frame = length.to_le_bytes().to_vec();
    frame.push(kind);
    frame.extend_from_slice(&token.to_le_bytes());
    frame.extend_from_slice(text);
    control.write_all(&frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skeleton_is_known_by_any_of_its_names() {
        for image in [
            "openwhisk/dockerskeleton",
            "docker.io/openwhisk/dockerskeleton:nightly",
            "openwhisk/dockerskeleton@sha256:0",
        ] {
            assert!(is_skeleton(image), "{image}");
        }
        assert!(!is_skeleton("example/dockerskeleton"));
    }

    #[test]
    fn results_are_objects_or_arrays() {
        assert_eq!(result(b"{\"a\":1}\n".to_vec()).ok(), Some(b"{\"a\":1}".to_vec()));
        assert!(result(b"text".to_vec()).is_err() && result(Vec::new()).is_err());
    }
}
