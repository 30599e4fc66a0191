//! What comes with the program: run files and studies, kept inside the binary, beside the programs of
//! [`tracr::library`].

use std::path::Path;

use base::files::FileError;
use tracr::library::{self, PROGRAMS};
pub use tracr::library::{File, nearest};

/// Run files and studies, each by name.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// What a file is for, by its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Run files.
    Configs,
    /// Studies.
    Experiments,
    /// RASP programs.
    Programs,
}

impl Folder {
    const ALL: [Self; 3] = [Self::Configs, Self::Experiments, Self::Programs];

    fn name(self) -> &'static str {
        match self {
            Self::Configs => "configs/",
            Self::Experiments => "experiments/",
            Self::Programs => "programs/",
        }
    }

    /// Its files, by name.
    pub fn files(self) -> impl Iterator<Item = &'static File> {
        let all = FILES.iter().chain(PROGRAMS);
        all.filter(move |file| file.path.starts_with(self.name()))
    }

    /// The file of this name.
    pub fn find(self, name: &str) -> Option<&'static File> {
        self.files().find(|file| file.name() == name)
    }
}

/// The file at a path of the repository.
pub fn at(path: &str) -> Option<&'static File> {
    FILES.iter().chain(PROGRAMS).find(|file| file.path == path)
}

/// What comes with the program in the place of a run file or study that is not there, to follow the error's
/// message.
pub fn after(error: &FileError) -> String {
    let is_toml = error
        .path
        .extension()
        .is_some_and(|ending| ending == "toml");
    if !(is_toml && error.doing == "read" && error.source.kind() == std::io::ErrorKind::NotFound) {
        return library::after(error);
    }
    let remedy = library::beside(&error.path).or_else(|| remedy(&error.path));
    remedy.map_or_else(String::new, |remedy| format!("; {remedy}"))
}

fn remedy(missing: &Path) -> Option<String> {
    let stem = missing.file_stem()?.to_str()?;
    let names = Folder::ALL.iter().flat_map(|folder| folder.files());
    nearest(stem, names.map(File::name)).map(|name| {
        format!("`compress init {name}` writes the {name}.toml that comes with compress")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folders_is_in_the_binary_as_it_is() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = 0;
        for folder in [Folder::Configs, Folder::Experiments] {
            for entry in std::fs::read_dir(root.join(folder.name())).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let file = at(&format!("{}{name}", folder.name())).unwrap();
                assert_eq!(file.text, std::fs::read_to_string(&path).unwrap());
                assert_eq!(folder.find(file.name()), Some(file));
                found += 1;
            }
        }
        assert_eq!(found, FILES.len());
        assert_eq!(at("programs/hist.rasp"), Folder::Programs.find("hist"));
    }

    #[test]
    fn a_missing_run_file_brings_the_library_to_mind() {
        let missing = |path: &str| {
            let error =
                FileError::new("read", Path::new(path))(std::io::ErrorKind::NotFound.into());
            after(&error)
        };
        assert!(missing("x/stuck_seeds.toml").contains("compress init stuck_seeds"));
        assert!(missing("hits").contains("a program `hist`"));
        assert_eq!(missing("zebra.toml"), "");
    }
}
