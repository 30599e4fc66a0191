//! The `compress` binary and the files it is given, for the command-line tests.
#![allow(dead_code)] // each test binary uses its part

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use serde_json::Value as Json;

pub fn compress() -> Command {
    binary("compress")
}

/// A binary of the workspace, which is built beside the tests of all its packages.
fn binary(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let mut command = Command::new(tests.ancestors().nth(2).unwrap().join(name));
    command.current_dir(root());
    command
}

/// The repository's root, also for the tests of other packages.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut above = here.ancestors();
    above
        .find(|folder| folder.join("configs").is_dir())
        .unwrap()
}

/// The command whose first argument this is: `publish` and `paper` are of `reproduce`.
pub fn command_of(argument: &std::ffi::OsStr) -> Command {
    if argument == "publish" || argument == "paper" {
        binary("reproduce")
    } else {
        compress()
    }
}

/// Runs with these arguments and returns exit code, stdout and stderr.
pub fn call<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command_of(arguments[0].as_ref())
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Runs with these arguments, expects success, and returns what is printed.
pub fn succeed<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> String {
    let (code, stdout, stderr) = call(arguments);
    assert_eq!(code, 0, "{stderr}");
    stdout
}

/// A short run of one of the shipped configurations with these settings, as arguments.
pub fn short_run(config: &str, steps: u64, output: &Path, set: &[&str]) -> Vec<String> {
    let mut arguments = vec!["--config".to_owned(), format!("configs/{config}.toml")];
    let steps = format!("training.steps={steps}");
    let short = [
        &steps,
        "training.log_every=50",
        "training.checkpoint_every=70",
    ];
    for set in short.iter().chain(set) {
        arguments.extend(["--set".to_owned(), (*set).to_owned()]);
    }
    arguments.extend(["--output".to_owned(), text(output), "--quiet".into()]);
    arguments
}

/// Makes such a run and expects it to succeed.
pub fn run(config: &str, steps: u64, output: &Path, set: &[&str]) {
    succeed(&short_run(config, steps, output, set));
}

/// Sends a signal, by its name.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The JSON in a file.
pub fn json(path: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// metrics.csv without its last column, the timing.
pub fn metrics_without_timing(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join("metrics.csv")).unwrap();
    text.lines()
        .map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n")
        .collect()
}

/// Every file below a directory with its content; empty if there is no directory.
pub fn snapshot(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((path.clone(), Vec::new()));
            found.extend(snapshot(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
    found.sort();
    found
}

/// A safetensors file taken apart, to be damaged and put together again.
pub struct RawModel {
    pub header: Json,
    pub metadata: Json,
    pub data: Vec<u8>,
}

impl RawModel {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Json = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let text = header["__metadata__"]["tracr"].as_str().unwrap();
        let metadata = serde_json::from_str(text).unwrap();
        Self {
            header,
            metadata,
            data: bytes[8 + length..].to_vec(),
        }
    }

    pub fn write(&self, path: &Path) {
        let mut header = self.header.clone();
        if !header["__metadata__"].is_null() {
            header["__metadata__"]["tracr"] = self.metadata.to_string().into();
        }
        let text = header.to_string();
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes.extend(&self.data);
        std::fs::write(path, bytes).unwrap();
    }
}
