use serde_json::Value;
use wisp_core::{
    Result,
    model::{ActionPut, EntityName, ExecPut, LimitsPut},
};

use super::fields::{Fields, full_name, malformed};

/// The body of `PUT …/actions/{name}`. `requires_main` says of a kind whether its actions must name their entry point,
/// and refuses kinds that are not known.
pub fn action(body: &[u8], caller: &EntityName, requires_main: impl Fn(&str) -> Result<bool>) -> Result<ActionPut> {
    let mut fields = Fields::parse(body)?;
    Ok(ActionPut {
        exec: fields
            .take("exec")
            .map(|exec| self::exec(exec, caller, requires_main))
            .transpose()?,
        parameters: fields.parameters("parameters")?,
        limits: fields.take("limits").map(limits).transpose()?,
        version: fields.version()?,
        publish: fields.boolean("publish")?,
        annotations: fields.parameters("annotations")?,
        removed_annotations: fields.strings("delAnnotations")?,
    })
}

fn exec(exec: Value, caller: &EntityName, requires_main: impl Fn(&str) -> Result<bool>) -> Result<ExecPut> {
    let mut fields = Fields::of(exec, "'exec' must be an object")?;
    let no_kind = "'kind' must be a string defined in 'exec'";
    let kind = fields
        .string("kind", no_kind)?
        .ok_or_else(|| malformed(no_kind))?
        .trim()
        .to_lowercase();
    if kind == "sequence" {
        return sequence(fields, caller);
    }
    let requires_main = requires_main(&kind).map_err(|error| malformed(error.message()))?;
    let image = match kind.as_str() {
        "blackbox" => Some(image(&mut fields)?),
        _ => None,
    };
    let no_code = format!("'code' must be a string or attachment object defined in 'exec' for '{kind}' actions");
    let code = fields.string("code", &no_code)?;
    let main = main(&mut fields, &kind, requires_main)?;
    match (image, code) {
        (Some(image), code) => Ok(ExecPut::Blackbox {
            image,
            code: code.filter(|code| !code.is_empty()),
            main,
        }),
        (None, Some(code)) => Ok(ExecPut::Code { kind, code, main }),
        (None, None) => Err(malformed(no_code)),
    }
}

fn main(fields: &mut Fields, kind: &str, required: bool) -> Result<Option<String>> {
    let refusal = match required {
        true => format!("'main' must be a string defined in 'exec' for '{kind}' actions"),
        false => format!("if defined, 'main' be a string in 'exec' for '{kind}' actions"),
    };
    let main = fields.string("main", &refusal)?;
    if required && main.is_none() {
        return Err(malformed(refusal));
    }
    Ok(main)
}

fn image(fields: &mut Fields) -> Result<String> {
    let missing = "'image' must be a string defined in 'exec' for 'blackbox' actions";
    let image = fields.string("image", missing)?.ok_or_else(|| malformed(missing))?;
    let image = image.trim();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/@".contains(&byte);
    let parts = || {
        image
            .split('/')
            .all(|part| part.starts_with(|first: char| first.is_ascii_alphanumeric()))
    };
    if !image.bytes().all(legal) || !parts() {
        return Err(malformed("could not parse image name"));
    }
    Ok(image.to_owned())
}

fn sequence(mut fields: Fields, caller: &EntityName) -> Result<ExecPut> {
    match fields.take("components") {
        None => Err(malformed("'components' must be defined for sequence kind")),
        Some(Value::Array(components)) => {
            let name = |component: &Value| full_name(component.as_str().unwrap_or_default(), caller);
            Ok(ExecPut::Sequence {
                components: components.iter().map(name).collect::<Result<_>>()?,
            })
        }
        Some(_) => Err(malformed("'components' must be an array")),
    }
}

fn limits(limits: Value) -> Result<LimitsPut> {
    let mut fields = Fields::of(limits, "limits malformed")?;
    Ok(LimitsPut {
        timeout: fields.number("timeout", "time limit malformed")?,
        memory: fields.number("memory", "memory limit malformed")?,
        logs: fields.number("logs", "log limit malformed")?,
        concurrency: fields.number("concurrency", "concurrency limit malformed")?,
        instances: fields.number("instances", "instances limit malformed")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json};
    use wisp_core::Error;

    use super::*;

    fn parse(body: &Value) -> Result<ActionPut> {
        let known = |kind: &str| match kind {
            "nodejs:20" | "blackbox" => Ok(false),
            "java:8" => Ok(true),
            _ => Err(Error::bad_request("unknown kind")),
        };
        action(body.to_string().as_bytes(), &EntityName::namespace("me")?, known)
    }

    #[test]
    fn refusals_use_openwhisks_words() {
        for (exec, expected) in [
            (r#"{}"#, "'kind' must be a string defined in 'exec'"),
            (r#"{"kind":"cobol"}"#, "unknown kind"),
            (
                r#"{"kind":"nodejs:20"}"#,
                "'code' must be a string or attachment object defined in 'exec' for 'nodejs:20' actions",
            ),
            (
                r#"{"kind":"nodejs:20","code":"x","main":1}"#,
                "if defined, 'main' be a string in 'exec' for 'nodejs:20' actions",
            ),
            (
                r#"{"kind":"java:8","code":"x"}"#,
                "'main' must be a string defined in 'exec' for 'java:8' actions",
            ),
            (
                r#"{"kind":"sequence"}"#,
                "'components' must be defined for sequence kind",
            ),
            (
                r#"{"kind":"sequence","components":"/a/b"}"#,
                "'components' must be an array",
            ),
            (
                r#"{"kind":"sequence","components":["a"]}"#,
                "requirement failed: The fully qualified name of the entity must contain at least the namespace and \
                 the name of the entity.",
            ),
            (r#"{"kind":"blackbox","image":"a b"}"#, "could not parse image name"),
        ] {
            let exec: Value = from_str(exec).unwrap_or_default();
            let refusal = parse(&json!({ "exec": exec })).map_err(|error| error.to_string());
            assert_eq!(refusal, Err(format!("The request content was malformed:\n{expected}")));
        }
        for (body, expected) in [
            (json!({"parameters": {}}), "parameters malformed!"),
            (json!({"annotations": [{"value": 1}]}), "parameters malformed!"),
            (json!({"limits": {"memory": "x"}}), "memory limit malformed"),
            (json!({"limits": {"timeout": "x"}}), "time limit malformed"),
            (json!({"limits": {"logs": []}}), "log limit malformed"),
            (json!([]), "JSON object expected"),
        ] {
            let refusal = parse(&body).map_err(|error| error.to_string());
            assert_eq!(refusal, Err(format!("The request content was malformed:\n{expected}")));
        }
    }

    #[test]
    fn what_clients_send_is_understood() -> Result<()> {
        let body = json!({
            "namespace": "_", "name": "x", "updated": 1, "status": "", "trigger": null,
            "exec": {"kind": " NodeJS:20 ", "code": "c", "binary": true},
            "parameters": [{"key": "a", "value": null, "init": true, "encryption": "x"}],
            "limits": {"memory": 128}, "delAnnotations": ["k"],
        });
        let put = parse(&body)?;
        assert_eq!(
            put.exec,
            Some(ExecPut::Code {
                kind: "nodejs:20".into(),
                code: "c".into(),
                main: None
            })
        );
        assert_eq!(put.limits.and_then(|limits| limits.memory), Some(128));
        assert_eq!(
            put.parameters.map(|parameters| parameters.init_values().count()),
            Some(1)
        );
        let put = parse(&json!({"exec": {"kind": "sequence", "components": ["/_/a", "ns/p/b"], "code": ""}}))?;
        let components = vec!["me/a".parse()?, "ns/p/b".parse()?];
        assert_eq!(put.exec, Some(ExecPut::Sequence { components }));
        Ok(())
    }

    #[test]
    fn what_is_sent_is_what_is_read() -> Result<()> {
        let put = ActionPut {
            exec: Some(ExecPut::Code {
                kind: "nodejs:20".into(),
                code: "c".into(),
                main: Some("m".into()),
            }),
            ..ActionPut::default()
        };
        assert_eq!(parse(&json!(put))?, put);
        Ok(())
    }
}
