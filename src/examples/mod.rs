//! Files to begin with: a run file or a study of the library with everything it needs, or those of any program,
//! beside each other in one directory and with paths that say so.
//!
//! - [`example`]: what there is to write.
//! - [`own`]: a run file and a study for any program.
//! - [`widths`]: which `d` it may need.

pub mod example;
pub mod own;
pub mod widths;

use std::path::Path;

pub use example::{Example, ExampleError, Written};

use crate::library::{self, File, Folder};
use own::Own;
use tracr::program::{Settings, Source};

impl Example {
    /// The example of a name: a study, a run file, or a program with a run file made for it.
    ///
    /// # Errors
    /// If the library has none.
    pub fn new(name: &str) -> Result<Self, ExampleError> {
        let mut files = Vec::new();
        let is_study = Folder::Experiments.find(name).is_some();
        if let Some(file) = Folder::Experiments
            .find(name)
            .or_else(|| Folder::Configs.find(name))
        {
            add(file, &mut files);
        } else if let Some(program) = Folder::Programs.find(name) {
            return Self::of_program(program, &Settings::default());
        } else {
            let hint = library::nearest(name, names())
                .map_or_else(String::new, |known| format!(", did you mean `{known}`?"));
            return Err(ExampleError::Unknown {
                name: name.to_owned(),
                hint,
            });
        }
        Ok(Self {
            files,
            is_study,
            warning: None,
        })
    }

    /// The files of a program of the library, with settings in the place of its header's, and itself.
    ///
    /// # Errors
    /// If it does not compile with these.
    pub fn of_program(program: &'static File, settings: &Settings) -> Result<Self, ExampleError> {
        let compiled = Source::Library(program).compile(settings)?;
        let mut example = Own {
            name: program.name(),
            program: Path::new(program.file_name()),
            settings,
            compiled: &compiled,
        }
        .example()?;
        add(program, &mut example.files);
        Ok(example)
    }
}

/// What examples there are.
fn names() -> impl Iterator<Item = &'static str> {
    [Folder::Configs, Folder::Experiments, Folder::Programs]
        .into_iter()
        .flat_map(Folder::files)
        .map(File::name)
}

/// Adds a file and, after it, the files that it names.
fn add(file: &File, files: &mut Vec<Written>) {
    let name = file.file_name();
    if files.iter().any(|known| known.name == name) {
        return;
    }
    let mut needed = Vec::new();
    let lines = file.text.split_inclusive('\n');
    let text = lines.map(|line| relocated(line, &mut needed)).collect();
    files.push(Written {
        name: name.to_owned(),
        text,
    });
    for file in needed {
        add(file, files);
    }
}

/// A line whose paths into other folders of the repository lead to the same directory instead, and the files
/// they lead to. A model is replaced by the program that it was compiled from: that can be changed.
fn relocated(line: &str, needed: &mut Vec<&'static File>) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\"../") {
        let (path, after) = after.split_once('"').unwrap_or((after, ""));
        let program = path
            .strip_prefix("models/")
            .and_then(|model| model.strip_suffix(".safetensors"))
            .and_then(|name| Folder::Programs.find(name));
        if program.is_some() {
            text.push_str(&before.replacen("path", "program", 1));
        } else {
            text.push_str(before);
        }
        let here = match program.or_else(|| library::at(path)) {
            Some(file) => {
                needed.push(file);
                file.file_name()
            }
            None => path,
        };
        text.push_str(&format!("\"{here}\""));
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_the_same_directory_and_a_model_becomes_its_program() {
        let mut needed = Vec::new();
        let line = "path = \"../models/frac_prevs.safetensors\" # D = 14\n";
        assert_eq!(
            relocated(line, &mut needed),
            "program = \"frac_prevs.rasp\" # D = 14\n"
        );
        let line = "\"model.path\" = [\"../models/frac_prevs.safetensors\", \"../models/sort_unique.safetensors\"]";
        assert_eq!(
            relocated(line, &mut needed),
            "\"model.program\" = [\"frac_prevs.rasp\", \"sort_unique.rasp\"]"
        );
        assert_eq!(
            relocated("dir = \"../results/x\"", &mut needed),
            "dir = \"results/x\""
        );
        let paths: Vec<&str> = needed.iter().map(|file| file.path).collect();
        assert_eq!(
            paths,
            [
                "programs/frac_prevs.rasp",
                "programs/frac_prevs.rasp",
                "programs/sort_unique.rasp"
            ]
        );
    }

    #[test]
    fn no_example_leaves_its_directory_and_all_names_differ() {
        for name in names() {
            let example = Example::new(name).unwrap();
            assert_eq!(example.files[0].name, format!("{name}.toml"));
            assert!(example.files.last().unwrap().name.ends_with(".rasp"));
            for file in &example.files {
                assert!(!file.text.contains("\"../"), "{name}: {}", file.text);
            }
        }
        for study in Folder::Experiments.files() {
            let name = study.name();
            assert!(Folder::Configs.find(name).is_none(), "{name}");
            assert!(Folder::Programs.find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn an_unknown_example_is_said_to_be_so() {
        let message = |name: &str| Example::new(name).unwrap_err().to_string();
        assert_eq!(
            message("frac_prev"),
            "there is no example `frac_prev`, did you mean `frac_prevs`?: `compress init --list` shows all"
        );
        assert!(message("zebra").starts_with("there is no example `zebra`: "));
    }
}
