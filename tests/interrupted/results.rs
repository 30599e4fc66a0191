//! What a run or a study left, beside what it leaves undisturbed.

use std::path::{Path, PathBuf};

use crate::common::command::snapshot;

pub type Files = Vec<(PathBuf, Vec<u8>)>;

/// The files below a directory by their paths in it, without locks and without the times in them.
pub fn results(directory: &Path) -> Files {
    let mut files = snapshot(directory);
    files.retain(|(path, _)| !path.ends_with(".lock") && !path.ends_with(".tables.lock"));
    for (path, bytes) in &mut files {
        let name = path.file_name().unwrap().to_string_lossy();
        let text = || String::from_utf8_lossy(bytes);
        let lines_without = |part: &str| {
            let text = text();
            let lines = text.lines().filter(|line| !line.contains(part));
            lines.collect::<Vec<_>>().join("\n").into_bytes()
        };
        match &*name {
            "metrics.csv" | "runs.csv" => {
                let text = text();
                let rows = text.lines().map(|row| row.rsplit_once(',').unwrap().0);
                *bytes = rows.collect::<Vec<_>>().join("\n").into_bytes();
            }
            "summary.json" => *bytes = lines_without("wall_time_seconds"),
            "report.html" => *bytes = lines_without(" s</"),
            // It holds the time, too; what is trained from it is compared.
            name if name.starts_with("checkpoint") => bytes.clear(),
            _ => {}
        }
        *path = path.strip_prefix(directory).unwrap().to_owned();
    }
    files
}

/// Expects the same results in both directories, but for the files of these names.
pub fn assert_same_results(found: &Path, expected: &Path, but: &[&str]) {
    let [found, expected] = [found, expected].map(|directory| {
        let mut files = results(directory);
        files.retain(|(path, _)| !but.iter().any(|name| path.ends_with(name)));
        files
    });
    let names = |files: &Files| -> Vec<PathBuf> { files.iter().map(|f| f.0.clone()).collect() };
    assert_eq!(names(&found), names(&expected));
    for ((path, found), (_, expected)) in found.iter().zip(&expected) {
        assert!(found == expected, "{} differs", path.display());
    }
}
