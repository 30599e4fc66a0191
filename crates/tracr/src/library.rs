//! The RASP programs that come along, kept inside the binary so that they are there wherever it is installed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base::escape;
use base::files::{FileError, parent_of};

/// A file of the repository.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// In the repository: `programs/hist.rasp`.
    pub path: &'static str,
    /// Its content.
    pub text: &'static str,
}

/// The programs, by name.
pub const PROGRAMS: &[File] = include!(concat!(env!("OUT_DIR"), "/programs.rs"));

impl File {
    /// Without its folder: `hist.rasp`.
    pub fn file_name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Without folder and ending: `hist`.
    pub fn name(&self) -> &'static str {
        let name = self.file_name();
        name.rsplit_once('.').map_or(name, |(name, _)| name)
    }
}

/// The program of this name.
pub fn program(name: &str) -> Option<&'static File> {
    PROGRAMS.iter().find(|file| file.name() == name)
}

/// The program that a path of the command line means: a bare name, where there is no such file.
pub fn program_named(path: &Path) -> Option<&'static File> {
    let name = path.to_str()?;
    (!path.is_file()).then(|| program(name)).flatten()
}

/// What may be meant by a program or model that is not there, to follow the error's message: a file beside it, or a
/// program of the library.
pub fn after(error: &FileError) -> String {
    let missing = error.doing == "read" && error.source.kind() == ErrorKind::NotFound;
    let remedy = missing.then(|| beside(&error.path).or_else(|| remedy(&error.path)));
    let remedy = remedy.flatten();
    remedy.map_or_else(String::new, |remedy| format!("; {remedy}"))
}

/// The file of the same kind whose name is most like that of one that is not there, or that has this name and an ending, as a
/// question.
pub fn beside(missing: &Path) -> Option<String> {
    if missing.extension().is_none() {
        let with = |ending| missing.with_extension(ending);
        let mut named = ["rasp", "toml", "safetensors"].map(with).into_iter();
        let found = named.find(|path| path.is_file())?;
        return Some(format!("did you mean `{}`?", escape::path(&found)));
    }
    let (stem, ending) = (missing.file_stem()?.to_str()?, missing.extension()?);
    let listed = std::fs::read_dir(parent_of(missing)).ok()?;
    let mut stems: Vec<String> = listed
        .filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())))
        .filter(|name| name.extension() == Some(ending))
        .filter_map(|name| Some(name.file_stem()?.to_str()?.to_owned()))
        .collect();
    stems.sort(); // of two that are as like, the same one on every file system
    let found = nearest(stem, stems.iter().map(String::as_str))?;
    let path = missing.with_file_name(format!("{found}.{}", ending.to_str()?));
    Some(format!("did you mean `{}`?", escape::path(&path)))
}

fn remedy(missing: &Path) -> Option<String> {
    let stem = missing.file_stem()?.to_str()?;
    let ending = missing.extension().map(|e| e.to_string_lossy());
    let say: fn(&str) -> String = match ending.as_deref() {
        None | Some("rasp") => |name| {
            format!(
                "the library has a program `{name}`: on the command line its bare name stands for it, and \
                 `compress init {name}` writes it into a directory, with a run file"
            )
        },
        Some("safetensors") => |name| {
            format!(
                "`compress compile {name} -o FILE` makes a model of the library's program `{name}`"
            )
        },
        Some(_) => return None,
    };
    let found = nearest(stem, PROGRAMS.iter().map(File::name)).map(say);
    let is_bare = ending.is_none() && missing.parent() == Some(Path::new(""));
    found.or_else(|| {
        is_bare.then(|| {
            "the library has no program of this name either: `compress programs` lists them"
                .to_owned()
        })
    })
}

/// The name most like a misspelt one, if any is like it.
pub fn nearest<'a>(misspelt: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::jaro_winkler(name, misspelt), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.85)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_in_the_binary_as_it_is() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
        let mut found = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let file = program(name).unwrap();
            assert_eq!(file.text, std::fs::read_to_string(&path).unwrap());
            assert_eq!(file.path, format!("programs/{name}.rasp"));
            found += 1;
        }
        assert_eq!(found, PROGRAMS.len());
    }

    #[test]
    fn a_missing_file_brings_the_library_to_mind() {
        let of = |path: &str| remedy(Path::new(path));
        assert!(of("hist").unwrap().contains("a program `hist`"));
        assert!(of("my/hits.rasp").unwrap().contains("a program `hist`"));
        assert!(
            of("sort_unique.safetensors")
                .unwrap()
                .contains("compress compile sort_unique -o")
        );
        assert_eq!(of("zebra.rasp"), None);
        assert_eq!(of("hist.csv"), None);
        assert!(of("zebra").unwrap().contains("no program of this name"));
        assert_eq!(of("my/zebra"), None);
    }

    #[test]
    fn a_missing_file_brings_the_one_beside_it_to_mind() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["report.toml", "report.rasp", "other.toml", "repo.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let of = |name: &str| {
            let path = dir.path().join(name);
            let error = FileError::new("read", &path);
            after(&error(ErrorKind::NotFound.into()))
        };
        let meant = |name: &str| format!("; did you mean `{}`?", dir.path().join(name).display());
        assert_eq!(of("repport.toml"), meant("report.toml"));
        assert_eq!(of("reprot.rasp"), meant("report.rasp"));
        assert_eq!(of("zebra.toml"), "");
        assert_eq!(of("gone/report.toml"), "");
    }

    #[test]
    fn a_file_that_cannot_be_written_does_not() {
        let error = |doing, kind: ErrorKind| {
            FileError::new(doing, Path::new("no/hist.safetensors"))(kind.into())
        };
        assert!(after(&error("read", ErrorKind::NotFound)).starts_with("; `compress compile hist"));
        assert_eq!(after(&error("write", ErrorKind::NotFound)), "");
        assert_eq!(after(&error("read", ErrorKind::PermissionDenied)), "");
    }

    #[test]
    fn a_bare_name_is_a_program_and_a_path_is_not() {
        assert_eq!(
            program_named(Path::new("hist")).unwrap().path,
            "programs/hist.rasp"
        );
        assert_eq!(program_named(Path::new("./hist")), None);
        assert_eq!(program_named(Path::new("hist.rasp")), None);
    }
}
