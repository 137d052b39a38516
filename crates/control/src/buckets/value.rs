use bytes::Bytes;
use serde_json::value::RawValue;
use wisp_core::{Code, Error, Result, model::Json};
use wisp_workflow::when::Body;

use crate::control::Control;

impl Control {
    /// Where a value is to be: in memory, or apart when it is long or half of the memory is taken.
    pub(super) async fn keep_value(&self, value: Json) -> Result<Body> {
        let buckets = &self.inner.buckets;
        let (length, taken, most) = (value.get().len(), buckets.census.weight(), buckets.settings.memory_size);
        if taken >= most {
            let message = format!("The objects of all buckets take {taken} bytes of memory, and may take {most}.");
            return Err(Error::new(Code::Throttled, message).with("limit", "buckets.memory_size"));
        }
        let room = taken.saturating_add(length as u64) <= most / 2;
        if room && length <= buckets.settings.inline_size {
            return Ok(Body::Here(value));
        }
        let body = Bytes::from(value.get().to_owned());
        let digest = self.inner.blobs.put(body.clone()).await?;
        buckets.recent.put(digest.clone(), body);
        Ok(Body::Apart(digest))
    }

    /// A value, from wherever it is.
    pub(super) async fn take_value(&self, body: &Body) -> Result<Json> {
        let digest = match body {
            Body::Here(value) => return Ok(value.clone()),
            Body::Apart(digest) => digest,
        };
        let lost = || Error::new(Code::Corrupted, "An object of a bucket cannot be read.").with("blob", digest);
        let bytes = match self.inner.buckets.recent.get(digest) {
            Some(bytes) => bytes,
            None => self.inner.blobs.get(digest).await?.ok_or_else(lost)?,
        };
        let text = String::from_utf8(bytes.into()).map_err(|error| lost().because(error))?;
        let value = RawValue::from_string(text).map_err(|error| lost().because(error))?;
        Ok(value.into())
    }
}
