//! The compiler: from an expression graph to a transformer whose every feature has a name.
//!
//! The construction is that of *Tracr* (Lindner et al. 2023, sections 3 and 4), and the weights are
//! those of DeepMind's implementation, entry by entry. The stages, in order:
//!
//! 1. [`validate`]: what cannot be compiled whatever the vocabulary.
//! 2. [`program`]: the operators that count, selectors folded ([`selector`]), with Tracr's labels.
//! 3. [`inference`]: the values of each s-op ([`values`]), hence its features; notes on the values
//!    that are [`dropped`].
//! 4. [`layers`]: which operator goes into which layer.
//! 5. [`report`](mod@report): the size, and a refusal before anything is built.
//! 6. [`craft`] and [`blocks`]: heads and MLPs.
//! 7. [`assemble`], [`labels`] and [`metadata`]: weights, names, and the rest of the model file.
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
pub mod metadata;
pub mod program;
pub mod report;
pub mod selector;
#[cfg(test)]
pub mod test_graphs;
pub mod validate;
pub mod values;

use crate::model::{CompiledModel, Layer, Value};
use crate::rasp::graph::{Graph, NodeId};

pub use error::{CompileError, Note, Notes, Problem, Reason};
pub use report::Report;

use blocks::Blocks;
use craft::Space;
use inference::Inferred;
use layers::HalfLayer;
use program::{OpId, Program};

/// How a program is to be compiled.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program's name, for people.
    pub program_name: String,
    /// The tokens, all different in Python's eyes, without BOS and PAD.
    pub vocab: Vec<Value>,
    /// The longest input, BOS not counted.
    pub max_seq_len: usize,
    /// Whether a position attends only to itself and to those before it.
    pub causal: bool,
    /// `L`, the slope of thresholds on numbers. Tracr's default is 100; lower is less exact.
    pub mlp_exactness: f64,
    /// The token at position 0.
    pub bos: Value,
    /// The token that fills up short inputs.
    pub pad: Value,
    /// Whether the program is defined only for inputs without repeated tokens.
    pub unique_tokens: bool,
    /// An input to keep in the model file, with what the program says to it (`None` where it is
    /// undefined).
    pub example: Option<(Vec<Value>, Option<Vec<Value>>)>,
    /// A model with more bytes of weights is refused.
    pub max_bytes: u64,
}

impl Options {
    /// The defaults: not causal, `mlp_exactness` 100, `BOS`, `compiler_pad`, no more than 1 GiB.
    pub fn new(program_name: &str, vocab: Vec<Value>, max_seq_len: usize) -> Self {
        Self {
            program_name: program_name.to_owned(),
            vocab,
            max_seq_len,
            causal: false,
            mlp_exactness: 100.0,
            bos: Value::Str("BOS".into()),
            pad: Value::Str("compiler_pad".into()),
            unique_tokens: false,
            example: None,
            max_bytes: base::limits::COMPILED_BYTES,
        }
    }
}

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
        program: &plan.program,
        inferred: &plan.inferred,
        space: &space,
        options,
        notes: plan.inferred.notes.clone(),
    };
    let layers = assemble::layers(&mut blocks, &plan.halves, &plan.report);
    let mut notes = blocks.notes;
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

/// Everything that is known before a weight is computed.
pub struct Plan {
    /// The operators.
    pub program: Program,
    /// Their values.
    pub inferred: Inferred,
    /// Their layers.
    pub halves: Vec<HalfLayer>,
    /// The sizes.
    pub report: Report,
}

impl Plan {
    fn new(graph: &Graph, output: NodeId, options: &Options) -> Result<Self, CompileError> {
        validate::options(options)?;
        let program = Program::read(graph, output)?;
        let inferred = inference::infer(&program, options)?;
        let halves = layers::allocate(&program);
        let report = report::measure(&program, &inferred, &halves, options);
        report::check(&report, &program, &inferred, options)?;
        Ok(Self {
            program,
            inferred,
            halves,
            report,
        })
    }
}
