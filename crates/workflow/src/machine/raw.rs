//! A definition as it is written: every field that any state may have, all optional.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{present, whole};
use super::{Language, Selector};

/// A machine, a branch, or the processor of a Map.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Flow {
    pub start_at: String,
    pub states: Map<String, Value>,
    pub query_language: Option<Language>,
    #[serde(default, deserialize_with = "whole")]
    pub timeout_seconds: Option<u64>,
    #[serde(default)]
    pub processor_config: ProcessorConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ProcessorConfig {
    pub mode: Option<String>,
    pub execution_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    #[serde(rename = "Type")]
    pub kind: String,
    pub query_language: Option<Language>,
    pub next: Option<String>,
    pub end: Option<bool>,
    #[serde(default)]
    pub input_path: Selector,
    #[serde(default)]
    pub output_path: Selector,
    #[serde(default)]
    pub result_path: Selector,
    #[serde(default, deserialize_with = "present")]
    pub parameters: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub result_selector: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub arguments: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    pub assign: Option<Value>,
    #[serde(default)]
    pub retry: Vec<Retrier>,
    #[serde(default)]
    pub catch: Vec<Catcher>,
    #[serde(default, deserialize_with = "present")]
    pub result: Option<Value>,
    // Task
    pub resource: Option<String>,
    pub timeout_seconds: Option<Value>,
    pub timeout_seconds_path: Option<String>,
    pub heartbeat_seconds: Option<Value>,
    pub heartbeat_seconds_path: Option<String>,
    pub credentials: Option<Value>,
    // Parallel
    #[serde(default)]
    pub branches: Vec<Flow>,
    // Map
    pub item_processor: Option<Flow>,
    pub iterator: Option<Flow>,
    pub items_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub items: Option<Value>,
    pub item_selector: Option<Value>,
    pub max_concurrency: Option<Value>,
    pub max_concurrency_path: Option<String>,
    pub tolerated_failure_count: Option<Value>,
    pub tolerated_failure_count_path: Option<String>,
    pub tolerated_failure_percentage: Option<Value>,
    pub tolerated_failure_percentage_path: Option<String>,
    pub label: Option<String>,
    pub item_reader: Option<Transfer>,
    pub item_batcher: Option<Batcher>,
    pub result_writer: Option<Transfer>,
    // Wait
    pub seconds: Option<Value>,
    pub seconds_path: Option<String>,
    pub timestamp: Option<Value>,
    pub timestamp_path: Option<String>,
    // Choice
    #[serde(default)]
    pub choices: Vec<Value>,
    pub default: Option<String>,
    // Fail
    pub error: Option<Value>,
    pub error_path: Option<String>,
    pub cause: Option<Value>,
    pub cause_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Retrier {
    pub error_equals: Vec<String>,
    pub interval_seconds: Option<f64>,
    #[serde(default, deserialize_with = "whole")]
    pub max_attempts: Option<u32>,
    pub backoff_rate: Option<f64>,
    pub max_delay_seconds: Option<f64>,
    pub jitter_strategy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Catcher {
    pub error_equals: Vec<String>,
    pub next: String,
    #[serde(default)]
    pub result_path: Selector,
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    pub assign: Option<Value>,
}

/// The part of a Choice rule that is not its test.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Rule {
    pub next: String,
    pub assign: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
}

/// `ItemReader` or `ResultWriter`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Transfer {
    pub resource: Option<String>,
    pub parameters: Option<Value>,
    pub arguments: Option<Value>,
    #[serde(default)]
    pub reader_config: Map<String, Value>,
    #[serde(default)]
    pub writer_config: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batcher {
    pub max_items_per_batch: Option<Value>,
    pub max_items_per_batch_path: Option<String>,
    pub max_input_bytes_per_batch: Option<Value>,
    pub max_input_bytes_per_batch_path: Option<String>,
    pub batch_input: Option<Value>,
}
