//! What a sandbox can reach: the server ends its connections in user space and makes its own to where the policy
//! allows.
//!
//! ```text
//! program ── kernel ── TUN ──▶ relay ──▶ stack (TCP) ──▶ flow ── connection of the host ──▶ outside
//!            of the sandbox            └▶ datagrams (UDP) ── socket of the host ──▶ outside, resolvers
//! ```
//! A sandbox that is silent costs a descriptor and a sleeping task; the stack is made with its first packet.

mod config;
mod datagrams;
mod flow;
mod packet;
mod policy;
mod relay;
mod stack;
mod stream;

pub use config::Config;
pub use policy::Policy;
pub use relay::Relay;

use std::net::Ipv4Addr;

/// The sandbox's own address; its network is the /24 around it.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 100);
/// The platform, seen from a sandbox: the API at its port, and the way to everywhere else.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The resolver, seen from a sandbox.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// Greatest packet, in bytes. Nothing is transmitted anywhere, so large ones are cheap.
pub const MTU: usize = 65_520;
