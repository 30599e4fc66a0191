//! Which matrix each writer and each reader of the compressed stream uses.
//!
//! The paper has one `W` for all of them. Its variants have several, all of shape `[d, D]`, stacked
//! below each other as one matrix `[k·d, D]`, so that whatever trains or stores `W` need not know:
//!
//! | variant | matrices |
//! |---|---|
//! | tied | `W` |
//! | untied | `W_read`, `W_write` |
//! | one a block | `W.embed`, `W.layer0.attn`, ..., `W.unembed` |
//! | one a block, untied | `W_write.embed`, `W_read.layer0.attn`, `W_write.layer0.attn`, ..., `W_read.unembed` |
//!
//! The stream has `d` dimensions throughout. What writer `s` writes to it and reader `i` reads is
//! multiplied by
//!
//! ```text
//! G_{s→i} = W_{write(s)}ᵀ · W_{read(i)}
//! ```
//!
//! so block `i` reads `Σ_s h̃_s·G_{s→i}`, where `s` runs over the embedding and all blocks before `i`.
//! With one matrix a block, `G_{j→i} = W_jᵀ·W_i`: what block `j` writes with its own matrix, block `i`
//! reads with its own. Blocks that never write (dead ones) have no matrix.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis};

use super::compiled::{CompiledModel, Site, block_name};
use super::real::Real;

/// What reads from the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// Block `i`: attention of layer `i / 2` if even, else its MLP.
    Block(usize),
    /// The unembedding.
    Unembedding,
}

impl Reader {
    /// `layer0.attn`, ..., or `unembed`.
    pub fn name(self) -> String {
        match self {
            Self::Block(i) => block_name(i),
            Self::Unembedding => "unembed".into(),
        }
    }
}

/// The matrices' names and who uses which. The default is the paper's: one `W`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    names: Vec<String>,
    /// By block, then the unembedding; empty where there is one matrix.
    reads: Vec<usize>,
    /// The embedding, then by block; empty where there is one matrix.
    writes: Vec<usize>,
}

impl Default for Wiring {
    fn default() -> Self {
        Self {
            names: vec!["W".into()],
            reads: Vec::new(),
            writes: Vec::new(),
        }
    }
}

impl Wiring {
    /// The matrices of a variant for a model: `tied` ones read and write, `per_block` ones belong to
    /// one block each.
    pub fn new(model: &CompiledModel, tied: bool, per_block: bool) -> Self {
        let blocks = 2 * model.layers.len();
        if !per_block {
            return if tied {
                Self::default()
            } else {
                Self {
                    names: vec!["W_read".into(), "W_write".into()],
                    reads: vec![0; blocks + 1],
                    writes: vec![1; blocks + 1],
                }
            };
        }
        let mut wiring = Self {
            names: Vec::new(),
            reads: Vec::new(),
            writes: Vec::new(),
        };
        let (read, write) = if tied {
            ("W", "W")
        } else {
            ("W_read", "W_write")
        };
        let embedding = wiring.add(format!("{write}.embed"));
        wiring.writes.push(embedding);
        for (i, name) in model.block_names().into_iter().enumerate() {
            let layer = &model.layers[i / 2];
            let dead = if i.is_multiple_of(2) {
                layer.attention_is_dead()
            } else {
                layer.mlp_is_dead()
            };
            let (mut reads, mut writes) = (embedding, embedding);
            if !dead {
                reads = wiring.add(format!("{read}.{name}"));
                writes = if tied {
                    reads
                } else {
                    wiring.add(format!("{write}.{name}"))
                };
            }
            wiring.reads.push(reads);
            wiring.writes.push(writes);
        }
        let unembedding = wiring.add(format!("{read}.unembed"));
        wiring.reads.push(unembedding);
        wiring
    }

    /// The variant of a model whose matrices have these names, in any order.
    pub fn named(model: &CompiledModel, names: &[String]) -> Option<Self> {
        let mut sorted = names.to_vec();
        sorted.sort();
        [(true, false), (false, false), (true, true), (false, true)]
            .into_iter()
            .map(|(tied, per_block)| Self::new(model, tied, per_block))
            .find(|wiring| {
                let mut own = wiring.names.clone();
                own.sort();
                own == sorted
            })
    }

    fn add(&mut self, name: String) -> usize {
        self.names.push(name);
        self.names.len() - 1
    }

    /// The matrices' names, in the order in which they are stacked.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many matrices there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether one matrix does everything.
    pub fn is_single(&self) -> bool {
        self.names.len() == 1
    }

    /// The number of the matrix that a reader reads with.
    pub fn read(&self, reader: Reader) -> usize {
        let at = match reader {
            Reader::Block(i) => self.reads.get(i),
            Reader::Unembedding => self.reads.last(),
        };
        at.copied().unwrap_or(0)
    }

    /// The number of the matrix that a site writes with.
    pub fn write(&self, site: Site) -> usize {
        let at = match site {
            Site::Embedding => self.writes.first(),
            Site::Block(i) => self.writes.get(i + 1),
        };
        at.copied().unwrap_or(0)
    }

    /// Which matrix writes what another, or the same, reads: each pair once, in the order of the
    /// readers.
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        match self.count() {
            1 => return vec![(0, 0)],
            2 => return vec![(self.writes[0], self.reads[0])],
            _ => {}
        }
        let embedding = self.write(Site::Embedding);
        let mut writers = vec![embedding];
        let mut pairs = Vec::new();
        for (i, &reads) in self.reads.iter().enumerate() {
            if reads == embedding {
                continue; // a dead block: nothing reads with the embedding's matrix
            }
            pairs.extend(writers.iter().map(|writes| (*writes, reads)));
            writers.extend(self.writes.get(i + 1));
        }
        pairs
    }

    /// The rows of matrix `number` in the stack of `rows` rows.
    pub fn rows(&self, number: usize, rows: usize) -> Range<usize> {
        let d = rows / self.count();
        number * d..(number + 1) * d
    }

    /// Matrix `number` `[d, D]` of the stack `w` `[k·d, D]`.
    pub fn matrix<'a, F: Real>(&self, w: &'a Array2<F>, number: usize) -> ArrayView2<'a, F> {
        w.slice_axis(Axis(0), self.rows(number, w.nrows()).into())
    }

    /// `d`, the width of the compressed stream, for the stack `w`.
    pub fn width<F>(&self, w: &Array2<F>) -> usize {
        w.nrows() / self.count()
    }

    /// `G_{s→i}` `[D, D]`: row `a`, column `b` is how strongly the reader hears feature `a` of that
    /// writer as its feature `b`.
    pub fn gram<F: Real>(&self, w: &Array2<F>, from: Site, to: Reader) -> Array2<F> {
        let write = self.matrix(w, self.write(from));
        write.t().dot(&self.matrix(w, self.read(to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_models::load;

    #[test]
    fn one_matrix_does_everything_in_the_paper() {
        let wiring = Wiring::new(&load("frac_prevs"), true, false);
        assert_eq!(wiring, Wiring::default());
        assert!(wiring.is_single());
        assert_eq!(wiring.read(Reader::Block(3)), 0);
        assert_eq!(wiring.write(Site::Block(3)), 0);
    }

    #[test]
    fn a_block_that_never_writes_has_no_matrix() {
        // frac_prevs: the first attention and the last MLP are dead.
        let model = load("frac_prevs");
        let tied = Wiring::new(&model, true, true);
        assert_eq!(
            tied.names(),
            ["W.embed", "W.layer0.mlp", "W.layer1.attn", "W.unembed"]
        );
        assert_eq!(tied.read(Reader::Block(1)), tied.write(Site::Block(1)));
        assert_eq!(tied.read(Reader::Unembedding), 3);
        assert_eq!(tied.write(Site::Embedding), 0);
        let untied = Wiring::new(&model, false, true);
        assert_eq!(untied.count(), 6);
        assert_eq!(
            untied.read(Reader::Block(2)) + 1,
            untied.write(Site::Block(2))
        );
        // Each of the three readers with all that is written before it.
        let pairs = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];
        assert_eq!(tied.pairs(), pairs);
        assert_eq!(untied.pairs()[..3], [(0, 1), (0, 3), (2, 3)]);
    }

    #[test]
    fn names_tell_the_variant() {
        let model = load("frac_prevs");
        for (tied, per_block) in [(true, false), (false, false), (true, true), (false, true)] {
            let wiring = Wiring::new(&model, tied, per_block);
            let mut names = wiring.names().to_vec();
            names.reverse();
            assert_eq!(Wiring::named(&model, &names), Some(wiring));
        }
        assert_eq!(Wiring::named(&model, &["W_read".into()]), None);
    }

    #[test]
    fn a_gram_matrix_is_what_one_writes_and_another_reads() {
        let model = load("frac_prevs");
        let wiring = Wiring::new(&model, false, false);
        // d = 1: W_read = (0, 1, 2, ...), W_write = (100, 101, ...).
        let width = model.width();
        let w = Array2::from_shape_fn((2, width), |(k, i)| (100 * k + i) as f64);
        let gram = wiring.gram(&w, Site::Embedding, Reader::Unembedding);
        assert_eq!(gram[[3, 5]], 103.0 * 5.0);
        assert_eq!(wiring.width(&w), 1);
    }
}
