//! MLPs over numbers (Tracr's `numerical_mlp.py`).
//!
//! A function of a number is a staircase: between two neighbouring values of the argument stands a
//! threshold `t`, and two units make one step there,
//!
//! ```text
//! relu(L·(x − t) + 1) − relu(L·(x − t))  =  0 if x ≤ t − 1/L,  1 if x ≥ t
//! ```
//!
//! times the difference of the function's values. The sum telescopes to the value at the nearest
//! argument: `f(v₀) + Σ_{v_k ≤ x} (f(v_k) − f(v_{k−1})) = f(v_j)`. `L` is `mlp_exactness`.

use super::parts::{Group, Mlp, Unit};
use super::space::Dim;

/// What a staircase writes on each of its steps: the dimension and the weight.
pub type Written = Vec<(Dim, f64)>;

/// A function of the number at `input`. `arguments` ascend; `results` are what to write there.
pub fn staircase(
    name: &str,
    input: Dim,
    one: Dim,
    exactness: f64,
    arguments: &[f64],
    results: &[Written],
) -> Mlp {
    let hidden = format!("_hidden_{name}_");
    let first = results.first().cloned().unwrap_or_default();
    let start = Unit {
        inputs: vec![(one, 1.0)],
        outputs: first,
    };
    let mut units = Vec::with_capacity(2 * arguments.len());
    for (pair, written) in arguments.windows(2).zip(results.windows(2)) {
        let threshold = (pair[0] + pair[1]) / 2.0;
        let shift = exactness * threshold;
        units.push(Unit {
            inputs: vec![(input, exactness), (one, 1.0 - shift)],
            outputs: difference(&written[1], &written[0], 1.0),
        });
        units.push(Unit {
            inputs: vec![(input, exactness), (one, -shift)],
            outputs: difference(&written[1], &written[0], -1.0),
        });
    }
    let start = Group {
        name: format!("{hidden}start"),
        units: vec![start],
    };
    vec![
        Group {
            name: hidden,
            units,
        },
        start,
    ]
}

/// `sign · (upper − lower)`, dimension by dimension.
fn difference(upper: &Written, lower: &Written, sign: f64) -> Written {
    let mut out: Written = upper
        .iter()
        .map(|(dim, weight)| (*dim, sign * weight))
        .collect();
    for (dim, weight) in lower {
        match out.iter_mut().find(|(written, _)| written == dim) {
            // First the difference, then the sign: the rounding of Tracr.
            Some((_, sum)) => *sum = sign * (sign * *sum - weight),
            None => out.push((*dim, -sign * weight)),
        }
    }
    out
}

/// `a·x + b·y`. A relu cuts off negative numbers, so each argument has a unit for either sign.
pub fn linear(name: &str, (x, a): (Dim, f64), (y, b): (Dim, f64), output: Dim) -> Mlp {
    let group = |axis: char, dim: Dim, factor: f64| Group {
        name: format!("_hidden_{name}_{axis}"),
        units: [-1.0, 1.0]
            .map(|sign| Unit {
                inputs: vec![(dim, sign)],
                outputs: vec![(output, factor * sign)],
            })
            .into(),
    };
    vec![group('x', x, a), group('y', y, b)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::craft::test_mlp::run;

    #[test]
    fn a_staircase_gives_the_value_at_the_nearest_argument() {
        let results: Vec<Written> = [5.0, -3.0, 7.0].map(|y| vec![(Dim(2), y)]).into();
        let mlp = staircase("f", Dim(0), Dim(1), 100.0, &[-1.0, 0.5, 2.0], &results);
        for (x, y) in [
            (-9.0, 5.0),
            (-1.0, 5.0),
            (0.2, -3.0),
            (0.5, -3.0),
            (2.0, 7.0),
            (9.0, 7.0),
        ] {
            approx::assert_abs_diff_eq!(run(&mlp, &[x, 1.0, 0.0])[2], y, epsilon = 1e-10);
        }
    }

    #[test]
    fn a_linear_map_takes_either_sign() {
        let mlp = linear("f", (Dim(0), 2.0), (Dim(1), -3.0), Dim(2));
        for (x, y) in [(1.0, 1.0), (-1.0, 2.0), (-0.5, -4.0)] {
            assert_eq!(run(&mlp, &[x, y, 0.0])[2], 2.0 * x - 3.0 * y);
        }
    }
}
