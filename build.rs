//! Tells the program its version with the commit it was built from, and what its library holds.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders whose files go into the binary: `src/library.rs` says what for.
const LIBRARY: [&str; 2] = ["configs", "experiments"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let version = env::var("CARGO_PKG_VERSION")?;
    match commit() {
        Some(commit) => {
            println!("cargo:rustc-env=COMPRESS_GIT_COMMIT={commit}");
            let short: String = commit.chars().take(7).collect();
            println!("cargo:rustc-env=COMPRESS_VERSION={version} ({short})");
        }
        None => println!("cargo:rustc-env=COMPRESS_VERSION={version}"),
    }
    let output = PathBuf::from(env::var("OUT_DIR")?).join("library.rs");
    fs::write(output, library()?)?;
    Ok(())
}

/// The commit, if this is a repository of its own or a package made from one.
fn commit() -> Option<String> {
    if !Path::new(".git").exists() {
        // An unpacked package, perhaps inside somebody else's repository: Cargo wrote the commit down.
        let info = fs::read_to_string(".cargo_vcs_info.json").ok()?;
        let hash = info.split("\"sha1\"").nth(1)?.split('"').nth(1)?;
        return Some(hash.to_owned());
    }
    for file in ["HEAD", "logs/HEAD"] {
        // In a linked worktree `.git` is a file, and these are elsewhere.
        if let Some(path) = git(&["rev-parse", "--git-path", file])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

/// What a git command prints, if it succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// A slice of files in Rust, in the order of their paths: a file that is added to a folder is in the
/// next build.
fn library() -> Result<String, Box<dyn Error>> {
    let mut text = String::from("&[\n");
    for folder in LIBRARY {
        println!("cargo:rerun-if-changed={folder}");
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "toml") {
                paths.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
        paths.sort();
        for path in paths {
            println!("cargo:rerun-if-changed={path}");
            writeln!(
                text,
                "    File {{ path: {path:?}, text: include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{path}\")) }},"
            )?;
        }
    }
    text.push_str("]\n");
    Ok(text)
}
