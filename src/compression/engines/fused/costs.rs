//! What the ways to compute the first live attention cost, in cycles for a batch of 256 sequences.
//!
//! Rough figures from measurements; they decide which way is taken, never what comes out.

use super::grouping::{self, Grouping};
use super::lanes::LANES;
use super::plan::Head;

/// Sequences of a batch.
const BATCH: f64 = 256.0;
/// One lookup in a table of sums, with its counterpart in the backward pass.
const LOOKUP: f64 = 2.0;
/// Adding one row of lanes, with its counterpart.
const ADDITION: f64 = 3.0;
/// An exponential and the rest of a softmax, for one row of lanes, both passes.
const SOFTMAX: f64 = 40.0;
/// Taking one number of a table row for a sequence by its row number, and giving its gradient back.
const GATHER: f64 = 4.0;

fn lanes(numbers: usize) -> f64 {
    numbers.div_ceil(LANES) as f64
}

/// Logit by logit. `choices[p]` is the number of keys at position `p`, where the plan has a table.
pub fn dense(heads: &[Head], positions: usize, choices: Option<&[usize]>, lookup: bool) -> f64 {
    let pairs = (positions * positions) as f64;
    heads
        .iter()
        .map(|h| {
            let (logits, values) = (h.query.len() as f64, h.value.len() as f64);
            let columns = 2.0 * logits + values;
            let reading = match choices {
                Some(choices) if !lookup => {
                    BATCH / LANES as f64 * choices.iter().sum::<usize>() as f64 * 2.0 * columns
                }
                _ => BATCH * positions as f64 * columns * GATHER,
            };
            BATCH / LANES as f64 * pairs * (3.0 * (logits + values) + SOFTMAX) + reading
        })
        .sum()
}

/// From tabulated sums over groups of keys; and the groups.
pub fn grouped(heads: &[Head], choices: &[usize]) -> (Grouping, f64) {
    let rows: usize = choices.iter().sum();
    let width = lanes(rows);
    let planes: usize = heads.iter().map(|h| 1 + h.value.len()).sum();
    let planes = planes as f64;
    let lookups = BATCH * choices.len() as f64 * LOOKUP;
    let grouping = grouping::choose(heads, choices, lookups, ADDITION);
    let additions: usize = grouping
        .groups
        .iter()
        .map(|g| g.combinations * g.strides.len())
        .sum();
    let cost = additions as f64 * planes * width * ADDITION
        + grouping.groups.len() as f64 * lookups * planes
        + heads
            .iter()
            .map(|h| rows as f64 * width * (3.0 * h.query.len() as f64 + SOFTMAX))
            .sum::<f64>();
    (grouping, cost)
}

/// From a matrix over pairs of `sources`.
pub fn factored(heads: &[Head], positions: usize, sources: usize) -> f64 {
    let queries = BATCH * positions as f64;
    heads
        .iter()
        .map(|h| {
            let matrix = 3.0 * h.query.len() as f64 * sources as f64 * lanes(sources);
            let values = h.value.len() as f64;
            let query = 8.0 * lanes(sources)
                + positions as f64 * GATHER
                + lanes(positions) * (SOFTMAX + 6.0 * values)
                + 40.0;
            matrix + queries * query
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(logits: usize) -> Head {
        Head {
            query: 0..logits,
            key: logits..2 * logits,
            value: 2 * logits..2 * logits + 1,
            output: vec![1.0],
        }
    }

    #[test]
    fn each_way_is_the_cheapest_somewhere() {
        // frac_prevs: few inputs.
        let small = [1, 4, 4, 4, 4, 4];
        let heads = [head(6)];
        let (_, tabulated) = grouped(&heads, &small);
        assert!(tabulated < dense(&heads, 6, Some(&small), false));
        assert!(tabulated < factored(&heads, 6, 12));
        // 53 letters, 60 positions: long keys, many tokens.
        let heads = [head(61)];
        assert!(factored(&heads, 61, 117) < dense(&heads, 61, None, true));
        // Many tokens, short keys.
        let heads = [head(3)];
        let many = [5000; 6];
        let (_, tabulated) = grouped(&heads, &many);
        let each = dense(&heads, 6, Some(&many), true);
        assert!(each < tabulated && each < factored(&heads, 6, 5006));
    }
}
