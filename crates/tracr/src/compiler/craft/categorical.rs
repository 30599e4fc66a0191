//! MLPs over one-hot encoded values (Tracr's `categorical_mlp.py`).

use super::parts::{Group, Mlp, Unit};
use super::space::Dim;

/// `f(x)`, categorical: unit `v` is on if `f(x) = v`, and switches on the feature `v`.
///
/// `results[i]` is the place in `outputs` of what `inputs[i]` maps to; `None` is mapped to nothing.
pub fn map(name: &str, inputs: &[Dim], results: &[Option<usize>], outputs: &[Dim]) -> Mlp {
    let mut units: Vec<Unit> = outputs
        .iter()
        .map(|dim| Unit {
            inputs: Vec::new(),
            outputs: vec![(*dim, 1.0)],
        })
        .collect();
    for (input, result) in inputs.iter().zip(results) {
        if let Some(result) = result {
            units[*result].inputs.push((*input, 1.0));
        }
    }
    vec![Group {
        name: name.to_owned(),
        units,
    }]
}

/// `f(x)`, numerical: one unit `relu(Σ f(v)·[x = v])`. Negative values come out as 0, in Tracr too.
pub fn map_to_number(name: &str, inputs: &[Dim], results: &[Option<f64>], output: Dim) -> Mlp {
    let read = |(input, result): (&Dim, &Option<f64>)| Some((*input, (*result)?));
    let unit = Unit {
        inputs: inputs.iter().zip(results).filter_map(read).collect(),
        outputs: vec![(output, 1.0)],
    };
    vec![Group {
        name: name.to_owned(),
        units: vec![unit],
    }]
}

/// `f(x, y)`, categorical: unit `(u, v)` is `relu([x = u] + [y = v] − one)`, which is 1 if both hold
/// and 0 otherwise, and switches on the feature `f(u, v)`.
///
/// `results[i · len(second) + j]` is the place in `outputs` for `first[i]` and `second[j]`.
pub fn sequence_map(
    name: &str,
    first: &[Dim],
    second: &[Dim],
    one: Dim,
    results: &[Option<usize>],
    outputs: &[Dim],
) -> Mlp {
    let pairs = first
        .iter()
        .flat_map(|x| second.iter().map(move |y| (*x, *y)));
    let units = pairs
        .zip(results)
        .map(|((x, y), result)| Unit {
            inputs: vec![(x, 1.0), (y, 1.0), (one, -1.0)],
            outputs: result.iter().map(|place| (outputs[*place], 1.0)).collect(),
        })
        .collect();
    vec![Group {
        name: format!("_hidden_{name}_"),
        units,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::craft::test_mlp::run;

    #[test]
    fn a_map_switches_on_the_image() {
        let mlp = map(
            "f",
            &[Dim(0), Dim(1), Dim(2)],
            &[Some(1), None, Some(1)],
            &[Dim(3), Dim(4)],
        );
        assert_eq!(
            run(&mlp, &[1.0, 0.0, 0.0, 0.0, 0.0]),
            [0.0, 0.0, 0.0, 0.0, 1.0]
        );
        assert_eq!(run(&mlp, &[0.0, 1.0, 0.0, 0.0, 0.0]), [0.0; 5]);
    }

    #[test]
    fn a_sequence_map_needs_both_arguments() {
        let results = [Some(0), Some(1), Some(1), None];
        let mlp = sequence_map(
            "f",
            &[Dim(0), Dim(1)],
            &[Dim(2), Dim(3)],
            Dim(4),
            &results,
            &[Dim(5), Dim(6)],
        );
        assert_eq!(
            run(&mlp, &[0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0])[5..],
            [0.0, 1.0]
        );
        assert_eq!(
            run(&mlp, &[0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0])[5..],
            [0.0, 0.0]
        );
        assert_eq!(
            run(&mlp, &[0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0])[5..],
            [0.0, 0.0]
        );
    }

    #[test]
    fn a_negative_number_is_cut_off_as_in_tracr() {
        let mlp = map_to_number("f", &[Dim(0), Dim(1)], &[Some(-2.0), Some(3.0)], Dim(2));
        assert_eq!(run(&mlp, &[1.0, 0.0, 0.0])[2], 0.0);
        assert_eq!(run(&mlp, &[0.0, 1.0, 0.0])[2], 3.0);
    }
}
