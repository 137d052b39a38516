//! What functions require is installed once, and visible to them alone.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, io::Write, path::Path, time::Duration};

use serde_json::json;
use support::{Action, Platform, zipped};
use wisp_runtimes::languages::Config;

/// A wheel with one module, in a directory where pip looks for it.
fn publish(index: &Path, name: &str, module: &str) {
    let mut wheel = zip::ZipWriter::new(fs::File::create(index.join(format!("{name}-1.0-py3-none-any.whl"))).unwrap());
    let info = format!("{name}-1.0.dist-info");
    for (path, text) in [
        (format!("{name}.py"), module.to_owned()),
        (
            format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"),
        ),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n".into(),
        ),
        (
            format!("{info}/RECORD"),
            format!("{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"),
        ),
    ] {
        wheel
            .start_file(path, zip::write::SimpleFileOptions::default())
            .unwrap();
        wheel.write_all(text.as_bytes()).unwrap();
    }
    wheel.finish().unwrap();
}

const CODE: &str = "import os, ours\n\
    def main(args):\n    return {'of': ours.WHAT, 'at': os.path.dirname(ours.__file__), 'writable': os.access('/requirements', os.W_OK)}";

fn action(requirements: &str) -> Action<'static> {
    let mut action = zipped(&[("__main__.py", CODE), ("requirements.txt", requirements)]);
    action.init_timeout = Duration::from_secs(60);
    action
}

/// The settings of the installer are those of this process, so that one test has them all.
#[tokio::test]
async fn requirements_are_installed_once_and_in_vain_with_a_reason() {
    let index = tempfile::tempdir().unwrap();
    fs::set_permissions(index.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    publish(index.path(), "ours", "WHAT = 'a wheel'");
    for (name, value) in [
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", index.path().to_str().unwrap()),
    ] {
        // SAFETY: the only test of this process, and nothing else runs yet.
        unsafe { std::env::set_var(name, value) };
    }
    let platform = Platform::new();
    let works = r#"Success {"of": "a wheel", "at": "/requirements", "writable": false}"#;
    let (seen, logs) = platform
        .run("python", action("# what we need\nours==1.0\n"), json!({}))
        .await;
    assert_eq!(seen, works, "{logs:?}");
    // The same list, written in another way, needs no installer any more.
    fs::remove_file(index.path().join("ours-1.0-py3-none-any.whl")).unwrap();
    let (seen, logs) = platform.run("python", action("ours==1.0"), json!({})).await;
    assert_eq!(seen, works, "{logs:?}");
    for (requirements, reason) in [
        (
            "nothing-like-this==9",
            "No matching distribution found for nothing-like-this==9",
        ),
        ("--index-url http://10.0.0.1\nours", "only names with versions"),
        ("ours @ file:///etc/passwd", "only names with versions"),
    ] {
        let (seen, _) = platform.run("python", action(requirements), json!({})).await;
        assert!(
            seen.starts_with("InitFailed") && seen.contains(reason),
            "{requirements}: {seen}"
        );
    }
    let hasty = Platform::with(Config {
        requirements_timeout: 0,
        ..Config::default()
    });
    let (seen, _) = hasty.run("python", action("ours==1.0"), json!({})).await;
    assert!(seen.contains("languages.requirements_timeout"), "{seen}");
    publish(index.path(), "ours", &format!("WHAT = '{}'", "x".repeat(3 << 20)));
    let narrow = Platform::with(Config {
        requirements_size: 1,
        ..Config::default()
    });
    let (seen, _) = narrow.run("python", action("ours==1.0"), json!({})).await;
    assert!(seen.contains("languages.requirements_size"), "{seen}");
}
