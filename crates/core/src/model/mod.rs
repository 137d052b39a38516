//! What users talk about, in OpenWhisk's words.

mod action;
mod activation;
mod arrivals;
mod delivery;
mod identity;
mod invocation;
mod isolation;
mod limits;
mod minutes;
mod name;
mod package;
mod parameters;
mod put;
mod rule;
mod trigger;
mod version;

pub use action::{Action, CodeRef, Exec};
pub use activation::{Activation, ActivationId, Outcome, Response, Status};
pub use arrivals::{Arrivals, GAP_BIN, GAP_BINS, Gaps, LATEST_GAPS};
pub use delivery::{Attempt, Chain, DeadLetter, Delivery, Link, Order, RetryPolicy};
pub use identity::{ApiKey, Identity, NamespaceLimits, Right, Subject, SubjectNamespace};
pub use invocation::{Accepted, Caller, Invocation};
pub use isolation::Isolation;
pub use limits::{ActionLimits, Bounds, Limits};
pub use minutes::Minutes;
pub use name::{EntityName, Fqn};
pub use package::{Binding, Package};
pub use parameters::{Annotations, Parameter, Parameters};
pub use put::{ActionPut, ExecPut, LimitsPut, PackagePut, RulePut, TriggerPut};
pub use rule::Rule;
pub use trigger::{RuleLink, RuleStatus, Trigger};
pub use version::Version;

/// A JSON value kept as its text: validated once, then passed through without being parsed or printed again.
pub type Json = std::sync::Arc<serde_json::value::RawValue>;

/// Milliseconds since the Unix epoch.
pub type Millis = u64;
