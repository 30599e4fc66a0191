//! The program in a directory of its own, with an empty directory to work in and no repository in sight.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::common::command::snapshot;

/// Settings of a run that takes moments.
pub const SHORT: &str = "--set training.steps=200 --set training.log_every=100 --quiet";

/// An empty directory to work in, and a copy of the binary elsewhere.
pub struct Elsewhere {
    _binary: TempDir,
    pub program: PathBuf,
    pub work: TempDir,
}

impl Elsewhere {
    pub fn new() -> Self {
        let binary = tempfile::tempdir().unwrap();
        let program = binary.path().join("compress");
        // Not by this process: another test that starts a program at that moment would inherit the file, open
        // for writing, and the system refuses to run such a one.
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_compress"))
            .arg(&program)
            .status()
            .unwrap();
        assert!(copied.success());
        let work = tempfile::tempdir().unwrap();
        Self {
            _binary: binary,
            program,
            work,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.work.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A command line without `compress`, its words separated by blanks.
    pub fn call(&self, line: &str) -> (i32, String, String) {
        self.call_words(&line.split(' ').collect::<Vec<_>>())
    }

    /// A command line of these words.
    pub fn call_words(&self, words: &[&str]) -> (i32, String, String) {
        let output = Command::new(&self.program)
            .args(words)
            .current_dir(self.work.path())
            .env_clear()
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        (code, text(output.stdout), text(output.stderr))
    }

    pub fn works(&self, line: &str) -> String {
        let (code, stdout, stderr) = self.call(line);
        assert_eq!(code, 0, "compress {line}: {stderr}");
        stdout
    }

    /// Expects exit code 2, one message, and nothing written.
    pub fn is_refused(&self, line: &str) -> String {
        let before = snapshot(self.work.path());
        let (code, stdout, stderr) = self.call(line);
        assert_eq!(
            (code, stdout.as_str()),
            (2, ""),
            "compress {line}: {stderr}"
        );
        assert_eq!(snapshot(self.work.path()), before, "compress {line}");
        stderr
    }
}
