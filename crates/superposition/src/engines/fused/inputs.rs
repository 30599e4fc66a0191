//! A batch as the engine works with it: each distinct input once, with its number of occurrences.

use ndarray::{ArrayView2, Axis};

use crate::engines::fused::plan::{Method, Plan, Work};
use crate::engines::fused::simd::Precision;
use crate::inputs::InputSpace;
use crate::inputs::sampler::Batch;

/// No row.
const NONE: u32 = u32::MAX;
/// Spaces up to this many tokens are kept as table rows, so that a batch is a list of numbers.
const KEPT_TOKENS: u64 = 1 << 21;

/// The distinct inputs of a batch.
#[derive(Debug)]
pub struct Inputs<F> {
    /// The (position, token) pairs of the table.
    pub rows: Vec<(usize, usize)>,
    /// How often each of them occurs in the batch.
    pub occurrences: Vec<F>,
    /// For each distinct input its rows, `[inputs · T]`.
    pub row_of: Vec<u32>,
    /// How often each distinct input occurs.
    pub weights: Vec<F>,
    /// For each its combination in each group of the plan's grouping, if it has one.
    pub combinations: Vec<u32>,
    /// Their numbers in the space, if the batch has them.
    pub members: Vec<u64>,
    /// Inputs of the batch, repetitions counted.
    pub size: usize,
    positions: usize,
    vocabulary: usize,
    fixed_rows: bool,
    /// The row of (position, token), or none: `[T · V]`.
    row_numbers: Vec<u32>,
    /// The first row of each position.
    first_row: Vec<u32>,
    /// `row_of` of the whole space, where it is kept.
    space_rows: Vec<u32>,
    /// `combinations` of the whole space.
    space_combinations: Vec<u32>,
    groups: usize,
    /// Where in the list of distinct inputs a member is, or none.
    slots: Vec<u32>,
    tokens: Vec<usize>,
}

/// A token in a place that the plan's table does not have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotInTable;

impl<F: Precision> Inputs<F> {
    /// Buffers for a plan and its space.
    pub fn new(plan: &Plan, space: &InputSpace) -> Self {
        let positions = plan.positions;
        let mut inputs = Self {
            rows: Vec::new(),
            occurrences: Vec::new(),
            row_of: Vec::new(),
            weights: Vec::new(),
            combinations: Vec::new(),
            members: Vec::new(),
            size: 0,
            positions,
            vocabulary: plan.vocabulary,
            fixed_rows: plan.rows.is_some(),
            row_numbers: vec![NONE; positions * plan.vocabulary],
            first_row: vec![0; positions],
            space_rows: Vec::new(),
            space_combinations: Vec::new(),
            groups: 0,
            slots: Vec::new(),
            tokens: vec![0; positions],
        };
        if let Some(rows) = &plan.rows {
            for (number, &(p, t)) in rows.iter().enumerate().rev() {
                inputs.row_numbers[p * plan.vocabulary + t] = number as u32;
                inputs.first_row[p] = number as u32;
            }
            inputs.rows.clone_from(rows);
        }
        if let Some(size) = space.size() {
            inputs.keep_space(plan, space, size);
        }
        inputs
    }

    /// Prepares the rows and combinations of a space that is small enough, and the places where
    /// repetitions are found.
    fn keep_space(&mut self, plan: &Plan, space: &InputSpace, size: u64) {
        if size * self.positions as u64 > KEPT_TOKENS || !self.fixed_rows {
            return;
        }
        self.slots = vec![NONE; size as usize];
        for member in 0..size {
            space.write_member(member, &mut self.tokens);
            for (p, &token) in self.tokens.iter().enumerate() {
                self.space_rows
                    .push(self.row_numbers[p * self.vocabulary + token]);
            }
        }
        let grouping = plan.blocks.iter().find_map(|block| match &block.work {
            Work::Attention {
                method: Method::Grouped(grouping),
                ..
            } => Some(grouping),
            _ => None,
        });
        if let Some(grouping) = grouping {
            self.groups = grouping.groups.len();
            let mut found = vec![0; self.groups];
            for rows in self.space_rows.chunks_exact(self.positions) {
                grouping.combinations(|p| (rows[p] - self.first_row[p]) as usize, &mut found);
                self.space_combinations.extend_from_slice(&found);
            }
        }
    }

    /// The table rows of each member of the space, in their order, where they are kept.
    pub fn space_rows(&self) -> impl Iterator<Item = &[u32]> {
        self.space_rows.chunks_exact(self.positions)
    }

    /// The number of distinct inputs.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Takes in a batch.
    ///
    /// # Errors
    /// If the plan's table lacks one of its tokens; then nothing of it is to be used.
    pub fn load(
        &mut self,
        batch: &Batch,
        space: &InputSpace,
        plan: &Plan,
    ) -> Result<(), NotInTable> {
        self.row_of.clear();
        self.weights.clear();
        self.combinations.clear();
        self.members.clear();
        if !self.fixed_rows {
            for (p, t) in self.rows.drain(..) {
                self.row_numbers[p * self.vocabulary + t] = NONE;
            }
        }
        match batch {
            Batch::Members(members) if !self.slots.is_empty() => self.load_members(members),
            Batch::Members(members) => {
                self.members.extend_from_slice(members);
                let mut tokens = std::mem::take(&mut self.tokens);
                let loaded = members.iter().try_for_each(|&member| {
                    space.write_member(member, &mut tokens);
                    self.push(tokens.iter().copied(), plan)
                });
                self.tokens = tokens;
                loaded?;
            }
            Batch::Sequences(sequences) => self.load_sequences(sequences.view(), plan)?,
        }
        self.size = batch.len();
        self.occurrences.clear();
        self.occurrences.resize(self.rows.len(), F::zero());
        for (rows, weight) in self.row_of.chunks_exact(self.positions).zip(&self.weights) {
            for row in rows {
                self.occurrences[*row as usize] += *weight;
            }
        }
        Ok(())
    }

    /// Each member once.
    fn load_members(&mut self, members: &[u64]) {
        for &member in members {
            let slot = &mut self.slots[member as usize];
            if *slot == NONE {
                *slot = self.weights.len() as u32;
                self.members.push(member);
                self.weights.push(F::one());
                let at = member as usize * self.positions;
                self.row_of
                    .extend_from_slice(&self.space_rows[at..at + self.positions]);
                let at = member as usize * self.groups;
                self.combinations
                    .extend_from_slice(&self.space_combinations[at..at + self.groups]);
            } else {
                self.weights[*slot as usize] += F::one();
            }
        }
        for member in &self.members {
            self.slots[*member as usize] = NONE;
        }
    }

    fn load_sequences(
        &mut self,
        sequences: ArrayView2<'_, usize>,
        plan: &Plan,
    ) -> Result<(), NotInTable> {
        sequences
            .axis_iter(Axis(0))
            .try_for_each(|tokens| self.push(tokens.iter().copied(), plan))
    }

    fn push(&mut self, tokens: impl Iterator<Item = usize>, plan: &Plan) -> Result<(), NotInTable> {
        for (p, token) in tokens.enumerate() {
            let number = &mut self.row_numbers[p * self.vocabulary + token];
            if *number == NONE {
                if self.fixed_rows {
                    return Err(NotInTable);
                }
                *number = self.rows.len() as u32;
                self.rows.push((p, token));
            }
            self.row_of.push(*number);
        }
        self.weights.push(F::one());
        let rows = &self.row_of[self.row_of.len() - self.positions..];
        for block in &plan.blocks {
            if let Work::Attention {
                method: Method::Grouped(grouping),
                ..
            } = &block.work
            {
                let start = self.combinations.len();
                self.combinations.resize(start + grouping.groups.len(), 0);
                grouping.combinations(
                    |p| (rows[p] - self.first_row[p]) as usize,
                    &mut self.combinations[start..],
                );
            }
        }
        Ok(())
    }
}
