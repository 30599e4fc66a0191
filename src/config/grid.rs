//! What varies in a study: keys, their values, and how a value is spelt in names and tables.

use std::collections::HashSet;

use toml_edit::Value;

use super::kind::Kind;
use super::source::shown;
use super::study_keys::{self, MAX_RUNS, RANGE_KEYS};

/// A key and the values it takes.
#[derive(Clone, Debug)]
pub struct Axis {
    /// With its tables.
    pub key: String,
    /// At least one, no two alike.
    pub values: Vec<Point>,
    /// File and line.
    pub place: String,
}

/// One value of a key.
#[derive(Clone, Debug)]
pub struct Point {
    /// For the run file.
    pub value: Value,
    /// In the one spelling that names and tables use.
    pub text: String,
}

/// The values that stand behind a key: one value, a list of values, or a range `{ from, count,
/// step }`. A value that is only out of range is kept, if others are not: its run will say so.
///
/// # Errors
/// What is wrong, to follow the key's name.
pub fn values(kind: Kind, written: &Value) -> Result<Vec<Point>, String> {
    let allows = |value: &Value| kind.allows(&toml_edit::Item::Value(value.clone()));
    let found = if allows(written) {
        vec![written.clone()]
    } else if let Some(range) = written.as_inline_table() {
        range_values(kind, range)?
    } else if let Some(list) = written.as_array() {
        if list.is_empty() {
            return Err("has no values: list at least one".into());
        }
        list.iter().cloned().collect()
    } else {
        return Err(wrong(kind, written));
    };
    if !found.iter().any(allows) {
        return Err(wrong(kind, written));
    }
    let mut points: Vec<Point> = Vec::with_capacity(found.len());
    let mut texts = HashSet::with_capacity(found.len());
    for value in found {
        let text = spelling(kind, &value);
        if !texts.insert(text.clone()) {
            return Err(format!("has the value {text} twice"));
        }
        let value = value.decorated("", "");
        points.push(Point { value, text });
    }
    Ok(points)
}

fn wrong(kind: Kind, written: &Value) -> String {
    format!(
        "is {}, but it takes {}, a list of such values, or (for numbers) a range like {{ from = 0, \
         count = 10, step = 1 }}",
        shown(&toml_edit::Item::Value(written.clone())),
        kind.describe()
    )
}

/// `from`, `from + step`, ...: `count` of them.
fn range_values(kind: Kind, range: &toml_edit::InlineTable) -> Result<Vec<Value>, String> {
    let malformed = |problem: &str| {
        let written = shown(&toml_edit::Item::Value(range.clone().into()));
        Err(format!("is {written}: {problem}"))
    };
    let known = study_keys::names(&RANGE_KEYS);
    if let Some((key, _)) = range.iter().find(|(key, _)| !known.contains(key)) {
        return malformed(&format!(
            "a range has no `{key}`, only from, count and step"
        ));
    }
    let count = match range.get("count").and_then(Value::as_integer) {
        Some(count) if (1..=MAX_RUNS as i64).contains(&count) => count,
        _ => {
            return malformed(&format!("count must be an integer from 1 to {}", MAX_RUNS));
        }
    };
    let one = Value::from(1);
    let (Some(from), step) = (range.get("from"), range.get("step").unwrap_or(&one)) else {
        return malformed("from is missing");
    };
    match (kind, from.as_integer(), step.as_integer()) {
        (Kind::Integer(..) | Kind::Number(_), Some(from), Some(step)) => (0..count)
            .map(|i| i.checked_mul(step).and_then(|x| x.checked_add(from)))
            .map(|x| x.map(Value::from).ok_or(()))
            .collect::<Result<_, ()>>()
            .or_else(|()| malformed("it leaves the range of integers")),
        (Kind::Number(_), ..) => {
            let number = |v: &Value| v.as_float().or_else(|| v.as_integer().map(|i| i as f64));
            match (number(from), number(step)) {
                (Some(from), Some(step)) if from.is_finite() && step.is_finite() => Ok((0..count)
                    .map(|i| short(from + i as f64 * step).into())
                    .collect()),
                _ => malformed("from and step must be numbers"),
            }
        }
        (Kind::Integer(..), ..) => malformed("from and step must be integers"),
        _ => malformed("a range is for numbers"),
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
        Value::String(text) => text.value().clone(),
        Value::Float(x) => number(*x.value()),
        Value::Integer(i) if as_number => number(*i.value() as f64),
        Value::Integer(i) => i.value().to_string(),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|item| spelling(kind, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::InlineTable(table) => {
            let mut items: Vec<String> = table
                .iter()
                .map(|(name, item)| format!("{} = {}", key(name), spelling(kind, item)))
                .collect();
            items.sort();
            format!("{{{}}}", items.join(", "))
        }
        other => shown(&toml_edit::Item::Value(other.clone())),
    }
}

/// A name of a table: in quotes, where TOML asks for them, so that it ends where it seems to.
fn key(name: &str) -> String {
    toml_edit::Key::new(name).to_string().trim().to_owned()
}

fn number(x: f64) -> String {
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
