//! What Python functions rely on, as OpenWhisk's runtime does it.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Action, Platform, text, zipped};

async fn check(platform: &Platform, action: Action<'_>, expected: &str) -> Vec<String> {
    let (seen, logs) = platform.run("python", action, json!({ "name": "x" })).await;
    assert!(seen.starts_with(expected), "expected {expected}, saw {seen} {logs:?}");
    logs
}

#[tokio::test]
async fn results() {
    let platform = Platform::new();
    let bad = r#"DeveloperError {"error":"The action did not return a dictionary or array."}"#;
    for (code, expected) in [
        (
            "def main(args):\n    return {'hello': args['name']}",
            r#"Success {"hello": "x"}"#,
        ),
        ("def main(args):\n    return [1, 'é']", r#"Success [1, "é"]"#),
        (
            "import asyncio\nasync def main(args):\n    await asyncio.sleep(0.01)\n    return args",
            r#"Success {"name": "x"}"#,
        ),
        (
            "main = lambda args: {'error': 'mine'}",
            r#"ApplicationError {"error": "mine"}"#,
        ),
        ("def main(args):\n    return 'text'", bad),
        ("def main(args):\n    pass", bad),
        (
            "def main(args):\n    return {'set': {1}}",
            "DeveloperError {\"error\":\"The action's result cannot be written as JSON",
        ),
        (
            "def main(args):\n    return {'nan': float('nan')}",
            "DeveloperError {\"error\":\"The action's result cannot be written",
        ),
        ("import sys\ndef main(args):\n    sys.exit(2)", "Exited"),
        (
            "class A:\n    def __call__(self, args):\n        return {}\nmain = A()",
            "Success {}",
        ),
    ] {
        check(&platform, text(code), expected).await;
    }
    let logs = check(
        &platform,
        text("def main(args):\n    raise ValueError('boom')"),
        r#"ApplicationError {"error": "boom"}"#,
    )
    .await;
    let line = logs.iter().position(|line| line == "    raise ValueError('boom')");
    assert!(line.is_some() && logs.contains(&"ValueError: boom".into()), "{logs:?}");
}

#[tokio::test]
async fn initialisation() {
    let platform = Platform::new();
    for (code, reason) in [
        ("def main(args)\n    pass", "SyntaxError"),
        (
            "import no_such_module",
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("x = 1", "Action entrypoint 'main' is not a function."),
    ] {
        let (seen, logs) = platform.run("python", text(code), json!({})).await;
        assert!(
            seen.starts_with("InitFailed(\"Initialization has failed due to: "),
            "{seen}"
        );
        assert!(seen.contains(reason) && !logs.is_empty(), "{seen} {logs:?}");
    }
    check(&platform, text("import os; os._exit(1)"), "InitExited").await;
    let endless = Action {
        init_timeout: Duration::from_millis(500),
        ..text("print('begun')\nwhile True:\n    pass")
    };
    assert_eq!(check(&platform, endless, "InitTimedOut(500)").await, ["begun"]);
    let named = Action {
        main: "go",
        ..text("def go(args):\n    return {'name': __name__}")
    };
    check(&platform, named, r#"Success {"name": "main__"}"#).await;
    let environment = [("KEY", "value")];
    let code = "import os\nat_start = os.environ['KEY']\ndef main(args):\n    return {'key': at_start}";
    check(
        &platform,
        Action {
            environment: &environment,
            ..text(code)
        },
        r#"Success {"key": "value"}"#,
    )
    .await;
}

#[tokio::test]
async fn archives() {
    let platform = Platform::new();
    let main = "import os, helper\ndef main(args):\n    return {'helper': helper.VALUE, 'cwd': os.getcwd()}";
    let files = [("__main__.py", main), ("helper.py", "VALUE = 42")];
    check(&platform, zipped(&files), r#"Success {"helper": 42, "cwd": "/action"}"#).await;
    let files = [
        (
            "__main__.py",
            "import dep\ndef main(args):\n    return {'dep': dep.VALUE}",
        ),
        ("virtualenv/lib/python3.9/site-packages/dep.py", "VALUE = 7"),
    ];
    check(&platform, zipped(&files), r#"Success {"dep": 7}"#).await;
    let logs = check(
        &platform,
        zipped(&[("other.py", "")]),
        "InitFailed(\"Initialization has failed due to: ImportError",
    )
    .await;
    assert!(
        logs.iter()
            .any(|line| line.contains("Zip file does not include __main__.py")),
        "{logs:?}"
    );
}
