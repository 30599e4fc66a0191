//! What training starts from: every kind of initial `W`, and its scale.

use std::path::Path;

use ndarray::{Array2, s};
use superposition::Projection;

use crate::common::command::{call, json, run, short_run, succeed, text};
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

#[test]
fn init_live_and_rank_lose_nothing_that_is_read_at_their_size() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, dim) in [("live", 11), ("live", 14), ("rank", 9), ("rank", 12)] {
        let name = format!("{kind}{dim}");
        let sets = [
            format!("compression.init={kind}"),
            format!("compression.dim={dim}"),
        ];
        let w = initial(dir.path(), &name, &[&sets[0], &sets[1]]);
        assert_eq!(w.dim(), (dim, 14));
        let summary = json(&dir.path().join(&name).join("summary.json"));
        let error = summary["final"]["max_error"].as_f64().unwrap();
        let layers = summary["final"]["eval_loss_layers"].as_f64().unwrap();
        assert!(
            error < 1e-6 && layers < 1e-12,
            "{name}: {error:e}, {layers:e}"
        );
    }
    // One matrix for each of several, and scaled.
    let one = initial(dir.path(), "one", &["compression.init=rank"]);
    let sets = [
        "compression.init=rank",
        "compression.tied=false",
        "compression.init_std=0.5",
    ];
    let two = initial(dir.path(), "two", &sets);
    assert_eq!(two.slice(s![..8, ..]), one.clone() * 0.5);
    assert_eq!(two.slice(s![8.., ..]), one * 0.5);
}

#[test]
fn init_from_a_run_or_a_file_is_its_w_and_is_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let trained = w_of(
        dir.path(),
        "trained",
        &["training.learning_rate.initial=0.01"],
    );
    let run_path = dir.path().join("trained");
    let file = run_path.join("projection.safetensors");
    for (name, from) in [("of run", &run_path), ("of file", &file)] {
        let set = format!("compression.init={{ from = {:?} }}", text(from));
        assert_eq!(initial(dir.path(), name, &[&set]), trained);
        // As a path below the key, too.
        let set = format!("compression.init.from={}", text(from));
        assert_eq!(
            initial(dir.path(), &format!("{name} below"), &[&set]),
            trained
        );
    }
    let untied = [
        &format!("compression.init.from={}", text(&file))[..],
        "compression.tied=false",
    ];
    let both = initial(dir.path(), "untied", &untied);
    assert_eq!(both.slice(s![..8, ..]), trained);
    assert_eq!(both.slice(s![8.., ..]), trained);
    // Its resolved configuration is the same run, wherever the tree is, and notices another W.
    let config = dir.path().join("of file/config.toml");
    let resolved = std::fs::read_to_string(&config).unwrap();
    assert!(resolved.contains("sha256"), "{resolved}");
    let (config, output) = (text(&config), text(&dir.path().join("of file")));
    let again = ["--config", &config, "--quiet", "--output", &output];
    assert!(succeed(&again).contains("complete already"));
    let other = w_of(dir.path(), "other", &["training.seed=5"]);
    assert_ne!(other, trained);
    std::fs::copy(dir.path().join("other/projection.safetensors"), &file).unwrap();
    let (code, _, stderr) = call(&again);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("is not the W that this configuration started from"),
        "{stderr}"
    );
}

#[test]
fn init_from_what_does_not_fit_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let fits = dir.path().join("fits");
    run("frac_prevs", 1, &fits, &[]);
    let untied = dir.path().join("untied");
    run("frac_prevs", 1, &untied, &["compression.tied=false"]);
    let other = dir.path().join("other");
    run("sort_unique", 1, &other, &["compression.dim=8"]);
    let damaged = dir.path().join("damaged.safetensors");
    std::fs::write(&damaged, b"no tensors").unwrap();
    let none = dir.path().join("none");
    let from = |path: &Path| format!("compression.init.from={}", text(path));
    for (set, said) in [
        (
            vec![from(&fits), "compression.dim=6".into()],
            "set compression.dim=8",
        ),
        (vec![from(&untied)], "choose the same compression.tied"),
        (vec![from(&other)], "other names"),
        (vec![from(&damaged)], "damaged.safetensors"),
        (vec![from(&none)], "none"),
        (vec!["compression.init=livve".into()], "\"live\""),
        (vec!["compression.init={ form = \"x\" }".into()], "from"),
        (vec!["compression.init={ from = 3 }".into()], "from"),
    ] {
        let output = dir.path().join("new");
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let (code, _, stderr) = call(&short_run("frac_prevs", 1, &output, &set));
        assert_eq!(code, 2, "{set:?}: {stderr}");
        assert!(stderr.contains(said), "{set:?}: {stderr}");
        assert!(!output.exists(), "{set:?}");
    }
}
