use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wisp_core::{
    Code, Error, Result,
    model::{Activation, ActivationId, Annotations, Millis, Response, Status, Version},
};

/// An activation in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivationSummary {
    /// The namespace it is charged to.
    pub namespace: String,
    /// Name of the action or trigger, without package.
    pub name: String,
    /// Version of what ran.
    pub version: Version,
    /// Always false.
    pub publish: bool,
    /// `path`, `kind`, `limits`, `waitTime`, `initTime` …
    pub annotations: Annotations,
    /// Its id.
    pub activation_id: ActivationId,
    /// The sequence that it is a step of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<ActivationId>,
    /// When it was started.
    pub start: Millis,
    /// When it ended; absent for triggers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Millis>,
    /// Milliseconds; absent for triggers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
    /// How it ended, 0 to 3; absent for triggers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u8>,
}

impl ActivationSummary {
    /// The summary of a record, from its JSON text.
    pub fn of(record: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Ended {
            response: EndedAs,
        }
        #[derive(Deserialize)]
        struct EndedAs {
            status: Status,
        }
        // Two passes that skip results and logs are cheaper than one that keeps them.
        let mut summary: Self = decode(record)?;
        if summary.end.is_some() {
            let Ended { response } = decode(record)?;
            summary.status_code = Some(response.status.code());
        }
        Ok(summary)
    }
}

/// An activation as a blocking invocation's reply shows it: without logs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WithoutLogs<'a> {
    namespace: &'a str,
    name: &'a str,
    version: Version,
    subject: &'a str,
    activation_id: ActivationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<ActivationId>,
    start: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u64>,
    response: &'a Response,
    logs: [&'static str; 0],
    annotations: &'a Annotations,
    publish: bool,
}

impl<'a> From<&'a Activation> for WithoutLogs<'a> {
    fn from(activation: &'a Activation) -> Self {
        Self {
            namespace: activation.namespace.as_str(),
            name: activation.name.as_str(),
            version: activation.version,
            subject: &activation.subject,
            activation_id: activation.activation_id,
            cause: activation.cause,
            start: activation.start,
            end: activation.end,
            duration: activation.duration,
            response: &activation.response,
            logs: [],
            annotations: &activation.annotations,
            publish: activation.publish,
        }
    }
}

/// The body of `GET …/activations/{id}/logs`, from a record's JSON text.
pub fn logs(record: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    struct Logs<'a> {
        #[serde(borrow)]
        logs: &'a RawValue,
    }
    let Logs { logs } = decode(record)?;
    Ok(format!(r#"{{"logs":{logs}}}"#))
}

/// The body of `GET …/activations/{id}/result`, from a record's JSON text: how it ended.
pub fn response(record: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    struct Responded<'a> {
        #[serde(borrow)]
        response: &'a RawValue,
    }
    let Responded { response } = decode(record)?;
    Ok(response.get().to_owned())
}

fn decode<'a, T: Deserialize<'a>>(record: &'a [u8]) -> Result<T> {
    serde_json::from_slice(record)
        .map_err(|error| Error::new(Code::Corrupted, "Resource is corrupted and cannot be read.").because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &[u8] = br#"{"namespace":"guest","name":"a","version":"0.0.1","subject":"guest",
        "activationId":"0123456789abcdef0123456789abcdef","start":1,"end":3,"duration":2,
        "response":{"status":"application error","success":false,"result":{"error":"no"},"size":14},
        "logs":["one","two"],"annotations":[{"key":"path","value":"guest/a"}],"publish":false}"#;

    #[test]
    fn summaries_have_a_status_code_when_the_activation_has_ended() -> Result<()> {
        let summary = ActivationSummary::of(RECORD)?;
        assert_eq!((summary.status_code, summary.duration), (Some(1), Some(2)));
        let fired = String::from_utf8_lossy(RECORD).replace(r#""end":3,"duration":2,"#, "");
        assert_eq!(ActivationSummary::of(fired.as_bytes())?.status_code, None);
        Ok(())
    }

    #[test]
    fn logs_and_response_pass_through_unchanged() -> Result<()> {
        assert_eq!(logs(RECORD)?, r#"{"logs":["one","two"]}"#);
        let expected = r#"{"status":"application error","success":false,"result":{"error":"no"},"size":14}"#;
        assert_eq!(response(RECORD)?, expected);
        Ok(())
    }

    #[test]
    fn a_reply_is_the_record_without_its_logs() -> Result<(), serde_json::Error> {
        let activation: Activation = serde_json::from_slice(RECORD)?;
        let mut record = serde_json::to_value(&activation)?;
        record["logs"] = serde_json::json!([]);
        assert_eq!(serde_json::to_value(WithoutLogs::from(&activation))?, record);
        Ok(())
    }
}
