//! How long a start takes. Ignored by default: `cargo test … -- --ignored --nocapture start_time`.

use std::{
    fs::File,
    io::Read,
    time::{Duration, Instant},
};

use wisp_core::ports::{Mount, Network, Sandbox};

use super::world::{sandbox, spec};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; needs a static program in WISP_BENCH_PROGRAM that writes a byte"]
async fn start_time() {
    let program = std::env::var("WISP_BENCH_PROGRAM").unwrap();
    let sandbox = sandbox();
    for network in [Network::None, Network::Outbound] {
        for gap in [5, 100] {
            let mut spec = spec(&["/program"]);
            spec.mounts.push(Mount {
                source: program.clone().into(),
                target: "/program".into(),
            });
            spec.network = network;
            let (mut started, mut wrote, mut gone) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..51 {
                tokio::time::sleep(Duration::from_millis(gap)).await;
                let begin = Instant::now();
                let (cell, channel) = sandbox.start(&spec).await.unwrap();
                started.push(begin.elapsed());
                File::from(channel.stdout).read_exact(&mut [0]).unwrap();
                wrote.push(begin.elapsed());
                cell.stop().await;
                gone.push(begin.elapsed());
            }
            let median = |times: &mut Vec<Duration>| {
                times.sort();
                (times[times.len() / 2], times[times.len() - 2])
            };
            println!(
                "{network:?}, a start every {gap} ms: (median, p98) started {:?}, first byte {:?}, gone {:?}",
                median(&mut started),
                median(&mut wrote),
                median(&mut gone)
            );
        }
    }
}
