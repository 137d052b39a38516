use serde::Serialize;
use wisp_core::{Error, Result, model::Json};
use wisp_workflow::when::{Given, Object, Pass};

use super::place::Place;
use crate::control::Control;

/// What a call of a trigger is given.
#[derive(Serialize)]
struct Payload<'a> {
    bucket: String,
    trigger: &'a str,
    session: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    objects: Vec<Item<'a>>,
    /// Whether there are only keys because the values together are too long.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shortened: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Value(Json),
    Named {
        key: &'a str,
        session: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Json>,
    },
}

impl Control {
    /// The payload of a call, of at most so many bytes: keys alone when it would be longer.
    pub(super) async fn given(&self, place: &Place, given: &Given, most: u64) -> Result<Json> {
        let fire = &given.fire;
        let size: u64 = given.objects.iter().map(|object| object.size).sum();
        let short = fire.pass == Pass::Key || size < most;
        let payload = self
            .payload(place, given, if short { fire.pass } else { Pass::Key }, !short)
            .await?;
        match payload.get().len() as u64 <= most {
            true => Ok(payload),
            false => self.payload(place, given, Pass::Key, true).await,
        }
    }

    async fn payload(&self, place: &Place, given: &Given, pass: Pass, shortened: bool) -> Result<Json> {
        let mut objects = Vec::with_capacity(given.objects.len());
        for object in &given.objects {
            objects.push(self.item(object, pass).await?);
        }
        let last = given.objects.last().map(|object| object.session.as_str());
        let payload = Payload {
            bucket: place.bucket.absolute(),
            trigger: &given.fire.trigger,
            session: last.unwrap_or(&place.session),
            group: given.fire.group.as_deref(),
            objects,
            shortened,
        };
        let text = serde_json::value::to_raw_value(&payload);
        let text = text.map_err(|error| Error::internal("objects cannot be given").because(error))?;
        Ok(text.into())
    }

    async fn item<'a>(&self, object: &'a Object, pass: Pass) -> Result<Item<'a>> {
        let value = match pass {
            Pass::Key => None,
            Pass::Value | Pass::KeyValue => Some(self.take_value(&object.body).await?),
        };
        Ok(match (pass, value) {
            (Pass::Value, Some(value)) => Item::Value(value),
            (_, value) => Item::Named {
                key: &object.key,
                session: &object.session,
                value,
            },
        })
    }
}
