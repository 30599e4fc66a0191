//! Everything that is known before a weight is computed.

use super::error::CompileError;
use super::inference::{self, Inferred};
use super::layers::{self, HalfLayer};
use super::options::Options;
use super::program::Program;
use super::report::Report;
use super::{sizes, validate};
use crate::rasp::graph::{Graph, NodeId};

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
    pub(super) fn new(
        graph: &Graph,
        output: NodeId,
        options: &Options,
    ) -> Result<Self, CompileError> {
        validate::options(options)?;
        let program = Program::read(graph, output)?;
        let inferred = inference::infer(&program, options)?;
        let halves = layers::allocate(&program);
        let report = sizes::measure(&program, &inferred, &halves, options);
        sizes::check(&report, &program, &inferred, options)?;
        Ok(Self {
            program,
            inferred,
            halves,
            report,
        })
    }
}
