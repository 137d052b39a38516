//! Compiled code of Node functions: kept for the next instance of the same code in the same namespace, for nobody else.
//!
//! Needs a Node that can do it; `tests/prepare.sh` installs one and `WISP_TEST_NODE` names it.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::json;
use support::{Action, Platform, run, zipped};
use wisp_core::{model::Outcome, ports::Lineage};
use wisp_runtimes::languages::Config;

/// The interpreter, or none with a loud word if it is not installed.
fn node() -> Option<PathBuf> {
    let node = std::env::var_os("WISP_TEST_NODE")
        .map(PathBuf::from)
        .filter(|path| path.exists());
    if node.is_none() {
        eprintln!("SKIPPED: WISP_TEST_NODE names no Node.js 22.1 or newer; make prepare installs one");
    }
    node
}

fn platform(node: PathBuf) -> Platform {
    Platform::with(Config {
        interpreters: [("nodejs".to_owned(), vec![node])].into(),
        ..Config::default()
    })
}

/// An action that is large enough, whose module says whether V8 took it from the cache.
fn large(body: &str) -> Action<'static> {
    // Without repetition, so that the archive stays large.
    let random: String = (0..120_000).map(|_| char::from(rand_letter())).collect();
    let library = format!("// {random}\nexports.answer = (n) => n + 1;");
    let main = format!("const library = require('./library');\nlet kept;\n{body}");
    zipped(&[("index.js", &main), ("library.js", &library), ("package.json", "{}")])
}

fn rand_letter() -> u8 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    b'a' + (RandomState::new().build_hasher().finish() % 26) as u8
}

/// The directories of compiled code.
fn kept(platform: &Platform) -> Vec<PathBuf> {
    let found = fs::read_dir(platform.data().join("compiled")).unwrap().flatten();
    found.map(|entry| entry.path()).filter(|path| !hidden(path)).collect()
}

fn hidden(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with('.')
}

async fn until_kept(platform: &Platform, count: usize) {
    let begun = Instant::now();
    while kept(platform).len() < count {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", kept(platform));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Says what is visible, and tries to change it.
const LOOK: &str = "exports.main = () => {
  const fs = require('fs');
  const attempts = { write: () => fs.writeFileSync('/compiled/x', ''), remove: () => fs.rmSync('/compiled', { recursive: true }) };
  const done = Object.keys(attempts).filter((name) => { try { attempts[name](); return true } catch { return false } });
  return { answer: library.answer(41), visible: fs.readdirSync('/compiled').length, done };
};";

#[tokio::test(flavor = "multi_thread")]
async fn compiled_code_serves_the_same_code_in_the_same_namespace_only() {
    let Some(node) = node() else { return };
    let platform = platform(node);
    let action = large(LOOK);
    let see = |namespace: &'static str| {
        let action = Action {
            namespace,
            ..action.clone()
        };
        let platform = &platform;
        async move { platform.run("nodejs", action, json!({})).await.0 }
    };
    let (nothing, something) = (
        r#"Success {"answer":42,"visible":0,"done":[]}"#,
        r#"Success {"answer":42,"visible":1,"done":[]}"#,
    );
    assert_eq!(see("guest").await, nothing, "the first compiles");
    until_kept(&platform, 1).await;
    assert_eq!(see("guest").await, something, "the second finds it");
    assert_eq!(see("other").await, nothing, "another namespace does not");
    until_kept(&platform, 2).await;
    let changed = large(&format!("{LOOK}// changed"));
    assert_eq!(
        platform.run("nodejs", changed, json!({})).await.0,
        nothing,
        "nor other code"
    );
    until_kept(&platform, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_does_to_the_collected_files_changes_nothing_for_the_next() {
    let Some(node) = node() else { return };
    let platform = platform(node);
    let evil = "exports.main = () => {
      const fs = require('fs'), Module = require('module');
      // What a run can reach of the cache that its own process keeps.
      for (const name of fs.readdirSync('/tmp', { recursive: true })) try { fs.writeFileSync('/tmp/' + name, 'evil') } catch {}
      try { Module.flushCompileCache() } catch {}
      return { answer: library.answer(41) };
    };";
    let action = large(evil);
    let (instance, ran) = platform.init("nodejs", &action).await;
    assert!(ran.outcome.is_none(), "{ran:?}");
    until_kept(&platform, 1).await;
    let before = contents(&kept(&platform)[0]);
    assert!(!before.is_empty());
    for _ in 0..3 {
        let ran = instance.run(&run(json!({}))).await.unwrap();
        assert!(matches!(ran.outcome, Some(Outcome::Success(_))), "{ran:?}");
    }
    instance.stop().await;
    assert_eq!(contents(&kept(&platform)[0]), before);
    assert_eq!(
        platform.run("nodejs", action, json!({})).await.0,
        r#"Success {"answer":42}"#
    );
    assert_eq!(contents(&kept(&platform)[0]), before);
}

fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        match entry.path().is_dir() {
            true => found.extend(contents(&entry.path())),
            false => found.push((entry.path(), fs::read(entry.path()).unwrap())),
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_compiled_code_is_compiled_anew() {
    let Some(node) = node() else { return };
    let platform = platform(node);
    let action = large("exports.main = () => ({ answer: library.answer(41) });");
    platform.run("nodejs", action.clone(), json!({})).await;
    until_kept(&platform, 1).await;
    for (file, bytes) in contents(&kept(&platform)[0]) {
        fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    }
    assert_eq!(
        platform.run("nodejs", action, json!({})).await.0,
        r#"Success {"answer":42}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn several_major_versions_stand_side_by_side() {
    let Some(node) = node() else { return };
    let platform = Platform::with(Config {
        interpreters: [("nodejs".to_owned(), vec!["/usr/bin/node".into(), node])].into(),
        ..Config::default()
    });
    let kinds = platform.language("nodejs").kinds();
    assert!(kinds.len() >= 2 && kinds[0].default, "{kinds:?}");
    for kind in kinds {
        let (instance, ran) = platform
            .init_kind(
                kind,
                &Lineage::default(),
                &support::text("exports.main = () => ({ v: process.versions.node })"),
            )
            .await;
        assert!(ran.outcome.is_none(), "{ran:?}");
        let ran = instance.run(&run(json!({}))).await.unwrap();
        let major = kind.name.strip_prefix("nodejs:").unwrap();
        let outcome = support::outcome(&ran);
        assert!(outcome.starts_with(&format!("Success {{\"v\":\"{major}.")), "{outcome}");
        instance.stop().await;
    }
}
