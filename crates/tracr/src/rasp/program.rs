//! From source to [`Program`] in one call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::diagnostics::{Diagnostic, Problem, Sources, Span, nearest};
use super::elaborate::{Elaborator, Item};
use super::graph::{Encoding, Graph, NodeId, describe};
use super::interpreter::Run;
use super::syntax::ast::Statement;
use super::syntax::{self, Header, header};
use crate::model::Value;
use base::content::Content;
use base::files::{self, FileError};

const PRELUDE: &str = include_str!("prelude.rasp");

/// Its number among a program's sources.
pub(super) const PRELUDE_FILE: usize = 1;

/// Names that a line of advice lists.
const MAX_NAMES: usize = 10;

static PRELUDE_STATEMENTS: LazyLock<Vec<Statement>> =
    LazyLock::new(|| syntax::parse(PRELUDE_FILE, PRELUDE, &mut Vec::new()).statements);

/// What is decided outside of the source.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The s-op to output, instead of the header's or the last assignment.
    pub output: Option<String>,
    /// The longest input, instead of the header's; the program sees it as `max_seq_len`.
    pub max_seq_len: Option<usize>,
    /// The tokens, instead of the header's.
    pub vocab: Option<Vec<Value>>,
    /// Where `load` looks for files; without it, the directory in the source's name.
    pub directory: Option<PathBuf>,
}

/// A program, ready to be interpreted or compiled.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its operators.
    pub graph: Graph,
    /// The s-op that is its output.
    pub output: NodeId,
    /// What it says about itself; `max_seq_len`, `output` and `vocab` are those of the options, if given.
    pub header: Header,
    /// The s-ops with a name that `--output` can choose.
    pub names: BTreeMap<String, NodeId>,
    /// Where the published RASP reads it otherwise, in sentences.
    pub notes: Vec<String>,
    /// Its texts: file 0 is the program, file 1 the prelude.
    pub sources: Sources,
}

impl Program {
    /// The output of a run; a numerical one in numbers, so that the mean of one True reads as 1.
    pub fn output_of(&self, run: &Run) -> Vec<Value> {
        let numerical = self.graph.node(self.output).encoding == Encoding::Numerical;
        let plain = |value: &Value| match value {
            Value::Bool(b) if numerical => Value::Int(i64::from(*b)),
            other => other.clone(),
        };
        run.output().iter().map(plain).collect()
    }

    /// The values of the s-ops with a name that the output depends on, in the order in which they are computed.
    pub fn trace_of(&self, run: &Run) -> Vec<(String, Vec<Value>)> {
        let mut named: Vec<_> = self
            .names
            .iter()
            .filter(|(_, id)| !run.values(**id).is_empty())
            .collect();
        named.sort_by_key(|(_, id)| **id);
        named
            .into_iter()
            .map(|(name, id)| (name.clone(), run.values(*id).to_vec()))
            .collect()
    }

    /// The selectors that the output depends on, with their rows, in the order in which they are computed: whether
    /// query `q` selects key `k` is `rows[q][k]`.
    pub fn selectors_of<'a>(
        &'a self,
        run: &'a Run,
    ) -> impl Iterator<Item = (String, &'a [Vec<bool>])> {
        let graph = &self.graph;
        let nodes = (0..graph.nodes.len()).map(NodeId);
        let selectors = nodes.filter(|id| graph.node(*id).kind.is_selector());
        selectors
            .map(|id| (describe(graph, id), run.selected(id)))
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(name, rows)| (name.trim_start_matches("the ").to_owned(), rows))
    }

    /// A report that points at a node, for what comes after the language.
    pub fn diagnostic(
        &self,
        node: NodeId,
        message: impl Into<String>,
        remark: impl Into<String>,
        help: Option<String>,
    ) -> Diagnostic {
        let span = match &self.graph.node(node).span {
            Some((file, range)) => Span {
                file: *file,
                range: range.clone(),
            },
            None => {
                return Diagnostic {
                    message: message.into(),
                    labels: Vec::new(),
                    help,
                };
            }
        };
        self.sources
            .diagnostic(Problem::new(&span, message, remark).maybe_help(help))
    }
}

/// Reads a program from a file.
///
/// # Errors
/// If the file cannot be read; else what is wrong with the program.
pub fn compile_file(
    path: &Path,
    options: &Options,
) -> Result<Result<Program, Vec<Diagnostic>>, FileError> {
    let text = files::read_text(path, syntax::lexer::MAX_BYTES as u64)?;
    Ok(compile_source(&path.display().to_string(), &text, options))
}

/// Of a text that is no program: what it is, if that can be told.
fn foreign(text: &str) -> Option<Diagnostic> {
    let content = Content::of(text.as_bytes())?;
    let help = match content {
        Content::Html | Content::Xml => {
            "give the program itself: of a page that shows one, download the raw file"
        }
        Content::Json => "give the program itself: a text of statements that end with `;`",
        _ => return None,
    };
    Some(Diagnostic {
        message: format!("this is {content}, and not a RASP program"),
        labels: Vec::new(),
        help: Some(help.into()),
    })
}

/// Builds the graph of a program; `name` is the file's name for messages.
///
/// # Errors
/// What is wrong with the program: at least one report, in the order of the source.
pub fn compile_source(
    name: &str,
    text: &str,
    options: &Options,
) -> Result<Program, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let file = sources.add(name, text);
    sources.add("prelude", PRELUDE);
    let mut problems = Vec::new();
    let mut header = header::header(file, text, &mut problems);
    header.max_seq_len = options.max_seq_len.or(header.max_seq_len);
    header.output = options.output.clone().or(header.output);
    header.vocab = options.vocab.clone().or(header.vocab);
    let read = syntax::parse(file, text, &mut problems);
    if !problems.is_empty() {
        return Err(match foreign(text) {
            Some(report) => vec![report],
            None => reports(&sources, problems),
        });
    }

    let near = Path::new(name)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    let directory = options.directory.clone().unwrap_or(near);
    let mut elaborator = Elaborator::new(
        sources,
        directory,
        PathBuf::from(name),
        header.vocab.clone(),
    );
    elaborator.run(&PRELUDE_STATEMENTS);
    elaborator.seal_prelude();
    if let Some(length) = header
        .max_seq_len
        .and_then(|length| i64::try_from(length).ok())
    {
        elaborator.constant_named("max_seq_len", Value::Int(length));
    }
    elaborator.notes = read.notes;
    elaborator.run(&read.statements);
    let output = output(&elaborator, &header, file, text);
    problems.append(&mut elaborator.problems);
    match output {
        Ok(output) if problems.is_empty() => Ok(Program {
            output,
            header,
            names: elaborator.sops(),
            notes: elaborator.notes_in_words(),
            graph: elaborator.graph,
            sources: elaborator.sources,
        }),
        Ok(_) => Err(reports(&elaborator.sources, problems)),
        Err(problem) => {
            // Without an output because of an error that is reported already: enough said.
            if problems.is_empty() {
                problems.push(problem);
            }
            Err(reports(&elaborator.sources, problems))
        }
    }
}

/// The program's own text is blamed first, and what it calls in the prelude is shown after that.
fn reports(sources: &Sources, problems: Vec<Problem>) -> Vec<Diagnostic> {
    problems
        .into_iter()
        .map(|mut problem| {
            problem
                .labels
                .sort_by_key(|(span, _)| span.file == PRELUDE_FILE);
            sources.diagnostic(problem)
        })
        .collect()
}

fn output(
    elaborator: &Elaborator,
    header: &Header,
    file: usize,
    text: &str,
) -> Result<NodeId, Problem> {
    let end = text.trim_end().len();
    let whole = Span {
        file,
        range: end.saturating_sub(1)..end,
    };
    let (name, span) = match (&header.output, &elaborator.last_assigned) {
        (Some(name), _) => (name.clone(), whole),
        (None, Some((name, span))) => (name.clone(), span.clone()),
        (None, None) => {
            return Err(
                Problem::new(&whole, "the program assigns nothing", "ends here")
                    .help("its output is what is assigned last, as in `out = reverse(tokens);`"),
            );
        }
    };
    match elaborator.global(&name) {
        Some(Item::Sop(id)) => Ok(*id),
        Some(other) => Err(Problem::new(
            &span,
            format!(
                "the output `{name}` is {}, but must be an s-op",
                other.describe()
            ),
            other.describe(),
        )
        .help("end with an s-op, or name one as `#! output: NAME` in the header or by --output")),
        None => {
            let names = elaborator.sops();
            let help = nearest(&name, names.keys().map(String::as_str));
            let own = elaborator.globals().iter();
            let own = own.filter(|(_, item)| matches!(item, Item::Sop(_)));
            let own: Vec<&str> = own.map(|(name, _)| name.as_str()).take(MAX_NAMES).collect();
            let help = help
                .or_else(|| (!own.is_empty()).then(|| format!("its s-ops are {}", own.join(", "))));
            Err(Problem::new(
                &span,
                format!("the program has no `{name}` to output"),
                "searched up to here",
            )
            .maybe_help(help))
        }
    }
}
