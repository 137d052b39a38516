use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cel::{
    Context, ExecutionError, FunctionContext, IdedExpr, Program, Value,
    common::{
        ast::{CallExpr, EntryExpr, Expr, operators},
        types::{CelBytes, CelList, CelMap, CelString},
        value::{CowVal, Val},
    },
};
use wisp_core::{Error, Result, ports::Clock};

/// The functions that the rewritten expression calls; nobody can write these names.
const STEP: &str = "@step";
const PATTERN: &str = "@pattern";

/// Steps that a regular expression costs: it is compiled each time.
const COMPILING: u64 = 1_000;
/// Bytes of a text that are read in a step.
const BYTES: u64 = 64;

/// Operators that do not read their operands whole.
const CHEAP: [&str; 9] = [
    operators::INDEX,
    operators::OPT_INDEX,
    operators::OPT_SELECT,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::CONDITIONAL,
    operators::NOT_STRICTLY_FALSE,
    "size",
];

type Function =
    Box<dyn for<'context, 'call> Fn(&mut FunctionContext<'context, 'call>) -> Evaluated<'context, 'call> + Send + Sync>;
type Evaluated<'context, 'call> = std::result::Result<CowVal<'context, 'call>, ExecutionError>;

/// What one evaluation may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Values that are read or made: each node is one, and each 64 bytes of a text.
    pub steps: u64,
    /// How long it may take.
    pub time: Duration,
}

/// An expression that ends.
///
/// The language has loops over what there is only, but nested and chained ones can take or make as much as they like,
/// and the interpreter has no limit. So each operand that an operation reads whole, each element of a new value and
/// each range of a loop goes through a function that counts, and fails when all is spent. A loop whose elements fail
/// goes on to its end, but none that is nested in it begins any more.
pub(super) struct Bounded(IdedExpr);

impl Bounded {
    pub fn new(program: &Program) -> Self {
        let mut expression = program.expression().clone();
        count(&mut expression);
        Self(expression)
    }

    /// Evaluates it with these variables.
    pub fn execute(&self, context: &mut Context<'_, '_>, cost: Cost, clock: Arc<dyn Clock>) -> Result<Value> {
        let budget = Arc::new(Budget {
            left: AtomicU64::new(cost.steps),
            ends: clock.elapsed() + cost.time,
            clock,
        });
        for (name, extra) in [(STEP, 0), (PATTERN, COMPILING)] {
            let budget = budget.clone();
            let function: Function = Box::new(move |call| {
                let value = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
                budget.spend(extra.saturating_add(weight(&*value)))?;
                Ok(value)
            });
            let added = context.add_function(name, function);
            added.map_err(|error| Error::internal(format!("{name} cannot be added: {error}")))?;
        }
        let value = Value::resolve(&self.0, context);
        // Operators that need not know all operands would hide it.
        match budget.is_spent() {
            true => Err(Error::bad_request(format!(
                "it takes more than {} steps or {} ms",
                cost.steps,
                cost.time.as_millis()
            ))
            .with("limit", "limits.expression_steps, limits.expression_time")),
            false => value.map_err(|error| Error::bad_request(error.to_string())),
        }
    }
}

struct Budget {
    left: AtomicU64,
    ends: Duration,
    clock: Arc<dyn Clock>,
}

impl Budget {
    fn spend(&self, steps: u64) -> std::result::Result<(), ExecutionError> {
        let left = self.left.load(Ordering::Relaxed);
        let left = match self.clock.elapsed() < self.ends {
            true => left.saturating_sub(steps),
            false => 0,
        };
        self.left.store(left, Ordering::Relaxed);
        match left {
            0 => Err(ExecutionError::function_error(STEP, "all steps are spent")),
            _ => Ok(()),
        }
    }

    fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

/// The steps that reading a value takes.
fn weight(value: &dyn Val) -> u64 {
    let text = |bytes: usize| bytes as u64 / BYTES;
    let inner = if let Some(string) = value.downcast_ref::<CelString<'_>>() {
        text(string.inner().len())
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        text(bytes.inner().len())
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        list.inner().iter().map(|element| weight(&**element)).sum()
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        map.inner().values().map(|element| 1 + weight(&**element)).sum()
    } else {
        0
    };
    1 + inner
}

/// Lets an expression count what it does.
fn count(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => count_call(call),
        Expr::Comprehension(comprehension) => {
            for part in [
                &mut comprehension.iter_range,
                &mut comprehension.accu_init,
                &mut comprehension.loop_cond,
                &mut comprehension.loop_step,
                &mut comprehension.result,
            ] {
                count(part);
            }
            through(STEP, &mut comprehension.iter_range);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(counted),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                count_entry(&mut entry.expr);
            }
        }
        Expr::Struct(structure) => {
            for entry in &mut structure.entries {
                count_entry(&mut entry.expr);
            }
        }
        Expr::Select(select) => count(&mut select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn count_call(call: &mut CallExpr) {
    let cheap = CHEAP.contains(&call.func_name.as_str());
    let visit = if cheap { count } else { counted };
    call.target.iter_mut().for_each(|target| visit(target));
    call.args.iter_mut().for_each(visit);
    if call.func_name == "matches"
        && let Some(pattern) = call.args.last_mut()
    {
        through(PATTERN, pattern);
    }
}

fn count_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::MapEntry(entry) => {
            counted(&mut entry.key);
            counted(&mut entry.value);
        }
        EntryExpr::StructField(field) => counted(&mut field.value),
    }
}

/// Counts what an operand is, unless it is as small as the text of the expression, its elements are counted already, or
/// it is what a loop collects: the interpreter appends to that in place if it stands there as it is.
fn counted(operand: &mut IdedExpr) {
    count(operand);
    let plain = match &operand.expr {
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => true,
        Expr::Ident(name) => name.starts_with('@'),
        _ => false,
    };
    if !plain {
        through(STEP, operand);
    }
}

/// Puts a call of a function in place of its argument.
fn through(function: &str, argument: &mut IdedExpr) {
    let call = CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: vec![std::mem::take(argument)],
    };
    argument.id = call.args[0].id;
    argument.expr = Expr::Call(call);
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use cel::objects::Map;
    use wisp_core::{model::Millis, ports::BoxFuture};

    use super::*;

    /// A clock that goes on by so many milliseconds each time it is read.
    #[derive(Default)]
    pub struct Steady {
        each: u64,
        read: AtomicU64,
    }

    impl Clock for Steady {
        fn now(&self) -> Millis {
            self.elapsed().as_millis() as u64
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.each * self.read.fetch_add(1, Ordering::Relaxed))
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(async {})
        }
    }

    const COST: Cost = Cost {
        steps: 100_000,
        time: Duration::from_secs(1),
    };

    fn run(text: &str, each: u64) -> Result<Value> {
        let numbers: Vec<i64> = (0..1_000).collect();
        let event = Map::from(std::collections::HashMap::from([
            ("list", Value::from(numbers)),
            ("text", Value::from("x".repeat(64_000))),
        ]));
        let mut context = Context::default();
        context.add_variable_from_value("event", Value::Map(event));
        let clock = Arc::new(Steady {
            each,
            read: AtomicU64::new(0),
        });
        Bounded::new(&Program::compile(text).unwrap()).execute(&mut context, COST, clock)
    }

    #[test]
    fn what_is_modest_is_evaluated_as_ever() {
        for (text, expected) in [
            (
                "event.list.filter(x, x < 3).map(x, x * 2)",
                Value::from(vec![0_i64, 2, 4]),
            ),
            ("event.list.exists(x, x == 999)", Value::Bool(true)),
            (
                "event.list.exists_one(x, x % 500 == 1) || size(event.text) == 64000",
                Value::Bool(true),
            ),
            (
                "event.text.startsWith('x') && event.text.matches('^x+$')",
                Value::Bool(true),
            ),
            ("{'a': [event.list[7]]}.a[0] + 1", Value::Int(8)),
            ("has(event.none) ? 1 : 2", Value::Int(2)),
        ] {
            assert_eq!(run(text, 0).unwrap(), expected, "{text}");
        }
        assert!(run("event.none.x", 0).is_err());
    }

    #[test]
    fn hostile_expressions_end() {
        let doubled = ".map(x, x + x)".repeat(60);
        let listed = ".map(x, [x, x])".repeat(60);
        for text in [
            // Loops in loops, of which the last is never reached: with every way to swallow an error.
            "event.list.all(a, event.list.all(b, event.list.all(c, event.list.all(d, true))))",
            "event.list.exists(a, event.list.exists(b, event.list.exists(c, event.list.exists(d, false)))) || true",
            "event.list.map(a, event.list.map(b, event.list.map(c, 1)))",
            "event.list.filter(a, event.list.exists_one(b, event.list.exists(c, event.list.all(d, c == d))))",
            "[1, 2, 3].map(a, event.list.map(b, event.list.map(c, [0, 0].map(d, d))))",
            // Values that grow without bounds.
            &format!("['{}']{doubled}", "x".repeat(999)),
            &format!("[[event.list]]{listed}"),
            "event.list.map(a, event.text + event.text)",
            "event.list.map(a, event.text)",
            // Reading the same again and again.
            "event.list.all(a, event.text.contains('y') || true)",
            "event.list.all(a, event.list == event.list)",
            "event.list.all(a, 'x'.matches('(a{50}){50}') || true)",
        ] {
            let error = run(text, 0).unwrap_err();
            assert!(
                error.message().starts_with("it takes more than 100000 steps"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn time_is_bounded_too() {
        assert!(run("event.list.all(x, x + x >= x)", 0).is_ok());
        assert!(run("event.list.all(x, x + x >= x)", 10).is_err());
    }
}
