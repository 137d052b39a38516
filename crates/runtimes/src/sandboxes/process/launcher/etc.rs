use std::{fs, path::PathBuf};

use super::{super::network::RESOLVER, namespaces::INSIDE};

/// The files of a sandbox's `/etc`: those that every sandbox has, and copies of the host's that are wanted and exist.
pub fn files(wanted: &[String], hostname: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<(PathBuf, Vec<u8>)> = [
        (
            "passwd",
            format!(
                "root:x:0:0:root:/:/sbin/nologin\n\
                 user:x:{INSIDE}:{INSIDE}:user:/tmp:/sbin/nologin\n\
                 nobody:x:65534:65534:nobody:/:/sbin/nologin\n"
            ),
        ),
        ("group", format!("root:x:0:\nuser:x:{INSIDE}:\nnogroup:x:65534:\n")),
        ("hostname", format!("{hostname}\n")),
        ("hosts", format!("127.0.0.1 localhost {hostname}\n::1 localhost\n")),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n".into(),
        ),
        (
            "resolv.conf",
            format!("nameserver {RESOLVER}\noptions timeout:5 attempts:2\n"),
        ),
    ]
    .map(|(name, text)| (name.into(), text.into_bytes()))
    .into();
    for name in wanted {
        // What is not a readable file here is a directory, which is mounted, or not there at all.
        if let Ok(bytes) = fs::read(PathBuf::from("/etc").join(name)) {
            files.push((name.into(), bytes));
        }
    }
    files
}
