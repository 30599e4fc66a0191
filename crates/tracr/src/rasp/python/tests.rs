//! Against a table that Python wrote: `scripts/python_semantics.py`.

use std::collections::HashSet;

use super::*;

/// An operator, its operands, what Python says, and whether it raises instead.
type Row = (String, Vec<Value>, Value, bool);

/// JSON in which a float is `{"float": "0.1"}`, read exactly.
fn exact(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(items) => Value::Tuple(items.iter().map(exact).collect()),
        serde_json::Value::Object(object) => {
            Value::Float(object["float"].as_str().unwrap().parse().unwrap())
        }
        other => serde_json::from_value(other.clone()).unwrap(),
    }
}

fn table() -> Vec<Row> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/rasp/python.json"
    );
    let rows: Vec<(String, serde_json::Value, serde_json::Value, bool)> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let args = |json: &serde_json::Value| json.as_array().unwrap().iter().map(exact).collect();
    rows.into_iter()
        .map(|(op, operands, result, raises)| (op, args(&operands), exact(&result), raises))
        .collect()
}

fn apply(op: &str, args: &[Value]) -> Result<Value, ValueError> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (a, b) = (&args[0], args.last().unwrap());
    let bool = |b: bool| Ok(Value::Bool(b));
    let ordered = |wanted: &[std::cmp::Ordering]| {
        compare(a, b).map(|order| Value::Bool(order.is_some_and(|o| wanted.contains(&o))))
    };
    match op {
        "+" => add(a, b),
        "-" => subtract(a, b),
        "*" => multiply(a, b),
        "/" => divide(a, b),
        "//" => floor_divide(a, b),
        "%" => modulo(a, b),
        "**" => power(a, b),
        "==" => bool(equal(a, b)),
        "<" => ordered(&[Less]),
        "<=" => ordered(&[Less, Equal]),
        ">" => ordered(&[Greater]),
        ">=" => ordered(&[Greater, Equal]),
        "in" => contains(b, a).map(Value::Bool),
        "direction<" => bool(direction_less(("x", a), ("x", b))),
        "neg" => negate(a),
        "round" => round(a),
        "bool" => bool(truthy(a)),
        "str" => Ok(Value::Str(str(a))),
        "repr" => Ok(Value::Str(repr(a))),
        other => panic!("no operator {other}"),
    }
}

#[test]
fn every_operator_gives_what_python_gives() {
    let table = table();
    assert!(table.len() > 5000, "only {} rows", table.len());
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(op, args, result, raises)| {
            let ours = apply(op, args);
            let theirs = (!raises).then_some(result);
            (ours.as_ref().ok() != theirs)
                .then(|| format!("{op} {args:?}: {ours:?}, Python {theirs:?}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong, such as\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}

#[test]
fn a_set_holds_one_of_equal_values() {
    let values = [
        Value::Int(1),
        Value::Float(1.0),
        Value::Bool(true),
        Value::Str("1".into()),
    ];
    let set: HashSet<Key> = values.iter().cloned().map(Key).collect();
    assert_eq!(set.len(), 2);
    let ordered: std::collections::BTreeSet<Key> = values.into_iter().map(Key).collect();
    assert_eq!(ordered.len(), 2);
    assert_eq!(Key(Value::Float(f64::NAN)), Key(Value::Float(f64::NAN)));
    assert_eq!(Key(Value::Float(-0.0)), Key(Value::Int(0)));
}

#[test]
fn integers_never_overflow_silently() {
    let largest = Value::Int(i64::MAX);
    let smallest = Value::Int(i64::MIN);
    let one = Value::Int(1);
    let minus_one = Value::Int(-1);
    assert!(add(&largest, &one).is_err());
    assert!(subtract(&smallest, &one).is_err());
    assert!(multiply(&largest, &largest).is_err());
    assert!(negate(&smallest).is_err());
    assert!(floor_divide(&smallest, &minus_one).is_err());
    assert_eq!(modulo(&smallest, &minus_one), Ok(Value::Int(0)));
    assert!(power(&Value::Int(10), &Value::Int(19)).is_err());
    assert_eq!(power(&minus_one, &largest), Ok(minus_one.clone()));
    assert!(multiply(&Value::Str("ab".into()), &largest).is_err());
    assert!(round(&Value::Float(1e300)).is_err());
    // 2^53 + 1 is no float, so it equals none.
    assert!(!equal(
        &Value::Int((1 << 53) + 1),
        &Value::Float(9_007_199_254_740_992.0)
    ));
}

#[test]
fn positions_count_from_either_end() {
    let text = Value::Str("aéz".into());
    assert_eq!(index(&text, &Value::Int(1)), Ok(Value::Str("é".into())));
    assert_eq!(index(&text, &Value::Int(-1)), Ok(Value::Str("z".into())));
    assert!(index(&text, &Value::Int(3)).is_err());
    assert!(index(&text, &Value::Int(i64::MIN)).is_err());
    assert_eq!(length(&text), Ok(3));
}
