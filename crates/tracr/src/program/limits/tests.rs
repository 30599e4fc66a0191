//! The limits, each with inputs that meet it and inputs that do not.

use super::*;
use crate::{compiler, rasp};

/// A source, compiled.
struct Bench {
    program: rasp::Program,
    options: Options,
    metadata: Metadata,
}

impl Bench {
    /// For the vocabulary 1, 2 and inputs of up to 4 tokens, if the source does not say otherwise.
    fn new(source: &str) -> Self {
        let text = format!("#! vocab: 1, 2\n#! max_seq_len: 4\n{source}\n");
        Self::whole(&text)
    }

    fn whole(text: &str) -> Self {
        let program = rasp::compile_source("p.rasp", text, &rasp::Options::default());
        let program = program.map_err(|reports| rasp::render(&reports)).unwrap();
        let header = &program.header;
        let options = Options::new(
            "p",
            header.vocab.clone().unwrap(),
            header.max_seq_len.unwrap(),
        );
        let compiled = compiler::compile(&program.graph, program.output, &options);
        let metadata = compiled.map_err(|e| e.to_string()).unwrap().0.metadata;
        Self {
            program,
            options,
            metadata,
        }
    }

    fn limits(&self) -> Limits<'_> {
        let graph = &self.program.graph;
        Limits::new(graph, self.program.output, &self.options, &self.metadata).unwrap()
    }

    /// The first limit that an input of numbers meets.
    fn limit(&self, input: &[i64]) -> Option<Limit> {
        let input: Vec<Value> = input.iter().map(|x| Value::Int(*x)).collect();
        self.limits().met(&input)
    }

    fn met(&self, input: &[i64]) -> Option<Reason> {
        self.limit(input).map(|limit| limit.reason)
    }

    /// The same where the softest head's queries and keys had so many dimensions.
    fn met_with_keys(&mut self, key_size: usize, input: &[i64]) -> Option<Reason> {
        self.metadata.key_size = key_size;
        self.met(input)
    }
}

const MEAN: &str = "mean = aggregate(select(indices, indices, <=), indicator(tokens == 1));";

#[test]
fn a_limit_is_met_by_the_inputs_that_show_it_and_by_no_others() {
    use Reason::{BelowZero, DefaultAtBos, Float32, KeysAtBos, Retyped, Staircase};
    type Case<'a> = (&'a str, &'a str, &'a [i64], Option<Reason>);
    let cases: [Case<'_>; 22] = [
        (
            "",
            "out = numerical(map(x -> x - 2, tokens));",
            &[1],
            Some(BelowZero),
        ),
        ("", "out = numerical(map(x -> x - 2, tokens));", &[2], None),
        // 2/3 times 3 is 2 only up to rounding.
        (MEAN, "out = map(x -> 3 * x, mean);", &[1, 2], None),
        (
            MEAN,
            "out = map(x -> 3 * x, mean);",
            &[2, 1, 1],
            Some(Staircase),
        ),
        // A number that float32 has, and one that it has not, behind a feature and on its own.
        (
            "",
            "out = numerical(map(x -> 16777216 if x == 1 else 16777217, tokens));",
            &[1],
            None,
        ),
        (
            "",
            "out = numerical(map(x -> 16777216 if x == 1 else 16777217, tokens));",
            &[2],
            Some(Float32),
        ),
        (
            "",
            "out = numerical(map(x -> 0.1 if x == 1 else 2, tokens));",
            &[1],
            None,
        ),
        (
            "",
            "out = map(x -> x - 1, numerical(map(x -> x ^ 24, tokens)) - indicator(tokens == 2));",
            &[1],
            None,
        ),
        (
            "",
            "out = map(x -> x - 1, numerical(map(x -> x ^ 24, tokens)) - indicator(tokens == 2));",
            &[2],
            Some(Float32),
        ),
        // 0.1 loses 1.49e-9 in float32: of 60 000 that is 0.9e-4, of 70 000 more than 1e-4.
        (
            "x = numerical(map(x -> 60000 * x, tokens));",
            "out = linear(x, x, 0.1, 1);",
            &[1],
            None,
        ),
        (
            "x = numerical(map(x -> 70000 * x, tokens));",
            "out = linear(x, x, 0.1, 1);",
            &[1],
            Some(Float32),
        ),
        (
            "x = numerical(map(x -> 70000 * x, tokens));",
            "out = linear(x, x, 1, 0.1);",
            &[1],
            Some(Float32),
        ),
        (
            "x = numerical(map(x -> 70000 * x, tokens));",
            "out = linear(x, x, 0.5, 1);",
            &[1],
            None,
        ),
        // What a map of numbers makes of the 0 at BOS is in the keys, or is not.
        (
            MEAN,
            "low = categorical(map(x -> x < 0.6, mean)); out = selector_width(select(low, low, ==));",
            &[1],
            Some(KeysAtBos),
        ),
        (
            "",
            "out = selector_width(select(tokens, tokens, ==));",
            &[1],
            None,
        ),
        (
            MEAN,
            "low = categorical(map(x -> x < 0.6, mean)); out = selector_width(select(tokens, tokens, ==));",
            &[1],
            None,
        ),
        (
            MEAN,
            "low = numerical(map(x -> 1 if x < 0.3 else 0, mean));
             out = aggregate(select(indices, indices, (k, q) -> k == q + 1), low);",
            &[1, 2],
            Some(DefaultAtBos),
        ),
        (
            MEAN,
            "low = numerical(map(x -> 1 if x < 0.3 else 0, mean));
             out = aggregate(select(indices, indices, (k, q) -> k == q), low);",
            &[1, 2],
            None,
        ),
        (
            "",
            "out = aggregate(select(indices, indices, (k, q) -> k == q + 1), indicator(tokens == 1));",
            &[1, 2],
            None,
        ),
        // True, which equals 1.
        (
            "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);",
            "out = map(x -> str(x), x);",
            &[1, 1],
            Some(Retyped),
        ),
        (
            "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);",
            "out = map(x -> str(x), x);",
            &[2, 2],
            None,
        ),
        (
            "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);",
            "out = map(x -> x == 2, x);",
            &[1, 1],
            None,
        ),
    ];
    for (before, source, input, expected) in cases {
        let bench = Bench::new(&format!("{before}\n{source}"));
        assert_eq!(bench.met(input), expected, "{before} {source} on {input:?}");
        let of_an_operator = bench.limit(input).map(|limit| limit.node.is_some());
        assert_eq!(of_an_operator, expected.map(|_| true));
    }
}

#[test]
fn a_value_at_bos_passes_through_what_does_not_stop_it() {
    let low = "low = categorical(map(x -> x < 0.6, mean));";
    let number =
        "low = numerical(map(x -> 1 if x < 0.3 else 0, mean)); none = indicator(tokens == 3);";
    let shifted = |sop: &str| {
        format!("out = aggregate(select(indices, indices, (k, q) -> k == q + 1), {sop});")
    };
    let width =
        |keys: &str| format!("keys = {keys}; out = selector_width(select(keys, keys, ==));");
    let (at_bos, default) = (Some(Reason::KeysAtBos), Some(Reason::DefaultAtBos));
    for (before, source, expected) in [
        // A sequence map needs both of its arguments, and nothing is there of the tokens.
        (
            low,
            width("sequence_map((a, b) -> b if a else 0, low, tokens)"),
            None,
        ),
        (
            low,
            width("sequence_map((a, b) -> a if b else 0, tokens, low)"),
            None,
        ),
        // A linear map needs one, whichever it is.
        (number, shifted("linear(low, none, 1, 1)"), default),
        (number, shifted("linear(none, low, 1, 1)"), default),
        (number, shifted("linear(none, none, 1, 1)"), None),
        // An aggregate brings what it selects, for the query that is there.
        (
            low,
            width("aggregate(select(indices, low, (k, q) -> k == 0), tokens)"),
            at_bos,
        ),
        (
            low,
            width("aggregate(select(indices, indices, (k, q) -> k == 0), low)"),
            at_bos,
        ),
        (
            low,
            width("aggregate(select(indices, indices, (k, q) -> k == 0), tokens)"),
            None,
        ),
    ] {
        let bench = Bench::new(&format!("{MEAN}\n{before}\n{source}"));
        assert_eq!(bench.met(&[1, 2]), expected, "{source}");
    }
}

#[test]
fn a_staircase_needs_a_thousandth_around_its_numbers() {
    // Between two numbers stands a threshold, and the step to it begins 1/100 before: at the lower number's
    // 1.001 if they are 0.022 apart, and at the upper one's own if they are 0.002 apart.
    let met = |upper: f64, token: i64| {
        let numbers = format!("numerical(map(t -> 1 if t == 1 else {upper}, tokens))");
        let sum = format!("x = linear({numbers}, indicator(tokens == 3), 1, 1);");
        Bench::new(&format!("{sum}\nout = map(v -> 2 * v, x);")).met(&[token])
    };
    assert_eq!(
        (met(1.0219, 1), met(1.0221, 1)),
        (Some(Reason::Staircase), None)
    );
    assert_eq!((met(1.0219, 2), met(1.0221, 2)), (None, None));
    assert_eq!(met(1.0015, 2), Some(Reason::Staircase));
    // One result for all numbers.
    let constant = Bench::new(&format!("{MEAN}\nout = map(x -> 7, mean);"));
    assert_eq!(constant.met(&[1, 2]), None);
}

#[test]
fn a_sequence_map_of_texts_retypes_either_of_its_arguments() {
    let mixed = "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);";
    for arguments in ["x, tokens", "tokens, x"] {
        let bench = Bench::new(&format!(
            "{mixed}\nout = sequence_map((a, b) -> str(a) + str(b), {arguments});"
        ));
        assert_eq!(bench.met(&[1, 1]), Some(Reason::Retyped), "{arguments}");
        assert_eq!(bench.met(&[2, 2]), None, "{arguments}");
    }
    let compared = Bench::new(&format!(
        "{mixed}\nout = sequence_map((a, b) -> a == b, x, tokens);"
    ));
    assert_eq!(compared.met(&[1, 1]), None);
}

#[test]
fn a_width_is_exact_up_to_half_of_its_step() {
    // 2·6·7 = 84 and 2·7·8 = 112 beside an exactness of 100.
    let source = "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, (k, q) -> k > 0));\n";
    let bench = Bench::whole(source);
    assert_eq!(bench.met(&[1; 6]), None);
    assert_eq!(bench.met(&[1; 7]), Some(Reason::Width { count: 7 }));
    // At 84 the step is as narrow as it may be, and nothing may be soft.
    let with = |mlp_exactness: f64| {
        let mut bench = Bench::whole(source);
        bench.options.mlp_exactness = mlp_exactness;
        bench.met(&[1; 6])
    };
    assert_eq!(with(83.0), Some(Reason::Width { count: 6 }));
    assert_eq!(with(84.0), Some(Reason::SoftAttention { key_size: 4 }));
    assert_eq!(with(85.0), None);
}

#[test]
fn a_width_is_miscounted_where_soft_features_lower_its_scores() {
    let mut bench = Bench::whole(
        "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, (k, q) -> k > 0));\n",
    );
    let soft = |key_size| Some(Reason::SoftAttention { key_size });
    // Of n keys, 1/(1 + n·l) has to be below (1/(n + 1) + 1/n)/2 − 1/100, where l is
    // exp(−2·exp(−50/√K)·100/√3). For n = 6 that is K < 31.4, for n = 3 it is K < 57.98.
    assert_eq!(bench.met_with_keys(31, &[1; 6]), None);
    assert_eq!(bench.met_with_keys(32, &[1; 6]), soft(32));
    assert_eq!(bench.met_with_keys(57, &[1; 3]), None);
    assert_eq!(bench.met_with_keys(58, &[1; 3]), soft(58));
    // Of nothing there is nothing to miscount.
    let mut bench = Bench::whole(
        "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, (k, q) -> k > 2));\n",
    );
    assert_eq!(bench.met_with_keys(60, &[1; 6]), None);
}

#[test]
fn a_width_is_miscounted_where_much_that_is_not_selected_adds_up() {
    let vocabulary: Vec<String> = (1..=100).map(|x| x.to_string()).collect();
    let vocabulary = vocabulary.join(", ");
    // One of its own: 1/(2 + u) has to be above (1/2 + 1/3)/2, so u below 0.4, where u is T·exp(−100/√101): for T
    // below 8384. For two, 1/(3 + u) above (1/3 + 1/4)/2: u below 0.4286, T below 8982.
    let met = |selector: &str, max_seq_len: usize, input: &[i64]| {
        let width = format!("out = selector_width(select(tokens, tokens, {selector}));");
        let mut bench = Bench::whole(&format!(
            "#! vocab: {vocabulary}\n#! max_seq_len: 2\n{width}\n"
        ));
        bench.metadata.max_seq_len = max_seq_len;
        bench.met_with_keys(1, input)
    };
    let soft = Some(Reason::SoftAttention { key_size: 1 });
    assert_eq!((met("==", 8380, &[5]), met("==", 8390, &[5])), (None, soft));
    assert_eq!(
        (met("==", 8975, &[5, 5]), met("==", 8990, &[5, 5])),
        (None, soft)
    );
    // Of nothing there is nothing to miscount.
    assert_eq!(met("(k, q) -> k > 200", 8990, &[5]), None);
}

#[test]
fn attention_is_soft_from_a_key_size_of_61_or_of_31_with_numbers() {
    let soft = |key_size| {
        Some(Limit {
            node: None,
            reason: Reason::SoftAttention { key_size },
        })
    };
    for (source, hard) in [
        ("out = map(x -> x == 1, tokens);", 60),
        ("out = numerical(map(x -> x == 1, tokens));", 30),
    ] {
        let mut bench = Bench::new(source);
        for (key_size, expected) in [(hard, None), (hard + 1, soft(hard + 1))] {
            bench.metadata.key_size = key_size;
            assert_eq!(bench.limit(&[1]), expected, "{source} {key_size}");
        }
    }
}

#[test]
fn attention_is_soft_where_large_numbers_lose_a_thousandth() {
    // A key size of 30 leaves exp(−50/√30) = 1.085e-4 on BOS: of 9 that is 0.98e-3, of 10 more than 1e-3.
    let of = |number: i64| {
        let source = format!("out = numerical(map(x -> {number} if x == 1 else 1, tokens));");
        Bench::new(&source).met_with_keys(30, &[1])
    };
    let soft = Some(Reason::SoftAttention { key_size: 30 });
    assert_eq!((of(9), of(10)), (None, soft));
    assert_eq!(
        (of(-9), of(-10)),
        (Some(Reason::BelowZero), Some(Reason::BelowZero))
    );
}

#[test]
fn attention_is_soft_where_many_numbers_add_a_ten_thousandth() {
    // And exp(−100/√30) = 1.1773e-8 on each of T positions: of 8 that is 0.96e-4 for 1020 of them.
    let mut bench = Bench::new("out = numerical(map(x -> 8 if x == 1 else 1, tokens));");
    let mut of = |max_seq_len| {
        bench.metadata.max_seq_len = max_seq_len;
        bench.met_with_keys(30, &[1])
    };
    let soft = Some(Reason::SoftAttention { key_size: 30 });
    assert_eq!((of(1020), of(1100)), (None, soft));
}

#[test]
fn a_factor_that_loses_a_ten_thousandth_exactly_is_held() {
    // 1 + 2^-25 is 1 in float32. 3355.4432 is 1e-4 times 2^25, in float64, too.
    let met = |number: f64| {
        Bench::new(&format!(
            "x = numerical(map(x -> {number} * x, tokens)); out = linear(x, x, 1.0000000298023224, 1);"
        ))
        .met(&[1])
    };
    assert_eq!(lost(1.000_000_029_802_322_4) * 3355.4432, ERROR);
    assert_eq!((met(3355.4432), met(3356.0)), (None, Some(Reason::Float32)));
}

#[test]
fn a_width_between_two_thresholds_is_told_from_neither() {
    // With a key size of 1 the head gives 1/2 for one, and beside an exactness of 4 its threshold is 3/4 − 1/4.
    let one =
        "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, ==));\n";
    let with = |mlp_exactness: f64| {
        let mut bench = Bench::whole(one);
        bench.options.mlp_exactness = mlp_exactness;
        bench.met_with_keys(1, &[1])
    };
    let soft = Some(Reason::SoftAttention { key_size: 1 });
    assert_eq!((with(4.0), with(4.01)), (soft, None));
    // What is not selected brings T·exp(−100/√7) to the sum. If that is 0.4, the head gives (1/2 + 1/3)/2.
    let mut bench = Bench::whole(
        "#! vocab: 1, 2, 3, 4, 5, 6\n#! max_seq_len: 2\nout = selector_width(select(tokens, tokens, ==));\n",
    );
    let each = leak(7, 1.0);
    let head = |positions: usize| 1.0 / (2.0 + positions as f64 * each);
    let [below, at] = [0.399, 0.4 + 4.4e-16].map(|sum: f64| (sum / each).round() as usize);
    assert_eq!(head(at), f64::midpoint(1.0 / 2.0, 1.0 / 3.0));
    let mut met = |max_seq_len: usize| {
        bench.metadata.max_seq_len = max_seq_len;
        bench.met_with_keys(1, &[5])
    };
    assert_eq!((met(below), met(at)), (None, soft));
}

#[test]
fn attention_is_not_soft_where_numbers_lose_or_add_as_much_as_they_may() {
    // A key size of 4 leaves exp(−25) on BOS and exp(−50) on each of T positions. The number is another token's,
    // so that no operator has it.
    let met = |number: f64, max_seq_len: usize| {
        let source = format!("out = numerical(map(x -> {number:?} if x == 2 else 1, tokens));");
        let mut bench = Bench::new(&source);
        bench.metadata.max_seq_len = max_seq_len;
        bench.met_with_keys(4, &[1])
    };
    // A number whose product with a factor is a value, and the next one whose product is larger.
    let around = |factor: f64, value: f64| {
        let first = (value / factor).next_down().next_down();
        let near = std::iter::successors(Some(first), |x| Some(x.next_up()))
            .take(8)
            .collect::<Vec<f64>>();
        let at = near.iter().find(|x| factor * **x == value).unwrap();
        let above = near.iter().find(|x| factor * **x > value).unwrap();
        (*at, *above)
    };
    let soft = Some(Reason::SoftAttention { key_size: 4 });
    let (at, above) = around(leak(4, 0.5), NOISE);
    assert_eq!((met(at, 4), met(above, 4)), (None, soft));
    let many = 1 << 34;
    let (at, above) = around(many as f64 * leak(4, 1.0), ERROR);
    assert_eq!((met(at, many), met(above, many)), (None, soft));
}

#[test]
fn a_limit_is_described_with_its_operator_and_its_numbers() {
    let bench = Bench::new("out = numerical(map(x -> x - 2, tokens));");
    let limit = bench.limit(&[1]).unwrap();
    let graph = &bench.program.graph;
    assert_eq!(
        limit.describe(graph),
        "the map `out` (x - 2) gives a number below 0, of which the model makes 0"
    );
    let of = |reason| Limit { node: None, reason }.describe(graph);
    // exp(−100/3) and exp(−50/3).
    let soft = of(Reason::SoftAttention { key_size: 9 });
    assert!(
        soft.contains("a key size of 9")
            && soft.contains("leaves 3e-15 of")
            && soft.contains("and 6e-8 on BOS"),
        "{soft}"
    );
    let width = of(Reason::Width { count: 10 });
    assert!(
        width.contains("counts 10") && width.contains("from 9 with an mlp_exactness of 220"),
        "{width}"
    );
}
