//! What is wrong in a definition: each fault with its place and what would be right, as
//! `ValidateStateMachineDefinition` gives it.
//!
//! The examination walks the raw JSON, not the parsed machine, so that every fault is found at once and has its exact
//! place.
//!
//! | module | what it examines |
//! |---|---|
//! | `machine` | a machine or branch: required fields, each state |
//! | `transitions` | targets, reachable states, terminal states |
//! | `state` | a state's fields, by the tables in `fields` and the shapes in `shape` |
//! | `rules`, `recovery`, `map`, `resource` | Choice rules, `Retry` and `Catch`, Map's processors, what a Task calls |
//! | `template`, `expressions` | payload templates of JSONPath, expressions of JSONata |
//!
//! ```
//! use wisp_workflow::validate::{Kind, validate};
//!
//! let report = validate(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}"#, Kind::Standard);
//! assert!(!report.is_valid());
//! assert_eq!(report.diagnostics[0].location.as_deref(), Some("/States/A/Next"));
//! ```

mod examiner;
mod expressions;
mod fields;
mod machine;
mod map;
mod place;
mod recovery;
mod report;
mod resource;
mod rules;
mod shape;
mod state;
mod template;
mod transitions;

pub use examiner::{validate, validate_state};
pub use report::{Diagnostic, Kind, Report, Severity};
