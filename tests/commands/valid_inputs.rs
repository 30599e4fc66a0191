//! Valid inputs, by a program's header or by `inputs.valid`: what is verified, trained on and evaluated.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::common::bench::refused;
use crate::common::command::{
    self, call, json, metrics_without_timing, root, short_run, succeed, text,
};

const DIFFERENT: &str = "selector_width(select(tokens, tokens, ==)) == 1";

/// The library's sort_unique with this line in the place of `unique_tokens`.
fn sort_unique(dir: &TempDir, name: &str, line: &str) -> PathBuf {
    let source = std::fs::read_to_string(root().join("programs/sort_unique.rasp")).unwrap();
    let path = dir.path().join(name);
    let source = source.replace("#! unique_tokens: true", line);
    std::fs::write(&path, source).unwrap();
    path
}

/// A run file for a program, with these lines under `[inputs]`.
fn run_file(program: &Path, inputs: &str, more: &str) -> PathBuf {
    let name = program.file_name().unwrap().to_str().unwrap();
    let path = program.with_extension("toml");
    let text = format!(
        "[model]\nprogram = \"{name}\"\n[inputs]\n{inputs}\n[compression]\ndim = 8\ninit_std = 0.3\n\
         [objective]\noutput_positions = \"tokens\"\n[training]\nsteps = 60\nbatch_size = 64\n\
         log_every = 20\n{more}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn train(run: &Path, set: &[&str]) -> PathBuf {
    let out = run.with_extension("run");
    let mut arguments = vec!["--config".to_owned(), text(run), "--quiet".into()];
    arguments.extend(["--output".to_owned(), text(&out)]);
    for set in set {
        arguments.extend(["--set".to_owned(), (*set).to_owned()]);
    }
    succeed(&arguments);
    out
}

#[test]
fn the_inputs_that_are_verified_are_the_valid_ones() {
    let dir = tempfile::tempdir().unwrap();
    // A mean of truth values, which differs from its model where these differ.
    let path = dir.path().join("mean.rasp");
    let compile = |header: &str| {
        let source = format!(
            "#! vocab: a, b\n#! max_seq_len: 3\n{header}\n\
             mean = aggregate(select(indices, indices, <=), tokens == \"a\");\n"
        );
        std::fs::write(&path, source).unwrap();
        call(&["compile", &text(&path), "--strict"])
    };
    let (code, _, stderr) = compile("");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("differs from the program"), "{stderr}");
    for valid in [
        "tokens != \"a\"",
        "length == 1",
        "count(tokens, \"a\") == 0 or count(tokens, \"b\") == 0",
    ] {
        let (code, stdout, stderr) = compile(&format!("#! valid: {valid}"));
        let next = format!("next: compress init {}\n", text(&path));
        assert_eq!((code, stderr), (0, next), "{valid}: {stdout}");
    }
    let (code, _, stderr) = compile("#! valid: length > 1");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("differs from the program"), "{stderr}");
    // Undefined at the first position, so that it is no condition.
    let (code, _, stderr) = compile("#! valid: tokens != shift_by(1, tokens)");
    assert_eq!(code, 2, "{stderr}");
    let why = "it is None at position 1, neither True nor False";
    assert!(
        stderr.contains("no input is valid") && stderr.contains(why),
        "{stderr}"
    );
}

#[test]
fn a_header_that_is_no_condition_is_refused_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    for (valid, parts) in [
        (
            "token != 1",
            ["there is no name `token`", "did you mean `tokens`"],
        ),
        ("tokens ==", ["Error", "valid"]),
        (
            "True",
            ["`valid` does not depend on the input", "write a condition"],
        ),
        (
            "target_pos == 0",
            ["there is no name `target_pos`", "no name of the program"],
        ),
        ("", ["`valid` is ``", "a condition on the input"]),
        (
            "hist(tokens)",
            ["no input is valid", "it is 5 at position 1"],
        ),
    ] {
        let path = sort_unique(&dir, "p.rasp", &format!("#! valid: {valid}"));
        let model = text(&dir.path().join("p.safetensors"));
        refused(&["compile", &text(&path), "-o", &model], dir.path(), &parts);
    }
}

#[test]
fn a_header_that_leaves_no_input_is_refused_where_that_is_sure() {
    let dir = tempfile::tempdir().unwrap();
    for valid in ["tokens == 9", "length > max_seq_len", "indices > 0"] {
        let path = text(&sort_unique(&dir, "p.rasp", &format!("#! valid: {valid}")));
        let parts = ["no input is valid", "of none of up to 2 tokens"];
        refused(
            &["compile", &path, "--max-seq-len", "2"],
            dir.path(),
            &parts,
        );
        // Of more inputs a sample is looked at.
        let (code, _, stderr) = call(&["compile", &path]);
        assert_eq!(code, 0, "{stderr}");
        assert!(
            stderr.contains("none of the inputs drawn is valid"),
            "{stderr}"
        );
    }
}

#[test]
fn training_on_valid_inputs_is_training_on_the_space_of_them() {
    // The inputs without repeated tokens, in two ways: of equal order, so that every bit is equal.
    let dir = tempfile::tempdir().unwrap();
    let lengths = "lengths = [1, 2, 3, 4, 5]";
    let unique = sort_unique(&dir, "unique.rasp", "#! unique_tokens: true");
    let unique = run_file(&unique, &format!("{lengths}\nunique_tokens = true"), "");
    let by_header = sort_unique(&dir, "header.rasp", &format!("#! valid: {DIFFERENT}"));
    let by_header = run_file(&by_header, lengths, "");
    let by_key = sort_unique(&dir, "key.rasp", "");
    let by_key = run_file(&by_key, &format!("{lengths}\nvalid = \"{DIFFERENT}\""), "");
    for engine in ["training.engine=\"fused\"", "training.engine=\"autodiff\""] {
        let runs = [&unique, &by_header, &by_key].map(|run| train(run, &[engine]));
        let [expected, header, key] = &runs;
        for run in [header, key] {
            assert_eq!(
                metrics_without_timing(run),
                metrics_without_timing(expected)
            );
            assert_eq!(json(&run.join("analysis.json"))["inputs"], 325);
            let resolved = std::fs::read_to_string(run.join("config.toml")).unwrap();
            assert!(
                resolved.contains(&format!("valid = \"{DIFFERENT}\"")),
                "{resolved}"
            );
            let w = |run: &Path| std::fs::read(run.join("projection.safetensors")).unwrap();
            assert!(w(run) == w(expected));
            // The resolved file means the same run.
            let again = succeed(&["--config", &text(&run.join("config.toml"))]);
            assert!(again.contains("is complete already"), "{again}");
        }
        runs.iter()
            .for_each(|run| std::fs::remove_dir_all(run).unwrap());
    }
}

#[test]
fn metrics_are_exact_over_the_valid_inputs() {
    let dir = tempfile::tempdir().unwrap();
    for (name, valid, is_valid) in [
        ("first", "tokens != 1 or indices == 0", 0),
        ("few", "length == 3", 1),
        ("sum", "count(tokens, 1) == count(tokens, 2)", 2),
    ] {
        let program = sort_unique(&dir, &format!("{name}.rasp"), "#! unique_tokens: true");
        let inputs =
            format!("lengths = [1, 2, 3, 4, 5]\nunique_tokens = true\nvalid = \"{valid}\"");
        let run = train(&run_file(&program, &inputs, ""), &[]);
        // Every input of the program, those that are valid by a condition of ours, and what the
        // compressed model and the interpreter say to them.
        let all = succeed(&[
            "run",
            &text(&program),
            "--all",
            "--json",
            "--projection",
            &text(&run),
        ]);
        let (mut count, mut tokens, mut right) = (0, 0, 0);
        for line in all.lines() {
            let answer: Json = serde_json::from_str(line).unwrap();
            let input: Vec<i64> = serde_json::from_value(answer["tokens"].clone()).unwrap();
            let of = |token| input.iter().filter(|t| **t == token).count();
            let valid = match is_valid {
                0 => !input[1..].contains(&1),
                1 => input.len() == 3,
                _ => of(1) == of(2),
            };
            if valid {
                count += 1;
                tokens += input.len();
                let (program, model) = (&answer["output"], &answer["compressed"]);
                right += (0..input.len()).filter(|t| program[t] == model[t]).count();
            }
        }
        assert!(0 < count && count < 325, "{count}");
        assert_eq!(json(&run.join("analysis.json"))["inputs"], count);
        let accuracy = right as f64 / tokens as f64;
        let metrics = metrics_without_timing(&run);
        let columns: Vec<&str> = metrics.lines().next().unwrap().split(',').collect();
        let column = columns.iter().position(|c| *c == "token_accuracy").unwrap();
        let last = metrics
            .lines()
            .last()
            .unwrap()
            .split(',')
            .nth(column)
            .unwrap();
        let found: f64 = last.parse().unwrap();
        assert!(
            (found - accuracy).abs() < 1e-12,
            "{valid}: {found} {accuracy}"
        );
    }
}

#[test]
fn the_sample_of_a_large_space_is_valid_and_the_same_for_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let source = "#! vocab: a, b, c, x\n#! max_seq_len: 11\n#! valid: tokens != \"b\" or indices == 0\n\
                  n = selector_width(select(tokens, tokens, ==));";
    let program = dir.path().join("hist11.rasp");
    std::fs::write(&program, source).unwrap();
    let run = run_file(&program, "evaluation_sample = 200", "checkpoint_every = 30");
    let whole = train(&run, &[]);
    assert_eq!(json(&whole.join("analysis.json"))["inputs_are_all"], false);
    let expected = metrics_without_timing(&whole);
    std::fs::remove_dir_all(&whole).unwrap();
    let again = train(&run, &["training.threads=1"]);
    assert_eq!(metrics_without_timing(&again), expected);
    // Every input that is shown is valid: `b` is the first token or none.
    let worst = std::fs::read_to_string(again.join("worst_inputs.csv")).unwrap();
    let inputs: Vec<&str> = worst
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').nth(1))
        .collect();
    assert!(inputs.len() > 11, "{worst}");
    for input in inputs {
        assert!(
            !input.split(' ').skip(1).any(|token| token == "b"),
            "{input}"
        );
    }
}

#[test]
fn a_key_that_is_no_condition_or_leaves_nothing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (valid, parts) in [
        ("tokens == 7", ["inputs.valid", "none of the 120 inputs"]),
        ("length > 5", ["inputs.valid", "none of the 120 inputs"]),
        ("hist(tokens)", ["inputs.valid", "neither True nor False"]),
        ("tokens +", ["inputs.valid", "no condition in RASP"]),
        ("smaller", ["inputs.valid", "there is no name `smaller`"]),
    ] {
        let out = text(&dir.path().join("out"));
        let mut arguments = short_run("sort_unique", 10, Path::new(&out), &[]);
        let set = format!("inputs.valid={valid:?}");
        arguments.extend([
            "--set".into(),
            set,
            "--set".into(),
            "inputs.lengths=[5]".into(),
        ]);
        refused(&arguments, dir.path(), &parts);
    }
}

#[test]
fn a_model_file_keeps_the_condition_and_an_invalid_input_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let program = text(&sort_unique(
        &dir,
        "p.rasp",
        &format!("#! valid: {DIFFERENT}"),
    ));
    let model = text(&dir.path().join("p.safetensors"));
    succeed(&["compile", &program, "-o", &model]);
    for subject in [&program, &model] {
        let (code, _, stderr) = call(&["run", subject, "2", "1"]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        for (input, position) in [
            (["1", "1", "2"], 1),
            (["3", "2", "2"], 2),
            (["4", "1", "1"], 2),
        ] {
            let (code, _, stderr) = call(&[&["run", subject][..], &input].concat());
            assert_eq!(code, 0, "{stderr}");
            let note =
                format!("not a valid input: `{DIFFERENT}` is not true at position {position}");
            assert!(stderr.contains(&note), "{stderr}");
        }
        let all = succeed(&["run", subject, "--all"]);
        assert_eq!(all.lines().count(), 325);
    }
    // A run of the model file is about the same inputs as one of the program.
    let out = dir.path().join("out");
    let set = [
        format!("model.path={model:?}"),
        "inputs.unique_tokens=false".into(),
    ];
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    command::run("sort_unique", 20, &out, &set);
    assert_eq!(json(&out.join("analysis.json"))["inputs"], 325);
}
