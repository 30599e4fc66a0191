//! `compress export STUDY --zoo DIR`: every model with the truth about it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use superposition::answers::Judge;
use superposition::evaluation::Evaluator;
use superposition::{Objective, Projection};
use tracr_compress::run::experiment::Experiment;

use crate::common::command::{call, json, snapshot, succeed, text};

/// Two programs at two widths, a run that diverges and one that cannot start.
fn study(directory: &Path) {
    let file = directory.join("study.toml");
    let root = crate::common::command::root();
    let program = |name: &str| root.join(format!("programs/{name}.rasp"));
    fs::copy(program("frac_prevs"), directory.join("frac_prevs.rasp")).unwrap();
    let own = fs::read_to_string(program("hist")).unwrap();
    // Its example is longer.
    let own = own.lines().filter(|line| !line.starts_with("#! example"));
    let own: Vec<&str> = own.collect();
    let own = own.join("\n").replace("max_seq_len: 5", "max_seq_len: 3");
    fs::write(directory.join("own.rasp"), own).unwrap();
    fs::write(
        directory.join("run.toml"),
        "[model]\nprogram = \"own.rasp\"\n[compression]\ndim = 4\n[output]\ndir = \"r\"\n\
         [training]\nsteps = 100\nlog_every = 50\nbatch_size = 16\n",
    )
    .unwrap();
    fs::write(
        &file,
        "base = \"run.toml\"\n\
         [[include]]\n\"model.program\" = [\"own.rasp\", \"frac_prevs.rasp\"]\n\"compression.dim\" = [5, 9]\n\
         \"compression.init\" = [\"rank\"]\n\
         [[include]]\n\"model.program\" = [\"own.rasp\"]\n\"compression.dim\" = [99]\n\
         [[include]]\n\"training.learning_rate.initial\" = [1e30]\n\"training.learning_rate.final\" = [1e30]\n",
    )
    .unwrap();
    let (code, _, stderr) = call(&[
        "sweep",
        &text(&file),
        "--output",
        &text(&directory.join("runs")),
        "--quiet",
    ]);
    assert_eq!(code, 1, "{stderr}");
}

fn manifest(zoo: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(zoo.join("manifest.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn a_zoo_has_every_model_with_what_is_exact_of_it() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path());
    let (runs, zoo) = (dir.path().join("runs"), dir.path().join("zoo"));
    let export = ["export".to_owned(), text(&runs), "--zoo".into(), text(&zoo)];
    let (code, stdout, stderr) = call(&export);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("4 models of 2 programs"), "{stdout}");
    assert!(stderr.contains("diverged"), "{stderr}");
    assert!(stderr.contains("dim=99"), "{stderr}");
    let rows = manifest(&zoo);
    let names: Vec<&str> = rows.iter().map(|row| &*row["model"]).collect();
    assert_eq!(
        names,
        [
            "frac_prevs-d5-rank-s0",
            "frac_prevs-d9-rank-s0",
            "own-d5-rank-s0",
            "own-d9-rank-s0"
        ]
    );
    for row in &rows {
        let own = zoo.join(&row["model"]);
        let run = runs.join(&row["run"]);
        let experiment = Experiment::load(&run.join("config.toml"), &[], Some(&run)).unwrap();
        let is_library = row["program"] == "frac_prevs";
        assert_eq!(row["source"], if is_library { "library" } else { "other" });
        let projection =
            Projection::load(&own.join("projection.safetensors"), &experiment.model).unwrap();
        let shape = [&row["d"], &row["D"]].map(|n| n.parse::<usize>().unwrap());
        assert_eq!(projection.w.shape(), shape);
        let teacher = experiment.teacher();
        let answers = Judge::new(Arc::clone(&teacher)).judge(&projection.w, &projection.wiring);
        assert_eq!(row["counted"], answers.counted.to_string());
        let number = |column: &str| row[column].parse::<f64>().ok();
        let near = |column: &str, expected: Option<f64>| match (number(column), expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => {
                assert!(
                    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                    "{column}"
                );
            }
            other => panic!("{column}: {other:?}"),
        };
        near("smallest_gap", answers.gap);
        near("mean_error", answers.mae);
        near("largest_error", answers.max_error);
        if answers.mae.is_none() {
            near("right", Some(answers.right as f64 / answers.counted as f64));
        }
        let cosines = Evaluator::new(teacher, Objective::default()).evaluate(&projection.w);
        let cosines = cosines.blocks.iter().filter_map(|block| block.cosine);
        let least = cosines.fold(f64::INFINITY, f64::min);
        near("smallest_cosine", Some(least));
        assert_eq!(row["faithful"], (least >= 0.99).to_string());
        let certificate = json(&own.join("certificate.json"));
        assert_eq!(certificate["verdict"], row["verdict"].as_str());
        let circuit = json(&own.join("circuit.json"));
        let edges = circuit["edges"].as_array().unwrap();
        assert_eq!(row["edges"], edges.len().to_string());
        let of_truth = edges.iter().filter(|edge| edge["true"] == true).count();
        assert_eq!(row["true_edges"], of_truth.to_string());
        assert!(of_truth > 0);
        // The transformer is a model of width d, and the others are what the commands of one run write.
        let said = succeed(&[
            "run".to_owned(),
            text(&own.join("model.safetensors")),
            "--all".into(),
            "--json".into(),
        ]);
        assert!(!said.is_empty());
        let alone = dir.path().join("alone.safetensors");
        succeed(&[
            "export".to_owned(),
            text(&run),
            "-o".into(),
            text(&alone),
            "--format".into(),
            "activations".into(),
        ]);
        assert_eq!(
            fs::read(&alone).unwrap(),
            fs::read(own.join("features.safetensors")).unwrap()
        );
    }
    // At their rank, from what loses nothing: right, although training went on.
    let proved = |row: &&BTreeMap<String, String>| row["verdict"] == "proved";
    assert!(rows.iter().any(|row| proved(&row)));
}

#[test]
fn a_zoo_is_resumed_and_belongs_to_one_study() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path());
    let (runs, zoo) = (dir.path().join("runs"), dir.path().join("zoo"));
    let export = |runs: &Path, more: &[&str]| {
        let mut all = vec!["export".to_owned(), text(runs), "--zoo".into(), text(&zoo)];
        all.extend(more.iter().map(|s| (*s).to_owned()));
        call(&all)
    };
    assert_eq!(export(&runs, &["--no-activations"]).0, 0);
    let expected = snapshot(&zoo);
    let own = zoo.join("own-d5-rank-s0");
    assert!(!own.join("features.safetensors").exists());
    // As a session leaves it that was killed in the middle: the last file of a model is not there.
    fs::remove_file(zoo.join("manifest.csv")).unwrap();
    fs::remove_file(own.join("model.json")).unwrap();
    fs::remove_file(own.join("circuit.json")).unwrap();
    assert_eq!(export(&runs, &["--no-activations"]).0, 0);
    assert_eq!(snapshot(&zoo), expected);

    // Another run under the same name, and another study.
    let entry = fs::read_to_string(own.join("model.json")).unwrap();
    let hash = json(&own.join("model.json"))["config_hash"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(own.join("model.json"), entry.replace(&hash, "another")).unwrap();
    let before = snapshot(&zoo);
    let (code, _, stderr) = export(&runs, &["--no-activations"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("is that of another run"), "{stderr}");
    assert_eq!(snapshot(&zoo), before);
    assert_eq!(export(&runs, &["--no-activations", "--force"]).0, 0);
    assert_eq!(snapshot(&zoo), expected);
    let fewer = dir.path().join("fewer");
    fs::create_dir(&fewer).unwrap();
    let run = fs::read_dir(&runs).unwrap().map(|e| e.unwrap().path());
    let run = run
        .filter(|path| path.join("summary.json").exists())
        .min()
        .unwrap();
    fs::rename(&run, fewer.join("run")).unwrap();
    let (code, _, stderr) = export(&fewer, &["--no-activations"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("no model of this study"), "{stderr}");
    assert_eq!(snapshot(&zoo), expected);
}

#[test]
fn a_zoo_takes_in_what_a_search_for_the_smallest_d_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let (runs, zoo) = (dir.path().join("runs"), dir.path().join("zoo"));
    let shrink = [
        "shrink",
        "configs/frac_prevs.toml",
        "--criterion",
        "outputs",
        "--set",
        "shrink.min_dim=8",
        "--output",
        &text(&runs.join("search")),
        "--quiet",
    ];
    succeed(&shrink);
    // A run that has just begun beside it.
    let begun = runs.join("begun");
    fs::create_dir(&begun).unwrap();
    fs::copy(
        runs.join("search/outputs/d=8/config.toml"),
        begun.join("config.toml"),
    )
    .unwrap();
    let (code, _, stderr) = call(&[
        "export",
        &text(&runs),
        "--zoo",
        &text(&zoo),
        "--no-activations",
    ]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stderr, "left out: begun: not finished, it has no W\n");
    let rows = manifest(&zoo);
    let models: Vec<(&str, &str, &str, &str)> = rows
        .iter()
        .map(|row| {
            (
                &*row["model"],
                &*row["init"],
                &*row["verdict"],
                &*row["run"],
            )
        })
        .collect();
    assert_eq!(
        models,
        [
            (
                "frac_prevs-d8-from-s0",
                "from",
                "proved",
                "search/outputs/d=8"
            ),
            (
                "frac_prevs-d9-from-s0",
                "from",
                "proved",
                "search/outputs/d=9"
            ),
        ]
    );
}

#[test]
fn a_zoo_is_refused_where_there_is_nothing_to_export() {
    let dir = tempfile::tempdir().unwrap();
    let zoo = text(&dir.path().join("zoo"));
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let empty = text(&empty);
    for (arguments, said) in [
        (vec!["export", &empty, "--zoo", &zoo], "holds no runs"),
        (vec!["export", &empty], "--output"),
        (
            vec!["export", &empty, "--zoo", &zoo, "-o", "x.npz"],
            "--output",
        ),
        (
            vec!["export", &empty, "--zoo", &zoo, "--no-bos"],
            "--no-bos",
        ),
        (vec!["export", &empty, "-o", "x.npz", "--force"], "--output"),
        (
            vec!["export", &empty, "--zoo", "zoo.csv"],
            "is called like a .csv file",
        ),
    ] {
        let (code, _, stderr) = call(&arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    assert!(!Path::new(&zoo).exists());
}
