//! Below an output directory nothing is written through a symbolic link, whoever put it there.
//!
//! An output directory may be a link itself: that is its user's choice. Files in it are replaced by a
//! rename, which replaces a link and not what it points to ([`super::write_atomically`]). What cannot be
//! done so goes through here: files that stay open, and directories below the output directory. A link
//! that another process puts there at the same moment is refused where the system can (`O_NOFOLLOW`),
//! a directory that is exchanged for a link between the look and the write is not.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Component, Path};

use super::FileError;

/// Opens a file to write in place. What is there must be a regular file.
///
/// # Errors
/// If it is a link or no regular file, or the system refuses.
pub fn open_to_write(path: &Path, options: &mut OpenOptions) -> Result<File, FileError> {
    refuse_link(path, "write")?;
    match std::fs::symlink_metadata(path) {
        Ok(info) if !info.is_file() => {
            let problem = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
            return Err(FileError::new("write", path)(problem));
        }
        _ => {}
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW);
    options.open(path).map_err(FileError::new("write", path))
}

/// Makes a directory below an output directory that is there, if it is not there already.
///
/// # Errors
/// If a link or a file stands in its place, the output directory is not there, or the system refuses.
pub fn make_directory(path: &Path) -> Result<(), FileError> {
    refuse_link(path, "write into")?;
    super::make_last_directory(path)
}

/// Makes the directory `below` an output directory, and those on the way to it.
///
/// # Errors
/// If a link or a file stands in the place of one, `below` leads out of the output directory, or the
/// system refuses.
pub fn make_below(output: &Path, below: &Path) -> Result<(), FileError> {
    super::make_directory(output)?;
    let mut path = output.to_owned();
    for part in below.components() {
        path.push(part);
        if !matches!(part, Component::Normal(_)) {
            let problem = io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not below the output directory",
            );
            return Err(FileError::new("write into", &path)(problem));
        }
        make_directory(&path)?;
    }
    Ok(())
}

/// Whether a symbolic link stands at the end of this path.
pub fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|info| info.is_symlink())
}

/// An error if a symbolic link stands at the end of this path.
///
/// # Errors
/// Just that.
pub fn refuse_link(path: &Path, doing: &'static str) -> Result<(), FileError> {
    if !is_link(path) {
        return Ok(());
    }
    let problem = "it is a symbolic link, and nothing below an output directory is written through one: \
                   delete the link, or put what it points to in its place";
    Err(FileError::new(doing, path)(io::Error::new(
        io::ErrorKind::InvalidInput,
        problem,
    )))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (output, elsewhere) = (dir.path().join("output"), dir.path().join("elsewhere"));
        std::fs::create_dir(&output).unwrap();
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join("file"), "kept").unwrap();
        for (name, target) in [("file", "file"), ("dangling", "new"), ("figures", "")] {
            symlink(elsewhere.join(target), output.join(name)).unwrap();
        }
        let mut options = File::options();
        options.create(true).append(true);
        for name in ["file", "dangling", "figures"] {
            let error = open_to_write(&output.join(name), &mut options).unwrap_err();
            assert!(error.to_string().contains("is a symbolic link"), "{error}");
        }
        assert!(make_directory(&output.join("figures")).is_err());
        assert!(make_below(&output, "figures/new".as_ref()).is_err());
        assert!(make_below(&output, "median/../../x".as_ref()).is_err());
        assert!(make_below(&output, "/tmp".as_ref()).is_err());
        assert!(open_to_write(&output, &mut options).is_err());
        // Replacing a link leaves what it points to alone.
        super::super::write_atomically(&output.join("file"), b"new").unwrap();
        assert!(!is_link(&output.join("file")));
        assert_eq!(std::fs::read(output.join("file")).unwrap(), b"new");
        assert_eq!(std::fs::read(elsewhere.join("file")).unwrap(), b"kept");
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 1);
        make_below(&output, "median/run".as_ref()).unwrap();
        open_to_write(&output.join("file"), &mut options).unwrap();
    }
}
