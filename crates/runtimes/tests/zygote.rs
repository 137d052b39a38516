//! What a zygote's children are, and what they must not have.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use serde_json::{Value, json};
use support::{Action, Platform, outcome, run, text};
use tempfile::TempDir;
use wisp_core::ports::{Instance, Lineage};
use wisp_runtimes::languages::Config;

/// An initialised child of the zygote with these modules.
async fn child(platform: &Platform, modules: &str, action: Action<'_>) -> Box<dyn Instance> {
    let (instance, ran) = platform.init_of(&Lineage(modules.into()), "python", &action).await;
    assert_eq!(outcome(&ran), "initialised", "{:?}", ran.logs);
    instance
}

/// What a child returns.
async fn ask(instance: &dyn Instance) -> Value {
    let ran = instance.run(&run(json!({}))).await.unwrap();
    let seen = outcome(&ran);
    let result = seen.strip_prefix("Success ").map(serde_json::from_str);
    result.unwrap_or_else(|| panic!("{seen} {:?}", ran.logs)).unwrap()
}

/// A platform whose functions can import these modules.
fn platform_with(modules: &[(&str, &str)]) -> (TempDir, Platform) {
    let packages = tempfile::tempdir().unwrap();
    fs::set_permissions(packages.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, code) in modules {
        fs::write(packages.path().join(format!("{name}.py")), code).unwrap();
    }
    let platform = Platform::with(Config {
        python_packages: Some(packages.path().into()),
        ..Config::default()
    });
    (packages, platform)
}

const LOOK: &str = r"
import ctypes, os
def status():
    return dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
def main(args):
    seen = status()
    places = {}
    for fd in os.listdir('/proc/self/fd'):
        try: places[fd] = os.readlink('/proc/self/fd/' + fd).split(':')[0]
        except OSError: pass
    libc = ctypes.CDLL(None, use_errno=True)
    libc.setns(0, 0)
    return {
        'ids': [os.getuid(), os.getgid(), os.getgroups()], 'session': os.getsid(0),
        'parent': os.getppid(), 'processes': sorted(p for p in os.listdir('/proc') if p.isdigit()),
        'capabilities': [seen[set] for set in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')],
        'confined': [seen['NoNewPrivs'], seen['Seccomp']], 'setns': ctypes.get_errno(),
        'descriptors': places, 'here': os.getcwd(), 'tmp': os.listdir('/tmp'), 'host': os.uname().nodename,
        'environment': sorted(os.environ), 'writable': [p for p in ('/', '/usr', '/packages') if os.access(p, os.W_OK)],
    }
";

#[tokio::test]
async fn a_child_is_confined_like_a_program_that_was_executed() {
    let (_packages, platform) = platform_with(&[]);
    let forked = ask(&*child(&platform, "", text(LOOK)).await).await;
    let executed = Platform::with(Config {
        zygote_memory: 0,
        ..Config::default()
    });
    let mut executed = ask(&*child(&executed, "", text(LOOK)).await).await;
    assert_eq!(
        (&executed["parent"], &forked["parent"]),
        (&json!(1), &json!(0)),
        "not forked"
    );
    executed["parent"] = json!(0);
    assert_eq!(forked, executed);
    assert_eq!(forked["capabilities"], json!(["0000000000000000"; 5].map(String::from)));
    assert_eq!(forked["setns"], json!(libc::EPERM));
    assert_eq!(forked["processes"], json!(["1", "2"]));
}

#[tokio::test]
async fn a_child_inherits_no_descriptor_that_leads_out() {
    // The host's root, as a careless module of the platform would leave it open.
    let leak = "import os\nLEAK = os.open('/', os.O_RDONLY)\nos.set_inheritable(LEAK, True)\n";
    let (_packages, platform) = platform_with(&[("leak", leak)]);
    let escape = r"
import os, leak, stat
def main(args):
    out = []
    for fd in range(256):
        try: out.append([fd, sorted(os.listdir(fd))])
        except OSError: pass
        try: out.append(os.open('../../../../etc/debian_version', os.O_RDONLY, dir_fd=fd))
        except OSError: pass
    return {'leak': leak.LEAK, 'out': out}
";
    let seen = ask(&*child(&platform, "leak", text(escape)).await).await;
    assert!(seen["leak"].as_i64().unwrap() >= 3, "imported in the child: {seen}");
    assert_eq!(seen["out"], json!([]));
}

#[tokio::test]
async fn siblings_share_no_randomness() {
    let (_packages, platform) = platform_with(&[]);
    let draw = r"
import os, random, secrets, tempfile, uuid
def main(args):
    return [random.random(), secrets.token_hex(), str(uuid.uuid4()), os.urandom(8).hex(),
            next(tempfile._get_candidate_names())]
";
    let first = ask(&*child(&platform, "", text(draw)).await).await;
    let second = ask(&*child(&platform, "", text(draw)).await).await;
    let same = first.as_array().unwrap().iter().zip(second.as_array().unwrap());
    assert_eq!(same.filter(|(one, other)| one == other).count(), 0, "{first} {second}");
}

#[tokio::test]
async fn siblings_see_nothing_of_each_other() {
    let (_packages, platform) = platform_with(&[]);
    let keep = r"
import builtins, os, pathlib, sys, ssl
def main(args):
    pathlib.Path('/tmp/mine').write_text('mine')
    pathlib.Path('/dev/shm/mine').write_text('mine')
    builtins.mine = ssl.mine = 'mine'
    return {'secret': os.environ['SECRET']}
";
    let mut action = text(keep);
    action.environment = &[("SECRET", "mine")];
    let first = child(&platform, "", action).await;
    assert_eq!(ask(&*first).await, json!({ "secret": "mine" }));
    let look = r"
import builtins, os, signal, ssl
def main(args):
    seen = [os.listdir('/tmp'), os.listdir('/dev/shm'), 'SECRET' in os.environ]
    seen += [hasattr(builtins, 'mine'), hasattr(ssl, 'mine')]
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try: os.kill(-1, signal.SIGTERM)
    except OSError: pass
    return seen
";
    let second = child(&platform, "", text(look)).await;
    assert_eq!(ask(&*second).await, json!([[], [], false, false, false]));
    assert_eq!(ask(&*first).await, json!({ "secret": "mine" }), "still there");
}

#[tokio::test]
async fn children_outlive_their_zygote_and_end_alone() {
    let (_packages, platform) = platform_with(&[]);
    let count = text("n = 0\ndef main(args):\n    global n\n    n += 1\n    return {'n': n}");
    let (first, second) = (
        child(&platform, "", count.clone()).await,
        child(&platform, "", count).await,
    );
    first.stop().await;
    assert!(!first.is_alive());
    assert_eq!(ask(&*second).await, json!({ "n": 1 }));
    let ends = child(&platform, "", text("import os\ndef main(args):\n    os._exit(3)")).await;
    assert_eq!(outcome(&ends.run(&run(json!({}))).await.unwrap()), "Exited");
    assert!(!ends.is_alive());
    drop(platform);
    assert_eq!(ask(&*second).await, json!({ "n": 2 }));
}

#[tokio::test]
async fn the_memory_of_a_child_is_limited() {
    let (_packages, platform) = platform_with(&[]);
    let greedy = text("def main(args):\n    return {'n': len(bytearray(600 << 20))}");
    let instance = child(&platform, "", greedy).await;
    if instance.memory().is_none() {
        eprintln!("skipped: no memory limits on this machine");
        return;
    }
    assert_eq!(outcome(&instance.run(&run(json!({}))).await.unwrap()), "OutOfMemory");
}

#[tokio::test]
async fn a_child_has_imported_what_its_zygote_has() {
    let slow = "import os\nPROCESS = os.getpid()\n";
    let (_packages, platform) = platform_with(&[("slow", slow)]);
    let who = text("import os, slow\ndef main(args):\n    return {'own': slow.PROCESS == os.getpid()}");
    let forked = child(&platform, "slow", who.clone()).await;
    assert_eq!(ask(&*forked).await, json!({ "own": false }));
    let other = child(&platform, "", who).await;
    assert_eq!(ask(&*other).await, json!({ "own": true }));
}

#[tokio::test]
async fn a_child_can_be_frozen() {
    let (_packages, platform) = platform_with(&[]);
    let restless = r"
import threading, time
longest = 0
def tick():
    global longest
    before = time.monotonic()
    while True:
        time.sleep(0.001)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
def main(args):
    if threading.active_count() == 1:
        threading.Thread(target=tick, daemon=True).start()
    time.sleep(0.05)
    return {'rested': longest > 1}
";
    let instance = child(&platform, "", text(restless)).await;
    ask(&*instance).await;
    instance.freeze().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    instance.thaw().await.unwrap();
    assert_eq!(ask(&*instance).await, json!({ "rested": true }));
}

#[tokio::test]
async fn what_a_function_imports_is_learnt_when_it_first_runs() {
    let (_packages, platform) = platform_with(&[("early", ""), ("late", ""), ("unused", "")]);
    let python = platform.language("python");
    let kind = python.kinds().iter().find(|kind| kind.default).unwrap();
    // `json` is no package of the platform, and `unused` is not imported, whatever is said on the channel.
    let code = "import early, json\ndef main(args):\n    import late\n    return {}";
    let code_ref = support::code_ref(&platform.blobs, code.into(), false).await;
    assert_eq!(python.lineage(kind, "guest", &code_ref), Lineage::default());
    let first = child(&platform, "", text(code)).await;
    assert_eq!(python.lineage(kind, "guest", &code_ref), Lineage("early".into()));
    ask(&*first).await;
    assert_eq!(python.lineage(kind, "guest", &code_ref), Lineage("early,late".into()));
    ask(&*child(&platform, "early,late", text(code)).await).await;
    assert_eq!(
        python.lineage(kind, "guest", &code_ref),
        Lineage("early,late".into()),
        "known"
    );
}

#[tokio::test]
async fn a_lie_about_imports_makes_no_zygote_import_anything_foreign() {
    let (_packages, platform) = platform_with(&[("known", "")]);
    let python = platform.language("python");
    let kind = python.kinds().iter().find(|kind| kind.default).unwrap();
    let code = r#"
import os
def main(args):
    text = b'["known", "antigravity", "../evil", "a.b"]'
    os.write(3, (9 + len(text)).to_bytes(4, 'little') + bytes([8]) + bytes(8) + text)
    os._exit(0)
"#;
    let code_ref = support::code_ref(&platform.blobs, code.into(), false).await;
    let liar = child(&platform, "", text(code)).await;
    liar.run(&run(json!({}))).await.unwrap();
    assert_eq!(python.lineage(kind, "guest", &code_ref), Lineage("known".into()));
}
