//! Conformance suites of the ports, fixtures, fault injection.
