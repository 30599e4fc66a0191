//! Where a command may write: a file's ending says its format, and no directory is called like a file.
//!
//! An ending that the command cannot write would give a file that nothing opens, so it is refused
//! before anything is read or written. A name without an ending takes the command's usual format.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use base::escape;
use base::escape::is_hidden;
use base::files;

/// A format that a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A transformer with its metadata.
    Model,
    /// Matrices and labels for NumPy.
    Npz,
    /// A page for a browser.
    Page,
    /// What is proved of a run.
    Certificate,
    /// The edges of a model.
    Circuit,
    /// Edges with scores.
    EdgeScores,
    /// The stream's states and the features behind them.
    Activations,
}

/// Endings that are files' and not the last part of a name such as `d0.5`.
const OF_FILES: [&str; 27] = [
    "bmp",
    "csv",
    "eps",
    "gif",
    "h5",
    "htm",
    "html",
    "jpeg",
    "jpg",
    "json",
    "md",
    "npy",
    "npz",
    "onnx",
    "pdf",
    "pickle",
    "pkl",
    "png",
    "pt",
    "pth",
    "py",
    "rasp",
    "safetensors",
    "svg",
    "toml",
    "txt",
    "zip",
];

impl FileKind {
    /// Its endings, the usual one first.
    const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Model | Self::Activations => &["safetensors"],
            Self::Npz => &["npz"],
            Self::Page => &["html", "htm"],
            Self::Certificate | Self::Circuit => &["json"],
            Self::EdgeScores => &["csv"],
        }
    }

    /// For messages: `.safetensors (a model file)`.
    fn described(self) -> String {
        let holds = match self {
            Self::Model => "a model file",
            Self::Npz => "W, G and labels for NumPy",
            Self::Page => "one page for a browser",
            Self::Certificate => "a certificate",
            Self::Circuit => "the edges of a circuit",
            Self::EdgeScores => "edges with scores",
            Self::Activations => "activations and their features",
        };
        format!(".{} ({holds})", self.endings()[0])
    }

    fn is_of(self, path: &Path) -> bool {
        ending(path).is_some_and(|e| self.endings().contains(&e.as_str()))
    }

    /// The path with this format's ending instead of its own, or behind a name that only looks as if
    /// it had one.
    pub fn named(self, path: &Path) -> PathBuf {
        let usual = self.endings()[0];
        match ending(path) {
            Some(e) if OF_FILES.contains(&e.as_str()) => path.with_extension(usual),
            _ => {
                let mut name = path.as_os_str().to_owned();
                name.push(format!(".{usual}"));
                name.into()
            }
        }
    }
}

/// The format that the file's ending names, among `kinds`; nothing if it has no ending. `command` is the
/// command line up to the file's name, for the remedy.
///
/// # Errors
/// If the command cannot write files of this ending, the path is a directory, or its directory is not there.
pub fn format_of(
    command: &str,
    path: &Path,
    kinds: &[FileKind],
) -> Result<Option<FileKind>, Failure> {
    if path.is_dir() {
        let inside = kinds[0].named(&path.join("out"));
        return Err(refused(
            path,
            &format!(
                "is a directory: give a file, as in `{command} {}`",
                argument(&inside)
            ),
        ));
    }
    let Some(found) = ending(path) else {
        has_directory(path)?;
        return Ok(None);
    };
    if let Some(kind) = kinds.iter().find(|kind| kind.is_of(path)) {
        has_directory(path)?;
        return Ok(Some(*kind));
    }
    let writes: Vec<String> = kinds.iter().map(|kind| kind.described()).collect();
    let instead = remedy(command, path, &found, kinds);
    Err(refused(
        path,
        &format!(
            "cannot be written: `{}` writes {}, not .{found}. {instead}",
            name_of(command),
            writes.join(" or "),
        ),
    ))
}

/// Refuses a file in a directory that is not there, before anything is computed for it.
fn has_directory(path: &Path) -> Result<(), Failure> {
    let parent = files::parent_of(path);
    if parent.is_dir() {
        return Ok(());
    }
    let parent = argument(parent);
    let problem = if path.parent().is_some_and(Path::exists) {
        format!("{parent} is not a directory: write elsewhere")
    } else {
        format!("the directory {parent} does not exist: `mkdir -p {parent}` makes it")
    };
    Err(refused(path, &format!("cannot be written: {problem}")))
}

/// The format to write: that of the file's ending, or what `--format` says if the name has none.
///
/// # Errors
/// As [`format_of`], and if the two contradict each other.
pub fn format(
    command: &str,
    path: &Path,
    kinds: &[FileKind],
    given: Option<(FileKind, &str)>,
) -> Result<Option<FileKind>, Failure> {
    let named = format_of(command, path, kinds)?;
    match (given, named) {
        (Some((given, word)), Some(named)) if given != named => Err(refused(
            path,
            &format!(
                "has the ending of {}, but --format {word} is {}: leave --format out, or write `{command} {}`",
                named.described(),
                given.described(),
                argument(&given.named(path)),
            ),
        )),
        (given, named) => Ok(named.or(given.map(|(kind, _)| kind))),
    }
}

/// Refuses a directory to be made that is called like a file: several files go into it. With a slash
/// at its end, or if it is there already, it is meant.
///
/// # Errors
/// If it is called like a file; the message says how to write to a directory instead.
pub fn directory(path: &Path, writes: &str) -> Result<(), Failure> {
    let is_meant = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let Some(found) = ending(path).filter(|e| !is_meant && OF_FILES.contains(&e.as_str())) else {
        return Ok(());
    };
    let instead = path.with_extension("");
    Err(refused(
        path,
        &format!(
            "is called like a .{found} file, but {writes} into a directory: give one, such as {}, or {}/ if it is \
             to have this name",
            argument(&instead),
            argument(path),
        ),
    ))
}

fn refused(path: &Path, text: &str) -> Failure {
    Failure::Input(anyhow::anyhow!("{} {text}", escape::path(path)))
}

/// What stands behind the last dot of the name, in lower case.
fn ending(path: &Path) -> Option<String> {
    let name = path.file_name().map(OsStr::to_string_lossy)?;
    let (_, ending) = name.rsplit_once('.')?;
    (!ending.is_empty()).then(|| ending.to_lowercase())
}

/// What to do for a file of this ending.
fn remedy(command: &str, path: &Path, found: &str, kinds: &[FileKind]) -> String {
    let write = |kind: FileKind| {
        let file = kind.named(path);
        (format!("`{command} {}`", argument(&file)), literal(&file))
    };
    let (model, npz) = (
        kinds.contains(&FileKind::Model),
        kinds.contains(&FileKind::Npz),
    );
    let (usual, usual_file) = write(kinds[0]);
    match found {
        "npy" | "pickle" | "pkl" | "csv" | "txt" | "json" | "h5" if npz => {
            let (line, file) = write(FileKind::Npz);
            format!("Write {line}; then `numpy.load({file})[\"W\"]` is W")
        }
        "pt" | "pth" | "bin" if model => format!(
            "Write {usual}; `safetensors.torch.load_file({usual_file})` gives its tensors to PyTorch"
        ),
        "npy" | "npz" if model => format!(
            "Write {usual}; `safetensors.numpy.load_file({usual_file})` gives its tensors to NumPy"
        ),
        "pdf" if kinds.contains(&FileKind::Page) => {
            format!("Write {usual}, open it in a browser and print it to a PDF")
        }
        "png" | "svg" if kinds.contains(&FileKind::Page) => {
            let format = format!(" --format {found}");
            format!("Write {usual}; `compress plot DIR{format}` draws the figures as .{found}")
        }
        _ => format!("Write {usual}"),
    }
}

/// `compress export` of `compress export results/a -o`.
fn name_of(command: &str) -> String {
    command
        .split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A path as an argument of a shell.
pub fn argument(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        escape::shell(&text)
    }
}

/// Where a path leads: absolute, and without links and `..` as far as it is there.
///
/// # Errors
/// If there is no working directory, or a link leads nowhere.
pub fn real(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    // What is not there yet has no links.
    let exists = path.ancestors().find(|p| p.exists());
    let exists = exists.unwrap_or(Path::new("/"));
    let rest = path.strip_prefix(exists).unwrap_or(Path::new(""));
    Ok(exists.canonicalize()?.join(rest))
}

/// A path in the shortest form that leads there from the working directory, if it is below that: `results/x` for
/// `configs/../results/x`.
pub fn from_here(path: &Path) -> PathBuf {
    let below = || {
        let here = std::env::current_dir().and_then(|here| real(&here)).ok()?;
        let below = real(path).ok()?.strip_prefix(here).ok()?.to_owned();
        (!below.as_os_str().is_empty() && path.is_relative()).then_some(below)
    };
    below().unwrap_or_else(|| path.to_owned())
}

/// A value as the text of a JSON file.
///
/// # Errors
/// If it has no such form.
pub fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| Failure::Running(e.into()))
}

/// What to do next: a command on what was written.
pub fn next(command: &str, path: &Path) -> String {
    format!("next: compress {command} {}", argument(path))
}

/// A path as a string of Python.
fn literal(path: &Path) -> String {
    let text = path.display().to_string();
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '\\' | '"' => format!("\\{c}"),
            c if is_hidden(c) => format!("\\U{:08x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_is_read_from_the_last_dot_of_the_name_alone() {
        for (path, expected) in [
            ("w.npz", Some("npz")),
            ("W.NPZ", Some("npz")),
            (".npz", Some("npz")),
            ("a.b.npz", Some("npz")),
            ("runs.npz/w", None),
            ("w", None),
            ("w.", None),
            ("..", None),
        ] {
            assert_eq!(ending(Path::new(path)).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn named_replaces_a_files_ending_and_keeps_a_number() {
        for (path, expected) in [
            ("w.npy", "w.safetensors"),
            ("d0.5", "d0.5.safetensors"),
            ("w", "w.safetensors"),
        ] {
            assert_eq!(
                FileKind::Model.named(Path::new(path)),
                Path::new(expected),
                "{path}"
            );
        }
    }
}
