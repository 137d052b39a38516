use serde_json::Value;

use super::{
    examiner::Examiner,
    fields::{self, Language},
    machine::{self, Nested, required},
    place::Place,
    resource, state,
};

/// The longest label, in characters.
const MAX_LABEL: usize = 40;

/// A Map's processor, and what a distributed one reads and writes.
pub(super) fn examine(examiner: &mut Examiner, state: &Value, at: &Place, language: Language) {
    let processors: Vec<_> = ["ItemProcessor", "Iterator"]
        .into_iter()
        .filter(|name| !state[*name].is_null())
        .collect();
    match processors[..] {
        [] => examiner.fail(
            at,
            "These fields are required: [ItemProcessor]",
            "Add ItemProcessor, an object with StartAt and States.",
        ),
        [one] => within(examiner, &state[one], &at.field(one)),
        _ => examiner.fail(
            at,
            "ItemProcessor and Iterator exclude each other",
            "Iterator is the old name: remove it.",
        ),
    }
    if let Some(config) = state["ItemProcessor"].get("ProcessorConfig") {
        processor(examiner, config, &at.field("ItemProcessor").field("ProcessorConfig"));
    }
    let parts = [
        (
            "ItemReader",
            fields::READER,
            Some(("ReaderConfig", fields::READER_CONFIG)),
        ),
        ("ItemBatcher", fields::BATCHER, None),
        (
            "ResultWriter",
            fields::WRITER,
            Some(("WriterConfig", fields::WRITER_CONFIG)),
        ),
    ];
    for (name, table, config) in parts {
        let (part, at) = (&state[name], at.field(name));
        self::part(examiner, part, table, &at, language);
        if let Some((config, table)) = config {
            self::part(examiner, &part[config], table, &at.field(config), language);
        }
    }
    of_distributed(examiner, state, at);
    reader(examiner, &state["ItemReader"], &at.field("ItemReader"));
    for (one, other) in [
        ("MaxItemsPerBatch", "MaxItemsPerBatchPath"),
        ("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"),
    ] {
        state::exclusive(examiner, &state["ItemBatcher"], one, other, &at.field("ItemBatcher"));
    }
}

/// A processor. Children of a map run see nothing of the variables around it.
fn within(examiner: &mut Examiner, processor: &Value, at: &Place) {
    let around = match is_distributed(processor) {
        true => std::mem::take(&mut examiner.scopes),
        false => Vec::new(),
    };
    machine::examine(examiner, processor, at, Nested::Within);
    if !around.is_empty() {
        examiner.scopes = around;
    }
}

fn is_distributed(processor: &Value) -> bool {
    processor["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
}

/// What an inline Map would not look at. Other linters let it pass, so that it is no fault.
fn of_distributed(examiner: &mut Examiner, state: &Value, at: &Place) {
    if is_distributed(&state["ItemProcessor"]) {
        return;
    }
    for name in ["ItemReader", "ItemBatcher", "ResultWriter", "Label"] {
        if state.get(name).is_some() {
            let message = format!("Field '{name}' has a meaning in a Map of mode DISTRIBUTED only");
            let remedy =
                "Give ItemProcessor a ProcessorConfig with Mode DISTRIBUTED and an ExecutionType, or remove the field.";
            examiner.warn("DISTRIBUTED_ONLY", &at.field(name), message, remedy);
        }
    }
}

/// An object within the state, if it is there.
fn part(examiner: &mut Examiner, part: &Value, table: &[fields::Field], at: &Place, language: Language) {
    if let Some(fields) = part.as_object() {
        state::fields(examiner, fields, &[table], at, language);
    }
}

fn processor(examiner: &mut Examiner, config: &Value, at: &Place) {
    let mode = config.get("Mode").map_or(Some("INLINE"), Value::as_str);
    let execution = config
        .get("ExecutionType")
        .map(|name| name.as_str().unwrap_or_default());
    match mode {
        Some("INLINE") => {}
        Some("DISTRIBUTED") if execution.is_none() => {
            examiner.fail(
                at,
                "These fields are required: [ExecutionType]",
                "Add ExecutionType: STANDARD or EXPRESS.",
            );
        }
        Some("DISTRIBUTED") => {}
        _ => examiner.fail(
            &at.field("Mode"),
            "Value must be one of: [INLINE, DISTRIBUTED]",
            "Write INLINE or DISTRIBUTED.",
        ),
    }
    if execution.is_some_and(|name| !["STANDARD", "EXPRESS"].contains(&name)) {
        let at = at.field("ExecutionType");
        examiner.fail(
            &at,
            "Value must be one of: [STANDARD, EXPRESS]",
            "Write STANDARD or EXPRESS.",
        );
    }
}

fn reader(examiner: &mut Examiner, reader: &Value, at: &Place) {
    let Some(fields) = reader.as_object() else { return };
    required(examiner, fields, &["Resource"], at);
    if let Some(resource) = fields.get("Resource") {
        resource::examine(examiner, resource, &at.field("Resource"));
    }
    let (config, at) = (&reader["ReaderConfig"], at.field("ReaderConfig"));
    state::exclusive(examiner, config, "MaxItems", "MaxItemsPath", &at);
    if config["CSVHeaderLocation"] == "GIVEN" && config.get("CSVHeaders").is_none() {
        examiner.fail(
            &at,
            "These fields are required: [CSVHeaders]",
            "Add CSVHeaders, the names of the columns.",
        );
    }
}

/// A label becomes part of names, so it has none of their separators.
pub(super) fn label(examiner: &mut Examiner, value: &Value, at: &Place) {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(c);
    let Some(label) = value.as_str() else {
        return examiner.fail(at, "Expected value of type String", "Give a short name.");
    };
    let remedy = "Use at most 40 letters, digits and hyphens.";
    if label.chars().count() > MAX_LABEL {
        examiner.fail(at, format!("Label cannot exceed {MAX_LABEL} characters"), remedy);
    } else if let Some(c) = label.chars().find(|c| forbidden(*c)) {
        examiner.fail(at, format!("Label contains the forbidden character {c:?}"), remedy);
    }
}
