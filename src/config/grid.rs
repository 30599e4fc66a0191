//! What varies in a study: keys, their values, and how a value is spelt in names and tables.

use std::collections::HashSet;

use toml::{Table, Value};
use toml_writer::ToTomlKey;

use super::assignment::Assignment;
use super::kind::{Kind, number, shown};
use super::schema::{self, RANGE_KEYS};

/// A key and the values it takes.
#[derive(Clone, Debug)]
pub struct Axis {
    /// As the study file has it.
    pub(super) given: Assignment,
    /// At least one, no two alike.
    pub values: Vec<Point>,
}

/// One value of a key.
#[derive(Clone, Debug)]
pub struct Point {
    value: Value,
    /// In the one spelling that names and tables use.
    pub text: String,
}

impl Axis {
    /// The key with its tables.
    pub fn key(&self) -> &str {
        &self.given.key
    }

    /// File and line.
    pub fn location(&self) -> &str {
        &self.given.location
    }

    /// The key with one of its values.
    pub fn assignment(&self, point: &Point) -> Assignment {
        self.given.with(self.given.key.clone(), point.value.clone())
    }
}

/// The values that stand behind a key: one value, a list of values, or a range `{ from, count,
/// step }`. A value that is only out of range is kept, if others are not: its run will say so; one of
/// another type is not.
///
/// # Errors
/// What is wrong, to follow the key's name.
pub fn values(kind: Kind, written: &Value) -> Result<Vec<Point>, String> {
    let found = if kind.allows(written) {
        vec![written.clone()]
    } else if let Some(range) = written.as_table() {
        range_values(kind, range)?
    } else if let Some(list) = written.as_array() {
        if list.is_empty() {
            return Err("has no values: list at least one".into());
        }
        list.clone()
    } else {
        return Err(wrong(kind, written));
    };
    if !found.iter().any(|value| kind.allows(value)) {
        return Err(wrong(kind, written));
    }
    let types: HashSet<&str> = found
        .iter()
        .filter(|value| kind.allows(value))
        .map(Value::type_str)
        .collect();
    if let Some(value) = found.iter().find(|value| !types.contains(value.type_str())) {
        return Err(format!(
            "has {}, but it takes {}",
            shown(value),
            kind.describe()
        ));
    }
    let mut points: Vec<Point> = Vec::with_capacity(found.len());
    let mut texts = HashSet::with_capacity(found.len());
    for value in found {
        let text = spelling(kind, &value);
        if !texts.insert(text.clone()) {
            return Err(format!("has the value {text} twice"));
        }
        points.push(Point { value, text });
    }
    Ok(points)
}

fn wrong(kind: Kind, written: &Value) -> String {
    format!(
        "is {}, but it takes {}, a list of such values, or (for numbers) a range like {{ from = 0, \
         count = 10, step = 1 }}",
        shown(written),
        kind.describe()
    )
}

/// `from`, `from + step`, ...: `count` of them.
fn range_values(kind: Kind, range: &Table) -> Result<Vec<Value>, String> {
    let malformed =
        |problem: &str| format!("is {}: {problem}", shown(&Value::Table(range.clone())));
    for (name, value) in range {
        let Some(key) = schema::find_in(RANGE_KEYS, name) else {
            let known = schema::names(RANGE_KEYS);
            return Err(malformed(&format!("a range has no `{name}`, only {known}")));
        };
        if !key.kind.allows(value) {
            return Err(malformed(&format!("{name} must be {}", key.takes())));
        }
    }
    let value = |name: &str| {
        let default = || schema::find_in(RANGE_KEYS, name)?.default_value();
        let value = range.get(name).cloned().or_else(default);
        value.ok_or_else(|| malformed(&format!("{name} is missing")))
    };
    let (from, count, step) = (value("from")?, value("count")?, value("step")?);
    let count = count.as_integer().unwrap_or_default();
    match (kind, from.as_integer(), step.as_integer()) {
        (Kind::Integer(..) | Kind::Number(_), Some(from), Some(step)) => (0..count)
            .map(|i| Some(i.checked_mul(step)?.checked_add(from)?.into()))
            .collect::<Option<_>>()
            .ok_or_else(|| malformed("it leaves the range of integers")),
        (Kind::Number(_), ..) => {
            let (from, step) = (number(&from), number(&step));
            let nth = |i: i64| Some(short(from? + i as f64 * step?).into());
            Ok((0..count).filter_map(nth).collect())
        }
        (Kind::Integer(..), ..) => Err(malformed("from and step must be integers")),
        _ => Err(malformed("a range is for numbers")),
    }
}

/// Without the last digits, which rounding makes: 0.3 and not 0.30000000000000004.
fn short(x: f64) -> f64 {
    format!("{x:.12e}").parse().unwrap_or(x)
}

/// A value in one spelling, whatever it was written like: `1` for 1.0 where a number may stand,
/// texts without quotes.
pub fn spelling(kind: Kind, value: &Value) -> String {
    let as_number = matches!(kind, Kind::Number(_) | Kind::Weights(..));
    match value {
        Value::String(text) => text.clone(),
        Value::Float(x) => number_spelling(*x),
        Value::Integer(i) if as_number => number_spelling(*i as f64),
        Value::Integer(i) => i.to_string(),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|item| spelling(kind, item)).collect();
            format!("[{}]", items.join(", "))
        }
        // A name is in quotes where TOML asks for them, so that it ends where it seems to.
        Value::Table(table) => {
            let mut items: Vec<String> = table
                .iter()
                .map(|(name, item)| format!("{} = {}", name.to_toml_key(), spelling(kind, item)))
                .collect();
            items.sort();
            format!("{{{}}}", items.join(", "))
        }
        Value::Boolean(_) | Value::Datetime(_) => value.to_string(),
    }
}

fn number_spelling(x: f64) -> String {
    if x == 0.0 || (1e-4..1e7).contains(&x.abs()) {
        format!("{x}")
    } else {
        format!("{x:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    fn of(key: &str, written: &str) -> Result<Vec<String>, String> {
        let kind = schema::find(key).unwrap().kind;
        let points = values(kind, &written.parse::<Value>().unwrap())?;
        Ok(points.into_iter().map(|point| point.text).collect())
    }

    #[test]
    fn lists_ranges_and_single_values() {
        assert_eq!(of("compression.dim", "[2, 3, 4]").unwrap(), ["2", "3", "4"]);
        assert_eq!(of("compression.dim", "7").unwrap(), ["7"]);
        let seeds = of("training.seed", "{ from = 5, count = 3 }").unwrap();
        assert_eq!(seeds, ["5", "6", "7"]);
        let dims = of("compression.dim", "{ from = 12, count = 3, step = -5 }").unwrap();
        assert_eq!(dims, ["12", "7", "2"]);
        let weights = of(
            "objective.layer_weight",
            "{ from = 0, count = 4, step = 0.1 }",
        )
        .unwrap();
        assert_eq!(weights, ["0", "0.1", "0.2", "0.3"]);
        let rates = of(
            "training.learning_rate.initial",
            "[1e-5, 1, 1.0e-3, 1e20, 25000.0]",
        )
        .unwrap();
        assert_eq!(rates, ["1e-5", "1", "0.001", "1e20", "25000"]);
        assert_eq!(
            of("training.steps", "[3_000, 0x10]").unwrap(),
            ["3000", "16"]
        );
        let methods = of("compression.method", "[\"pca\", \"train\"]").unwrap();
        assert_eq!(methods, ["pca", "train"]);
        // A list that is itself a value is one value; a list of lists is several.
        assert_eq!(of("inputs.lengths", "[1, 2]").unwrap(), ["[1, 2]"]);
        let weights = of(
            "inputs.token_weights",
            "[{}, { x = 1.0 }, {y=2,x=1e-9}, { \"1\" = 3 }]",
        )
        .unwrap();
        assert_eq!(weights, ["{}", "{x = 1}", "{x = 1e-9, y = 2}", "{1 = 3}"]);
        let lengths = of("inputs.lengths", "[[1, 2], [ 5 ]]").unwrap();
        assert_eq!(lengths, ["[1, 2]", "[5]"]);
    }

    #[test]
    fn what_no_run_could_use_is_refused_and_the_rest_left_to_the_runs() {
        let is = |key: &str, written: &str, part: &str| {
            let problem = of(key, written).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        };
        is("compression.dim", "[]", "list at least one");
        is("compression.dim", "\"8\"", "an integer of at least 1");
        is("compression.dim", "[\"8\"]", "an integer of at least 1");
        is("compression.dim", "[2, 3, 2]", "has the value 2 twice");
        is(
            "objective.layer_weight",
            "[1, 1.0]",
            "has the value 1 twice",
        );
        is(
            "compression.dim",
            "{ from = 1, count = 0 }",
            "count must be",
        );
        is("compression.dim", "{ count = 3 }", "from is missing");
        is("compression.dim", "{ from = 1, to = 3 }", "no `to`");
        is(
            "compression.dim",
            "{ from = 1.5, count = 3 }",
            "must be integers",
        );
        is(
            "compression.method",
            "{ from = 1, count = 3 }",
            "for numbers",
        );
        is(
            "training.seed",
            "{ from = 9223372036854775807, count = 2 }",
            "leaves the range",
        );
        assert_eq!(of("compression.dim", "[0, 8]").unwrap(), ["0", "8"]);
    }
}
