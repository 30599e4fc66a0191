//! What to write instead: a remedy for a refused program, in its author's own names.
//!
//! A remedy is an edit of the source, and none is given that was not tried: the edited program has to
//! compile, and its model has to compute what the program's interpreter says, on the inputs that
//! [`verify`](super::verify) goes through. Where an edit changes what is meant (a default left out), the
//! edited program's own interpreter is the judge, and the text says what changes.

mod averages;
mod edit;
mod encodings;
mod limits;
mod samples;
mod source;

use std::ops::Range;

use super::verify::{Verdict, verify};
use crate::compiler::{self, CompileError, Options, Problem, Reason};
use crate::model::CompiledModel;
use crate::rasp::doubts;
use crate::rasp::graph::{Graph, Kind, NodeId};
use crate::rasp::interpreter::{self, EvalError};
use crate::rasp::{self, Program};

use edit::Remedy;
use source::Source;

/// Edits that are tried for one problem, and for a whole program.
const MAX_TRIALS: usize = 16;
const MAX_TRIALS_IN_ALL: usize = 48;

/// A longer program is not compiled again and again for a line of advice.
const MAX_SOURCE: usize = 1 << 16;

/// A trial's model is no larger: it is compiled and run for a line of advice.
const MAX_BYTES: u64 = 1 << 26;

/// What a trial gave.
enum Trial {
    /// A model that computes what it should.
    Works,
    /// Fewer problems than before.
    Fewer(Box<Program>, CompileError),
    /// What was refused is gone, and another problem shows that could not be seen before: in words.
    Next(String),
}

/// A remedy for each problem of a program that the compiler refuses; `None` where nothing that was tried
/// works.
pub fn of_refusal(
    program: &Program,
    options: &Options,
    error: &CompileError,
) -> Vec<Option<String>> {
    let count = error.problems.len();
    let mut helps = vec![None; count];
    let mut judge = Judge::new(program, options);
    let mut rest: Option<(Box<Program>, CompileError)> = None;
    // Each round solves at least one problem.
    for _ in 0..count {
        let (edited, problems) = match &rest {
            Some((edited, error)) => (&**edited, &error.problems),
            None => (program, &error.problems),
        };
        let Some(first) = problems.first() else {
            break;
        };
        let left = problems.len();
        let candidates = Candidates::new(edited, options).of(first.node, &first.reason);
        let trials = judge.trials;
        let found = judge.first(edited, candidates, problems);
        let is_progress = |trial: &Trial| {
            !matches!(trial, Trial::Next(_)) || left == count && !first.reason.is_of_values()
        };
        let Some((help, outcome)) = found.filter(|(_, trial)| is_progress(trial)) else {
            if judge.trials < trials {
                helps[count.saturating_sub(left)] = first.reason.remedy().map(|general| {
                    format!("{general}; what was tried of that here gives no model that agrees with the program")
                });
            }
            break;
        };
        let still = match &outcome {
            Trial::Works | Trial::Next(_) => 0,
            Trial::Fewer(_, error) => error.problems.len(),
        };
        let help = match &outcome {
            Trial::Next(problem) => format!("{help}; it is then refused because {problem}"),
            _ => help,
        };
        let solved = count.saturating_sub(left)..count.saturating_sub(still);
        helps[solved].fill(Some(help));
        match outcome {
            Trial::Works | Trial::Next(_) => break,
            Trial::Fewer(edited, error) => rest = Some((edited, error)),
        }
    }
    helps
}

/// A remedy for a program whose model differs from it, or that has no value for some input, by what the
/// interpreter says of the first such input.
pub fn of_difference(program: &Program, options: &Options, verdict: &Verdict) -> Option<String> {
    let input = match (&verdict.example, &verdict.failure) {
        (Some(example), _) => &example.input,
        (None, Some((input, _))) => input,
        (None, None) => return None,
    };
    let candidates = Candidates::new(program, options);
    let found = match interpreter::run(&program.graph, program.output, input, options.causal) {
        Ok(run) => match run.doubts.first() {
            Some(doubt) if matches!(doubt.reason, doubts::Reason::Mixes(..)) => {
                candidates.of_mixture(doubt.node, verdict.is_hopeless())
            }
            Some(_) => Vec::new(),
            None => candidates.of_negatives(&run),
        },
        Err(EvalError::NoValue { node, .. }) => match program.graph.node(node).kind {
            Kind::Aggregate { .. } => candidates.of_mixture(node, verdict.is_hopeless()),
            _ => candidates.of_no_value(node),
        },
        Err(_) => Vec::new(),
    };
    match Judge::new(program, options).first(program, found, &[])? {
        (help, Trial::Works) => Some(help),
        _ => None,
    }
}

/// Tries edits, as many as it may.
struct Judge<'a> {
    options: &'a Options,
    trials: usize,
}

impl<'a> Judge<'a> {
    fn new(program: &Program, options: &'a Options) -> Self {
        let length = program.sources.0.first().map_or(0, |file| file.text.len());
        Self {
            options,
            trials: if length <= MAX_SOURCE {
                MAX_TRIALS_IN_ALL
            } else {
                0
            },
        }
    }

    /// The first remedy that works, or leaves fewer problems; else the first that leaves another one.
    fn first(
        &mut self,
        program: &Program,
        remedies: Vec<Remedy>,
        problems: &[Problem],
    ) -> Option<(String, Trial)> {
        let mut next = None;
        for remedy in remedies.into_iter().take(MAX_TRIALS) {
            self.trials = self.trials.checked_sub(1)?;
            match self.trial(program, &remedy, problems) {
                Some(trial @ Trial::Next(_)) => {
                    next.get_or_insert((remedy.help, trial));
                }
                Some(trial) => return Some((remedy.help, trial)),
                None => {}
            }
        }
        next
    }

    /// Compiles the edited program; nothing if it has as many problems as before or one that leads back here, or means
    /// something else without saying so.
    fn trial(&self, program: &Program, remedy: &Remedy, problems: &[Problem]) -> Option<Trial> {
        let edited = rebuilt(program, remedy)?;
        let mut options = self.options.clone();
        options.example = None;
        options.vocab = remedy.vocab.clone().unwrap_or(options.vocab);
        if let Some(length) = remedy.max_seq_len {
            options.max_seq_len = length;
            let fits = compiler::report(&edited.graph, edited.output, &options).is_ok();
            return fits.then_some(Trial::Works);
        }
        options.max_bytes = options.max_bytes.min(MAX_BYTES);
        match compiler::compile(&edited.graph, edited.output, &options) {
            Ok((model, _)) => {
                let meant = if remedy.differs { &edited } else { program };
                agrees(meant, &model).then_some(Trial::Works)
            }
            Err(error) => {
                let same = || remedy.differs || samples::agree(program, &edited, &options);
                let fewer = error.problems.len() < problems.len();
                // What is said of a wrong encoding is to leave out what was just put in.
                if misencoded(&error.problems) > misencoded(problems) {
                    return None;
                }
                if fewer {
                    return same().then(|| Trial::Fewer(Box::new(edited), error));
                }
                let next = error.problems.first()?;
                (next.reason.is_of_values() && same()).then(|| Trial::Next(next.reason.to_string()))
            }
        }
    }
}

/// Aggregates that are encoded otherwise than what they aggregate.
fn misencoded(problems: &[Problem]) -> usize {
    let is_one = |problem: &&Problem| matches!(problem.reason, Reason::AggregateEncoding { .. });
    problems.iter().filter(is_one).count()
}

fn agrees(meant: &Program, model: &CompiledModel) -> bool {
    let verdict = verify(&meant.graph, meant.output, model);
    verdict.different == 0 && verdict.failed == 0
}

/// The program with the remedy's edits.
fn rebuilt(program: &Program, remedy: &Remedy) -> Option<Program> {
    let file = program.sources.0.first()?;
    let mut edits: Vec<&(Range<usize>, String)> = remedy.edits.iter().collect();
    edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
    let mut text = file.text.clone();
    for (range, new) in edits {
        let is_inside = text.get(range.clone()).is_some();
        is_inside.then(|| text.replace_range(range.clone(), new))?;
    }
    let options = rasp::Options {
        output: remedy
            .output
            .clone()
            .or_else(|| program.header.output.clone()),
        max_seq_len: remedy.max_seq_len.or(program.header.max_seq_len),
        vocab: remedy
            .vocab
            .clone()
            .or_else(|| program.header.vocab.clone()),
        directory: None,
    };
    rasp::compile_source(&file.name, &text, &options).ok()
}

/// Makes edits that may help.
struct Candidates<'a> {
    program: &'a Program,
    options: &'a Options,
    source: Source<'a>,
}

impl<'a> Candidates<'a> {
    fn new(program: &'a Program, options: &'a Options) -> Self {
        Self {
            program,
            options,
            source: Source::of(program),
        }
    }

    fn graph(&self) -> &'a Graph {
        &self.program.graph
    }

    /// The edits for a refusal, the best first.
    fn of(&self, node: Option<NodeId>, reason: &Reason) -> Vec<Remedy> {
        match (reason, node) {
            (Reason::TooMany { .. } | Reason::TooLarge { .. } | Reason::TooLong { .. }, _) => {
                self.shorter()
            }
            (Reason::NothingToCompute(_) | Reason::NoTokens, Some(node)) => self.with_tokens(node),
            (Reason::NumericalPrimitive(_), Some(node)) => self.number_of_tokens(node),
            (Reason::NumericalSelector(..), Some(node)) => self.categorical_operands(node),
            (Reason::NumericalSequenceMap(_), Some(node)) => self.one_encoding(node),
            (Reason::CategoricalLinear(_), Some(node)) => self.numerical_operands(node),
            (Reason::AggregateEncoding { .. }, Some(node)) => self.copied(node),
            (Reason::AggregateDefault(..), Some(node)) => self.default_left_out(node),

            (Reason::NoValues { .. }, Some(node)) => self.of_no_value(node),
            (Reason::NotANumber { value, .. }, Some(node)) => self.not_numerical(node, value),
            (Reason::NotBinary { .. }, Some(node)) => self.weighted(node),
            _ => Vec::new(),
        }
    }
}
