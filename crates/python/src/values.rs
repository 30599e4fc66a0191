//! Tokens and outputs between Python and the model.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyList, PyString, PyTuple};
use tracr::model::Value;

use crate::errors::input;

/// Tuples in tuples in tuples are no tokens.
const DEPTH: usize = 16;

/// A Python object as a value of RASP.
pub fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    within(object, DEPTH)
}

fn within(object: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    let refused = |why: &str| {
        let name = object.get_type().name();
        let name = name.map_or_else(|_| "an object".into(), |name| name.to_string());
        Err(input(format!(
            "a token is a str, int, float, bool, None, or a tuple of these: {why} ({name})"
        )))
    };
    if object.is_none() {
        Ok(Value::None)
    } else if let Ok(flag) = object.cast::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if let Ok(text) = object.cast::<PyString>() {
        match text.to_str() {
            Ok(text) => Ok(Value::Str(text.to_owned())),
            Err(_) => refused("this one is no Unicode text"),
        }
    } else if let Ok(number) = object.cast::<PyFloat>() {
        match number.value() {
            x if x.is_finite() => Ok(Value::Float(x)),
            _ => refused("a number is finite"),
        }
    } else if let (Ok(items), 1..) = (object.cast::<PyTuple>(), depth) {
        let items = items.iter().map(|item| within(&item, depth - 1));
        Ok(Value::Tuple(items.collect::<PyResult<_>>()?))
    } else if let (Ok(items), 1..) = (object.cast::<PyList>(), depth) {
        let items = items.iter().map(|item| within(&item, depth - 1));
        Ok(Value::Tuple(items.collect::<PyResult<_>>()?))
    } else if let Ok(number) = object.extract::<i64>() {
        Ok(Value::Int(number))
    } else {
        refused("this is none of them, or too large")
    }
}

/// All of a list.
pub fn all_from_python(objects: &[Bound<'_, PyAny>]) -> PyResult<Vec<Value>> {
    objects.iter().map(from_python).collect()
}

/// A value as a Python object.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::None => Ok(py.None().into_bound(py)),
        Value::Bool(flag) => flag.into_bound_py_any(py),
        Value::Int(number) => number.into_bound_py_any(py),
        Value::Float(number) => number.into_bound_py_any(py),
        Value::Str(text) => text.into_bound_py_any(py),
        Value::Tuple(items) => {
            let items: PyResult<Vec<_>> = items.iter().map(|item| to_python(py, item)).collect();
            Ok(PyTuple::new(py, items?)?.into_any())
        }
    }
}

/// All of a list.
pub fn all_to_python<'py>(py: Python<'py>, values: &[Value]) -> PyResult<Bound<'py, PyList>> {
    let values: PyResult<Vec<_>> = values.iter().map(|value| to_python(py, value)).collect();
    PyList::new(py, values?)
}

/// Tokens as the words that a command line would have: one of the vocabulary is itself, and another one what it prints as.
pub fn words(tokens: &[Value], vocabulary: Option<&[Value]>) -> Vec<String> {
    let word = |token: &Value| match vocabulary {
        Some(known) if !known.contains(token) => token.to_string(),
        _ => token.to_json().to_string(),
    };
    tokens.iter().map(word).collect()
}
