use serde_json::{Value, json};

use super::{
    Object,
    position::is_truthy,
    program::Kind,
    step::{Next, Step},
};

/// A branch of `parallel` or `map`: a run of the same composition from another node on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Branch {
    /// Its parameters.
    params: Object,
    /// Where it begins.
    state: i64,
}

impl Step {
    /// Begins a combinator whose parts run beside it.
    pub(super) fn fork(&mut self, index: i64, kind: &Kind) -> Option<Next> {
        match kind {
            Kind::Async { after } => {
                let mut payload = std::mem::take(&mut self.params);
                payload.insert("$composer".to_owned(), self.position.beside(self.position.state).into());
                self.position.state = index + *after as i64;
                Some(Next::Spawn(payload))
            }
            Kind::Parallel { tasks, after } => {
                self.position.state = index + *after as i64;
                let params = std::mem::take(&mut self.params);
                let branches = tasks.iter().map(|task| Branch {
                    params: params.clone(),
                    state: index + *task as i64,
                });
                self.open(branches.collect())
            }
            Kind::Map { after } => {
                self.position.state = index + *after as i64;
                let items = std::mem::take(&mut self.params).shift_remove("value");
                match items.filter(is_truthy) {
                    None => self.open(Vec::new()),
                    Some(Value::Array(items)) => {
                        let branches = items.into_iter().map(|item| Branch {
                            params: object(item),
                            state: index + 1,
                        });
                        self.open(branches.collect())
                    }
                    Some(_) => {
                        self.joined(None);
                        None
                    }
                }
            }
            _ => None,
        }
    }

    fn open(&mut self, branches: Vec<Branch>) -> Option<Next> {
        match branches.is_empty() {
            false => Some(Next::Fork(branches)),
            true => {
                self.params = object(json!({ "value": [] }));
                None
            }
        }
    }

    /// What a branch is called with. `barrier` names the fork, of which it is one of so many.
    pub fn arguments(&self, branch: &Branch, barrier: &str, position: usize, count: usize) -> Object {
        let mut composer = self.position.beside(branch.state);
        let join = json!({ "barrierId": barrier, "position": position, "count": count });
        composer.insert("join".to_owned(), join);
        let mut arguments = branch.params.clone();
        arguments.insert("$composer".to_owned(), composer.into());
        arguments
    }

    /// All branches have ended with these parameters, or they could not be called.
    pub fn joined(&mut self, results: Option<Vec<Object>>) {
        self.rest();
        self.params = match results {
            Some(results) => object(json!({ "value": results })),
            None => self.failed(
                "Parallel combinator failed to invoke a composition",
                " (see log for details)",
            ),
        };
        self.inspect();
    }

    /// What was to go on by itself runs under this id, or could not be called.
    pub fn spawned(&mut self, id: Option<&str>) {
        self.rest();
        let session = self.position.session();
        self.params = match id {
            Some(id) => object(json!({ "method": "async", "activationId": id, "sessionId": session })),
            None => self.failed(
                "Async combinator failed to invoke composition",
                " (see log for details)",
            ),
        };
        self.inspect();
    }
}

/// An object as it is; any other value as the only field of one.
pub(super) fn object(value: Value) -> Object {
    match value {
        Value::Object(fields) => fields,
        other => Object::from_iter([("value".to_owned(), other)]),
    }
}
