//! `G`: how strongly readers read what is written in the direction of each feature.
//!
//! With one `W`, `G = WᵀW`. With several ([`tracr::model::wiring`]) there is one
//! `G_{s→i} = W_{write(s)}ᵀ·W_{read(i)}` for each writer and each later reader, row `a` for what is written,
//! column `b` for what is read, and not symmetric. [`write_read_grams`] lists them; [`gram`] is the one that
//! tables, verdicts and figures show: where they differ, row `a` is the mean over the pairs whose writer
//! writes feature `a`.

use ndarray::{Array2, Axis};

use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Frozen, Site, Wiring};

/// A writer, a later reader, and what is between them.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteReadGram {
    /// What writes.
    pub writer: Site,
    /// The features that it writes.
    pub written: Vec<usize>,
    /// What reads.
    pub reader: Reader,
    /// `G` `[D, D]`.
    pub gram: Array2<f64>,
}

/// Every live writer with every live reader after it.
pub fn write_read_grams(
    model: &CompiledModel,
    w: &Array2<f64>,
    wiring: &Wiring,
) -> Vec<WriteReadGram> {
    let frozen = Frozen::<f64>::new(model);
    let mut writers = vec![(Site::Embedding, embedded(&frozen))];
    let mut all = Vec::new();
    let mut read = |writers: &[(Site, Vec<usize>)], reader: Reader| {
        all.extend(writers.iter().map(|(writer, written)| WriteReadGram {
            writer: *writer,
            written: written.clone(),
            reader,
            gram: wiring.gram(w, *writer, reader),
        }));
    };
    for (i, layer) in frozen.layers.iter().enumerate() {
        for (block, output) in [(2 * i, &layer.output), (2 * i + 1, &layer.fc2)] {
            let written = output.live_columns();
            if !written.is_empty() {
                read(&writers, Reader::Block(block));
                writers.push((Site::Block(block), written));
            }
        }
    }
    read(&writers, Reader::Unembedding);
    all
}

/// The features that tokens or positions write.
fn embedded(model: &Frozen<f64>) -> Vec<usize> {
    let nonzero = |m: &Array2<f64>, d: usize| m.column(d).iter().any(|x| *x != 0.0);
    (0..model.token_embed.ncols())
        .filter(|&d| nonzero(&model.token_embed, d) || nonzero(&model.pos_embed, d))
        .collect()
}

/// `G` `[D, D]` as it is shown. A feature that nothing writes has the mean over all pairs.
pub fn gram(model: &CompiledModel, w: &Array2<f64>, wiring: &Wiring) -> Array2<f64> {
    if wiring.count() <= 2 {
        return wiring.gram(w, Site::Embedding, Reader::Unembedding);
    }
    let all = write_read_grams(model, w, wiring);
    let mut mean = Array2::zeros((w.ncols(), w.ncols()));
    for (feature, mut row) in mean.axis_iter_mut(Axis(0)).enumerate() {
        let own: Vec<&WriteReadGram> = all
            .iter()
            .filter(|b| b.written.contains(&feature))
            .collect();
        let counted = if own.is_empty() {
            all.iter().collect()
        } else {
            own
        };
        for one in &counted {
            row += &one.gram.row(feature);
        }
        row /= counted.len() as f64;
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models::load;

    fn counting(rows: usize, width: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, width), |(k, i)| ((7 * k + 3 * i) % 11) as f64 - 5.0)
    }

    #[test]
    fn one_matrix_has_the_papers_gram_matrix() {
        let model = load("frac_prevs");
        let w = counting(3, model.width());
        assert_eq!(gram(&model, &w, &Wiring::default()), w.t().dot(&w));
    }

    #[test]
    fn equal_matrices_have_the_gram_matrix_of_one() {
        let model = load("sort_unique");
        let w = counting(2, model.width());
        for (tied, per_block) in [(false, false), (true, true), (false, true)] {
            let wiring = Wiring::new(&model, tied, per_block);
            let stack = vec![w.view(); wiring.count()];
            let stack = ndarray::concatenate(Axis(0), &stack).unwrap();
            assert_eq!(gram(&model, &stack, &wiring), w.t().dot(&w));
        }
    }

    #[test]
    fn a_row_is_the_mean_over_those_who_write_the_feature() {
        let model = load("frac_prevs");
        let wiring = Wiring::new(&model, true, true);
        let w = counting(wiring.count(), model.width());
        let label = |name: &str| {
            let labels = &model.metadata.residual_labels;
            labels.iter().position(|l| l == name).unwrap()
        };
        let shown = gram(&model, &w, &wiring);
        // d = 1, so that a matrix is a row: embed, layer0.mlp, layer1.attn, unembed. `is_x` is written
        // by layer0.mlp and read by the two after it.
        let (a, b) = (label("is_x"), label("tokens:x"));
        let expected = w[[1, a]] * (w[[2, b]] + w[[3, b]]) / 2.0;
        assert_eq!(shown[[a, b]], expected);
        // tokens:x is written by the embedding and read by all three.
        let expected = w[[0, b]] * (w[[1, a]] + w[[2, a]] + w[[3, a]]) / 3.0;
        assert_eq!(shown[[b, a]], expected);
    }
}
