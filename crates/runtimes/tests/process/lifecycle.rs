use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wisp_core::ports::{Network, Sandbox};
use wisp_runtimes::sandboxes::process::Config;

use super::world::{PATIENCE, launcher, run, sandbox_with, shell};

/// A launcher under a name of its own, by which its processes are found.
fn own_launcher() -> (tempfile::TempDir, Config) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = directory.path().join("launcher");
    fs::copy(launcher(), &path).unwrap();
    (
        directory,
        Config {
            launcher: path.to_str().unwrap().into(),
            ..Config::default()
        },
    )
}

/// Processes whose command line has this in it: process and parent ids.
fn processes(marker: &str) -> Vec<(i32, i32)> {
    let all = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let matching = all.filter_map(|pid: i32| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let alive = fields[0] != "Z";
        (alive && String::from_utf8_lossy(&command).contains(marker)).then(|| (pid, fields[1].parse().unwrap()))
    });
    matching.collect()
}

fn gone(marker: &str) {
    let begin = Instant::now();
    while !processes(marker).is_empty() {
        assert!(begin.elapsed() < PATIENCE, "still there: {:?}", processes(marker));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launcher_that_dies_takes_its_sandboxes_along_and_is_replaced() {
    let (_kept, config) = own_launcher();
    let marker = config.launcher.clone();
    let sandbox = sandbox_with(config, None);
    let (cell, channel) = sandbox
        .start(&shell("echo up; (setsid sleep 7654321 &); exec sleep 7654321"))
        .await
        .unwrap();
    fs::File::from(channel.stdout.try_clone().unwrap())
        .read_exact(&mut [0; 3])
        .unwrap();
    let us = std::process::id() as i32;
    let (old, _) = *processes(&marker).iter().find(|(_, parent)| *parent == us).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(old).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let exit = tokio::time::timeout(PATIENCE, cell.wait()).await.unwrap();
    assert_eq!(exit.code, 137);
    // Every process of the sandbox held this pipe.
    assert_eq!(super::world::drain(channel.stdout).await, "");
    assert_eq!(run(&sandbox, &shell("echo again")).await.stdout, "again\n");
    assert!(
        processes(&marker)
            .iter()
            .any(|(pid, parent)| *parent == us && *pid != old)
    );
}

/// Plays the server in the test below.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "part of another test"]
async fn server() {
    let config = Config {
        launcher: launcher(),
        ..Config::default()
    };
    let sandbox = sandbox_with(config, None);
    let mut kept = Vec::new();
    for _ in 0..3 {
        let script = format!("echo up; : {}; (setsid sleep 7654322 &); sleep 7654322", launcher());
        let (cell, channel) = sandbox.start(&shell(&script)).await.unwrap();
        fs::File::from(channel.stdout.try_clone().unwrap())
            .read_exact(&mut [0; 3])
            .unwrap();
        kept.push((cell, channel));
    }
    // What is frozen must not be what remains.
    kept[0].0.freeze().await.unwrap();
    println!("\nserving");
    std::future::pending::<()>().await;
}

#[test]
fn nothing_survives_a_server_that_is_killed() {
    let (_kept, config) = own_launcher();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "lifecycle::server"])
        .env("WISP_TEST_LAUNCHER", &config.launcher)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "serving"));
    assert!(
        processes(&config.launcher).len() > 6,
        "{:?}",
        processes(&config.launcher)
    );
    server.kill().unwrap();
    server.wait().unwrap();
    gone(&config.launcher);
    gone("7654322");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "part of another test"]
async fn alone() {
    let (_kept, config) = own_launcher();
    let marker = config.launcher.clone();
    let sandbox = sandbox_with(config, None);
    let (cell, channel) = sandbox.start(&shell("echo up; exec sleep 7654323")).await.unwrap();
    fs::File::from(channel.stdout.try_clone().unwrap())
        .read_exact(&mut [0; 3])
        .unwrap();
    drop(cell);
    assert_eq!(super::world::drain(channel.stdout).await, "");
    let groups = groups(std::process::id());
    assert_eq!(groups.is_empty(), !super::world::root(), "{groups:?}");
    drop(sandbox);
    gone(&marker);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_are_started_at_once_than_are_parked() {
    let sandbox = sandbox_with(Config::default(), None);
    let runs = (0..24).map(|number| {
        let sandbox = sandbox.clone();
        tokio::spawn(async move {
            let mut wanted = shell(&format!("echo {number}"));
            wanted.network = if number % 3 == 0 {
                Network::None
            } else {
                Network::Outbound
            };
            run(&sandbox, &wanted).await.stdout
        })
    });
    for (number, run) in runs.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(run.await.unwrap(), format!("{number}\n"));
    }
}

/// The control groups of a server.
fn groups(server: u32) -> Vec<PathBuf> {
    let found = Command::new("find")
        .args(["/sys/fs/cgroup", "-name", &format!("wisp.{server}.*")])
        .output()
        .unwrap();
    String::from_utf8(found.stdout)
        .unwrap()
        .lines()
        .map(Into::into)
        .collect()
}

#[test]
fn nothing_remains_of_a_server_that_ends() {
    let mut server = Command::new(std::env::current_exe().unwrap());
    let mut server = server
        .args(["--ignored", "--exact", "lifecycle::alone"])
        .spawn()
        .unwrap();
    assert!(server.wait().unwrap().success());
    assert_eq!(groups(server.id()), Vec::<PathBuf>::new());
}
