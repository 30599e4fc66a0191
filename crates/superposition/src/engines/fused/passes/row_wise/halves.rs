//! Where everything of a small input space has its place: two halves of the positions.
//!
//! An input is a combination of tokens in the left half and one in the right half. For a query row
//! `(p, t)` the half that holds `p` is its *own*: of that it meets the combinations with `t` at `p`, of
//! the *other* half all. Its places are pairs (own combination, other combination); lanes count the
//! other ones.

use std::ops::Range;

use crate::engines::fused::plan::Plan;
use crate::engines::fused::plan::{Group, Grouping};
use crate::engines::fused::simd::{LANES, Lanes, Precision, one_at_a_time};
use crate::inputs::InputSpace;
use crate::teacher::Targets;

pub use crate::engines::fused::plan::WIDE;

/// Strips whose losses are summed together.
pub const STRIPS: usize = 4;

/// The combinations of one half that a query meets.
#[derive(Debug)]
pub struct Keys<F> {
    /// How many.
    pub count: usize,
    /// Lanes that hold them.
    pub lanes: usize,
    /// The positions that the query sees; none where all are masked.
    pub positions: Vec<KeysAt<F>>,
    /// How many of them, from the first on, have the same keys in all lanes.
    pub alike: usize,
    /// 1 where a lane holds no combination, else 0: `[lanes]`.
    pub vacant: Vec<Lanes<F>>,
}

/// The keys at one position.
#[derive(Debug)]
pub struct KeysAt<F> {
    /// Their rows of the table.
    pub rows: Range<usize>,
    /// Whether it is the query's own position, where the key is the query's row.
    pub own: bool,
    /// 1 where a combination has the key, else 0: `[lanes, keys]`.
    indicators: Vec<Lanes<F>>,
    /// The key that all combinations of some lanes have, if it is one: `[lanes]`.
    only: Vec<Option<usize>>,
}

/// The queries at one position.
#[derive(Debug)]
pub struct Queries<F> {
    /// Their rows of the table.
    pub rows: Range<usize>,
    /// The half that they are in: 0 or 1.
    pub half: usize,
    /// Combinations of their own half, and of the other.
    pub keys: [Keys<F>; 2],
    /// For each row its own combinations among all of that half, in whole steps of [`WIDE`]; what fills
    /// them up never occurs.
    pub own: Vec<Vec<u32>>,
    /// The first own combination and the other half's lanes of each strip of a row's places.
    pub strips: Vec<(usize, usize)>,
}

/// All of a space.
#[derive(Debug)]
pub struct Layout<F> {
    /// By position.
    pub queries: Vec<Queries<F>>,
    /// For each member where its count is in both of [`Counts`]'s matrices.
    places: Vec<[u32; 2]>,
    /// For each row of the table `[features, other lanes, own]`: the targets of the blocks' columns that
    /// are computed for each sequence, then the output's number or class.
    pub targets: Vec<Vec<Lanes<F>>>,
    /// 0 where a query row can meet a key row, else −∞: `[query row, stride]`.
    mask: Vec<F>,
    /// For each half which combinations have which of its key rows.
    members: [Members<F>; 2],
    /// The same of each query row's own combinations.
    own_members: Vec<Members<F>>,
}

/// Which combinations have which key rows of a half.
#[derive(Debug)]
pub struct Members<F> {
    /// The half's first row.
    pub first: usize,
    /// For each sixteen of its rows, by combination: 1 where a combination has a row, else 0; what is beyond
    /// the combinations, and beyond the rows, is 0.
    pub rows: Vec<Vec<Lanes<F>>>,
}

/// How often a batch has each member, for queries of the left half and of the right half:
/// `[own combinations + 1, other lanes]`, the last row being zero.
#[derive(Debug)]
pub struct Counts<F>([Vec<Lanes<F>>; 2]);

impl<F: Precision> KeysAt<F> {
    /// What the combinations of lanes `i` have of `numbers`, one a row of the table.
    #[inline(always)]
    pub fn spread(&self, i: usize, numbers: &[F]) -> Lanes<F> {
        self.spread_onto(Lanes::zero(), i, numbers)
    }

    /// The same added to `sum`.
    #[inline(always)]
    pub fn spread_onto(&self, sum: Lanes<F>, i: usize, numbers: &[F]) -> Lanes<F> {
        let [sum] = self.spread_all_onto([sum], i, [numbers]);
        sum
    }

    /// The same of several numbers a row.
    #[inline(always)]
    pub fn spread_all_onto<const N: usize>(
        &self,
        mut sums: [Lanes<F>; N],
        i: usize,
        numbers: [&[F]; N],
    ) -> [Lanes<F>; N] {
        let keys = self.rows.len();
        let own = &self.indicators[i * keys..][..keys];
        let mut of_rows = numbers;
        for m in 0..N {
            of_rows[m] = &numbers[m][self.rows.start..][..keys];
        }
        if let Some(k) = self.only[i] {
            for m in 0..N {
                sums[m] += Lanes::splat(of_rows[m][k]);
            }
            return sums;
        }
        for (k, indicator) in own.iter().enumerate() {
            one_at_a_time();
            for m in 0..N {
                sums[m] = indicator.mul_add(Lanes::splat(of_rows[m][k]), sums[m]);
            }
        }
        sums
    }

    /// The same backwards: adds what each key has of the `numbers` of lanes `i`.
    #[inline(always)]
    pub fn collect(&self, i: usize, numbers: Lanes<F>, rows: &mut [Lanes<F>]) {
        let keys = self.rows.len();
        let own = &self.indicators[i * keys..][..keys];
        for (indicator, row) in own.iter().zip(&mut rows[self.rows.start..][..keys]) {
            one_at_a_time();
            *row = indicator.mul_add(numbers, *row);
        }
    }
}

impl<F: Precision> Keys<F> {
    /// Those of `combinations` of `half`, of which a query at `p` sees what `sees` says.
    fn new(
        half: &Group,
        combinations: &[usize],
        p: usize,
        rows_at: &[Range<usize>],
        sees: impl Fn(usize) -> bool,
    ) -> Self {
        let lanes = combinations.len().div_ceil(LANES);
        let positions = (0..half.strides.len()).filter(|j| sees(half.first + j));
        let at = |j: usize| {
            let rows = rows_at[half.first + j].clone();
            let mut indicators = vec![Lanes::zero(); rows.len() * lanes];
            for (c, combination) in combinations.iter().enumerate() {
                let digit = half
                    .digits(*combination)
                    .nth(j)
                    .map_or(0, |(_, digit)| digit);
                indicators[c / LANES * rows.len() + digit].0[c % LANES] = F::one();
            }
            let every = Lanes::splat(F::one());
            let only = |of_lanes: &[Lanes<F>]| of_lanes.iter().position(|key| *key == every);
            KeysAt {
                only: indicators.chunks_exact(rows.len()).map(only).collect(),
                rows,
                own: half.first + j == p,
                indicators,
            }
        };
        let positions: Vec<KeysAt<F>> = positions.map(at).collect();
        let alike = |key: &&KeysAt<F>| {
            let mut of_lanes = key.indicators.chunks_exact(key.rows.len());
            let first = of_lanes.next();
            of_lanes.all(|others| Some(others) == first)
        };
        let held = |l: usize| combinations.get(l).map_or(F::one(), |_| F::zero());
        Self {
            count: combinations.len(),
            lanes,
            alike: positions.iter().take_while(alike).count(),
            positions,
            vacant: (0..lanes)
                .map(|i| Lanes(std::array::from_fn(|l| held(i * LANES + l))))
                .collect(),
        }
    }
}

impl<F> Queries<F> {
    /// Of the own combinations of row `q` and of the other half.
    #[inline(always)]
    pub fn members<'a>(&self, layout: &'a Layout<F>, q: usize) -> [&'a Members<F>; 2] {
        [&layout.own_members[q], &layout.members[1 - self.half]]
    }
}

/// See [`Layout`].
fn mask<F: Precision>(queries: &[Queries<F>], stride: usize) -> Vec<F> {
    let mut mask = Vec::new();
    for queries in queries {
        for q in queries.rows.clone() {
            let first = mask.len();
            mask.resize(first + stride, F::neg_infinity());
            for key in queries.keys.iter().flat_map(|keys| &keys.positions) {
                let rows = if key.own { q..q + 1 } else { key.rows.clone() };
                mask[first + rows.start..first + rows.end].fill(F::zero());
            }
        }
    }
    mask
}

impl<F: Precision> Members<F> {
    fn new(half: &Group, rows_at: &[Range<usize>]) -> Self {
        let positions = &rows_at[half.first..][..half.strides.len()];
        let first = positions.first().map_or(0, |rows| rows.start);
        let count = positions.last().map_or(0, |rows| rows.end - first);
        let combinations = (half.combinations + 1).next_multiple_of(LANES);
        let mut rows = vec![vec![Lanes::zero(); combinations]; count.div_ceil(LANES)];
        for c in 0..half.combinations {
            for (p, digit) in half.digits(c) {
                let row = rows_at[p].start + digit - first;
                rows[row / LANES][c].0[row % LANES] = F::one();
            }
        }
        Self { first, rows }
    }

    /// Of some of the combinations.
    fn of(&self, combinations: &[u32]) -> Self {
        let of_lane = |all: &Vec<Lanes<F>>| combinations.iter().map(|c| all[*c as usize]).collect();
        Self {
            first: self.first,
            rows: self.rows.iter().map(of_lane).collect(),
        }
    }
}

/// Numbers `at..at + WIDE` of some lanes.
#[inline(always)]
pub fn numbers<F>(of: &[Lanes<F>], at: usize) -> &[F] {
    &of[at / LANES].0[at % LANES..][..WIDE]
}

impl<F: Precision> Layout<F> {
    /// The places of a space whose targets are kept.
    pub fn new(plan: &Plan, halves: &Grouping, space: &InputSpace, targets: &Targets) -> Self {
        let rows_at = plan.rows_at();
        let half_of = |p: usize| usize::from(p >= halves.groups[1].first);
        let queries: Vec<Queries<F>> = (0..plan.positions)
            .map(|p| {
                let half = half_of(p);
                let (own, other) = (&halves.groups[half], &halves.groups[1 - half]);
                let sees = |key: usize| !plan.causal || key <= p;
                let with = |digit: usize| -> Vec<usize> {
                    (0..own.combinations)
                        .filter(|&c| own.digits(c).any(|at| at == (p, digit)))
                        .collect()
                };
                let others: Vec<usize> = (0..other.combinations).collect();
                let padded = |digit: usize| {
                    let mut own_rows: Vec<u32> = with(digit).iter().map(|c| *c as u32).collect();
                    let whole = own_rows.len().next_multiple_of(WIDE);
                    own_rows.resize(whole, own.combinations as u32);
                    own_rows
                };
                let rows: Vec<Vec<u32>> = (0..rows_at[p].len()).map(padded).collect();
                let other_lanes = others.len().div_ceil(LANES);
                let own_places = rows.first().map_or(0, Vec::len);
                Queries {
                    rows: rows_at[p].clone(),
                    half,
                    keys: [
                        Keys::new(own, &with(0), p, &rows_at, sees),
                        Keys::new(other, &others, p, &rows_at, sees),
                    ],
                    // A position's tokens have equally many combinations each.
                    strips: (0..other_lanes)
                        .flat_map(|i| (0..own_places).step_by(WIDE).map(move |o| (o, i)))
                        .collect(),
                    own: rows,
                }
            })
            .collect();
        let stride = plan.table_rows().next_multiple_of(LANES);
        let members = [0, 1].map(|half: usize| Members::new(&halves.groups[half], &rows_at));
        let own = queries
            .iter()
            .flat_map(|queries| queries.own.iter().map(|own| (queries.half, own)));
        let own_members = own.map(|(half, own)| members[half].of(own));
        let mut layout = Self {
            own_members: own_members.collect(),
            targets: queries
                .iter()
                .flat_map(|queries| {
                    let places = |own: &Vec<u32>| own.len() * queries.keys[1].lanes;
                    queries.own.iter().map(places)
                })
                .map(|places| vec![Lanes::zero(); places * (plan.batch_columns().count() + 1)])
                .collect(),
            mask: mask(&queries, stride),
            members,
            queries,
            places: Vec::new(),
        };
        layout.fill(plan, halves, space, targets);
        layout
    }

    /// The table's rows.
    pub fn rows(&self) -> usize {
        self.own_members.len()
    }

    /// 0 where row `q` can meet a key row, else −∞.
    #[inline(always)]
    pub fn mask(&self, q: usize, stride: usize) -> &[F] {
        &self.mask[q * stride..][..stride]
    }

    /// The members' places and targets.
    fn fill(&mut self, plan: &Plan, halves: &Grouping, space: &InputSpace, targets: &Targets) {
        let mut tokens = vec![0; plan.positions];
        let tokens_at: Vec<Vec<usize>> = (0..plan.positions).map(|p| space.tokens_at(p)).collect();
        let columns: Vec<(usize, usize)> = plan.batch_columns().collect();
        let lanes = [1, 0].map(|other: usize| halves.groups[other].combinations.div_ceil(LANES));
        for member in 0..space.size().unwrap_or(0) {
            space.write_member(member, &mut tokens);
            let choice = |p: usize| {
                let own = tokens_at[p].iter().position(|t| *t == tokens[p]);
                own.unwrap_or(0) // never: its tokens are the space's
            };
            let mut found = [0; 2];
            halves.combinations(choice, &mut found);
            let place =
                |own: usize| (found[own] as usize * lanes[own] * LANES) as u32 + found[1 - own];
            self.places.push([place(0), place(1)]);
            for (p, queries) in self.queries.iter().enumerate() {
                let (own, other) = (found[queries.half], found[1 - queries.half] as usize);
                let row = &queries.own[choice(p)];
                let o = row.iter().position(|c| *c == own).unwrap_or(0);
                let places = row.len() * queries.keys[1].lanes;
                let at = (other / LANES) * row.len() + o;
                let to = &mut self.targets[queries.rows.start + choice(p)];
                let from = member as usize * plan.positions + p;
                let blocks = columns
                    .iter()
                    .map(|&(block, a)| targets.blocks[block][[from, a]]);
                for (f, x) in blocks.chain([targets.output[from]]).enumerate() {
                    to[f * places + at].0[other % LANES] = F::from_f64(x);
                }
            }
        }
    }
}

impl<F: Precision> Counts<F> {
    /// Of no batch.
    pub fn new(halves: &Grouping) -> Self {
        let [left, right] = [0, 1].map(|half| halves.groups[half].combinations);
        let zeros =
            |own: usize, other: usize| vec![Lanes::zero(); (own + 1) * other.div_ceil(LANES)];
        Self([zeros(left, right), zeros(right, left)])
    }

    /// Counts a batch.
    pub fn load(&mut self, layout: &Layout<F>, members: &[u64]) {
        for counts in &mut self.0 {
            counts.fill(Lanes::zero());
        }
        for member in members {
            let places = layout.places[*member as usize];
            for (counts, place) in self.0.iter_mut().zip(places) {
                let place = place as usize;
                counts[place / LANES].0[place % LANES] += F::one();
            }
        }
    }

    /// Of a half's own combination `own` with lanes `i` of the other's.
    #[inline(always)]
    pub fn at(&self, half: usize, own: u32, lanes: usize, i: usize) -> Lanes<F> {
        self.0[half][own as usize * lanes + i]
    }
}
