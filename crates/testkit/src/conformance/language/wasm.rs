//! A command for WASI's first interface: its argument on standard input, its result as the last line of its output.

use std::{collections::BTreeMap, io::Read, process::exit, thread::sleep, time::Duration};

/// Bytes to be written.
#[repr(C)]
struct Vector(*const u8, usize);

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_write(descriptor: u32, vectors: *const Vector, count: usize, written: *mut usize) -> u16;
    fn fd_close(descriptor: u32) -> u16;
}

/// A text field of the argument, as it is written there.
fn text<'a>(argument: &'a str, name: &str) -> &'a str {
    let rest = argument.split(&format!("\"{name}\"")).nth(1).unwrap_or("");
    rest.split('"').nth(1).unwrap_or("")
}

fn number(argument: &str, name: &str) -> usize {
    let rest = argument.split(&format!("\"{name}\"")).nth(1).unwrap_or("");
    let digits = rest
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap_or(0)
}

/// Writes to the platform's descriptor, which is not there: then there is nothing more to try.
fn forge(bytes: &[u8]) -> ! {
    let (vector, mut written) = (Vector(bytes.as_ptr(), bytes.len()), 0);
    if unsafe { fd_write(3, &vector, 1, &mut written) } != 0 {
        exit(1);
    }
    sleep(Duration::from_secs(100));
    exit(0)
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c < ' ' => format!("\\u{:04x}", c as u32),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn main() {
    let mut argument = String::new();
    std::io::stdin().read_to_string(&mut argument).unwrap();
    match text(&argument, "do") {
        "echo" => println!("{argument}"),
        "fail" => println!("{{\"error\":{{\"code\":7}}}}"),
        "bad" => println!("\"no object\""),
        "log" => {
            let word = text(&argument, "word");
            println!("{word}");
            eprintln!("{word} problem");
            println!("{word} again, unfinished\n{{}}");
        }
        "flood" => {
            for n in 0..number(&argument, "lines") {
                let line = format!("line {n} {}", "x".repeat(40));
                if n % 2 == 0 {
                    println!("{line}")
                } else {
                    eprintln!("{line}")
                }
            }
            println!("{{}}");
        }
        "exit" => {
            println!("last words");
            exit(3);
        }
        "environment" => {
            let variables: BTreeMap<_, _> = std::env::vars().collect();
            let fields: Vec<_> = variables
                .iter()
                .map(|(k, v)| format!("{}:{}", quoted(k), quoted(v)))
                .collect();
            println!("{{{}}}", fields.join(","));
        }
        "huge" => println!("{{\"text\":\"{}\"}}", "y".repeat(number(&argument, "bytes"))),
        "loop" => {
            println!("before loop");
            loop {
                std::hint::black_box(&argument);
            }
        }
        "sleep" => {
            println!("before sleep");
            sleep(Duration::from_secs(100));
        }
        "garbage" => forge(&[b'x'; 100]),
        "hugeframe" => forge(b"\xff\xff\xff\xff\x03\0\0\0\0\0\0\0\0"),
        "forge" => forge(b"\x18\0\0\0\x03\x01\x02\x03\x04\x05\x06\x07\x08{\"forged\":true}"),
        "close" => {
            if unsafe { fd_close(3) } != 0 {
                exit(1);
            }
            sleep(Duration::from_secs(100));
        }
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&kept);
            }
        }
        other => println!("{{\"error\":\"cannot do {other}\"}}"),
    }
}
