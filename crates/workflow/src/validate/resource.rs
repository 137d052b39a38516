use serde_json::Value;

use super::{examiner::Examiner, place::Place, report::Kind};

/// The operations of service integrations, by service; services without a list take any.
const SERVICES: &[(&str, &[&str])] = &[
    ("apigateway", &["invoke"]),
    (
        "athena",
        &[
            "startQueryExecution",
            "stopQueryExecution",
            "getQueryExecution",
            "getQueryResults",
        ],
    ),
    ("aws-sdk", &[]),
    ("batch", &["submitJob"]),
    ("bedrock", &["createModelCustomizationJob", "invokeModel"]),
    (
        "codebuild",
        &[
            "startBuild",
            "stopBuild",
            "batchDeleteBuilds",
            "batchGetReports",
            "startBuildBatch",
            "stopBuildBatch",
            "retryBuildBatch",
            "deleteBuildBatch",
        ],
    ),
    ("databrew", &["startJobRun"]),
    ("dynamodb", &["getItem", "putItem", "updateItem", "deleteItem"]),
    ("ecs", &["runTask"]),
    ("eks", &[]),
    ("elasticmapreduce", &[]),
    ("emr-containers", &[]),
    ("emr-serverless", &[]),
    ("events", &["putEvents"]),
    ("glue", &["startJobRun"]),
    ("http", &["invoke"]),
    ("lambda", &["invoke"]),
    ("mediaconvert", &["createJob"]),
    ("s3", &["getObject", "listObjectsV2", "putObject"]),
    ("sagemaker", &[]),
    ("sns", &["publish"]),
    ("sqs", &["sendMessage"]),
    ("states", &["startExecution"]),
    ("whisk", &["invoke"]),
    ("wisp", &["bucket:put", "bucket:wait"]),
];

/// What a Task calls: an action's path, an ARN, any other URI, or a placeholder `${…}` that a tool fills in.
pub(super) fn examine(examiner: &mut Examiner, value: &Value, at: &Place) {
    let Some(resource) = value.as_str() else { return };
    let recognised = match resource.strip_prefix("arn:") {
        _ if has_placeholder(resource) => true,
        Some(rest) => arn(rest),
        None => is_action(resource) || is_uri(resource),
    };
    if !recognised {
        let message = format!(
            "The resource provided {resource} is not recognized. The value is not a valid resource ARN, or the resource \
             is not available in this region."
        );
        let remedy = "Name an action as /namespace/package/name, or give the ARN of a function, an activity or an integration such as \
                      arn:aws:states:::lambda:invoke.";
        return examiner.fail(at, message, remedy);
    }
    if examiner.kind == Kind::Express {
        express(examiner, resource, at);
    }
}

/// An Express execution does not wait for what it started.
fn express(examiner: &mut Examiner, resource: &str, at: &Place) {
    let remedy = "Make it a Standard state machine, or do not wait for the result.";
    let pattern = [".waitForTaskToken", ".sync:2", ".sync"]
        .into_iter()
        .find(|suffix| resource.ends_with(suffix));
    if let Some(pattern) = pattern.filter(|_| resource.contains(":states:::")) {
        // The API's own message ends in a blank.
        let pattern = pattern.trim_end_matches(":2");
        examiner.fail(
            at,
            format!("Express state machine does not support '{pattern}' service integration "),
            remedy,
        );
    } else if resource.ends_with(":states:::wisp:bucket:wait") {
        let message = "Express state machine does not support 'wisp:bucket:wait' service integration";
        examiner.fail(at, message.to_owned(), remedy);
    } else if resource.contains(":activity:") {
        examiner.fail(
            at,
            format!("Express state machine does not support Activity ARN '{resource}'"),
            remedy,
        );
    }
}

/// What follows `arn:`.
fn arn(rest: &str) -> bool {
    let parts: Vec<_> = rest.splitn(5, ':').collect();
    let [partition, service, _region, _account, resource] = parts[..] else {
        return false;
    };
    let named = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if !named(partition) || !named(service) || resource.is_empty() {
        return false;
    }
    match service {
        "lambda" => function(resource),
        "states" if rest.contains(":states:::") => integration(resource),
        _ => resource.contains(':') || resource.contains('/'),
    }
}

/// `function:NAME`, perhaps with a version or an alias.
fn function(resource: &str) -> bool {
    let plain = |text: &str, also: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    let parts: Vec<_> = resource.split(':').collect();
    match parts[..] {
        ["function", function] => plain(function, "-_."),
        ["function", function, version] => plain(function, "-_.") && (version == "$LATEST" || plain(version, "-_")),
        _ => false,
    }
}

/// `SERVICE:OPERATION`, perhaps with a pattern such as `.sync`.
fn integration(resource: &str) -> bool {
    let Some((service, operation)) = resource.split_once(':') else {
        return false;
    };
    let (operation, pattern) = operation
        .split_once('.')
        .map_or((operation, None), |(name, rest)| (name, Some(rest)));
    let known = SERVICES.iter().find(|(name, _)| *name == service);
    let known = known.is_some_and(|(_, operations)| operations.is_empty() || operations.contains(&operation));
    // Neither is a job, nor called back.
    let plain = service != "wisp" || pattern.is_none();
    known
        && plain
        && !operation.is_empty()
        && pattern.is_none_or(|name| ["sync", "sync:2", "waitForTaskToken"].contains(&name))
}

fn is_action(resource: &str) -> bool {
    resource.starts_with('/') && resource.split('/').skip(1).all(|part| !part.is_empty())
}

fn is_uri(resource: &str) -> bool {
    let Some((scheme, rest)) = resource.split_once(':') else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(plain)
        && !rest.is_empty()
        && !rest.contains(char::is_whitespace)
}

/// Whether a tool still fills something in, so that nothing can be said of it.
fn has_placeholder(resource: &str) -> bool {
    resource
        .split_once("${")
        .is_some_and(|(_, rest)| rest.find('}').is_some_and(|end| end > 0))
}
