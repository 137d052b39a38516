use serde_json::Value;

use super::{Object, glue::Glue};

/// A composition as an automaton: nodes one after another, which jump by differences of their indices.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    pub(super) nodes: Vec<Node>,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// The path of the nearest labelled combinator, for messages.
    pub parent: String,
    /// Its own label, which is logged when it is entered.
    pub path: Option<String>,
    /// What follows, as a difference of indices.
    pub next: isize,
    /// What it does.
    pub kind: Kind,
}

/// What a node does; jumps are differences of indices.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Pass,
    Empty,
    Stop,
    Exit,
    Dynamic,
    Action(String),
    Function { code: String, glue: Option<Glue> },
    Try { catch: isize },
    Let(Option<Object>),
    Choice { then: isize, otherwise: isize },
    Async { after: isize },
    Parallel { tasks: Vec<isize>, after: isize },
    Map { after: isize },
}

/// Why a composition cannot be run here: it is not what Composer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

/// Combinators within one another at most; JSON of more levels is not read either.
const DEPTH: usize = 128;

impl Program {
    /// The automaton of a lowered composition; none if it has a combinator that is not known.
    pub fn compile(composition: &Value) -> Option<Self> {
        let nodes = compile("", composition, 0).ok()?;
        Some(Self { nodes })
    }

    /// Whether it has branches that run side by side.
    pub fn forks(&self) -> bool {
        let forks = |node: &Node| matches!(node.kind, Kind::Parallel { .. } | Kind::Map { .. });
        self.nodes.iter().any(forks)
    }
}

fn compile(parent: &str, node: &Value, depth: usize) -> Result<Vec<Node>, Unknown> {
    let path = match node.get("path") {
        None => None,
        Some(path) => Some(path.as_str().ok_or(Unknown)?),
    };
    if depth > DEPTH {
        return Err(Unknown);
    }
    let parent = path.filter(|path| !path.is_empty()).unwrap_or(parent);
    let mut nodes = Compiler { parent, node, depth }.nodes()?;
    if let (Some(first), Some(path)) = (nodes.first_mut(), path) {
        first.path = Some(path.to_owned());
    }
    Ok(nodes)
}

/// A combinator that is being compiled.
struct Compiler<'a> {
    parent: &'a str,
    node: &'a Value,
    depth: usize,
}

impl Compiler<'_> {
    fn nodes(&self) -> Result<Vec<Node>, Unknown> {
        match self.node["type"].as_str().ok_or(Unknown)? {
            "sequence" => Ok([self.one(Kind::Pass), self.components()?].concat()),
            "action" => Ok(self.one(Kind::Action(self.text(&self.node["name"])?))),
            "function" => self.function(),
            "let" => {
                let declarations = self.node["declarations"].as_object().ok_or(Unknown)?;
                self.scope(Some(declarations.clone()))
            }
            "mask" => self.scope(None),
            "try" => self.guarded("handler", true),
            "finally" => self.guarded("finalizer", false),
            "if_nosave" => self.condition(),
            "while_nosave" => self.repetition(),
            "dowhile_nosave" => self.repetition_after(),
            "async" => {
                let body = self.components()?;
                let first = self.one(Kind::Async {
                    after: jump(body.len() + 2),
                });
                Ok([first, body, self.one(Kind::Stop), self.one(Kind::Pass)].concat())
            }
            "map" => {
                let body = self.components()?;
                let first = self.one(Kind::Map {
                    after: jump(body.len() + 2),
                });
                Ok([first, body, self.one(Kind::Stop), self.one(Kind::Pass)].concat())
            }
            "parallel" => self.parallel(),
            "dynamic" => Ok(self.one(Kind::Dynamic)),
            _ => Err(Unknown),
        }
    }

    fn one(&self, kind: Kind) -> Vec<Node> {
        vec![Node {
            parent: self.parent.to_owned(),
            path: None,
            next: 1,
            kind,
        }]
    }

    fn text(&self, value: &Value) -> Result<String, Unknown> {
        value.as_str().map(str::to_owned).ok_or(Unknown)
    }

    fn part(&self, name: &str) -> Result<Vec<Node>, Unknown> {
        compile(self.parent, self.node.get(name).ok_or(Unknown)?, self.depth + 1)
    }

    fn all(&self) -> Result<Vec<Vec<Node>>, Unknown> {
        let components = self.node["components"].as_array().ok_or(Unknown)?;
        let parts = components.iter();
        parts.map(|part| compile(self.parent, part, self.depth + 1)).collect()
    }

    fn components(&self) -> Result<Vec<Node>, Unknown> {
        let all = self.all()?;
        match all.is_empty() {
            true => Ok(self.one(Kind::Empty)),
            false => Ok(all.concat()),
        }
    }

    fn function(&self) -> Result<Vec<Node>, Unknown> {
        let code = self.text(&self.node["function"]["exec"]["code"])?;
        let glue = Glue::of(&code);
        Ok(self.one(Kind::Function { code, glue }))
    }

    fn scope(&self, declarations: Option<Object>) -> Result<Vec<Node>, Unknown> {
        let first = self.one(Kind::Let(declarations));
        Ok([first, self.components()?, self.one(Kind::Exit)].concat())
    }

    /// A body, and what follows an error in it; with `apart`, only then.
    fn guarded(&self, handler: &str, apart: bool) -> Result<Vec<Node>, Unknown> {
        let (body, mut handler) = (self.part("body")?, self.part(handler)?);
        let mut exit = self.one(Kind::Exit);
        if apart {
            handler.extend(self.one(Kind::Pass));
            skip(&mut exit, handler.len());
        }
        let catch = jump(body.len() + 2);
        Ok([self.one(Kind::Try { catch }), body, exit, handler].concat())
    }

    fn condition(&self) -> Result<Vec<Node>, Unknown> {
        let (test, mut consequent) = (self.part("test")?, self.part("consequent")?);
        let alternate = [self.part("alternate")?, self.one(Kind::Pass)].concat();
        let choice = self.one(Kind::Choice {
            then: 1,
            otherwise: jump(consequent.len() + 1),
        });
        skip(&mut consequent, alternate.len());
        Ok([self.one(Kind::Pass), test, choice, consequent, alternate].concat())
    }

    fn repetition(&self) -> Result<Vec<Node>, Unknown> {
        let (test, body) = (self.part("test")?, self.part("body")?);
        let choice = self.one(Kind::Choice {
            then: 1,
            otherwise: jump(body.len() + 1),
        });
        let mut nodes = [self.one(Kind::Pass), test, choice, body].concat();
        let back = 1 - jump(nodes.len());
        if let Some(last) = nodes.last_mut() {
            last.next = back;
        }
        nodes.extend(self.one(Kind::Pass));
        Ok(nodes)
    }

    fn repetition_after(&self) -> Result<Vec<Node>, Unknown> {
        let mut nodes = [self.one(Kind::Pass), self.part("body")?, self.part("test")?].concat();
        let then = -jump(nodes.len());
        nodes.extend(self.one(Kind::Choice { then, otherwise: 1 }));
        nodes.extend(self.one(Kind::Pass));
        Ok(nodes)
    }

    fn parallel(&self) -> Result<Vec<Node>, Unknown> {
        let (mut tasks, mut bodies) = (Vec::new(), Vec::new());
        for body in self.all()? {
            tasks.push(jump(bodies.len() + 1));
            bodies.extend(body);
            bodies.extend(self.one(Kind::Stop));
        }
        let after = jump(bodies.len() + 1);
        let first = self.one(Kind::Parallel { tasks, after });
        Ok([first, bodies, self.one(Kind::Pass)].concat())
    }
}

/// Lets the last of some nodes go on behind so many others.
fn skip(nodes: &mut [Node], others: usize) {
    if let Some(last) = nodes.last_mut() {
        last.next = jump(others);
    }
}

/// A difference of indices. A program has far fewer nodes than fit.
fn jump(nodes: usize) -> isize {
    isize::try_from(nodes).unwrap_or(isize::MAX)
}
