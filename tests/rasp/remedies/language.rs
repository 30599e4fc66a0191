//! Programs that break a rule of the language, and the programs that the advice leads to.

/// Wrong programs of the language's own rules, a part of what is said, and the program that follows it.
pub const LANGUAGE: &[(&str, &str, &str)] = &[
    (
        "out = tokens + 1",
        "write `;` at its end",
        "out = tokens + 1;",
    ),
    (
        "out = (tokens + 1;",
        "put `)` before this",
        "out = (tokens + 1);",
    ),
    (
        "out = tokens + ;",
        "is missing before this",
        "out = tokens + 1;",
    ),
    ("out = tokens + 1; }", "leave it out", "out = tokens + 1;"),
    (
        "p = (tokens, indices);\nout = selector_width(select(p, p, ==));",
        "`sequence_map((x, y) -> (x, y), tokens, indices)`",
        "p = sequence_map((x, y) -> (x, y), tokens, indices);\nout = selector_width(select(p, p, ==));",
    ),
    (
        "d = {1: 2, 3: 4};\nout = tokens;\nfor k, v in d { out = out + v; }",
        "a loop over a dictionary has its keys alone",
        "d = {1: 2, 3: 4};\nout = tokens;\nfor k in d { out = out + d[k]; }",
    ),
    (
        "out = sort(tokens);",
        "give one of these numbers of arguments",
        "out = sort(tokens, tokens);",
    ),
    (
        "out = shift(tokens, \"a\", 0);",
        "its parameters are (s, n, filler)",
        "out = shift(tokens, 1, 0);",
    ),
    (
        "out = shuffle_dyck(\"()\");",
        "its parameters are (pairs)",
        "out = shuffle_dyck([\"()\"]);",
    ),
    (
        "out = 1 < tokens < 3;",
        "`a < b and b < c`",
        "out = 1 < tokens and tokens < 3;",
    ),
    (
        "out = 1 < tokens in [2, 3];",
        "the published RASP reads `(a < b) in c`",
        "out = 1 < tokens and tokens in [2, 3];",
    ),
    (
        "out = 2 + not tokens;",
        "write `(not x)`",
        "out = 2 + (not tokens);",
    ),
    ("out = tokens + 1;;", "leave it out", "out = tokens + 1;"),
    (
        "out = tokens + 1;\nexit",
        "leave the line out",
        "out = tokens + 1;",
    ),
    (
        "d = {1: 5, 2: 6};\nd[3] = 7;\nout = d[tokens];",
        "write a new list or dictionary",
        "d = {1: 5, 2: 6};\nd = {1: d[1], 2: d[2], 3: 7};\nout = d[tokens];",
    ),
    (
        "xs = [1, 2];\nxs[0] = 3;\nout = tokens + xs[0];",
        "`xs = [3, xs[1]];`",
        "xs = [1, 2];\nxs = [3, xs[1]];\nout = tokens + xs[0];",
    ),
    (
        "s = tokens + 1;\ns[0] = 3;\nout = s;",
        "`3 if indices == 0 else s`",
        "s = tokens + 1;\nout = 3 if indices == 0 else s;",
    ),
    (
        "(a, b) = tokens, 1;\nout = a + b;",
        "leave the brackets out",
        "a, b = tokens, 1;\nout = a + b;",
    ),
    (
        "(a) = tokens + 1;",
        "leave the brackets out",
        "a = tokens + 1;",
    ),
    (
        "out = tokens == 1 && indices == 0;",
        "write `and`",
        "out = tokens == 1 and indices == 0;",
    ),
    (
        "out = tokens[indices];",
        "`aggregate(select(indices, i, ==), s)`",
        "out = aggregate(select(indices, indices, ==), tokens);",
    ),
    (
        "out = tokens[indices];",
        "`sequence_map((x, i) -> x[i], s, i)`",
        "out = sequence_map((x, i) -> x[i], map(t -> (t, t, t), tokens), indices);",
    ),
    (
        "out = tokens[\"a\"];",
        "`s[0]` is the value",
        "out = tokens[0];",
    ),
    (
        "out = tokens[0.5];",
        "`map(x -> x[0], s)`",
        "out = map(x -> x[0], str(tokens));",
    ),
    (
        "out = indices in tokens;",
        "`sequence_map((x, y) -> x in y, a, b)`",
        "out = sequence_map((x, y) -> x in y, str(indices), str(tokens));",
    ),
    (
        "out = indices in tokens;",
        "`selector_width(select(b, a, ==)) > 0`",
        "out = selector_width(select(tokens, indices, ==)) > 0;",
    ),
    (
        "d = {1: 2};\nout = tokens + d[3];",
        "its keys are 1",
        "d = {1: 2};\nout = tokens + d[1];",
    ),
    (
        "d = {};\nout = tokens + d[3];",
        "give it entries first",
        "d = {3: 1};\nout = tokens + d[3];",
    ),
    (
        "d = {tokens: 1};\nout = d[tokens];",
        "`{\"a\": 1}[tokens]`",
        "out = {1: 5, 2: 6, 3: 7}[tokens];",
    ),
    (
        "d = {1: tokens};\nout = d[tokens];",
        "`res = d[k] if s == k else res;`",
        "d = {1: tokens};\nres = indices;\nfor k in d { res = d[k] if tokens == k else res; }",
    ),
    (
        "d = {1: 5 2: 6, 3: 7};\nout = d[tokens];",
        "entries have a `,` between them",
        "d = {1: 5, 2: 6, 3: 7};\nout = d[tokens];",
    ),
    (
        "d = {1 5};\nout = d[tokens];",
        "put `:` before this",
        "d = {1: 5};\nout = d[tokens];",
    ),
    (
        "d = {1: 5};\nout = tokens + d;",
        "take the value of a key",
        "d = {1: 5};\nout = tokens + d[1];",
    ),
    (
        "d = {1: 5};\nout = tokens + d(1);",
        "the value of a key is `d[\"key\"]`",
        "d = {1: 5};\nout = tokens + d[1];",
    ),
    (
        "out = max(select(indices, indices, <=), -1 * tokens);",
        "`max(selector, s, [1, 2, 3])`",
        "out = max(select(indices, indices, <=), -1 * tokens, [-3, -2, -1]);",
    ),
    (
        "out = min(select(indices, indices, <=), tokens, []);",
        "give at least one",
        "out = min(select(indices, indices, <=), tokens, [1, 2, 3]);",
    ),
    (
        "#! vocab: 1, a\nout = max(select(indices, indices, <=), tokens);",
        "give their order as a third argument",
        "out = max(select(indices, indices, <=), tokens, [3, 2, 1]);",
    ),
    (
        "twice = out + out;",
        "give it a name of its own",
        "twice = tokens + tokens;",
    ),
    (
        "out = tokens == one;",
        "write `\"one\"`",
        "out = tokens == \"one\";",
    ),
    (
        "out = tokns + 1;",
        "did you mean `tokens`?",
        "out = tokens + 1;",
    ),
    (
        "out = tokens + 1 / 0;",
        "change one of them",
        "out = tokens + 1 / 2;",
    ),
    (
        "out = tokens == [1, 2][2];",
        "write a position from 0 to 1",
        "out = tokens == [1, 2][1];",
    ),
    (
        "out = map(x -> x + indices, tokens);",
        "`sequence_map((x, y) -> x + y, a, b)`",
        "out = sequence_map((x, y) -> x + y, tokens, indices);",
    ),
    (
        "out = map(x -> sequence_map((a, b) -> a + b, x, indices), tokens);",
        "`sequence_map((x, y) -> x + y, a, b)`",
        "out = sequence_map((x, y) -> x + y, tokens, indices);",
    ),
    (
        "out = selector_width(tokens);",
        "`select(keys, queries, ==)`",
        "out = selector_width(select(tokens, tokens, ==));",
    ),
    (
        "out = selector_width(True);",
        "`select(indices, indices, true)`",
        "out = selector_width(select(indices, indices, true)) + tokens;",
    ),
    (
        "s = select(tokens, tokens, ==);\nout = aggregate(s, s);",
        "`aggregate` or `selector_width`",
        "s = select(tokens, tokens, ==);\nout = aggregate(s, selector_width(s));",
    ),
    (
        "s = select(tokens, tokens, ==);\nout = selector_width(select(s, tokens, ==));",
        "`aggregate` or `selector_width`",
        "s = select(tokens, tokens, ==);\nout = selector_width(select(selector_width(s), tokens, ==));",
    ),
    (
        "out = linear(3, indicator(tokens == 1), 1, 1);",
        "`map(x -> 3, tokens)`",
        "out = linear(numerical(map(x -> 3, tokens)), indicator(tokens == 1), 1, 1);",
    ),
    (
        "out = linear(indicator(tokens == 1), indicator(tokens == 2), tokens, 1);",
        "`linear(a, b, 1, -1)`",
        "out = linear(indicator(tokens == 1), indicator(tokens == 2), 1, -1);",
    ),
    (
        "out = aggregate(select(indices, indices, ==), tokens, tokens);",
        "leave it out",
        "out = aggregate(select(indices, indices, ==), tokens);",
    ),
    (
        "out = named(tokens + 1, 3);",
        "write it in quotes",
        "out = named(tokens + 1, \"3\");",
    ),
    (
        "n = named(3, \"n\");\nout = tokens + n;",
        "leave `named` out",
        "n = 3;\nout = tokens + n;",
    ),
    (
        "out = 3(tokens);",
        "for a product write `*`",
        "out = 3 * (tokens);",
    ),
    (
        "xs = [1, 2];\nout = tokens + xs(0);",
        "`list[0]`",
        "xs = [1, 2];\nout = tokens + xs[0];",
    ),
    (
        "s = select(indices, indices, ==);\nout = s(tokens);",
        "`aggregate(selector, s)`",
        "s = select(indices, indices, ==);\nout = aggregate(s, tokens);",
    ),
    (
        "out = tokens + reverse;",
        "call it with its arguments",
        "out = tokens + reverse(tokens);",
    ),
    (
        "out = tokens;\nfor i in 3 { out = out + i; }",
        "`range(3)`",
        "out = tokens;\nfor i in range(3) { out = out + i; }",
    ),
    (
        "out = tokens;\nfor i in None { out = out + i; }",
        "`[1, 2]`",
        "out = tokens;\nfor i in [1, 2] { out = out + i; }",
    ),
    (
        "out = tokens;\nfor i in range(length) { out = out + i; }",
        "`max_seq_len`",
        "out = tokens;\nfor i in range(max_seq_len) { out = out + i; }",
    ),
    (
        "out = tokens;\nfor i in range(0, 3, 0) { out = out + i; }",
        "leave the step out",
        "out = tokens;\nfor i in range(0, 3) { out = out + i; }",
    ),
    (
        "xs = [x for x in [1, 2] if tokens == x];\nout = tokens + xs[0];",
        "`a if condition else b`",
        "out = 1 if tokens == 1 else 2;",
    ),
    (
        "a, b = [1, 2, 3];\nout = tokens + a;",
        "one name for the whole list",
        "a = [1, 2, 3];\nout = tokens + a[0];",
    ),
    (
        "a, b = tokens;\nout = a + b;",
        "write a value for each name",
        "a, b = tokens, 1;\nout = a + b;",
    ),
    (
        "tokens = tokens + 1;",
        "choose another name",
        "mine = tokens + 1;",
    ),
    (
        "def f(x) { tokens = tokens_int; return tokens + x; }\nout = f(indices);",
        "also inside of a function",
        "def f(x) { mine = tokens_int; return mine + x; }\nout = f(indices);",
    ),
    (
        "def f(x) { y = x + 1; }\nout = f(tokens);",
        "end its body with `return x;`",
        "def f(x) { y = x + 1; return y; }\nout = f(tokens);",
    ),
    (
        "def 3(x) { return x; }\nout = tokens + 1;",
        "a name begins with a letter",
        "def f(x) { return x; }\nout = tokens + 1;",
    ),
    (
        "load file;\nout = tokens + 1;",
        "write `load \"file\";`",
        "out = tokens + 1;",
    ),
    (
        "out = select(tokens, tokens, ==);",
        "end with an s-op",
        "out = selector_width(select(tokens, tokens, ==));",
    ),
    (
        "#! output: resul\nresult_of_all = tokens + 1;",
        "its s-ops are result_of_all",
        "#! output: result_of_all\nresult_of_all = tokens + 1;",
    ),
    (
        "#! causal: true\n#! causal: true\nout = tokens + 1;",
        "leave one of the lines out",
        "#! causal: true\nout = tokens + 1;",
    ),
    (
        "#! example: 1 2 -> 2\nout = tokens + 1;",
        "one value for each token",
        "#! example: 1 2 -> 2 3\nout = tokens + 1;",
    ),
    (
        "#! example: 1 2\nout = tokens + 1;",
        "`#! example: 3 1 2 -> 1 2 3`",
        "#! example: 3 1 2 -> 4 2 3\nout = tokens + 1;",
    ),
];
