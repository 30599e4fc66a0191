//! `compress score` and `compress export --format activations`: a dictionary beside the true features.

use std::fs;
use std::path::{Path, PathBuf};

use base::tensors::{TensorFile, TensorWriter};
use ndarray::{Array2, Ix2};
use serde_json::Value as Json;
use tracr_compress::recovery::record::Record;

use crate::common::command::{call, json, run, snapshot, succeed, text};

/// A run whose `W` is the principal directions of the states: nothing is trained.
fn principal(directory: &Path, config: &str, d: usize, set: &[&str]) -> PathBuf {
    let path = directory.join(format!("{config}_{d}"));
    let d = format!("compression.dim={d}");
    let set = [&["compression.method=\"pca\"", &d], set].concat();
    run(config, 1, &path, &set);
    path
}

fn export(run: &Path, more: &[&str]) -> (Vec<u8>, String) {
    let file = run.join("truth.safetensors");
    let run = text(run);
    let mut arguments = vec!["export", run.as_str(), "--format", "activations", "-o"];
    let output = text(&file);
    arguments.push(&output);
    arguments.extend(more);
    let said = succeed(&arguments);
    (fs::read(&file).unwrap(), said)
}

fn tensor(bytes: &[u8], name: &str) -> Array2<f64> {
    let file = TensorFile::parse(bytes).unwrap();
    let tensor = file.any_shape::<f64>(name).unwrap();
    tensor.into_dimensionality::<Ix2>().unwrap()
}

fn write(path: &Path, matrix: &Array2<f64>) -> String {
    let mut writer = TensorWriter::default();
    writer.add("matrix", matrix.shape(), matrix.iter().copied());
    let bytes = writer.finish("made_by", "a test".into()).unwrap();
    fs::write(path, bytes).unwrap();
    text(path)
}

fn near(found: &Json, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-10, "{found} {expected}");
}

#[test]
fn score_says_that_the_truth_has_found_everything_and_leaves_tables_figure_and_section() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), "frac_prevs", 8, &["inputs.lengths=[4]"]);
    let (truth, said) = export(&run, &[]);
    assert!(
        said.contains("different rows of 4608 (all 256 inputs)"),
        "{said}"
    );
    let (w, features) = (tensor(&truth, "W"), tensor(&truth, "features"));
    let (z, n) = (tensor(&truth, "z"), features.nrows());
    let difference = features.dot(&w.t()) - &z;
    assert!(difference.iter().all(|x| x.abs() < 1e-12));
    let dictionary = write(&dir.path().join("w.safetensors"), &w.t().to_owned());
    let codes = write(&dir.path().join("s.safetensors"), &features);
    let run_text = text(&run);
    let said = succeed(&[
        "score",
        &run_text,
        &dictionary,
        "--codes",
        &codes,
        "--output",
        &run_text,
    ]);
    for word in [
        "14 atoms",
        "MCC",
        "causal",
        "random data rows",
        "recovery.csv",
    ] {
        assert!(said.contains(word), "{said}");
    }
    let found = json(&run.join("recovery.json"));
    for name in ["mcc", "recovered", "causal"] {
        near(&found["scores"][name], 1.0);
        near(&found["ceilings"]["truth"][name], 1.0);
    }
    near(&found["mcc_corrected"], 1.0);
    // A score that W itself has no better than random rows is said to tell nothing.
    let mut record: Record = serde_json::from_value(found.clone()).unwrap();
    let void = "does not tell dictionaries apart";
    record.ceilings.nnls.causal = Some(1.0);
    assert!(!record.sentence().contains(void), "{}", record.sentence());
    record.ceilings.nnls.causal = Some(0.0);
    let sentence = record.sentence();
    assert!(
        sentence.contains("not above random data rows either in: causal. Here that"),
        "{sentence}"
    );
    assert!(sentence.contains(void), "{sentence}");
    assert_eq!(found["data"]["rows"], n);
    // What knows nothing has less, and its interval holds its mean.
    for null in ["random_directions", "data_rows", "shuffled_labels"] {
        let spread = &found["nulls"][null]["mcc"];
        let [low, mean, high] = ["low", "mean", "high"].map(|name| spread[name].as_f64().unwrap());
        assert!(
            low <= mean && mean <= high && high < 0.95,
            "{null}: {spread}"
        );
    }
    let mut reader = csv::Reader::from_path(run.join("recovery.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    assert_eq!(
        header.iter().collect::<Vec<_>>(),
        [
            "target",
            "share",
            "atom",
            "direction",
            "cosine",
            "activation_atom",
            "activation_correlation",
            "f1",
            "f1_best_threshold",
            "causal"
        ]
    );
    let labels = &json_of_metadata(&truth)["labels"];
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(found["targets"], rows.len());
    for row in &rows {
        // Each target has the atom of one of its features.
        let atom: usize = row[2].parse().unwrap();
        let feature = labels[atom].as_str().unwrap();
        assert_eq!(row[3], format!("W {feature}"));
        assert!(
            row[0]
                .split('+')
                .any(|name| name.trim_start_matches('-') == feature)
        );
    }
    assert!(
        fs::read_to_string(run.join("recovery.svg"))
            .unwrap()
            .contains("<svg")
    );
    succeed(&["report", &run_text]);
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(
        page.contains("Dictionaries beside the true features"),
        "no section"
    );
    assert!(succeed(&["plot", &run_text, "--format", "svg"]).contains("recovery.svg"));
    page_shows_every_dictionary(&run);
}

/// With those that `recover` finds, each where it is, beside the one that was scored into the run's own directory.
fn page_shows_every_dictionary(run: &Path) {
    let run_text = text(run);
    let page = || {
        succeed(&["report", &run_text]);
        fs::read_to_string(run.join("report.html")).unwrap()
    };
    for method in ["pca", "random"] {
        succeed(&["recover", &run_text, "--method", method]);
        let dictionary = format!("{run_text}/recovery/{method}/seed=0");
        assert!(
            !page().contains(&format!("recovery/{method}/seed=0")),
            "no scores yet"
        );
        succeed(&["score", &run_text, &dictionary]);
        let found = json(&run.join(format!("recovery/{method}/seed=0/recovery.json")));
        let mcc = found["scores"]["mcc"].as_f64().unwrap();
        let page = page();
        let row = page
            .lines()
            .find(|line| line.contains(&format!("<td>recovery/{method}/seed=0</td>")));
        assert!(row.unwrap().contains(&format!("{mcc:.3} (")), "{row:?}");
    }
    let with_all = page();
    assert_eq!(with_all.matches("<details>").count(), 3);
    assert!(with_all.contains("Targets and the atoms that are matched with them"));
    // Those of another W are not this run's.
    let request = run.join("recovery/pca/recover.json");
    let text = fs::read_to_string(&request).unwrap();
    let hash = json(&request)["projection_sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(&request, text.replace(&hash, &"0".repeat(64))).unwrap();
    let page = page();
    assert!(!page.contains("recovery/pca/seed=0") && page.contains("recovery/random/seed=0"));
}

fn json_of_metadata(bytes: &[u8]) -> Json {
    let file = TensorFile::parse(bytes).unwrap();
    serde_json::from_str(file.metadata("compress_truth").unwrap()).unwrap()
}

#[test]
fn score_gives_the_same_bytes_again_and_goes_by_site_and_bos() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), "sort_unique", 12, &["inputs.lengths=[1, 2, 3]"]);
    let (truth, _) = export(&run, &[]);
    let (z, width) = (tensor(&truth, "z"), tensor(&truth, "W").ncols());
    let atoms = z.slice_axis(ndarray::Axis(0), (..9).into()).to_owned();
    let dictionary = write(&dir.path().join("rows.safetensors"), &atoms);
    let run = text(&run);
    let score = |name: &str, more: &[&str]| {
        let output = text(&dir.path().join(name));
        let mut arguments = vec!["score", &run, &dictionary, "--json", "--output", &output];
        arguments.extend(more);
        let found: Json = serde_json::from_str(&succeed(&arguments)).unwrap();
        assert_eq!(json(&dir.path().join(name).join("recovery.json")), found);
        found
    };
    let whole = score("a", &[]);
    score("b", &[]);
    let content = |name: &str| -> Vec<Vec<u8>> {
        let files = snapshot(&dir.path().join(name));
        assert_eq!(files.len(), 4);
        files.into_iter().map(|(_, content)| content).collect()
    };
    assert_eq!(content("a"), content("b"));
    assert_eq!(whole["atoms"], 9);
    assert_eq!(whole["data"]["width"], width);
    let sites = whole["data"]["sites"].as_array().unwrap().len();
    let one = score("c", &["--site", "0"]);
    assert_eq!(one["data"]["sites"], serde_json::json!(["embed"]));
    let places = |found: &Json| found["data"]["places"].as_u64().unwrap();
    assert_eq!(places(&one) * sites as u64, places(&whole));
    let without = score("d", &["--no-bos"]);
    let positions = tensor_shape(&truth, "input")[1] as u64;
    assert_eq!(
        places(&without) * positions,
        places(&whole) * (positions - 1)
    );
    // A target without an atom counts 0.
    let targets = whole["targets"].as_u64().unwrap() as f64;
    assert!(targets > 9.0 && whole["scores"]["mcc"].as_f64().unwrap() <= 9.0 / targets);
}

fn tensor_shape(bytes: &[u8], name: &str) -> Vec<usize> {
    TensorFile::parse(bytes).unwrap().shape(name).unwrap()
}

#[test]
fn score_refuses_what_it_cannot_use_in_one_message_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), "frac_prevs", 6, &["inputs.lengths=[3]"]);
    let (truth, _) = export(&run, &[]);
    let good = tensor(&truth, "W").t().to_owned();
    let n = tensor(&truth, "z").nrows();
    let file = |name: &str, matrix: &Array2<f64>| write(&dir.path().join(name), matrix);
    let dictionary = file("good.safetensors", &good);
    let mut with_nan = good.clone();
    with_nan[[3, 2]] = f64::NAN;
    let variant = dir.path().join("variant");
    let untied = [
        "compression.tied=false",
        "compression.dim=6",
        "inputs.lengths=[2]",
    ];
    crate::common::command::run("frac_prevs", 100, &variant, &untied);
    let run_text = text(&run);
    let output = dir.path().join("output");
    let cases: Vec<(Vec<String>, &str)> = vec![
        (
            vec![
                run_text.clone(),
                file("narrow.safetensors", &Array2::eye(5)),
            ],
            "its atoms have 5 numbers",
        ),
        (
            vec![run_text.clone(), file("nan.safetensors", &with_nan)],
            "every entry must be finite",
        ),
        (
            vec![
                run_text.clone(),
                file("empty.safetensors", &Array2::zeros((0, 6))),
            ],
            "no atoms",
        ),
        (
            vec![run_text.clone(), text(&run.join("truth.safetensors"))],
            "give one matrix",
        ),
        (
            vec![run_text.clone(), text(&run.join("config.toml"))],
            "it is a TOML file",
        ),
        (
            vec![run_text.clone(), text(&dir.path().join("missing"))],
            "cannot read",
        ),
        (
            vec![text(dir.path()), dictionary.clone()],
            "is not a run directory",
        ),
        (vec![text(&variant), dictionary.clone()], "W_read, W_write"),
        (
            vec![
                run_text.clone(),
                dictionary.clone(),
                "--site".into(),
                "7".into(),
            ],
            "the stream has 0 (embed), 1 (layer0.mlp)",
        ),
        (
            vec![
                run_text.clone(),
                dictionary.clone(),
                "--codes".into(),
                file("codes.safetensors", &Array2::zeros((n + 1, 14))),
            ],
            "a row for each of the",
        ),
    ];
    for (arguments, message) in cases {
        let mut all = vec!["score".to_owned()];
        all.extend(arguments);
        all.extend(["--output".into(), text(&output)]);
        let (code, stdout, stderr) = call(&all);
        assert_eq!((code, stdout.as_str()), (2, ""), "{all:?}: {stderr}");
        assert!(stderr.contains(message), "{message}: {stderr}");
        assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
        assert!(!output.exists());
    }
    // Options of the export without its format, and a name of another kind.
    for (arguments, message) in [
        (["-o", "a.safetensors", "--no-bos"], "--format activations"),
        (["--format=activations", "-o", "a.npz"], "a.safetensors"),
    ] {
        let mut all = vec!["export".to_owned(), run_text.clone()];
        all.extend(arguments.map(str::to_owned));
        let (code, _, stderr) = call(&all);
        assert_eq!(code, 2);
        assert!(stderr.contains(message), "{stderr}");
    }
}
