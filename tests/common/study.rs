//! A small study in a directory of its own, and what its results are compared by.
#![allow(dead_code)] // each test binary uses its part

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::command::{call, compress, root};

/// 14 runs of a few tenths of a second, so that there is time to disturb them: 3 widths × 4 seeds
/// trained, PCA and the best subset once.
pub const SMALL: &str = r#"
name = "small"
question = "Does the sweep work?"
base = "BASE"

[grid]
"compression.dim" = [4, 6, 8]
"training.seed" = { from = 0, count = 4 }

[[include]]
compression = { method = ["pca", "subset"], dim = [6] }

[override.training]
steps = 1500
log_every = 500
checkpoint_every = 300
"#;

pub struct StudyBench {
    pub dir: TempDir,
}

impl StudyBench {
    /// A study with this text; `BASE` stands for the shipped frac_prevs.
    pub fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = root().join("configs/frac_prevs.toml");
        let text = text.replace("BASE", &base.display().to_string());
        std::fs::write(dir.path().join("study.toml"), text).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn edit(&self, from: &str, to: &str) -> &Self {
        let text = std::fs::read_to_string(self.path("study.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(self.path("study.toml"), text.replace(from, to)).unwrap();
        self
    }

    pub fn arguments(&self, output: &str, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["sweep".to_owned()];
        arguments.push(self.path("study.toml").display().to_string());
        arguments.push("--output".into());
        arguments.push(self.path(output).display().to_string());
        arguments.extend(more.iter().map(|s| (*s).to_owned()));
        arguments
    }

    pub fn sweep(&self, output: &str, more: &[&str]) -> (i32, String, String) {
        call(&self.arguments(output, more))
    }

    /// Sweeps and expects exit code 0.
    pub fn sweeps(&self, output: &str, more: &[&str]) -> String {
        let (code, stdout, stderr) = self.sweep(output, more);
        assert_eq!(code, 0, "{stderr}");
        stdout
    }

    pub fn start(&self, output: &str, more: &[&str]) -> Child {
        compress()
            .args(self.arguments(output, more))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub fn collect(&self, output: &str) -> (i32, String, String) {
        let directory = self.path(output).display().to_string();
        call(&["sweep", "--collect", &directory])
    }

    /// The rows of a table, header included, as cells.
    pub fn table(&self, output: &str, name: &str) -> Vec<Vec<String>> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .from_path(self.path(output).join(name))
            .unwrap()
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    /// Both tables, without the column of times.
    pub fn tables(&self, output: &str) -> (String, String) {
        let text = |name: &str| std::fs::read_to_string(self.path(output).join(name)).unwrap();
        let runs: Vec<String> = text("runs.csv")
            .lines()
            .map(|line| line.rsplit_once(',').unwrap().0.to_owned())
            .collect();
        assert!(runs[0].ends_with(",config_hash"));
        (runs.join("\n"), text("summary.csv"))
    }
}

/// How many runs a sweep says that it computed itself.
pub fn computed(stdout: &str) -> usize {
    let numbers: Vec<usize> = stdout
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    numbers[0] - numbers[2]
}

/// Every run's summary.json, by directory. Other files may come and go meanwhile.
pub fn summaries(study: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(study) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path().join("summary.json"))
        .filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?)))
        .collect();
    found.sort();
    found
}
