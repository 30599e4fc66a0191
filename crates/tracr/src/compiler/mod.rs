//! The compiler: from an expression graph to a transformer whose every feature has a name.
//!
//! The construction is that of *Tracr* (Lindner et al. 2023, sections 3 and 4), and the weights are
//! those of DeepMind's implementation, entry by entry. The stages, in order:
//!
//! 1. [`validate`]: what cannot be compiled whatever the vocabulary.
//! 2. [`lowering`]: what Tracr has no operator for, in operators that there are.
//! 3. [`program`]: the operators that count, selectors folded ([`selector`]), with Tracr's labels.
//! 4. [`inference`]: the values of each s-op ([`values`]), hence its features; notes on the values
//!    that are [`dropped`].
//! 5. [`layers`]: which operator goes into which layer.
//! 6. `sizes`: the size ([`report`](mod@report)), and a refusal before anything is built; with it the `plan` is made.
//! 7. [`craft`] and [`blocks`]: heads and MLPs.
//! 8. [`assemble`], [`labels`] and [`metadata`]: weights, names, and the rest of the model file.
//!
//! Every refusal and every note carries the node at fault ([`error`]).

pub mod assemble;
pub mod blocks;
pub mod craft;
pub mod dropped;
pub mod error;
pub mod inference;
pub mod labels;
pub mod layers;
pub mod lowering;
pub mod metadata;
mod options;
mod plan;
pub mod program;
pub mod report;
pub mod selector;
mod sizes;
#[cfg(test)]
pub mod test_graphs;
pub mod validate;
pub mod values;

use crate::model::{CompiledModel, Layer};
use crate::rasp::graph::{Graph, NodeId};

pub use error::{CompileError, Note, Notes, Problem, Reason};
pub use options::Options;
pub use plan::Plan;
pub use report::Report;

use blocks::Blocks;
use craft::Space;
use program::OpId;

/// Compiles the program whose output is `output`.
///
/// # Errors
/// As [`compile_with_report`].
pub fn compile(
    graph: &Graph,
    output: NodeId,
    options: &Options,
) -> Result<(CompiledModel, Notes), CompileError> {
    compile_with_report(graph, output, options).map(|(model, notes, _)| (model, notes))
}

/// Compiles the program whose output is `output`, and says how large the model is.
///
/// # Errors
/// If the options are out of range, the program is not supported, or the model would be larger
/// than `options.max_bytes`. Each problem names the expression at fault.
pub fn compile_with_report(
    graph: &Graph,
    output: NodeId,
    options: &Options,
) -> Result<(CompiledModel, Notes, Report), CompileError> {
    let plan = Plan::new(graph, output, options)?;
    let space = Space::new(&plan.program, &plan.inferred, options);
    let mut blocks = Blocks {
        lowered: &plan.lowered,
        program: &plan.program,
        inferred: &plan.inferred,
        space: &space,
        options,
        notes: plan.inferred.notes.clone(),
    };
    let layers = assemble::layers(&mut blocks, &plan.halves, &plan.report);
    let mut notes = blocks.notes;
    for note in &mut notes {
        note.node = plan.lowered.origin(note.node);
    }
    notes.sort_by_key(|note| note.node);
    let outputs = space.basis(&plan.program, &plan.inferred, OpId(0));
    let mut model = CompiledModel {
        metadata: metadata::of(&plan, &space, options),
        token_embed: assemble::token_embed(&plan.program, &space),
        pos_embed: assemble::pos_embed(&space, options.max_seq_len),
        unembed: assemble::unembed(&space, &outputs),
        layers: layers.iter().map(Layer::convert).collect(),
    };
    metadata::add_example(&mut model, options)?;
    Ok((model, notes, plan.report))
}

/// The size of the model that [`compile`] would build.
///
/// # Errors
/// As [`compile`].
pub fn report(graph: &Graph, output: NodeId, options: &Options) -> Result<Report, CompileError> {
    Plan::new(graph, output, options).map(|plan| plan.report)
}
