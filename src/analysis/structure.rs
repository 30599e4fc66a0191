//! Which features form a variable, what writes each, and whether anything that matters reads it.

use ndarray::{Array1, Array2, ArrayView1};

use tracr::model::{CompiledModel, Layer, Linear, Site};

/// The features of one s-op: all `target_pos:*`, or the single `is_x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// The labels' part before the first `:`.
    pub name: String,
    /// Its dimensions, in the residual stream's order.
    pub dims: Vec<usize>,
    /// What writes them; almost always one. A model may have dimensions that nothing writes.
    pub sites: Vec<Site>,
}

/// A compiled model seen as variables.
#[derive(Clone, Debug)]
pub struct Structure {
    /// In the order of their first dimension.
    pub variables: Vec<Variable>,
    /// Per feature, whether a weight on the way to the output reads it after it was written.
    pub read: Vec<bool>,
    /// Per block, the dimensions that it can write; all others are zero in its output.
    pub written: Vec<Vec<usize>>,
}

/// The part of a feature's name that its variable's features share: `tokens:x` belongs to `tokens`.
pub fn variable_of(label: &str) -> &str {
    label.split_once(':').map_or(label, |(name, _)| name)
}

impl Structure {
    /// Reads it off labels and weights.
    pub fn new(model: &CompiledModel) -> Self {
        let mut variables: Vec<Variable> = Vec::new();
        for (dim, label) in model.metadata.residual_labels.iter().enumerate() {
            let name = variable_of(label);
            match variables.iter_mut().find(|v| v.name == name) {
                Some(variable) => variable.dims.push(dim),
                None => variables.push(Variable {
                    name: name.to_owned(),
                    dims: vec![dim],
                    sites: Vec::new(),
                }),
            }
        }
        let writes = written_by_site(model);
        for variable in &mut variables {
            variable.sites = writes
                .iter()
                .filter(|(_, written)| variable.dims.iter().any(|d| written[*d]))
                .map(|(site, _)| *site)
                .collect();
        }
        Self {
            variables,
            read: read_features(model, &writes),
            written: writes[1..]
                .iter()
                .map(|(_, written)| (0..written.len()).filter(|d| written[*d]).collect())
                .collect(),
        }
    }

    /// Those of the dimensions that something on the way to the output reads.
    pub fn read_dims(&self, dims: impl IntoIterator<Item = usize>) -> Vec<usize> {
        dims.into_iter().filter(|d| self.read[*d]).collect()
    }

    /// The dimensions of a variable that something reads.
    pub fn read_dims_of(&self, variable: &Variable) -> Vec<usize> {
        self.read_dims(variable.dims.iter().copied())
    }

    /// Each variable with each site that writes it.
    pub fn writings(&self) -> impl Iterator<Item = (&Variable, Site)> {
        self.variables
            .iter()
            .flat_map(|v| v.sites.iter().map(move |site| (v, *site)))
    }
}

/// Which dimensions each site can write, in the order of the forward pass.
fn written_by_site(model: &CompiledModel) -> Vec<(Site, Vec<bool>)> {
    let width = model.width();
    let embedded = (0..width)
        .map(|d| {
            let mut entries = model.token_embed.column(d).to_vec();
            entries.extend(model.pos_embed.column(d));
            entries.iter().any(|x| *x != 0.0)
        })
        .collect();
    let blocks = model.layers.iter().flat_map(|l| [&l.output, &l.fc2]);
    let by_block = blocks.enumerate().map(|(i, linear)| {
        let written = (0..width).map(|d| linear.bias[d] != 0.0 || any(linear.weight.column(d)));
        (Site::Block(i), written.collect())
    });
    std::iter::once((Site::Embedding, embedded))
        .chain(by_block)
        .collect()
}

/// Walks back from the output: a feature is read if, after one of its writings, something reads it
/// whose own output matters.
fn read_features(model: &CompiledModel, writes: &[(Site, Vec<bool>)]) -> Vec<bool> {
    let width = model.width();
    let mut needed: Vec<bool> = (0..width).map(|d| any(model.unembed.row(d))).collect();
    let mut read = vec![false; width];
    for (site, written) in writes.iter().rev() {
        for d in 0..width {
            read[d] |= written[d] && needed[d];
        }
        if let Site::Block(i) = site {
            let layer = &model.layers[i / 2];
            let reads = if i.is_multiple_of(2) {
                attention_reads(layer, model.metadata.key_size, &needed)
            } else {
                mlp_reads(layer, &needed)
            };
            needed.iter_mut().zip(reads).for_each(|(n, r)| *n |= r);
        }
    }
    read
}

/// Which dimensions the heads read that write something needed.
fn attention_reads(layer: &Layer<f64>, key_size: usize, needed: &[bool]) -> Vec<bool> {
    let mut reads = vec![false; needed.len()];
    for head in 0..layer.query.bias.len() / key_size.max(1) {
        let columns = head * key_size..(head + 1) * key_size;
        let useful: Vec<usize> = columns
            .clone()
            .filter(|c| writes_needed(&layer.output.weight, *c, needed))
            .collect();
        if useful.is_empty() {
            continue;
        }
        // A score is a sum over columns of query times key: both sides must be there.
        let alive =
            |linear: &Linear<f64>, c: usize| linear.bias[c] != 0.0 || any(linear.weight.column(c));
        let scoring: Vec<usize> = columns
            .filter(|c| alive(&layer.query, *c) && alive(&layer.key, *c))
            .collect();
        for (d, read) in reads.iter_mut().enumerate() {
            let entry = |m: &Array2<f64>, c: &usize| m[[d, *c]] != 0.0;
            *read |= useful.iter().any(|c| entry(&layer.value.weight, c))
                || scoring
                    .iter()
                    .any(|c| entry(&layer.query.weight, c) || entry(&layer.key.weight, c));
        }
    }
    reads
}

/// Which dimensions the hidden units read that write something needed.
fn mlp_reads(layer: &Layer<f64>, needed: &[bool]) -> Vec<bool> {
    let useful: Vec<usize> = (0..layer.fc1.bias.len())
        .filter(|unit| writes_needed(&layer.fc2.weight, *unit, needed))
        .collect();
    (0..needed.len())
        .map(|d| useful.iter().any(|u| layer.fc1.weight[[d, *u]] != 0.0))
        .collect()
}

fn writes_needed(weight: &Array2<f64>, row: usize, needed: &[bool]) -> bool {
    weight
        .row(row)
        .iter()
        .zip(needed)
        .any(|(x, needed)| *x != 0.0 && *needed)
}

fn any(entries: ArrayView1<'_, f64>) -> bool {
    entries.iter().any(|x| *x != 0.0)
}

/// The columns `dims` of a matrix's row.
pub fn part(row: ArrayView1<'_, f64>, dims: &[usize]) -> Array1<f64> {
    dims.iter().map(|d| row[*d]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;

    fn variable<'a>(structure: &'a Structure, name: &str) -> &'a Variable {
        structure.variables.iter().find(|v| v.name == name).unwrap()
    }

    #[test]
    fn frac_prevs_consists_of_five_variables() {
        let model = test_models::load("frac_prevs");
        let structure = Structure::new(&model);
        let names: Vec<&str> = structure
            .variables
            .iter()
            .map(|v| v.name.as_str())
            .collect();
        assert_eq!(names, ["frac_prevs", "indices", "is_x", "one", "tokens"]);
        assert_eq!(variable(&structure, "tokens").sites, [Site::Embedding]);
        assert_eq!(variable(&structure, "is_x").sites, [Site::Block(1)]);
        assert_eq!(variable(&structure, "frac_prevs").sites, [Site::Block(2)]);
        // is_x is made of tokens:x alone; the other letters map to 0, which needs no reading.
        let read = |label: &str| {
            let labels = &model.metadata.residual_labels;
            structure.read[labels.iter().position(|l| l == label).unwrap()]
        };
        for label in ["tokens:x", "is_x", "indices:4", "frac_prevs", "tokens:BOS"] {
            assert!(read(label), "{label}");
        }
        for label in ["tokens:a", "tokens:b", "tokens:c", "tokens:compiler_pad"] {
            assert!(!read(label), "{label}");
        }
    }

    #[test]
    fn what_only_a_useless_block_reads_is_not_read() {
        let mut model = test_models::load("frac_prevs");
        model.unembed.fill(0.0);
        assert!(Structure::new(&model).read.iter().all(|read| !read));
        let mut model = test_models::load("frac_prevs");
        // frac_prevs is written last: what would read it again comes too early.
        let dim = 0;
        model.unembed.fill(0.0);
        model.unembed[[6, 0]] = 1.0;
        let structure = Structure::new(&model);
        assert_eq!(model.metadata.residual_labels[6], "is_x");
        assert!(!structure.read[dim] && structure.read[6]);
        assert!(!structure.read[1], "positions serve frac_prevs alone");
    }

    #[test]
    fn writings_are_each_variables_sites() {
        let structure = Structure::new(&test_models::load("frac_prevs"));
        let writings: Vec<_> = structure
            .writings()
            .map(|(v, site)| (v.name.as_str(), site))
            .collect();
        assert_eq!(
            writings,
            [
                ("frac_prevs", Site::Block(2)),
                ("indices", Site::Embedding),
                ("is_x", Site::Block(1)),
                ("one", Site::Embedding),
                ("tokens", Site::Embedding),
            ]
        );
    }

    #[test]
    fn dimensions_that_are_read_stay_in_their_order() {
        // tokens:BOS is dimension 8, tokens:a 9, tokens:x 13, and is_x 6.
        let structure = Structure::new(&test_models::load("frac_prevs"));
        let tokens = variable(&structure, "tokens");
        assert_eq!(tokens.dims, [8, 9, 10, 11, 12, 13]);
        assert_eq!(structure.read_dims_of(tokens), [8, 13]);
        assert_eq!(structure.read_dims([13, 9, 6, 8]), [13, 6, 8]);
    }

    #[test]
    fn a_part_is_the_named_columns_in_their_order() {
        let row = ndarray::array![5.0, 6.0, 7.0];
        assert_eq!(part(row.view(), &[2, 0]), ndarray::array![7.0, 5.0]);
    }

    #[test]
    fn attention_reads_what_its_heads_need_for_what_is_needed() {
        // Five dimensions, two heads of key size 2: columns 0 and 1, columns 2 and 3.
        let matrix = |shape: (usize, usize), entries: &[[usize; 2]]| {
            let mut matrix = Array2::<f64>::zeros(shape);
            entries.iter().for_each(|entry| matrix[*entry] = 1.0);
            matrix
        };
        let linear = |shape, entries: &[[usize; 2]]| Linear {
            weight: matrix(shape, entries),
            bias: Array1::zeros(shape.1),
        };
        let mut layer = Layer {
            // Head 0 compares dimension 4 with itself, head 1 dimension 2 with nothing.
            query: linear((5, 4), &[[4, 0], [2, 3]]),
            key: linear((5, 4), &[[4, 0]]),
            // Head 0 brings dimension 0 to 3, head 1 dimension 1 to 2.
            value: linear((5, 4), &[[0, 0], [1, 2]]),
            output: linear((4, 5), &[[0, 3], [2, 2]]),
            fc1: linear((5, 1), &[]),
            fc2: linear((1, 5), &[]),
        };
        let reads = |layer: &Layer<f64>, needed: usize| -> Vec<usize> {
            let needed: Vec<bool> = (0..5).map(|d| d == needed).collect();
            let reads = attention_reads(layer, 2, &needed);
            (0..5).filter(|d| reads[*d]).collect()
        };
        assert_eq!(reads(&layer, 3), [0, 4]);
        assert_eq!(reads(&layer, 2), [1]);
        assert_eq!(reads(&layer, 0), [] as [usize; 0]);
        // A key that is the same everywhere is something to compare with.
        layer.key.bias[3] = 1.0;
        assert_eq!(reads(&layer, 2), [1, 2]);
    }
}
