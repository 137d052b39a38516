//! Large values apart from the states, effects and events that hold them.
//!
//! A payload is in the state of an execution, in the effect that a task gets, and in several events of its history. While
//! something is written by [`Payloads::write`], values above a size leave a reference there, their digest, and are given
//! out once, to be stored beside it. What was given out before, and is still the same in memory, is not even looked at.
//! [`Payloads::read`] puts values back in.

use std::{any::Any, cell::RefCell, collections::HashMap, mem, sync::Arc};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The only field of a reference. A value that has this field alone is kept apart itself, so that it is not taken for one.
const REFERENCE: &str = "\0apart";

/// Bytes of a digest that make a name: enough for the values of one execution.
const NAME: usize = 16;

thread_local! {
    /// Those of what is written or read on this thread now: fields of structures are reached by nothing else.
    static CURRENT: RefCell<Option<Payloads>> = const { RefCell::new(None) };
}

/// A value to store under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Its digest.
    pub name: String,
    /// Its JSON.
    pub body: Vec<u8>,
}

/// The values of an execution that are stored apart, as far as they are known.
#[derive(Default)]
pub struct Payloads {
    /// Values of more bytes than this are kept apart.
    inline: usize,
    /// By address: what is there has been given out.
    known: HashMap<usize, Known>,
    /// To be stored.
    fresh: Vec<Payload>,
    /// Bodies that were fetched, by name.
    fetched: HashMap<String, Vec<u8>>,
    /// Names of bodies that are to be fetched.
    missing: Vec<String>,
}

struct Known {
    name: String,
    /// Keeps the address from being another's.
    value: Arc<dyn Any + Send + Sync>,
    /// Whether it was met since writing began.
    met: bool,
}

/// What can be kept apart.
pub(crate) trait Keep: Serialize + DeserializeOwned + Default + Send + Sync + 'static {
    /// Whether it is more than so many bytes of JSON, roughly.
    fn exceeds(&self, bytes: usize) -> bool;

    /// Whether it would be taken for a reference.
    fn resembles_reference(&self) -> bool {
        false
    }
}

impl Keep for Value {
    fn exceeds(&self, bytes: usize) -> bool {
        let mut left = bytes;
        !fits(self, &mut left)
    }

    fn resembles_reference(&self) -> bool {
        self.as_object().is_some_and(Map::resembles_reference)
    }
}

impl Keep for Map<String, Value> {
    fn exceeds(&self, bytes: usize) -> bool {
        let mut left = bytes;
        !self
            .iter()
            .all(|(name, value)| take(&mut left, name.len() + 4) && fits(value, &mut left))
    }

    fn resembles_reference(&self) -> bool {
        self.len() == 1 && self.contains_key(REFERENCE)
    }
}

/// Whether a value fits into what is left; stops where it does not.
fn fits(value: &Value, left: &mut usize) -> bool {
    match value {
        Value::String(text) => take(left, text.len() + 2),
        Value::Array(values) => take(left, 2) && values.iter().all(|value| fits(value, left)),
        Value::Object(fields) => {
            take(left, 2)
                && fields
                    .iter()
                    .all(|(name, value)| take(left, name.len() + 4) && fits(value, left))
        }
        _ => take(left, 5),
    }
}

fn take(left: &mut usize, bytes: usize) -> bool {
    let rest = left.checked_sub(bytes);
    *left = rest.unwrap_or_default();
    rest.is_some()
}

impl Payloads {
    /// None is known. Values of more bytes than this are kept apart.
    pub fn new(inline: usize) -> Self {
        Self {
            inline,
            ..Self::default()
        }
    }

    /// Does some writing, and gives out the values that are to be stored with it. Values that it does not meet are
    /// forgotten.
    pub fn write<T>(&mut self, writing: impl FnOnce() -> T) -> (T, Vec<Payload>) {
        self.known.values_mut().for_each(|known| known.met = false);
        let written = self.during(writing);
        self.known.retain(|_, known| known.met);
        (written, mem::take(&mut self.fresh))
    }

    /// Reads JSON that was written so; or the names of what must be [fetched](Self::fetched) before.
    pub fn read<T: DeserializeOwned>(&mut self, json: &[u8]) -> serde_json::Result<Result<T, Vec<String>>> {
        let read = self.during(|| serde_json::from_slice(json))?;
        let missing = mem::take(&mut self.missing);
        Ok(match missing.is_empty() {
            true => Ok(read),
            false => Err(missing),
        })
    }

    /// A value that is stored.
    pub fn fetched(&mut self, name: String, body: Vec<u8>) {
        self.fetched.insert(name, body);
    }

    /// Drops what was fetched: everything that needs it is read.
    pub fn forget_fetched(&mut self) {
        self.fetched.clear();
    }

    fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let outer = CURRENT.replace(Some(mem::take(self)));
        let done = work();
        *self = CURRENT.replace(outer).unwrap_or_default();
        done
    }

    fn known(&mut self, address: usize) -> Option<String> {
        let known = self.known.get_mut(&address)?;
        known.met = true;
        Some(known.name.clone())
    }

    fn learn<T: Keep>(&mut self, value: &Arc<T>, name: String) {
        let known = Known {
            name,
            value: value.clone(),
            met: true,
        };
        self.known.insert(address(value), known);
    }

    fn named<T: Keep>(&self, name: &str) -> Option<Arc<T>> {
        let known = self.known.values().find(|known| known.name == name)?;
        known.value.clone().downcast().ok()
    }

    fn give_out<T: Keep>(&mut self, value: &Arc<T>, body: Vec<u8>) -> String {
        let digest = Sha256::digest(&body);
        let name = HEXLOWER.encode(&digest[..NAME]);
        if !self.known.values().any(|known| known.name == name) {
            let name = name.clone();
            self.fresh.push(Payload { name, body });
        }
        self.learn(value, name.clone());
        name
    }
}

fn address<T>(value: &Arc<T>) -> usize {
    Arc::as_ptr(value).addr()
}

fn current<T>(work: impl FnOnce(&mut Payloads) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|current| current.as_mut().map(work))
}

/// The name of what is kept apart instead of being written here.
fn place<T: Keep>(value: &Arc<T>) -> Result<Option<String>, serde_json::Error> {
    let Some((known, inline)) = current(|payloads| (payloads.known(address(value)), payloads.inline)) else {
        return Ok(None);
    };
    if known.is_some() || !(value.exceeds(inline) || value.resembles_reference()) {
        return Ok(known);
    }
    // What is within it may be kept apart too.
    let body = serde_json::to_vec(&**value)?;
    Ok(current(|payloads| payloads.give_out(value, body)))
}

pub(crate) fn serialize<T: Keep, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match place(value).map_err(serde::ser::Error::custom)? {
        Some(name) => serializer.collect_map([(REFERENCE, name)]),
        None => value.serialize(serializer),
    }
}

pub(crate) fn deserialize<'de, T: Keep, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<T>, D::Error> {
    if current(|_| ()).is_none() {
        return T::deserialize(deserializer).map(Arc::new);
    }
    let written = Value::deserialize(deserializer)?;
    let name = match &written {
        Value::Object(fields) if fields.resembles_reference() => fields[REFERENCE].as_str().map(str::to_owned),
        _ => None,
    };
    match name {
        Some(name) => fetch(name).map_err(D::Error::custom),
        None => serde_json::from_value(written).map(Arc::new).map_err(D::Error::custom),
    }
}

fn fetch<T: Keep>(name: String) -> Result<Arc<T>, serde_json::Error> {
    if let Some(value) = current(|payloads| payloads.named(&name)).flatten() {
        return Ok(value);
    }
    let Some(body) = current(|payloads| payloads.fetched.get(&name).cloned()).flatten() else {
        current(|payloads| payloads.missing.push(name));
        return Ok(Arc::default());
    };
    let value: Arc<T> = Arc::new(serde_json::from_slice(&body)?);
    current(|payloads| payloads.learn(&value, name));
    Ok(value)
}

/// The same for a field that need not be there. It must be left out then: `null` is a value.
pub(crate) mod option {
    use super::*;

    pub(crate) fn serialize<T: Keep, S: Serializer>(value: &Option<Arc<T>>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: Keep, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<T>>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        first: Arc<Value>,
        #[serde(with = "super")]
        second: Arc<Value>,
        #[serde(with = "option", skip_serializing_if = "Option::is_none", default)]
        third: Option<Arc<Value>>,
    }

    fn holder(first: &Value, second: &Value, third: Option<Value>) -> Holder {
        Holder {
            first: Arc::new(first.clone()),
            second: Arc::new(second.clone()),
            third: third.map(Arc::new),
        }
    }

    fn write(payloads: &mut Payloads, holder: &Holder) -> (Vec<u8>, Vec<Payload>) {
        let (json, fresh) = payloads.write(|| serde_json::to_vec(holder));
        (json.unwrap(), fresh)
    }

    /// Reads with these stored.
    fn read(json: &[u8], stored: &[Payload]) -> Holder {
        let mut payloads = Payloads::new(20);
        loop {
            match payloads.read(json).unwrap() {
                Ok(holder) => return holder,
                Err(missing) => {
                    for name in missing {
                        let payload = stored.iter().find(|payload| payload.name == name).unwrap();
                        payloads.fetched(name, payload.body.clone());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_large_is_stored_once_and_comes_back() {
        let (small, large) = (json!({"a": 1}), json!({"text": "x".repeat(50)}));
        let mut payloads = Payloads::new(20);
        for (holder, apart) in [
            (holder(&small, &small, None), 0),
            (holder(&large, &small, Some(json!(null))), 1),
            (holder(&large, &large, Some(large.clone())), 0),
        ] {
            let (json, fresh) = write(&mut payloads, &holder);
            assert_eq!(fresh.len(), apart, "what was stored before is not stored again");
            let body = serde_json::to_vec(&large).unwrap();
            let name = HEXLOWER.encode(&Sha256::digest(&body)[..NAME]);
            assert_eq!(read(&json, &[Payload { name, body }]), holder);
        }
    }

    #[test]
    fn what_is_no_longer_held_is_stored_again() {
        let (small, large) = (json!(1), json!("x".repeat(50)));
        let mut payloads = Payloads::new(20);
        assert_eq!(write(&mut payloads, &holder(&large, &small, None)).1.len(), 1);
        assert_eq!(write(&mut payloads, &holder(&small, &small, None)).1.len(), 0);
        assert_eq!(write(&mut payloads, &holder(&large, &small, None)).1.len(), 1);
    }

    #[test]
    fn values_that_look_like_references_are_none() {
        let odd = json!({REFERENCE: "0123"});
        let holder = holder(&odd, &json!([odd]), None);
        let mut payloads = Payloads::new(1000);
        let (json, fresh) = write(&mut payloads, &holder);
        assert_eq!(fresh.len(), 1);
        assert_eq!(read(&json, &fresh), holder);
    }

    #[test]
    fn what_is_read_is_known() {
        let large = json!("x".repeat(50));
        let (json, stored) = write(&mut Payloads::new(20), &holder(&large, &large, None));
        let mut payloads = Payloads::new(20);
        let missing = payloads.read::<Holder>(&json).unwrap().unwrap_err();
        assert_eq!(missing.len(), 2);
        payloads.fetched(stored[0].name.clone(), stored[0].body.clone());
        let holder: Holder = payloads.read(&json).unwrap().unwrap();
        assert!(Arc::ptr_eq(&holder.first, &holder.second), "it is in memory once");
        assert_eq!(write(&mut payloads, &holder), (json, Vec::new()));
    }
}
