use std::fmt;

/// What a Task calls, read off its `Resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A function by name: `wisp:action:NAME`, `/namespace/package/action`, or the ARN of a Lambda function. The task's
    /// input is the function's, its result the task's.
    Function(String),
    /// An activity by its ARN: somebody polls for the work.
    Activity(String),
    /// An integrated service: `arn:aws:states:::SERVICE:API[.sync|.sync:2|.waitForTaskToken]`.
    Service {
        /// `lambda`, `states`, `aws-sdk:s3` …
        service: String,
        /// `invoke`, `startExecution` … with the pattern's suffix, as history events show it.
        api: String,
        /// When the task is done.
        pattern: Pattern,
    },
}

/// When a service task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// When the service has answered.
    Response,
    /// When the job that it started has ended: `.sync`.
    Job,
    /// When somebody sends the task's token back: `.waitForTaskToken`.
    Callback,
}

impl Resource {
    /// Reads a `Resource` field. What is no ARN of Step Functions is taken for a function's name.
    pub fn parse(text: &str) -> Self {
        let Some(rest) = text.strip_prefix("arn:") else {
            return Resource::Function(text.to_owned());
        };
        let fields: Vec<&str> = rest.splitn(5, ':').collect();
        match fields[..] {
            [_, "states", "", "", service] => Self::service(service),
            [_, "states", _, _, name] if name.starts_with("activity:") => Resource::Activity(text.to_owned()),
            _ => Resource::Function(text.to_owned()),
        }
    }

    fn service(text: &str) -> Self {
        let whole = text.strip_suffix(":2").unwrap_or(text);
        let (service, api) = whole.rsplit_once(':').unwrap_or((whole, ""));
        let pattern = match api.rsplit_once('.') {
            Some((_, "sync")) => Pattern::Job,
            Some((_, "waitForTaskToken")) => Pattern::Callback,
            _ => Pattern::Response,
        };
        Resource::Service {
            service: service.to_owned(),
            api: text.get(service.len() + 1..).unwrap_or_default().to_owned(),
            pattern,
        }
    }

    /// The pattern of a service; functions answer, activities are called back.
    pub fn pattern(&self) -> Pattern {
        match self {
            Resource::Function(_) => Pattern::Response,
            Resource::Activity(_) => Pattern::Callback,
            Resource::Service { pattern, .. } => *pattern,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Function(name) | Resource::Activity(name) => f.write_str(name),
            Resource::Service { service, api, .. } => write!(f, "arn:aws:states:::{service}:{api}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(service: &str, api: &str, pattern: Pattern) -> Resource {
        Resource::Service {
            service: service.to_owned(),
            api: api.to_owned(),
            pattern,
        }
    }

    #[test]
    fn resources_are_told_apart_and_written_as_they_were() {
        for (text, expected) in [
            (
                "arn:aws:states:::lambda:invoke",
                service("lambda", "invoke", Pattern::Response),
            ),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                service("states", "startExecution.sync:2", Pattern::Job),
            ),
            (
                "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                service("sqs", "sendMessage.waitForTaskToken", Pattern::Callback),
            ),
            (
                "arn:aws:states:::aws-sdk:s3:putObject",
                service("aws-sdk:s3", "putObject", Pattern::Response),
            ),
            ("arn:aws:states:::odd", service("odd", "", Pattern::Response)),
            (
                "arn:aws:states:eu-west-1:1:activity:approve",
                Resource::Activity("arn:aws:states:eu-west-1:1:activity:approve".to_owned()),
            ),
            (
                "arn:aws:lambda:eu-west-1:1:function:f:2",
                Resource::Function("arn:aws:lambda:eu-west-1:1:function:f:2".to_owned()),
            ),
            (
                "wisp:action:resize",
                Resource::Function("wisp:action:resize".to_owned()),
            ),
        ] {
            let resource = Resource::parse(text);
            assert_eq!(resource, expected, "{text}");
            assert_eq!(resource.to_string().trim_end_matches(':'), text);
        }
    }
}
