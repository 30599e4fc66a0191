//! A copy of the repository to type commands in, where training takes moments.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::elsewhere;
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

/// Programs of the system that examples may use. The shell finds no others.
const TOOLS: [&str; 7] = ["cat", "cp", "head", "ls", "mkdir", "mv", "tail"];

/// `cargo run` runs the program that is built already.
const CARGO_RUN: &str = "\
while [ \"$1\" != -- ]; do
  case $1 in
    run | --release | --quiet) shift ;;
    *) echo \"cargo $*: not in elsewhere.rs\" >&2; exit 64 ;;
  esac
done
shift
exec compress \"$@\"
";

/// A command that takes longer hangs, or trains in full length; most of it is for a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

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
        let (home, bin) = (directory.path().join("home"), directory.path().join("bin"));
        std::fs::create_dir(home).unwrap();
        std::fs::create_dir(&bin).unwrap();
        for tool in TOOLS {
            std::os::unix::fs::symlink(installed(tool).unwrap(), bin.join(tool)).unwrap();
        }
        executable(&bin.join("compress"), &shortened_compress());
        for (program, stub) in elsewhere::stubs() {
            let path = if program.contains('/') {
                repository.join(program)
            } else {
                bin.join(program)
            };
            let rest = match (program, installed(program)) {
                ("cargo", _) => CARGO_RUN.to_owned(),
                ("python3", Some(python)) => {
                    let path = std::env::var("PATH").unwrap();
                    format!("PATH='{path}' exec '{}' \"$@\"\n", python.display())
                }
                ("python3", None) => String::new(), // what it would do is not looked at
                _ => format!("echo \"{program} $*: not in elsewhere.rs\" >&2\nexit 64\n"),
            };
            executable(&path, &format!("{stub}{rest}"));
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
        let out = File::create(&output).unwrap();
        let mut child = Command::new("/bin/sh")
            .args(["-c", &script])
            .current_dir(&self.current)
            .env("HOME", path("home"))
            .env("PATH", path("bin"))
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

/// The program, with less training: `--set` goes last, so that it counts whatever a command sets itself.
fn shortened_compress() -> String {
    let program = env!("CARGO_BIN_EXE_compress");
    format!(
        "case $1 in\n  train | *.toml) train=yes ;;\nesac\nfor word in \"$@\"; do\n  case $word in\n    --config | -c) train=yes ;;\n    \
         --plan) exec '{program}' \"$@\" ;;\n  esac\ndone\n\
         [ -z \"$train\" ] || set -- \"$@\" --set training.steps=300 --set training.log_every=100 \
         --set training.restarts.steps=100\n\
         [ \"$1\" != shrink ] || set -- \"$@\" --set shrink.steps=300 --set shrink.tries=1 \
         --set shrink.starts=0\nexec '{program}' \"$@\"\n"
    )
}

/// Where a program of the system is.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.into_iter().find(|place| place.is_file())
}

/// Writes a script for the shell.
fn executable(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\n{script}")).unwrap();
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
