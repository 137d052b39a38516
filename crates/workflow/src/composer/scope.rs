use serde_json::Value;

use super::{Object, position::Frame};

/// Variables as functions see them: those of `let`, but for what `mask` hides.
pub(super) struct Scope<'a>(&'a mut [Frame]);

impl<'a> Scope<'a> {
    pub fn new(stack: &'a mut [Frame]) -> Self {
        Self(stack)
    }

    /// The frames that can be seen, the innermost first. Each mask hides the nearest frame below it.
    fn visible(&mut self) -> impl Iterator<Item = &mut Object> {
        let mut masks = 0_usize;
        self.0.iter_mut().rev().filter_map(move |frame| match frame {
            Frame::Let(None) => {
                masks += 1;
                None
            }
            Frame::Let(Some(_)) if masks > 0 => {
                masks -= 1;
                None
            }
            Frame::Let(Some(variables)) => Some(variables),
            Frame::Catch(_) | Frame::Marker => None,
        })
    }

    /// A variable.
    pub fn get(&mut self, name: &str) -> Option<&mut Value> {
        self.visible().find_map(|variables| variables.get_mut(name))
    }

    /// All of them.
    pub fn all(&mut self) -> Object {
        let frames: Vec<&mut Object> = self.visible().collect();
        let mut all = Object::new();
        for variables in frames.into_iter().rev() {
            all.extend(variables.clone());
        }
        all
    }

    /// Sets those that are there.
    pub fn set(&mut self, values: Object) {
        for (name, value) in values {
            if let Some(variable) = self.get(&name) {
                *variable = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variables(value: Value) -> Frame {
        Frame::Let(value.as_object().cloned())
    }

    #[test]
    fn a_mask_hides_the_nearest_variables() {
        let mut stack = vec![
            variables(json!({ "x": 1, "y": 1 })),
            variables(json!({ "x": 2 })),
            Frame::Catch(3),
            Frame::Let(None),
        ];
        assert_eq!(Scope::new(&mut stack).get("x"), Some(&mut json!(1)));
        Scope::new(&mut stack).set(json!({ "x": 5, "z": 5 }).as_object().cloned().unwrap_or_default());
        stack.pop();
        let all = Scope::new(&mut stack).all();
        assert_eq!(Value::Object(all), json!({ "x": 2, "y": 1 }));
        stack.truncate(1);
        assert_eq!(Scope::new(&mut stack).get("x"), Some(&mut json!(5)));
    }
}
