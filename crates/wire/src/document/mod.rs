//! The JSON documents of the API, as the server writes and the client reads them.

mod action;
mod activation;
mod credentials;
mod error;
mod image;
mod letter;
mod limits;
mod package;
mod rule;
mod secret;
mod server;
mod trigger;
mod user;

pub use action::{ActionDoc, ActionSummary, ExecDoc, ExecSummary};
pub use activation::{ActivationSummary, WithoutLogs, logs, response};
pub use credentials::CredentialsDoc;
pub use error::ErrorBody;
pub use image::{ImageImport, ImagePull};
pub use letter::{LetterDoc, MovedDoc, RedrivenDoc};
pub use limits::LimitsDoc;
pub use package::{BindingDoc, BindingFlag, PackageAction, PackageDoc, PackageSummary};
pub use rule::{FailingDoc, RuleDoc, RuleSummary};
pub use secret::{SecretDoc, SecretPut};
pub use server::{ApiDoc, RuntimeDoc, ServerDoc, ServerLimits, Support, SwaggerPaths};
pub use trigger::{EntityRef, TriggerDoc, TriggerRule, TriggerSummary};
pub use user::{NamespaceDoc, UserDoc, UserPut};

/// An object without fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Empty {}
