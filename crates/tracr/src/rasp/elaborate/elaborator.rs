//! The state of building a graph, and what bounds it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::item::{Callable, Home, Item, Scope, ScopeId};
use super::scopes::Scopes;
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Sources, Span};
use crate::rasp::formula::{self, Formula};
use crate::rasp::graph::{Encoding, Graph, Kind, NodeId};

/// Expressions evaluated, elements of lists made, parts of formulas, and the like.
const MAX_STEPS: usize = 1_000_000;

/// Operators of one program.
const MAX_NODES: usize = 20_000;

/// Expressions in functions in expressions ...
const MAX_DEPTH: usize = 250;

/// Reports per program.
const MAX_PROBLEMS: usize = 20;

/// An error on its way up to the statement that it is in.
pub(super) type Outcome<T> = Result<T, Box<Problem>>;

/// The state of building a graph.
pub struct Elaborator {
    /// All nodes so far.
    pub graph: Graph,
    /// Source texts; `load` adds to them.
    pub sources: Sources,
    /// What went wrong so far.
    pub problems: Vec<Problem>,
    /// The names of the program, and of each file that it loads, in the order of loading.
    pub(super) files: Vec<Scope>,
    /// What the reader should know, and where.
    pub notes: Vec<(Span, String)>,
    /// The name assigned last, and where.
    pub last_assigned: Option<(String, Span)>,
    pub(super) prelude: Scope,
    pub(super) locals: Scopes,
    pub(super) home: Home,
    /// While a function of the prelude runs: its call in the program, which is what a node of it
    /// is blamed on.
    pub(super) blamed: Option<Span>,
    /// What maps and selects compute, to put one into the other.
    pub(super) formulas: HashMap<NodeId, Arc<Formula>>,
    pub(super) tokens: NodeId,
    /// What the program means by `tokens`: another name of the input may be assigned to it.
    pub(super) input: NodeId,
    /// `tokens_int` and the like, as far as the program uses them.
    pub(super) inputs: BTreeMap<&'static str, NodeId>,
    /// The tokens, if they are known.
    pub(super) vocab: Option<Vec<Value>>,
    pub(super) indices: NodeId,
    pub(super) steps: usize,
    pub(super) depth: usize,
    pub(super) exhausted: bool,
    /// The directory that `load` starts from.
    pub(super) directory: PathBuf,
    /// The path of each of `files`.
    pub(super) loaded: Vec<PathBuf>,
}

impl Elaborator {
    /// With nothing but the primitives `tokens` and `indices`.
    pub fn new(
        sources: Sources,
        directory: PathBuf,
        file: PathBuf,
        vocab: Option<Vec<Value>>,
    ) -> Self {
        let mut graph = Graph::default();
        let tokens = graph.add(Kind::Tokens);
        let indices = graph.add(Kind::Indices);
        Self {
            graph,
            sources,
            problems: Vec::new(),
            notes: Vec::new(),
            files: vec![Scope::new()],
            last_assigned: None,
            prelude: Scope::new(),
            locals: Scopes::default(),
            home: Home::File(0),
            blamed: None,
            formulas: HashMap::new(),
            tokens,
            input: tokens,
            inputs: BTreeMap::new(),
            vocab,
            indices,
            steps: 0,
            depth: 0,
            exhausted: false,
            directory,
            loaded: vec![file],
        }
    }

    /// Takes what was assigned so far for the prelude, and starts the program.
    pub fn seal_prelude(&mut self) {
        self.prelude = std::mem::replace(&mut self.files, vec![Scope::new()]).swap_remove(0);
        for item in self.prelude.values_mut() {
            if let Item::Function(callable) = item {
                match Arc::make_mut(callable) {
                    Callable::Either(functions) => functions.iter_mut().for_each(at_home),
                    _ => at_home(callable),
                }
            }
        }
        self.last_assigned = None;
    }

    /// Gives the program and the files that it loads a constant that is known from outside.
    pub fn constant_named(&mut self, name: &str, value: Value) {
        self.prelude.insert(name.to_owned(), Item::Value(value));
    }

    /// The notes with their places.
    pub fn notes_in_words(&self) -> Vec<String> {
        let in_words = |(span, note): &(Span, String)| {
            let file = self.sources.0.get(span.file)?;
            let before = file.text.get(..span.range.start)?;
            let line = before.matches('\n').count() + 1;
            let place = match span.file {
                0 => format!("line {line}"),
                _ => format!("line {line} of {}", file.name),
            };
            Some(format!("{place}: {note}"))
        };
        self.notes.iter().filter_map(in_words).collect()
    }

    /// The program's own names.
    pub fn globals(&self) -> &Scope {
        &self.files[0]
    }

    /// The s-ops of the program that have names, and those of the prelude.
    pub fn sops(&self) -> BTreeMap<String, NodeId> {
        self.prelude
            .iter()
            .chain(self.globals())
            .filter_map(|(name, item)| match item {
                Item::Sop(id) => Some((name.clone(), *id)),
                _ => None,
            })
            .collect()
    }

    /// The item of a name of the program, or of the prelude.
    pub fn global(&self, name: &str) -> Option<&Item> {
        let own = self.globals().get(name);
        own.or_else(|| self.prelude.get(name))
    }

    pub(super) fn report(&mut self, problem: Problem) {
        if !problem.is_silent() && self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Counts so many steps, or gives up.
    pub(super) fn charge(&mut self, steps: usize, span: &Span) -> Outcome<()> {
        if self.exhausted {
            return Err(Box::new(Problem::silent()));
        }
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            self.exhausted = true;
            return Err(Box::new(
                Problem::new(
                    span,
                    format!("the program takes more than {MAX_STEPS} steps to unfold"),
                    "given up here",
                )
                .help("a loop or a list is too long: what depends on the input belongs into s-ops"),
            ));
        }
        Ok(())
    }

    pub(super) fn nested<T>(
        &mut self,
        span: &Span,
        run: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Outcome<T> {
        self.charge(1, span)?;
        if self.depth >= MAX_DEPTH {
            return Err(Box::new(
                Problem::new(
                    span,
                    format!("calls and expressions are nested deeper than {MAX_DEPTH}"),
                    "too deep here",
                )
                .help(
                    "a function that calls itself needs a condition known at compile time to stop",
                ),
            ));
        }
        self.depth += 1;
        let outcome = run(self);
        self.depth -= 1;
        outcome
    }

    pub(super) fn add(&mut self, kind: Kind, encoding: Encoding, span: &Span) -> Outcome<NodeId> {
        if self.graph.nodes.len() >= MAX_NODES {
            self.exhausted = true;
            let message = format!("the program has more than {MAX_NODES} operators");
            return Err(Box::new(Problem::new(span, message, "given up here").help(
                "a loop or a function makes too many: every operator on an s-op is one",
            )));
        }
        let id = self.graph.add(kind);
        let blamed = self.blamed.as_ref().unwrap_or(span);
        if let Some(node) = self.graph.nodes.get_mut(id.0) {
            node.encoding = encoding;
            node.span = Some((blamed.file, blamed.range.clone()));
        }
        Ok(id)
    }

    /// A copy of a node, as Tracr's `annotate` makes.
    pub(super) fn copy(&mut self, id: NodeId, span: &Span) -> Outcome<NodeId> {
        let original = self.graph.node(id).clone();
        let copy = self.add(original.kind, original.encoding, span)?;
        if let Some(node) = self.graph.nodes.get_mut(copy.0) {
            node.name = original.name;
            node.named = original.named;
        }
        if self.graph.without_default.contains(&id) {
            self.graph.without_default.push(copy);
        }
        if let Some(formula) = self.formulas.get(&id).cloned() {
            self.formulas.insert(copy, formula);
        }
        Ok(copy)
    }

    /// A formula that is not too high to be evaluated; its parts count as steps, as whoever asks is
    /// about to copy them.
    pub(super) fn bounded(&mut self, formula: Arc<Formula>, span: &Span) -> Outcome<Arc<Formula>> {
        let formula = not_too_high(formula, span)?;
        self.charge(formula.size(), span)?;
        Ok(formula)
    }

    /// The scopes that a function sees, for it to keep; what is in them counts as steps, as it stays.
    pub(super) fn captured(&mut self, span: &Span) -> Outcome<Vec<ScopeId>> {
        let size = |item: &Item| match item {
            Item::Value(value) => 1 + formula::steps_of(value),
            _ => 1,
        };
        let steps = self.locals.items().map(size).sum();
        self.charge(steps, span)?;
        Ok(self.locals.captured())
    }
}

/// A function that was read as part of the prelude belongs there.
fn at_home(callable: &mut Arc<Callable>) {
    if let Callable::Def { home, .. } = Arc::make_mut(callable) {
        *home = Home::Prelude;
    }
}

/// A formula that can be evaluated without running out of stack.
pub(super) fn not_too_high(formula: Arc<Formula>, span: &Span) -> Outcome<Arc<Formula>> {
    if formula.height() > formula::MAX_HEIGHT {
        let limit = formula::MAX_HEIGHT;
        let message = format!("more than {limit} operators follow each other at one position");
        return Err(Box::new(Problem::new(span, message, "in this expression").help(
            "interrupt the chain by a sequence map, as in `sequence_map((x, t) -> x, s, tokens)`, or make it shorter",
        )));
    }
    Ok(formula)
}

impl Problem {
    /// For what follows from an error that was reported.
    pub(super) fn silent() -> Self {
        Self {
            message: String::new(),
            labels: Vec::new(),
            help: None,
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.message.is_empty()
    }
}
