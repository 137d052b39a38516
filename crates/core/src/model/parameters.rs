use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A parameter or annotation: a key with any JSON value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// The key.
    pub key: String,
    /// The value; null is a value.
    #[serde(default)]
    pub value: Value,
    /// Given to the instance's environment when it is initialised, instead of to each run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
}

/// A list of parameters; keys are unique, their order is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(Vec<Parameter>);

/// Annotations have the shape of parameters; `init` means nothing for them.
pub type Annotations = Parameters;

impl Parameters {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|parameter| parameter.key == key)
            .map(|parameter| &parameter.value)
    }

    /// Sets a key, in place if it is there.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.insert(Parameter {
            key: key.into(),
            value: value.into(),
            init: false,
        });
    }

    /// Adds a parameter, replacing one of the same key in place.
    pub fn insert(&mut self, parameter: Parameter) {
        match self.0.iter_mut().find(|existing| existing.key == parameter.key) {
            Some(existing) => *existing = parameter,
            None => self.0.push(parameter),
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|parameter| parameter.key != key);
    }

    /// These parameters with `over` laid over them.
    pub fn merged(&self, over: &Parameters) -> Parameters {
        let mut merged = self.clone();
        for parameter in &over.0 {
            merged.insert(parameter.clone());
        }
        merged
    }

    /// Whether an annotation is truthy in JavaScript's sense, as OpenWhisk reads its flags: anything but absent,
    /// `false`, `0`, `""` and `null`.
    pub fn is_truthy(&self, key: &str) -> bool {
        match self.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(_) | Value::Object(_)) => true,
        }
    }

    /// The parameters that each run receives, as an object.
    pub fn run_values(&self) -> Map<String, Value> {
        self.0
            .iter()
            .filter(|parameter| !parameter.init)
            .map(|p| (p.key.clone(), p.value.clone()))
            .collect()
    }

    /// The parameters that go to the instance's environment.
    pub fn init_values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0
            .iter()
            .filter(|parameter| parameter.init)
            .map(|p| (p.key.as_str(), &p.value))
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.0.iter()
    }
}

impl FromIterator<Parameter> for Parameters {
    /// Collects parameters; of several with one key the last wins.
    fn from_iter<I: IntoIterator<Item = Parameter>>(iter: I) -> Self {
        let mut parameters = Self::new();
        for parameter in iter {
            parameters.insert(parameter);
        }
        parameters
    }
}

impl<'a> IntoIterator for &'a Parameters {
    type Item = &'a Parameter;
    type IntoIter = std::slice::Iter<'a, Parameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
