//! Whatever is wrong with a configuration, model, override, directory or input: one message that
//! says what, where and how to mend it, exit code 2, and nothing written or lost. The range of every key is tried
//! where its documentation is (`tests/documents/configuration`).

use std::path::Path;

use crate::common::bench::{Bench, refused};
use crate::common::command::{short_run, succeed};

#[test]
fn run_file_that_is_wrong_is_refused() {
    let is = |from: &str, to: &str, parts: &[&str]| Bench::new().refused_with(from, to, parts);
    is(
        "dim = 8 ",
        "dim = 0 ",
        &["`compression.dim` is 0", "at least 1"],
    );
    is(
        "dim = 8 ",
        "dim = 15 ",
        &["`compression.dim`", "from 1 to 14"],
    );
    is(
        "dim = 8 ",
        "dim = \"8\" ",
        &["`compression.dim` is \"8\"", "an integer"],
    );
    is(
        "dim = 8 ",
        "dimm = 8 ",
        &["`compression.dimm`", "did you mean `compression.dim`"],
    );
    // What is missing stands in no line.
    Bench::new()
        .edit("dim = 8 ", "# ")
        .refused(&[], &["`compression.dim` is missing", "run.toml"]);
    is("dim = 8 ", "dim = ", &[]);
    is(
        "[compression]",
        "[compresion]",
        &["there is no key `compresion`"],
    );
    is(
        "decay_fraction = 0.5",
        "decay_fraction = 1.5",
        &["at most 1"],
    );
    is(
        "engine = \"fused\"",
        "engine = \"jax\"",
        &["\"fused\" or \"autodiff\""],
    );
    is(
        "lengths = [5]",
        "lengths = [6]",
        &["`inputs.lengths`", "from 1 to 5"],
    );
    is(
        "lengths = [5]",
        "lengths = []",
        &["`inputs.lengths`", "lengths is empty"],
    );
    is(
        "lengths = [5]",
        "lengths = [5, 5]",
        &["`inputs.lengths`", "listed twice"],
    );
    is(
        "lengths = [5]",
        "lengths = [5]\nunique_tokens = true",
        &[
            "`inputs.lengths`",
            "no input of length 5 without repeated tokens",
            "only 4 tokens",
        ],
    );
    Bench::new()
        .edit("output_weight = 1.0", "output_weight = 0")
        .edit("layer_weight = 1.0", "layer_weight = 0")
        .refused(&[], &["nothing to minimise"]);
    let none = Bench::new();
    std::fs::remove_file(none.path("run.toml")).unwrap();
    none.refused(&[], &["cannot read", "run.toml", "No such file"]);
    std::fs::create_dir(none.path("run.toml")).unwrap();
    none.refused(&[], &["run.toml", "it is a directory"]);
    let binary = Bench::new();
    std::fs::write(binary.path("run.toml"), [b'a', 0xff]).unwrap();
    binary.refused(&[], &["byte 1 is not UTF-8"]);
}

#[test]
fn model_of_unique_tokens_is_not_trained_on_others() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("out");
    let set = ["inputs.unique_tokens=false"];
    refused(
        &short_run("sort_unique", 10, &output, &set),
        dir.path(),
        &["`inputs.unique_tokens`", "without repeated tokens"],
    );
}

#[test]
fn override_that_is_wrong_is_refused() {
    let is = |set: &str, parts: &[&str]| Bench::new().refused(&["--set", set], parts);
    is(
        "compression.dim",
        &["--set compression.dim: expected KEY=VALUE"],
    );
    is(
        "compression.dim=99",
        &["--set compression.dim=99", "from 1 to 14"],
    );
    is(
        "training.stepz=3",
        &["--set training.stepz=3", "did you mean `training.steps`"],
    );
    is(
        "training.steps=many",
        &["`training.steps` is \"many\"", "an integer"],
    );
    is("name.x=1", &["`name` is not a table"]);
    is(
        "model.path=nowhere.safetensors",
        &["cannot read nowhere.safetensors"],
    );
    is("model.sha256=abc", &["`model.sha256`", "is not the model"]);
}

#[test]
fn output_directory_that_is_wrong_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &Path| short_run("frac_prevs", 60, path, &[]);
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    refused(&at(&file), dir.path(), &["file is not a directory"]);
    refused(
        &at(&file.join("below")),
        dir.path(),
        &["below", "is not a directory"],
    );

    let foreign = dir.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("thesis.txt"), "x").unwrap();
    refused(
        &at(&foreign),
        dir.path(),
        &["not a run directory", "thesis.txt"],
    );
    let mut forced = at(&foreign);
    forced.push("--force".into());
    refused(&forced, dir.path(), &["not a run directory", "thesis.txt"]);

    let done = dir.path().join("done");
    succeed(&at(&done));
    let other = ["compression.dim=5", "training.seed=9"];
    refused(
        &short_run("frac_prevs", 60, &done, &other),
        dir.path(),
        &[
            "compression.dim: 8 there, 5 here",
            "training.seed: 0 there, 9 here",
            "--force",
        ],
    );
    std::fs::write(done.join("config.toml"), "what").unwrap();
    refused(
        &at(&done),
        dir.path(),
        &["config.toml cannot be read", "--force"],
    );
    #[cfg(target_os = "linux")]
    refused(
        &at(Path::new("/proc/nowhere")),
        dir.path(),
        &["cannot make the directory /proc/nowhere"],
    );
}

#[test]
fn unfinished_run_with_damaged_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let run = short_run("frac_prevs", 90, &out, &[]);
    let unfinished = || {
        succeed(&[run.clone(), vec!["--force".into()]].concat());
        std::fs::remove_file(out.join("summary.json")).unwrap();
    };
    unfinished();
    let checkpoint = out.join("checkpoint.safetensors");
    let good = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, &good[..good.len() - 1]).unwrap();
    refused(
        &run,
        &out,
        &[
            "checkpoint.safetensors is not a usable checkpoint",
            "--force",
        ],
    );
    let mut flipped = good.clone();
    let middle = good.len() - 100;
    flipped[middle] ^= 4;
    std::fs::write(&checkpoint, &flipped).unwrap();
    refused(&run, &out, &["checksum", "--force"]);
    std::fs::write(&checkpoint, &good).unwrap();

    let metrics = out.join("metrics.csv");
    let rows = std::fs::read_to_string(&metrics).unwrap();
    std::fs::write(&metrics, rows.lines().next().unwrap().to_owned() + "\n").unwrap();
    refused(
        &run,
        &out,
        &[
            "metrics.csv has 0 rows up to step 90",
            "there were 2",
            "--force",
        ],
    );
    std::fs::write(&metrics, "hello\n").unwrap();
    refused(
        &run,
        &out,
        &["metrics.csv does not start with the columns", "--force"],
    );
    std::fs::write(&metrics, &rows).unwrap();
    succeed(&run);
    assert!(out.join("summary.json").exists());
}

#[test]
fn run_inputs_that_are_wrong_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let is = |model: &str, tokens: &[&str], parts: &[&str]| {
        let path = format!("models/{model}.safetensors");
        let mut arguments = vec!["run", path.as_str()];
        arguments.extend(tokens);
        refused(&arguments, dir.path(), parts);
    };
    is(
        "frac_prevs",
        &["a", "q"],
        &["unknown token `q`", "a, b, c, x"],
    );
    is(
        "frac_prevs",
        &["a", "BOS"],
        &["`BOS` is placed by the model itself"],
    );
    is(
        "frac_prevs",
        &["a", "a", "a", "a", "a", "a"],
        &["6 tokens", "at most 5"],
    );
    is(
        "sort_unique",
        &["3", "1", "3"],
        &["token `3` occurs more than once", "1, 2, 3, 4, 5"],
    );
    is("sort_unique", &[], &["required"]);
    is(
        "nothing",
        &["1"],
        &["cannot read models/nothing.safetensors"],
    );
}

#[test]
fn arguments_that_are_wrong_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    refused(&["--config"], dir.path(), &["--config"]);
    refused(&["--cnfig", "x"], dir.path(), &["unexpected argument"]);
    refused(&["fly"], dir.path(), &["fly"]);
}
