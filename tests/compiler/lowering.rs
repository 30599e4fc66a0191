//! What Tracr has no operator for: the compiler makes of it what a user would have to write, weight by
//! weight, and the model says what the program says.

use tracr::compiler::{self, Options, Report};
use tracr::model::{CompiledModel, Frozen, Value};
use tracr::program::verify::{Verdict, agree, outputs, verify};
use tracr::rasp::{self, Program, interpreter};

struct Compiled {
    program: Program,
    model: CompiledModel,
    report: Report,
    verdict: Verdict,
}

fn compiled(text: &str) -> Compiled {
    let program = rasp::compile_source("p.rasp", text, &rasp::Options::default());
    let program = program.unwrap_or_else(|reports| panic!("{}", rasp::render(&reports)));
    let header = &program.header;
    let mut options = Options::new(
        "p",
        header.vocab.clone().unwrap(),
        header.max_seq_len.unwrap(),
    );
    options.causal = header.causal.unwrap_or(false);
    let compiled = compiler::compile_with_report(&program.graph, program.output, &options);
    let (model, _, report) = compiled.unwrap_or_else(|e| panic!("{text}\n{e}"));
    let verdict = verify(&program.graph, program.output, &model);
    Compiled {
        program,
        model,
        report,
        verdict,
    }
}

/// Compiles a program of up to 4 of the letters a, b, c, and checks that its model says what it says, on
/// every input.
fn right(body: &str) -> Compiled {
    let compiled = compiled(&format!("#! vocab: a, b, c\n#! max_seq_len: 4\n{body}\n"));
    let Compiled { program, model, .. } = &compiled;
    let frozen = Frozen::<f64>::new(model);
    let words = model.metadata.word_ids();
    let mut inputs = vec![Vec::new()];
    for _ in 0..4 {
        let longer = |ids: &Vec<usize>| {
            let ids = ids.clone();
            words
                .iter()
                .map(move |id| [ids.as_slice(), &[*id]].concat())
        };
        inputs = inputs.iter().flat_map(longer).collect();
        for ids in &inputs {
            let tokens: Vec<Value> = ids
                .iter()
                .map(|id| model.metadata.input_vocab[*id].clone())
                .collect();
            let run = interpreter::run(&program.graph, program.output, &tokens, false);
            let run = run.unwrap_or_else(|e| panic!("{body}\n{e}"));
            let found = outputs(model, &frozen, ids);
            let mut pairs = run.output().iter().zip(&found);
            assert!(
                pairs.all(|(expected, found)| agree(expected, found)),
                "{body}\n{tokens:?}: {:?}, not {found:?}",
                run.output()
            );
        }
    }
    compiled
}

/// The rewriting by hand of programs with combined selectors.
const REWRITTEN: &[(&str, &str)] = &[
    (
        "same = select(tokens, tokens, ==);
         earlier = select(indices, indices, <);
         seen = selector_width(same and earlier) > 0;",
        "_both = sequence_map((t, i) -> (t, i), tokens, indices);
         seen = selector_width(select(_both, _both, (k, q) -> k[0] == q[0] and k[1] < q[1])) > 0;",
    ),
    // A constant is no s-op, and `not` is in the predicate.
    (
        "n = selector_width(select(tokens, \"a\", ==) or not select(indices, length - 1, ==));",
        "_keys = sequence_map((t, i) -> (t, i), tokens, indices);
         n = selector_width(select(_keys, length - 1, (k, q) -> k[0] == \"a\" or not k[1] == q));",
    ),
    // One s-op of keys, two of queries.
    (
        "before = select(indices, indices, <) and select(indices, length - 2, ==);
         out = aggregate(before, tokens);",
        "_queries = sequence_map((i, n) -> (i, n), indices, length - 2);
         out = aggregate(select(indices, _queries, (k, q) -> k < q[0] and k == q[1]), tokens);",
    ),
    // Constants alone as queries.
    (
        "out = selector_width(select(tokens, \"a\", ==) and select(indices, 1, >));",
        "_both = sequence_map((t, i) -> (t, i), tokens, indices);
         out = selector_width(select(_both, _both, (k, q) -> k[0] == \"a\" and k[1] > 1));",
    ),
    // Several combinations of the same s-ops share their tuple.
    (
        "same = select(tokens, tokens, ==);
         earlier = select(indices, indices, <);
         later = select(indices, indices, >);
         between = selector_width(same and earlier) * selector_width(same and later);",
        "_both = sequence_map((t, i) -> (t, i), tokens, indices);
         between = selector_width(select(_both, _both, (k, q) -> k[0] == q[0] and k[1] < q[1]))
             * selector_width(select(_both, _both, (k, q) -> k[0] == q[0] and k[1] > q[1]));",
    ),
    // Three s-ops, as a function of three.
    (
        "is_a = tokens == \"a\";
         last = select(indices, length - 1, <);
         out = selector_width(last and select(tokens, tokens, ==) or select(is_a, is_a, !=));",
        "is_a = tokens == \"a\";
         _keys = sequence_map((x, y, z) -> (x, y, z), indices, tokens, is_a);
         _queries = sequence_map((x, y, z) -> (x, y, z), length - 1, tokens, is_a);
         out = selector_width(select(_keys, _queries,
             (k, q) -> k[0] < q[0] and k[1] == q[1] or k[2] != q[2]));",
    ),
];

#[test]
fn combined_selectors_have_the_weights_of_the_program_with_tuples() {
    for (combined, by_hand) in REWRITTEN {
        let (ours, theirs) = (right(combined), right(by_hand));
        assert_eq!(
            ours.model.metadata.residual_labels, theirs.model.metadata.residual_labels,
            "{combined}"
        );
        // Every weight, and all that the file says of them.
        assert_eq!(ours.model, theirs.model, "{combined}");
        assert!(!ours.report.added.is_empty() && theirs.report.added.is_empty());
    }
}

#[test]
fn combined_selectors_are_the_same_under_a_mask() {
    let causal = |body: &str| {
        compiled(&format!(
            "#! vocab: a, b, c\n#! max_seq_len: 4\n#! causal: true\n{body}\n"
        ))
    };
    for (combined, by_hand) in REWRITTEN {
        let (ours, theirs) = (causal(combined), causal(by_hand));
        assert_eq!(ours.model, theirs.model, "{combined}");
        assert_eq!(ours.verdict.different, 0, "{combined}\n{:?}", ours.verdict);
    }
}

#[test]
fn the_cost_of_tuples_is_that_of_their_operators() {
    let shares = |body: &str| -> Vec<String> {
        let added = right(body).report.added;
        added.iter().map(ToString::to_string).collect()
    };
    let [(seen, _), (either, _), ..] = REWRITTEN else {
        panic!("fewer programs");
    };
    // 3 tokens times 4 positions.
    assert_eq!(
        shares(seen),
        ["tuples of tokens and indices: 12 features, 12 hidden units"]
    );
    assert_eq!(
        shares(either),
        ["tuples of tokens and indices: 12 features, 12 hidden units"]
    );
    // 12 pairs, 24 triples, and the copy of these; of length - 1 there are 5 values, and 15, 30 and 30.
    let (three, _) = REWRITTEN[5];
    assert_eq!(
        shares(three),
        [
            "tuples of indices and tokens and is_a: 60 features, 60 hidden units",
            "tuples of (x - 1) and tokens and is_a: 75 features, 75 hidden units",
        ]
    );
}

/// Programs with defaults other than attention gives.
const FILLED: &[&str] = &[
    "out = aggregate(select(indices, indices - 1, ==), tokens, \"-\");",
    "out = aggregate(select(indices, indices + 1, ==), tokens, \"a\");",
    "out = aggregate(select(tokens, \"b\", ==) and select(indices, indices, <=), \"x\", 0);",
    // As `pairwise` of the published collections: a default on both sides of a choice.
    "def pairwise(s) {
         return aggregate(select(indices, indices + 1, ==), s, \"z\") if indices % 2 == 0
             else aggregate(select(indices, indices - 1, ==), s, \"z\");
     }
     out = tokens if length % 2 == 1 and indices == length - 1 else pairwise(tokens);",
    // Read by what follows: a map, a sequence map, keys of a selector, another aggregate.
    "before = aggregate(select(indices, indices - 1, ==), tokens, \"-\");
     out = sequence_map((x, y) -> x + y, before, tokens);",
    "before = aggregate(select(indices, indices - 1, ==), tokens, \"-\");
     out = selector_width(select(before, before, ==));",
    "before = aggregate(select(indices, indices - 1, ==), tokens, \"-\");
     out = aggregate(select(indices, indices - 1, ==), before, \"+\");",
    // Truth values, and a number of another type.
    "out = aggregate(select(indices, indices - 2, ==), tokens == \"a\", True);",
    "out = aggregate(select(indices, indices - 2, ==), tokens == \"a\", 0);",
    // The width is in the program already.
    "before = select(indices, indices - 1, ==);
     n = selector_width(before);
     out = sequence_map((x, k) -> x + str(k), aggregate(before, tokens, \"-\"), n);",
    // A combined selector.
    "before = select(indices, indices - 1, ==) and select(tokens, tokens, ==);
     out = aggregate(before, tokens, \"-\");",
    // Numerical ones.
    "out = aggregate(select(indices, indices, <), indicator(tokens == \"a\"), 1);",
    "out = aggregate(select(tokens, \"c\", ==), indicator(indices == 0), -0.5);",
];

#[test]
fn a_default_stands_where_nothing_is_selected() {
    for body in FILLED {
        let compiled = right(body);
        assert!(
            compiled
                .report
                .added
                .iter()
                .any(|share| share.what.starts_with("the default")),
            "{body}"
        );
    }
}

#[test]
fn a_default_costs_a_width_and_a_map() {
    let cost = |default: &str| {
        let body = format!("out = aggregate(select(indices, indices - 1, ==), tokens{default});");
        right(&body).report
    };
    let (without, with) = (cost(""), cost(", \"-\""));
    assert_eq!(without.added, []);
    let [share] = with.added.as_slice() else {
        panic!("{with:?}");
    };
    // The width has 5 counts and the head's output; the map has 4 values. Thresholds take two units a step.
    assert_eq!(
        share.to_string(),
        "the default '-': 10 features, 1 head, 13 hidden units"
    );
    // `one` is there in both, for the heads.
    assert_eq!(with.width, without.width + share.features);
}

#[test]
fn a_default_has_no_note_on_counts_that_nothing_reads() {
    let notes = |body: &str| {
        let text = format!("#! vocab: a, b\n#! max_seq_len: 30\n{body}\n");
        let program = rasp::compile_source("p.rasp", &text, &rasp::Options::default()).unwrap();
        let options = Options::new("p", program.header.vocab.clone().unwrap(), 30);
        let compiled = compiler::compile(&program.graph, program.output, &options).unwrap();
        compiled.1.len()
    };
    let any = "select(indices, indices, <)";
    assert_eq!(
        notes(&format!(
            "out = aggregate({any}, indicator(tokens == \"a\"), 1);"
        )),
        0
    );
    assert_eq!(
        notes("out = aggregate(select(indices, indices - 1, ==), tokens, \"-\");"),
        0
    );
    assert_eq!(
        notes(&format!(
            "out = sequence_map((t, n) -> n, tokens, selector_width({any}));"
        )),
        1
    );
}

#[test]
fn a_default_at_an_undefined_value_stays_undefined() {
    // One position is selected, and what is there is None.
    let body = "before = shift_by(1, tokens);
                out = aggregate(select(indices, 0, ==), before, \"-\");";
    let compiled = right(body);
    let silence = compiled.verdict.silence;
    assert!(silence.is_none(), "{silence:?}");
}
