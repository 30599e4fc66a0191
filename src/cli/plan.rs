//! `--plan`: what the fused engine computes in a step of training.

use super::failure::Failure;
use super::terminal;
use superposition::engines::fused::InstructionSet;
use superposition::engines::fused::plan::Plan;
use superposition::inputs::InputSpace;
use tracr::model::{CompiledModel, Frozen};

/// Prints the plan for a model on an input space, and what a step costs.
pub fn print(model: &CompiledModel, space: &InputSpace, batch_size: usize) -> Result<(), Failure> {
    let plan = Plan::new(&Frozen::new(model), space, false);
    let used = InstructionSet::used();
    let flops = plan.flops_per_step(batch_size as f64);
    terminal::print(&format!(
        "{plan}instructions: {}{}\na step with a batch of {batch_size}: about {flops:.3e} floating-point operations, for any d\n",
        used.name(),
        if used == InstructionSet::widest() {
            ", the widest of this processor"
        } else {
            ""
        },
    ))?;
    Ok(())
}
