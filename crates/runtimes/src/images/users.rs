use std::{
    io::Read,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use wisp_core::{Error, Result};

/// Longest list of users or groups that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Who an image runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Number of the user.
    pub user: u32,
    /// Number of the group.
    pub group: u32,
    /// Home directory.
    pub home: String,
}

/// Finds the user that an image names (`user`, `user:group`; names or numbers; nothing is root) in its own lists.
pub fn find(layers: &[PathBuf], wanted: &str) -> Result<User> {
    let (user, group) = wanted.split_once(':').unwrap_or((wanted, ""));
    let user = if user.is_empty() { "0" } else { user };
    let users = list(layers, "etc/passwd");
    let known = lines(&users).find(|fields| fields[0] == user || fields.get(2) == Some(&user));
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number < u32::MAX);
    let field = |index: usize| known.as_ref().and_then(|fields| fields.get(index).copied());
    let missing = |what: &str, name: &str| {
        Error::bad_request(format!(
            "The image wants to run as {what} '{name}', whom its /etc does not list."
        ))
    };
    let uid = field(2)
        .and_then(number)
        .or_else(|| number(user))
        .ok_or_else(|| missing("user", user))?;
    let gid = match group {
        "" => field(3).and_then(number).unwrap_or(0),
        group => {
            let groups = list(layers, "etc/group");
            let listed = lines(&groups).find(|fields| fields[0] == group);
            let listed = listed.and_then(|fields| fields.get(2).copied().and_then(number));
            listed
                .or_else(|| number(group))
                .ok_or_else(|| missing("group", group))?
        }
    };
    let home = field(5).filter(|home| home.starts_with('/')).unwrap_or("/");
    Ok(User {
        user: uid,
        group: gid,
        home: home.to_owned(),
    })
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split(':').collect())
}

/// A file of an image, from the uppermost layer that has it; empty if none has, or if it is anything but a file.
fn list(layers: &[PathBuf], name: &str) -> String {
    for layer in layers.iter().rev() {
        match open(layer, name) {
            Ok(Some(file)) => {
                let mut bytes = Vec::new();
                // What cannot be read lists nobody.
                let _ = file.take(LONGEST).read_to_end(&mut bytes);
                return String::from_utf8_lossy(&bytes).into_owned();
            }
            Ok(None) => return String::new(),
            Err(_) => {}
        }
    }
    String::new()
}

/// A file of a layer; none if the layer has something else by this name, such as a whiteout.
fn open(layer: &Path, name: &str) -> rustix::io::Result<Option<std::fs::File>> {
    let root = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::openat(CWD, layer, root, Mode::empty())?;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let found = rustix::fs::openat2(&root, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), within)?;
    if FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat2(&root, name, flags, Mode::empty(), within)?;
    Ok(Some(file.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn users_are_found_in_the_images_own_lists() {
        let layer = tempfile::tempdir().unwrap();
        std::fs::create_dir(layer.path().join("etc")).unwrap();
        std::fs::write(
            layer.path().join("etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\napp:x:33:44::/srv:\n",
        )
        .unwrap();
        std::fs::write(layer.path().join("etc/group"), "www:x:55:\n").unwrap();
        let layers = [layer.path().to_owned()];
        let found = |wanted| {
            find(&layers, wanted)
                .map(|user| (user.user, user.group, user.home))
                .ok()
        };
        for (wanted, user, group, home) in [
            ("", 0, 0, "/root"),
            ("app", 33, 44, "/srv"),
            ("33", 33, 44, "/srv"),
            ("app:www", 33, 55, "/srv"),
            ("1000:7", 1000, 7, "/"),
        ] {
            assert_eq!(found(wanted), Some((user, group, home.to_owned())), "{wanted}");
        }
        for unknown in ["nobody", "app:nobody", "-1", "4294967295"] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }
}
