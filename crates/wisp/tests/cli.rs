//! The command line as shells and scripts see it, without a server.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// An address that nobody listens on: port 1 is privileged and unused.
const NOBODY: &str = "http://127.0.0.1:1";

fn wisp(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wisp"));
    command.args(arguments).env_clear().env("HOME", home).current_dir(home);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs in an empty home and compares the exit code and a part of what is printed on stdout or stderr.
#[track_caller]
fn check(arguments: &[&str], exit: i32, stdout: &str, stderr: &str) {
    let home = tempfile::tempdir().unwrap();
    let output = wisp(home.path(), arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let shown = format!("{arguments:?}\nstdout: {out}\nstderr: {err}");
    assert_eq!(output.status.code(), Some(exit), "{shown}");
    assert!(out.contains(stdout) && err.contains(stderr), "{shown}");
    assert!(
        !out.contains('\u{1b}') && !err.contains('\u{1b}'),
        "colours on a pipe: {shown}"
    );
}

#[test]
fn help_and_version_are_answers() {
    check(&["--version"], 0, concat!("wisp ", env!("CARGO_PKG_VERSION")), "");
    check(&["--help"], 0, "activation", "");
    check(
        &["action", "create", "--help"],
        0,
        "wisp action create hello hello.js",
        "",
    );
    check(&["help", "trigger", "fire"], 0, "Fire a trigger", "");
}

#[test]
fn wrong_usage_exits_with_2() {
    check(&[], 2, "", "Usage: wisp");
    check(&["acton"], 2, "", "'action'");
    check(&["action", "invoke"], 2, "", "<ACTION_NAME>");
    check(&["action", "invoke", "f", "-p", "alone"], 2, "", "2 values required");
    check(&["action", "list"], 2, "", "wisp property set --auth");
    check(
        &["-u", "a:b", "action", "create", "f"],
        2,
        "",
        "An action name and code artifact are required.",
    );
    check(
        &[
            "-u", "a:b", "action", "create", "f", "x.js", "--kind", "k", "--docker", "d",
        ],
        2,
        "",
        "cannot be used with",
    );
    check(
        &["-u", "a:b", "action", "create", "f", "x.js", "--web", "maybe"],
        2,
        "",
        "expected yes, true, raw, no or false",
    );
    check(
        &["-u", "a:b", "action", "get", "/a/b/c/d"],
        2,
        "",
        "not a valid qualified name",
    );
    check(
        &["-u", "a:b", "trigger", "create", "t", "-p", "a", "1", "-T", "b", "2"],
        2,
        "",
        "Incorrect usage.",
    );
    check(&["explain", "WSP-9999"], 2, "", "there is no error WSP-9999");
}

#[test]
fn a_server_that_is_not_there_exits_with_3_and_says_how_to_start_one() {
    let order = ["--apihost", NOBODY, "--auth", "a:b", "action", "list"];
    check(
        &order,
        3,
        "",
        "error: Unable to obtain the list of actions for namespace '_': no answer from http://127.0.0.1:1",
    );
    check(
        &["action", "list", "--apihost", NOBODY, "-u", "a:b"],
        3,
        "",
        "wisp serve",
    );
    check(&["list", "kinds", "--apihost", NOBODY], 3, "", "wisp serve");
    check(
        &["list", "kinds", "--apihost", "127.0.0.1:1"],
        3,
        "",
        "a host without a scheme means https",
    );
}

#[test]
fn every_error_code_has_a_page() {
    for code in wisp_core::Code::ALL {
        check(&["explain", code.id()], 0, "## Remedy", "");
    }
    check(&["explain"], 0, "WSP-0429", "");
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        check(&["completions", shell], 0, "activation", "");
    }
    check(&["completions", "tcsh"], 2, "", "possible values: bash, zsh, fish");
}

#[test]
fn properties_are_set_shown_and_removed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".wskprops");
    let set = wisp(
        home.path(),
        &["property", "set", "--apihost", NOBODY, "--auth", "some:key"],
    );
    assert_eq!(text(&set.stdout).lines().count(), 2, "{set:?}");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        format!("AUTH=some:key\nAPIHOST={NOBODY}\n")
    );
    let shown = wisp(home.path(), &["property", "get", "--auth", "--apihost"]);
    assert_eq!(
        text(&shown.stdout),
        format!("whisk auth\t\tsome:key\nwhisk API host\t\t{NOBODY}\n")
    );
    let raw = wisp(home.path(), &["property", "get", "--auth", "--output", "raw"]);
    assert_eq!(text(&raw.stdout), "some:key\n");
    assert!(wisp(home.path(), &["property", "unset", "--auth"]).status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("APIHOST={NOBODY}\n"));
    check(
        &["property", "set", "--apihost", "ftp://x"],
        1,
        "",
        "'ftp://x' is not an API host",
    );
    check(&["property", "set"], 2, "", "nothing to set");
}

#[test]
fn the_key_of_a_server_on_this_machine_is_used_for_it_only() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".local/share/wisp");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("wskprops"), format!("APIHOST={NOBODY}\nAUTH=local:key\n")).unwrap();
    let key = |arguments: &[&str]| text(&wisp(home.path(), arguments).stdout).to_owned();
    assert_eq!(key(&["property", "get", "--auth", "--output", "raw"]), "local:key\n");
    let elsewhere = wisp(home.path(), &["action", "list", "--apihost", "http://127.0.0.2:1"]);
    assert!(
        text(&elsewhere.stderr).contains("no authorization key"),
        "{elsewhere:?}"
    );
    fs::write(home.path().join(".wskprops"), "APIHOST=https://example.org\n").unwrap();
    assert_eq!(key(&["property", "get", "--auth", "--output", "raw"]), "\n");
}

#[test]
fn a_named_properties_file_is_the_only_one() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".wskprops"), "AUTH=home:key\n").unwrap();
    fs::write(home.path().join("other"), "AUTH=other:key\n").unwrap();
    let key = |file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wisp"));
        command
            .args(["property", "get", "--auth", "--output", "raw"])
            .env_clear();
        command
            .env("HOME", home.path())
            .env("WSK_CONFIG_FILE", home.path().join(file));
        text(&command.output().unwrap().stdout).to_owned()
    };
    assert_eq!(
        (key("other"), key("missing")),
        ("other:key\n".to_owned(), "\n".to_owned())
    );
}
