//! Several `W` on the command line: training, the files, and all that reads them.

use std::path::Path;

use crate::common::command::{call, metrics_without_timing, run, short_run, succeed};

fn train(output: &Path, steps: u64, settings: &[&str]) -> String {
    run("frac_prevs", steps, output, settings);
    metrics_without_timing(output)
}

#[test]
fn matrices_are_trained_analysed_drawn_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    let untied = "compression.tied=false";
    let per_layer = "compression.per_layer=true";
    let variants: [&[&str]; 4] = [
        &[untied],
        &[per_layer],
        &[untied, per_layer],
        &[untied, "compression.init_matrices=independent"],
    ];
    for (i, settings) in variants.into_iter().enumerate() {
        let run = dir.path().join(i.to_string());
        let path = run.to_str().unwrap();
        let metrics = train(&run, 150, settings);
        assert_eq!(metrics.lines().count(), 4);
        let several = settings.contains(&per_layer);
        assert_eq!(run.join("grams.csv").exists(), several, "{settings:?}");

        succeed(&["analyze", path]);
        succeed(&["plot", path, "--format", "svg"]);
        succeed(&["report", path]);
        let figure = std::fs::read_to_string(run.join("report.html")).unwrap();
        assert!(
            figure.contains("rows are written, columns read"),
            "{settings:?}"
        );

        let model = dir.path().join(format!("{i}.safetensors"));
        let model = model.to_str().unwrap();
        succeed(&["export", path, "-o", model]);
        let tokens = ["a", "x", "b", "x", "c"];
        let compiled = [
            &["run", "models/frac_prevs.safetensors", "--projection", path],
            &tokens[..],
        ];
        let exported = [&["run", model], &tokens[..]];
        let outputs = [compiled.concat(), exported.concat()].map(|arguments| {
            let arguments = [&arguments[..], &["--json"]].concat();
            let answer: serde_json::Value = serde_json::from_str(&succeed(&arguments)).unwrap();
            let numbers = answer["output"].as_array().unwrap().clone();
            numbers
                .iter()
                .map(|x| x.as_f64().unwrap())
                .collect::<Vec<f64>>()
        });
        for (a, b) in outputs[0].iter().zip(&outputs[1]) {
            assert!(
                (a - b).abs() < 1e-5 * a.abs().max(1.0),
                "{settings:?}: {outputs:?}"
            );
        }
        let npz = dir.path().join("w.npz");
        let what = succeed(&[
            "export",
            path,
            "--format",
            "npz",
            "-o",
            npz.to_str().unwrap(),
        ]);
        assert!(
            what.contains("W_read") || what.contains("W.embed"),
            "{what}"
        );
    }
}

#[test]
fn matrices_are_trained_alike_by_both_engines() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        "compression.tied=false",
        "compression.per_layer=true",
        "training.precision=f64",
    ];
    let fused = train(&dir.path().join("fused"), 50, &settings);
    let autodiff = [&settings[..], &["training.engine=autodiff"]].concat();
    let autodiff = train(&dir.path().join("autodiff"), 50, &autodiff);
    let numbers = |text: &str| -> Vec<f64> {
        let row = text.lines().last().unwrap();
        row.split(',')
            .filter_map(|cell| cell.parse().ok())
            .collect()
    };
    let (a, b) = (numbers(&fused), numbers(&autodiff));
    assert!(a.len() > 8 && a.len() == b.len());
    for (a, b) in a.iter().zip(&b) {
        approx::assert_relative_eq!(a, b, max_relative = 1e-7);
    }
}

#[test]
fn matrices_survive_an_interruption() {
    // A checkpoint of 70 steps is what a killed run leaves; its state has every matrix.
    let dir = tempfile::tempdir().unwrap();
    let settings = ["compression.tied=false", "compression.per_layer=true"];
    let whole = dir.path().join("whole");
    train(&whole, 150, &settings);
    let killed = dir.path().join("killed");
    train(&killed, 150, &settings);
    let projection = std::fs::read(whole.join("projection.safetensors")).unwrap();
    for file in [
        "summary.json",
        "projection.safetensors",
        "gram.csv",
        "grams.csv",
    ] {
        std::fs::remove_file(killed.join(file)).unwrap();
    }
    train(&killed, 150, &settings);
    for file in ["gram.csv", "grams.csv", "features.csv"] {
        let read = |run: &Path| std::fs::read(run.join(file)).unwrap();
        assert_eq!(read(&whole), read(&killed), "{file}");
    }
    assert_eq!(
        std::fs::read(killed.join("projection.safetensors")).unwrap(),
        projection
    );
}

#[test]
fn matrices_refuse_other_words() {
    let dir = tempfile::tempdir().unwrap();
    for (setting, expected) in [
        ("compression.tied=1", "`compression.tied`"),
        ("compression.per_layer=\"yes\"", "`compression.per_layer`"),
        ("compression.init_matrices=\"same\"", "independent"),
    ] {
        let output = dir.path().join("run");
        let (code, _, stderr) = call(&short_run("frac_prevs", 10, &output, &[setting]));
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!output.exists());
    }
}
