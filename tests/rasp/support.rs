//! The table of Tracr's test programs, and programs from files.

// Each test binary uses a part of this.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracr::model::Value;
use tracr::rasp::{self, Program};

/// A file of the repository.
pub fn repository(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The program in a file of the repository, or its diagnostics as a panic.
pub fn load(path: &str) -> Program {
    match rasp::compile_file(&repository(path), &rasp::Options::default()) {
        Ok(Ok(program)) => program,
        Ok(Err(diagnostics)) => panic!("{}", rasp::render(&diagnostics)),
        Err(error) => panic!("{error}"),
    }
}

/// A case of Tracr's `compiler/test_cases.py`; its source is `rasp_cases/{name}.rasp`.
pub struct Case {
    pub name: String,
    pub causal: bool,
    pub vocab: Vec<Value>,
    pub max_seq_len: usize,
    /// None of an unsupported case.
    pub input: Option<Vec<Value>>,
    pub expected: Option<Vec<Value>>,
    /// Of each expression: operator, name, encoding (none of a selector).
    pub operators: Vec<(String, String, Option<String>)>,
}

/// All cases of Tracr, supported or not.
pub fn cases() -> Vec<Case> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        causal: bool,
        vocab: Exact,
        max_seq_len: usize,
        input: Option<Exact>,
        expected: Option<Exact>,
        operators: Vec<(String, String, Option<String>)>,
    }
    let rows: Vec<Row> = read("cases.json");
    assert_eq!(rows.len(), 63);
    rows.into_iter()
        .map(|row| Case {
            name: row.name,
            causal: row.causal,
            vocab: row.vocab.0,
            max_seq_len: row.max_seq_len,
            input: row.input.map(|input| input.0),
            expected: row.expected.map(|expected| expected.0),
            operators: row.operators,
        })
        .collect()
}

/// What Tracr's evaluator gave on an input.
#[derive(Deserialize)]
pub struct Sample {
    pub name: String,
    pub causal: bool,
    pub input: Exact,
    pub output: Exact,
    pub raises: bool,
}

/// A JSON list of values in which a float is `{"float": "0.1"}`, read exactly.
#[derive(Deserialize)]
#[serde(from = "serde_json::Value")]
pub struct Exact(pub Vec<Value>);

impl From<serde_json::Value> for Exact {
    fn from(json: serde_json::Value) -> Self {
        match value(&json) {
            Value::Tuple(items) => Self(items),
            _ => Self(Vec::new()),
        }
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(items) => Value::Tuple(items.iter().map(value).collect()),
        serde_json::Value::Object(object) => {
            Value::Float(object["float"].as_str().unwrap().parse().unwrap())
        }
        other => serde_json::from_value(other.clone()).unwrap(),
    }
}

/// A table of `tests/fixtures/rasp/`.
pub fn read<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = repository("tests/fixtures/rasp").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
