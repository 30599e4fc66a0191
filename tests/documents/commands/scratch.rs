//! A copy of the repository to type commands in, where training takes moments.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::shorten::shorten_studies;

/// What a reader of the documentation has beside them.
const COPIED: [&str; 7] = [
    "configs",
    "docs",
    "experiments",
    "models",
    "programs",
    "scripts",
    "tests",
];

/// A command that takes longer hangs, or trains in full length.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Scratch {
    directory: TempDir,
    /// Where the last command was left.
    current: PathBuf,
}

impl Scratch {
    pub fn new(root: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = directory.path().join("repository");
        for name in COPIED {
            copy(&root.join(name), &repository.join(name));
        }
        std::fs::create_dir(directory.path().join("home")).unwrap();
        let bin = directory.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        // `--set` goes last, so that it counts whatever a command sets itself.
        let compress = format!(
            "#!/bin/sh\nfor word in \"$@\"; do\n  case $word in\n    --config) train=yes ;;\n    \
             --plan) exec '{binary}' \"$@\" ;;\n  esac\ndone\n\
             [ -z \"$train\" ] || set -- \"$@\" --set training.steps=300 --set training.log_every=100 \
             --set training.restarts.steps=100\nexec '{binary}' \"$@\"\n",
            binary = env!("CARGO_BIN_EXE_compress"),
        );
        let cargo = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do\n  case $1 in\n    run | --release | --quiet) shift ;;\n    \
                     *) echo \"cargo $1 is not for here\" >&2; exit 64 ;;\n  esac\ndone\nshift\nexec compress \"$@\"\n";
        for (name, script) in [("compress", compress.as_str()), ("cargo", cargo)] {
            executable(&bin.join(name), script);
        }
        shorten_studies(directory.path());
        Self {
            current: repository,
            directory,
        }
    }

    /// Back to the top of the repository.
    pub fn go_home(&mut self) {
        self.current = self.directory.path().join("repository");
    }

    /// Types a command; what went wrong, if it did not succeed. The next one goes on where it ends.
    pub fn run(&mut self, text: &str) -> Result<(), String> {
        let path = |name: &str| self.directory.path().join(name);
        let (output, place) = (path("output"), path("place"));
        let script = format!("set -e\n{text}\npwd > '{}'\n", place.display());
        let search = std::env::var("PATH").unwrap_or_default();
        let out = File::create(&output).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&self.current)
            .env("HOME", path("home"))
            .env("PATH", format!("{}:{search}", path("bin").display()))
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        let start = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > LIMIT => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    return Err(format!("it runs for more than {} s", LIMIT.as_secs()));
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        if !status.success() {
            let said = std::fs::read(&output).unwrap();
            return Err(format!("{status}\n{}", String::from_utf8_lossy(&said)));
        }
        self.current = std::fs::read_to_string(&place).unwrap().trim_end().into();
        shorten_studies(self.directory.path()); // it may have written one
        Ok(())
    }
}

fn executable(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}
