//! The whole model for sixteen sequences, forward and back.
//!
//! ```text
//! forward, block by block                    backward, from the last block to the first
//! z_c = base_c + Σ_i x_i·P_{ci}              dP_{ci} += x_i·dz_c,  dbase_c += dz_c,  dh̃_i += Σ_c dz_c·P_{ci}
//!   x: indicators of the tokens, then h̃ of the blocks before
//! h̃_a = b_a + Σ_k y_k·w_{ka}                 dh̃_a += 2·weight·(h̃_a − h_a),  dy_k = Σ_a dh̃_a·w_{ka}
//!   y: ReLU(z), or o of the heads            dz: 0 where ReLU(z) is, or that of the heads
//! ```

mod losses;

use std::ops::Range;

use pulp::Simd;

use crate::engines::fused::fold::Folded;
use crate::engines::fused::loss::Terms;
use crate::engines::fused::passes::sequence_wise::attention::{self, Sight};
use crate::engines::fused::passes::sequence_wise::maps::{
    Inputs, Sparse, TILE, Tile, accumulate, combine, to_weights,
};
use crate::engines::fused::passes::sequence_wise::reads::Reads;
use crate::engines::fused::plan::Tokens;
use crate::engines::fused::plan::{self, Plan};
use crate::engines::fused::simd::sums::sum_each_of;
use crate::engines::fused::simd::{Lanes, Precision, one_at_a_time};

/// A block.
#[derive(Debug)]
struct Block<F> {
    /// Its columns among all.
    columns: Range<usize>,
    work: Work,
    /// From what it computes to its columns, and back.
    output: Sparse<F>,
    back: Sparse<F>,
}

/// What a block computes.
#[derive(Debug)]
enum Work {
    /// The `ReLU` of what it reads.
    Mlp,
    /// Heads whose values are those among the values of all heads.
    Attention {
        heads: Vec<Head>,
        values: Range<usize>,
    },
}

/// A head: its queries, keys and values among its reader's columns, where its values are among those of all
/// heads, and its number.
#[derive(Debug)]
struct Head {
    columns: [Range<usize>; 3],
    values: Range<usize>,
    number: usize,
}

/// The network with its buffers.
#[derive(Debug)]
pub struct Network<F> {
    tokens: Tokens,
    /// Whether the output counts at each indicated token, and at each position with one possible token.
    counted_tokens: Vec<bool>,
    counted_positions: Vec<bool>,
    vocabulary: usize,
    blocks: Vec<Block<F>>,
    /// One of each block, then the unembedding.
    readers: Vec<Reads>,
    sight: Sight,
    /// `P` from inputs to columns, and back to columns of blocks; and what does not depend on tokens.
    forth: Vec<F>,
    back: Vec<F>,
    base: Vec<[F; TILE]>,
    /// Their gradients, lane by lane; and lanes summed.
    dp: Vec<Lanes<F>>,
    dbase: Vec<Tile<F>>,
    dp_sums: Vec<F>,
    dbase_sums: Vec<[F; TILE]>,
    /// Numbers of the tokens, then targets.
    loaded: Vec<Tile<F>>,
    /// Weights of the blocks' errors and of the output's.
    layer_weights: Vec<Lanes<F>>,
    output_weights: Vec<Lanes<F>>,
    /// Indicators, then `h̃`.
    x: Vec<Tile<F>>,
    dh: Vec<Tile<F>>,
    /// Of all readers, and of one.
    z: Vec<Tile<F>>,
    dz: Vec<Tile<F>>,
    /// Of all heads; `ds` of one.
    a: Vec<Tile<F>>,
    ds: Vec<Tile<F>>,
    o: Vec<Tile<F>>,
    d_o: Vec<Tile<F>>,
    /// Sums of the loss parts.
    loss_output: Lanes<F>,
    loss_layers: Lanes<F>,
}

impl<F: Precision> Network<F> {
    /// `counts` says for which tokens the output counts.
    pub fn new(plan: &Plan, tokens: Tokens, counts: impl Fn(usize) -> bool) -> Self {
        let (mut blocks, mut read_sources, mut values, mut number) = (Vec::new(), 0, 0, 0);
        for block in &plan.blocks {
            let columns = block.columns.len();
            let (work, weights) = match &block.work {
                plan::Work::Mlp { weights } => (Work::Mlp, weights.clone()),
                plan::Work::Attention { heads: all, .. } => {
                    let first = values;
                    let heads = all.iter().map(|head| {
                        let own = values..values + head.value.len();
                        (values, number) = (own.end, number + 1);
                        Head {
                            columns: [&head.query, &head.key, &head.value].map(Range::clone),
                            values: own,
                            number: number - 1,
                        }
                    });
                    let heads = heads.collect();
                    let weights = all.iter().flat_map(|h| h.output.iter().copied());
                    let values = first..values;
                    (Work::Attention { heads, values }, weights.collect())
                }
            };
            let computed = weights.len() / columns;
            let weight = |k: usize, a: usize| F::from_f64(weights[k * columns + a]);
            blocks.push(Block {
                columns: read_sources..read_sources + columns,
                work,
                output: Sparse::new((0..columns).map(|a| {
                    let weights = (0..computed).map(|k| weight(k, a)).collect();
                    (F::from_f64(block.bias[a]), weights)
                })),
                back: Sparse::new((0..computed).map(|k| {
                    let weights = (0..columns).map(|a| weight(k, a)).collect();
                    (F::zero(), weights)
                })),
            });
            read_sources += columns;
        }
        let mut readers: Vec<Reads> = Vec::new();
        for (i, reader) in plan.readers.iter().enumerate() {
            let read_sources = blocks
                .get(i)
                .map_or(read_sources, |block| block.columns.start);
            readers.push(Reads::new(
                plan,
                &tokens,
                reader,
                read_sources,
                readers.last(),
            ));
        }
        let (columns, forth, back) = readers.last().map_or((0, 0, 0), |last| {
            (last.columns.end, last.forth.end, last.back.end)
        });
        let inputs = tokens.indicated.len() + read_sources;
        let sight = Sight::new(plan.positions, plan.causal);
        let k = sight.tiles;
        let tiles = |count: usize| vec![[Lanes::zero(); TILE]; count * k];
        let pairs = TILE * k;
        let widest = readers.iter().map(|reads| reads.columns.len()).max();
        let mut counted_positions = vec![false; TILE * k];
        for &(position, token) in &tokens.fixed {
            counted_positions[position] = counts(token);
        }
        Self {
            counted_tokens: tokens
                .indicated
                .iter()
                .map(|token| counts(*token))
                .collect(),
            counted_positions,
            vocabulary: plan.vocabulary,
            sight,
            forth: vec![F::zero(); forth],
            back: vec![F::zero(); back],
            base: vec![[F::zero(); TILE]; columns * k],
            dp: vec![Lanes::zero(); forth],
            dbase: tiles(columns),
            dp_sums: vec![F::zero(); forth],
            dbase_sums: vec![[F::zero(); TILE]; columns * k],
            loaded: tiles(1 + read_sources + 1),
            layer_weights: vec![Lanes::zero(); TILE * k],
            output_weights: vec![Lanes::zero(); TILE * k],
            x: tiles(inputs),
            dh: tiles(read_sources),
            z: tiles(columns),
            dz: tiles(widest.unwrap_or(0)),
            a: tiles(number * pairs),
            ds: tiles(pairs),
            o: tiles(values),
            d_o: tiles(values),
            loss_output: Lanes::zero(),
            loss_layers: Lanes::zero(),
            tokens,
            blocks,
            readers,
        }
    }

    /// Numbers of a quantity of a sequence: one at each position, and what fills the last tile.
    pub fn length(&self) -> usize {
        TILE * self.tiles()
    }

    /// Tiles of a quantity.
    pub fn tiles(&self) -> usize {
        self.sight.tiles
    }

    /// Which tokens have indicators.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Where the numbers of the tokens and the targets are to be written.
    #[inline(always)]
    pub fn loaded(&mut self) -> &mut [Lanes<F>] {
        self.loaded.as_flattened_mut()
    }

    /// Before the first sequences of a step.
    pub fn begin(&mut self, folded: &Folded<F>) {
        let (positions, k) = (self.sight.positions, self.sight.tiles);
        for (reads, p) in self.readers.iter().zip(&folded.readers) {
            let forth = self.forth[reads.forth.clone()].iter_mut();
            let back = self.back[reads.back.clone()].iter_mut();
            for (to, from) in forth
                .zip(&reads.forth_from)
                .chain(back.zip(&reads.back_from))
            {
                *to = p[*from];
            }
            let base = self.base[tiles(&reads.columns, k)].chunks_exact_mut(k);
            let columns = base.zip(p.chunks_exact(reads.sources)).zip(&reads.bias);
            for ((base, p), bias) in columns {
                let base = base.as_flattened_mut();
                base.fill(F::from_f64(*bias));
                for (base, p) in base.iter_mut().zip(&p[self.vocabulary..][..positions]) {
                    *base += *p;
                }
                for &(position, token) in &self.tokens.fixed {
                    base[position] += p[token];
                }
            }
        }
        self.dp.fill(Lanes::zero());
        self.dbase.fill([Lanes::zero(); TILE]);
        self.loss_output = Lanes::zero();
        self.loss_layers = Lanes::zero();
    }

    /// After the last ones: `dL/dP`, and the sums of the loss parts of output and blocks.
    pub fn end(&mut self, gradient: &mut Folded<F>) -> (f64, f64) {
        let (positions, k) = (self.sight.positions, self.sight.tiles);
        sum_each_of(&self.dp, &mut self.dp_sums);
        sum_each_of(
            self.dbase.as_flattened(),
            self.dbase_sums.as_flattened_mut(),
        );
        for (reads, dp) in self.readers.iter().zip(&mut gradient.readers) {
            dp.fill(F::zero());
            let sums = &self.dp_sums[reads.forth.clone()];
            for (to, sum) in reads.gradient_to.iter().zip(sums) {
                dp[*to] = *sum;
            }
            let sums = self.dbase_sums[tiles(&reads.columns, k)].chunks_exact(k);
            for (dp, sums) in dp.chunks_exact_mut(reads.sources).zip(sums) {
                let sums = &sums.as_flattened()[..positions];
                dp[self.vocabulary..][..sums.len()].copy_from_slice(sums);
                for &(position, token) in &self.tokens.fixed {
                    dp[token] += sums[position];
                }
            }
        }
        let (output, layers) = (self.loss_output.sum(), self.loss_layers.sum());
        (output.widen(), layers.widen())
    }

    /// Takes in what was loaded: sequences of which each occurs so often.
    #[inline(always)]
    pub fn take<const K: usize>(&mut self, occurrences: Lanes<F>) {
        let k = self.sight.of_tiles::<K>().tiles;
        let numbers = self.loaded[..k].as_flattened();
        for p in 0..numbers.len() {
            one_at_a_time();
            let counts = |counts: bool| if counts { occurrences } else { Lanes::zero() };
            self.layer_weights[p] = counts(p < self.sight.positions);
            self.output_weights[p] = counts(self.counted_positions[p]);
        }
        let indicated = self.x.chunks_exact_mut(k).zip(&self.counted_tokens);
        for (token, (x, counted)) in indicated.enumerate() {
            let token = Lanes::splat(F::from_f64(token as f64));
            for (p, x) in x.as_flattened_mut().iter_mut().enumerate() {
                one_at_a_time();
                let own = indicator(numbers[p], token);
                *x = own;
                if *counted {
                    self.output_weights[p] = own.mul_add(occurrences, self.output_weights[p]);
                }
            }
        }
    }

    /// From the tokens to the scores.
    #[inline(always)]
    pub fn forward<S: Simd, const K: usize>(&mut self) {
        let sight = self.sight.of_tiles::<K>();
        let k = sight.tiles;
        let pairs = TILE * k * k;
        for (i, reads) in self.readers.iter().enumerate() {
            let read = (self.tokens.indicated.len() + reads.read_sources) * k;
            let (x, h) = self.x.split_at_mut(read);
            let z = &mut self.z[tiles(&reads.columns, k)];
            let inputs = Inputs {
                x,
                silent: self.tokens.silent(),
                tiles: k,
            };
            let (p, base) = (
                &self.forth[reads.forth.clone()],
                &self.base[tiles(&reads.columns, k)],
            );
            combine::<S, F>(inputs, p, Some(base), z);
            let Some(block) = self.blocks.get(i) else {
                return;
            };
            let h = &mut h[..block.columns.len() * k];
            match &block.work {
                Work::Mlp => {
                    for z in z.as_flattened_mut() {
                        one_at_a_time();
                        *z = z.relu();
                    }
                    block.output.apply(z, k, h);
                }
                Work::Attention { heads, values } => {
                    for head in heads {
                        let a = &mut self.a[head.number * pairs..][..pairs];
                        let o = &mut self.o[tiles(&head.values, k)];
                        attention::forward::<S, F>(sight, z, &head.columns, a, o);
                    }
                    block.output.apply(&self.o[tiles(values, k)], k, h);
                }
            }
        }
    }

    /// The losses, and from them to `dP`.
    #[inline(always)]
    pub fn backward<S: Simd, const K: usize>(&mut self, terms: Terms<'_>) {
        let sight = self.sight.of_tiles::<K>();
        let k = sight.tiles;
        self.losses(k, terms);
        let pairs = TILE * k * k;
        for (i, reads) in self.readers.iter().enumerate().rev() {
            let dz = &mut self.dz[..reads.columns.len() * k];
            if let Some(block) = self.blocks.get(i) {
                let z = &self.z[tiles(&reads.columns, k)];
                let dh = &self.dh[tiles(&block.columns, k)];
                match &block.work {
                    Work::Mlp => {
                        block.back.apply(dh, k, dz);
                        for (dz, z) in dz.as_flattened_mut().iter_mut().zip(z.as_flattened()) {
                            one_at_a_time();
                            let live = |z, dz| if z > F::zero() { dz } else { F::zero() };
                            *dz = z.zip(*dz, live);
                        }
                    }
                    Work::Attention { heads, values } => {
                        block.back.apply(dh, k, &mut self.d_o[tiles(values, k)]);
                        for head in heads {
                            let own = tiles(&head.values, k);
                            let o = (&self.o[own.clone()], &self.d_o[own]);
                            let a = &self.a[head.number * pairs..][..pairs];
                            let (columns, ds) = (&head.columns, &mut self.ds);
                            attention::backward::<S, F>(sight, z, columns, a, o, ds, dz);
                        }
                    }
                }
            }
            accumulate(dz, &mut self.dbase[tiles(&reads.columns, k)]);
            let indicated = self.tokens.indicated.len();
            let inputs = Inputs {
                x: &self.x[..(indicated + reads.read_sources) * k],
                silent: self.tokens.silent(),
                tiles: k,
            };
            to_weights::<S, F>(inputs, dz, &mut self.dp[reads.forth.clone()]);
            let p = &self.back[reads.back.clone()];
            let dz = Inputs {
                x: dz,
                silent: 0,
                tiles: k,
            };
            combine::<S, F>(dz, p, None, &mut self.dh[..reads.read_sources * k]);
        }
    }
}

/// Where the tiles of some quantities are, `k` each.
#[inline(always)]
fn tiles(quantities: &Range<usize>, k: usize) -> Range<usize> {
    quantities.start * k..quantities.end * k
}

/// 1 where both are equal, else 0.
#[inline(always)]
fn indicator<F: Precision>(x: Lanes<F>, y: Lanes<F>) -> Lanes<F> {
    x.zip(y, |x, y| if x == y { F::one() } else { F::zero() })
}
