//! `compress export`: a model file of width d that computes what the compressed model does.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use superposition::inputs::EvaluationSet;
use tracr::model::{CompiledModel, Frozen, Stream};
use tracr_compress::run::finished::FinishedRun;

use crate::common::command::{self, RawModel, call, run, succeed, text};

/// The largest difference of a score between an export and its run's compressed model, at any
/// position of any input.
fn difference_of_scores(run_dir: &Path, export: &Path) -> f64 {
    let run = FinishedRun::load(run_dir).unwrap();
    let space = &run.experiment.space;
    let inputs = EvaluationSet::new(space, 1);
    let tokens = inputs.chunk(space, 0, inputs.len());
    let compressed =
        Frozen::<f64>::new(&run.experiment.model).forward(run.projection.stream(), tokens.view());
    let exported = CompiledModel::load(export).unwrap();
    let exported = Frozen::<f64>::new(&exported).forward(Stream::Full, tokens.view());
    let pairs = compressed.output.iter().zip(&exported.output);
    pairs.fold(0.0, |largest, (a, b)| f64::max(largest, (a - b).abs()))
}

#[test]
fn export_says_what_its_weights_are_and_a_damaged_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    run("sort_unique", 300, &run_dir, &["compression.init_std=0.3"]);
    let export = |precision: &str| -> (String, PathBuf) {
        let file = dir.path().join(format!("{precision}.safetensors"));
        let arguments = [
            "export",
            &text(&run_dir),
            "-o",
            &text(&file),
            "--precision",
            precision,
        ];
        let (code, _, stderr) = call(&arguments);
        assert_eq!(code, 0, "{stderr}");
        (stderr, file)
    };
    let (said, file) = export("f32");
    assert!(said.starts_with("warning: float32 weights: "), "{said}");
    assert!(difference_of_scores(&run_dir, &file) > 1e-5);
    let (said, auto) = export("auto");
    assert!(said.starts_with("float64 weights: "), "{said}");
    assert!(said.contains("over 325 inputs; by "), "{said}");
    let (said, double) = export("f64");
    assert!(said.starts_with("float64 weights: "), "{said}");
    let bytes = std::fs::read(&double).unwrap();
    assert_eq!(std::fs::read(&auto).unwrap(), bytes);

    for (tensor, dtype, expected) in [
        (
            "token_embed",
            "I64",
            "tensor `token_embed` holds I64, expected F32 or F64",
        ),
        ("unembed", "I64", "tensor `unembed` holds I64, expected F64"),
        ("unembed", "F16", "its header is damaged"),
        ("layers.0.mlp.fc1.bias", "F32", "its header is damaged"),
    ] {
        std::fs::write(&double, &bytes).unwrap();
        let mut raw = RawModel::read(&double);
        raw.header[tensor]["dtype"] = serde_json::json!(dtype);
        raw.write(&double);
        let (code, stdout, stderr) = call(&["run", &text(&double), "1", "2"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn export_runs_as_the_compressed_model_does() {
    let dir = tempfile::tempdir().unwrap();
    for (config, model, words) in [
        (
            "frac_prevs",
            "models/frac_prevs.safetensors",
            ["x", "a", "x", "b", "x"],
        ),
        (
            "sort_unique",
            "models/sort_unique.safetensors",
            ["3", "1", "5", "2", "4"],
        ),
    ] {
        let run_dir = dir.path().join(config);
        run(config, 20_000, &run_dir, &[]);
        let file = dir.path().join(format!("{config}.safetensors"));
        let stdout = succeed(&["export", &text(&run_dir), "-o", &text(&file)]);
        assert!(stdout.contains("as a transformer of width"), "{stdout}");
        let difference = difference_of_scores(&run_dir, &file);
        println!("{config}: largest difference of a score {difference:.1e}");
        assert!(difference < 1e-5, "{config}: {difference}");
        for length in 1..=5 {
            let outputs = |start: Vec<String>| -> Vec<Json> {
                let mut arguments = start;
                arguments.extend(words[..length].iter().map(|w| (*w).to_owned()));
                arguments.extend(["--json".to_owned(), "--pad".to_owned()]);
                let json: Json = serde_json::from_str(&succeed(&arguments)).unwrap();
                json["output"].as_array().unwrap().clone()
            };
            let ours = outputs(vec!["run".into(), text(&file)]);
            let theirs = outputs(vec![
                "run".into(),
                model.into(),
                "--projection".into(),
                text(&run_dir),
            ]);
            for (a, b) in ours.iter().zip(&theirs) {
                match (a.as_f64(), b.as_f64()) {
                    (Some(a), Some(b)) => assert!((a - b).abs() < 1e-5, "{a} {b}"),
                    _ => assert_eq!(a, b),
                }
            }
        }
        // The export is a model like any other: it can be compressed again.
        let again = dir.path().join(format!("{config}-again"));
        let path = format!("model.path={}", text(&file));
        run(config, 20, &again, &[&path, "compression.dim=4"]);
        assert!(again.join("analysis.json").exists());
        let npz = dir.path().join(format!("{config}.npz"));
        let export = ["export", &text(&run_dir), "-o", &text(&npz)];
        succeed(&[&export[..], &["--format", "npz"]].concat());
        let bytes = std::fs::read(&npz).unwrap();
        assert_eq!(&bytes[..4], b"PK\x03\x04");
        // The ending says it alone, in any case, and in a directory that is called like a model.
        let folder = dir.path().join("folder.safetensors");
        std::fs::create_dir_all(&folder).unwrap();
        let by_ending = folder.join("W.NPZ");
        succeed(&["export", &text(&run_dir), "-o", &text(&by_ending)]);
        assert_eq!(std::fs::read(&by_ending).unwrap(), bytes);
        // Without an ending --format says it.
        let bare = folder.join("w");
        let export = ["export", &text(&run_dir), "-o", &text(&bare)].map(str::to_owned);
        for (format, expected) in [("npz", &npz), ("model", &file)] {
            let more = ["--format", format].map(str::to_owned);
            succeed(&[&export[..], &more[..]].concat());
            assert_eq!(
                std::fs::read(&bare).unwrap(),
                std::fs::read(expected).unwrap(),
                "{format}"
            );
        }
    }
}

#[test]
fn export_refuses_endings_that_it_does_not_write_and_says_which_command_does() {
    let dir = tempfile::tempdir().unwrap();
    // The ending is looked at before the run: there is none here.
    let refused = |name: &str, more: &[&str], parts: &[&str]| {
        let file = text(&dir.path().join(name));
        let (code, stdout, stderr) = call(&[&["export", "a run", "-o", &file], more].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{name}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for part in parts {
            let part = part.replace("DIR", &text(dir.path()));
            assert!(stderr.contains(&part), "`{part}` is not in: {stderr}");
        }
        assert_eq!(command::snapshot(dir.path()), []);
    };
    refused(
        "w.npy",
        &[],
        &[
            "`compress export` writes .safetensors (a model file) or .npz (W, G and labels for NumPy), not .npy",
            "`compress export 'a run' -o DIR/w.npz`",
            "`numpy.load(\"DIR/w.npz\")[\"W\"]` is W",
        ],
    );
    refused("W.CSV", &[], &["not .csv", "-o DIR/W.npz`"]);
    refused(
        "w.pt",
        &[],
        &[
            "-o DIR/w.safetensors`",
            "`safetensors.torch.load_file(\"DIR/w.safetensors\")`",
        ],
    );
    for other in ["w.pdf", "w.png", "w.html", "w.safetensor"] {
        refused(other, &[], &["cannot be written", ".safetensors`"]);
    }
    // A number is a part of the name.
    refused(
        "d0.5",
        &["--format", "model"],
        &["-o DIR/d0.5.safetensors`"],
    );
    refused(
        "w.npz",
        &["--format", "model"],
        &[
            "--format model is .safetensors",
            "leave --format out",
            "-o DIR/w.safetensors`",
        ],
    );
    refused(
        "w.safetensors",
        &["--format", "npz"],
        &["--format npz is .npz", "-o DIR/w.npz`"],
    );
    let folder = dir.path().join("folder.npz");
    std::fs::create_dir(&folder).unwrap();
    let (code, _, stderr) = call(&["export", "a run", "-o", &text(&folder)]);
    assert_eq!(code, 2);
    assert!(stderr.contains("is a directory: give a file"), "{stderr}");
}
