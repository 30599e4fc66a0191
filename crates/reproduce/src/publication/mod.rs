//! What of a finished study is kept in the repository: its tables, what the analysis says of every
//! run, the run with the median loss of each setting, figures and page. Raw runs are not.
//!
//! - [`publish`]: everything, into the study's own directory or a copy elsewhere.
//! - `tables`: one table of all runs from a table of each.
//! - `files`: what belongs to a published study, and its `.gitignore`, which says so to git.

mod error;
mod files;
mod median;
mod tables;

use std::path::{Path, PathBuf};

pub use error::PublishError;
pub(crate) use files::write_ignore;
use median::Median;

use base::files::{FileError, links, remove_leftovers, write_atomically};
use base::interrupt;
use tracr_compress::analysis::Settings;
use tracr_compress::figures::{self, svg};
use tracr_compress::report;
use tracr_compress::results::Metric;
use tracr_compress::results::critical::Tolerance;
use tracr_compress::results::layout::{FEATURES, GRAM, LAYERS, MEDIAN};
use tracr_compress::results::statistics::middle;
use tracr_compress::run::reference::{Reference, ReferenceError};
use tracr_compress::study::collection::{self, Collection, Member};
use tracr_compress::study::{Record, Tables};

/// What `.gitignore` says of itself.
const KEEPS: &str =
    "reproduce publish: the files of this study that the repository keeps. It keeps no raw runs.";
/// A larger Gram matrix is left out: that of 45 features or so still fits.
const LARGEST_GRAM: u64 = 100_000;

/// What to publish.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The study's directory.
    pub directory: &'a Path,
    /// Where else the published files go.
    pub copy: Option<&'a Path>,
    /// A Gram matrix to compare every run's with, and the features that do not count.
    pub reference: Option<(&'a Path, &'a [String])>,
    /// Whether the tables of the sweep and of its metrics are enough: no figures, no page, nothing of single features.
    pub tables_only: bool,
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The directory.
    pub directory: PathBuf,
    /// The files below it.
    pub files: Vec<String>,
    /// Their size together.
    pub bytes: u64,
    /// Runs without a result, with the reason.
    pub left_out: Vec<String>,
}

/// Analyses a study whose runs are all over, and writes the files that the repository keeps; `watch` is told before
/// each run (its number, of how many, its directory).
///
/// # Errors
/// See [`PublishError`].
pub fn publish(
    request: &Request<'_>,
    watch: &mut dyn FnMut(usize, usize, &Path),
) -> Result<Published, PublishError> {
    let directory = request.directory;
    let record = Record::load(directory)?;
    let mut tables = Tables::new(directory, &record);
    tables.look()?;
    let runs = record.runs.len();
    let missing = tables.states().iter().filter(|s| !s.is_over()).count();
    if missing > 0 {
        return Err(PublishError::Unfinished {
            directory: directory.to_owned(),
            missing,
            runs,
        });
    }
    // A reference that cannot be read is found before anything is written.
    let references = request
        .reference
        .map(|(path, excluded)| {
            let all = Reference::load(path, &[])?;
            Ok::<_, ReferenceError>((all, Reference::load(path, excluded)?))
        })
        .transpose()?;
    tables.rewrite()?;
    let collection = collection::analyze(
        directory,
        &Settings::default(),
        &Tolerance::defaults(),
        references.as_ref().map(|(_, without)| without),
        watch,
    )?;
    let medians = medians(&collection.members);
    let mut kept = files::tables_of(directory);
    if !request.tables_only {
        kept.extend(tables::write(directory, &collection.members)?);
    }
    if let (Some((all, _)), Some((_, excluded))) = (&references, request.reference) {
        kept.extend(tables::write_compared(
            directory,
            &collection.members,
            all,
            excluded,
        )?);
    }
    kept.push(tables::write_medians(directory, &medians)?);
    if !request.tables_only {
        kept.extend(keep_medians(directory, &medians)?);
        kept.extend(draw(directory)?);
        let page = report::page(directory)?;
        write_atomically(&directory.join(files::PAGE), page.as_bytes())?;
        kept.push(files::PAGE.into());
    }
    kept.push(files::write_ignore(directory, &kept, KEEPS)?);
    kept.sort();
    finish(request, kept, &collection)
}

/// Counts the bytes, and copies where that is wanted.
fn finish(
    request: &Request<'_>,
    kept: Vec<String>,
    collection: &Collection,
) -> Result<Published, PublishError> {
    let target = request.copy.unwrap_or(request.directory);
    let mut bytes = 0;
    for name in &kept {
        let path = request.directory.join(name);
        if request.copy.is_some() {
            files::copy(&path, target, name)?;
        }
        let info = std::fs::metadata(&path).map_err(FileError::new("read", &path))?;
        bytes += info.len();
    }
    Ok(Published {
        directory: target.to_owned(),
        files: kept,
        bytes,
        left_out: collection.left_out.clone(),
    })
}

/// Of each group and width the run with the median loss, the better one of two.
fn medians(members: &[Member]) -> Vec<Median<'_>> {
    let mut found: Vec<Median<'_>> = Vec::new();
    let same = |a: &Member, b: &Member| a.group == b.group && a.d == b.d;
    for chunk in members.chunk_by(same) {
        let with_loss: Vec<(&Member, f64)> = chunk
            .iter()
            .filter_map(|m| Some((m, *m.metrics.get(&Metric::EvalLoss)?)))
            .collect();
        let runs = with_loss.len();
        found.extend(
            middle(with_loss, |(_, loss)| *loss).map(|(run, loss)| Median { run, loss, runs }),
        );
    }
    found
}

/// Replaces `median/` by these runs' tables.
fn keep_medians(directory: &Path, medians: &[Median<'_>]) -> Result<Vec<String>, FileError> {
    let folder = directory.join(MEDIAN);
    let _all = interrupt::hold();
    if folder.exists() || links::is_link(&folder) {
        std::fs::remove_dir_all(&folder).map_err(FileError::new("delete", &folder))?;
    }
    let mut kept = Vec::new();
    for Median { run, .. } in medians {
        for table in [FEATURES, GRAM, LAYERS] {
            let from = directory.join(&run.run).join(table);
            let info = std::fs::metadata(&from).map_err(FileError::new("read", &from))?;
            if table == GRAM && info.len() > LARGEST_GRAM {
                continue;
            }
            let name = format!("{MEDIAN}/{}/{table}", run.run);
            files::copy(&from, directory, &name)?;
            kept.push(name);
        }
    }
    Ok(kept)
}

/// All figures.
fn draw(directory: &Path) -> Result<Vec<String>, PublishError> {
    let folder = directory.join(files::FIGURES);
    links::make_directory(&folder)?;
    remove_leftovers(&folder)?;
    let mut kept = Vec::new();
    for figure in figures::of_study(directory)? {
        let text = svg::document(&figure.scene, &figure.title, &figure.caption);
        let name = format!("{}/{}.svg", files::FIGURES, figure.name);
        write_atomically(&directory.join(&name), text.as_bytes())?;
        kept.push(name);
    }
    Ok(kept)
}
