//! Where a model differs from its program, the limit that is named is the one that shows: it is tried.

use tracr::program::verify::verify;
use tracr::program::{Compiled, Settings, Source, cause};

/// What is said of a program's differences, and whether there are any.
fn said(text: &str, settings: &Settings) -> (u64, Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.rasp");
    std::fs::write(&path, text).unwrap();
    let compiled = Source::File(path).compile(settings);
    let compiled = compiled.unwrap_or_else(|e| panic!("{text}\n{e}"));
    let Compiled {
        program,
        options,
        model,
        ..
    } = compiled;
    let verdict = verify(&program.graph, program.output, &model);
    let cause = cause::of_difference(&program, &options, &model, &verdict);
    (verdict.different, cause)
}

const BRACKETS: &str = "#! vocab: \"(\", \")\"
#! max_seq_len: 40
both = sequence_map((t, i) -> (t, i), tokens, indices);
opened = selector_width(select(both, indices, (k, q) -> k[0] == \"(\" and k[1] <= q));
closed = selector_width(select(both, indices, (k, q) -> k[0] == \")\" and k[1] <= q));
depth = opened - closed;
wrong = aggregate(select(indices, indices, <=), indicator(depth < 0)) > 0;
state = \"F\" if wrong else (\"T\" if depth == 0 else \"P\");
";

/// Programs whose attention is soft by its key size and whose widths count further than thresholds tell, with
/// the exactness that is enough.
const COUNTED: &[(&str, &str)] = &[
    (BRACKETS, "3280"),
    (
        "#! vocab: a, b, c, d, e, f, g, h
         #! max_seq_len: 12
         sorted = sort_freq(max_seq_len);",
        "312",
    ),
    // The count itself.
    (
        "#! vocab: a, b
         #! max_seq_len: 40
         so_far = select(indices, indices, <=) and select(tokens, \"a\", ==);
         n = selector_width(so_far);",
        "3280",
    ),
    (
        "#! vocab: a, b
         #! max_seq_len: 20
         seen = selector_width(select(tokens, tokens, ==) and select(indices, indices, <=));
         even = seen % 2 == 0;",
        "840",
    ),
];

#[test]
fn a_width_is_blamed_where_a_higher_exactness_removes_the_differences() {
    for (text, exactness) in COUNTED {
        let (different, cause) = said(text, &Settings::default());
        let cause = cause.unwrap_or_else(|| panic!("{different}: nothing is said of\n{text}"));
        let part = format!("compiled with `--mlp-exactness {exactness}` the model gives what");
        assert!(cause.contains(&part), "{text}\n{cause}");
        assert!(!cause.contains("soft"), "{cause}");
        // Whoever does it has no difference.
        let settings = Settings {
            mlp_exactness: exactness.parse().ok(),
            ..Settings::default()
        };
        assert_eq!(said(text, &settings), (0, None), "{text}");
    }
}

#[test]
fn soft_attention_is_blamed_where_sharper_scores_remove_the_difference() {
    let letters: Vec<String> = (0..200).map(|i| format!("w{i}")).collect();
    let letters = letters.join(", ");
    for body in [
        "same = aggregate(select(tokens, tokens, ==), indicator(indices == 0));",
        "same = aggregate(select(tokens, tokens, ==), indicator(tokens != \"w1\"));",
    ] {
        let text = format!("#! vocab: {letters}\n#! max_seq_len: 4\n{body}\n");
        let (different, cause) = said(&text, &Settings::default());
        assert!(different > 0, "{body}");
        let cause = cause.unwrap_or_else(|| panic!("nothing is said of {body}"));
        assert!(
            cause.starts_with("attention is soft: with a key size of 20")
                && cause.ends_with(
                    "with attention scores 10 times as high the model gives what the program gives on this input"
                ),
            "{cause}"
        );
        // No exactness removes them.
        let settings = Settings {
            mlp_exactness: Some(1e6),
            ..Settings::default()
        };
        assert!(said(&text, &settings).0 > 0, "{body}");
    }
}

#[test]
fn another_limit_is_blamed_where_it_is_the_only_one() {
    let (_, cause) = said(
        "#! vocab: 1, 2\n#! max_seq_len: 3\nout = numerical(map(x -> x - 2, tokens));\n",
        &Settings::default(),
    );
    let cause = cause.unwrap();
    assert!(cause.contains("gives a number below 0"), "{cause}");
    // A staircase that takes 2/3 for 1/2, at every exactness.
    let (_, cause) = said(
        "#! vocab: a, b\n#! max_seq_len: 3\n\
         part = aggregate(select(indices, indices, <=), indicator(tokens == \"a\"));\n\
         out = map(x -> 3 * x, part);\n",
        &Settings::default(),
    );
    let cause = cause.unwrap();
    assert!(cause.contains("is a staircase"), "{cause}");
}

#[test]
fn a_tuple_with_an_undefined_element_is_blamed_where_it_selects_nothing() {
    // `or` of a selector that holds and of one over None.
    let (different, cause) = said(
        "#! vocab: a, b\n#! max_seq_len: 3\nbefore = shift_by(1, tokens);\n\
         n = selector_width(select(indices, 0, ==) or select(before, before, (k, q) -> k == \"b\"));\n",
        &Settings::default(),
    );
    assert!(different > 0);
    let cause = cause.unwrap();
    assert!(cause.contains("over tuples of these"), "{cause}");
}
