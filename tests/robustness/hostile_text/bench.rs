//! A directory of its own for a test: the program works in `cwd`, writes below `out`, and touches nothing
//! else.

use std::path::{Path, PathBuf};

use base::escape::is_hidden;
use tempfile::TempDir;

use crate::common::command::{RawModel, command_of, root};

pub struct Bench {
    dir: TempDir,
    before: Vec<(PathBuf, Vec<u8>)>,
}

/// Every file, directory and link below a directory, with its content or where it leads.
pub fn snapshot(directory: &Path, but: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let content = match std::fs::read_link(&path) {
            Ok(target) => target.into_os_string().into_encoded_bytes(),
            Err(_) if path.is_dir() && path != but => {
                found.extend(snapshot(&path, but));
                Vec::new()
            }
            Err(_) if path == but => Vec::new(),
            Err(_) => std::fs::read(&path).unwrap(),
        };
        found.push((path, content));
    }
    found.sort();
    found
}

/// What a call said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    /// `prepare` writes what the program is given below `in`.
    pub fn new(prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["in", "cwd", "out", "elsewhere"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        prepare(&dir.path().join("in"));
        std::fs::write(dir.path().join("elsewhere/kept"), "kept").unwrap();
        let before = snapshot(dir.path(), &dir.path().join("out"));
        Self { dir, before }
    }

    /// A path below the bench's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Calls the program in `cwd`. Whatever comes of it, nothing hidden is printed, and nothing outside of
    /// `out` has changed.
    pub fn call<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Said {
        let mut command = command_of(arguments[0].as_ref());
        let output = command
            .current_dir(self.path("cwd"))
            .args(arguments)
            .output()
            .unwrap();
        let said = Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        harmless(&said.stdout);
        harmless(&said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        let now = snapshot(self.dir.path(), &self.path("out"));
        assert!(now == self.before, "something was written outside");
        said
    }

    /// The same, which must succeed.
    pub fn ok<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Said {
        let said = self.call(arguments);
        assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
        said
    }

    /// The same, which must be refused with one message that has all these parts.
    pub fn refused<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S], parts: &[&str]) -> Said {
        let said = self.call(arguments);
        assert!(
            [1, 2].contains(&said.code),
            "{}{}",
            said.stdout,
            said.stderr
        );
        let errors = said
            .stderr
            .lines()
            .filter(|line| line.starts_with("error:"));
        assert_eq!(errors.count(), 1, "{}", said.stderr);
        for part in parts {
            assert!(
                said.stderr.contains(part),
                "`{part}` is not in: {}",
                said.stderr
            );
        }
        said
    }
}

/// Lines of characters that are seen.
pub fn harmless(text: &str) {
    let hidden = text
        .chars()
        .find(|c| is_hidden(*c) && *c != '\n' && *c != '\t');
    assert_eq!(hidden, None, "in {text:?}");
}

/// A table's columns of these names.
pub fn columns<const N: usize>(path: &Path, names: [&str; N]) -> Vec<[String; N]> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let places = names.map(|name| header.iter().position(|h| h == name).unwrap());
    let rows = reader.records().map(|row| row.unwrap());
    let rows: Vec<csv::StringRecord> = rows.collect();
    assert!(rows.iter().all(|row| row.len() == header.len()));
    rows.iter()
        .map(|row| places.map(|place| row[place].to_owned()))
        .collect()
}

/// The one column of a table.
pub fn column(path: &Path, name: &str) -> Vec<String> {
    columns(path, [name])
        .into_iter()
        .map(|[cell]| cell)
        .collect()
}

/// A shipped model with these tokens and features in the place of its own, as many as are given.
pub fn model(path: &Path, tokens: &[String], labels: &[String]) {
    let mut model = RawModel::read(&root().join("models/frac_prevs.safetensors"));
    let places = [1, 2, 3, 5];
    for (place, token) in places.into_iter().zip(tokens) {
        model.metadata["input_vocab"][place] = token.clone().into();
    }
    for (i, label) in labels.iter().enumerate() {
        model.metadata["residual_labels"][i] = label.clone().into();
    }
    model.write(path);
}

/// A run file of a few steps.
pub fn config(name: &str, model: &str) -> String {
    format!(
        "name = {}\n[model]\n{model}\n[compression]\ndim = 5\n[training]\nsteps = 8\nlog_every = 4\n\
         checkpoint_every = 4\ndiagnostics_every = 4\nbatch_size = 32\nthreads = 1\n[output]\ndir = \"../out/run\"\n",
        literal(name)
    )
}

/// As TOML, JSON and RASP write it.
pub fn literal(text: &str) -> String {
    super::names::literal(text).replace('\u{7f}', "\\u007f")
}
