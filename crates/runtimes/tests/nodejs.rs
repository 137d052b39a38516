//! What Node functions rely on, as OpenWhisk's runtime does it.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Action, Platform, outcome, run, text, zipped};
use wisp_runtimes::languages::Config;

async fn check(platform: &Platform, action: Action<'_>, expected: &str) -> Vec<String> {
    let (seen, logs) = platform.run("nodejs", action, json!({ "name": "x" })).await;
    assert!(seen.starts_with(expected), "expected {expected}, saw {seen} {logs:?}");
    logs
}

#[tokio::test]
async fn results() {
    let platform = Platform::new();
    for (code, expected) in [
        (
            "function main(p) { return { hello: p.name } }",
            r#"Success {"hello":"x"}"#,
        ),
        ("async function main(p) { return p }", r#"Success {"name":"x"}"#),
        (
            "const main = (p) => new Promise((done) => setTimeout(() => done({ late: 1 }), 20))",
            r#"Success {"late":1}"#,
        ),
        ("function main() {}", "Success {}"),
        ("function main() { return Promise.resolve() }", "Success {}"),
        ("function main() { return [1, 2] }", "Success [1,2]"),
        ("function main() { return { then: 1 } }", r#"Success {"then":1}"#),
        (
            "exports.main = () => ({ exported: true }) // no line end",
            r#"Success {"exported":true}"#,
        ),
        (
            "module.exports = { main: () => ({ exported: 2 }) }",
            r#"Success {"exported":2}"#,
        ),
        (
            "function main() { return 'x' }",
            r#"DeveloperError {"error":"The action did not return a dictionary."}"#,
        ),
        (
            "async function main() { return 5 }",
            r#"DeveloperError {"error":"The action did not return a dictionary."}"#,
        ),
        ("function main() { return null }", r#"InvalidResult("null")"#),
        (
            "function main() { throw new Error('boom') }",
            r#"DeveloperError {"error":"An error has occurred: Error: boom"}"#,
        ),
        (
            "function main() { throw Symbol('s') }",
            r#"DeveloperError {"error":"An error has occurred: Symbol(s)"}"#,
        ),
        (
            "function main() { const a = {}; a.a = a; return a }",
            r#"DeveloperError {"error":"An error has occurred: TypeError"#,
        ),
        (
            "function main() { return { error: 'mine' } }",
            r#"ApplicationError {"error":"mine"}"#,
        ),
        (
            "function main() { return Promise.reject() }",
            r#"ApplicationError {"error":{}}"#,
        ),
        (
            "function main() { return Promise.reject({ code: 5, why: ['x'] }) }",
            r#"ApplicationError {"error":{"code":5,"why":["x"]}}"#,
        ),
        (
            "async function main() { throw 'text' }",
            r#"ApplicationError {"error":"text"}"#,
        ),
        (
            "async function main() { throw new TypeError('bad') }",
            r#"ApplicationError {"error":{"name":"TypeError","message":"bad","stack":"#,
        ),
        (
            "async function main() { const e = new Error('c'); e.self = e; throw e }",
            r#"ApplicationError {"error":{"self":"[Circular]""#,
        ),
    ] {
        check(&platform, text(code), expected).await;
    }
}

#[tokio::test]
async fn initialisation() {
    let platform = Platform::new();
    let failed = r#"InitFailed("Initialization has failed due to: "#;
    for (code, reason) in [
        ("function main( {", "SyntaxError"),
        ("throw new Error('early'); function main() {}", "Error: early"),
        (
            "undefinedThing(); function main() {}",
            "ReferenceError: undefinedThing is not defined",
        ),
        ("const x = 1", "Action entrypoint 'main' is not a function."),
        (
            "require('no-such-module'); function main() {}",
            "Cannot find module 'no-such-module'",
        ),
    ] {
        let (seen, logs) = platform.run("nodejs", text(code), json!({})).await;
        assert!(seen.starts_with(failed) && seen.contains(reason), "{seen}");
        assert!(
            logs.iter().any(|line| line.contains("Error during initialization:")),
            "{logs:?}"
        );
    }
    check(&platform, text("process.exit(1)"), "InitExited").await;
    let endless = Action {
        init_timeout: Duration::from_millis(500),
        ..text("console.log('begun'); for (;;);")
    };
    assert_eq!(check(&platform, endless, "InitTimedOut(500)").await, ["begun"]);
    let named = Action {
        main: "lib.go",
        ..text("const lib = { go: () => ({ went: 1 }) }")
    };
    check(&platform, named, r#"Success {"went":1}"#).await;
    let environment = [("KEY", "value"), ("__OW_NAMESPACE", "guest")];
    let code =
        "const atStart = process.env.KEY; function main() { return { atStart, now: process.env.__OW_NAMESPACE } }";
    let action = Action {
        environment: &environment,
        ..text(code)
    };
    check(&platform, action, r#"Success {"atStart":"value","now":"guest"}"#).await;
}

#[tokio::test]
async fn archives() {
    let platform = Platform::new();
    let main = "exports.main = () => ({ from: 'index', cwd: process.cwd(), dir: __dirname })";
    let expected = r#"Success {"from":"index","cwd":"/action","dir":"/action"}"#;
    check(&platform, zipped(&[("index.js", main)]), expected).await;
    let package = ("package.json", r#"{ "main": "src/app.js" }"#);
    let app = ("src/app.js", "exports.main = () => ({ dep: require('dep') })");
    let dependency = ("node_modules/dep/index.js", "module.exports = 42");
    check(&platform, zipped(&[package, app, dependency]), r#"Success {"dep":42}"#).await;
    let files = [
        ("index.js", ""),
        ("lib/tool.js", "exports.go = () => ({ from: 'tool' })"),
    ];
    check(
        &platform,
        Action {
            main: "lib/tool.go",
            ..zipped(&files)
        },
        r#"Success {"from":"tool"}"#,
    )
    .await;
    let module = ("package.json", r#"{ "type": "module", "main": "index.js" }"#);
    let code = "import { sep } from 'node:path'; export const main = async () => ({ sep })";
    check(
        &platform,
        zipped(&[module, ("index.js", code)]),
        r#"Success {"sep":"/"}"#,
    )
    .await;
    let code = "export default { main: () => ({ from: 'default' }) }";
    check(
        &platform,
        zipped(&[module, ("index.js", code)]),
        r#"Success {"from":"default"}"#,
    )
    .await;
    let reason = "Zipped actions must contain either package.json or index.js at the root.";
    let expected = format!("InitFailed(\"Initialization has failed due to: {reason}");
    check(&platform, zipped(&[("folder/index.js", main)]), &expected).await;
    let broken = Action {
        code: b"PK\x03\x04nonsense".to_vec(),
        ..zipped(&[])
    };
    let expected =
        r#"InitFailed("Initialization has failed due to: There was an error uncompressing the action archive."#;
    check(&platform, broken, expected).await;
}

#[tokio::test]
async fn concurrent_runs_keep_their_output_and_environment_apart() {
    let platform = Platform::new();
    let code = "
        const pause = () => new Promise((done) => setTimeout(done, 30));
        async function main({ n }) {
            const ids = [];
            for (let i = 0; i < 5; i++) {
                console.log(`run ${n} step ${i}`);
                console.error(`run ${n} problem ${i}`);
                await pause();
                ids.push(process.env.__OW_ACTIVATION_ID);
            }
            return { n, ids };
        }";
    let (instance, ran) = platform
        .init(
            "nodejs",
            &Action {
                concurrency: 8,
                ..text(code)
            },
        )
        .await;
    assert!(ran.outcome.is_none());
    let runs = (0..8).map(|n| {
        let mut run = run(json!({ "n": n }));
        run.context = vec![("activation_id", format!("id{n}"))];
        let instance = &instance;
        async move { (n, instance.run(&run).await.unwrap()) }
    });
    let began = std::time::Instant::now();
    for (n, ran) in futures_util::future::join_all(runs).await {
        let ids = vec![format!("id{n}"); 5];
        assert_eq!(
            outcome(&ran),
            format!("Success {}", json!({ "n": n, "ids": ids })),
            "{:?}",
            ran.logs
        );
        let lines: Vec<_> = ran
            .logs
            .iter()
            .map(|line| format!("{} {}", line.stream.as_str(), line.text))
            .collect();
        let expected: Vec<_> = (0..5)
            .flat_map(|i| {
                [
                    format!("stdout run {n} step {i}"),
                    format!("stderr run {n} problem {i}"),
                ]
            })
            .collect();
        assert_eq!(lines, expected);
    }
    assert!(began.elapsed().as_millis() < 1000, "they ran one after another");
    instance.stop().await;
}

#[tokio::test]
async fn an_unhandled_failure_ends_only_what_it_must() {
    let platform = Platform::new();
    let code = "function main() { setTimeout(() => { throw new Error('later') }, 5); return new Promise(() => {}) }";
    let logs = check(&platform, text(code), "Exited").await;
    assert!(logs.iter().any(|line| line.contains("Error: later")), "{logs:?}");
}

#[tokio::test]
async fn bundled_packages_come_after_the_functions_own() {
    let packages = tempfile::tempdir().unwrap();
    for name in ["bundled", "both"] {
        let directory = packages.path().join("node_modules").join(name);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("index.js"), "module.exports = 'bundled'").unwrap();
    }
    let node_modules = Some(packages.path().join("node_modules"));
    let platform = Platform::with(Config {
        node_modules,
        ..Config::default()
    });
    let code = "function main() { return { bundled: require('bundled') } }";
    check(&platform, text(code), r#"Success {"bundled":"bundled"}"#).await;
    let own = ("node_modules/both/index.js", "module.exports = 'own'");
    let code = "exports.main = () => ({ bundled: require('bundled'), both: require('both') })";
    let expected = r#"Success {"bundled":"bundled","both":"own"}"#;
    check(&platform, zipped(&[("index.js", code), own]), expected).await;
    let module = ("package.json", r#"{ "type": "module", "main": "index.js" }"#);
    let code = "import bundled from 'bundled'; import both from 'both'; export const main = () => ({ bundled, both })";
    check(&platform, zipped(&[module, ("index.js", code), own]), expected).await;
    let without = Platform::new();
    assert!(
        without.language("nodejs").kinds()[0]
            .provider
            .contains("without the bundled packages")
    );
}

#[tokio::test]
async fn the_machine_behaves_like_one() {
    let platform = Platform::new();
    let code = "const { execSync } = require('child_process');
        function main() { return { said: execSync('echo $((6 * 7))').toString().trim() } }";
    check(&platform, text(code), r#"Success {"said":"42"}"#).await;
    let code = "function main() { const a = []; for (;;) a.push({ n: a.length, text: 'x' + a.length }) }";
    check(&platform, text(code), "OutOfMemory").await;
}

#[tokio::test]
async fn the_environment_is_the_platforms_own() {
    // Nothing of the server's environment is there, such as more certificates, which alone would cost 30 ms.
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    let platform = Platform::new();
    let look = "exports.main = () => ({ names: Object.keys(process.env).filter((n) => !n.startsWith('__OW_')).sort(), \
                options: process.execArgv.length, path: process.env.PATH })";
    check(
        &platform,
        text(look),
        r#"Success {"names":["HOME","LANG","PATH"],"options":1,"path":"/usr/local/bin:/usr/bin:/bin"}"#,
    )
    .await;
}
