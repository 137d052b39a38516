use serde_json::Value;
use wisp_core::{
    Result,
    model::{EntityName, Fqn, RulePut, RuleStatus},
};

use super::fields::{Fields, full_name, malformed};

/// The body of `PUT …/rules/{name}`. A status in it means nothing: it is set by `POST`.
pub fn rule(body: &[u8], caller: &EntityName) -> Result<RulePut> {
    let mut fields = Fields::parse(body)?;
    Ok(RulePut {
        trigger: fields
            .take("trigger")
            .map(|value| reference(&value, caller))
            .transpose()?,
        action: fields
            .take("action")
            .map(|value| reference(&value, caller))
            .transpose()?,
        version: fields.version()?,
        publish: fields.boolean("publish")?,
        annotations: fields.parameters("annotations")?,
    })
}

/// The body of `POST …/rules/{name}`: whether the rule shall be active.
pub fn status(body: &[u8]) -> Result<RuleStatus> {
    let status = Fields::parse(body)?.take("status").unwrap_or_default();
    match status.as_str() {
        Some("active") => Ok(RuleStatus::Active),
        Some("inactive") => Ok(RuleStatus::Inactive),
        Some(word) => Err(malformed(format!("{word} is not a recognized rule state"))),
        None => Err(malformed(format!("{status} is not a recognized rule state"))),
    }
}

/// A full name as a string, or as `{path, name}`.
fn reference(value: &Value, caller: &EntityName) -> Result<Fqn> {
    match (value, value.get("path"), value.get("name")) {
        (Value::String(name), ..) => full_name(name, caller),
        (_, Some(Value::String(path)), Some(Value::String(name))) => full_name(&format!("{path}/{name}"), caller),
        _ => Err(malformed(
            "rule malformed: expected the name of a trigger and of an action",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_strings_or_objects() -> Result<()> {
        let me = EntityName::namespace("me")?;
        let put = rule(
            br#"{"trigger":"/_/t","action":{"path":"ns/p","name":"a"},"status":""}"#,
            &me,
        )?;
        assert_eq!(put.trigger, Some("me/t".parse()?));
        assert_eq!(put.action, Some("ns/p/a".parse()?));
        assert_eq!(rule(br#"{"trigger":null}"#, &me)?.trigger, None);
        assert!(rule(br#"{"trigger":"t"}"#, &me).is_err());
        Ok(())
    }

    #[test]
    fn only_two_states_are_known() {
        assert!(matches!(
            status(br#"{"status":"active","trigger":null}"#),
            Ok(RuleStatus::Active)
        ));
        let refusal = status(br#"{"status":"charming"}"#).map_err(|error| error.to_string());
        let expected = "The request content was malformed:\ncharming is not a recognized rule state";
        assert_eq!(refusal, Err(expected.into()));
    }
}
