//! `compress run` on many inputs, and its drawings of selectors and attention.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value as Json, json};

use crate::common::command::{compress, run, succeed, text};

/// Runs with this on standard input; exit code, stdout, stderr.
fn fed(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = compress()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

fn parsed(text: &str) -> Vec<Json> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_line_of_standard_input_is_an_input() {
    for (subject, input, expected) in [
        (
            "models/sort_unique.safetensors",
            "3 1 2\n\n  5\t4 \n1",
            "3 1 2 -> 1 2 3\n5 4 -> 4 5\n1 -> 1\n",
        ),
        (
            "sort_unique",
            "3 1 2\r\n5 4\r\n",
            "3 1 2 -> 1 2 3\n5 4 -> 4 5\n",
        ),
        ("hist", "a a b\nd", "a a b -> 2 2 1\nd -> 1\n"),
        ("models/frac_prevs.safetensors", "x a\n", "x a -> 1 0.5\n"),
    ] {
        let (code, stdout, stderr) = fed(&["run", subject, "-"], input.as_bytes());
        assert_eq!(
            (code, stdout.as_str(), stderr.as_str()),
            (0, expected, ""),
            "{subject}"
        );
        let (code, stdout, _) = fed(&["run", subject, "-", "--json"], input.as_bytes());
        assert_eq!(code, 0);
        let lines = input.lines().filter(|line| !line.trim().is_empty());
        for (line, found) in lines.zip(parsed(&stdout)) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let one = succeed(&[&["run", subject][..], &words, &["--json"]].concat());
            assert_eq!(found, parsed(&one)[0], "{subject}: {line}");
        }
    }
}

#[test]
fn a_word_of_a_line_may_stand_in_quotes() {
    let tokens = r#"--vocab=a b,"1",1,-"#;
    let arguments = ["run", "hist", "-", tokens, "--json"];
    let (code, stdout, stderr) = fed(&arguments, b"\"a b\" \"1\" 1 -\n\"-\" -\n");
    assert_eq!(code, 0, "{stderr}");
    let answers = parsed(&stdout);
    assert_eq!(answers[0]["tokens"], json!(["a b", "1", 1, "-"]));
    assert_eq!(answers[1]["output"], json!([2, 2]));
}

#[test]
fn a_bad_line_is_named_by_its_number_and_nothing_is_printed() {
    let sort = "models/sort_unique.safetensors";
    let refused = |subject: &str, input: &[u8], parts: &[&str]| {
        let (code, stdout, stderr) = fed(&["run", subject, "-"], input);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
        for part in parts {
            assert!(stderr.contains(part), "{part}: {stderr}");
        }
    };
    for subject in [sort, "sort_unique"] {
        refused(
            subject,
            b"3 1\n2 1\n\n3 q\n",
            &["line 4 of standard input", "unknown token `q`"],
        );
        refused(subject, b"3 3\n", &["line 1 of", "occurs more than once"]);
        refused(subject, b"1\n1 2 3 4 5 1\n", &["line 2 of"]);
        refused(
            subject,
            b"1 2\n\xff\n",
            &["line 2 of standard input is not UTF-8"],
        );
        refused(subject, b"\n \n", &["there is no input on standard input"]);
        refused(subject, b"", &["there is no input on standard input"]);
        refused(
            subject,
            b"\x93NUMPY\x01\0",
            &["standard input is a NumPy array"],
        );
    }
    let (code, _, stderr) = fed(&["run", sort, "-", "--trace"], b"1\n");
    assert_eq!(code, 2);
    assert!(stderr.contains("one input at a time"), "{stderr}");
}

#[test]
fn all_inputs_are_run_each_once() {
    for (subject, count) in [
        ("models/sort_unique.safetensors", 325),
        ("sort_unique", 325),
    ] {
        let stdout = succeed(&["run", subject, "--all"]);
        let mut seen = std::collections::HashSet::new();
        for line in stdout.lines() {
            let (input, output) = line.split_once(" -> ").unwrap();
            let mut sorted: Vec<&str> = input.split(' ').collect();
            sorted.sort_unstable();
            assert_eq!(output, sorted.join(" "));
            assert!(seen.insert(input.to_owned()), "{line}");
        }
        assert_eq!(seen.len(), count);
    }
    // 4 + 16 + 64 inputs, compared with the compiled model.
    let (code, stdout, stderr) = fed(
        &["run", "hist", "--all", "--compare", "--max-seq-len", "3"],
        b"",
    );
    assert_eq!((code, stderr.as_str()), (0, "0 of 84 inputs differ\n"));
    assert!(
        stdout.contains("a b a -> program 2 1 2; compiled 2 1 2\n"),
        "{stdout}"
    );
    let count = |arguments: &[&str]| {
        let answers = parsed(&succeed(
            &[&["run"], arguments, &["--all", "--json"]].concat(),
        ));
        answers.len()
    };
    assert_eq!(count(&["hist", "--max-seq-len", "2"]), 20);
    assert_eq!(
        count(&["models/frac_prevs.safetensors"]),
        4 + 16 + 64 + 256 + 1024
    );
}

#[test]
fn more_inputs_than_can_be_listed_are_refused() {
    let refused = |arguments: &[&str], part: &str| {
        let (code, stdout, stderr) = fed(&[&["run"], arguments, &["--all"]].concat(), b"");
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(part), "{stderr}");
    };
    refused(&["hist", "--max-seq-len", "11"], "at most 1048576 inputs");
    refused(
        &["hist", "--max-seq-len", "11"],
        "compress run MODEL - < FILE",
    );
    refused(&["hist", "--max-seq-len", "400"], "at most 1048576 inputs");
    refused(&["hist", "--max-seq-len", "1000000"], "at most 1000 tokens");
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("p.rasp");
    std::fs::write(&program, "out = reverse(tokens);").unwrap();
    refused(&[&text(&program)], "give --vocab and --max-seq-len");
}

#[test]
fn selectors_are_drawn_with_the_tokens_along_both_sides() {
    let stdout = succeed(&["run", "sort_unique", "3", "1", "2", "--selectors"]);
    let drawn =
        "\nselect `smaller` (k < q)\n     3  1  2\n  3  .  #  #\n  1  .  .  .\n  2  .  #  .\n";
    assert!(stdout.contains(drawn), "{stdout}");
    let answer = &parsed(&succeed(&[
        "run",
        "sort_unique",
        "3",
        "1",
        "2",
        "--selectors",
        "--json",
    ]))[0];
    let smaller = &answer["selectors"][0];
    assert_eq!(smaller["rows"], json!([[0, 1, 1], [0, 0, 0], [0, 1, 0]]));
    let stdout = succeed(&[
        "run",
        "models/sort_unique.safetensors",
        "3",
        "1",
        "--selectors",
    ]);
    assert!(stdout.contains("compiled layer1.attn head 0\n"), "{stdout}");
    assert!(stdout.contains("BOS"), "{stdout}");
    // Without a model there is no attention, and the selectors are drawn all the same.
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("p.rasp");
    std::fs::write(
        &program,
        "out = selector_width(select(tokens, tokens, ==));",
    )
    .unwrap();
    let (code, stdout, stderr) = fed(&["run", &text(&program), "a", "b", "--selectors"], b"");
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.contains("\n     a  b\n  a  #  .\n  b  .  #\n"),
        "{stdout}"
    );
    assert!(stderr.contains("does not say its vocabulary"), "{stderr}");
}

#[test]
fn heads_of_a_compiled_model_attend_to_what_selectors_select() {
    for (program, input) in [
        ("sort_unique", "3 1 2 5"),
        ("hist", "a b a c"),
        ("reverse", "a b c"),
        ("frac_prevs", "x a x"),
    ] {
        let words: Vec<&str> = input.split(' ').collect();
        let arguments = [&["run", program][..], &words, &["--selectors", "--json"]].concat();
        let answer = &parsed(&succeed(&arguments))[0];
        let compiled = &answer["attention"][0];
        assert_eq!(compiled["model"], "compiled");
        assert_eq!(
            compiled["positions"].as_array().unwrap().len(),
            words.len() + 1
        );
        let heads: Vec<Vec<Vec<f64>>> = compiled["heads"]
            .as_array()
            .unwrap()
            .iter()
            .map(|head| serde_json::from_value(head["weights"].clone()).unwrap())
            .collect();
        for head in &heads {
            for row in head {
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{program}");
            }
        }
        let selectors = answer["selectors"].as_array().unwrap();
        assert!(!selectors.is_empty());
        for selector in selectors {
            let rows: Vec<Vec<u8>> = serde_json::from_value(selector["rows"].clone()).unwrap();
            let matches = |head: &Vec<Vec<f64>>| {
                rows.iter().enumerate().all(|(q, row)| {
                    let weights = &head[q + 1][1..];
                    let pairs = row.iter().zip(weights);
                    let selects = row.contains(&1);
                    pairs
                        .into_iter()
                        .all(|(s, w)| !selects || (*s == 1) == (*w > 0.01))
                })
            };
            assert!(heads.iter().any(matches), "{program}: {selector}");
        }
    }
}

#[test]
fn the_attention_of_a_compressed_model_is_drawn_beside_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    run("sort_unique", 50, &out, &[]);
    let w = text(&out);
    let words = [
        "run",
        "sort_unique",
        "3",
        "1",
        "--selectors",
        "--projection",
        &w,
    ];
    let stdout = succeed(&words);
    for part in [
        "select `smaller`",
        "compiled layer0.attn head 0",
        "compressed layer1.attn head 0",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let answer = &parsed(&succeed(&[&words[..], &["--json"]].concat()))[0];
    let compressed = &answer["attention"][1];
    assert_eq!(compressed["model"], "compressed");
    // As in training: filled up with PAD.
    assert_eq!(compressed["positions"][5], "compiler_pad");
    let model = "models/sort_unique.safetensors";
    let of_model = [
        "run",
        model,
        "3",
        "1",
        "--pad",
        "--selectors",
        "--projection",
        &w,
        "--json",
    ];
    let of_model = &parsed(&succeed(&of_model))[0];
    assert_eq!(of_model["attention"][0]["heads"], compressed["heads"]);
}
