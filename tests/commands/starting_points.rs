//! What training starts from: every kind of initial `W`, and its scale.

use std::path::Path;

use ndarray::{Array2, s};
use superposition::Projection;

use crate::common::command::run;
use crate::common::shipped;

/// The `W` of a run with these settings.
fn w_of(directory: &Path, name: &str, sets: &[&str]) -> Array2<f64> {
    let output = directory.join(name);
    run("frac_prevs", 1, &output, sets);
    let model = shipped("frac_prevs");
    Projection::load(&output.join("projection.safetensors"), &model)
        .unwrap()
        .w
}

/// The initial `W`: one update of length 0.
fn initial(directory: &Path, name: &str, sets: &[&str]) -> Array2<f64> {
    let still = ["training.learning_rate={initial=0,final=0,decay_fraction=0}"];
    w_of(directory, name, &[&still, sets].concat())
}

#[test]
fn init_normal_has_the_scale_as_standard_deviation() {
    let dir = tempfile::tempdir().unwrap();
    let plain = initial(dir.path(), "plain", &[]);
    let named = initial(dir.path(), "named", &["compression.init=normal"]);
    assert_eq!(plain, named);
    let small = initial(dir.path(), "small", &["compression.init_std=0.25"]);
    assert_eq!(small, plain * 0.25);
}

#[test]
fn init_orthonormal_has_the_scale_as_length_and_differs_by_seed() {
    let dir = tempfile::tempdir().unwrap();
    let settings = ["compression.init=orthonormal", "compression.init_std=0.5"];
    let w = initial(dir.path(), "w", &settings);
    let error = w.dot(&w.t()) - Array2::<f64>::eye(8) * 0.25;
    assert!(error.iter().all(|x| x.abs() < 1e-13));
    assert_eq!(w, initial(dir.path(), "again", &settings));
    let seed = [&settings[..], &["training.seed=1"]].concat();
    assert_ne!(w, initial(dir.path(), "other", &seed));
    // At length 1 it is the baseline of the same seed.
    let unit = initial(dir.path(), "unit", &["compression.init=orthonormal"]);
    let random = w_of(dir.path(), "random", &["compression.method=random"]);
    assert_eq!(unit, random);
}

#[test]
fn init_pca_and_subset_are_the_baselines_scaled() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, dim) in [("pca", 8), ("pca", 5), ("subset", 11), ("subset", 12)] {
        let dim_set = format!("compression.dim={dim}");
        let method = format!("compression.method={kind}");
        let baseline = w_of(dir.path(), &format!("{kind}{dim}"), &[&dim_set, &method]);
        let init = format!("compression.init={kind}");
        let sets = [dim_set.as_str(), &init, "compression.init_std=0.3"];
        let w = initial(dir.path(), &format!("init-{kind}{dim}"), &sets);
        assert_eq!(w, &baseline * 0.3, "{kind} {dim}");
        // So the span is the baseline's: what is left of W beside it is nothing.
        let left = &w - &w.dot(&baseline.t()).dot(&baseline);
        assert!(left.iter().all(|x| x.abs() < 1e-12), "{kind} {dim}");
        // The seed draws the batches alone.
        let other = [&sets[..], &["training.seed=7"]].concat();
        assert_eq!(w, initial(dir.path(), &format!("seed-{kind}{dim}"), &other));
    }
}

#[test]
fn init_of_several_matrices_is_equal_or_independent() {
    let dir = tempfile::tempdir().unwrap();
    for (init, differ) in [("orthonormal", true), ("pca", false)] {
        let init = format!("compression.init={init}");
        let sets = ["compression.tied=false", init.as_str()];
        let equal = initial(dir.path(), &format!("{init} equal"), &sets);
        assert_eq!(equal.dim(), (16, 14));
        assert_eq!(equal.slice(s![..8, ..]), equal.slice(s![8.., ..]));
        let sets = [&sets[..], &["compression.init_matrices=independent"]].concat();
        let own = initial(dir.path(), &format!("{init} own"), &sets);
        assert_eq!(own.slice(s![..8, ..]), equal.slice(s![..8, ..]));
        assert_eq!(own.slice(s![..8, ..]) != own.slice(s![8.., ..]), differ);
    }
}

#[test]
fn warmup_begins_with_a_still_step() {
    let dir = tempfile::tempdir().unwrap();
    let set = [
        "training.learning_rate.warmup_fraction=0.4",
        "training.log_every=1",
    ];
    run("frac_prevs", 10, dir.path(), &set);
    let text = std::fs::read_to_string(dir.path().join("metrics.csv")).unwrap();
    let rates: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    // 0 to 1e-3 over four steps, then to 1e-6 over five.
    let decay = |k: f64| (1e-3 - 1e-6) * (1.0 - k / 5.0) + 1e-6;
    let expected = [
        0.0,
        2.5e-4,
        5e-4,
        7.5e-4,
        1e-3,
        decay(1.0),
        decay(2.0),
        decay(3.0),
        decay(4.0),
        1e-6,
    ];
    for (rate, expected) in rates.iter().zip(expected) {
        assert!((rate - expected).abs() < 1e-15, "{rates:?}");
    }
}
