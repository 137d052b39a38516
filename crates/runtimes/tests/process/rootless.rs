use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use super::world::{launcher, root};

/// The other tests again, as a user without privileges.
#[test]
fn all_of_this_works_for_an_ordinary_user() {
    if !root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (tests, copy) = (directory.path().join("tests"), directory.path().join("launcher"));
    fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    fs::copy(launcher(), &copy).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&tests)
        .env("WISP_TEST_LAUNCHER", &copy)
        .env("TMPDIR", "/tmp")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(
        output.status.success() && text.contains(" 0 failed"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
