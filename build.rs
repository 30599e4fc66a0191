//! Tells the program which commit it was built from, if it was built from a repository.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if !Path::new(".git").exists() {
        return; // an unpacked package, perhaps inside somebody else's repository
    }
    for file in ["HEAD", "logs/HEAD"] {
        // In a linked worktree `.git` is a file, and these are elsewhere.
        if let Some(path) = git(&["rev-parse", "--git-path", file])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    if let Some(commit) = git(&["rev-parse", "HEAD"]) {
        println!("cargo:rustc-env=COMPRESS_GIT_COMMIT={commit}");
    }
}

/// What a git command prints, if it succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}
