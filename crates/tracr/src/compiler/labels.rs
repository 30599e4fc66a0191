//! Readable labels of the features: the names that the program gives, without Tracr's numbers.
//!
//! A label is the variable's name, then `:value` if it is categorical. Names are as the program
//! gave them, or the operator's own. Where several variables have one name, each gets a number,
//! `map_1`, `map_2`, ..., in the order of the residual stream (which is that of Tracr's labels as
//! text); a number is skipped if some variable bears that very name. `tokens`, `indices` and `one`
//! are never numbered. The rule is that of `scripts/tracr_labels.py`, so both make the same labels.

use std::collections::{HashMap, HashSet};

use super::craft::space::{ONE, Space, Variable, WIDTH_TAIL};
use super::program::{OpId, Program};
use crate::rasp::python::str;

const PRIMITIVES: [&str; 3] = ["tokens", "indices", ONE];

/// The `D` labels, all different.
pub fn labels(program: &Program, space: &Space) -> Vec<String> {
    let names = operator_names(program, space);
    let name = |id: OpId| names.get(&id).map_or("", String::as_str);
    let labels = space.features.iter().map(|feature| {
        let variable = match feature.variable {
            Variable::One => ONE.to_owned(),
            Variable::Tokens => "tokens".to_owned(),
            Variable::Indices => "indices".to_owned(),
            Variable::Op(id) => name(id).to_owned(),
            Variable::WidthHead(id) => format!("{}{WIDTH_TAIL}", name(id)),
        };
        match &feature.value {
            Some(value) => format!("{variable}:{}", str(value)),
            None => variable,
        }
    });
    distinct(labels.collect())
}

/// A name for each operator, different from all others.
fn operator_names(program: &Program, space: &Space) -> HashMap<OpId, String> {
    let mut seen = HashSet::new();
    let operator = |variable| match variable {
        Variable::Op(id) | Variable::WidthHead(id) => Some(id),
        _ => None,
    };
    let operators: Vec<OpId> = space
        .features
        .iter()
        .filter_map(|feature| operator(feature.variable))
        .filter(|id| seen.insert(*id))
        .collect();
    let mut count: HashMap<&str, usize> = HashMap::new();
    let mut taken: HashSet<String> = PRIMITIVES.map(str::to_owned).into();
    for id in &operators {
        let name = program.op(*id).name.as_str();
        *count.entry(name).or_default() += 1;
        taken.insert(name.to_owned());
    }
    let mut names = HashMap::new();
    for id in operators {
        let name = program.op(id).name.as_str();
        let is_free = count[name] == 1 && !PRIMITIVES.contains(&name);
        names.insert(
            id,
            if is_free {
                name.to_owned()
            } else {
                first_free(name, &mut taken)
            },
        );
    }
    names
}

/// Tells apart labels equal as text: the tokens `1` and `"1"` are both written `tokens:1`.
fn distinct(labels: Vec<String>) -> Vec<String> {
    let mut count: HashMap<String, usize> = HashMap::new();
    for label in &labels {
        *count.entry(label.clone()).or_default() += 1;
    }
    let mut taken: HashSet<String> = count.keys().cloned().collect();
    labels
        .into_iter()
        .map(|label| {
            if count[&label] == 1 {
                label
            } else {
                first_free(&label, &mut taken)
            }
        })
        .collect()
}

/// The first of `name_1`, `name_2`, ... that is not taken yet; takes it.
fn first_free(name: &str, taken: &mut HashSet<String>) -> String {
    let mut number = 1;
    loop {
        let label = format!("{name}_{number}");
        if taken.insert(label.clone()) {
            return label;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::compile;
    use crate::compiler::test_graphs::{Builder, options};
    use crate::model::Value;

    #[test]
    fn only_clashing_names_get_numbers() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let one = b.map("x", tokens, |_| Ok(Value::Int(0)));
        let two = b.map("x", tokens, |_| Ok(Value::Int(1)));
        let sum = b.sequence_map("x", one, two, |_| Ok(Value::Int(2)));
        let (model, _) = compile(&b.graph, sum, &options(&[1], 1)).unwrap();
        let labels = &model.metadata.residual_labels;
        assert!(labels.contains(&"map_1:0".into()) && labels.contains(&"map_2:1".into()));
        assert!(labels.contains(&"sequence_map:2".into()), "{labels:?}");
    }

    #[test]
    fn equal_texts_are_told_apart() {
        let labels = vec!["tokens:1".into(), "tokens:1".into(), "tokens:1_1".into()];
        assert_eq!(distinct(labels), ["tokens:1_2", "tokens:1_3", "tokens:1_1"]);
    }
}
