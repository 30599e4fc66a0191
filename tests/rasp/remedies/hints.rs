//! Every line of advice of the language, as it stands in the source, is said of a program of a table and
//! followed there.

use std::collections::BTreeSet;
use std::path::Path;

use tracr::rasp::{self, Options};

use super::language::LANGUAGE;
use crate::support::repository;

/// Wrong programs for the lines that [`LANGUAGE`] has none for: a part of what is said, and what follows it.
pub const MORE: &[(&str, &str, &str)] = &[
    (
        "out = select(tokens, tokens, \"==\");",
        "write one of == != <",
        "out = selector_width(select(tokens, tokens, ==));",
    ),
    (
        "out = aggregate(select(tokens, indices, ==), reverse);",
        "as `tokens`, `indices` or what is made of them",
        "out = aggregate(select(indices, indices, ==), tokens);",
    ),
    (
        "out = selector_width(select(reverse, tokens, ==));",
        "such as `tokens` or `indices`, or a constant",
        "out = selector_width(select(1, tokens, ==));",
    ),
    (
        "out = tokens(\"abc\");",
        "give that to `compress run`",
        "out = tokens + 1;",
    ),
    (
        "def f(a, b) { return a + b; }\nout = f(tokens);",
        "its parameters are (a, b)",
        "def f(a, b) { return a + b; }\nout = f(tokens, 1);",
    ),
    (
        "out = map(3, tokens);",
        "`x -> x + 1` or",
        "out = map(x -> x + 1, tokens);",
    ),
    (
        "out = aggregate(select(tokens, tokens, ==));",
        "write `aggregate(",
        "out = aggregate(select(indices, indices, ==), tokens);",
    ),
    (
        "n = 0;\nfor i in range(1000000000) { n = n + i; }\nout = tokens + n;",
        "is too long: what depends on the input",
        "n = 0;\nfor i in range(10) { n = n + i; }\nout = tokens + n;",
    ),
    (
        "def f(x) { return f(x + 1); }\nout = f(tokens);",
        "a condition known at compile time",
        "def f(x, n) { return x if n == 0 else f(x + 1, n - 1); }\nout = f(tokens, 2);",
    ),
    (
        "out = tokens;\nfor i in range(30000) { out = aggregate(select(indices, indices, ==), out); }",
        "makes too many",
        "out = tokens;\nfor i in range(3) { out = aggregate(select(indices, indices, ==), out); }",
    ),
    (
        "out = tokens;\nfor i in range(600) { out = out + 1; }",
        "interrupt the chain",
        "out = tokens;\nfor i in range(300) { out = out + 1; }\n\
         out = sequence_map((x, t) -> x, out, tokens);\nfor i in range(300) { out = out + 1; }",
    ),
    (
        "xs = [1];\nfor i in range(200) { xs = [xs]; }\nout = tokens + len(xs);",
        "join lists with `+`",
        "xs = [1];\nfor i in range(200) { xs = xs + [i]; }\nout = tokens + len(xs);",
    ),
    (
        "out = tokens in range(5000);",
        "make it shorter",
        "out = tokens in range(50);",
    ),
    (
        "xs = [tokens, indices];\nout = tokens == xs;",
        "go through the list with a `for` loop",
        "xs = [tokens, indices];\nout = True;\nfor x in xs { out = tokens == x and out; }",
    ),
    (
        "s = select(tokens, tokens, ==);\nout = s + 1;",
        "selectors combine by `and`, `or` and `not`",
        "s = select(tokens, tokens, ==);\nout = selector_width(s) + 1;",
    ),
    (
        "xs = [];\nout = tokens + xs[0];",
        "give it elements first",
        "xs = [1];\nout = tokens + xs[0];",
    ),
    (
        "xs = [x for x in [1, 2] if x > 2];\nout = tokens == xs[0];",
        "the list is empty",
        "xs = [x for x in [1, 2] if x > 1];\nout = tokens == xs[0];",
    ),
    (
        "def f(x) { load \"other\"; return x; }\nout = f(tokens);",
        "at the top of the program",
        "def f(x) { return x; }\nout = f(tokens) + 1;",
    ),
    (
        "out = tokens;\nfor t in tokens { out = t; }",
        "loops run at compile time, over lists",
        "out = tokens;\nfor t in [1, 2] { out = out + t; }",
    ),
    (
        "# nothing but a comment",
        "its output is what is assigned last",
        "out = reverse(tokens);",
    ),
    ("out = tokens = 1;", "", "out = tokens == 1;"),
    (
        "out = selector_width(select(tokens, tokens, =));",
        "write `==`",
        "out = selector_width(select(tokens, tokens, ==));",
    ),
    (
        "#! max_seq_len 3\nout = tokens + 1;",
        "keys are about, vocab",
        "out = tokens + 1;",
    ),
    (
        "#! nonsense_key: 3\nout = tokens + 1;",
        "keys are about, vocab",
        "out = tokens + 1;",
    ),
    (
        "#! vocab: 1, 1\nout = tokens + 1;",
        "is a string, unlike the number",
        "#! output: out\nout = tokens + 1;",
    ),
    (
        "#! vocab: 1,, 2\nout = tokens + 1;",
        "tokens have commas between them",
        "out = tokens + 1;",
    ),
    (
        "3x = tokens;\nout = tokens + 1;",
        "names begin with a letter or `_`",
        "x3 = tokens;\nout = x3 + 1;",
    ),
    (
        "out = tokens + 99999999999999999999;",
        "write a float, such as 1e30",
        "out = tokens + 1e20;",
    ),
    (
        "out = tokens == \"a;",
        "close it with \" on the same line",
        "out = tokens == \"a\";",
    ),
    (
        "out = tokens == \"\\q\";",
        "with four digits",
        "out = tokens == \"\\\\q\";",
    ),
    (
        "out = tokens == 1 | indices == 0;",
        "write `or`",
        "out = tokens == 1 or indices == 0;",
    ),
    (
        "out = !(tokens == 1);",
        "write `not`",
        "out = not (tokens == 1);",
    ),
    (
        "out = tokens + .5;",
        "a number needs a digit before its point",
        "out = tokens + 0.5;",
    ),
    (
        "out = tokens + 1.e2;",
        "a number needs a digit behind its point",
        "out = tokens + 1.0e2;",
    ),
    (
        "out = {1: 5, 2: 6, 3: 7}.get(tokens);",
        "`d[key]` is the value of a key",
        "out = {1: 5, 2: 6, 3: 7}[tokens];",
    ),
    (
        "out = math.sqrt(tokens);",
        "there are no modules: write `sqrt(x)`",
        "out = sqrt(tokens);",
    ),
    (
        "from tracr.rasp import rasp\n\ndef make():\n    return rasp.tokens + 1\n",
        "exported by scripts/export_tracr.py",
        "out = tokens + 1;",
    ),
    (
        "out := tokens + 1;",
        "write `=` instead of `:=`",
        "out = tokens + 1;",
    ),
    (
        "n: int = 3;\nout = tokens + n;",
        "names have no types",
        "n = 3;\nout = tokens + n;",
    ),
    (
        "x = tokens;\nx += 1;",
        "`x = x + 1;`",
        "x = tokens;\nx = x + 1;",
    ),
    (
        "out = max(select(indices, indices, true), tokens, tokens);",
        "a list is known at compile time",
        "out = max(select(indices, indices, true), tokens, [1, 2, 3]);",
    ),
    (
        "out = tokens $ 1;",
        "RASP has no such operator",
        "out = tokens + 1;",
    ),
    (
        "out = tokens + €;",
        "only strings and comments",
        "out = tokens == \"€\";",
    ),
    (
        "return 1;\nout = tokens + 1;",
        "one `return`, as its last statement",
        "out = tokens + 1;",
    ),
    (
        "for i in [1, 2] { out = tokens + i;",
        "put `}` behind the loop's last statement",
        "for i in [1, 2] { out = tokens + i; }",
    ),
    (
        "f(tokens) = 1;\nout = tokens + 1;",
        "compare with `==`",
        "out = tokens == 1;",
    ),
    (
        "set example \"abc\";\nout = tokens + 1;",
        "see `compress run`",
        "out = tokens + 1;",
    ),
    (
        "while tokens { }\nout = tokens + 1;",
        "loops go through lists",
        "for x in [1, 2] { out = tokens + x; }",
    ),
    (
        "out = map(lambda x: x + 1, tokens);",
        "write a lambda as `x -> x + 1`",
        "out = map(x -> x + 1, tokens);",
    ),
    (
        "if tokens == 1 { out = tokens; }",
        "`if` stands between two values",
        "out = tokens + 1 if tokens == 1 else tokens;",
    ),
    (
        "out = for x in [1] { x };",
        "or stands inside of a list",
        "out = tokens + [x + 1 for x in [1]][0];",
    ),
    (
        "def f(c) { return tokens + c; }\nout = f(==);",
        "a comparison stands alone only",
        "def f(c) { return selector_width(select(tokens, tokens, c)); }\nout = f(==);",
    ),
    (
        "out = map(lambda, tokens);",
        "write a lambda as `x -> x + 1` or `(x, y) -> x + y`",
        "out = map(x -> x + 1, tokens);",
    ),
    (
        "out = tokens + elif;",
        "RASP has no such statement",
        "out = tokens + 1;",
    ),
    (
        "names = {\"a\": 1};\nout = tokens == names;",
        "take the value of a key",
        "names = {\"a\": 1};\nout = tokens == names[\"a\"];",
    ),
    (
        "out = sort(tokens, indices, tokens);",
        "give one of these numbers of arguments",
        "out = sort(tokens, tokens);",
    ),
    (
        "xs = {1: 2};\nfor i in range(200) { xs = {1: xs}; }\nout = tokens + len(xs);",
        "use tuples as keys instead",
        "xs = {(i, 1): i for i in range(200)};\nout = tokens + xs[(3, 1)];",
    ),
    (
        "out = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((tokens)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))) + 1;",
        "give the inner parts names",
        "inner = (tokens);\nout = inner + 1;",
    ),
    (
        "out = tokens + max_seq_lenn;",
        "did you mean `max_seq_len`",
        "out = tokens + max_seq_len;",
    ),
    (
        "out = Select(tokens, tokens, ==);",
        "write `select(keys, queries, ==)`",
        "out = selector_width(select(tokens, tokens, ==));",
    ),
    (
        "out = Aggregate(tokens, tokens);",
        "write `aggregate(selector, sop)`",
        "out = aggregate(select(indices, indices, ==), tokens);",
    ),
    (
        "out = SelectorWidth(tokens);",
        "write `selector_width(selector)`",
        "out = selector_width(select(tokens, tokens, ==));",
    ),
];

/// Lines that are said of files and not of one source, with the test that follows them.
const OF_FILES: [&str; 5] = [
    "split it: `load \"file\";` reads the statements of another file",
    "put their statements into fewer files",
    "paths are relative to the file that loads",
    "give the program itself: of a page that shows one, download the raw file",
    "give the program itself: a text of statements that end with `;`",
];

/// The string literals of a piece of source; those that a `match` compares with are none.
fn literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('"') {
        let mut content = String::new();
        let mut chars = rest[start + 1..].char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = start + 1 + at + 1;
                    break;
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('\n') => {
                        // The blanks at the beginning of the next line are no part of it.
                        let after = chars.as_str();
                        let blanks = after.len() - after.trim_start().len();
                        for _ in 0..after[..blanks].chars().count() {
                            chars.next();
                        }
                    }
                    Some(escaped) => content.push(escaped),
                    None => {}
                },
                c => content.push(c),
            }
        }
        rest = &rest[end..];
        let is_pattern = rest.trim_start().starts_with("=>") || rest.trim_start().starts_with('|');
        if !is_pattern {
            literals.push(content);
        }
    }
    literals
}

/// Up to the end of the call or the statement that begins here.
fn construct(source: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
    let mut before = ' ';
    for (at, c) in source.char_indices() {
        let was = std::mem::replace(&mut before, c);
        if quoted {
            (escaped, quoted) = (c == '\\' && !escaped, c != '"' || escaped);
            continue;
        }
        match c {
            // Brackets and quotes as characters.
            _ if was == '\'' => {}
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ';' if depth == 0 => return &source[..at],
            _ => {}
        }
        if depth < 0 || depth == 0 && c == ')' {
            return &source[..at];
        }
    }
    source
}

/// The longest part of a line that does not depend on the program.
fn fixed(line: &str) -> String {
    let parts = line.split('{').flat_map(|part| {
        part.split_once('}')
            .map_or(vec![part], |(_, after)| vec![after])
    });
    let longest = parts.max_by_key(|part| part.len()).unwrap_or_default();
    longest.trim().to_owned()
}

fn files(folder: &Path, out: &mut Vec<String>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let own = text.split("#[cfg(test)]").next().unwrap();
            out.push(own.to_owned());
        }
    }
}

/// The lines of advice in the sources of the language.
fn lines_of_advice() -> BTreeSet<String> {
    let mut sources = Vec::new();
    files(&repository("crates/tracr/src/rasp"), &mut sources);
    let mut lines = BTreeSet::new();
    for source in &sources {
        for start in [
            ".help(",
            ".help_unless_given(",
            "let help =",
            "let otherwise =",
            "let foreign =",
            "const ONE_POSITION: &str =",
            "const CONSTANTS: &str =",
        ] {
            for (at, _) in source.match_indices(start) {
                let begin = if start.ends_with('(') {
                    at + start.len() - 1
                } else {
                    at + start.len()
                };
                lines.extend(literals(construct(&source[begin..])));
            }
        }
    }
    lines.retain(|line| fixed(line).len() > 6);
    lines
}

/// What is said of the programs of the tables.
fn said() -> Vec<String> {
    let options = Options {
        max_seq_len: Some(3),
        ..Options::default()
    };
    let mut said = Vec::new();
    for (wrong, ..) in LANGUAGE.iter().chain(MORE) {
        if let Err(reports) = rasp::compile_source("p.rasp", wrong, &options) {
            said.extend(reports.into_iter().filter_map(|report| report.help));
        }
    }
    // Without a length there is another one.
    let source = "out = sort(tokens, tokens, max_seq_len, 1);";
    let reports = rasp::compile_source("p.rasp", source, &Options::default()).unwrap_err();
    said.extend(reports.into_iter().filter_map(|report| report.help));
    said
}

#[test]
fn every_line_of_advice_is_followed_by_a_program_of_the_tables() {
    let (lines, said) = (lines_of_advice(), said());
    let unsaid: Vec<&String> = lines
        .iter()
        .filter(|line| !OF_FILES.contains(&line.as_str()))
        .filter(|line| !said.iter().any(|said| said.contains(&fixed(line))))
        .collect();
    assert!(
        unsaid.is_empty(),
        "no program of LANGUAGE or MORE is told {unsaid:#?}"
    );
    println!(
        "{} lines of advice, {} programs that are told one",
        lines.len(),
        said.len()
    );
    assert!(lines.len() > 60, "{lines:#?}");
}

#[test]
fn advice_on_files_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let read = |text: &str| {
        write("p.rasp", text);
        let path = directory.path().join("p.rasp");
        rasp::compile_file(&path, &Options::default())
            .map_err(|e| e.to_string())
            .and_then(|program| program.map(drop).map_err(|reports| rasp::render(&reports)))
    };
    let told = |text: &str, line: &str| {
        let report = read(text).unwrap_err();
        assert!(report.contains(line), "{report}");
    };
    // A path that is not relative to the file that loads.
    std::fs::create_dir(directory.path().join("inner")).unwrap();
    write("inner/a.rasp", "load \"inner/b\";");
    write("inner/b.rasp", "two = 2;");
    told("load \"inner/a\";\nout = tokens + two;", OF_FILES[2]);
    write("inner/a.rasp", "load \"b\";");
    assert_eq!(read("load \"inner/a\";\nout = tokens + two;"), Ok(()));
    // Many files.
    let mut text = String::new();
    for i in 0..2000 {
        write(&format!("f{i}.rasp"), &format!("x{i} = {i};"));
        text += &format!("load \"f{i}\";\n");
    }
    told(&format!("{text}out = tokens + x1;"), OF_FILES[1]);
    let statements: Vec<String> = (0..2000).map(|i| format!("x{i} = {i};")).collect();
    write("all.rasp", &statements.join("\n"));
    assert_eq!(read("load \"all\";\nout = tokens + x1;"), Ok(()));
}
