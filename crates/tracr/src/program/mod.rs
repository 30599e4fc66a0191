//! From a RASP file to a compiled model: the language and the compiler, joined.
//!
//! - [`Source`]: a file, or a program of the library; with settings and its header it becomes a
//!   [`Compiled`].
//! - [`verify`]: the program's interpreter against the compiled model.
//! - [`limits`]: where these may differ although nothing is wrong with the program.
//! - [`cause`]: which limit it is where they do.
//! - [`mask`]: where the causal mask changes what a program computes.
//! - [`remedy`]: what to write instead of what is refused.

pub mod cause;
mod examples;
pub mod limits;
pub mod mask;
pub mod remedy;
pub mod verify;

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::compiler::{self, CompileError, Report};
use crate::library;
use crate::model::{CompiledModel, Value};
use crate::rasp::graph::Encoding;
use crate::rasp::python::arithmetic::number;
use crate::rasp::{self, Diagnostic, Program, Valid};
use base::content::Content;
use base::files::FileError;

/// What a command line or a run file says about a program; where it is silent, the header counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The s-op that is the output.
    pub output: Option<String>,
    /// The tokens.
    pub vocab: Option<Vec<Value>>,
    /// The longest input.
    pub max_seq_len: Option<usize>,
    /// Whether later positions are masked.
    pub causal: Option<bool>,
    /// The steepness of thresholds on numbers.
    pub mlp_exactness: Option<f64>,
}

/// A program and the model that it was compiled to.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// As written.
    pub program: Program,
    /// For what it was compiled.
    pub options: compiler::Options,
    /// What it became.
    pub model: CompiledModel,
    /// Its sizes.
    pub report: Report,
    /// What the author should know, rendered with the places in the source.
    pub notes: Vec<String>,
}

/// Why there is no compiled model.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The source could not be read.
    #[error("{}{}{}", .0, library::after(.0), after_another_kind(.0))]
    File(#[from] FileError),
    /// The program is wrong; reports that point into the source.
    #[error("{}\n{}", .0.heading, .0.reports.trim_end())]
    Program(Reports),
    /// Neither the header nor the settings say what to compile for.
    #[error(
        "{program} does not say its {what}: give {option}, or a line `#! {key}: {example}` at its top"
    )]
    Missing {
        /// The source's name.
        program: String,
        /// `vocabulary`, `longest input`.
        what: &'static str,
        /// On the command line and in a run file.
        option: &'static str,
        /// In the header.
        key: &'static str,
        /// A line that would do.
        example: &'static str,
    },
}

/// What to do with a file that is no source, to follow the message.
fn after_another_kind(error: &FileError) -> &'static str {
    match error.not_text() {
        None => "",
        Some(Content::Safetensors) => {
            "; a model that is compiled already is given to `compress run`, and as model.path in a run file"
        }
        Some(_) => "; a RASP program is a text, as the library's: `compress programs` lists them",
    }
}

/// Rendered diagnostics under a heading.
#[derive(Debug)]
pub struct Reports {
    heading: String,
    reports: String,
}

impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reports)
    }
}

/// Where a program's text is.
#[derive(Clone, Debug)]
pub enum Source {
    /// In a file.
    File(PathBuf),
    /// In the library.
    Library(&'static library::File),
    /// In memory; what it loads is looked for in the working directory.
    Text {
        /// What the program is called, in messages too.
        name: String,
        /// The program.
        text: String,
    },
}

impl Source {
    /// What the command line means: a file, or else the library's program of that bare name.
    pub fn find(path: &Path) -> Self {
        library::program_named(path).map_or_else(|| Self::File(path.to_owned()), Self::Library)
    }

    /// As messages call it.
    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Library(file) => file.file_name().to_owned(),
            Self::Text { name, .. } => name.clone(),
        }
    }

    /// What the program is called.
    fn name(&self) -> String {
        match self {
            Self::File(path) => path
                .file_stem()
                .map_or_else(|| "program".into(), |s| s.to_string_lossy().into_owned()),
            Self::Library(file) => file.name().to_owned(),
            Self::Text { name, .. } => name.clone(),
        }
    }

    /// Reads the program and builds its expression graph.
    ///
    /// # Errors
    /// If it cannot be read or is wrong.
    pub fn read(&self, settings: &Settings) -> Result<Program, BuildError> {
        let options = rasp::Options {
            output: settings.output.clone(),
            max_seq_len: settings.max_seq_len,
            vocab: settings.vocab.clone(),
            directory: None,
        };
        match self {
            Self::File(path) => rasp::compile_file(path, &options)?,
            Self::Library(file) => rasp::compile_source(&self.shown(), file.text, &options),
            Self::Text { name, text } => rasp::compile_source(name, text, &options),
        }
        .map_err(|e| self.wrong(&e))
    }

    /// Reads and compiles the program.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn compile(&self, settings: &Settings) -> Result<Compiled, BuildError> {
        let program = self.read(settings)?;
        let header = &program.header;
        let missing = |what, option, key, example| BuildError::Missing {
            program: self.shown(),
            what,
            option,
            key,
            example,
        };
        let vocab = settings.vocab.clone().or_else(|| header.vocab.clone());
        let vocab = vocab.ok_or_else(|| {
            missing(
                "vocabulary",
                "--vocab a,b,c (or model.vocab in a run file)",
                "vocab",
                "a, b, c",
            )
        })?;
        let longest = header.max_seq_len.ok_or_else(|| {
            missing(
                "longest input",
                "--max-seq-len 5 (or model.max_seq_len in a run file)",
                "max_seq_len",
                "5",
            )
        })?;
        let mut options = compiler::Options::new(&self.name(), vocab, longest);
        options.causal = settings.causal.or(header.causal).unwrap_or(options.causal);
        options.mlp_exactness = settings
            .mlp_exactness
            .or(header.mlp_exactness)
            .unwrap_or(options.mlp_exactness);
        options.unique_tokens = header.unique_tokens;
        options.valid = header.valid.clone();
        Valid::of(&program, longest).map_err(|e| self.wrong(&e))?;
        let wrong = examples::wrong(&program, settings.output.as_deref(), &options);
        if !wrong.is_empty() {
            return Err(self.wrong(&wrong));
        }
        let numerical = program.graph.node(program.output).encoding == Encoding::Numerical;
        options.example = header
            .examples
            .iter()
            .find(|e| {
                e.input.len() <= longest
                    && e.input.iter().all(|token| options.vocab.contains(token))
            })
            .map(|e| {
                let output = e.output.iter().map(|value| match number(value) {
                    Some(x) if numerical => Value::Float(x.float()),
                    _ => value.clone(),
                });
                (e.input.clone(), Some(output.collect()))
            });
        match compiler::compile_with_report(&program.graph, program.output, &options) {
            Ok((model, notes, report)) => {
                let of_compiler =
                    notes
                        .into_iter()
                        .map(|note| match &program.graph.node(note.node).name {
                            name if program.graph.node(note.node).named => {
                                format!("`{name}`: {}", note.text)
                            }
                            _ => note.text,
                        });
                let notes = program.notes.iter().cloned().chain(of_compiler).collect();
                Ok(Compiled {
                    program,
                    options,
                    model,
                    report,
                    notes,
                })
            }
            Err(e) => Err(self.wrong(&located(&program, &options, &e))),
        }
    }

    fn wrong(&self, reports: &[Diagnostic]) -> BuildError {
        BuildError::Program(Reports {
            heading: format!("{} cannot be compiled", self.shown()),
            reports: rasp::render(reports),
        })
    }
}

/// Reads and compiles the program in a file.
///
/// # Errors
/// See [`BuildError`].
pub fn compile(path: &Path, settings: &Settings) -> Result<Compiled, BuildError> {
    Source::File(path.to_owned()).compile(settings)
}

/// The compiler's problems as reports that point into the source and say what to write instead.
fn located(
    program: &Program,
    options: &compiler::Options,
    error: &CompileError,
) -> Vec<Diagnostic> {
    let helps = remedy::of_refusal(program, options, error);
    let problems = error.problems.iter().zip(helps);
    problems
        .map(|(problem, help)| {
            let message = problem.reason.to_string();
            let help = help.or_else(|| problem.reason.remedy().map(str::to_owned));
            match problem.node {
                Some(node) => program.diagnostic(node, message, "this", help),
                None => Diagnostic {
                    message,
                    labels: Vec::new(),
                    help,
                },
            }
        })
        .collect()
}
