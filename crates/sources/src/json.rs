use serde_json::{Map, Value};
use wisp_core::{Error, Result, model::Json};

/// The text of what an event says.
pub(crate) fn data(values: &Map<String, Value>) -> Result<Json> {
    let text = serde_json::value::to_raw_value(values);
    text.map(Json::from)
        .map_err(|error| Error::internal("an event cannot be encoded").because(error))
}
