//! The prime factors of `n`: its argument on standard input as JSON, its result on standard output.
//!
//! `rustc --edition 2024 --target wasm32-wasip2 -O examples/wasm/rust.rs -o factors.wasm`

use std::io::{Read, stdin};

fn factors(mut n: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut divisor = 2;
    while divisor * divisor <= n {
        while n.is_multiple_of(divisor) {
            found.push(divisor);
            n /= divisor;
        }
        divisor += 1;
    }
    found.extend((n > 1).then_some(n));
    found
}

fn main() {
    let mut input = String::new();
    stdin().read_to_string(&mut input).expect("JSON on standard input");
    let digits: String = input.chars().filter(char::is_ascii_digit).collect();
    let Ok(n) = digits.parse() else {
        println!(r#"{{"error":"n is not a number"}}"#);
        return;
    };
    eprintln!("factoring {n}");
    println!(r#"{{"factors":{:?}}}"#, factors(n));
}
