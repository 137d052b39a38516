use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use wisp_core::ports::{Channel, Sandbox};

use super::world::{PATIENCE, drain, python, sandbox, shell};

/// What is in a program's output now.
fn available(channel: &Channel) -> usize {
    rustix::io::ioctl_fionbio(&channel.stdout, true).unwrap();
    let (mut bytes, mut count) = ([0; 4096], 0);
    loop {
        match rustix::io::read(&channel.stdout, &mut bytes) {
            Ok(0) => return count,
            Ok(more) => count += more,
            Err(error) => {
                assert_eq!(std::io::Error::from(error).kind(), ErrorKind::WouldBlock);
                return count;
            }
        }
    }
}

/// Waits until a program is silent (`wanted` is false) or says something (true) for a while.
async fn until(channel: &Channel, wanted: bool) {
    let begun = Instant::now();
    while (available(channel) > 0) != wanted {
        assert!(begun.elapsed() < PATIENCE, "wanted output: {wanted}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Each of these never rests by itself.
const RESTLESS: &[(&str, &str)] = &[
    ("spins", "while True: os.write(1, b'.'); time.sleep(0.001)"),
    (
        "has a thread",
        "import threading\nthreading.Thread(target=lambda: [tick() for _ in range(60000)]).start()\ntime.sleep(60)",
    ),
    (
        "has children and grandchildren",
        "for _ in range(3):\n    if os.fork() == 0: break\nfor _ in range(60000): tick()",
    ),
    (
        "has a child in a session of its own",
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    for _ in range(60000): tick()\ntime.sleep(60)",
    ),
    (
        "runs away by forking",
        "if os.fork(): time.sleep(60)\nfor _ in range(20000):\n    tick()\n    if os.fork(): os._exit(0)",
    ),
    (
        "wakes what is stopped",
        "import signal\nif os.fork() == 0:\n    for _ in range(60000): tick(); os.kill(os.getppid(), signal.SIGCONT)\nfor _ in range(60000): tick()",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_frozen_rests_until_it_is_thawed_and_can_be_ended() {
    let sandbox = sandbox();
    for (what, script) in RESTLESS {
        println!("{what}");
        let tick = "import os, time\ndef tick(): os.write(1, b'.'); time.sleep(0.002)\n";
        let (cell, channel) = sandbox.start(&python(&format!("{tick}{script}"))).await.unwrap();
        until(&channel, true).await;
        for _ in 0..2 {
            cell.freeze().await.unwrap();
            cell.freeze().await.unwrap();
            until(&channel, false).await;
            cell.thaw().await.unwrap();
            cell.thaw().await.unwrap();
            until(&channel, true).await;
        }
        cell.freeze().await.unwrap();
        tokio::time::timeout(PATIENCE, cell.stop()).await.unwrap();
        rustix::io::ioctl_fionbio(&channel.stdout, false).unwrap();
        // Every process of the sandbox held this pipe.
        drain(channel.stdout).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_sandbox_can_be_mounted_into_and_be_dropped() {
    let sandbox = sandbox();
    let (kept, path) = super::world::directory("file", "content");
    let (cell, channel) = sandbox.start(&shell("read -r go <&3; cat /action/file")).await.unwrap();
    cell.freeze().await.unwrap();
    cell.mount(&path, "/action".as_ref()).await.unwrap();
    cell.thaw().await.unwrap();
    rustix::io::write(&channel.control, b"go\n").unwrap();
    assert_eq!(super::world::finish(cell, channel).await.stdout, "content");
    drop(kept);
    let (cell, channel) = sandbox.start(&shell("echo up; exec sleep 60")).await.unwrap();
    until(&channel, true).await;
    cell.freeze().await.unwrap();
    drop(cell);
    rustix::io::ioctl_fionbio(&channel.stdout, false).unwrap();
    assert_eq!(drain(channel.stdout).await, "");
}
