//! Tells cargo what the program embeds besides its code.

fn main() {
    println!("cargo:rerun-if-changed=../../docs/errors");
}
