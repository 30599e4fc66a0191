//! The engine's step sixteen sequences at a time.

use ndarray::Array2;

use crate::engines::fused::Fused;
use crate::engines::fused::loss::Terms;
use crate::engines::fused::simd::Precision;
use crate::objective::Loss;

impl<F: Precision> Fused<F> {
    /// A step on members of a space that is worked through sixteen sequences at a time.
    pub(in crate::engines::fused) fn step_sequence_wise(
        &mut self,
        w: &Array2<f64>,
        members: &[u64],
        gradient: &mut Array2<f64>,
    ) -> Loss {
        let counted = match &self.sequence_wise {
            Some(sequence_wise) => sequence_wise.counted(members),
            None => 0.0,
        };
        let (output, layers) = self.scales(counted, members.len());
        let Self {
            teacher,
            factors,
            common,
            folder,
            shares,
            sequence_wise,
            ..
        } = self;
        folder.fold(Some(w), &mut common.folded);
        let terms = Terms {
            output_loss: teacher.output_loss(),
            output,
            layers,
            factors,
        };
        let gradients = &mut shares[0].gradients;
        if let Some(sequence_wise) = sequence_wise {
            sequence_wise.run(common, members, terms, gradients);
        }
        self.folder.unfold(&gradients.folded, gradient);
        self.mean_loss(counted, members.len(), w, gradient)
    }
}
