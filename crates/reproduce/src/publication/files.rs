//! The files of a published study.

use std::path::Path;

use base::files::{FileError, links, read_bounded, write_atomically};
use tracr_compress::circuit::study::CIRCUIT_SCORES;
use tracr_compress::results::layout::{
    ANALYSIS, CRITICAL_WIDTHS, GRAM_AGREEMENT, MEDIAN, POINTS, RECOVERY_SCORES,
    REFERENCE_AGREEMENT, RUNS, STUDY, STUDY_METRICS, STUDY_VERDICTS,
};

/// The directory of figures.
pub const FIGURES: &str = "figures";
/// The page about the study.
pub const PAGE: &str = "report.html";
const IGNORE: &str = ".gitignore";
const MAX_BYTES: u64 = base::limits::TABLE_BYTES;

/// The tables that a sweep, an analysis, a judgement of circuits and a search for dictionaries left.
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
        CIRCUIT_SCORES,
        RECOVERY_SCORES,
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

/// Tells git which files of a directory are kept: these and no others. Whatever the repository ignores there, this file
/// is nearer and decides; it begins with who wrote it and what is kept.
pub fn write_ignore(directory: &Path, kept: &[String], says: &str) -> Result<String, FileError> {
    let mut lines = vec![
        format!("# Written by {says}"),
        "*".to_owned(),
        format!("!/{IGNORE}"),
    ];
    for name in kept {
        let mut new = vec![format!("!/{name}")];
        let folder = name.split('/').next();
        if folder == Some(MEDIAN) && name.contains('/') {
            new = vec![format!("!/{MEDIAN}/"), format!("!/{MEDIAN}/**")]; // nothing else is there
        } else {
            // git looks into a directory only if that is not ignored itself.
            let above = name.match_indices('/').map(|(end, _)| &name[..end]);
            new.splice(0..0, above.map(|folder| format!("!/{folder}/")));
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
