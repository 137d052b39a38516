//! A compiled program: the ActionLoop protocol. Each request is one line of JSON on standard input, each reply one
//! line of JSON on descriptor 3; what it prints goes to the activation's log.

use std::{
    fs::File,
    io::{self, BufRead, Write},
    os::fd::FromRawFd,
};

/// The integer that follows `"key":` in a line of JSON.
fn integer(line: &str, key: &str) -> Option<usize> {
    let (_, rest) = line.split_once(&format!("\"{key}\":"))?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// How many primes there are below `n`, by the sieve of Eratosthenes.
fn primes_below(n: usize) -> usize {
    let mut prime = vec![true; n];
    let mut count = 0;
    for candidate in 2..n {
        if prime[candidate] {
            count += 1;
            for multiple in (candidate * candidate..n).step_by(candidate) {
                prime[multiple] = false;
            }
        }
    }
    count
}

fn main() -> io::Result<()> {
    // SAFETY: the protocol gives this process descriptor 3 for its replies, and nothing else here uses it.
    let mut replies = unsafe { File::from_raw_fd(3) };
    for line in io::stdin().lock().lines() {
        let n = integer(&line?, "n").unwrap_or(100_000).min(50_000_000);
        println!("sieving below {n}");
        writeln!(replies, "{{\"below\":{n},\"primes\":{}}}", primes_below(n))?;
    }
    Ok(())
}
