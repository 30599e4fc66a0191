//! The blocks that are computed in the table: what they write in the compiled model, and their terms of
//! `L_layer`.

use ndarray::Array2;

use crate::engines::fused::fold::{Folded, Folder};
use crate::engines::fused::plan::{Domain, Plan};
use crate::engines::fused::simd::Precision;
use crate::engines::fused::table::Table;
use crate::engines::fused::{Fused, counts};
use tracr::model::Wiring;

impl<F: Precision> Fused<F> {
    /// Targets and counted positions of the table's rows.
    pub(super) fn describe_rows(&mut self) {
        let rows = &self.common.inputs.rows;
        self.table_targets = compiled_table(&self.plan, rows);
        let space = self.teacher.space();
        self.counted.clear();
        let objective = &self.objective;
        self.counted
            .extend(rows.iter().map(|row| counts(objective, space, row.1)));
    }

    /// The table blocks' own terms of `L_layer`, and where they begin to flow back.
    pub(super) fn table_losses(&mut self, factor: f64) {
        let gradients = &mut self.shares[0].gradients;
        let table = &self.common.table;
        for (i, block) in self.plan.blocks.iter().enumerate() {
            if block.domain == Domain::Batch {
                continue;
            }
            let own = self.factors[i];
            let mut sum = F::zero();
            for a in 0..block.columns.len() {
                let h = &table.h[i][a * table.stride..];
                let dh = &mut gradients.table.h[i][a * table.stride..];
                let targets = self.table_targets[i].column(a);
                let occurrences = &self.common.inputs.occurrences;
                for (((h, dh), target), n) in h.iter().zip(dh).zip(targets).zip(occurrences) {
                    let error = *h - F::from_f64(*target);
                    sum += *n * error * error;
                    *dh += F::from_f64(2.0 * factor * own) * *n * error;
                }
            }
            gradients.loss.layers += own * sum.widen();
        }
    }
}

/// What the table's blocks write in the compiled model (`G = 1`) at these rows.
fn compiled_table(plan: &Plan, rows: &[(usize, usize)]) -> Vec<Array2<f64>> {
    let mut folded = Folded::<f64>::zero(plan);
    Folder::new(plan, Wiring::default()).fold(None, &mut folded);
    let mut table = Table::new(plan);
    table.forward(plan, rows, &folded);
    plan.blocks
        .iter()
        .enumerate()
        .map(|(i, block)| match block.domain {
            Domain::Table => {
                Array2::from_shape_fn((rows.len(), block.columns.len()), |(row, a)| {
                    table.h[i][a * table.stride + row]
                })
            }
            Domain::Batch => Array2::zeros((0, 0)),
        })
        .collect()
}
