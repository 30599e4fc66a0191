//! Wrong programs, each with its rendered report in `snapshots/`.

use tracr::rasp::{self, Options};

fn report(source: &str) -> String {
    match rasp::compile_source("wrong.rasp", source, &Options::default()) {
        Ok(_) => panic!("this program is not wrong:\n{source}"),
        Err(diagnostics) => rasp::render(&diagnostics),
    }
}

macro_rules! wrong {
    ($($name:ident: $source:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::with_settings!({ prepend_module_to_snapshot => false, description => $source, omit_expression => true }, {
                insta::assert_snapshot!(concat!("rasp_", stringify!($name)), report($source));
            });
        })*
    };
}

wrong! {
    missing_semicolon: "same = select(tokens, tokens, ==)\nhist = selector_width(same);\n";
    unknown_name: "same = select(tokens, tokens, ==);\nhist = selector_width(smae);\n";
    misspelt_function: "hist = selecter_width(select(tokens, tokens, ==));\n";
    selector_where_sop_is_expected: "s = select(tokens, tokens, ==);\nout = aggregate(s, s);\n";
    sop_where_selector_is_expected: "out = selector_width(tokens);\n";
    arithmetic_on_a_selector: "s = select(tokens, tokens, ==);\nout = s + 1;\n";
    sop_and_selector: "s = select(tokens, tokens, ==);\nout = s and indices == 0;\n";
    arity_of_a_builtin: "out = aggregate(select(tokens, tokens, ==));\n";
    arity_of_a_function: "def plus(a, b) {\n    return a + b;\n}\nout = plus(tokens);\n";
    third_argument_of_select: "out = selector_width(select(tokens, tokens, \"==\"));\n";
    assignment_in_select: "out = selector_width(select(tokens, tokens, =));\n";
    chained_comparison: "middle = 1 < indices < 3;\n";
    unclosed_bracket: "out = selector_width(select(tokens, tokens, ==);\n";
    unclosed_function: "def f(x) {\n    y = x + 1;\n\nout = f(tokens);\n";
    unclosed_string: "out = tokens == \"a;\n";
    unclosed_loop: "for i in [1, 2] {\n    out = indices + i;\n";
    signs_of_other_languages: "out = tokens == \"a\" & indices > 0;\nnot_out = !out;\n";
    dictionary: "names = {\"a\": 1, \"b\": 2};\nout = indices + names[\"c\"];\n";
    sop_inside_a_lambda: "out = map(x -> x + indices, tokens);\n";
    loop_over_an_sop: "for t in tokens {\n    out = t;\n}\n";
    endless_recursion: "def f(x) {\n    return f(x + 1);\n}\nout = f(indices);\n";
    endless_loop: "n = 0;\nfor i in range(1000000000) {\n    n = n + i;\n}\nout = indices + n;\n";
    constant_division_by_zero: "out = indices + 1 / 0;\n";
    selector_as_output: "out = select(tokens, tokens, ==);\n";
    no_output: "# nothing but a comment\n";
    unknown_output: "#! output: histt\nhist = selector_width(select(tokens, tokens, ==));\n";
    header: "#! vocab: a, b, a\n#! max_seq_len: five\n#! casual: true\n#! example: a b -> 1\nout = indices;\n";
    primitive_assigned: "tokens = indices + 1;\n";
    sop_called_on_an_input: "out = tokens(\"abc\");\n";
    missing_file: "load \"missing\";\nout = indices;\n";
    error_inside_the_prelude: "s = select(tokens, tokens, ==);\nout = reverse(s);\n";
    number_out_of_range: "out = indices + 99999999999999999999;\n";
    length_unknown: "out = sort(tokens, tokens, max_seq_len, 1);\n";
    list_position: "pairs = [\"()\", \"{}\"];\nout = tokens == pairs[2][0];\n";
    interactive_commands: "set example \"abc\";\nout = indices;\n";
    several_at_once: "a = foo + 1;\nb = a * 2;\nc = selector_width(indices);\nd = b + c;\ne = bar;\n";
}
