use std::fmt::Display;

use wisp_core::{Code, Error};

macro_rules! exceptions {
    ($($name:ident = $code:ident, $text:literal;)+) => {
        /// The ways in which the Step Functions API refuses a request, by their names on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Exception { $(#[doc = $text] $name,)+ }

        impl Exception {
            /// Its name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Exception::$name => stringify!($name),)+ }
            }

            fn code(self) -> Code {
                match self { $(Exception::$name => Code::$code,)+ }
            }

            fn text(self) -> &'static str {
                match self { $(Exception::$name => $text,)+ }
            }
        }
    };
}

exceptions! {
    ActivityDoesNotExist = NotFound, "Activity Does Not Exist";
    ActivityAlreadyExists = Conflict, "Activity Already Exists";
    ActivityLimitExceeded = Throttled, "Activity Limit Exceeded";
    ActivityWorkerLimitExceeded = Throttled, "Activity Worker Limit Exceeded";
    ConflictException = Conflict, "Conflict";
    ExecutionAlreadyExists = Conflict, "Execution Already Exists";
    ExecutionDoesNotExist = NotFound, "Execution Does Not Exist";
    ExecutionLimitExceeded = Throttled, "Execution Limit Exceeded";
    ExecutionNotRedrivable = Conflict, "Execution Not Redrivable";
    InvalidArn = BadRequest, "Invalid Arn";
    InvalidDefinition = BadRequest, "Invalid State Machine Definition";
    InvalidExecutionInput = BadRequest, "Invalid State Machine Execution Input";
    InvalidName = BadRequest, "Invalid Name";
    InvalidOutput = BadRequest, "Invalid Output";
    InvalidToken = BadRequest, "Invalid Token";
    MissingRequiredParameter = BadRequest, "Missing Required Parameter";
    ResourceNotFound = NotFound, "Resource not found";
    ServiceQuotaExceededException = Throttled, "Service Quota Exceeded";
    StateMachineAlreadyExists = Conflict, "State Machine Already Exists";
    StateMachineDoesNotExist = NotFound, "State Machine Does Not Exist";
    StateMachineLimitExceeded = Throttled, "State Machine Limit Exceeded";
    StateMachineTypeNotSupported = BadRequest, "State Machine Type Not Supported";
    TaskDoesNotExist = NotFound, "Task Does Not Exist";
    TaskTimedOut = Conflict, "Task Timed Out";
    TooManyTags = Throttled, "Too Many Tags";
    ValidationException = BadRequest, "Validation failed";
}

/// The fact of an [`Error`] that is the name of its exception.
pub(crate) const FACT: &str = "exception";

impl Exception {
    /// The refusal of something by name: `Activity Does Not Exist: 'NAME'`.
    pub(crate) fn of(self, name: impl Display) -> Error {
        self.says(format!("{}: '{name}'", self.text()))
    }

    /// The refusal with a message of its own.
    pub(crate) fn says(self, message: impl Into<String>) -> Error {
        Error::new(self.code(), message).with(FACT, self.name())
    }

    /// The refusal because a limit is reached.
    pub(crate) fn limit(self, setting: &'static str, value: usize) -> Error {
        let message = format!("{}: {setting} is {value}", self.text());
        let remedy = format!("raise {setting} in the server's settings");
        self.says(message)
            .with("limit", setting)
            .with("value", value)
            .with("remedy", remedy)
    }

    /// Whether an error stands for it.
    pub(crate) fn is(self, error: &Error) -> bool {
        Self::name_of(error) == Some(self.name())
    }

    /// The name of the exception that an error stands for, if it is one.
    pub fn name_of(error: &Error) -> Option<&str> {
        let fact = error.context().iter().find(|(key, _)| *key == FACT);
        fact.map(|(_, name)| name.as_str())
    }

    /// The refusal of a parameter that breaks a rule, in the words that clients know.
    pub(crate) fn constraint(value: impl Display, parameter: &str, rule: impl Display) -> Error {
        Exception::ValidationException.says(format!(
            "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: {rule}"
        ))
    }
}
