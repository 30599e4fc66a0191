//! What the pieces of a batch share: the folded matrices, the tables, and where gradients meet.

use crate::engines::fused::fold::Folded;
use crate::engines::fused::inputs::Inputs;
use crate::engines::fused::mlp::OutputMap;
use crate::engines::fused::passes::pieces::factored::Core;
use crate::engines::fused::passes::pieces::grouped::{Collected, Tables};
use crate::engines::fused::plan::{Method, Plan, Work};
use crate::engines::fused::simd::Precision;
use crate::engines::fused::table::{Table, TableGradient};
use crate::objective::Loss;

/// All that the pieces of a batch have in common.
#[derive(Debug)]
pub struct Common<F> {
    /// The batch.
    pub inputs: Inputs<F>,
    /// `P`.
    pub folded: Folded<F>,
    /// What depends on (position, token) alone.
    pub table: Table<F>,
    /// The heads of the attention that is taken from tables, if there is one.
    pub tables: Vec<Tables<F>>,
    /// The heads of the attention that is computed from pairs of sources, if there is one.
    pub cores: Vec<Core<F>>,
    /// The output maps of the blocks.
    pub outputs: Vec<OutputMap<F>>,
}

/// Where a piece adds its gradients.
#[derive(Clone, Debug)]
pub struct Gradients<F> {
    /// `dL/dP` of what is computed for each sequence.
    pub folded: Folded<F>,
    /// `dL/dz` of the table.
    pub table: TableGradient<F>,
    /// Of the attention that is taken from tables.
    pub collected: Vec<Collected<F>>,
    /// `dL/dC` of the attention that is computed from pairs of sources.
    pub cores: Vec<Core<F>>,
    /// Sums of the loss parts, not yet divided.
    pub loss: Loss,
}

impl<F: Precision> Common<F> {
    /// Buffers for a plan.
    pub fn new(plan: &Plan, inputs: Inputs<F>) -> Self {
        let outputs = plan.blocks.iter().map(|block| match &block.work {
            Work::Mlp { weights } => OutputMap::new(weights.iter().copied(), &block.bias),
            Work::Attention { heads, .. } => {
                let weights = heads.iter().flat_map(|h| h.output.iter().copied());
                OutputMap::new(weights, &block.bias)
            }
        });
        let (mut tables, mut cores) = (Vec::new(), Vec::new());
        match plan.table_attention() {
            Some((_, heads, Method::Grouped(grouping))) => {
                tables.extend(heads.iter().map(|h| Tables::new(plan, h, grouping)));
            }
            Some((i, heads, _)) => cores.extend(heads.iter().map(|h| Core::zero(plan, i, h))),
            None => {}
        }
        Self {
            inputs,
            folded: Folded::zero(plan),
            table: Table::new(plan),
            tables,
            cores,
            outputs: outputs.collect(),
        }
    }

    /// Everything before the first piece: the table, and the tables of the first attention.
    pub fn prepare(&mut self, plan: &Plan) {
        self.table.forward(plan, &self.inputs.rows, &self.folded);
        let Some((i, heads, _)) = plan.table_attention() else {
            return;
        };
        for (head, tables) in heads.iter().zip(&mut self.tables) {
            tables.tabulate(head, &self.table.z[i]);
        }
        for (head, core) in heads.iter().zip(&mut self.cores) {
            core.tabulate(plan, i, head, &self.folded.readers[i]);
        }
    }

    /// Everything after the last piece: from the tables' gradients to `dL/dP`.
    pub fn finish(&mut self, plan: &Plan, gradients: &mut Gradients<F>) {
        let Gradients {
            folded,
            table,
            collected,
            cores,
            ..
        } = gradients;
        if let Some((i, heads, _)) = plan.table_attention() {
            let z = &self.table.z[i];
            for ((head, tables), collected) in heads.iter().zip(&mut self.tables).zip(collected) {
                tables.finish(head, z, collected, &mut table.z[i]);
            }
            let p = &self.folded.readers[i];
            for (head, core) in heads.iter().zip(cores) {
                core.finish(plan, i, head, p, &mut folded.readers[i]);
            }
        }
        self.table
            .backward(plan, &self.inputs.rows, &self.folded, table, folded);
    }
}

impl<F: Precision> Gradients<F> {
    /// None, in the shapes of `common`.
    pub fn zero(plan: &Plan, common: &Common<F>) -> Self {
        Self {
            folded: Folded::zero(plan),
            table: TableGradient::zero(&common.table),
            collected: common.tables.iter().map(Collected::new).collect(),
            cores: common.cores.clone(),
            loss: Loss::default(),
        }
    }

    /// Sets all to zero.
    pub fn clear(&mut self, common: &Common<F>) {
        self.clear_table(common);
        self.collected.iter_mut().for_each(Collected::clear);
        self.cores.iter_mut().for_each(Core::clear);
    }

    /// Sets to zero all but what is collected for the first attention.
    pub fn clear_table(&mut self, common: &Common<F>) {
        self.folded.clear();
        self.table.clear(&common.table);
        self.loss = Loss::default();
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.folded.add(&other.folded);
        self.table.add(&other.table);
        for (mine, theirs) in self.collected.iter_mut().zip(&other.collected) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.cores.iter_mut().zip(&other.cores) {
            mine.add(theirs);
        }
        self.loss.output += other.loss.output;
        self.loss.layers += other.loss.layers;
    }
}
