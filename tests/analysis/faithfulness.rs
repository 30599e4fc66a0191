//! Blocks, positions and variables beside the plain formulas.

use super::*;

#[test]
fn faithfulness_of_blocks_and_positions_is_that_of_plain_formulas() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let w = random_w((9, model.width()), 7);
        let found = analyzed(&model, &w, &few_pairs(), 2);
        let plain = Plain::new(&model, &w);
        let positions = plain.tokens.ncols();
        let names = model.block_names();
        for fit in &found.faithfulness.blocks {
            let block = names.iter().position(|n| *n == fit.block).unwrap();
            let rows = |m: &Array2<f64>| match fit.position {
                None => m.clone(),
                Some(t) => m.slice(s![t..;positions, ..]).to_owned(),
            };
            let (h, g) = (rows(&plain.compiled[block]), rows(&plain.compressed[block]));
            let n = h.nrows() as f64;
            let squared = (&h - &g).mapv(|x| x * x).sum();
            assert_abs_diff_eq!(fit.mse, squared / n, epsilon = 1e-9);
            let norm = |m: &Array2<f64>| m.mapv(|x| x * x).sum().sqrt();
            match fit.cosine {
                Some(cosine) => {
                    assert_abs_diff_eq!(
                        cosine,
                        (&h * &g).sum() / norm(&h) / norm(&g),
                        epsilon = 1e-9
                    );
                }
                None => assert_eq!(norm(&h) * norm(&g), 0.0),
            }
            let mean: Array1<f64> = h.mean_axis(ndarray::Axis(0)).unwrap();
            let variance = (&h - &mean).mapv(|x| x * x).sum();
            match fit.variance_explained {
                Some(explained) => {
                    assert_abs_diff_eq!(explained, 1.0 - squared / variance, epsilon = 1e-7);
                }
                None => assert!(variance < 1e-9, "{fit:?}"),
            }
        }
        let mut inputs_seen = 0;
        for fit in &found.faithfulness.positions {
            let kind = |id: usize| match id {
                id if id == model.metadata.bos_id => "bos",
                id if id == model.metadata.pad_id => "pad",
                _ => "token",
            };
            let wanted = serde_json::to_value(fit.kind).unwrap();
            let rows: Vec<usize> = (0..plain.tokens.nrows())
                .filter(|b| kind(plain.tokens[[*b, fit.position]]) == wanted.as_str().unwrap())
                .map(|b| b * positions + fit.position)
                .collect();
            assert_eq!(fit.inputs as usize, rows.len());
            inputs_seen += rows.len();
            let [full, small] = &plain.outputs;
            if name == "sort_unique" {
                let same =
                    |r: &&usize| codec::argmax(full.row(**r)) == codec::argmax(small.row(**r));
                let right = rows.iter().filter(same).count();
                assert_abs_diff_eq!(
                    fit.accuracy,
                    right as f64 / rows.len() as f64,
                    epsilon = 1e-12
                );
                assert_eq!(fit.mae, None);
            } else {
                let errors: Vec<f64> = rows
                    .iter()
                    .map(|r| (full[[*r, 0]] - small[[*r, 0]]).abs())
                    .collect();
                let n = errors.len() as f64;
                let largest = errors.iter().copied().fold(0.0, f64::max);
                let square = errors.iter().map(|e| e * e).sum::<f64>() / n;
                assert_abs_diff_eq!(
                    fit.mae.unwrap(),
                    errors.iter().sum::<f64>() / n,
                    epsilon = 1e-9
                );
                assert_abs_diff_eq!(fit.rmse.unwrap(), square.sqrt(), epsilon = 1e-9);
                assert_abs_diff_eq!(fit.max_error.unwrap(), largest, epsilon = 1e-9);
                let right = errors.iter().filter(|e| **e <= 0.025).count();
                assert_abs_diff_eq!(fit.accuracy, right as f64 / n, epsilon = 1e-12);
            }
        }
        assert_eq!(inputs_seen, plain.tokens.len());
    }
}

/// The residual of the best affine map by Gram-Schmidt on the stored columns: `[rows, p]` to
/// `[rows, q]`. Shares nothing with the moments that the analysis keeps.
fn residual_by_projection(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let rows = x.nrows();
    let mut basis: Vec<Array1<f64>> = Vec::new();
    let columns =
        std::iter::once(Array1::ones(rows)).chain(x.columns().into_iter().map(|c| c.to_owned()));
    for column in columns {
        let size = column.dot(&column).sqrt();
        let mut rest = column;
        for _ in 0..2 {
            for b in &basis {
                let along = b.dot(&rest);
                rest.scaled_add(-along, b);
            }
        }
        let norm = rest.dot(&rest).sqrt();
        if norm > 1e-7 * size.max(1e-300) {
            basis.push(rest / norm);
        }
    }
    let mut left = 0.0;
    for column in y.columns() {
        let mut rest = column.to_owned();
        for b in &basis {
            let along = b.dot(&rest);
            rest.scaled_add(-along, b);
        }
        left += rest.dot(&rest);
    }
    left
}

#[test]
fn faithfulness_of_variables_is_that_of_regressions() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let w = random_w((9, model.width()), 8);
        let found = analyzed(&model, &w, &few_pairs(), 2);
        let plain = Plain::new(&model, &w);
        let labels = &model.metadata.residual_labels;
        let embedding = Frozen::<f64>::new(&model).embed(plain.tokens.view());
        let read_back = embedding.dot(&w.t()).dot(&w);
        let mut compared = 0;
        for fit in &found.faithfulness.variables {
            let dims: Vec<usize> = (0..labels.len())
                .filter(|d| labels[*d].split(':').next() == Some(&fit.variable))
                .collect();
            assert_eq!(fit.features, dims.len());
            let block = model.block_names().iter().position(|n| *n == fit.site);
            let (h, g) = block.map_or((&embedding, &read_back), |b| {
                (&plain.compiled[b], &plain.compressed[b])
            });
            let special = [model.metadata.bos_id, model.metadata.pad_id];
            let rows: Vec<usize> = plain
                .tokens
                .iter()
                .enumerate()
                .filter(|(_, id)| fit.positions == "all" || !special.contains(id))
                .map(|(row, _)| row)
                .collect();
            let part = |m: &Array2<f64>| {
                m.select(ndarray::Axis(0), &rows)
                    .select(ndarray::Axis(1), &dims)
            };
            let (y, x) = (part(h), part(g));
            let centred = &y - &y.mean_axis(ndarray::Axis(0)).unwrap();
            let variance = centred.mapv(|v| v * v).sum();
            assert_abs_diff_eq!(fit.variance, variance / rows.len() as f64, epsilon = 1e-9);
            let squared = (&y - &x).mapv(|v| v * v).sum();
            assert_abs_diff_eq!(fit.mse, squared / rows.len() as f64, epsilon = 1e-9);
            let Some(r2) = fit.r2 else {
                assert!(variance < 1e-9, "{fit:?}");
                continue;
            };
            assert_abs_diff_eq!(r2, 1.0 - squared / variance, epsilon = 1e-7);
            let mapped = 1.0 - residual_by_projection(&x, &y) / variance;
            println!(
                "{name} {} {}: {r2:.4} {mapped:.4}",
                fit.variable, fit.positions
            );
            assert_abs_diff_eq!(fit.r2_mapped.unwrap(), mapped, epsilon = 1e-6);
            assert!(mapped >= r2 - 1e-9);
            compared += 1;
        }
        assert!(compared > 5, "{name}: {compared}");
    }
}
