//! Everything that is known before a weight is computed.

use super::error::CompileError;
use super::inference::{self, Inferred};
use super::layers::{self, HalfLayer};
use super::lowering::{self, Lowered};
use super::options::Options;
use super::program::Program;
use super::report::Report;
use super::{sizes, validate};
use crate::rasp::graph::{Graph, NodeId};

/// Everything that is known before a weight is computed.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The graph that is compiled.
    pub lowered: Lowered<'a>,
    /// The operators.
    pub program: Program,
    /// Their values.
    pub inferred: Inferred,
    /// Their layers.
    pub halves: Vec<HalfLayer>,
    /// The sizes.
    pub report: Report,
}

impl<'a> Plan<'a> {
    /// Of the program whose output is `output`. Problems and notes are about nodes of the lowered graph.
    ///
    /// # Errors
    /// As [`compile`](super::compile); these are about nodes of the program.
    pub fn new(graph: &'a Graph, output: NodeId, options: &Options) -> Result<Self, CompileError> {
        validate::options(options)?;
        let lowered = lowering::lower(graph, output)?;
        let blamed = |error: CompileError| CompileError {
            problems: error
                .problems
                .into_iter()
                .map(|problem| lowered.blamed(problem))
                .collect(),
        };
        let program = Program::read(&lowered.graph, lowered.output).map_err(blamed)?;
        let inferred =
            inference::infer(&program, options).map_err(|problem| blamed(problem.into()))?;
        let halves = layers::allocate(&program);
        let mut report = sizes::measure(&program, &inferred, &halves, options);
        report.added = sizes::added(&lowered.added, &program, &inferred);
        sizes::check(&report, &program, &inferred, options)
            .map_err(|problem| blamed(problem.into()))?;
        Ok(Self {
            lowered,
            program,
            inferred,
            halves,
            report,
        })
    }
}
