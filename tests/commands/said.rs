//! What `compress run` and `compile` say of a program, beside what it computes.

use std::path::Path;

use crate::common::command::{call, text};

/// Writes a program, calls a command on it, and gives its exit code and both outputs as one text.
fn said(command: &str, source: &str, arguments: &[&str]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("p.rasp");
    std::fs::write(&program, source).unwrap();
    let (code, stdout, stderr) = call(&[&[command, &text(&program)], arguments].concat());
    (code, stdout + &stderr)
}

/// The last column of `compress run`'s table.
fn outputs(text: &str) -> Vec<&str> {
    let rows = text
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with(' '));
    rows.filter_map(|row| row.split_whitespace().last())
        .collect()
}

#[test]
fn an_aggregate_that_selects_nothing_and_has_no_default_is_noted_by_run_and_compile() {
    for (source, words, output) in [
        (
            "z = aggregate(select(indices, indices - 1, ==), tokens == \"a\");",
            &["a", "b", "c"][..],
            &["None", "True", "False"][..],
        ),
        (
            "p = aggregate(select(tokens, \"q\", ==), indices); z = not p;",
            &["a", "b"],
            &["None", "None"],
        ),
        (
            "z = load_from_location(tokens, indices + 1);",
            &["a", "b"],
            &["b", "None"],
        ),
    ] {
        let (code, text) = said("run", source, words);
        assert_eq!((code, &outputs(&text)[..]), (0, output), "{text}");
        for part in ["selects nothing at position", "the published RASP has 0"] {
            assert_eq!(text.matches(part).count(), 1, "{source}: {text}");
        }
        let (_, text) = said(
            "run",
            source,
            &["--all", "--vocab", "a,b", "--max-seq-len", "3"],
        );
        assert_eq!(text.matches("selects nothing").count(), 1, "{text}");
        let (_, text) = said(
            "compile",
            source,
            &["--vocab", "a,b,q", "--max-seq-len", "3"],
        );
        assert_eq!(
            text.matches("selects nothing").count(),
            1,
            "{source}: {text}"
        );
    }
    let source = "last = max(select(tokens, \"a\", ==) and select(indices, indices, <), indices, [0, 1, 2]);";
    let (code, text) = said("run", source, &["b", "a", "b"]);
    assert_eq!(
        (code, &outputs(&text)[..]),
        (0, &["None", "None", "1"][..]),
        "{text}"
    );
    assert!(
        text.contains("`last`, of a selector, selects nothing at position 1"),
        "{text}"
    );
    // The advice: it is then what the published language has.
    let source = "z = aggregate(select(indices, indices - 1, ==), indices, 0) + 1;";
    let (code, text) = said("run", source, &["a", "b", "c"]);
    assert_eq!(
        (code, &outputs(&text)[..]),
        (0, &["1", "1", "2"][..]),
        "{text}"
    );
    assert!(!text.contains("note"), "{text}");
    // None that the author asks for, what always finds something, and numbers, which are 0, need no word.
    for source in [
        "z = aggregate(select(indices, indices - 1, ==), indices, None);",
        "z = aggregate(select(indices, indices, ==), tokens);",
        "z = aggregate(select(indices, indices - 1, ==), indicator(tokens == \"a\"));",
        "z = shift_by(1, tokens);",
    ] {
        let (code, text) = said("run", source, &["a", "b"]);
        assert!(code == 0 && !text.contains("note"), "{source}: {text}");
    }
}

#[test]
fn tokens_of_a_kind_are_of_that_kind_with_a_vocabulary_and_without() {
    for (source, words, expected) in [
        (
            "tokens = tokens_str; z = tokens + tokens;",
            "1 2",
            "\"11\" \"22\"",
        ),
        ("z = tokens_str + \"x\";", "1 2", "1x 2x"),
        ("tokens = tokens_int; z = tokens * 2;", "\"1\" \"2\"", "2 4"),
        ("z = tokens_int + 1;", "1 2", "2 3"),
        (
            "tokens = tokens_float; z = tokens / 2;",
            "\"1\" \"3\"",
            "0.5 1.5",
        ),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let (_, text) = said("run", source, &words);
        assert_eq!(outputs(&text).join(" "), expected, "{source}: {text}");
        let vocabulary = words.join(",");
        let (_, text) = said(
            "run",
            source,
            &[&["--vocab", &vocabulary], &words[..]].concat(),
        );
        assert_eq!(outputs(&text).join(" "), expected, "{source}: {text}");
    }
    let (code, text) = said("run", "z = tokens_int;", &["a", "b"]);
    assert!(
        code == 2 && text.contains("int(\"a\") is not defined"),
        "{text}"
    );
}

#[test]
fn an_example_that_is_no_input_is_refused_unless_the_command_line_chooses_the_inputs() {
    let program = |vocabulary: &str, example: &str| {
        format!("#! vocab: {vocabulary}\n#! max_seq_len: 3\n#! example: {example}\nz = tokens;\n")
    };
    for (vocabulary, example, expected) in [
        (
            "a, b",
            "a c -> a c",
            "the token c, which is not in the vocabulary a, b",
        ),
        (
            "a, b",
            "a a a a -> a a a a",
            "has 4 tokens, and the longest input 3",
        ),
        (
            "1, 2",
            "\"1\" 2 -> \"1\" 2",
            "the token \"1\", which is not in the vocabulary 1, 2",
        ),
    ] {
        let source = program(vocabulary, example).replace("z = tokens", "z = map(x -> x, tokens)");
        let (code, text) = said("compile", &source, &[]);
        assert!(code == 2 && text.contains(expected), "{example}: {text}");
        let (code, text) = said(
            "compile",
            &source,
            &["--vocab", "x,y", "--max-seq-len", "2"],
        );
        assert_eq!(code, 0, "{example}: {text}");
    }
}

#[test]
fn run_notes_an_example_that_says_something_else() {
    let program = |example: &str| {
        format!("#! vocab: a, b\n#! max_seq_len: 3\n#! example: {example}\nz = tokens == \"a\";\n")
    };
    for (example, is_noted) in [
        ("a b -> True False", false),
        ("a b -> 1 0", false),
        ("a b -> False False", true),
        ("b a -> False False", false),
    ] {
        let (code, text) = said("run", &program(example), &["a", "b"]);
        assert_eq!(
            (code, text.contains("the header's example says")),
            (0, is_noted),
            "{example}: {text}"
        );
    }
    let (_, text) = said(
        "run",
        &program("a b -> x x"),
        &["a", "b", "--output", "tokens"],
    );
    assert!(!text.contains("note"), "{text}");
}

#[test]
fn inputs_without_repeats_are_advised_where_that_helps() {
    let header = "#! vocab: a, b, c\n#! max_seq_len: 4\n";
    let hint = "say `#! unique_tokens: true`";
    let helps = format!("{header}z = aggregate(select(tokens, \"a\", ==), indices);\n");
    let (_, text) = said("compile", &helps, &[]);
    assert!(
        text.contains(hint) && text.contains("agrees on the 15 of them"),
        "{text}"
    );
    let followed = format!("#! unique_tokens: true\n{helps}");
    let (_, text) = said("compile", &followed, &[]);
    assert!(
        text.contains("agrees with the program on all 15 inputs"),
        "{text}"
    );
    let does_not =
        format!("{header}z = aggregate(select(indices, indices, <), tokens == \"a\", 0.5);\n");
    let (_, text) = said("compile", &does_not, &[]);
    assert!(
        text.contains("differs from the program") && !text.contains(hint),
        "{text}"
    );
}

#[test]
fn advice_does_not_lead_back_to_where_it_came_from() {
    let source = "#! vocab: 1, 2, 3\n#! max_seq_len: 4\n\
                  x = aggregate(select(indices, indices, <=), indicator(tokens == 1)); z = sort(tokens, x);\n";
    let (code, text) = said("compile", source, &[]);
    assert_eq!(code, 2);
    assert!(
        !text.contains("write `sort(tokens, categorical(x))`"),
        "{text}"
    );
    assert!(
        text.contains("what was tried of that here gives no model"),
        "{text}"
    );
}

#[test]
fn texts_that_read_as_something_else_are_in_quotes() {
    let (_, text) = said(
        "run",
        "z = tokens;",
        &["\"1\"", "\"a b\"", "\"\"", "True", "\"True\""],
    );
    assert_eq!(outputs(&text)[..1], ["\"1\""], "{text}");
    for word in ["\"a b\"", "\"\"", "\"True\"", " True"] {
        assert_eq!(
            text.lines().filter(|line| line.ends_with(word)).count(),
            1,
            "{word}: {text}"
        );
    }
}

#[test]
fn shift_moves_by_a_constant_or_by_an_s_op() {
    for (source, expected) in [
        ("z = shift(tokens, 1, \"-\");", "- a b c"),
        ("z = shift(tokens, -1, \"-\");", "b c d -"),
        // As the published library: position k goes to k + n.
        ("z = shift(tokens, indices, \"-\");", "a - b -"),
        ("z = shift(tokens, length - 3, \"-\");", "- a b c"),
        // No position is half a one away.
        ("z = shift(tokens, 0.5, \"-\");", "- - - -"),
        ("z = shift(tokens, -2.5, \"+\");", "+ + + +"),
        ("z = shift(tokens, 2.0, \"-\");", "- - a b"),
    ] {
        let (code, text) = said("run", source, &["a", "b", "c", "d"]);
        assert_eq!(
            (code, outputs(&text).join(" ").as_str()),
            (0, expected),
            "{source}: {text}"
        );
        let (code, text) = said("compile", source, &["--vocab", "a,b", "--max-seq-len", "3"]);
        assert!(
            code == 0 && text.contains("the model agrees"),
            "{source}: {text}"
        );
    }
}

#[test]
fn constants_that_are_selected_stay_what_they_are() {
    for (constant, expected) in [
        ("True", "True 0 0 0"),
        ("True, False", "True False False False"),
        ("False, \"-\"", "False - - -"),
        ("2, \"none\"", "2 none none none"),
        ("2, -3", "2 -3 -3 -3"),
        ("0.5, 7", "0.5 7 7 7"),
        ("1", "1 0 0 0"),
        ("1, 5", "1 5 5 5"),
    ] {
        let source = format!(
            "z = aggregate(select(tokens, tokens, (k, q) -> k == q and q == \"a\"), {constant});"
        );
        let (code, text) = said("run", &source, &["a", "b", "c", "d"]);
        assert_eq!(
            (code, outputs(&text).join(" ").as_str()),
            (0, expected),
            "{constant}: {text}"
        );
        let (code, text) = said(
            "compile",
            &source,
            &["--vocab", "a,b", "--max-seq-len", "3"],
        );
        assert!(
            code == 0 && text.contains("the model agrees"),
            "{constant}: {text}"
        );
    }
}

#[test]
fn words_that_would_be_several_tokens_are_refused_and_none_is_lost() {
    for words in ["x y", "1 2", "\"\" \"\"", "# c"] {
        let (code, text) = said("run", "z = tokens;", &[words]);
        assert_eq!(code, 2, "{text}");
        assert!(
            text.contains("would be 2 tokens: give each by itself"),
            "{text}"
        );
    }
    let (code, text) = said("run", "z = tokens;", &["\"x y\""]);
    assert_eq!((code, &outputs(&text)[..]), (0, &["y\""][..]), "{text}");
}

#[test]
fn weights_without_names_of_features_are_told_from_a_damaged_model() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights.safetensors");
    let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend([0; 4]);
    std::fs::write(&path, bytes).unwrap();
    let (code, _, stderr) = call(&["run", &text(&path), "a"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("`compress compile`, and by scripts/export_tracr.py"),
        "{stderr}"
    );
    assert!(Path::new(&path).exists());
}
