use std::{
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use serde_json::json;
use wisp_core::ports::Listener;
use wisp_testkit::conformance::source::{self, Sink, Upstream};

use crate::broker::{Broker, certify};

/// A program of PostgreSQL; Debian has them in a folder for each version.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions
        .map(|version| version.path().join("bin").join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| name.into())
}

/// The command as the user `postgres` if this one is root, who may not run a server.
fn harmless(mut command: Command, folder: &Path) -> Command {
    let number = |flag| {
        let output = Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if let (true, Some(user), Some(group)) = (root, number("-u"), number("-g")) {
        chown(folder, Some(user), Some(group)).unwrap();
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

fn server(folder: &Path, port: u16) -> Command {
    let data = folder.join("data");
    if !data.exists() {
        let mut init = Command::new(program("initdb"));
        init.args(["--username=wisp", "--auth=trust", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null());
        let _ = harmless(init, folder).status();
    }
    let mut command = Command::new(program("postgres"));
    command
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-c", "wal_level=logical"]);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    harmless(command, folder)
}

/// The same, by TLS too.
pub fn secure_server(folder: &Path, port: u16) -> Command {
    let (certificate, key) = certify(folder);
    let mut command = server(folder, port);
    let owner = std::fs::metadata(folder).unwrap();
    chown(&key, Some(owner.uid()), Some(owner.gid())).unwrap();
    command.args(["-c", "ssl=on"]);
    for (name, path) in [("cert", certificate), ("key", key)] {
        command.arg("-c").arg(format!("ssl_{name}_file={}", path.display()));
    }
    command
}

/// Runs statements, as soon as the server does.
pub async fn sql(port: u16, statements: &str) {
    loop {
        let mut psql = Command::new("psql");
        psql.args([
            "-h",
            "127.0.0.1",
            "-U",
            "wisp",
            "-d",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
            "-q",
        ]);
        let ran = psql
            .args(["-p", &port.to_string(), "-c", statements])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        if ran.success() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// A table of its own on the server.
struct Table {
    port: u16,
    name: String,
}

impl Table {
    async fn made(port: u16, name: &str) -> Self {
        let make = format!(
            "CREATE TABLE {name} (id int PRIMARY KEY, note text, extra jsonb); \
             ALTER TABLE {name} REPLICA IDENTITY FULL; CREATE PUBLICATION {name} FOR TABLE {name}"
        );
        sql(port, &make).await;
        Self {
            port,
            name: name.to_owned(),
        }
    }
}

#[async_trait]
impl Upstream for Table {
    async fn happen(&self, number: u64) {
        sql(self.port, &format!("INSERT INTO {} VALUES ({number}, 'n')", self.name)).await;
    }

    fn listener(&self) -> Box<dyn Listener> {
        let url = format!("postgres://wisp@127.0.0.1:{}/postgres", self.port);
        let settings = json!({"url": url, "publication": self.name, "slot": self.name});
        crate::open("postgres_changes", "changes", &settings)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_keep_the_contract() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    for name in ["a", "b", "c"] {
        Table::made(broker.port, name).await;
    }
    let (next, names) = (AtomicU64::new(0), ["a", "b", "c"]);
    source::listener(&|| {
        Box::new(Table {
            port: broker.port,
            name: names[next.fetch_add(1, Ordering::Relaxed) as usize].to_owned(),
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_told_whole_and_none_is_lost_over_a_restart_of_the_server() {
    let Some(mut broker) = Broker::start(server).await else {
        return;
    };
    let table = Table::made(broker.port, "t").await;
    let (sink, listener) = (Sink::default(), table.listener());
    let (ended, ()) = tokio::join!(listener.listen(&sink), async {
        sink.ready().await;
        let change =
            "BEGIN; INSERT INTO t VALUES (1, NULL, '{\"a\": [1]}'); UPDATE t SET note = 'x'; DELETE FROM t; COMMIT";
        sql(broker.port, change).await;
        sink.wait_for_different(3).await;
        broker.kill();
    });
    assert!(ended.is_err(), "a server that goes is an error while it is listened to");
    assert!(listener.listen(&sink).await.is_err(), "one that is not there, too");
    let said = sink.said();
    let operations: Vec<_> = said.iter().map(|event| &event["operation"]).collect();
    assert_eq!(operations, ["insert", "update", "delete"]);
    let (before, after) = (
        json!({"id": 1, "note": null, "extra": {"a": [1]}}),
        json!({"id": 1, "note": "x", "extra": {"a": [1]}}),
    );
    assert_eq!(
        (&said[0]["new"], &said[0]["table"], said[0].get("old")),
        (&before, &json!("t"), None)
    );
    assert_eq!((&said[1]["old"], &said[1]["new"]), (&before, &after));
    assert_eq!((&said[2]["old"], said[2].get("new")), (&after, None));
    // Processes of the server notice a moment later that it has gone.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    broker.restart().await;
    for number in 2..10 {
        table.happen(number).await;
    }
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens again: {ended:?}"),
        () = sink.wait_for_different(11) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_far_behind_a_slot_is_is_told() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    let table = Table::made(broker.port, "behind").await;
    let (sink, listener) = (Sink::default(), table.listener());
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens: {ended:?}"),
        () = async {
            sink.ready().await;
            while sink.lag_told().is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        } => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_that_is_not_there_is_an_error_that_names_it() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    sql(broker.port, "CREATE TABLE other (id int)").await;
    let table = Table {
        port: broker.port,
        name: "nowhere".into(),
    };
    let change = async {
        loop {
            sql(broker.port, "INSERT INTO other VALUES (1)").await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let sink = Sink::default();
    let listener = table.listener();
    tokio::select! {
        ended = listener.listen(&sink) => {
            let error = ended.unwrap_err();
            assert!(error.message().contains("nowhere"), "{error}");
        }
        () = change => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_was_made_is_removed() {
    let Some(broker) = Broker::start(server).await else {
        return;
    };
    source::leaves_nothing(&Table::made(broker.port, "gone").await).await;
}
