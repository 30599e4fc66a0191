//! A small space worked through row by row of the table, not input by input of the batch.
//!
//! Where the first live attention is the last block and its one value goes straight to one number of the output, what is
//! computed at a token position depends on the row `q` there and on two things more: which
//! tokens the left half of the positions has and which the right. So the token positions of a row are a table
//! of left by right combinations ([`halves`]), always in the same order, and a batch says only how
//! often each occurs. Nothing is looked up and nothing scattered.
//!
//! A softmax over all keys is made of sums over the keys of either half, which [`tabulated`] has for
//! every combination. A row that would lose digits that way somewhere has a softmax of its own for each half
//! ([`softmax`]). [`mod@places`] goes from either to the losses and back; [`head`] has what a row begins and ends with.

mod halves;
mod head;
mod places;
mod score;
mod softmax;
mod step;
mod tabulated;

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
use crate::teacher::Targets;
use halves::{Counts, Layout};
use head::{HeadGradients, HeadWork};
use places::{RowData, places};
use score::Score;

/// All that this way of computing needs.
#[derive(Debug)]
pub struct RowWise<F> {
    layout: Layout<F>,
    counts: Counts<F>,
    head: HeadWork<F>,
    score: Score<F>,
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
    ) -> Option<Self> {
        let layout = Layout::new(plan, halves, space, targets);
        let (attention, heads) = plan.first_attention()?;
        let stride = plan.table_rows().next_multiple_of(LANES);
        Some(Self {
            counts: Counts::new(halves),
            head: HeadWork::new(heads.first()?, &layout, stride),
            score: Score::new(plan, &plan.blocks[attention]),
            occurrences: vec![F::zero(); plan.table_rows()],
            counted: Vec::new(),
            layout,
            attention,
        })
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
        self.score.begin(&common.folded);
        let Some((_, [head, ..])) = plan.first_attention() else {
            return;
        };
        let z = &common.table.z[self.attention];
        logits(head, z, common.table.stride, &mut self.head.logits);
        rows(
            &self.layout,
            &self.counts,
            (&common.table, &common.outputs[self.attention]),
            (head, self.attention),
            (counted, terms),
            &mut self.score,
            &mut self.head,
            &mut self.occurrences,
            &mut gradients.table,
        );
        self.score.end(&mut gradients.folded);
        let dz = &mut gradients.table.z[self.attention];
        finish(head, z, common.table.stride, self.head.gradients(), dz);
        gradients.loss.layers += self.score.loss_layers.sum().widen();
        gradients.loss.output += self.score.loss_output.sum().widen();
    }
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
        read: (&'a Table<F>, &'a OutputMap<F>),
        attention: (&'a Head, usize),
        objective: (&'a [bool], Terms<'a>),
        score: &'a mut Score<F>,
        work: &'a mut HeadWork<F>,
        occurrences: &'a mut [F],
        gradient: &'a mut TableGradient<F>,
    ) {
        let (table, output) = read;
        let (head, number) = attention;
        let (counted, terms) = objective;
        let stride = table.stride;
        let v = &table.z[number][head.value.start * stride..head.value.end * stride];
        work.begin(layout, v);
        for queries in &layout.queries {
            work.begin_queries();
            for (q, own) in queries.rows.clone().zip(&queries.own) {
                work.begin_row(queries, q, v);
                score.begin_row(q, table);
                let row = RowData {
                    queries,
                    own,
                    counts,
                    targets: &layout.targets[q],
                    counted: counted[q],
                };
                occurrences[q] = places(row, output, terms, terms.factors[number], score, work);
                score.end_row(q, gradient);
                work.end_row(layout, queries, q);
            }
            work.end_queries(queries);
        }
    }
}
