//! `--simd`: which vector instructions the fused engine computes with.

use superposition::engines::fused::InstructionSet;

/// The option, for commands that train.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Instructions {
    /// Compute with these vector instructions (avx512, avx2, neon or baseline) and not with the widest that the
    /// processor has; the results are the same, byte for byte
    #[arg(long, value_name = "SET")]
    simd: Option<InstructionSet>,
}

impl Instructions {
    /// Uses them from now on. Parsing has refused what the processor lacks.
    pub fn select(self) {
        if let Some(set) = self.simd {
            set.select();
        }
    }
}
