use super::shape::Shape::{self, *};

/// The query language of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    JsonPath,
    Jsonata,
}

impl Language {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "JSONPath" => Some(Self::JsonPath),
            "JSONata" => Some(Self::Jsonata),
            _ => None,
        }
    }

    /// The one that this is not.
    pub fn other(self) -> Self {
        match self {
            Self::JsonPath => Self::Jsonata,
            Self::Jsonata => Self::JsonPath,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::JsonPath => "JSONPath",
            Self::Jsonata => "JSONata",
        }
    }
}

/// A field that an object may have.
pub(super) struct Field {
    pub name: &'static str,
    pub shape: Shape,
    /// The language that it belongs to, if not both.
    pub only: Option<Language>,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        only: None,
    }
}

const fn path(name: &'static str, shape: Shape) -> Field {
    let only = Some(Language::JsonPath);
    Field { name, shape, only }
}

const fn jsonata(name: &'static str, shape: Shape) -> Field {
    let only = Some(Language::Jsonata);
    Field { name, shape, only }
}

/// Seconds that a timeout may have.
const TIMEOUT: Shape = Integer(1, 99_999_999);

/// The fields of a whole definition.
pub(super) const MACHINE: &[Field] = &[
    field("Comment", Text),
    field("QueryLanguage", OneOf(&["JSONPath", "JSONata"])),
    field("StartAt", Text),
    field("States", Object),
    field("TimeoutSeconds", Integer(1, 99_999_998)),
    field("Version", OneOf(&["1.0"])),
];

/// Those of a branch or an item processor.
pub(super) const BRANCH: &[Field] = &[
    field("Comment", Text),
    field("ProcessorConfig", Object),
    field("QueryLanguage", OneOf(&["JSONPath", "JSONata"])),
    field("StartAt", Text),
    field("States", Object),
];

/// What a rule within a rule has beside its comparison.
pub(super) const NESTED_RULE: &[Field] = &[field("Comment", Text)];

/// Those that every state may have.
pub(super) const STATE: &[Field] = &[
    field("Comment", Text),
    field("QueryLanguage", OneOf(&["JSONPath", "JSONata"])),
    field("Type", Text),
];

/// Those of states that select from their input.
pub(super) const SELECTING: &[Field] = &[
    path("InputPath", NullablePath),
    path("OutputPath", NullablePath),
    jsonata("Output", Any),
];

/// Those of states that go on.
pub(super) const GOING_ON: &[Field] = &[field("Next", Text), field("End", Boolean)];

/// Those of states that can fail and be tried again.
pub(super) const RECOVERING: &[Field] = &[field("Retry", Array), field("Catch", Array)];

/// What a Task has beside those above.
pub(super) const TASK: &[Field] = &[
    field("Assign", Assign),
    field("Credentials", Object),
    field("HeartbeatSeconds", TIMEOUT),
    field("Resource", Text),
    field("TimeoutSeconds", TIMEOUT),
    jsonata("Arguments", Any),
    path("HeartbeatSecondsPath", ReferencePath),
    path("Parameters", Template),
    path("ResultPath", ResultPath),
    path("ResultSelector", Template),
    path("TimeoutSecondsPath", ReferencePath),
];

/// What a Pass has.
pub(super) const PASS: &[Field] = &[
    field("Assign", Assign),
    path("Parameters", Template),
    path("Result", Result),
    path("ResultPath", ResultPath),
];

/// What a Wait has.
pub(super) const WAIT: &[Field] = &[
    field("Assign", Assign),
    field("Seconds", Integer(0, 99_999_999)),
    field("Timestamp", Timestamp),
    path("SecondsPath", ReferencePath),
    path("TimestampPath", ReferencePath),
];

/// What a Choice has.
pub(super) const CHOICE: &[Field] = &[
    field("Assign", Assign),
    field("Choices", Filled),
    field("Default", Text),
];

/// What a Succeed has.
pub(super) const SUCCEED: &[Field] = &[];

/// What a Fail has.
pub(super) const FAIL: &[Field] = &[
    field("Cause", Text),
    field("Error", Text),
    path("CausePath", PathOrCall),
    path("ErrorPath", PathOrCall),
];

/// What a Parallel has.
pub(super) const PARALLEL: &[Field] = &[
    field("Assign", Assign),
    field("Branches", Filled),
    jsonata("Arguments", Any),
    path("Parameters", Template),
    path("ResultPath", ResultPath),
    path("ResultSelector", Template),
];

/// What a Map has.
pub(super) const MAP: &[Field] = &[
    field("Assign", Assign),
    field("ItemBatcher", Object),
    field("ItemProcessor", Object),
    field("ItemReader", Object),
    field("ItemSelector", Template),
    field("Iterator", Object),
    field("Label", Label),
    field("MaxConcurrency", Integer(0, i64::MAX)),
    field("ResultWriter", Object),
    field("ToleratedFailureCount", Integer(0, i64::MAX)),
    field("ToleratedFailurePercentage", Number(0.0, 100.0)),
    jsonata("Items", Items),
    path("ItemsPath", Path),
    path("MaxConcurrencyPath", ReferencePath),
    path("Parameters", Template),
    path("ResultPath", ResultPath),
    path("ResultSelector", Template),
    path("ToleratedFailureCountPath", ReferencePath),
    path("ToleratedFailurePercentagePath", ReferencePath),
];

/// What an `ItemReader` has.
pub(super) const READER: &[Field] = &[
    field("ReaderConfig", Object),
    field("Resource", Text),
    jsonata("Arguments", Any),
    path("Parameters", Template),
];

/// What a `ReaderConfig` has.
pub(super) const READER_CONFIG: &[Field] = &[
    field("CSVDelimiter", OneOf(&["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"])),
    field("CSVHeaderLocation", OneOf(&["FIRST_ROW", "GIVEN"])),
    field("CSVHeaders", Texts),
    field("InputType", OneOf(&["CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"])),
    field("ItemsPointer", Text),
    field("ManifestType", OneOf(&["ATHENA_DATA", "S3_INVENTORY"])),
    field("MaxItems", Integer(1, i64::MAX)),
    field("Transformation", OneOf(&["LOAD_AND_FLATTEN", "NONE"])),
    path("MaxItemsPath", ReferencePath),
];

/// What an `ItemBatcher` has.
pub(super) const BATCHER: &[Field] = &[
    field("BatchInput", Template),
    field("MaxInputBytesPerBatch", Integer(1, 262_144)),
    field("MaxItemsPerBatch", Integer(1, i64::MAX)),
    path("MaxInputBytesPerBatchPath", ReferencePath),
    path("MaxItemsPerBatchPath", ReferencePath),
];

/// What a `ResultWriter` has.
pub(super) const WRITER: &[Field] = &[
    field("Resource", Text),
    field("WriterConfig", Object),
    jsonata("Arguments", Any),
    path("Parameters", Template),
];

/// What a `WriterConfig` has.
pub(super) const WRITER_CONFIG: &[Field] = &[
    field("OutputType", OneOf(&["JSON", "JSONL"])),
    field("Transformation", OneOf(&["COMPACT", "FLATTEN", "NONE"])),
];

/// What a retrier has.
pub(super) const RETRIER: &[Field] = &[
    field("BackoffRate", Number(1.0, f64::MAX)),
    field("Comment", Text),
    field("ErrorEquals", Errors),
    field("IntervalSeconds", Integer(1, 99_999_999)),
    field("JitterStrategy", OneOf(&["FULL", "NONE"])),
    field("MaxAttempts", Integer(0, 99_999_999)),
    field("MaxDelaySeconds", Integer(1, 31_622_399)),
];

/// What a catcher has.
pub(super) const CATCHER: &[Field] = &[
    field("Assign", Assign),
    field("Comment", Text),
    field("ErrorEquals", Errors),
    field("Next", Text),
    jsonata("Output", Any),
    path("ResultPath", ResultPath),
];

/// What a rule of `Choices` has beside its comparison.
pub(super) const RULE: &[Field] = &[
    field("Assign", Assign),
    field("Comment", Text),
    field("Next", Text),
    jsonata("Condition", Condition),
    jsonata("Output", Any),
];
