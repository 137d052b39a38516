use std::time::Duration;

use serde_json::json;
use wisp_core::{
    Code, Result,
    model::CodeRef,
    ports::{Images, ImportOptions, Init, Instance, InstanceLimits, Network, Ran},
};

use super::{
    fixture::{Entry, archive, file, runtime, saved},
    support::{Memory, Platform, code_ref, outcome, run},
};

/// A platform with the image `runtime`: its upper layer hides a file of the lower one.
async fn platform() -> Platform {
    let platform = Platform::new();
    let (_kept, path) = file(&saved(
        "runtime",
        &[runtime(), archive(&[(".wh.secret", Entry::File(b""))])],
    ));
    platform.images.import(&path, &ImportOptions::default()).await.unwrap();
    platform
}

async fn start(platform: &Platform, image: &str) -> Result<Box<dyn Instance>> {
    let language = platform.language("blackbox");
    let kind = &language.kinds()[0];
    let limits = InstanceLimits {
        memory: 128,
        concurrency: 1,
        network: Network::None,
        isolation: kind.isolation(),
    };
    language.start_image(kind, limits, image).await
}

async fn init(blobs: &Memory, instance: &dyn Instance, code: &str) -> Ran {
    let code = match code {
        "" => CodeRef::default(),
        code => code_ref(blobs, code.into(), false).await,
    };
    let init = Init {
        namespace: "guest".into(),
        name: "a".into(),
        code,
        main: "main".into(),
        plain: false,
        environment: vec![("KEY".into(), "value".into())],
        annotations: Default::default(),
        timeout: Duration::from_secs(5),
        log_limit: 1 << 20,
    };
    instance.init(&init).await.unwrap()
}

fn lines(ran: &Ran) -> Vec<String> {
    ran.logs
        .iter()
        .map(|line| format!("{}: {}", line.stream.as_str(), line.text))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_initialised_once_and_runs_with_its_logs_told_apart() {
    let platform = platform().await;
    let instance = start(&platform, "runtime").await.unwrap();
    assert_eq!(outcome(&init(&platform.blobs, &*instance, "code").await), "initialised");
    for number in 0..3 {
        let ran = instance.run(&run(json!({ "number": number }))).await.unwrap();
        let told = outcome(&ran);
        assert!(
            told.starts_with(r#"Success {"user":33,"#) && told.contains(&format!("\"number\":{number}")),
            "{told}"
        );
        let mut logs = lines(&ran);
        logs.sort();
        assert_eq!(logs, ["stderr: to stderr", "stdout: to stdout"]);
    }
    instance.stop().await;
    assert!(!instance.is_alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_image_does_wrong_is_an_outcome_and_the_neighbour_goes_on() {
    let platform = platform().await;
    let neighbour = start(&platform, "runtime").await.unwrap();
    init(&platform.blobs, &*neighbour, "").await;
    for (code, expected) in [
        ("fail", "InitFailed(\"no good\")"),
        ("exit", "InitExited"),
        ("slow", "InitTimedOut(5000)"),
    ] {
        let instance = start(&platform, "runtime").await.unwrap();
        assert_eq!(
            outcome(&init(&platform.blobs, &*instance, code).await),
            expected,
            "{code}"
        );
        instance.stop().await;
    }
    for (what, expected) in [
        ("fail", r#"DeveloperError {"error":"it broke"}"#),
        ("text", "InvalidResult(\"just text\")"),
        ("exit", "Exited"),
        ("slow", "TimedOut(1000)"),
        ("forge", r#"Success {"forged":true}"#),
    ] {
        let instance = start(&platform, "runtime").await.unwrap();
        init(&platform.blobs, &*instance, "").await;
        let mut asked = run(json!({ "do": what }));
        asked.timeout = Duration::from_secs(if what == "slow" { 1 } else { 10 });
        assert_eq!(outcome(&instance.run(&asked).await.unwrap()), expected, "{what}");
        instance.stop().await;
    }
    let ran = neighbour.run(&run(json!({}))).await.unwrap();
    assert!(outcome(&ran).starts_with("Success"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_logs_is_cut_and_does_not_block_the_function() {
    let platform = platform().await;
    let instance = start(&platform, "runtime").await.unwrap();
    init(&platform.blobs, &*instance, "").await;
    let ran = instance.run(&run(json!({ "do": "flood" }))).await.unwrap();
    assert_eq!(outcome(&ran), r#"Success {"flooded":true}"#);
    assert!(ran.truncated);
    let kept: usize = ran.logs.iter().map(|line| line.text.len()).sum();
    assert!(kept <= 1 << 20, "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_web_server_gets_the_parameters_and_its_answer_is_the_result() {
    let platform = Platform::new();
    let busybox = std::fs::read("/bin/busybox").unwrap();
    let server = b"#!/bin/busybox sh\nread -r m p v; while read -r h; do h=${h%?}; [ -z \"$h\" ] && break; \
        case \"$h\" in [Cc]ontent-[Ll]ength:*) n=${h#*: };; esac; done; b=$(busybox head -c \"${n:-0}\")\n\
        case $p in /init) printf 'HTTP/1.0 404 No\\r\\n\\r\\n';; *) printf 'HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\n%s %s %s' \"$m\" \"$p\" \"$b\";; esac\n";
    let start_script = b"#!/bin/busybox sh\nexec busybox nc -ll -p $PORT -e /server\n";
    let layer = archive(&[
        ("bin/busybox", Entry::File(&busybox)),
        ("server", Entry::File(server)),
        ("start", Entry::File(start_script)),
    ]);
    let (_kept, path) = file(&saved("web", &[layer]));
    platform.images.import(&path, &ImportOptions::default()).await.unwrap();
    let instance = start(&platform, "web").await.unwrap();
    assert_eq!(outcome(&init(&platform.blobs, &*instance, "").await), "initialised");
    let ran = instance.run(&run(json!({ "a": 1 }))).await.unwrap();
    let expected =
        json!({ "statusCode": 200, "body": "POST / {\"a\":1}", "headers": { "content-type": "text/plain" } });
    assert_eq!(outcome(&ran), format!("Success {expected}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_missing_or_cannot_start_says_so() {
    let config = wisp_runtimes::images::Config {
        pull: wisp_runtimes::images::Pull::Never,
        ..wisp_runtimes::images::Config::default()
    };
    let platform = Platform::with_images(wisp_runtimes::languages::Config::default(), config);
    let Err(error) = start(&platform, "nothere").await else {
        panic!("it started")
    };
    assert_eq!(
        (error.code(), error.message()),
        (Code::Image, "Failed to pull container image 'nothere'.")
    );
    let (_kept, path) = file(&saved("empty", &[archive(&[("file", Entry::File(b""))])]));
    platform.images.import(&path, &ImportOptions::default()).await.unwrap();
    let Err(error) = start(&platform, "empty").await else {
        panic!("it started")
    };
    assert_eq!(error.code(), Code::Image);
    assert!(error.message().contains("execute the program"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn native_programs_run_as_in_the_skeleton_image() {
    let platform = Platform::new();
    let instance = start(&platform, "openwhisk/dockerskeleton").await.unwrap();
    let program = "#!/bin/sh\necho logged\nread -r line\necho \"err\" >&2\necho \"{\\\"argument\\\":$1,\\\"line\\\":$line,\\\"id\\\":\\\"$__OW_ACTIVATION_ID$KEY\\\"}\"\n";
    assert_eq!(
        outcome(&init(&platform.blobs, &*instance, program).await),
        "initialised"
    );
    for number in 0..2 {
        let ran = instance.run(&run(json!({ "n": number }))).await.unwrap();
        let expected = format!(r#"Success {{"argument":{{"n":{number}}},"line":{{"n":{number}}},"id":"0123value"}}"#);
        assert_eq!(outcome(&ran), expected);
        let mut logs = lines(&ran);
        logs.sort();
        assert_eq!(logs, ["stderr: err", "stdout: logged"]);
    }
    let instance = start(&platform, "openwhisk/dockerskeleton:1").await.unwrap();
    init(&platform.blobs, &*instance, "#!/bin/sh\necho no json\n").await;
    let ran = instance.run(&run(json!({}))).await.unwrap();
    assert_eq!(
        outcome(&ran),
        r#"DeveloperError {"error":"The action did not return a dictionary."}"#
    );
}
