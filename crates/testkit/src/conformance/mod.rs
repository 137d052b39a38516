//! One suite for each port: run it over the register table, and a new adapter is tested by being registered.

pub mod language;
