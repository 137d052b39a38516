//! Every language of the table keeps the contract.

mod support;

use support::Platform;
use wisp_testkit::conformance::language;

#[tokio::test]
async fn nodejs_keeps_the_contract() {
    let platform = Platform::new();
    language::check(platform.language("nodejs"), &*platform.blobs).await;
}

#[tokio::test]
async fn python_keeps_the_contract() {
    let platform = Platform::new();
    language::check(platform.language("python"), &*platform.blobs).await;
}
