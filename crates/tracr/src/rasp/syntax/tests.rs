//! What is said of statements that are none of RASP's.

use crate::rasp::{self, Options};

/// What is said of a program that has one problem: message and advice.
fn said(source: &str) -> (String, String) {
    let reports = rasp::compile_source("p.rasp", source, &Options::default());
    let reports = reports.map(drop).unwrap_err();
    let [report] = reports.as_slice() else {
        panic!("{source}\n{}", rasp::render(&reports));
    };
    let help = report.help.clone().unwrap_or_default();
    (report.message.clone(), help)
}

fn is_a_program(source: &str) {
    let program = rasp::compile_source("p.rasp", source, &Options::default());
    program.unwrap_or_else(|e| panic!("{source}\n{}", rasp::render(&e)));
}

#[test]
fn a_command_that_ends_the_prompt_is_left_out_of_a_program() {
    for command in [
        "exit",
        "exit;",
        "exit()",
        "exit();",
        "quit",
        "quit;",
        "quit()",
        "quit();",
        "exit # now",
    ] {
        for source in [
            format!("out = tokens + 1;\n{command}\n"),
            format!("out = tokens + 1;\n{command}"),
            format!("{command}\nout = tokens + 1;"),
            format!("out = tokens + 1;\nfor i in [1] {{\n{command}\n}}"),
        ] {
            let (message, help) = said(&source);
            assert!(
                message.ends_with(
                    "is a command of the published RASP's prompt, and means nothing in a program"
                ),
                "{source}\n{message}"
            );
            assert_eq!(help, "leave the line out", "{source}");
        }
    }
    for source in [
        "exit = tokens + 1;\nexit;",
        "a, quit = 1, tokens;\nout = quit + a;\nquit;",
        "def exit() { return tokens; }\nexit();\nout = exit() + 1;",
        "def f(exit) { exit; return exit; }\nout = f(tokens) + 1;",
        "for exit in [1] { exit; out = tokens + exit; }",
    ] {
        is_a_program(source);
    }
    let (message, _) = said("exit = tokens + 1;\nexit\n");
    assert_eq!(message, "the statement does not end with `;`");
    let (message, _) = said("out = exit;");
    assert_eq!(message, "there is no name `exit`");
}

#[test]
fn what_other_languages_have_is_refused_with_what_to_write() {
    for (source, message, help) in [
        (
            "d = {\"a\": 1};\nd[\"b\"] = 2;\nout = d[tokens];",
            "only a name",
            "values do not change",
        ),
        (
            "xs = [1];\nxs[0] = 3;\nout = tokens + xs[0];",
            "only a name",
            "values do not change",
        ),
        (
            "d = {\"a\": [1]};\nd[\"a\"][0] = 2;",
            "only a name",
            "values do not change",
        ),
        (
            "xs = [1, 2];\nxs[0], xs[1] = xs[1], xs[0];",
            "only a name",
            "values do not change",
        ),
        (
            "xs = [1, 2];\ny, xs[1] = 3, 4;",
            "only a name",
            "values do not change",
        ),
        ("(a, b) = 1, 2;", "only a name", "leave the brackets out"),
        ("a, (b) = 1, 2;", "only a name", "leave the brackets out"),
        ("f(tokens) = 1;", "only a name", "compare with `==`"),
        ("z := tokens;", "found `:`", "write `=` instead of `:=`"),
        (
            "z = (y := tokens);",
            "found `:`",
            "write `=` instead of `:=`",
        ),
        ("z: int = 3;", "found `:`", "names have no types"),
        ("x = 1;\nx += 1;", "found `=`", "`x = x + 1;`"),
        ("x = 1;\nx //= 2;", "found `=`", "`x = x + 1;`"),
        (
            "d = {1: 2};\nz = d.get(tokens);",
            "no methods",
            "`d[key]` is the value of a key",
        ),
        (
            "z = tokens.upper();",
            "no methods",
            "`{\"a\": \"A\"}[tokens]`",
        ),
        ("xs = [];\nxs.append(1);", "no methods", "`xs + [x]`"),
        (
            "z = \"a b\".split()[0];",
            "no methods",
            "write an operator or a function",
        ),
        ("z = math.sqrt(tokens);", "no methods", "write `sqrt(x)`"),
        ("z = rasp.tokens;", "no methods", "scripts/export_tracr.py"),
        ("z = tokens + 1.e5;", "no methods", "behind its point"),
        (
            "import tracr\nz = tracr.rasp.tokens",
            "no modules",
            "scripts/export_tracr.py",
        ),
        (
            "from tracr.rasp import rasp\n\ndef make():\n    return rasp.tokens\n",
            "no modules",
            "scripts/export_tracr.py",
        ),
        (
            "out = tokens + 1;;\nx = 2;",
            "expected an expression before this",
            "leave it out",
        ),
        (
            "def f(x) {; return x; }\nout = f(tokens);",
            "expected an expression before this",
            "leave it out",
        ),
        (
            "z = 2 + not tokens;",
            "`not` needs brackets here",
            "it binds the tightest",
        ),
        (
            "z = tokens == not indices;",
            "`not` needs brackets here",
            "write `(not x)`",
        ),
        (
            "z = -not indices;",
            "`not` needs brackets here",
            "write `(not x)`",
        ),
    ] {
        let (found, advice) = said(source);
        assert!(found.contains(message), "{source}\n{found}");
        assert!(advice.contains(help), "{source}\n{advice}");
    }
    is_a_program("import = tokens; from = import + 1;");
    is_a_program("z = 2 + (not tokens); y = not not z and not z;");
}

#[test]
fn comparisons_in_a_row_are_shown_as_the_published_rasp_reads_them() {
    for (chain, help) in [
        (
            "0 < indices < 2",
            "write `a < b and b < c`; the published RASP reads `(a < b) < c`",
        ),
        (
            "0 <= indices == 2",
            "write `a <= b and b == c`; the published RASP reads `(a <= b) == c`",
        ),
        (
            "0 < tokens in [2]",
            "write `a < b and b in c`; the published RASP reads `(a < b) in c`",
        ),
        (
            "tokens in [2] == 3",
            "write `a in b and b == c`; the published RASP reads `a in (b == c)`",
        ),
        ("1 != tokens < 2", "write `a != b and b < c`"),
        ("1 not in tokens < 2", "write `a not in b and b < c`"),
    ] {
        let (message, advice) = said(&format!("z = {chain};"));
        assert_eq!(message, "comparisons do not chain");
        assert_eq!(advice, help, "{chain}");
    }
}
