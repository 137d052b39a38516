//! Every language of the table keeps the contract.

mod support;

use support::Platform;
use wisp_testkit::conformance::language;

async fn check(family: &str) {
    let platform = Platform::new();
    language::check(platform.language(family), &*platform.blobs).await;
}

#[tokio::test]
async fn nodejs_keeps_the_contract() {
    check("nodejs").await;
}

#[tokio::test]
async fn python_keeps_the_contract() {
    check("python").await;
}

#[tokio::test]
async fn native_keeps_the_contract() {
    check("native").await;
}

#[tokio::test]
async fn js_keeps_the_contract() {
    check("js").await;
}

#[cfg(feature = "wasm")]
#[tokio::test(flavor = "multi_thread")]
async fn wasm_keeps_the_contract() {
    check("wasm").await;
}

// Container images are held to OpenWhisk's HTTP protocol in `images.rs`.

#[test]
fn no_language_is_left_out() {
    let names: Vec<_> = wisp_runtimes::languages::LANGUAGES
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(
        names,
        ["nodejs", "python", "native", "js", "blackbox", "wasm"],
        "add a conformance test for the new language"
    );
}
