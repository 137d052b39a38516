//! The names that this machine's interpreters get.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::HashSet, path::PathBuf};

use support::Platform;
use wisp_runtimes::languages::Config;

#[tokio::test]
async fn every_name_means_one_kind_and_every_family_has_a_default() {
    let platform = Platform::new();
    let mut names = HashSet::new();
    for language in &platform.languages {
        let kinds = language.kinds();
        // Container images have no default, since each is something of its own; nor has what this build or machine lacks.
        let defaults = usize::from(language.family() != "blackbox" && !kinds.is_empty());
        assert_eq!(kinds.iter().filter(|kind| kind.default).count(), defaults, "{kinds:?}");
        for kind in kinds {
            assert!(kind.name.starts_with(language.family()) && !kind.provider.is_empty());
            for name in kind.aliases.iter().chain([&kind.name]) {
                assert!(names.insert(name.clone()), "'{name}' is there twice");
            }
        }
    }
    for name in [
        "nodejs",
        "nodejs:10",
        "nodejs:14",
        "nodejs:20",
        "python",
        "python:2",
        "python:3",
        "python:3.10",
        "native",
    ] {
        assert!(names.contains(name), "'{name}' is missing from {names:?}");
    }
}

#[tokio::test]
async fn settings_say_which_interpreters_there_are() {
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), "#!/bin/sh\necho Python 3.99.0\n").unwrap();
    let nowhere = PathBuf::from("/no/such/python");
    let interpreters = [("python".to_owned(), vec![nowhere, script.path().to_owned()])].into();
    let platform = Platform::with(Config {
        interpreters,
        ..Config::default()
    });
    assert!(
        platform.language("python").kinds().is_empty(),
        "neither a missing program nor a script is an interpreter"
    );
    assert!(!platform.language("nodejs").kinds().is_empty());
}
