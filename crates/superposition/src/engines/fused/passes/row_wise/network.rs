//! What follows the first attention at one position: the outputs of its heads, MLPs, the unembedding,
//! the losses; forward and back for a tile of places at a time.
//!
//! ```text
//! forward                                    backward
//! h_a = b_a + Σ_x x·w_{xa}                   dh_a += 2·weight·(h_a − target_a)
//!   x: o of the heads, or ReLU(z_u)          dx = Σ_a dh_a·w_{xa}  (0 where ReLU(z) is)
//! z_c = table_c + Σ_s h_s·P_{sc}             dtable_c = Σ dz_c,  dP_{sc} = Σ h_s·dz_c
//!   s: columns written before                dh_s += Σ_c dz_c·P_{sc}
//! ```

use crate::engines::fused::fold::Folded;
use crate::engines::fused::loss::Terms;
use crate::engines::fused::loss::{add_squared_errors, cross_entropies};
use crate::engines::fused::mlp::OutputMap;
use crate::engines::fused::passes::row_wise::halves::{TILE, WIDE};
use crate::engines::fused::plan::{Domain, Plan, Work};
use crate::engines::fused::simd::sums::sum_each;
use crate::engines::fused::simd::{Lanes, Precision, one_at_a_time};
use crate::engines::fused::table::{Table, TableGradient};
use crate::teacher::OutputLoss;

/// One quantity at the places that are computed together. A row's last tile may use fewer of its lanes, a
/// multiple of [`WIDE`].
pub type Tile<F> = [Lanes<F>; TILE];

/// A reader: its `z` are features `first..first + columns`, and it reads columns `0..read_sources`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reads {
    reader: usize,
    pub(super) columns: usize,
    read_sources: usize,
    first: usize,
    /// Where its `P` begins.
    weights: usize,
}

/// What a block reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input {
    Heads,
    Hidden(Reads),
    Nothing,
}

/// The network with the buffers of one row.
#[derive(Debug)]
pub struct Network<F> {
    /// For each block its number, its first column, how many it has, and what it reads.
    pub(super) blocks: Vec<(usize, usize, usize, Input)>,
    pub(super) scores: Reads,
    /// The source that the first column is.
    first_source: usize,
    /// `P` and `dP`, reader by reader: `[columns, read_sources]`.
    pub(super) p: Vec<F>,
    pub(super) dp: Vec<Lanes<F>>,
    /// What the table knows of each `z` at the row, and its gradient.
    pub(super) base: Vec<F>,
    pub(super) d_base: Vec<Lanes<F>>,
    /// `o`, `h`, `z`, and their gradients.
    pub(super) o: Vec<Tile<F>>,
    pub(super) d_o: Vec<Tile<F>>,
    h: Vec<Tile<F>>,
    dh: Vec<Tile<F>>,
    z: Vec<Tile<F>>,
    dz: Vec<Tile<F>>,
    /// Sums of the loss parts.
    pub(super) loss_output: Lanes<F>,
    pub(super) loss_layers: Lanes<F>,
}

impl<F: Precision> Network<F> {
    /// What a plan has after its attention, whose heads have `values` values.
    pub fn new(plan: &Plan, values: usize) -> Self {
        let (mut blocks, mut read_sources, mut first, mut weights) = (Vec::new(), 0, 0, 0);
        let mut reads = |reader: usize, read_sources: usize| {
            let columns = plan.readers[reader].columns.len();
            let reads = Reads {
                reader,
                columns,
                read_sources,
                first,
                weights,
            };
            first += columns;
            weights += columns * read_sources;
            reads
        };
        let mut first_source = plan.sources.len();
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Table {
                continue;
            }
            let input = match &block.work {
                Work::Mlp { .. } => Input::Hidden(reads(i, read_sources)),
                Work::Attention { heads, .. } if heads.is_empty() => Input::Nothing,
                Work::Attention { .. } => Input::Heads,
            };
            first_source = first_source.min(block.first_source);
            blocks.push((i, read_sources, block.columns.len(), input));
            read_sources += block.columns.len();
        }
        let scores = reads(plan.blocks.len(), read_sources);
        let tiles = |count: usize| vec![[Lanes::zero(); TILE]; count];
        Self {
            blocks,
            scores,
            first_source,
            p: vec![F::zero(); weights],
            dp: vec![Lanes::zero(); weights],
            base: vec![F::zero(); first],
            d_base: vec![Lanes::zero(); first],
            o: tiles(values),
            d_o: tiles(values),
            h: tiles(read_sources),
            dh: tiles(read_sources),
            z: tiles(first),
            dz: tiles(first),
            loss_output: Lanes::zero(),
            loss_layers: Lanes::zero(),
        }
    }

    fn readers(&self) -> impl Iterator<Item = Reads> + '_ {
        let hidden = self.blocks.iter().filter_map(|block| match block.3 {
            Input::Hidden(reads) => Some(reads),
            _ => None,
        });
        hidden.chain([self.scores])
    }

    /// Before the first row of a step.
    pub fn begin(&mut self, plan: &Plan, folded: &Folded<F>) {
        let mut p = std::mem::take(&mut self.p);
        for reads in self.readers() {
            let sources = plan.readers[reads.reader].sources;
            let from = folded.readers[reads.reader].chunks_exact(sources);
            let to = p[reads.weights..].chunks_exact_mut(reads.read_sources.max(1));
            for (from, to) in from.zip(to).take(if reads.read_sources == 0 {
                0
            } else {
                reads.columns
            }) {
                to.copy_from_slice(&from[self.first_source..][..reads.read_sources]);
            }
        }
        self.p = p;
        self.dp.fill(Lanes::zero());
        self.loss_output = Lanes::zero();
        self.loss_layers = Lanes::zero();
    }

    /// After the last row of a step: adds to `dL/dP`.
    pub fn end(&mut self, plan: &Plan, gradient: &mut Folded<F>) {
        // `P` has done its work, and its place takes the sums.
        let mut sums = std::mem::take(&mut self.p);
        sum_each(&self.dp, &mut sums);
        for reads in self.readers() {
            let sources = plan.readers[reads.reader].sources;
            let to = gradient.readers[reads.reader].chunks_exact_mut(sources);
            let from = sums[reads.weights..].chunks_exact(reads.read_sources.max(1));
            for (from, to) in from.zip(to).take(if reads.read_sources == 0 {
                0
            } else {
                reads.columns
            }) {
                for (to, from) in to[self.first_source..].iter_mut().zip(from) {
                    *to += *from;
                }
            }
        }
        self.p = sums;
    }

    /// Before the places of a table row.
    #[inline(always)]
    pub fn begin_row(&mut self, row: usize, table: &Table<F>) {
        let mut base = std::mem::take(&mut self.base);
        for reads in self.readers() {
            let z = &table.z[reads.reader];
            for (c, base) in base[reads.first..][..reads.columns].iter_mut().enumerate() {
                one_at_a_time();
                *base = z[c * table.stride + row];
            }
        }
        self.base = base;
        self.d_base.fill(Lanes::zero());
    }

    /// After them.
    #[inline(always)]
    pub fn end_row(&mut self, row: usize, stride: usize, gradient: &mut TableGradient<F>) {
        for reads in self.readers() {
            let to = &mut gradient.z[reads.reader];
            for (c, from) in self.d_base[reads.first..][..reads.columns]
                .iter()
                .enumerate()
            {
                one_at_a_time();
                to[c * stride + row] = from.sum();
            }
        }
    }

    /// From `o` to the scores, at the first `used` lanes of a tile.
    #[inline(always)]
    pub fn forward(&mut self, outputs: &[OutputMap<F>], used: usize) {
        for &(number, first, columns, input) in &self.blocks {
            let output = &outputs[number];
            let x = match input {
                Input::Nothing => &[][..],
                Input::Heads => &self.o[..],
                Input::Hidden(reads) => {
                    read(reads, &self.base, &self.p, &self.h, &mut self.z, used);
                    let z = &mut self.z[reads.first..][..reads.columns];
                    for z in z {
                        for z in &mut z[..used] {
                            one_at_a_time();
                            *z = z.relu();
                        }
                    }
                    &self.z[reads.first..][..reads.columns]
                }
            };
            let h = &mut self.h[first..][..columns];
            for (a, (h, bias)) in h.iter_mut().zip(&output.bias).enumerate() {
                combine(*bias, &output.weights, (columns, a), x, h, used);
            }
        }
        read(self.scores, &self.base, &self.p, &self.h, &mut self.z, used);
    }

    /// The losses at these places with their `targets` (a tile a column and one of the output), and back
    /// to `do`. Columns of `targets` are `stride` apart. `weights` is how often each place occurs; the
    /// output is `counted` there or not.
    #[inline(always)]
    pub fn backward(
        &mut self,
        outputs: &[OutputMap<F>],
        (targets, stride): (&[Lanes<F>], usize),
        weights: &[Lanes<F>],
        counted: bool,
        terms: Terms<'_>,
    ) {
        let (columns, used) = (self.h.len(), weights.len());
        for &(number, first, count, _) in &self.blocks {
            let own = terms.factors[number];
            let factor = F::from_f64(terms.layers * own);
            for a in first..first + count {
                let target = &targets[a * stride..][..used];
                let (h, dh) = (&self.h[a][..used], &mut self.dh[a][..used]);
                let sum = add_squared_errors(Lanes::zero(), h, target, weights, factor, dh);
                self.loss_layers += Lanes::splat(F::from_f64(own)) * sum;
            }
        }
        let none = [Lanes::zero(); TILE];
        let output_weights = if counted { weights } else { &none[..used] };
        self.score(&targets[columns * stride..][..used], output_weights, terms);
        self.read_backward(self.scores, used);
        for b in (0..self.blocks.len()).rev() {
            let (number, first, columns, input) = self.blocks[b];
            let output = &outputs[number];
            let dh = &self.dh[first..][..columns];
            let weights = output.weights.chunks_exact(columns);
            match input {
                Input::Nothing => {}
                Input::Heads => {
                    for (w, d_o) in weights.zip(&mut self.d_o) {
                        combine(F::zero(), w, (1, 0), dh, d_o, used);
                    }
                }
                Input::Hidden(reads) => {
                    let z = &self.z[reads.first..][..reads.columns];
                    let dz = &mut self.dz[reads.first..][..reads.columns];
                    for ((w, z), dz) in weights.zip(z).zip(dz) {
                        combine(F::zero(), w, (1, 0), dh, dz, used);
                        for (dz, z) in dz[..used].iter_mut().zip(z) {
                            one_at_a_time();
                            let live = |z, d| if z > F::zero() { d } else { F::zero() };
                            *dz = z.zip(*dz, live);
                        }
                    }
                    self.read_backward(reads, used);
                }
            }
        }
    }

    /// The output's loss and the gradient of its scores.
    #[inline(always)]
    fn score(&mut self, target: &[Lanes<F>], weights: &[Lanes<F>], terms: Terms<'_>) {
        let (factor, used) = (F::from_f64(terms.output), weights.len());
        let own = self.scores.first..self.scores.first + self.scores.columns;
        let (z, dz) = (&self.z[own.clone()], &mut self.dz[own]);
        self.loss_output += match terms.output_loss {
            // A soft one never comes here: the engine then works sequence by sequence.
            OutputLoss::CrossEntropy | OutputLoss::SoftCrossEntropy => {
                dz.copy_from_slice(z);
                cross_entropies((dz.as_flattened_mut(), TILE), target, weights, factor)
            }
            OutputLoss::SquaredError => {
                let mut sum = Lanes::zero();
                for ((z, dz), target) in z.iter().zip(dz).zip(target.chunks_exact(used)) {
                    sum = add_squared_errors(sum, z, target, weights, factor, dz);
                }
                sum
            }
        };
    }

    /// From `dz` of a reader to `dtable`, `dP` and `dh`.
    #[inline(always)]
    fn read_backward(&mut self, reads: Reads, used: usize) {
        let Reads {
            columns,
            read_sources,
            first,
            weights,
            ..
        } = reads;
        let dz = &self.dz[first..][..columns];
        for (d_base, dz) in self.d_base[first..].iter_mut().zip(dz) {
            let mut sum = *d_base;
            for dz in &dz[..used] {
                one_at_a_time();
                sum += *dz;
            }
            *d_base = sum;
        }
        for s in 0..read_sources {
            let (h, dh) = (&self.h[s][..used], &mut self.dh[s][..used]);
            for (c, dz) in dz.iter().enumerate() {
                let at = weights + c * read_sources + s;
                let p = Lanes::splat(self.p[at]);
                let mut sums = [Lanes::zero(); WIDE];
                let tiles = h.chunks_exact(WIDE).zip(dh.chunks_exact_mut(WIDE));
                for ((h, dh), dz) in tiles.zip(dz.chunks_exact(WIDE)) {
                    one_at_a_time();
                    for n in 0..WIDE {
                        sums[n] = h[n].mul_add(dz[n], sums[n]);
                        dh[n] = dz[n].mul_add(p, dh[n]);
                    }
                }
                let [a, b, c, d] = sums;
                self.dp[at] += (a + b) + (c + d);
            }
        }
    }
}

/// `to = base + Σ_x w·x`, the weight of `x[k]` being number `k·stride + first`.
#[inline(always)]
fn combine<F: Precision>(
    base: F,
    weights: &[F],
    (stride, first): (usize, usize),
    x: &[Tile<F>],
    to: &mut Tile<F>,
    used: usize,
) {
    for (at, to) in to[..used].chunks_exact_mut(WIDE).enumerate() {
        let mut sums = [Lanes::splat(base); WIDE];
        for (k, x) in x.iter().enumerate() {
            one_at_a_time();
            let w = Lanes::splat(weights[k * stride + first]);
            let x = &x[at * WIDE..][..WIDE];
            for n in 0..WIDE {
                sums[n] = x[n].mul_add(w, sums[n]);
            }
        }
        for n in 0..WIDE {
            to[n] = sums[n];
        }
    }
}

/// `z` of a reader.
#[inline(always)]
fn read<F: Precision>(
    reads: Reads,
    base: &[F],
    p: &[F],
    h: &[Tile<F>],
    z: &mut [Tile<F>],
    used: usize,
) {
    for c in 0..reads.columns {
        let p = &p[reads.weights + c * reads.read_sources..][..reads.read_sources];
        let (base, z) = (base[reads.first + c], &mut z[reads.first + c]);
        combine(base, p, (1, 0), &h[..reads.read_sources], z, used);
    }
}
