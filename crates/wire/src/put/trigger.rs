use wisp_core::{Result, model::TriggerPut};

use super::fields::Fields;

/// The body of `PUT …/triggers/{name}`.
pub fn trigger(body: &[u8]) -> Result<TriggerPut> {
    let mut fields = Fields::parse(body)?;
    Ok(TriggerPut {
        parameters: fields.parameters("parameters")?,
        version: fields.version()?,
        publish: fields.boolean("publish")?,
        annotations: fields.parameters("annotations")?,
    })
}
