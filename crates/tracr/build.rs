//! Puts the programs of the library into the crate.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=programs");
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir("programs")? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rasp") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut text = String::from("&[\n");
    for path in &paths {
        let path = path.to_string_lossy().replace('\\', "/");
        println!("cargo:rerun-if-changed={path}");
        writeln!(
            text,
            "    File {{ path: {path:?}, text: include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{path}\")) }},"
        )?;
    }
    text.push_str("]\n");
    fs::write(
        PathBuf::from(env::var("OUT_DIR")?).join("programs.rs"),
        text,
    )?;
    Ok(())
}
