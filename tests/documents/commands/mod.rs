//! Every command of the documentation does what its reader expects: it works.
//!
//! All blocks of `sh` in README.md and docs/ are typed, in their order, into a copy of the repository; training is
//! shortened, nothing else. What cannot run here is in a list that says where it does run. Commands in the running
//! text must exist with their options, blocks of TOML must be run files or studies, and links must lead somewhere.
//!
//! trycmd cannot do this: it runs blocks of `console` with a prompt before each command, without a shell, and
//! compares all output. Blocks that are there to be copied have neither prompts nor output; some redirect or use `&&`;
//! and a study that one command writes has to be shortened before the next one runs it.
#![cfg(unix)]

mod elsewhere;
mod page;
mod scratch;
mod shorten;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use elsewhere::ELSEWHERE;
use page::{blocks, spans, strays};
use scratch::Scratch;
use tracr_compress::config::{ConfigSource, StudyFile};

use crate::common::command::{call, root};

/// The sidebar of the site that mdBook makes of the pages.
const SUMMARY: &str = "docs/SUMMARY.md";

/// README.md and the pages of docs/, each with its name.
fn pages() -> Vec<(String, String)> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let mut names: Vec<String> = docs
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()))
        // The site's sidebar is no page.
        .filter(|name| name.ends_with(".md") && name != SUMMARY)
        .collect();
    names.sort();
    names.insert(0, "README.md".into());
    let text = |name: &String| std::fs::read_to_string(root().join(name)).unwrap();
    names
        .iter()
        .map(|name| (name.clone(), text(name)))
        .collect()
}

#[test]
fn documented_commands_work() {
    let mut scratch = Scratch::new(root());
    // The main jobs, whose results the pages go on with.
    for entry in std::fs::read_dir(root().join("configs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let run = scratch.run(&format!("compress --config configs/{name}"));
        run.unwrap_or_else(|problem| panic!("configs/{name}: {problem}"));
    }
    let (mut run, mut problems) = (0, Vec::new());
    for (page, text) in pages() {
        for (line, typed) in strays(&text) {
            problems.push(format!(
                "{page}:{line}: {typed}\nstands in no block of sh: nobody runs it"
            ));
        }
        for block in blocks(&text).iter().filter(|block| block.kind == "sh") {
            scratch.go_home();
            for (line, command) in block.commands() {
                let start = Instant::now();
                if let Err(problem) = scratch.run(command) {
                    problems.push(format!("{page}:{line}: {command}\n{problem}"));
                }
                let seconds = start.elapsed().as_secs_f64();
                println!("{seconds:5.1} s  {page}:{line}: {command}");
                run += 1;
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(run >= 40, "only {run} commands were found");
}

#[test]
fn elsewhere_is_where_the_list_says() {
    for entry in ELSEWHERE {
        let name = format!("{} {}", entry.program, entry.arguments);
        assert!(!entry.why.is_empty(), "{name}");
        for (file, text) in entry.run_by {
            let content = std::fs::read_to_string(root().join(file)).unwrap();
            assert!(content.contains(text), "{name}: no `{text}` in {file}");
        }
        // The last is what CI runs, and it runs the one before.
        let (last, _) = entry.run_by.last().unwrap();
        assert_eq!(*last, ".ci/run", "{name}");
        for pair in entry.run_by.windows(2) {
            assert!(
                pair[1].1.contains(pair[0].0),
                "{name}: {} is not run",
                pair[0].0
            );
        }
    }
}

#[test]
fn cargo_install_keeps_to_the_lock_file() {
    let mut files = pages();
    for directory in ["scripts", ".ci"] {
        for entry in std::fs::read_dir(root().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            // Those that are text.
            if let Ok(text) = std::fs::read_to_string(&path) {
                files.push((path.display().to_string(), text));
            }
        }
    }
    let mut found = 0;
    for (name, text) in files {
        for line in text.lines().filter(|line| line.contains("cargo install")) {
            assert!(line.contains("--locked"), "{name}: {line}");
            found += 1;
        }
    }
    assert!(found >= 2, "only {found}");
}

#[test]
fn commands_in_the_running_text_exist_with_their_options() {
    let help = |command: &str| {
        let (code, text, _) =
            call(&[command, "--help"].map(str::to_owned)[usize::from(command.is_empty())..]);
        assert_eq!(code, 0, "compress {command} --help");
        text
    };
    let mut texts = BTreeMap::new();
    let mut checked = 0;
    for (page, text) in pages() {
        for (line, span) in spans(&text) {
            let Some(arguments) = span.strip_prefix("compress ") else {
                continue;
            };
            let words: Vec<&str> = arguments.split_whitespace().collect();
            let command = words
                .first()
                .filter(|word| !word.starts_with('-'))
                .copied()
                .unwrap_or("");
            let known = texts
                .entry(command.to_owned())
                .or_insert_with(|| help(command));
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap();
                assert!(known.contains(option), "{page}:{line}: `{span}`: {option}");
            }
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked}");
}

#[test]
fn toml_blocks_are_run_files_or_studies() {
    let directory = tempfile::tempdir().unwrap();
    let base = root().join("configs/frac_prevs.toml").display().to_string();
    let mut checked = 0;
    for (page, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.kind == "toml") {
            let file = directory.path().join("block.toml");
            // Programs and models need not be there, a study's base does.
            let written = block
                .text
                .replace("\"../configs/frac_prevs.toml\"", &format!("{base:?}"));
            std::fs::write(&file, &written).unwrap();
            let problem = if written.contains("base = ") {
                StudyFile::read(&file, &[]).err().map(|e| e.to_string())
            } else {
                ConfigSource::read(&file, &[]).err().map(|e| e.to_string())
            };
            assert_eq!(problem, None, "{page}:{}", block.line);
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked}");
}

#[test]
fn links_lead_somewhere_and_the_index_has_every_page() {
    let mut linked = Vec::new();
    for (page, text) in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for target in text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            let path = target.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") {
                let path: PathBuf = folder.join(path);
                assert!(path.exists(), "{page}: {target}");
                if page == "docs/README.md" {
                    linked.push(path);
                }
            }
        }
        // Pages are also named in code.
        for (line, span) in spans(&text) {
            if span.starts_with("docs/") && span.ends_with(".md") {
                assert!(root().join(&span).exists(), "{page}:{line}: {span}");
            }
        }
    }
    for (page, _) in pages()
        .iter()
        .filter(|(page, _)| !page.ends_with("README.md"))
    {
        assert!(
            linked.contains(&root().join(page)),
            "docs/README.md has no link to {page}"
        );
    }
}

#[test]
fn sidebar_has_every_page_once() {
    let summary = std::fs::read_to_string(root().join(SUMMARY)).unwrap();
    let targets = summary.split("](").skip(1);
    let mut targets: Vec<&str> = targets
        .map(|rest| rest.split(')').next().unwrap())
        .collect();
    targets.sort_unstable();
    let pages = pages();
    let mut names: Vec<&str> = pages
        .iter()
        .filter_map(|(page, _)| page.strip_prefix("docs/"))
        .collect();
    names.sort_unstable();
    assert_eq!(targets, names);
}
