//! Memory, handles, time and output without end; what returns found a limit in its way.

use std::{hint::black_box, io::Write, thread::sleep, time::Duration};

use wasip2::{
    cli::{stdin::get_stdin, stdout::get_stdout},
    clocks::monotonic_clock::subscribe_duration,
    http::types::Fields,
    io::poll::poll,
    random::{insecure::get_insecure_random_bytes, random::get_random_bytes},
};

/// Uses something up; the names of what had no limit.
pub fn exhaust(attempt: &str) -> Vec<String> {
    match attempt {
        "memory" => {
            let mut kept = Vec::new();
            for _ in 0..1 << 14 {
                kept.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "one large memory" => {
            return if core::arch::wasm32::memory_grow(0, 65_000) == usize::MAX {
                Vec::new()
            } else {
                vec!["grown".into()]
            };
        }
        "recursion" => drop(deep(0)),
        "spin" => loop {
            black_box(attempt);
        },
        "sleep" => sleep(Duration::from_secs(1000)),
        "handles" => {
            let kept: Vec<Fields> = (0..1 << 20).map(|_| Fields::new()).collect();
            return vec![format!("{} handles", kept.len())];
        }
        "timers" => {
            let kept: Vec<_> = (0..1 << 20).map(|_| subscribe_duration(1_000_000_000_000)).collect();
            poll(&kept.iter().collect::<Vec<_>>());
        }
        // What the host would have to hold before it hands it over.
        "randomness" => return vec![format!("{} bytes", get_random_bytes(black_box(3 << 30)).len())],
        "worse randomness" => return vec![format!("{} bytes", get_insecure_random_bytes(black_box(3 << 30)).len())],
        "zeroes" => {
            let stream = get_stdout();
            if stream.write_zeroes(black_box(1 << 40)).is_ok() {
                return vec!["zeroes".into()];
            }
        }
        "reading" => {
            if get_stdin()
                .blocking_read(black_box(1 << 40))
                .is_ok_and(|bytes| !bytes.is_empty())
            {
                return vec!["input".into()];
            }
        }
        "output" => {
            let line = "x".repeat(1000);
            (0..20_000).for_each(|_| println!("{line}"));
        }
        "line" => {
            let piece = [b'x'; 65536];
            (0..2000).for_each(|_| drop(std::io::stderr().write_all(&piece)));
        }
        "trap" => std::process::abort(),
        other => return vec![format!("{other} is unknown")],
    }
    Vec::new()
}

fn deep(n: u64) -> u64 {
    let place = black_box([n; 64]);
    if n == u64::MAX { 0 } else { 1 + deep(n + 1) + place[3] }
}
