//! JSONPath: what paths select and write, and that no text makes the parser panic.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wisp_workflow::query::{
    Bounds, Chance, Scope,
    path::{self, Path},
};

fn read(path: &str, input: &Value) -> Result<Value, String> {
    let variables: Map<String, Value> = [("list".to_owned(), json!([1, 2]))].into_iter().collect();
    let scope = Scope {
        input,
        context: &json!({"Execution": {"Id": "e", "Input": {"input-value": 0}}}),
        variables: &variables,
        result: None,
        error_output: None,
        now_ms: 0,
        chance: &Chance::new(0),
        bounds: Bounds::default(),
    };
    path::read(path, &scope).map_err(|fault| fault.cause)
}

fn shop() -> Value {
    json!({
        "books": [
            {"title": "Sayings", "price": 8.95, "tags": ["old"]},
            {"title": "Sword", "price": 12.99, "isbn": "0-553"},
            {"title": "Moby Dick", "price": 8.99, "isbn": "0-395", "tags": ["old", "sea"]},
        ],
        "bicycle": {"color": "red", "price": 19.95},
        "delivery-partner": "UQ",
        "größe nach Maß": 3,
        "it's": true,
        "nothing": null,
        "limit": 9,
    })
}

#[test]
fn definite_paths_have_one_value() {
    let shop = shop();
    for (path, expected) in [
        ("$", shop.clone()),
        ("$.limit", json!(9)),
        ("$.delivery-partner", json!("UQ")),
        ("$.größe nach Maß", json!(3)),
        ("$['it\\'s']", json!(true)),
        ("$[\"limit\"]", json!(9)),
        ("$.nothing", Value::Null),
        ("$.books[1].title", json!("Sword")),
        ("$.books[-1].price", json!(8.99)),
        ("$.books[(@.length-1)].title", json!("Moby Dick")),
        ("$['bicycle']['color','price']", json!({"color": "red", "price": 19.95})),
        ("$$.Execution.Input.input-value", json!(0)),
        ("$list[1]", json!(2)),
        ("$list", json!([1, 2])),
        ("$.['limit']", json!(9)),
    ] {
        assert_eq!(read(path, &shop), Ok(expected), "{path}");
        assert!(Path::parse(path).expect(path).is_definite(), "{path}");
    }
}

#[test]
fn indefinite_paths_have_an_array() {
    let shop = shop();
    for (path, expected) in [
        ("$.books[*].price", json!([8.95, 12.99, 8.99])),
        ("$.books[0,2].title", json!(["Sayings", "Moby Dick"])),
        ("$.books[1:].title", json!(["Sword", "Moby Dick"])),
        ("$.books[:-1].title", json!(["Sayings", "Sword"])),
        ("$.books[::2].title", json!(["Sayings", "Moby Dick"])),
        ("$.books[::-1].title", json!(["Moby Dick", "Sword", "Sayings"])),
        ("$..price", json!([8.95, 12.99, 8.99, 19.95])),
        ("$.bicycle.*", json!(["red", 19.95])),
        ("$.books[*].isbn", json!(["0-553", "0-395"])),
        ("$.books[*].none", json!([])),
        ("$.books[?(@.isbn)].title", json!(["Sword", "Moby Dick"])),
        ("$.books[?(!@.isbn)].title", json!(["Sayings"])),
        ("$.books[?(@.price < 9)].title", json!(["Sayings", "Moby Dick"])),
        ("$.books[?(@.price<9&&@.isbn)].title", json!(["Moby Dick"])),
        (
            "$.books[?(@.price > $.limit || 'sea' in @.tags)].title",
            json!(["Sword", "Moby Dick"]),
        ),
        ("$.books[?(@.title =~ /s.*s/i)].title", json!(["Sayings"])),
        ("$.books[?(@.title in ['Sword', 'x'])].price", json!([12.99])),
        ("$.books[?(@.tags contains 'sea')].price", json!([8.99])),
        ("$.books[?(@.tags.length() == 2)].price", json!([8.99])),
        (
            "$.books[?((@.price == 8.95 || @.price == 12.99) && !(@.isbn))].title",
            json!(["Sayings"]),
        ),
        ("$.books[?(@.tags size 1)].title", json!(["Sayings"])),
        ("$.books[?(@.tags subsetof ['old'])].title", json!(["Sayings"])),
        ("$..[?(@.color == 'red')].price", json!([19.95])),
    ] {
        assert_eq!(read(path, &shop), Ok(expected), "{path}");
        assert!(!Path::parse(path).expect(path).is_definite(), "{path}");
    }
}

#[test]
fn functions_end_a_path() {
    let shop = shop();
    for (path, expected) in [
        ("$.books.length()", json!(3)),
        ("$.books[0].title.size()", json!(7)),
        ("$..price.max()", json!(19.95)),
        ("$list.sum()", json!(3)),
        ("$list.avg()", json!(1.5)),
        ("$.bicycle.keys()", json!(["color", "price"])),
    ] {
        assert_eq!(read(path, &shop), Ok(expected), "{path}");
    }
}

#[test]
fn a_definite_path_that_leads_nowhere_says_where() {
    for (path, cause) in [
        ("$.NoSuch", "Invalid path '$.NoSuch' : No results for path: $['NoSuch']"),
        (
            "$.no.such",
            "Invalid path '$.no.such' : Missing property in path $['no']",
        ),
        (
            "$.books[7]",
            "Invalid path '$.books[7]' : No results for path: $['books'][7]",
        ),
        ("$none", "Invalid path '$none' : No results for path: $none"),
        (
            "$.limit[0]",
            "Invalid path '$.limit[0]' : Filter: [0] can only be applied to arrays. Current context is: 9",
        ),
    ] {
        assert_eq!(read(path, &shop()), Err(cause.to_owned()));
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for text in [
        "",
        "limit",
        "not a path",
        " $",
        "$.",
        "$..",
        "$[",
        "$[]",
        "$['a'",
        "$['a",
        "$.a]",
        "$[1.5]",
        "$$23",
        "$2x",
        "$.a[?(@.b ==)]",
        "$.a[?(@.b]",
        "$.a.nosuch()",
        "$.a[::0]",
        "$[?(@.a =~ /(/)]",
        "$.a.length().b",
        "@.a",
        "$[(@.length+1)]",
    ] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
    let deep = format!("$[?{}@.a{}]", "(".repeat(100_000), ")".repeat(100_000));
    assert!(Path::parse(&deep).is_err());
    let long = format!("${}", "[?(@.a)]".repeat(100_000));
    assert!(Path::parse(&long).is_err());
    let nots = format!("$[?({}@.a)]", "!".repeat(100_000));
    assert!(Path::parse(&nots).is_err());
}

#[test]
fn scans_that_multiply_end() {
    let mut deep = json!(1);
    for _ in 0..60 {
        deep = json!({"a": deep});
    }
    let cause = read("$..*..*..*..*..*..*", &deep).expect_err("too many");
    assert!(cause.contains("visits more than"), "{cause}");
    let many: Value = (0..10_000).collect();
    let cause = read("$.a[?(@ in $.b)]", &json!({"a": many, "b": many})).expect_err("too many");
    assert!(cause.contains("visits more than"), "{cause}");
}

#[test]
fn writes_make_the_objects_on_the_way() {
    let write = |path, document: Value| path::write(path, document, json!(1)).map_err(|fault| fault.error);
    assert_eq!(write("$", json!({"a": 2})), Ok(json!(1)));
    assert_eq!(write("$.a", json!({"a": 2, "b": 3})), Ok(json!({"a": 1, "b": 3})));
    assert_eq!(write("$.a.b['c d']", json!({})), Ok(json!({"a": {"b": {"c d": 1}}})));
    assert_eq!(
        write("$.a[1].b", json!({"a": [0, {}]})),
        Ok(json!({"a": [0, {"b": 1}]}))
    );
    for (path, document) in [
        ("$.a[2]", json!({"a": [0]})),
        ("$.a.b", json!({"a": 2})),
        ("$.a", json!("text")),
    ] {
        assert_eq!(write(path, document), Err("States.ResultPathMatchFailure"), "{path}");
    }
    for path in [
        "$.a[*]",
        "$..a",
        "$$.a",
        "$a",
        "$.a.length()",
        "$['a','b']",
        "a",
        "$[-1]",
    ] {
        assert_eq!(write(path, json!({})), Err("States.Runtime"), "{path}");
    }
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Texts made of the pieces of paths, so that many are paths.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("$"),
        Just("$$"),
        Just("$x"),
        Just("."),
        Just(".."),
        Just(".a"),
        Just("['a']"),
        Just("[0]"),
        Just("[-1]"),
        Just("[1:]"),
        Just("[*]"),
        Just("*"),
        Just("[?(@.a)]"),
        Just("[?(@.b == 'a' && !(@.c))]"),
        Just("[?(@.a in [1])]"),
        Just("['a','b']"),
        Just(".length()"),
        Just("[(@.length-1)]"),
        Just("("),
        Just(")"),
        Just("'"),
        Just("\\"),
        Just("é"),
        Just("[?(@ =~ /a.*/i)]"),
        Just("]"),
        Just("&&"),
        Just(" "),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), pieces in text(), document in document()) {
        for text in [text.clone(), format!("${text}"), pieces] {
            let _ = read(&text, &document);
            let _ = path::write(&text, document.clone(), Value::Null);
        }
    }

    #[test]
    fn a_path_reads_back_as_it_is_shown(text in text()) {
        if let Ok(path) = Path::parse(&format!("${text}")) {
            let shown = path.to_string();
            prop_assert_eq!(Path::parse(&shown), Ok(path), "{}", shown);
        }
    }

    #[test]
    fn what_is_written_is_read(document in document(), names in prop::collection::vec("[a-d -]", 1..4)) {
        let names: String = names.iter().map(|name| format!("['{name}']")).collect();
        let path = format!("${names}");
        if let Ok(written) = path::write(&path, document, json!("new")) {
            prop_assert_eq!(read(&path, &written), Ok(json!("new")));
        }
    }
}
