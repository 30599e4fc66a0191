//! Bytes on disk: bounded reads and writes that are whole or not there at all, also if the process is
//! asked to stop ([`interrupt`]).

pub mod links;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::content::Content;
use crate::interrupt;

/// An operation on a file that the operating system refused.
#[derive(Debug, Error)]
#[error("cannot {doing} {}: {source}", crate::escape::path(path))]
pub struct FileError {
    /// What was tried, as a verb: `read`, `write`.
    pub doing: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

impl FileError {
    /// Whether the machine is at fault, out of space for instance, and not the path that was given.
    pub fn is_of_the_machine(&self) -> bool {
        use io::ErrorKind::{
            InvalidData, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound,
            PermissionDenied, ReadOnlyFilesystem,
        };
        !matches!(
            self.source.kind(),
            InvalidData
                | InvalidFilename
                | InvalidInput
                | IsADirectory
                | NotADirectory
                | NotFound
                | PermissionDenied
                | ReadOnlyFilesystem
        )
    }

    /// What the file is, where a text was expected and it is none.
    pub fn not_text(&self) -> Option<Content> {
        let inner = self.source.get_ref()?.downcast_ref::<NotText>()?;
        Some(inner.0)
    }

    /// Use with `map_err`.
    pub fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self {
            doing,
            path,
            source,
        }
    }
}

/// A file of a known kind in the place of a text.
#[derive(Debug, Error)]
#[error("it is {0}, not a text")]
struct NotText(Content);

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// If it cannot be read, is no regular file, or is larger.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let problem = |message: String| FileError {
        doing: "read",
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, message),
    };
    let info = std::fs::metadata(path).map_err(FileError::new("read", path))?;
    if !info.is_file() {
        let kind = if info.is_dir() {
            "it is a directory"
        } else {
            "it is not a regular file"
        };
        return Err(problem(kind.into()));
    }
    if info.len() > limit {
        return Err(problem(format!(
            "it has {} bytes, the limit is {limit}",
            info.len()
        )));
    }
    let file = File::open(path).map_err(FileError::new("read", path))?;
    let mut bytes = Vec::new();
    let length = usize::try_from(info.len()).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(length)
        .map_err(|_| problem(format!("there is no memory for its {length} bytes")))?;
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(FileError::new("read", path))?;
    Ok(bytes)
}

/// Reads a UTF-8 text file of at most `limit` bytes.
///
/// # Errors
/// As [`read_bounded`], and if it is not UTF-8, or known by its bytes to be something else than a text
/// ([`FileError::not_text`]).
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    let bytes = read_bounded(path, limit)?;
    let content = Content::of(&bytes);
    let wrong = |problem: String| {
        FileError::new("read", path)(io::Error::new(io::ErrorKind::InvalidData, problem))
    };
    if let Some(content) = content.filter(|content| !content.is_text()) {
        let problem = io::Error::new(io::ErrorKind::InvalidData, NotText(content));
        return Err(FileError::new("read", path)(problem));
    }
    if content == Some(Content::GitLfsPointer) {
        let fetched = "`git lfs pull` fetches that file";
        return Err(wrong(format!(
            "it is {}: {fetched}",
            Content::GitLfsPointer
        )));
    }
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|e| {
        let problem = match is_utf16 {
            true => "it is UTF-16 text by its first bytes: save it as UTF-8".to_owned(),
            false => format!("byte {} is not UTF-8 text", e.utf8_error().valid_up_to()),
        };
        wrong(problem)
    })
}

/// Replaces `path` by `bytes`: written beside it, synced, renamed, and the directory synced. After
/// a crash at any moment the file is the old one or the new one.
///
/// # Errors
/// If any of these steps fails; the old file is then untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, || Ok(()))
}

/// As [`write_atomically`], and the old file, if there is one, becomes `previous`. After a crash at
/// any moment the last whole file is at `path` or, if there is none, at `previous`.
///
/// # Errors
/// If any of these steps fails.
pub fn write_keeping(path: &Path, previous: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, || match std::fs::rename(path, previous) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    })
}

/// Writes beside `path`, and calls `make_way` when only the rename is left to do.
fn replace(
    path: &Path,
    bytes: &[u8],
    make_way: impl FnOnce() -> io::Result<()>,
) -> Result<(), FileError> {
    let error = || FileError::new("write", path);
    let directory = parent_of(path);
    let mut hold = interrupt::hold();
    let mut file = temporary(directory).map_err(error())?;
    hold.keep_track_of(file.path());
    file.write_all(bytes).map_err(error())?;
    file.as_file().sync_all().map_err(error())?;
    make_way().map_err(error())?;
    file.persist(path).map_err(|e| error()(e.error))?;
    sync_directory(directory)
}

/// Renames a file within its directory, replacing what is there, and syncs the directory.
///
/// # Errors
/// If the system refuses.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    std::fs::rename(from, to).map_err(FileError::new("write", to))?;
    sync_directory(parent_of(to))
}

/// Makes a directory, with those above it that are missing, and makes their names durable.
///
/// # Errors
/// If one of them cannot be made.
pub fn make_directory(path: &Path) -> Result<(), FileError> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|p| !p.as_os_str().is_empty() && !p.exists())
        .collect();
    std::fs::create_dir_all(path).map_err(FileError::new("make the directory", path))?;
    missing
        .iter()
        .try_for_each(|made| sync_directory(parent_of(made)))
}

/// Makes a directory in one that is there, durably, if it is not there already. Where the one above was
/// moved away it is not made again.
///
/// # Errors
/// If the one above is not there, or the system refuses.
pub fn make_last_directory(path: &Path) -> Result<(), FileError> {
    match std::fs::create_dir(path) {
        Ok(()) => sync_directory(parent_of(path)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) => Err(FileError::new("make the directory", path)(e)),
    }
}

/// Makes the names in a directory durable, as far as its file system can and its permissions let us:
/// neither is a reason not to work there.
///
/// # Errors
/// If the directory is gone, or its disk fails.
pub fn sync_directory(directory: &Path) -> Result<(), FileError> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match File::open(directory).and_then(|d| d.sync_all()) {
        Err(e) if matches!(e.kind(), InvalidInput | PermissionDenied | Unsupported) => Ok(()),
        other => other.map_err(FileError::new("sync the directory", directory)),
    }
}

/// Deletes temporary files that killed processes left in a directory: those that nobody has locked.
///
/// # Errors
/// If the directory cannot be listed, or a file not be deleted.
pub fn remove_leftovers(directory: &Path) -> Result<(), FileError> {
    for name in names(directory)? {
        let path = directory.join(&name);
        if !name.starts_with(TEMPORARY_PREFIX) {
            continue;
        }
        if let Ok(file) = File::options().read(true).write(true).open(&path)
            && file.try_lock().is_ok()
        {
            remove(&path)?;
        }
    }
    Ok(())
}

/// The names of the files and directories in a directory.
///
/// # Errors
/// If it cannot be listed.
pub fn names(directory: &Path) -> Result<Vec<String>, FileError> {
    let error = || FileError::new("list", directory);
    std::fs::read_dir(directory)
        .map_err(error())?
        .map(|entry| {
            Ok(entry
                .map_err(error())?
                .file_name()
                .to_string_lossy()
                .into_owned())
        })
        .collect()
}

/// Deletes a file, if it is there.
///
/// # Errors
/// If the system refuses.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(FileError::new("delete", path)(e)),
        _ => Ok(()),
    }
}

/// The directory that holds `path`; the working directory for a bare name.
pub fn parent_of(path: &Path) -> &Path {
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The name of every temporary file begins so.
pub const TEMPORARY_PREFIX: &str = ".writing-";

/// Bytes in lower-case hexadecimal, for checksums.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new file in a directory, locked until it is closed: see [`remove_leftovers`].
fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = builder().tempfile_in(directory)?;
        // Before it was locked somebody may have taken it for a leftover. Where there are no locks nobody
        // does.
        if file.as_file().lock().is_err() || is_linked(file.as_file())? {
            return Ok(file);
        }
    }
}

/// Whether a file still has a name.
#[cfg(unix)]
fn is_linked(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink() > 0)
}

/// Where the system deletes no file that is open.
#[cfg(not(unix))]
fn is_linked(_: &File) -> io::Result<bool> {
    Ok(true)
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As an ordinary new file: the process's umask decides who may read it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_stands_for_a_file_elsewhere_is_said_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.rasp");
        std::fs::write(&path, "version https://git-lfs.github.com/spec/v1\n").unwrap();
        let problem = read_text(&path, 1000).unwrap_err().to_string();
        assert!(
            problem.contains("`git lfs pull` fetches that file"),
            "{problem}"
        );
        std::fs::write(&path, "x = tokens;\n").unwrap();
        assert_eq!(read_text(&path, 1000).unwrap(), "x = tokens;\n");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_atomically(&path, b"old").unwrap();
        assert!(write_atomically(&path.join("below a file"), b"new").is_err());
        write_atomically(&path, b"newer").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"newer");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_leftover_is_deleted_and_what_somebody_writes_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let leftover = dir.path().join(".writing-dead");
        std::fs::write(&leftover, b"half").unwrap();
        std::fs::write(dir.path().join("kept"), b"").unwrap();
        let alive = temporary(dir.path()).unwrap();
        remove_leftovers(dir.path()).unwrap();
        assert!(!leftover.exists() && alive.path().exists());
        drop(alive);
        assert_eq!(names(dir.path()).unwrap(), ["kept"]);
    }

    #[test]
    fn a_last_directory_is_not_made_where_the_one_above_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let study = dir.path().join("study");
        assert!(make_last_directory(&study.join("run")).is_err());
        assert!(!study.exists());
        make_last_directory(&study).unwrap();
        make_last_directory(&study).unwrap();
        std::fs::write(study.join("file"), b"").unwrap();
        assert!(make_last_directory(&study.join("file")).is_err());
    }

    #[test]
    fn the_old_file_is_kept_and_a_directory_is_made_with_those_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("a/b/c");
        make_directory(&below).unwrap();
        make_directory(&below).unwrap();
        let (path, previous) = (below.join("new"), below.join("old"));
        write_keeping(&path, &previous, b"1").unwrap();
        assert!(!previous.exists());
        write_keeping(&path, &previous, b"2").unwrap();
        write_keeping(&path, &previous, b"3").unwrap();
        let read = |path| std::fs::read(path).unwrap();
        assert_eq!((read(&path), read(&previous)), (b"3".into(), b"2".into()));
        assert!(make_directory(&path.join("below a file")).is_err());
        assert!(sync_directory(&below.join("nowhere")).is_err());
    }

    #[test]
    fn too_large_or_not_a_file_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, b"12345").unwrap();
        assert!(
            read_bounded(&path, 4)
                .unwrap_err()
                .to_string()
                .contains("5 bytes, the limit is 4")
        );
        assert!(
            read_bounded(dir.path(), 4)
                .unwrap_err()
                .to_string()
                .contains("directory")
        );
        std::fs::write(&path, [0xff, 0xfe, b'a', 0]).unwrap();
        let problem = read_text(&path, 4).unwrap_err().to_string();
        assert!(
            problem.contains("UTF-16") && problem.contains("as UTF-8"),
            "{problem}"
        );
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        assert!(
            read_text(&path, 4)
                .unwrap_err()
                .to_string()
                .contains("byte 1 is not UTF-8")
        );
    }
}
