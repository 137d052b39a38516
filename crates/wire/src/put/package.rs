use serde_json::Value;
use wisp_core::{
    Result,
    model::{Binding, EntityName, PackagePut},
};

use super::fields::{Fields, full_name, malformed};

/// The body of `PUT …/packages/{name}`.
pub fn package(body: &[u8], caller: &EntityName) -> Result<PackagePut> {
    let mut fields = Fields::parse(body)?;
    Ok(PackagePut {
        binding: fields
            .take("binding")
            .map(|binding| self::binding(binding, caller))
            .transpose()?
            .flatten(),
        parameters: fields.parameters("parameters")?,
        version: fields.version()?,
        publish: fields.boolean("publish")?,
        annotations: fields.parameters("annotations")?,
    })
}

/// A provider; none for `{}`, which is how documents show that there is none.
fn binding(binding: Value, caller: &EntityName) -> Result<Option<Binding>> {
    let refusal = "binding malformed: expected an object with 'namespace' and 'name'";
    let mut fields = Fields::of(binding, refusal)?;
    let (namespace, name) = (fields.string("namespace", refusal)?, fields.string("name", refusal)?);
    let (namespace, name) = match (namespace, name) {
        (Some(namespace), Some(name)) => (namespace, name),
        (None, None) => return Ok(None),
        _ => return Err(malformed(refusal)),
    };
    let provider = full_name(&format!("/{namespace}/{name}"), caller)?;
    Ok(Some(Binding {
        namespace: provider.namespace_name().clone(),
        name: provider.entity().clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_an_object_with_both_names_or_empty() -> Result<()> {
        let me = EntityName::namespace("me")?;
        assert_eq!(package(br#"{"binding":{}}"#, &me)?.binding, None);
        let bound = package(br#"{"binding":{"namespace":"_","name":"p"}}"#, &me)?.binding;
        assert_eq!(bound.map(|binding| binding.fqn().to_string()).as_deref(), Some("me/p"));
        assert!(package(br#"{"binding":{"name":"p"}}"#, &me).is_err());
        assert!(package(br#"{"binding":"p"}"#, &me).is_err());
        Ok(())
    }
}
