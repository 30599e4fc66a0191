//! The engine's step row by row.

use ndarray::Array2;

use crate::engines::fused::Fused;
use crate::engines::fused::common::Gradients;
use crate::engines::fused::loss::Terms;
use crate::engines::fused::simd::Precision;
use crate::objective::Loss;

impl<F: Precision> Fused<F> {
    /// A step on members of a space that is worked through row by row.
    pub(in crate::engines::fused) fn step_row_wise(
        &mut self,
        w: &Array2<f64>,
        members: &[u64],
        gradient: &mut Array2<f64>,
    ) -> Loss {
        let counted = match &self.row_wise {
            Some(row_wise) => row_wise.counted(members),
            None => 0.0,
        };
        let (output, layers) = self.scales(counted, members.len());
        let Self {
            plan,
            teacher,
            factors,
            common,
            folder,
            shares,
            row_wise,
            ..
        } = self;
        folder.fold(Some(w), &mut common.folded);
        let rows = &common.inputs.rows;
        common.table.forward(plan, rows, &common.folded);
        let gradients = &mut shares[0].gradients;
        gradients.clear_table(common);
        let terms = Terms {
            output_loss: teacher.output_loss(),
            output,
            layers,
            factors,
        };
        if let Some(row_wise) = row_wise {
            row_wise.run(plan, common, (members, &self.counted), terms, gradients);
            common.inputs.occurrences.clear();
            let occurrences = row_wise.occurrences();
            common.inputs.occurrences.extend_from_slice(occurrences);
        }
        self.table_losses(layers);
        let Gradients { folded, table, .. } = &mut self.shares[0].gradients;
        let common = &self.common;
        let rows = &common.inputs.rows;
        common
            .table
            .backward(&self.plan, rows, &common.folded, table, folded);
        self.folder.unfold(folded, gradient);
        self.mean_loss(counted, members.len(), w, gradient)
    }
}
