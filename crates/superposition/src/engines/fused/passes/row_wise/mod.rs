//! A small space worked through row by row of the table, not input by input of the batch.
//!
//! Where all blocks after the first live attention work at one position, what they compute at a place
//! (an input and a position) depends on the row `q` of that position and on two things more: which
//! tokens the left half of the positions has and which the right. So the places of a row are a table
//! of left by right combinations ([`halves`]), always in the same order, and a batch says only how
//! often each place occurs. Nothing is looked up and nothing scattered.
//!
//! A softmax over all keys is made of sums over the keys of either half, which [`tabulated`] has for
//! every combination. A row where some place would lose digits that way has a softmax of its own for each half
//! ([`softmax`]), and [`head`] merges them. The rest of a place is in [`network`]; where that is one map, [`direct`]
//! does both in one pass.

pub mod direct;
pub mod halves;
pub mod head;
pub mod network;
pub mod softmax;
mod step;
pub mod tabulated;

use crate::engines::fused::common::{Common, Gradients};
use crate::engines::fused::inputs::Inputs;
use crate::engines::fused::loss::Terms;
use crate::engines::fused::mlp::OutputMap;
use crate::engines::fused::plan::Grouping;
use crate::engines::fused::plan::{Head, Plan};
use crate::engines::fused::simd::sums::sum_each;
use crate::engines::fused::simd::{LANES, Lanes, Precision, add_scaled, kernels, one_at_a_time};
use crate::engines::fused::table::{Table, TableGradient};
use crate::inputs::InputSpace;
use crate::teacher::{OutputLoss, Targets};
use halves::{Counts, Layout, Queries, TILE, WIDE};
use head::{HeadGradients, HeadWork};
use network::Network;

/// All that this way of computing needs.
#[derive(Debug)]
pub struct RowWise<F> {
    layout: Layout<F>,
    counts: Counts<F>,
    network: Network<F>,
    heads: Vec<HeadWork<F>>,
    /// The block's number where rows can go [`direct`].
    direct: Option<usize>,
    /// The attention's number among the live blocks.
    attention: usize,
    /// How often each row of the table occurs.
    occurrences: Vec<F>,
    /// At how many positions of each member the output counts.
    counted: Vec<u32>,
}

impl<F: Precision> RowWise<F> {
    /// For a plan that has chosen it, on a space whose targets are kept.
    pub fn new(
        plan: &Plan,
        halves: &Grouping,
        space: &InputSpace,
        targets: &Targets,
        loss: OutputLoss,
    ) -> Self {
        let layout = Layout::new(plan, halves, space, targets);
        let (attention, heads) = plan.first_attention().unwrap_or((0, &[]));
        let stride = plan.table_rows().next_multiple_of(LANES);
        let mut first_value = 0;
        let heads: Vec<HeadWork<F>> = heads
            .iter()
            .map(|head| {
                let work = HeadWork::new(head, &layout, stride, first_value);
                first_value += head.value.len();
                work
            })
            .collect();
        let network = Network::new(plan, first_value);
        Self {
            counts: Counts::new(halves),
            direct: network.direct(1, 1, loss),
            network,
            occurrences: vec![F::zero(); plan.table_rows()],
            counted: Vec::new(),
            layout,
            heads,
            attention,
        }
    }

    /// Takes in at which rows of the table the output counts.
    pub fn count(&mut self, inputs: &Inputs<F>, counted: &[bool]) {
        let counts = |row: &u32| u32::from(counted[*row as usize]);
        self.counted.clear();
        let members = inputs.space_rows();
        self.counted
            .extend(members.map(|rows| rows.iter().map(counts).sum::<u32>()));
    }

    /// The positions of a batch at which the output counts.
    pub fn counted(&self, members: &[u64]) -> f64 {
        let counts = members.iter().map(|m| u64::from(self.counted[*m as usize]));
        counts.sum::<u64>() as f64
    }

    /// How often each row of the table occurred in the last batch.
    pub fn occurrences(&self) -> &[F] {
        &self.occurrences
    }

    /// The losses of a batch and their gradients, the table's blocks aside: from the filled table to
    /// `dL/dz` of the table. `counted` says at which rows the output counts.
    pub fn run(
        &mut self,
        plan: &Plan,
        common: &Common<F>,
        (members, counted): (&[u64], &[bool]),
        terms: Terms<'_>,
        gradients: &mut Gradients<F>,
    ) {
        self.counts.load(&self.layout, members);
        self.network.begin(plan, &common.folded);
        let Some((_, heads)) = plan.first_attention() else {
            return;
        };
        let z = &common.table.z[self.attention];
        for (head, work) in heads.iter().zip(&mut self.heads) {
            logits(head, z, common.table.stride, &mut work.logits);
        }
        rows(
            &self.layout,
            &self.counts,
            (&common.table, &common.outputs),
            (heads, self.attention),
            (counted, terms, self.direct),
            &mut self.network,
            &mut self.heads,
            &mut self.occurrences,
            &mut gradients.table,
        );
        self.network.end(plan, &mut gradients.folded);
        let dz = &mut gradients.table.z[self.attention];
        for (head, work) in heads.iter().zip(&mut self.heads) {
            finish(head, z, common.table.stride, work.gradients(), dz);
        }
        gradients.loss.layers += self.network.loss_layers.sum().widen();
        gradients.loss.output += self.network.loss_output.sum().widen();
    }
}

/// A row's places, what they are compared with and how often each occurs.
#[derive(Clone, Copy, Debug)]
pub struct RowData<'a, F> {
    /// The queries at the row's position.
    queries: &'a Queries<F>,
    /// The row's own combinations.
    own: &'a [u32],
    /// Of the batch.
    counts: &'a Counts<F>,
    /// `[features, places]`: of the blocks' columns, then of the output.
    targets: &'a [Lanes<F>],
    /// Whether the output counts here.
    counted: bool,
}

/// The places of the row that network and heads have begun, tile by tile, forward and back. Gives how often the
/// row occurs.
#[inline(always)]
fn places<F: Precision>(
    row: RowData<'_, F>,
    outputs: &[OutputMap<F>],
    terms: Terms<'_>,
    network: &mut Network<F>,
    work: &mut [HeadWork<F>],
) -> F {
    let RowData {
        queries,
        own,
        counts,
        mut targets,
        counted,
    } = row;
    let lanes = [queries.keys[0].lanes, queries.keys[1].lanes];
    let places = queries.strips.len() * WIDE;
    let mut occurring = [Lanes::zero(); WIDE];
    let mut weights = [Lanes::zero(); TILE];
    for strips in queries.strips.chunks(TILE / WIDE) {
        let used = strips.len() * WIDE;
        for work in work.iter_mut() {
            work.forward(strips, lanes, &mut network.o);
        }
        network.forward(outputs, used);
        for (weights, &(o, i)) in weights.chunks_exact_mut(WIDE).zip(strips) {
            let Some(own) = own[o..].first_chunk::<WIDE>() else {
                continue; // never: there are whole strips
            };
            for n in 0..WIDE {
                let weight = counts.at(queries.half, own[n], lanes[1], i);
                occurring[n] += weight;
                weights[n] = weight;
            }
        }
        let weights = &weights[..used];
        network.backward(outputs, (targets, places), weights, counted, terms);
        for work in work.iter_mut() {
            work.backward(strips, lanes, &network.d_o);
        }
        targets = &targets[used..];
    }
    let [a, b, c, d] = occurring;
    ((a + b) + (c + d)).sum()
}

kernels! {
    /// `s_{qk} = Σ_c zq_{c,q}·zk_{c,k}`, `[query row, stride]`.
    fn logits<'a, F>(head: &'a Head, z: &'a [F], stride: usize, s: &'a mut [F]) {
        for (q, s) in s.chunks_exact_mut(stride).enumerate() {
            for (j, s) in s.chunks_exact_mut(LANES).enumerate() {
                let mut sum = Lanes::zero();
                for (query, key) in head.query.clone().zip(head.key.clone()) {
                    one_at_a_time();
                    let query = Lanes::splat(z[query * stride + q]);
                    sum = Lanes::load(&z[key * stride + j * LANES..]).mul_add(query, sum);
                }
                sum.store(s);
            }
        }
    }

    /// The head's columns of the table's `dz` from `ds` and both parts of `dv`.
    fn finish<'a, F>(
        head: &'a Head,
        z: &'a [F],
        stride: usize,
        gradients: HeadGradients<'a, F>,
        dz: &'a mut [F],
    ) {
        let HeadGradients {
            ds,
            tabulated_dv,
            exact_dv,
            products,
        } = gradients;
        for (query, key) in head.query.clone().zip(head.key.clone()) {
            let keys = &z[key * stride..][..stride];
            for (products, ds) in products.iter_mut().zip(ds.chunks_exact(stride)) {
                one_at_a_time();
                let mut sum = Lanes::zero();
                for (ds, keys) in ds.chunks_exact(LANES).zip(keys.chunks_exact(LANES)) {
                    sum = Lanes::load(ds).mul_add(Lanes::load(keys), sum);
                }
                *products = sum;
            }
            sum_each(products, &mut dz[query * stride..][..stride]);
            let queries = &z[query * stride..][..stride];
            for (j, dz) in dz[key * stride..][..stride].chunks_exact_mut(LANES).enumerate() {
                let mut sum = Lanes::zero();
                for (query, ds) in queries.iter().zip(ds.chunks_exact(stride)) {
                    one_at_a_time();
                    sum = Lanes::load(&ds[j * LANES..]).mul_add(Lanes::splat(*query), sum);
                }
                sum.store(dz);
            }
        }
        let values = tabulated_dv.chunks_exact(stride).zip(exact_dv.chunks_exact(stride));
        for (m, (tabulated, exact)) in head.value.clone().zip(values) {
            let dz = &mut dz[m * stride..][..stride];
            sum_each(exact, dz);
            add_scaled(F::one(), tabulated, dz);
        }
    }

    /// All rows, forward and back.
    fn rows<'a, F>(
        layout: &'a Layout<F>,
        counts: &'a Counts<F>,
        read: (&'a Table<F>, &'a [OutputMap<F>]),
        attention: (&'a [Head], usize),
        objective: (&'a [bool], Terms<'a>, Option<usize>),
        network: &'a mut Network<F>,
        work: &'a mut [HeadWork<F>],
        occurrences: &'a mut [F],
        gradient: &'a mut TableGradient<F>,
    ) {
        let (table, outputs) = read;
        let (heads, number) = attention;
        let (counted, terms, direct) = objective;
        let stride = table.stride;
        for (head, work) in heads.iter().zip(work.iter_mut()) {
            work.begin(layout, &table.z[number][head.value.start * stride..head.value.end * stride]);
        }
        for queries in &layout.queries {
            for work in work.iter_mut() {
                work.begin_queries();
            }
            for (q, own) in queries.rows.clone().zip(&queries.own) {
                for (head, work) in heads.iter().zip(work.iter_mut()) {
                    let v = &table.z[number][head.value.start * stride..head.value.end * stride];
                    work.begin_row(queries, q, v);
                }
                network.begin_row(q, table);
                let row = RowData {
                    queries,
                    own,
                    counts,
                    targets: &layout.targets[q],
                    counted: counted[q],
                };
                occurrences[q] = match (direct, &mut *work) {
                    (Some(number), [work]) if work.is_tabulated => {
                        let output = (number, &outputs[number]);
                        direct::places::<1, 1, F>(row, output, terms, network, work)
                    }
                    (_, work) => places(row, outputs, terms, network, work),
                };
                network.end_row(q, stride, gradient);
                for work in work.iter_mut() {
                    work.end_row(layout, queries, q);
                }
            }
            for work in work.iter_mut() {
                work.end_queries(queries);
            }
        }
    }
}

#[cfg(test)]
mod tests {

    use ndarray::Array2;

    use crate::engines::fused::Fused;
    use crate::inputs::{EvaluationSet, InputSpace, sampler::Batch};
    use crate::{Engine, Objective, OutputPositions, Teacher};
    use base::rng::normal;
    use base::rng::{Purpose, stream};

    #[test]
    fn rows_that_go_direct_have_the_bits_of_those_that_do_not() {
        let model = crate::test_models::load("frac_prevs");
        // The output counts at BOS or not.
        for positions in [OutputPositions::All, OutputPositions::Tokens] {
            let space = InputSpace::new(&model, &[5], false).unwrap();
            let size = space.size().unwrap();
            let evaluation = EvaluationSet::new(&space, 3);
            let objective = Objective {
                output_positions: positions,
                output_weight: 0.7,
                layer_weight: 1.3,
                ..Objective::default()
            };
            let teacher = Teacher::new(&model, space, evaluation);
            let mut direct = Fused::<f32>::new(teacher.clone(), objective.clone(), 1);
            let mut by_tiles = Fused::<f32>::new(teacher, objective, 1);
            let ways = [&mut direct, &mut by_tiles].map(|engine| engine.row_wise.as_mut().unwrap());
            assert_eq!(ways.each_ref().map(|way| way.direct.is_some()), [true; 2]);
            let [_, way] = ways;
            way.direct = None;
            for scale in [0.05, 0.3, 3.0] {
                let w = normal(&mut stream(5, Purpose::Init), (6, model.width()), scale);
                let members = (0..256).map(|k| k * k * 7 % size).collect();
                let batch = Batch::Members(members);
                let mut gradients = [Array2::zeros(w.dim()), Array2::zeros(w.dim())];
                let [ours, theirs] = &mut gradients;
                let loss = direct.loss_and_gradient(&w, &batch, ours);
                assert_eq!(by_tiles.loss_and_gradient(&w, &batch, theirs), loss);
                assert_eq!(ours, theirs);
                assert!(ours.iter().any(|x| *x != 0.0));
            }
        }
    }
}
