//! A selector's width (Tracr's `selector_width.py`): a head, an MLP, and a clean-up of BOS.
//!
//! The head attends to BOS besides the `n` selected keys and moves the feature BOS, so it writes
//! `1 / (n + 1)`; a staircase turns that into `n`. At BOS itself nothing is selected, so the head
//! writes 1 and the staircase 0, which would be a value there; one unit reads BOS and takes both
//! away again, since every other block relies on BOS holding `bos + one` alone.

use super::numerical;
use super::parts::{Group, Mlp, Unit};
use super::space::Dim;

/// The hidden unit that takes the output at BOS away; widths of one layer share it.
pub const CLEAN_BOS: &str = "_hidden_clean_bos_";

/// The exactness whose thresholds are as narrow as half of the step from `1/(n + 1)` to `1/n`: with it a width of
/// `n` is exact. With less than half of it, `n` comes out as `n − 1`.
pub fn exactness_for(n: usize) -> f64 {
    let n = n as f64;
    2.0 * n * (n + 1.0)
}

/// The MLP from `head_output` to `outputs`: a feature for each of 0, 1, ..., `longest` if
/// categorical, one for the number if not.
pub fn mlp(
    name: &str,
    head_output: Dim,
    (one, bos): (Dim, Dim),
    exactness: f64,
    longest: usize,
    outputs: &[Dim],
    categorical: bool,
) -> Mlp {
    // Widths descend as the head's output ascends.
    let widths = || (0..=longest).rev();
    let arguments: Vec<f64> = widths().map(|n| 1.0 / (n as f64 + 1.0)).collect();
    let results: Vec<numerical::Written> = widths()
        .map(|n| match categorical {
            true => vec![(outputs[n], 1.0)],
            false => vec![(outputs[0], n as f64)],
        })
        .collect();
    let mut groups = numerical::staircase(name, head_output, one, exactness, &arguments, &results);
    let mut written = vec![(head_output, -1.0)];
    if categorical {
        written.push((outputs[0], -1.0));
    }
    let clean = Unit {
        inputs: vec![(bos, 1.0)],
        outputs: written,
    };
    groups.push(Group {
        name: CLEAN_BOS.into(),
        units: vec![clean],
    });
    groups
}
