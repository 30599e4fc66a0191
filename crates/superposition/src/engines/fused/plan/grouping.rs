//! Groups of key positions whose sums of exponentials are tabulated.
//!
//! The sum over keys in a softmax splits into sums over groups of key positions; within a group it
//! depends on the tokens there alone. A group of few combinations is tabulated once a step and then
//! looked up by each sequence: two lookups a query, say, instead of six exponentials.

use super::head::Head;
use crate::engines::fused::simd::LANES;

/// An attention of more groups is computed in another way.
pub const MOST_GROUPS: usize = 64;

/// A partition of the key positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// The groups, of neighbouring positions.
    pub groups: Vec<Group>,
}

/// Neighbouring key positions and the combinations of their tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The first position.
    pub first: usize,
    /// For each position, how far its next token is in the numbering of the combinations.
    pub strides: Vec<usize>,
    /// The number of combinations.
    pub combinations: usize,
}

/// The cheapest partition for heads of which each query sees `choices[p]` different keys at
/// position `p`, where a longer table costs `addition` for each row of lanes and a lookup `lookup`.
pub fn choose(heads: &[Head], choices: &[usize], lookup: f64, addition: f64) -> Grouping {
    let rows: usize = choices.iter().sum();
    let width = rows.div_ceil(LANES) as f64;
    let planes: usize = heads.iter().map(|h| 1 + h.value.len()).sum();
    let planes = planes as f64;
    let mut groups: Vec<Group> = Vec::new();
    for (p, &here) in choices.iter().enumerate() {
        // Another position joins the last group where its longer table costs less than the lookups
        // that it saves.
        let joined = groups.last().map(|g| {
            let more = g.combinations * (here * (g.strides.len() + 1) - g.strides.len());
            more as f64 * planes * width * addition
        });
        match groups.last_mut() {
            Some(group) if joined.is_some_and(|cost| cost < lookup * planes) => {
                group.strides.push(group.combinations);
                group.combinations *= here;
            }
            _ => groups.push(Group {
                first: p,
                strides: vec![1],
                combinations: here,
            }),
        }
    }
    Grouping { groups }
}

impl Grouping {
    /// Two groups: the first `left` positions and the others, each with at least one.
    pub fn halves(choices: &[usize], left: usize) -> Self {
        let group = |first: usize, choices: &[usize]| {
            let mut combinations = 1;
            let strides = choices.iter().map(|n| {
                let stride = combinations;
                combinations *= n;
                stride
            });
            Group {
                first,
                strides: strides.collect(),
                combinations,
            }
        };
        let (of_left, of_right) = choices.split_at(left);
        Self {
            groups: vec![group(0, of_left), group(left, of_right)],
        }
    }

    /// Numbers that the tables of these heads hold, of `rows` table rows.
    pub fn numbers(&self, heads: &[Head], rows: usize) -> usize {
        let combinations: usize = self.groups.iter().map(|g| g.combinations).sum();
        let stride = rows.next_multiple_of(LANES);
        heads
            .iter()
            .map(|h| (2 * rows + (2 * rows + combinations) * (1 + h.value.len())) * stride)
            .sum()
    }

    /// Multiplications and additions that the tables cost, both passes.
    pub fn multiplications(&self, heads: &[Head], rows: f64) -> f64 {
        let additions: usize = self
            .groups
            .iter()
            .map(|g| 2 * g.combinations * g.strides.len())
            .sum();
        heads
            .iter()
            .map(|head| {
                let planes = 1.0 + head.value.len() as f64;
                rows * additions as f64 * planes
                    + rows * rows * (3.0 * head.query.len() as f64 + 3.0 * planes)
            })
            .sum()
    }

    /// The combination that a sequence has in each group; `choice(p)` numbers its token among those
    /// that position `p` can have.
    pub fn combinations(&self, choice: impl Fn(usize) -> usize, found: &mut [u32]) {
        for (group, found) in self.groups.iter().zip(found) {
            let digits = group.strides.iter().enumerate();
            *found = digits
                .map(|(i, stride)| (choice(group.first + i) * stride) as u32)
                .sum();
        }
    }
}

impl Group {
    /// For each position of the group, which of its `choices` a combination has.
    pub fn digits(&self, combination: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let ends = self.strides[1..].iter().chain([&self.combinations]);
        self.strides
            .iter()
            .zip(ends)
            .enumerate()
            .map(move |(i, (stride, end))| (self.first + i, combination % end / stride))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            query: 0..6,
            key: 6..12,
            value: 12..13,
            output: vec![1.0],
        }
    }

    #[test]
    fn a_small_space_is_grouped_and_its_combinations_are_numbered() {
        let choices = [1, 4, 4, 4, 4, 4];
        let grouping = choose(&[head()], &choices, 3000.0, 3.0);
        assert!(grouping.groups.len() < 4, "{grouping:?}");
        let positions: usize = grouping.groups.iter().map(|g| g.strides.len()).sum();
        assert_eq!(positions, 6);
        let tokens = [0, 3, 1, 2, 0, 3];
        let mut found = vec![0; grouping.groups.len()];
        grouping.combinations(|p| tokens[p], &mut found);
        for (group, combination) in grouping.groups.iter().zip(found) {
            assert!((combination as usize) < group.combinations);
            for (p, digit) in group.digits(combination as usize) {
                assert_eq!(digit, tokens[p], "position {p}");
            }
        }
    }
}
