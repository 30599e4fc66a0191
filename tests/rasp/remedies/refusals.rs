//! Programs that the compiler refuses, or whose models differ from them: each kind of refusal.

/// A program that is refused, or whose model differs from it.
pub struct Refused {
    /// Of the snapshot and of messages.
    pub kind: &'static str,
    pub vocab: &'static str,
    pub longest: usize,
    pub body: &'static str,
    /// Whether the mended program means what the wrong one says.
    pub means_the_same: bool,
}

const fn refused(kind: &'static str, vocab: &'static str, body: &'static str) -> Refused {
    Refused {
        kind,
        vocab,
        longest: 3,
        body,
        means_the_same: true,
    }
}

const fn changed(kind: &'static str, vocab: &'static str, body: &'static str) -> Refused {
    Refused {
        means_the_same: false,
        ..refused(kind, vocab, body)
    }
}

const NUMBERS: &str = "1, 2, 3";
const LETTERS: &str = "a, b, c";

pub const TABLE: &[Refused] = &[
    refused("nothing to compute", LETTERS, "out = tokens;"),
    refused("no tokens", LETTERS, "out = 2 * indices;"),
    refused("no tokens", LETTERS, "out = indices;"),
    refused(
        "no tokens",
        LETTERS,
        "out = aggregate(select(indices, indices, <=), indicator(indices == 0));",
    ),
    refused("numbers below 0", NUMBERS, "out = numerical(tokens * -1);"),
    refused(
        "numbers below 0",
        "-2, 0, 3",
        "out = numerical(map(x -> x, tokens));",
    ),
    refused(
        "numbers below 0",
        LETTERS,
        "at = 0.5 if tokens == \"a\" else -1;\nout = linear(numerical(at), indicator(tokens == \"b\"), 1, 1);",
    ),
    changed(
        "mixture in a call of the prelude's",
        LETTERS,
        "out = average(tokens == \"a\");",
    ),
    changed(
        "mixture in a call of the prelude's",
        NUMBERS,
        "out = average(tokens);",
    ),
    changed(
        "mixture in a call of the prelude's",
        NUMBERS,
        "b = tokens > 1;\nout = average(b and tokens < 3);",
    ),
    changed(
        "None in a comparison",
        NUMBERS,
        "two = select(tokens, 2, ==);\na = aggregate(two and select(indices, indices, <=), tokens);\n\
         out = selector_width(select(a, tokens, ==));",
    ),
    changed(
        "None in a comparison",
        LETTERS,
        "before = aggregate(select(indices, indices - 1, ==), tokens == \"a\");\n\
         out = selector_width(select(before, True, ==));",
    ),
    changed(
        "None in a comparison",
        NUMBERS,
        "last = aggregate(select(indices, indices - 1, ==), tokens);\n\
         out = selector_width(select(tokens, last, <));",
    ),
    changed(
        "lookup in a branch",
        NUMBERS,
        "d = {1: \"a\", 2: \"b\"};\nout = d[tokens] if tokens in d else 0;",
    ),
    changed(
        "lookup in a branch",
        LETTERS,
        "d = {\"a\": 1};\nout = (-1 if tokens not in d else d[tokens]);",
    ),
    changed(
        "lookup in a branch",
        LETTERS,
        "out = (\"n\" if tokens == \"a\" else {\"b\": \"x\", \"c\": \"y\"}[tokens]) + \"!\";",
    ),
    refused("numerical primitive", NUMBERS, "out = numerical(tokens);"),
    changed("numerical primitive", LETTERS, "out = numerical(tokens);"),
    refused(
        "numerical selector",
        NUMBERS,
        "out = selector_width(select(numerical(map(x -> x, tokens)), tokens, ==));",
    ),
    refused(
        "numerical selector",
        LETTERS,
        "is_a = indicator(tokens == \"a\");\nout = selector_width(select(is_a, is_a, ==));",
    ),
    refused(
        "numerical selector",
        LETTERS,
        "at = linear(numerical(map(x -> x, indices)), indicator(tokens == \"a\"), 1, 1);\n\
         out = selector_width(select(indices, at, ==));",
    ),
    refused(
        "aggregate in another encoding",
        NUMBERS,
        "out = numerical(aggregate(select(indices, indices, ==), tokens));",
    ),
    refused(
        "aggregate in another encoding",
        LETTERS,
        "first = select(indices, 0, ==);\nout = categorical(aggregate(first, indicator(tokens == \"a\")));",
    ),
    changed(
        "default",
        LETTERS,
        "before = select(indices, indices, <);\n\
         out = aggregate(before, indicator(tokens == \"a\"), None);",
    ),
    changed(
        "default",
        LETTERS,
        "out = aggregate(select(indices, indices, <), indicator(tokens == \"a\"), \"z\");",
    ),
    refused(
        "numerical sequence map",
        NUMBERS,
        "out = numerical(tokens * indices);",
    ),
    refused(
        "numerical sequence map",
        NUMBERS,
        "weighted = numerical(tokens * indices);\nout = weighted + numerical(map(x -> x, tokens));",
    ),
    refused(
        "numerical sequence map",
        NUMBERS,
        "out = numerical(10 * tokens + indices);",
    ),
    // Below 0, where a map to a number gives 0.
    refused(
        "numerical sequence map",
        NUMBERS,
        "out = numerical(indices - 10 * tokens);",
    ),
    refused(
        "numerical sequence map",
        NUMBERS,
        "out = numerical(sequence_map((t, i) -> t / (i + 1), tokens, indices));",
    ),
    refused(
        "numerical sequence map",
        NUMBERS,
        "share = aggregate(select(indices, indices, <=), indicator(tokens == 1));\nout = share + indices;",
    ),
    refused(
        "numerical sequence map",
        NUMBERS,
        "is_one = indicator(tokens == 1);\nout = is_one * indices;",
    ),
    refused(
        "numerical sequence map",
        LETTERS,
        "is_a = indicator(tokens == \"a\");\nout = is_a if indices > 0 else tokens;",
    ),
    refused(
        "categorical linear map",
        NUMBERS,
        "out = linear(map(x -> x, tokens), map(x -> x, indices), 1, 10);",
    ),
    refused(
        "categorical linear map",
        NUMBERS,
        "out = linear(tokens, indices, 1, 10);",
    ),
    refused(
        "categorical linear map",
        LETTERS,
        "both = linear(indicator(tokens == \"a\"), indicator(indices == 0), 1, 1);\n\
         out = categorical(both);",
    ),
    refused(
        "numerical sequence map",
        LETTERS,
        "share = aggregate(select(indices, indices, <=), indicator(tokens == \"a\"));\n\
         so_far = round((indices + 1) * share);",
    ),
    changed("no values", "\"1\", \"2\"", "out = tokens + 1;"),
    changed("no values", LETTERS, "out = tokens - 1;"),
    changed(
        "not a number",
        LETTERS,
        "out = numerical(map(x -> x, tokens));",
    ),
    refused(
        "not a number",
        LETTERS,
        "out = numerical(map(x -> x + x, tokens));",
    ),
    changed(
        "not a number",
        LETTERS,
        "out = frac_prevs(map(x -> x, tokens));",
    ),
    refused(
        "mean of other numbers",
        NUMBERS,
        "out = aggregate(select(indices, indices, <=), numerical(map(x -> x, tokens)));",
    ),
    refused(
        "mean of other numbers",
        "0, 5",
        "five = numerical(map(x -> x, tokens));\nout = aggregate(select(indices, indices, <=), five);",
    ),
    Refused {
        longest: 3000,
        ..changed(
            "too many",
            "1, 2",
            "x = sequence_map((a, b) -> a * b + 0.5, tokens, indices);\n\
             out = sequence_map((a, b) -> (a, b), x, indices);",
        )
    },
    Refused {
        longest: 16384,
        ..changed(
            "too large",
            "1, 2",
            "out = selector_width(select(tokens, tokens, ==));",
        )
    },
    refused(
        "different values selected",
        LETTERS,
        "out = aggregate(select(indices, indices, <=), tokens == \"a\");",
    ),
    refused(
        "different values selected",
        LETTERS,
        "found = tokens in [\"a\", \"b\"];\nout = aggregate(select(indices, indices, <=), found);",
    ),
    refused(
        "different values selected",
        NUMBERS,
        "out = aggregate(select(indices, indices, <=), tokens);",
    ),
    changed(
        "different values selected",
        LETTERS,
        "out = aggregate(select(indices, indices, <=), tokens);",
    ),
    refused(
        "several problems",
        NUMBERS,
        "is_one = indicator(tokens == 1);\nn = selector_width(select(is_one, tokens, ==));\n\
         out = numerical(n * indices);",
    ),
    refused(
        "several problems",
        NUMBERS,
        "def scaled(s) {\n    \
             return numerical(s * indices) + numerical(10 * s + length);\n}\n\
         out = scaled(tokens);",
    ),
];
