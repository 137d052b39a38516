//! Conformance suites of the ports, fixtures, fault injection.

pub mod conformance;
