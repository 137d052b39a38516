use std::fmt;

/// Where in a definition: `/States/Pay/Catch[0]/Next`.
#[derive(Clone, Debug)]
pub(super) struct Place(String);

impl Place {
    /// The whole definition.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// A field of the object here.
    pub fn field(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    /// An item of the array here.
    pub fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}
