//! Mocks of what services answer are held against what they can answer.

use serde_json::Value;
use wisp_core::Result;
use wisp_workflow::machine::Resource;

use super::Exception;
use Shape::{Array, Number, Object, Text};

/// What a field of an answer is.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Number,
    /// An object with these fields, among others.
    Object(Fields),
    /// An array of such objects.
    Array(Fields),
}

/// What of an answer is known.
type Fields = &'static [(&'static str, Shape)];

/// The same by service and operation.
const ANSWERS: [(&str, &str, Fields); 6] = [
    ("dynamodb", "*", &[("ConsumedCapacity", Object(CAPACITY))]),
    (
        "events",
        "putEvents",
        &[("Entries", Array(ENTRY)), ("FailedEntryCount", Number)],
    ),
    (
        "lambda",
        "invoke",
        &[
            ("StatusCode", Number),
            ("ExecutedVersion", Text),
            ("FunctionError", Text),
            ("LogResult", Text),
        ],
    ),
    ("sns", "publish", &[("MessageId", Text), ("SequenceNumber", Text)]),
    (
        "sqs",
        "sendMessage",
        &[
            ("MessageId", Text),
            ("MD5OfMessageBody", Text),
            ("SequenceNumber", Text),
        ],
    ),
    (
        "states",
        "startExecution",
        &[
            ("ExecutionArn", Text),
            ("StateMachineArn", Text),
            ("Name", Text),
            ("Status", Text),
            ("Error", Text),
            ("Cause", Text),
        ],
    ),
];

const CAPACITY: Fields = &[
    ("CapacityUnits", Number),
    ("ReadCapacityUnits", Number),
    ("WriteCapacityUnits", Number),
    ("TableName", Text),
];

const ENTRY: Fields = &[("EventId", Text), ("ErrorCode", Text), ("ErrorMessage", Text)];

/// Refuses an answer that a task's service cannot give. What is not known of a service is not looked at.
pub(super) fn check_answer(resource: &str, answer: &Value) -> Result<()> {
    let Resource::Service { service, api, .. } = Resource::parse(resource) else {
        return Ok(());
    };
    let operation = api.split(['.', ':']).next().unwrap_or_default();
    let known = ANSWERS
        .iter()
        .find(|(name, of, _)| *name == service && (*of == "*" || *of == operation));
    known.map_or(Ok(()), |(.., fields)| check_fields(fields, answer))
}

fn check_fields(fields: Fields, answer: &Value) -> Result<()> {
    for (name, shape) in fields {
        match answer.get(name) {
            None | Some(Value::Null) => {}
            Some(value) => check(name, *shape, value)?,
        }
    }
    Ok(())
}

fn check(name: &str, shape: Shape, value: &Value) -> Result<()> {
    let refuse = |what: &str| {
        let message = format!("Mock result schema validation error: Field '{name}' must be {what}");
        Err(Exception::ValidationException.says(message))
    };
    match (shape, value) {
        (Text, Value::String(_)) | (Number, Value::Number(_)) => Ok(()),
        (Object(fields), Value::Object(_)) => check_fields(fields, value),
        (Array(fields), Value::Array(items)) => items.iter().try_for_each(|item| check_fields(fields, item)),
        (Text, _) => refuse("a string"),
        (Number, _) => refuse("a number"),
        (Object(_), _) => refuse("an object"),
        (Array(_), _) => refuse("an array"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_as_their_services_give_them() {
        for (resource, answer, refusal) in [
            ("lambda:invoke", json!({ "StatusCode": 200, "Payload": [1] }), None),
            (
                "lambda:invoke",
                json!({ "StatusCode": "200" }),
                Some("Field 'StatusCode' must be a number"),
            ),
            (
                "states:startExecution.sync:2",
                json!({ "Name": 1 }),
                Some("Field 'Name' must be a string"),
            ),
            (
                "events:putEvents",
                json!({ "Entries": [{}, { "EventId": 1 }] }),
                Some("Field 'EventId' must be a string"),
            ),
            (
                "dynamodb:getItem",
                json!({ "ConsumedCapacity": { "CapacityUnits": "1" } }),
                Some("Field 'CapacityUnits' must be a number"),
            ),
            ("sns:publish", json!("any"), None),
            ("aws-sdk:s3:getObject", json!({ "ContentLength": "1" }), None),
        ] {
            let found = check_answer(&format!("arn:aws:states:::{resource}"), &answer).err();
            let said = found.as_ref().map(|error| error.message());
            let expected = refusal.map(|rule| format!("Mock result schema validation error: {rule}"));
            assert_eq!(said, expected.as_deref(), "{resource}");
        }
    }
}
