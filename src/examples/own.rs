//! Files to begin with for any program: a run file with settings that serve most programs, and a study of its `d`.
//!
//! The settings are not the paper's, with which many programs start at a huge loss and stay there;
//! `docs/configuration.md` has both side by side, measured (`scripts/default_settings.py`).

use std::path::Path;

use toml::Value as Toml;

use super::example::{Example, ExampleError, Written};
use super::widths::{Inputs, Widths};
use base::escape;
use tracr::model::{OutputKind, Value};
use tracr::program::{Compiled, Settings};

/// Seeds of every `d` of the study.
const SEEDS: usize = 3;
/// Values of `d` in the study, at most.
const DIMS: usize = 6;

/// The start of `W` of a program that gives classes, with its reason: short rows leave the attention unsaturated, so that
/// gradients do not vanish.
const OF_CLASSES: &str = "\
init = \"live\" # each row keeps one of the features that are read; a random W of length 1 often gets stuck
init_std = 0.5 # the rows' length: shorter than 1, so that no attention is saturated at first";

/// The same of a program that gives numbers, which are exact from there more often.
const OF_NUMBERS: &str = "\
init = \"rank\" # the principal directions of what is read of the visited states; a random W often gets stuck
init_std = 1.0 # the rows' length: at 1 this is the projection that loses least";

/// The optimiser, each line with its reason.
const TRAINING: &str = "\
steps = 30_000 # a tenth of the paper's; more, if the report says that the loss was still falling
weight_decay = 0.0 # the paper's 0.1 pulls a W away from where it is right";

/// A program, and how its files are to call it.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// The name of the run, of its files and of its directory.
    pub name: &'a str,
    /// The program's file, as seen from the run file's directory.
    pub program: &'a Path,
    /// What was said in the header's place.
    pub settings: &'a Settings,
    /// The program and its model.
    pub compiled: &'a Compiled,
}

impl Own<'_> {
    /// Its run file and its study.
    ///
    /// # Errors
    /// If it has no inputs, or a path that no run file can hold.
    pub fn example(&self) -> Result<Example, ExampleError> {
        let inputs = Inputs::of(&self.compiled.model)?;
        let warning = (!inputs.varies).then(|| {
            format!(
                "{}: every input has the same answers, which nearly any W gives: no d means anything before the vocabulary, \
                 max_seq_len or the program let the answers differ",
                escape::name(self.name)
            )
        });
        let files = vec![
            Written {
                name: format!("{}.toml", self.name),
                text: self.run_file(&inputs)?,
            },
            Written {
                name: format!("{}_study.toml", self.name),
                text: self.study(&inputs.widths),
            },
        ];
        Ok(Example {
            files,
            is_study: false,
            warning,
        })
    }

    fn run_file(&self, inputs: &Inputs) -> Result<String, ExampleError> {
        let Inputs {
            lengths, widths, ..
        } = inputs;
        let meta = &self.compiled.model.metadata;
        let name = escape::visible(self.name);
        let about = self.compiled.program.header.about.as_deref();
        let about = about.map_or_else(String::new, |about| format!(": {}", escape::visible(about)));
        let program = self.program.to_str().ok_or(ExampleError::Path)?;
        let mut model = format!(
            "program = {} # what this table does not say, the program's header does\n",
            quoted(program)
        );
        for (key, value) in model_keys(self.settings) {
            model += &format!("{key} = {value}\n");
        }
        let why_lengths = match lengths.as_slice() {
            [_] => "full length alone: other lengths make the space larger and training slower",
            _ => "all: at full length alone every input has the same answers",
        };
        let unique = if meta.unique_tokens {
            "unique_tokens = true # the program is defined only for these, as its header says\n"
        } else {
            ""
        };
        let (initial, positions, why_positions) = match meta.output_kind {
            OutputKind::Numerical => (
                OF_NUMBERS,
                "all",
                "BOS counts too, as in the paper's frac_prevs",
            ),
            OutputKind::Categorical => (
                OF_CLASSES,
                "tokens",
                "the class at BOS and PAD is arbitrary",
            ),
        };
        Ok(format!(
            "# {name}{about}\n\
             #\n\
             # {}\n\
             # {}.\n\
             # At d = {} some linear W loses nothing that is read. {name}_study.toml asks how training does below that, and\n\
             # `compress shrink` finds a smallest d by dropping one dimension after the other.\n\
             # The settings below are not the paper's, with which many programs get stuck; a key that does not stand here\n\
             # has the paper's value (`compress keys`).\n\
             \n\
             name = {}\n\
             \n\
             [model]\n\
             {model}\
             \n\
             [inputs]\n\
             lengths = {lengths:?} # {why_lengths}\n\
             {unique}\
             \n\
             [compression]\n\
             dim = {} # of D = {}; {}\n\
             {initial}\n\
             \n\
             [objective]\n\
             output_positions = \"{positions}\" # {why_positions}\n\
             \n\
             [training]\n\
             {TRAINING}\n\
             seed = 0 # draws the batches; the initial W is the same for all seeds\n\
             \n\
             [output]\n\
             dir = {} # as seen from this file\n",
            self.compiled.report,
            capitalized(&widths.to_string()),
            widths.most(),
            quoted(self.name),
            widths.usual(),
            widths.width,
            why_dim(widths),
            quoted(&format!("results/{}", self.name)),
        ))
    }

    fn study(&self, widths: &Widths) -> String {
        let name = escape::visible(self.name);
        let dims = dims(widths);
        let question = format!("How well does {} work at which d?", self.name);
        format!(
            "# How well does {name} work at which d?\n\
             #\n\
             # From a sixth of the rank of the visited states, {}, up to all of it, where some W loses nothing. {} runs: `compress sweep`\n\
             # makes them, and goes on with those that are missing when it is called again.\n\
             \n\
             name = {}\n\
             question = {}\n\
             base = {}\n\
             \n\
             [grid]\n\
             \"compression.dim\" = {dims:?}\n\
             \"training.seed\" = {{ from = 0, count = {SEEDS} }} # the batches differ, the initial W does not\n\
             \n\
             [override]\n\
             \"training.restarts\" = {{ count = 8, steps = 3000 }} # of eight starts, each with its batches, the best goes on: single ones get stuck more often\n",
            widths.rank,
            SEEDS * dims.len(),
            quoted(&format!("{}_study", self.name)),
            quoted(&question),
            quoted(&format!("{}.toml", self.name)),
        )
    }
}

fn why_dim(widths: &Widths) -> &'static str {
    if widths.usual() == widths.most() {
        "the rank, at which nothing is lost"
    } else {
        "three quarters of the rank, so that something has to share a direction"
    }
}

/// The `d` of the study: from the least to the rank, each larger than the one before by about the same factor.
fn dims(widths: &Widths) -> Vec<usize> {
    let (least, most) = (widths.least() as f64, widths.most() as f64);
    let at = |i: usize| least * (most / least).powf(i as f64 / (DIMS - 1) as f64);
    let mut dims: Vec<usize> = (0..DIMS).map(|i| at(i).round() as usize).collect();
    dims.dedup();
    dims
}

/// Keys of `[model]` for what was said on the command line, with values in TOML.
fn model_keys(settings: &Settings) -> Vec<(&'static str, Toml)> {
    let Settings {
        output,
        vocab,
        max_seq_len,
        causal,
        mlp_exactness,
    } = settings;
    let mut keys = Vec::new();
    if let Some(output) = output {
        keys.push(("output", Toml::from(output.as_str())));
    }
    if let Some(vocab) = vocab {
        keys.push(("vocab", Toml::Array(vocab.iter().map(token).collect())));
    }
    if let Some(length) = max_seq_len {
        // A longer one does not compile.
        keys.push(("max_seq_len", Toml::Integer(*length as i64)));
    }
    if let Some(causal) = causal {
        keys.push(("causal", Toml::Boolean(*causal)));
    }
    if let Some(exactness) = mlp_exactness {
        keys.push(("mlp_exactness", Toml::Float(*exactness)));
    }
    keys
}

fn token(value: &Value) -> Toml {
    match value {
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::Float(x) => (*x).into(),
        Value::Str(s) => s.as_str().into(),
        // The compiler takes neither as a token.
        Value::None | Value::Tuple(_) => value.to_string().into(),
    }
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    Toml::from(text).to_string()
}

/// As the beginning of a sentence.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + chars.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(rank: usize) -> Widths {
        Widths {
            width: 40,
            live: rank,
            rank,
            inputs: 10,
            is_whole: true,
        }
    }

    #[test]
    fn dims_of_a_study_go_from_a_sixth_of_the_rank_to_all_of_it() {
        for (rank, expected) in [
            (0, &[1][..]),
            (1, &[1]),
            (2, &[1, 2]),
            (9, &[2, 3, 4, 5, 7, 9]),
            (22, &[4, 6, 8, 11, 16, 22]),
        ] {
            assert_eq!(dims(&widths(rank)), expected, "rank {rank}");
        }
    }

    #[test]
    fn tokens_keep_their_kind() {
        let settings = Settings {
            vocab: Some(vec![
                Value::Int(1),
                Value::Str("1".into()),
                Value::Float(1.0),
            ]),
            ..Settings::default()
        };
        let keys = model_keys(&settings);
        assert_eq!(keys[0].1.to_string(), "[1, \"1\", 1.0]");
    }
}
