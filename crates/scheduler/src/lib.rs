//! Pure policies: the same view gives the same answer. They never read a clock, a store or a pool.

pub mod keepalive;
pub mod retry;
pub mod scaling;
pub mod simulation;
