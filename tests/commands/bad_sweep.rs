//! Whatever is wrong with a study file or with what a sweep is asked: one message that says what,
//! where and how to mend it, exit code 2, and nothing written.

use crate::common::bench::refused;
use crate::common::study::{SMALL, StudyBench};

/// Expects a study with this change to be refused.
fn is(from: &str, to: &str, parts: &[&str]) {
    let bench = StudyBench::new(SMALL);
    bench.edit(from, to);
    asked(&bench, &[], parts);
}

fn asked(bench: &StudyBench, more: &[&str], parts: &[&str]) {
    refused(&bench.arguments("out", more), bench.dir.path(), parts);
}

#[test]
fn study_file_that_is_wrong_is_refused() {
    is(
        "[grid]",
        "[gird]",
        &["study.toml:6: there is no key `gird`", "grid, include"],
    );
    is(
        "\"compression.dim\" =",
        "\"compression.dimm\" =",
        &["study.toml:7: ", "did you mean `compression.dim`?"],
    );
    is(
        "[4, 6, 8]",
        "[]",
        &["study.toml:7: `compression.dim` has no values"],
    );
    is(
        "[4, 6, 8]",
        "\"all\"",
        &["study.toml:7: `compression.dim` is \"all\"", "at least 1"],
    );
    is("[4, 6, 8]", "[4, 6, 4]", &["has the value 4 twice"]);
    is(
        "count = 4",
        "count = 0",
        &["study.toml:8: `training.seed`", "count must be"],
    );
    is(
        "count = 4",
        "cuont = 4",
        &["study.toml:8: ", "a range has no `cuont`"],
    );
    is("count = 4", "count = 50_000", &["more than 100000 runs"]);
    is(
        "steps = 1500",
        "steps = 0",
        &["study.toml:14: `training.steps` is 0"],
    );
    is(
        "steps = 1500",
        "seed = 3",
        &["study.toml:14: `training.seed` varies in this study"],
    );
    is(
        "steps = 1500",
        "stepz = 3",
        &["study.toml:14: ", "did you mean `training.steps`?"],
    );
    is(
        "dim = [6]",
        "dim = [4], seed = 0",
        &["study.toml:11: ", "there is no key"],
    );
    is(
        "compression = { method = [\"pca\", \"subset\"], dim = [6] }",
        "compression.dim = 4\ntraining.seed = [1, 9]",
        &["study.toml:11: the run dim=4,seed=1 is in the study twice"],
    );
    is(
        "[[include]]",
        "[include]",
        &["study.toml:10: write [[include]] with two brackets"],
    );
    is("base = ", "# ", &["study.toml: `base` is missing"]);
    is(
        "configs/frac_prevs.toml",
        "configs/nothing.toml",
        &["cannot read", "nothing.toml"],
    );
    is(
        "name = \"small\"",
        "name = \"../small\"",
        &["study.toml:2: `name`", "letters, digits"],
    );
    is(
        "name = \"small\"",
        "name = 3",
        &["study.toml:2: `name` is 3", "a text in quotes"],
    );
    is("[grid]", "[grid", &["study.toml:6: "]);
    is(
        "[grid]",
        "[grid]\n\"output.dir\" = [\"a\"]",
        &["study.toml:7: `output.dir`", "decides"],
    );
    is(
        "steps = 1500",
        "steps = 1500\n[override]\nname = \"x\"",
        &["study.toml:"],
    );
    let nothing = StudyBench::new("base = \"BASE\"\n[grid]\n");
    asked(&nothing, &[], &["nothing varies"]);
    std::fs::remove_file(nothing.path("study.toml")).unwrap();
    asked(&nothing, &[], &["cannot read", "study.toml"]);
}

#[test]
fn sweep_arguments_that_are_wrong_are_refused() {
    let bench = StudyBench::new(SMALL);
    let ask = |more: &[&str], parts: &[&str]| asked(&bench, more, parts);
    ask(&["--shard", "3/3"], &["expected i/n", "0/4"]);
    ask(&["--shard", "1"], &["expected i/n"]);
    ask(&["--jobs", "0"], &["--jobs"]);
    ask(
        &["--set", "training.seed=1"],
        &["--set training.seed=1: `training.seed` varies"],
    );
    ask(
        &["--set", "output.dir=x"],
        &["--set output.dir=x", "--output"],
    );
    ask(&["--set", "training.steps"], &["expected KEY=VALUE"]);
    ask(
        &["--set", "training.steps=x"],
        &["--set training.steps=x: `training.steps`"],
    );
    ask(&["--collect", "out"], &["cannot be used with"]);
    refused(&["sweep"], bench.dir.path(), &["required", "<STUDY>"]);
    let nowhere = bench.path("nowhere").display().to_string();
    refused(
        &["sweep", "--collect", &nowhere],
        bench.dir.path(),
        &["cannot read", "nowhere"],
    );
}

#[test]
fn sweep_refuses_directories_of_others() {
    let bench = StudyBench::new(SMALL);
    let out = bench.path("out");
    std::fs::write(&out, "x").unwrap();
    asked(&bench, &[], &["out"]);
    std::fs::remove_file(&out).unwrap();
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("thesis.txt"), "x").unwrap();
    asked(
        &bench,
        &[],
        &["not a study's directory", "thesis.txt", "--output"],
    );
    let out = out.display().to_string();
    refused(
        &["sweep", "--collect", &out],
        bench.dir.path(),
        &["it has no study.toml"],
    );

    bench.sweeps("mine", &["--shard", "0/14", "--quiet"]);
    bench.edit("\"small\"", "\"other\"");
    refused(
        &bench.arguments("mine", &[]),
        bench.dir.path(),
        &["holds the study `small`, not `other`", "--output"],
    );
    std::fs::write(bench.path("mine/study.toml"), "name = 3").unwrap();
    refused(
        &[
            "sweep",
            "--collect",
            &bench.path("mine").display().to_string(),
        ],
        bench.dir.path(),
        &["study.toml is not what compress sweep writes"],
    );
}

#[test]
fn sweep_leaves_run_directories_of_others_alone() {
    let bench = StudyBench::new(SMALL);
    bench.sweeps("out", &["--shard", "0/14", "--quiet"]);
    let run = bench.path("out/dim=4,seed=1");
    std::fs::create_dir(&run).unwrap();
    std::fs::write(run.join("thesis.txt"), "x").unwrap();
    asked(
        &bench,
        &[],
        &["dim=4,seed=1 is not a run directory", "thesis.txt"],
    );
}
