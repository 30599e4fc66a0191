//! A random source: what compiles says what the interpreter says, the rest is refused with a reason.
//!
//! Where an input meets a limit of Tracr's construction ([`limits`](tracr::program::limits)),
//! the model may differ, but not in silence: [`verify`] has to report it.

use std::collections::BTreeMap;

use tracr::compiler::{self, CompileError, Options, Reason};
use tracr::model::{CompiledModel, Frozen, Value};
use tracr::program::limits::{self, Limits};
use tracr::program::verify::{Verdict, agree, outputs, verify};
use tracr::rasp::{self, Diagnostic, Program, interpreter};

use super::random::Random;
use super::random_source::Source;

const INPUTS: usize = 8;

/// What became of the programs.
#[derive(Default, Debug)]
pub struct Counts {
    pub compiled: u64,
    pub refused: BTreeMap<String, u64>,
    pub inputs: u64,
    pub positions: u64,
    /// On these inputs the program has no value.
    pub undefined: u64,
    /// Inputs where a difference is announced.
    pub doubted: u64,
    /// Inputs that meet a limit of the construction, without a doubt of the interpreter.
    pub limited: BTreeMap<limits::Reason, u64>,
    /// Of both, with a difference.
    pub different: u64,
    /// Differences that `verify` did not meet, as its sample is not all inputs.
    pub unsampled: u64,
}

/// Compiles the source, if it can be, and compares program and model on a few inputs; else the reasons have to
/// be ones that such a source can cause.
///
/// # Errors
/// What is wrong with program, model or reasons.
pub fn check(source: &Source, random: Random, counts: &mut Counts) -> Result<(), String> {
    let text = source.text();
    let mut refuse = |kind: String| *counts.refused.entry(kind).or_default() += 1;
    let program = match rasp::compile_source("random.rasp", &text, &rasp::Options::default()) {
        Ok(program) => program,
        Err(reports) if source.garbled => {
            refuse("garbled".into());
            return pointed(&reports);
        }
        Err(reports) => return language(&reports).map(refuse),
    };
    let options = options(&program)?;
    let compiled = compiler::compile(&program.graph, program.output, &options);
    let (model, notes) = match compiled {
        Ok(compiled) => compiled,
        Err(error) => return reasons(&error).map(refuse),
    };
    counts.compiled += 1;
    let notes: Vec<String> = notes.into_iter().map(|note| note.text).collect();
    compare(&program, &model, &options, random, counts)
        .map_err(|difference| format!("{difference}\nnotes: {notes:#?}"))
}

fn options(program: &Program) -> Result<Options, String> {
    let header = &program.header;
    let (Some(vocab), Some(longest)) = (header.vocab.clone(), header.max_seq_len) else {
        return Err(format!("the header is lost: {header:?}"));
    };
    let mut options = Options::new("random", vocab, longest);
    options.causal = header.causal.unwrap_or(false);
    options.max_bytes = 4 << 20;
    Ok(options)
}

/// Reports are about the source, and can be shown.
fn pointed(reports: &[Diagnostic]) -> Result<(), String> {
    let shown = rasp::render(reports);
    let pointing = !reports.is_empty() && reports.iter().all(|report| !report.labels.is_empty());
    if pointing && shown.contains("random.rasp") {
        Ok(())
    } else {
        Err(format!("vague: {shown}"))
    }
}

/// What the language may refuse of programs that are well typed but for constants.
fn language(reports: &[Diagnostic]) -> Result<String, String> {
    pointed(reports)?;
    let known = [
        "these constants have no result",
        "the output `out` is",
        "has no label",
        "operators follow each other",
        "must be an s-op",
        "must be a selector",
        "does not work on",
    ];
    for report in reports {
        if !known.iter().any(|known| report.message.contains(known)) {
            return Err(format!("diagnostic: {}", rasp::render(reports)));
        }
    }
    let first = known
        .iter()
        .find(|known| reports[0].message.contains(*known));
    Ok(first.map_or_else(String::new, |kind| format!("language: {kind}")))
}

/// The kinds of [`Reason`] that a program can cause.
fn reasons(error: &CompileError) -> Result<String, String> {
    let mut kinds = Vec::new();
    for problem in &error.problems {
        kinds.push(match &problem.reason {
            Reason::NothingToCompute(_) => "the output is an input",
            Reason::NoTokens => "no tokens",
            Reason::Constant(_) => "a constant s-op",
            Reason::NumericalSelector(..) => "a numerical selector",
            Reason::AggregateEncoding { .. } => "an aggregate of another encoding",
            Reason::AggregateDefault(..) => "another default",
            Reason::NumericalSequenceMap(_) => "a numerical sequence map",
            Reason::CategoricalLinear(_) => "a categorical linear map",
            Reason::NumericalPrimitive(_) => "a numerical primitive",
            Reason::NoValues { .. } => "no values",
            Reason::NotANumber { .. } => "numerical, but not a number",
            Reason::NotBinary { .. } => "a mean of other than 0 and 1",
            Reason::TooMany { .. } | Reason::TooLarge { .. } | Reason::TooLong { .. } => {
                "too large"
            }
            Reason::Options(_) | Reason::Malformed(_) => {
                return Err(format!("not the program's fault: {error}"));
            }
        });
    }
    Ok(kinds.first().ok_or("refused without a reason")?.to_string())
}

/// A difference that is known to exist has to be in the report, unless that is of a sample.
fn announced(verdict: Verdict, counts: &mut Counts) -> Result<(), String> {
    match (verdict.different, verdict.complete) {
        (0, true) => Err(format!("verify sees no difference: {verdict:?}")),
        (0, false) => {
            counts.unsampled += 1;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn compare(
    program: &Program,
    model: &CompiledModel,
    options: &Options,
    mut random: Random,
    counts: &mut Counts,
) -> Result<(), String> {
    let (graph, output) = (&program.graph, program.output);
    let limits = Limits::new(graph, output, options, &model.metadata).ok_or("not compiled")?;
    let frozen = Frozen::<f64>::new(model);
    let words = model.metadata.word_ids();
    for _ in 0..INPUTS {
        let length = 1 + random.below(options.max_seq_len);
        let ids: Vec<usize> = (0..length).map(|_| *random.pick(&words)).collect();
        let input: Vec<Value> = ids
            .iter()
            .map(|id| model.metadata.input_vocab[*id].clone())
            .collect();
        let Ok(run) = interpreter::run(graph, output, &input, options.causal) else {
            counts.undefined += 1;
            continue;
        };
        let found = outputs(model, &frozen, &ids);
        let positions = run.output().iter().zip(&found);
        let same = positions
            .clone()
            .all(|(expected, found)| agree(expected, found));
        let limit = limits.met(&input).map(|limit| limit.reason);
        if !run.doubts.is_empty() || limit.is_some() {
            counts.doubted += u64::from(!run.doubts.is_empty());
            if let (Some(limit), true) = (limit, run.doubts.is_empty()) {
                *counts.limited.entry(limit).or_default() += 1;
            }
            if !same {
                counts.different += 1;
                announced(verify(graph, output, model), counts)?;
            }
        } else if same {
            counts.inputs += 1;
            counts.positions += positions.filter(|(x, _)| **x != Value::None).count() as u64;
        } else {
            return Err(format!(
                "on {input:?}\nthe program gives {:?}\nthe model gives   {found:?}",
                run.output()
            ));
        }
    }
    Ok(())
}
