//! A run file with its model in a directory of its own, to be damaged.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::command::{RawModel, call, root, snapshot};

/// A run file in a directory of its own, with a copy of the model beside it.
pub struct Bench {
    dir: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(root().join("configs/frac_prevs.toml")).unwrap();
        let text = text
            .replace("../models/", "")
            .replace("../results/frac_prevs", "out");
        std::fs::write(dir.path().join("run.toml"), text).unwrap();
        let model = "frac_prevs.safetensors";
        std::fs::copy(root().join("models").join(model), dir.path().join(model)).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces a piece of the run file that must be there.
    pub fn edit(&self, from: &str, to: &str) -> &Self {
        let text = std::fs::read_to_string(self.path("run.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(self.path("run.toml"), text.replace(from, to)).unwrap();
        self
    }

    /// Replaces a piece of the run file and expects a refusal that names the line it stands in.
    pub fn refused_with(&self, from: &str, to: &str, parts: &[&str]) {
        let text = std::fs::read_to_string(self.path("run.toml")).unwrap();
        let line = 1 + text.lines().position(|l| l.contains(from)).unwrap();
        let place = format!("run.toml:{line}");
        self.edit(from, to)
            .refused(&[], &[parts, &[&place]].concat());
    }

    pub fn damage_model(&self, damage: impl FnOnce(&mut RawModel)) -> &Self {
        let path = self.path("frac_prevs.safetensors");
        let mut model = RawModel::read(&path);
        damage(&mut model);
        model.write(&path);
        self
    }

    pub fn damage_bytes(&self, damage: impl FnOnce(&mut Vec<u8>)) -> &Self {
        let path = self.path("frac_prevs.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        self
    }

    /// Runs and expects exit code 2, each of `parts` in one message, and nothing changed.
    pub fn refused(&self, more: &[&str], parts: &[&str]) {
        let config = self.path("run.toml").display().to_string();
        let mut arguments = vec!["--config", &config];
        arguments.extend(more);
        refused(&arguments, self.dir.path(), parts);
    }
}

/// Runs and expects exit code 2, each of `parts` in one message, and nothing changed.
pub fn refused<S: AsRef<std::ffi::OsStr>>(arguments: &[S], directory: &Path, parts: &[&str]) {
    let before = snapshot(directory);
    let (code, stdout, stderr) = call(arguments);
    println!("{stderr}");
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(stdout, "");
    assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(snapshot(directory) == before, "something was written");
}
