use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use wisp_core::ports::Listener;
use wisp_testkit::conformance::source::{self, Sink, Upstream};

/// A folder of its own.
struct Folder(PathBuf);

#[async_trait]
impl Upstream for Folder {
    async fn happen(&self, number: u64) {
        fs::write(self.0.join(number.to_string()), number.to_string()).unwrap();
    }

    fn listener(&self) -> Box<dyn Listener> {
        crate::open("files", "folder", &json!({"folder": self.0, "restMillis": 50}))
    }
}

#[tokio::test]
async fn folders_keep_the_contract() {
    let home = tempfile::tempdir().unwrap();
    let folders = AtomicU64::new(0);
    source::listener(&|| {
        let folder = home.path().join(folders.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&folder).unwrap();
        Box::new(Folder(folder))
    })
    .await;
}

#[tokio::test]
async fn a_file_that_changes_is_an_event_again_and_inner_folders_are_watched() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("old"), "1").unwrap();
    let settings = json!({"folder": home.path(), "recursive": "yes", "from": "new", "restMillis": 50});
    let listener = crate::open("files", "folder", &settings);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let sink = Sink::default();
    let change = async {
        sink.ready().await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        fs::write(home.path().join("old"), "2").unwrap();
        sink.wait_for_different(1).await;
        assert_eq!(said(&sink)["value"], json!(2));
        fs::create_dir_all(home.path().join("a/b")).unwrap();
        fs::write(home.path().join("a/b/c.json"), r#"{"n": 3}"#).unwrap();
        sink.wait_for_different(2).await;
        let event = said(&sink);
        assert_eq!(
            (&event["name"], &event["value"]),
            (&json!("a/b/c.json"), &json!({"n": 3}))
        );
        assert_eq!(event["size"], json!(8));
        fs::remove_file(home.path().join("old")).unwrap();
        fs::write(home.path().join("large"), vec![b'x'; 1 << 20]).unwrap();
        sink.wait_for_different(3).await;
        assert_eq!(
            (&said(&sink)["size"], said(&sink).get("value")),
            (&json!(1 << 20), None)
        );
    };
    tokio::select! {
        ended = listener.listen(&sink) => panic!("it listens: {ended:?}"),
        () = change => {}
    }
}

fn said(sink: &Sink) -> Value {
    serde_json::from_str(sink.last().data.get()).unwrap()
}

#[tokio::test]
async fn more_files_than_a_batch_holds_all_come_and_a_folder_that_goes_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    for number in 0..700 {
        fs::write(home.path().join(format!("{number:03}")), "x").unwrap();
    }
    let listener = Folder(home.path().to_owned()).listener();
    let sink = Sink::default();
    let (ended, ()) = tokio::join!(listener.listen(&sink), async {
        sink.wait_for_different(700).await;
        fs::remove_dir_all(home.path()).unwrap();
    });
    assert!(ended.unwrap_err().message().contains("cannot be watched"));
    assert_eq!(sink.ids().len(), 700, "each once");
}

#[test]
fn only_folders_that_are_named_are_watched() {
    let (_, register) = wisp_sources::SOURCES.iter().find(|(name, _)| *name == "files").unwrap();
    let home = tempfile::tempdir().unwrap();
    let (inbox, other) = (home.path().join("inbox"), home.path().join("other"));
    fs::create_dir(&inbox).unwrap();
    fs::create_dir(&other).unwrap();
    std::os::unix::fs::symlink(&other, inbox.join("way-out")).unwrap();
    let source = register(&wisp_sources::Context {
        clock: std::sync::Arc::new(crate::wall::Wall::default()),
        config: wisp_sources::Config {
            folders: vec![inbox.display().to_string()],
            ..Default::default()
        },
    });
    for (folder, allowed) in [
        ("inbox", true),
        ("other", false),
        ("inbox/way-out", false),
        ("inbox/../other", false),
    ] {
        let settings = json!({"folder": home.path().join(folder)});
        let opened = source.open(&source.feeds()[0], settings.as_object().unwrap());
        assert_eq!(opened.is_ok(), allowed, "{folder}");
    }
}
