//! JSONata: what state machines add to it and bound, and the official suite if `WISP_JSONATA_SUITE` names its file.

use serde_json::{Map, Value, json};
use wisp_workflow::query::{
    Bounds, Chance, Fault, Scope,
    jsonata::{self, Type},
};

fn within<T>(evaluate: impl FnOnce(&Scope) -> T) -> T {
    let variables = json!({"rate": 1.5, "list": [1], "text": "a"});
    evaluate(&Scope {
        input: &json!({"n": 2, "items": [{"p": 1}, {"p": 2}], "one": [7]}),
        context: &json!({"Execution": {"Name": "e1"}}),
        variables: variables.as_object().unwrap_or(&Map::new()),
        result: Some(&json!({"done": true})),
        error_output: None,
        now_ms: 1_700_000_000_123,
        chance: &Chance::new(3),
        bounds: Bounds::default(),
    })
}

fn value(expression: &str) -> Result<Value, Fault> {
    within(|scope| jsonata::render(&json!(format!("{{% {expression} %}}")), "Output", scope))
}

fn cause(expression: &str) -> String {
    value(expression)
        .map(|value| value.to_string())
        .unwrap_or_else(|fault| fault.cause)
}

#[test]
fn expressions_see_the_states_and_the_variables() {
    for (expression, expected) in [
        ("$states.input.n * $rate", json!(3)),
        ("$states.input.items.p", json!([1, 2])),
        ("$states.input.items[p = 2]", json!({"p": 2})),
        ("$states.input.one", json!([7])),
        ("$states.context.Execution.Name", json!("e1")),
        ("$states.result.done", json!(true)),
        ("$keys($states)", json!(["input", "context", "result"])),
        ("$states.input.n & $count($states.*)", json!("23")),
        ("($s := $states; $s.input.n)", json!(2)),
        ("$states .input.n", json!(2)),
        ("$list", json!([1])),
        ("($x := 4; $x + 0.5)", json!(4.5)),
        ("null", Value::Null),
        ("{'a': $nothing, 'b': 1}", json!({"b": 1})),
        ("'héllo' & $text", json!("hélloa")),
    ] {
        assert_eq!(value(expression), Ok(expected), "{expression}");
    }
}

#[test]
fn state_machines_have_functions_of_their_own() {
    for (expression, expected) in [
        ("$partition([1,2,3,4,5], 2)", json!([[1, 2], [3, 4], [5]])),
        ("$partition([0], 3)", json!([[0]])),
        ("$partition([], 3)", json!([])),
        ("$range(0, 4, 2)", json!([0, 2, 4])),
        ("$range(3, 1, -1)", json!([3, 2, 1])),
        ("$range(1, 9, 9)", json!(1)),
        (
            "$hash('input data', 'SHA-1')",
            json!("aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ),
        ("$parse('{\"a\": [1]}')", json!({"a": [1]})),
        ("$pad('a', 3, 'xy') & $pad('a', -2) & $pad('abc', 1)", json!("axy aabc")),
        ("$sum($shuffle([1..9]))", json!(45)),
        ("$random(5) = $random(5)", json!(true)),
        ("$random() = $random()", json!(false)),
        ("$length($uuid())", json!(36)),
        ("$uuid() = $uuid()", json!(false)),
        ("$now()", json!("2023-11-14T22:13:20.123Z")),
        ("$millis()", json!(1_700_000_000_123_i64)),
    ] {
        assert_eq!(value(expression), Ok(expected), "{expression}");
    }
}

#[test]
fn faults_say_which_expression_of_which_field_did_what() {
    let template = json!({"a": [1, "{% $nothing %}"]});
    let fault = within(|scope| jsonata::render(&template, "Output", scope)).expect_err("undefined");
    assert_eq!(fault.error, "States.QueryEvaluationError");
    assert_eq!(fault.location.as_deref(), Some("Output/a[1]"));
    let about = "The JSONata expression '$nothing' specified for the field 'Output/a[1]'";
    assert_eq!(fault.cause, format!("{about} returned nothing (undefined)."));
    for (expression, end) in [
        ("$", "returned nothing (undefined)."),
        ("$$.n", "returned nothing (undefined)."),
        ("function(){1}", "returned an unsupported result type."),
        ("$sum", "returned an unsupported result type."),
        ("/a/", "returned an unsupported result type."),
        ("1/0", "returned an unsupported result type."),
        (
            "$randomSeeded(1)",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
        (
            "$eval('1')",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
    ] {
        let expected = format!("The JSONata expression '{expression}' specified for the field 'Output' {end}");
        assert_eq!(cause(expression), expected);
    }
    assert!(
        cause("1 +").contains("threw an error during evaluation. S0207"),
        "{}",
        cause("1 +")
    );
    assert!(
        cause("$map(['1'], $eval)").contains("T1006"),
        "{}",
        cause("$map(['1'], $eval)")
    );
}

#[test]
fn a_field_may_require_a_type() {
    let as_array = |template: Value| within(|scope| jsonata::render_as(&template, "Items", Type::Array, scope));
    assert_eq!(as_array(json!("{% $list %}")), Ok(json!([1])));
    let fault = as_array(json!("{% 1 %}")).expect_err("not an array");
    let cause = "The JSONata expression '1' specified for the field 'Items' returned an unexpected result type. Expected \
                 'array', but was 'number' for value: 1";
    assert_eq!(fault, Fault::evaluation("Items", cause));
}

#[test]
fn templates_hold_expressions_at_any_depth() {
    let template = json!({"a": [{"b": "{% $states.input.n %}"}, " {% 1 %}", "{%1%}"], "{% 1 %}": null, "c.$": "$"});
    let expected = json!({"a": [{"b": 2}, " {% 1 %}", 1], "{% 1 %}": null, "c.$": "$"});
    assert_eq!(
        within(|scope| jsonata::render(&template, "Output", scope)),
        Ok(expected)
    );
}

#[test]
fn hostile_expressions_end() {
    for expression in [
        "($f := function($n){1 + $f($n)}; $f(0))",
        "($f := function($n){$f($n + 1)}; $f(0))",
        "[1..100000000]",
        "[-1e300..1e300]",
        "[-1..1e300]",
        "$length($reduce([1..60], function($a){$a & $a}, 'x'))",
        "$length($string($reduce([1..60], function($a){{'a': $a, 'b': $a}}, 1)))",
        "$reduce([1..60], function($a){{'a': $a, 'b': $a}}, 1) ~> $string ~> $length",
        "($a := $reduce([1..60], function($a){{'a': $a, 'b': $a}}, 1); $b := $reduce([1..60], function($a){{'a': $a, 'b': $a}}, 1); $a = $b)",
        "$length($replace($pad('a', 1000000, 'a'), 'a', $pad('b', 1000000)))",
        "$length($join([1..100000].'x', $pad('b', 1000000)))",
        "$pad('x', 1000000000)",
        "$pad('x', -1e300)",
        "$reduce([1..60], function($a){{'a': $a, 'b': $a}}, 1)",
        "$reduce([1..3000], function($a, $i){{'a': $a}}, 1)",
        "[1..5000].($x := $; [1..5000].($x * $))",
        "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', /^(a+)+$/).x",
    ] {
        let cause = cause(expression);
        assert!(cause.starts_with("The JSONata expression"), "{expression}: {cause}");
    }
    for deep in ["(", "[", "-", "$f(", "{'a':", "1?"] {
        let cause = cause(&deep.repeat(100_000));
        assert!(cause.contains("threw an error"), "{deep}");
    }
    assert!(cause(&"1+".repeat(100_000)).contains("threw an error"));
    assert!(cause(&"a.".repeat(100_000)).contains("threw an error"));
}

#[test]
fn faults_have_the_words_of_the_reference() {
    for (expression, words) in [
        (
            "$sum(['a'])",
            "T0412: Argument 1 of function \"sum\" must be an array of \"numbers\"",
        ),
        (
            "$abs('x')",
            "T0410: Argument 1 of function \"abs\" does not match function signature",
        ),
        (
            "$length(1)",
            "T0410: Argument 1 of function \"length\" does not match function signature",
        ),
        (
            "$abs(1,2)",
            "T0410: Argument 2 of function \"abs\" does not match function signature",
        ),
        (
            "$pad(1,2)",
            "T0410: Argument 1 of function \"pad\" does not match function signature",
        ),
        (
            "$pad('a','b')",
            "T0410: Argument 2 of function \"pad\" does not match function signature",
        ),
        (
            "'a'-1",
            "T2001: The left side of the \"-\" operator must evaluate to a number",
        ),
        (
            "1+'a'",
            "T2002: The right side of the \"+\" operator must evaluate to a number",
        ),
        (
            "'a'>1",
            "T2009: The values \"a\" and 1 either side of operator \">\" must be of the same data type",
        ),
        (
            "$states.input.n <= $text",
            "T2009: The values 2 and \"a\" either side of operator \"<=\" must be of the same data type",
        ),
        (
            "true > 1",
            "T2010: The expressions either side of operator \">\" must evaluate to numeric or string values",
        ),
        ("$number('x')", "D3030: Unable to cast value to a number: \"x\""),
        (
            "$replace('a','','x')",
            "D3010: Second argument of replace function cannot be an empty string",
        ),
        (
            "$sort([{},{}])",
            "D3070: The single argument form of the sort function can only be applied to an array of strings or an array \
             of numbers.  Use the second argument to specify a comparison function",
        ),
        (
            "$split('a',1)",
            "T0410: Argument 2 of function \"split\" does not match function signature",
        ),
        (
            "$replace('a',/a/,1)",
            "T0410: Argument 3 of function \"replace\" does not match function signature",
        ),
        (
            "$fromMillis('x')",
            "T0410: Argument 1 of function \"fromMillis\" does not match function signature",
        ),
        (
            "$pad(1,2)",
            "T0410: Argument 1 of function \"pad\" does not match function signature",
        ),
        ("1()", "T1006: Attempted to invoke a non-function"),
        ("[1,2}", "S0202: Expected \"]\", got \"}\""),
    ] {
        let cause = cause(expression);
        assert!(
            cause.ends_with(&format!("threw an error during evaluation. {words}")),
            "{cause}"
        );
    }
}

#[test]
fn what_fits_is_taken() {
    for (expression, expected) in [
        ("$sort([3,1,2])", json!([1, 2, 3])),
        ("$sort(['b','a'])", json!(["a", "b"])),
        ("$sort([{'n':2},{'n':1}], function($l,$r){$l.n>$r.n}).n", json!([1, 2])),
        ("$split('a1b2c', /[0-9]/)", json!(["a", "b", "c"])),
        ("$split('a b c', ' ', 2)", json!(["a", "b"])),
        ("'a,b' ~> $split(',')", json!(["a", "b"])),
        ("$replace('aXb', /X/, function($m){'-'})", json!("a-b")),
        ("$pad('a', 3, '.')", json!("a..")),
        ("$fromMillis(0)", json!("1970-01-01T00:00:00.000Z")),
    ] {
        assert_eq!(value(expression), Ok(expected), "{expression}");
    }
}

#[test]
fn a_seed_gives_the_number_that_java_gives() {
    assert_eq!(value("$random(42)"), Ok(json!(0.727_563_680_032_868_1)));
    assert_eq!(value("$random(0)"), Ok(json!(0.730_967_787_376_657)));
}

#[test]
fn a_chunk_of_no_size_is_refused() {
    for size in ["0/0", "0", "-1", "0.4"] {
        let cause = cause(&format!("$partition([1], {size})"));
        assert!(
            cause.contains("threw an error during evaluation. The size of a chunk"),
            "{cause}"
        );
    }
}
