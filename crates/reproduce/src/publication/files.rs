//! The files of a published study.

use std::path::Path;

use base::files::{FileError, links, read_bounded, write_atomically};
use tracr_compress::results::layout::{
    ANALYSIS, CRITICAL_WIDTHS, GRAM_AGREEMENT, MEDIAN, POINTS, REFERENCE_AGREEMENT, RUNS, STUDY,
    STUDY_METRICS, STUDY_VERDICTS,
};

/// The directory of figures.
pub const FIGURES: &str = "figures";
/// The page about the study.
pub const PAGE: &str = "report.html";
const IGNORE: &str = ".gitignore";
const MAX_BYTES: u64 = base::limits::TABLE_BYTES;

/// The tables that a sweep and an analysis left.
pub fn tables_of(directory: &Path) -> Vec<String> {
    [
        STUDY,
        RUNS,
        POINTS,
        ANALYSIS,
        STUDY_METRICS,
        STUDY_VERDICTS,
        CRITICAL_WIDTHS,
        GRAM_AGREEMENT,
        REFERENCE_AGREEMENT,
    ]
    .into_iter()
    .filter(|name| directory.join(name).is_file())
    .map(str::to_owned)
    .collect()
}

/// Copies a file to `name` below an output directory, making the directories that it goes to.
pub fn copy(from: &Path, output: &Path, name: &str) -> Result<(), FileError> {
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    links::make_below(output, folder)?;
    write_atomically(&output.join(name), &read_bounded(from, MAX_BYTES)?)
}

/// Tells git which files of the study's directory are kept: these, and none of a run. Whatever the
/// repository ignores there, this file is nearer and decides.
pub fn write_ignore(directory: &Path, kept: &[String]) -> Result<String, FileError> {
    let mut lines = vec![
        "# Written by reproduce publish: the files of this study that the repository keeps. It keeps no raw runs.".to_owned(),
        "*".to_owned(),
        format!("!/{IGNORE}"),
    ];
    for name in kept {
        let mut new = vec![format!("!/{name}")];
        if let Some((folder, _)) = name.split_once('/') {
            // git looks into a directory only if that is not ignored itself.
            new.insert(0, format!("!/{folder}/"));
            if folder == MEDIAN {
                new[1] = format!("!/{folder}/**"); // nothing else is there
            }
        }
        new.retain(|line| !lines.contains(line));
        lines.extend(new);
    }
    write_atomically(
        &directory.join(IGNORE),
        format!("{}\n", lines.join("\n")).as_bytes(),
    )?;
    Ok(IGNORE.into())
}
