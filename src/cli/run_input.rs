//! What `compress run` is given, what of it is refused, and what answers it.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_json::{Map, Value as Json};

use super::compile::SettingArgs;
use super::failure::Failure;
use crate::results::layout::PROJECTION;
use base::{escape, limits};
use superposition::Projection;
use superposition::inputs::InputSpace;
use tracr::model::{CompiledModel, Value};
use tracr::program::Source;
use tracr::rasp::Valid;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model file, or a RASP program to interpret: a .rasp file, or the name of a library program
    pub model: PathBuf,
    /// The input's tokens (BOS is put in front), or `-` alone: many inputs, on standard input a line each,
    /// with blanks between the tokens
    #[arg(
        required_unless_present_any = ["plan", "all"],
        value_name = "TOKEN",
        allow_negative_numbers = true
    )]
    pub tokens: Vec<String>,
    /// Run on every input, from one token to the longest, where these are at most 2^20; on valid ones only,
    /// where the program says which are
    #[arg(long, conflicts_with = "tokens")]
    pub all: bool,
    /// Run the model compressed by this W: a run directory, or its projection.safetensors
    #[arg(long, value_name = "RUN")]
    pub projection: Option<PathBuf>,
    /// For a program: show interpreter, compiled and (with --projection) compressed model side by
    /// side
    #[arg(long)]
    pub compare: bool,
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Fill the input up to the model's length with PAD, as training does
    #[arg(long)]
    pub pad: bool,
    /// Show every feature's value at every position after every block
    #[arg(long, conflicts_with = "compare")]
    pub trace: bool,
    /// Draw which positions each selector of a program selects, and which each attention head of the model
    /// attends to, with the tokens along both sides
    #[arg(long)]
    pub selectors: bool,
    /// Print what the fused engine computes in a step of training on all inputs of full length
    #[arg(long, conflicts_with_all = ["tokens", "all", "projection", "compare", "trace", "selectors", "pad", "json"])]
    pub plan: bool,
    /// Print JSON instead of a table, an object for each input
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// Whether there may be several inputs.
    pub fn is_many(&self) -> bool {
        self.all || self.tokens == ["-"]
    }
}

/// One column of an answer: whose, and its value at each token's position.
pub struct Column {
    pub whose: &'static str,
    pub values: Vec<Value>,
}

/// What is said to one input.
pub struct Answer {
    /// Without BOS and padding.
    pub tokens: Vec<Value>,
    /// The output, and others that are compared with it.
    pub columns: Vec<Column>,
    /// Positions, from 1, at which a column differs from the first one, where that is defined.
    pub differs: Vec<usize>,
    /// With `--json`.
    pub json: Map<String, Json>,
    /// What follows the table: traces and drawings.
    pub more: String,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// A model or a program, ready to be run.
pub trait Subject {
    /// An input from its words.
    ///
    /// # Errors
    /// If it is none.
    fn read(&self, words: &[String]) -> Result<Vec<Value>, Failure>;
    /// The space of all inputs, from one token to the longest, and the tokens by their ids there.
    ///
    /// # Errors
    /// If it is not known what these are.
    fn all(&self) -> Result<(InputSpace, Vec<Value>), Failure>;
    /// What it computes on an input that [`Subject::read`] gave.
    ///
    /// # Errors
    /// If it computes nothing there.
    fn answer(&self, tokens: &[Value]) -> Result<Answer, Failure>;
}

/// The program that a path means, if it is no model file.
pub fn program(path: &Path) -> Option<Source> {
    let is_source = path.extension().is_some_and(|e| e == "rasp");
    (is_source || tracr::library::program_named(path).is_some()).then(|| Source::find(path))
}

/// The model in a file, or what a program compiles to.
pub fn model_of(path: &Path, settings: &SettingArgs) -> Result<CompiledModel, Failure> {
    match program(path) {
        Some(source) => {
            let compiled = source.compile(&settings.resolve()?);
            Ok(compiled.map_err(Failure::input)?.model)
        }
        None => CompiledModel::load(path).map_err(Failure::input),
    }
}

/// Longer inputs are too many to go through, unless there is one token alone.
const LONGEST_OF_ALL: usize = 1000;

/// The space of all inputs, from one token to `longest`, that are valid; `words` are the ids of tokens in
/// `vocabulary`, `ends` those of BOS and PAD.
pub fn all_inputs(
    (words, ends): (Vec<usize>, (usize, usize)),
    longest: usize,
    unique: bool,
    (vocabulary, valid): (&[Value], Option<&str>),
) -> Result<InputSpace, Failure> {
    let last = if unique {
        longest.min(words.len())
    } else {
        longest
    };
    if last > LONGEST_OF_ALL {
        return Err(Failure::Input(anyhow::anyhow!(
            "--all is for inputs of at most {LONGEST_OF_ALL} tokens, but the longest one has {last}: give those you \
             want on standard input, a line each (`compress run MODEL - < FILE`)"
        )));
    }
    let lengths: Vec<usize> = (1..=last).collect();
    let space = InputSpace::of_words(words, ends, longest, &lengths, unique);
    let space = space.map_err(Failure::input)?;
    match valid {
        Some(text) if space.size().is_some() => {
            space.restricted(vocabulary, text).map_err(Failure::input)
        }
        _ => Ok(space), // one that is too large is refused anyway
    }
}

/// That an input is not one that the program is meant for.
pub fn note_invalid(valid: Option<&Valid>, tokens: &[Value]) -> Option<String> {
    let valid = valid?;
    let text = escape::name(valid.text()).into_owned();
    match valid.violation(tokens) {
        Ok(None) => None,
        Ok(Some(position)) => Some(format!(
            "note: not a valid input: `{text}` is not true at position {position}"
        )),
        Err(problem) => Some(format!(
            "note: `{text}` cannot say whether the input is valid: {problem}"
        )),
    }
}

/// Refuses an input of this many positions that what a pass keeps of them would not fit in memory.
pub fn check_pass(model: &CompiledModel, positions: usize) -> Result<(), Failure> {
    let (layers, heads) = (model.layers.len() as u128, model.metadata.num_heads as u128);
    let t = positions as u128;
    let numbers = (4 * layers + 4) * t * model.width() as u128 + (layers * heads + 2) * t * t;
    if 8 * numbers <= u128::from(limits::RUN_BYTES) {
        return Ok(());
    }
    Err(Failure::Input(anyhow::anyhow!(
        "an input of {positions} positions would need about {} of memory, the limit is {}: give fewer tokens, \
         and no padding",
        limits::readable(8 * numbers),
        limits::readable(limits::RUN_BYTES.into()),
    )))
}

/// Refuses to show scores `[T, O]` that are non-finite.
pub fn check_finite(scores: &Array2<f64>) -> Result<(), Failure> {
    match scores.indexed_iter().find(|(_, x)| !x.is_finite()) {
        None => Ok(()),
        Some(((position, _), value)) => Err(Failure::Input(anyhow::anyhow!(
            "the model computes {value} at position {position} on this input, which is no output: its weights, \
             or those of W, are too large for float64"
        ))),
    }
}

/// The `W` of a run directory or a projection file, which must be for this model.
pub fn load_projection(path: &Path, model: &CompiledModel) -> Result<Projection, Failure> {
    let file = if path.is_dir() {
        path.join(PROJECTION)
    } else {
        path.to_owned()
    };
    let projection = Projection::load(&file, model).map_err(Failure::input)?;
    if projection.labels != model.metadata.residual_labels {
        return Err(Failure::Input(anyhow::anyhow!(
            "the features of {} are not those of {}: it was trained on another model",
            file.display(),
            escape::name(&model.metadata.program)
        )));
    }
    Ok(projection)
}

/// The words of a line. One in quotes is one, with its blanks, and keeps its quotes: `"1"` is a string.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let mut quoted = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let end = match (rest.starts_with('"'), quoted.next()) {
            (true, Some(Ok(_))) => quoted.byte_offset(),
            _ => 0,
        };
        let after = &rest[end..];
        let end = end + after.find(char::is_whitespace).unwrap_or(after.len());
        let (word, after) = rest.split_at(end);
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_blanks_that_are_in_no_quotes() {
        assert_eq!(words("  3 1\t2 "), ["3", "1", "2"]);
        assert_eq!(words(r#"a "b c" "1" "#), ["a", r#""b c""#, r#""1""#]);
        // A quote that does not end is a word of its own, and one within a word is a letter.
        assert_eq!(words("\" a b\"c d"), ["\" a b\"c", "d"]);
        assert_eq!(words("\" a"), ["\"", "a"]);
        assert_eq!(words("\" \""), ["\" \""]);
        assert!(words(" \t ").is_empty());
    }
}
