//! `/whisk.system/samples`: small actions to read and to try out.

use super::Package;

const NODE: &str = "nodejs:20";
const PYTHON: &str = "python:3.11";
const PROGRAM: &str = "native";

/// The package.
pub(crate) fn register() -> Package {
    Package::new("Small actions to read and to try out")
        .code("hello", "Says hello", NODE, include_str!("samples/hello.js"))
        .code(
            "helloPromises",
            "Says hello a little later",
            NODE,
            include_str!("samples/helloPromises.js"),
        )
        .code(
            "greeting",
            "Greets by name and place",
            NODE,
            include_str!("samples/greeting.js"),
        )
        .code(
            "wordcount",
            "Counts the words of `payload`",
            NODE,
            include_str!("samples/wordcount.js"),
        )
        .code(
            "wordcountAsync",
            "Counts the words of `payload` in an asynchronous function",
            NODE,
            include_str!("samples/wordcountAsync.js"),
        )
        .code("cat", "Joins `lines` to one text", NODE, include_str!("samples/cat.js"))
        .code(
            "head",
            "The first `num` of `lines`",
            NODE,
            include_str!("samples/head.js"),
        )
        .code("sort", "Sorts `lines`", NODE, include_str!("samples/sort.js"))
        .code(
            "split",
            "Splits `payload` at `separator`",
            NODE,
            include_str!("samples/split.js"),
        )
        .code(
            "countdown",
            "Invokes itself until `n` is 0",
            NODE,
            include_str!("samples/countdown.js"),
        )
        .annotated("provide-api-key", true)
        .code(
            "invoke",
            "Invokes `wordcount` through the API",
            NODE,
            include_str!("samples/invoke.js"),
        )
        .annotated("provide-api-key", true)
        .code(
            "trigger",
            "Fires the trigger `name`",
            NODE,
            include_str!("samples/trigger.js"),
        )
        .annotated("provide-api-key", true)
        .code("httpGet", "Fetches `url`", NODE, include_str!("samples/httpGet.js"))
        .code(
            "printParams",
            "Writes its parameters to the log",
            NODE,
            include_str!("samples/printParams.js"),
        )
        .code(
            "greetingPython",
            "Greets by name and place",
            PYTHON,
            include_str!("samples/greeting.py"),
        )
        .code(
            "helloShell",
            "Says hello in a shell script",
            PROGRAM,
            include_str!("samples/hello.sh"),
        )
        .code(
            "curl",
            "Fetches `payload` with curl",
            PROGRAM,
            include_str!("samples/curl.sh"),
        )
}
