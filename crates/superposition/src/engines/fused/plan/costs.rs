//! What the ways to compute the first live attention cost, in cycles for a batch of 256 sequences.
//!
//! Rough figures from measurements; they decide which way is taken, never what comes out.

use super::grouping::{self, Grouping};
use super::head::Head;
use super::parts::{Expansion, Method, Plan, WIDE, Work};
use crate::engines::fused::simd::LANES;

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

/// Taking in one number of a sequence: a token, a target.
const LOADING: f64 = 5.0;
/// What the above make of a grouped or dense attention is so much less than what it takes beside
/// [`row_wise`].
const ATTENTION: f64 = 2.5;
/// Merging the softmaxes of two halves at one row of lanes, both passes; and each of its values.
const MERGING: f64 = 45.0;
const MERGED_VALUE: f64 = 8.0;
/// Sixteen sequences at a time, this many times the arithmetic takes as long as it does by pieces.
const SEQUENCE_WISE: f64 = 3.5;
/// A term of the loss at one row of lanes.
const ERROR: f64 = 12.0;
/// The most token positions of a space that is worked through row by row.
const MOST_TOKEN_POSITIONS: f64 = 65536.0;

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

/// The halves in which the plan's space is worked through row by row, where one value goes straight to one number of
/// the output and that is cheaper than sequence by sequence.
pub fn row_wise(plan: &Plan, forced: bool) -> Option<Grouping> {
    let (attention, heads) = plan.first_attention()?;
    let Work::Attention { method, .. } = &plan.blocks[attention].work else {
        return None;
    };
    let is_last = attention + 1 == plan.blocks.len();
    let values: usize = heads.iter().map(|h| h.value.len()).sum();
    let columns = plan.blocks[attention].columns.len();
    let scores = plan.readers.last().map_or(0, |last| last.columns.len());
    if plan.shares > 1 || !is_last || [values, columns, scores] != [1; 3] {
        return None;
    }
    plan.space_size?;
    let choices: Vec<usize> = plan.rows_at().iter().map(|rows| rows.len()).collect();
    let lookup = plan.expansion == Expansion::Lookup;
    let first = match method {
        Method::Grouped(_) => grouped(heads, &choices).1,
        Method::Dense => dense(heads, plan.positions, Some(&choices), lookup),
        Method::Factored => return None, // its table lacks queries and keys
    };
    let distinct = plan.distinct(BATCH);
    let numbers = plan.batch_columns().count() as f64 + 3.0;
    let positions = plan.positions as f64;
    let after = plan.multiplications_per_token_position();
    let by_sequence =
        ATTENTION * first + distinct * positions * (LOADING * numbers + after / LANES as f64);
    let (halves, by_row) = (1..choices.len())
        .filter_map(|left| {
            let cost = halved(heads, &choices, left, after + ERROR * numbers)?;
            Some((left, cost))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    (forced || by_row < by_sequence).then(|| Grouping::halves(&choices, halves))
}

/// Whether the plan's space is worked through sixteen sequences at a time: where the table saves little, and where
/// sequences are short enough for the nearest cache.
pub fn sequence_wise(plan: &Plan, forced: bool) -> bool {
    plan.space_size.is_some()
        && plan.row_wise.is_none()
        && plan.shares == 1
        && (forced || plan.more_sequence_wise(plan.distinct(BATCH)) < SEQUENCE_WISE)
        && plan.expansion == Expansion::Indicators
}

/// Row by row, the first `left` positions being one half; a token position costs `after` once the softmaxes are
/// merged.
fn halved(heads: &[Head], choices: &[usize], left: usize, after: f64) -> Option<f64> {
    let product = |of: &[usize]| of.iter().map(|n| *n as f64).product::<f64>();
    let halves = [product(&choices[..left]), product(&choices[left..])];
    if choices.len() as f64 * halves[0] * halves[1] > MOST_TOKEN_POSITIONS {
        return None;
    }
    let values: usize = heads.iter().map(|h| h.value.len()).sum();
    let (values, count) = (values as f64, heads.len() as f64);
    let cost = |p: usize, rows: usize| {
        let half = usize::from(p >= left);
        let own = halves[half] / rows as f64;
        let others = (halves[1 - half] / LANES as f64).ceil();
        let places = (own / WIDE as f64).ceil() * WIDE as f64 * others;
        let keys = ((own / LANES as f64).ceil() + others) * choices.len() as f64;
        places * (count * MERGING + values * MERGED_VALUE + after)
            + keys * (count * SOFTMAX + values * MERGED_VALUE)
    };
    let rows = choices.iter().enumerate();
    Some(rows.map(|(p, &rows)| rows as f64 * cost(p, rows)).sum())
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
