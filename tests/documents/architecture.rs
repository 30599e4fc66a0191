//! The house as docs/architecture.md draws it: no file imports itself through others, and between the rooms of the
//! program arrows point down; what judges shares nothing with what it judges. That none points up between crates is what Cargo sees to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms of the program; each may use those before it.
const ROOMS: [&str; 15] = [
    "library", "config", "results", "certify", "analysis", "recovery", "circuit", "run", "shrink",
    "study", "zoo", "figures", "report", "examples", "cli",
];
/// What judges the engines, and must share nothing with them.
const JUDGES: [&str; 2] = ["teacher", "evaluation"];

/// By module, the modules of the same crate that it uses; unit tests are left out.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// `model::file` for `model/file.rs`, `model` for `model/mod.rs`.
fn module(source: &Path, file: &Path) -> String {
    let path = file.strip_prefix(source).unwrap().with_extension("");
    let mut parts: Vec<String> = path
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts.join("::")
}

/// The code without comments, texts and unit tests.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            while lines.peek().is_some_and(|next| next.starts_with("#[")) {
                lines.next();
            }
            // A file of tests, or tests to the end of this one.
            if lines
                .next()
                .is_some_and(|next| next.trim_end().ends_with('{'))
            {
                break;
            }
            continue;
        }
        let line = line.split("//").next().unwrap();
        for (i, part) in line.split('"').enumerate() {
            code += if i % 2 == 0 { part } else { "\"\"" };
        }
        code.push('\n');
    }
    code
}

/// The paths of a `use` without its braces.
fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let (mut depth, mut item) = (0, String::new());
    let mut items = Vec::new();
    for c in tree.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(std::mem::take(&mut item));
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    items.push(item);
    for item in items {
        let item = item.trim();
        match item.split_once('{') {
            Some((before, rest)) => {
                let inner = rest.rsplit_once('}').unwrap().0;
                expand(&format!("{prefix}{before}"), inner, found);
            }
            None if item.is_empty() => {}
            None => found.push(format!("{prefix}{}", item.split(" as ").next().unwrap())),
        }
    }
}

/// Every path in the code: of its `use`s, and as they are written.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("use ") {
        let is_word = before.is_empty() || before.ends_with(['\n', ' ', ')']);
        let Some((tree, next)) = after.split_once(';') else {
            break;
        };
        if is_word && !tree.contains(['(', '"', '=']) {
            let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            expand("", &tree, &mut found);
            rest = next;
        } else {
            rest = after;
        }
    }
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c| !is_path(c));
    let whole = |word: &&str| word.contains("::") && !word.ends_with("::");
    found.extend(words.filter(whole).map(str::to_owned));
    found
}

fn graph(source: &Path) -> Graph {
    let mut files = Vec::new();
    sources(source, &mut files);
    let modules: BTreeMap<String, PathBuf> = files
        .into_iter()
        .map(|file| (module(source, &file), file))
        .filter(|(name, _)| !["lib", "main"].contains(&name.as_str()))
        .filter(|(name, _)| !name.contains("tests") && !name.contains("test_"))
        .collect();
    // The module of an item.
    let home = |path: &str| {
        let mut path = path;
        loop {
            if modules.contains_key(path) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let mut graph = Graph::new();
    for (name, file) in &modules {
        let text = std::fs::read_to_string(file).unwrap();
        let mut used = BTreeSet::new();
        for path in paths(&code(&text)) {
            let parts: Vec<&str> = path.split("::").map(str::trim).collect();
            let mut place: Vec<&str> = name.split("::").collect();
            let mut from = 0;
            let is_relative = match parts[0] {
                "crate" => {
                    place.clear();
                    from = 1;
                    false
                }
                "self" | "super" => {
                    while let Some(step @ ("self" | "super")) = parts.get(from).copied() {
                        if step == "super" {
                            place.pop();
                        }
                        from += 1;
                    }
                    false
                }
                _ => true,
            };
            place.extend(&parts[from..]);
            let Some(found) = home(&place.join("::")) else {
                continue;
            };
            // A bare name is a module only if it is this one's own.
            let is_own = found.starts_with(&format!("{name}::"));
            if found != *name && (!is_relative || is_own) {
                used.insert(found);
            }
        }
        graph.insert(name.clone(), used);
    }
    graph
}

/// What can be reached from a module.
fn reached<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = graph[from].iter().map(String::as_str).collect();
    while let Some(module) = next.pop() {
        if graph.contains_key(module) && found.insert(module) {
            next.extend(graph[module].iter().map(String::as_str));
        }
    }
    found
}

/// The modules that can be reached from themselves.
fn in_cycles(graph: &Graph) -> Vec<&str> {
    let names = graph.keys().map(String::as_str);
    names
        .filter(|name| reached(graph, name).contains(name))
        .collect()
}

#[test]
fn files_do_not_import_themselves_through_others() {
    for source in [
        "crates/base/src",
        "crates/tracr/src",
        "crates/superposition/src",
        "crates/reproduce/src",
        "src",
    ] {
        let graph = graph(&root().join(source));
        assert!(!graph.is_empty(), "{source} has no files");
        let cycles = in_cycles(&graph);
        assert!(cycles.is_empty(), "{source}: {cycles:?}");
    }
}

#[test]
fn targets_and_exact_metrics_stand_below_the_engines() {
    let graph = graph(&root().join("crates/superposition/src"));
    for judge in JUDGES {
        let engines: Vec<&str> = reached(&graph, judge)
            .into_iter()
            .filter(|module| module.starts_with("engines"))
            .collect();
        assert!(engines.is_empty(), "{judge} uses {engines:?}");
    }
    assert!(!reached(&graph, "engines::fused").is_disjoint(&BTreeSet::from(JUDGES)));
}

#[test]
fn certificates_share_no_arithmetic_with_what_they_judge() {
    let mut files = Vec::new();
    sources(&root().join("src/certify"), &mut files);
    let mut read = 0;
    for file in files {
        let name = module(&root().join("src"), &file);
        for path in paths(&code(&std::fs::read_to_string(&file).unwrap())) {
            let mut parts = path.split("::").map(str::trim);
            if parts.next() == Some("superposition") {
                // `W`, the inputs and what a tie is, nothing that computes with them.
                let of_crate = parts.next().unwrap();
                assert!(
                    ["Projection", "inputs"].contains(&of_crate) || path.contains("answers::TIE"),
                    "{name}: {path}"
                );
                read += 1;
            }
            // The plain forward pass serves the bounds from below, which are no part of the proof.
            let is_plain = path.contains("Frozen") || path.contains("model::forward");
            assert!(
                !is_plain || name == "certify::lower_bounds",
                "{name}: {path}"
            );
        }
    }
    assert!(read >= 4);
}

#[test]
fn rooms_use_those_below_them_alone() {
    let graph = graph(&root().join("src"));
    let room = |module: &str| module.split("::").next().unwrap().to_owned();
    let floor = |module: &str| ROOMS.iter().position(|name| *name == room(module));
    for (module, used) in &graph {
        let own = floor(module).unwrap_or_else(|| panic!("{module} is in no room that is listed"));
        for other in used {
            assert!(floor(other) <= Some(own), "{module} uses {other}");
        }
    }
}

#[test]
fn imports_are_read_from_braces_paths_and_child_modules() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "a.rs",
        "use crate::{\n    b::{self, X},\n    c::Y as Z,\n};\n",
    );
    write("b/mod.rs", "mod inner;\nfn f() { inner::g(); }\n");
    write("b/inner.rs", "//! crate::a\nfn g() { \"crate::a\"; }\n");
    write("c.rs", "#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n");
    write("d.rs", "fn h() { super::a::i() }\n");
    let mut graph = graph(dir.path());
    let used = |graph: &Graph, name: &str| graph[name].iter().cloned().collect::<Vec<_>>();
    assert_eq!(used(&graph, "a"), ["b", "c"]);
    assert_eq!(used(&graph, "b"), ["b::inner"]);
    assert!(used(&graph, "b::inner").is_empty() && used(&graph, "c").is_empty());
    assert_eq!(used(&graph, "d"), ["a"]);
    assert!(in_cycles(&graph).is_empty());
    graph.get_mut("c").unwrap().insert("a".into());
    assert_eq!(in_cycles(&graph), ["a", "c"]);
}
