//! Tells the program which commit it was built from, if it was built from a repository.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for file in ["HEAD", "logs/HEAD"] {
        let path = Path::new(".git").join(file);
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    if !Path::new(".git").exists() {
        return; // an unpacked package, perhaps inside somebody else's repository
    }
    let git = Command::new("git").args(["rev-parse", "HEAD"]).output();
    if let Ok(output) = git
        && output.status.success()
    {
        let commit = String::from_utf8_lossy(&output.stdout);
        println!("cargo:rustc-env=COMPRESS_GIT_COMMIT={}", commit.trim());
    }
}
