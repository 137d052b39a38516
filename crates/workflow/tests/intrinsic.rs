//! Intrinsic functions and the templates that call them.

use serde_json::{Map, Value, json};
use wisp_workflow::query::{Bounds, Chance, Fault, Scope, intrinsic, template};

fn within<T>(input: &Value, evaluate: impl FnOnce(&Scope) -> T) -> T {
    evaluate(&Scope {
        input,
        context: &json!({"Map": {"Item": {"Index": 4}}}),
        variables: &Map::from_iter([("greeting".to_owned(), json!("Hello, {}!"))]),
        result: None,
        error_output: None,
        now_ms: 0,
        chance: &Chance::new(42),
        bounds: Bounds::default(),
    })
}

fn call(text: &str) -> Result<Value, Fault> {
    let input =
        json!({"name": "Ada", "list": [1, 2, 2.0, [1], [1], {"a": 1, "b": []}, {"b": [], "a": 1}], "none": null});
    within(&input, |scope| intrinsic::call(text, scope))
}

#[test]
fn every_function_has_its_value() {
    for (text, expected) in [
        ("States.Array()", json!([])),
        (
            "States.Array('a', 2, 1.5, true, null, $.name, States.Array(1))",
            json!(["a", 2, 1.5, true, null, "Ada", [1]]),
        ),
        (
            "States.ArrayPartition(States.ArrayRange(1, 5, 1), 2)",
            json!([[1, 2], [3, 4], [5]]),
        ),
        ("States.ArrayPartition(States.Array(), 2)", json!([])),
        ("States.ArrayContains($.list, States.Array(1))", json!(true)),
        ("States.ArrayContains($.list, 3)", json!(false)),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(3, 0, -2)", json!([3, 1])),
        ("States.ArrayRange(0, 999, 1)", (0..1000).collect()),
        ("States.ArrayGetItem($.list, 3)", json!([1])),
        ("States.ArrayLength($.list)", json!(7)),
        ("States.ArrayUnique($.list)", json!([1, 2, [1], {"a": 1, "b": []}])),
        ("States.Format('{} is {}', $.name, 1)", json!("Ada is 1")),
        ("States.Format('\\{\\} {} it\\'s \\\\', true)", json!("{} true it's \\")),
        ("States.Format('{}', $.list[5])", json!("{a=1, b=[]}")),
        ("States.Format($greeting, 'you')", json!("Hello, you!")),
        ("States.StringSplit('a,b;;c,', ',;')", json!(["a", "b", "c"])),
        ("States.StringSplit(',,,,', ',')", json!([])),
        ("States.StringToJson('{\"a\": [1]}')", json!({"a": [1]})),
        ("States.StringToJson(' ')", Value::Null),
        ("States.StringToJson('-0')", json!(0)),
        ("States.JsonToString($.list[5])", json!("{\"a\":1,\"b\":[]}")),
        ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
        (
            "States.Hash('input data', 'SHA-1')",
            json!("aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ),
        ("States.Hash('', 'MD5')", json!("d41d8cd98f00b204e9800998ecf8427e")),
        (
            "States.JsonMerge(States.StringToJson('{\"a\":1,\"b\":{\"x\":1}}'), States.StringToJson('{\"b\":{\"y\":2}}'), false)",
            json!({"a": 1, "b": {"y": 2}}),
        ),
        ("States.MathAdd(1.49, 1.5)", json!(3)),
        ("States.MathAdd(-1.5, -1.51)", json!(-3)),
        ("States.MathAdd(0.49999999999999994, 0)", json!(0)),
        ("States.MathAdd(0.5, $$.Map.Item.Index)", json!(5)),
        ("States.MathRandom(7, 8)", json!(7)),
        (
            "States.ArrayLength(States.ArrayPartition(States.StringSplit($.name, 'd'), 1))",
            json!(2),
        ),
        ("States.Array($.list[?(@ == 2)], $['name'])", json!([[2, 2.0], "Ada"])),
    ] {
        assert_eq!(call(text), Ok(expected), "{text}");
    }
}

#[test]
fn random_numbers_follow_their_seed() {
    let twice = ["States.MathRandom(0, 1000000, 9)"; 2].map(|text| call(text).expect(text));
    assert_eq!(twice[0], twice[1]);
    let drawn = call("States.Array(States.MathRandom(0,1000000), States.MathRandom(0,1000000), States.UUID())");
    let drawn = drawn.expect("three values");
    assert_ne!(drawn[0], drawn[1]);
    assert_eq!(drawn[2].as_str().map(str::len), Some(36));
}

#[test]
fn arguments_that_do_not_fit_fail_the_function() {
    for text in [
        "States.ArrayPartition($.list, 0)",
        "States.ArrayRange(0, 1000, 1)",
        "States.ArrayRange(1, 2, 0)",
        "States.ArrayRange(1, 9223372036854775807, 1)",
        "States.ArrayGetItem($.list, 7)",
        "States.ArrayGetItem($.list, -1)",
        "States.ArrayLength($.name)",
        "States.Format('{} {}', 1)",
        "States.Format('{}', 1, 2)",
        "States.Format('{', 1)",
        "States.Format($.list)",
        "States.StringToJson('{')",
        "States.Base64Decode('***')",
        "States.Hash('a', 'CRC')",
        "States.JsonMerge($.list[5], $.list[5], true)",
        "States.MathAdd($.name, 2)",
        "States.MathAdd(9223372036854775807, 1)",
        "States.MathRandom(2, 2)",
    ] {
        let fault = call(text).expect_err(text);
        assert_eq!(fault.error, "States.IntrinsicFailure", "{text}");
        assert!(fault.cause.contains(text), "{fault}");
    }
    let fault = call("States.Array($.nowhere)").expect_err("a path that leads nowhere");
    assert_eq!(fault.error, "States.Runtime");
    assert!(
        fault
            .cause
            .contains("The JsonPath argument for the field '$.nowhere' could not be found"),
        "{fault}"
    );
}

#[test]
fn malformed_calls_are_refused() {
    let deep = format!("{}{}", "States.Array(".repeat(11), ")".repeat(11));
    for text in [
        "States.Nothing()",
        "States.UUID",
        "States.UUID(",
        "States.UUID() ",
        "States.UUID(1)",
        "States.Array(1,)",
        "States.Array(,1)",
        "States.Array(1 2)",
        "States.Array('a)",
        "States.Array('\\n')",
        "States.Array(name)",
        "States.Array($.a[)",
        "States.Array(\"a\")",
        "States.MathAdd(1)",
        "States.MathAdd('1', 2)",
        "States.ArrayRange(0, 3, true)",
        &deep,
        "States.Array(é)",
    ] {
        let fault = call(text).expect_err(text);
        assert_eq!(fault.error, "States.Runtime", "{text}");
    }
    assert!(call(&format!("{}{}", "States.Array(".repeat(10), ")".repeat(10))).is_ok());
}

#[test]
fn templates_replace_what_ends_in_a_dollar() {
    let input = json!({"a": {"b": [1, 2]}});
    let written = json!({
        "path.$": "$.a.b[0]",
        "deep": [{"call.$": "States.MathAdd($.a.b[1], 1)"}, "$.a", ["x.$"]],
        "context.$": "$$.Map.Item.Index",
        "variable.$": "$greeting",
        "all.$": "$.a.b[*]",
        "text": "$.a",
    });
    let rendered = within(&input, |scope| template::render(&written, scope));
    let expected = json!({
        "path": 1,
        "deep": [{"call": 3}, "$.a", ["x.$"]],
        "context": 4,
        "variable": "Hello, {}!",
        "all": [1, 2],
        "text": "$.a",
    });
    assert_eq!(rendered, Ok(expected));
}

#[test]
fn a_template_says_which_path_leads_nowhere() {
    let fault = within(&json!({"n": 0}), |scope| {
        template::render(&json!({"value.$": "$.x"}), scope)
    });
    let cause = "The JSONPath '$.x' specified for the field 'value.$' could not be found in the input '{\"n\":0}'";
    assert_eq!(fault, Err(Fault::runtime(cause)));
}
