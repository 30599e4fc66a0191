//! Why a model differs from its program, where the interpreter has no doubt: the limit of the construction
//! that shows.
//!
//! Two limits lie near to each other: thresholds on numbers that are not narrow enough, and attention that
//! is soft. Which one it is, is tried: the program is compiled with narrower thresholds, or its model run
//! with higher attention scores, and looked at again.

use super::limits::{Limit, Limits, Reason};
use super::verify::{Verdict, agree, outputs, verify};
use crate::compiler::craft::width::exactness_for;
use crate::compiler::{self, Options};
use crate::model::{CompiledModel, Frozen, Value};
use crate::rasp::Program;
use crate::rasp::graph::describe;

/// With attention scores so many times as high, softmax leaves nothing that float64 shows.
const SHARPER: f64 = 10.0;

/// The cause of the first difference, in words; nothing if there is none, the interpreter doubts the input,
/// or no limit is known that the input meets.
pub fn of_difference(
    program: &Program,
    options: &Options,
    model: &CompiledModel,
    verdict: &Verdict,
) -> Option<String> {
    let difference = verdict.example.as_ref()?;
    if difference.doubt.is_some() {
        return None;
    }
    let limits = Limits::new(&program.graph, program.output, options, &model.metadata)?;
    let met = limits.all_met(&difference.input);
    let trial = Trial {
        program,
        options,
        input: &difference.input,
        expected: &difference.program,
        width: limits.width().map(|node| describe(&program.graph, node)),
    };
    let is_tried = |limit: &&Limit| {
        matches!(
            limit.reason,
            Reason::SoftAttention { .. } | Reason::Width { .. }
        )
    };
    let has_thresholds = |limit: &&Limit| is_tried(limit) || limit.reason == Reason::Staircase;
    let soft = met.iter().find_map(|limit| match limit.reason {
        Reason::SoftAttention { .. } => Some(limit.describe(&program.graph)),
        _ => None,
    });
    let other = met.iter().find(|limit| !is_tried(limit));
    let other = other.map(|limit| limit.describe(&program.graph));
    if !met.iter().any(|limit| has_thresholds(&limit)) {
        return other;
    }
    trial
        .found(model, soft.as_deref())
        .or(other)
        .or_else(|| Some(trial.nothing_found()))
}

/// On how many inputs without repeated tokens the program, compiled for such inputs alone, agrees with its model; none
/// if they differ there, too.
pub fn agree_without_repeats(program: &Program, options: &Options) -> Option<u64> {
    let options = Options {
        unique_tokens: true,
        example: None,
        ..options.clone()
    };
    let (model, _) = compiler::compile(&program.graph, program.output, &options).ok()?;
    let verdict = verify(&program.graph, program.output, &model);
    let agrees = verdict.different == 0 && verdict.failed == 0 && verdict.inputs > 0;
    agrees.then_some(verdict.inputs)
}

/// What is compiled again, or run again, and on which input.
struct Trial<'a> {
    program: &'a Program,
    options: &'a Options,
    input: &'a [Value],
    expected: &'a [Value],
    /// The first selector width, in words.
    width: Option<String>,
}

impl Trial<'_> {
    /// Which of the two limits it is, if one or both of them are.
    fn found(&self, model: &CompiledModel, soft: Option<&str>) -> Option<String> {
        let narrow = self.narrower();
        if let Some((model, options)) = &narrow
            && self.agrees(model)
        {
            return Some(self.thresholds(model, options));
        }
        let soft = soft?;
        let tried = format!("with attention scores {SHARPER} times as high");
        if self.agrees(&sharper(model)) {
            return Some(format!(
                "{soft}; {tried} the model gives what the program gives on this input"
            ));
        }
        let (model, options) = &narrow?;
        self.agrees(&sharper(model)).then(|| {
            format!(
                "{soft}; {tried}, together with an mlp_exactness of {}, the model gives what the program gives on this \
                 input, with one of them alone it does not",
                options.mlp_exactness
            )
        })
    }

    /// Thresholds that tell every count from the next one.
    fn exactness(&self) -> f64 {
        exactness_for(self.options.max_seq_len)
    }

    fn narrower(&self) -> Option<(CompiledModel, Options)> {
        if self.exactness() <= self.options.mlp_exactness {
            return None;
        }
        let options = Options {
            mlp_exactness: self.exactness(),
            example: None,
            ..self.options.clone()
        };
        let compiled =
            compiler::compile(&self.program.graph, self.program.output, &options).ok()?;
        Some((compiled.0, options))
    }

    fn agrees(&self, model: &CompiledModel) -> bool {
        let vocabulary = &model.metadata.input_vocab;
        let id = |token: &Value| vocabulary.iter().position(|word| word == token);
        let Some(ids) = self.input.iter().map(id).collect::<Option<Vec<_>>>() else {
            return false;
        };
        let found = outputs(model, &Frozen::new(model), &ids);
        let mut pairs = self.expected.iter().zip(&found);
        pairs.all(|(expected, found)| agree(expected, found))
    }

    fn thresholds(&self, model: &CompiledModel, options: &Options) -> String {
        let verdict = verify(&self.program.graph, self.program.output, model);
        let exactness = options.mlp_exactness;
        let counts = match &self.width {
            Some(width) => format!(" ({width} counts up to {})", self.options.max_seq_len),
            None => String::new(),
        };
        let left = match (verdict.different, verdict.complete) {
            (0, true) => "every input".to_owned(),
            (0, false) => format!("each of {} inputs that were tried", verdict.inputs),
            (different, _) => format!(
                "this input, though not on {different} of {} that were tried",
                verdict.inputs
            ),
        };
        format!(
            "thresholds on numbers are not narrow enough{counts}; compiled with `--mlp-exactness {exactness}` the model \
             gives what the program gives on {left}"
        )
    }

    fn nothing_found(&self) -> String {
        let exactness = self.exactness().max(self.options.mlp_exactness);
        format!(
            "neither an mlp_exactness of {exactness} nor attention scores {SHARPER} times as high make it say what the \
             program says"
        )
    }
}

/// The model with higher attention scores.
fn sharper(model: &CompiledModel) -> CompiledModel {
    let mut sharper = model.clone();
    for layer in &mut sharper.layers {
        layer.query.weight *= SHARPER;
        layer.query.bias *= SHARPER;
    }
    sharper
}
