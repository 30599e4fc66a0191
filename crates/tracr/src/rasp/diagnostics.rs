//! What is wrong with a program, where, and what would be right: reports that point into the
//! source.

use std::ops::Range;
use std::sync::Arc;

use ariadne::{CharSet, Config, IndexType, Report, ReportKind};

use base::escape::is_hidden;

/// Lines longer than this are not shown: the position stands in words.
const LONGEST_LINE: usize = 400;

/// Longer names are no typing error: comparing two of them takes time and memory of their product.
const LONGEST_NAME: usize = 100;

/// Longer messages are cut.
const LONGEST_TEXT: usize = 300;

/// One source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As messages call it: a path as given, `prelude`.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// A piece of a source: bytes `range` of file number `file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index into [`Sources`].
    pub file: usize,
    /// Bytes.
    pub range: Range<usize>,
}

impl Span {
    /// From the start of `self` to the end of `other`.
    pub fn to(&self, other: &Self) -> Self {
        Self {
            file: self.file,
            range: self.range.start..other.range.end.max(self.range.start),
        }
    }
}

/// The texts that a program was made from, by file number.
#[derive(Clone, Debug, Default)]
pub struct Sources(pub Vec<Arc<SourceFile>>);

/// A place in a source with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The text.
    pub file: Arc<SourceFile>,
    /// Bytes.
    pub range: Range<usize>,
    /// Shown beside the caret.
    pub text: String,
}

/// One problem of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in a sentence.
    pub message: String,
    /// Where; the first is the place that is blamed. Empty if the program as a whole is.
    pub labels: Vec<Label>,
    /// What would be right.
    pub help: Option<String>,
}

/// A problem before its files are looked up.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What is wrong, in a sentence.
    pub message: String,
    /// Where, and a remark beside the caret.
    pub labels: Vec<(Span, String)>,
    /// What would be right.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with a remark at one place.
    pub fn new(span: &Span, message: impl Into<String>, remark: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            labels: vec![(span.clone(), remark.into())],
            help: None,
        }
    }

    /// Says what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what would be right, if that was not said yet.
    #[must_use]
    pub fn help_unless_given(mut self, help: impl Into<String>) -> Self {
        self.help = self.help.or_else(|| Some(help.into()));
        self
    }

    /// Says what would be right, if anything is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn also(mut self, span: &Span, remark: impl Into<String>) -> Self {
        self.labels.push((span.clone(), remark.into()));
        self
    }
}

impl Sources {
    /// Adds a text; its number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        self.0.push(Arc::new(SourceFile {
            name: name.into(),
            text: text.into(),
        }));
        self.0.len() - 1
    }

    /// Looks up the files of a problem.
    pub fn diagnostic(&self, problem: Problem) -> Diagnostic {
        let labels = problem
            .labels
            .into_iter()
            .filter_map(|(span, remark)| {
                let file = self.0.get(span.file)?.clone();
                let text = &file.text;
                let start = text.floor_char_boundary(span.range.start);
                let end = text.ceil_char_boundary(span.range.end.max(start));
                Some(Label {
                    file,
                    range: start..end,
                    text: cut(remark),
                })
            })
            .collect();
        Diagnostic {
            message: cut(problem.message),
            labels,
            help: problem.help,
        }
    }
}

/// A message may hold a value of the program, and that may be long.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The reports, one below the other, as plain text: the same on a terminal and in a file.
pub fn render(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(Diagnostic::render)
        .collect::<Vec<_>>()
        .join("\n")
}

impl Diagnostic {
    /// The report of this problem alone.
    pub fn render(&self) -> String {
        if self
            .labels
            .iter()
            .all(|label| !has_long_line(&label.file.text) && label.is_seen())
            && let Some(report) = self.drawn()
        {
            return report;
        }
        let mut out = format!("Error: {}\n", self.message);
        for label in &self.labels {
            let (line, column) = place(&label.file.text, label.range.start);
            out += &format!("  {}:{line}:{column}: {}\n", label.file.name, label.text);
        }
        if let Some(help) = &self.help {
            out += &format!("  Help: {help}\n");
        }
        out
    }

    fn drawn(&self) -> Option<String> {
        let blamed = self.labels.first()?;
        let config = Config::new()
            .with_color(false)
            .with_char_set(CharSet::Unicode)
            .with_index_type(IndexType::Byte);
        let span = |label: &Label| (label.file.name.clone(), label.range.clone());
        let mut report = Report::build(ReportKind::Error, span(blamed))
            .with_config(config)
            .with_message(&self.message);
        for label in &self.labels {
            report = report.with_label(ariadne::Label::new(span(label)).with_message(&label.text));
        }
        if let Some(help) = &self.help {
            report = report.with_help(help);
        }
        let files = self
            .labels
            .iter()
            .map(|l| (l.file.name.clone(), l.file.text.clone()));
        let mut bytes = Vec::new();
        report
            .finish()
            .write(ariadne::sources(files), &mut bytes)
            .ok()?;
        let text = String::from_utf8(bytes).ok()?;
        // ariadne pads lines with blanks.
        Some(
            text.lines()
                .map(|line| line.trim_end().to_owned() + "\n")
                .collect(),
        )
    }
}

impl Label {
    /// Whether every character of its lines is seen: else the carets would stand under others.
    fn is_seen(&self) -> bool {
        let text = &self.file.text;
        let before = text.get(..self.range.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let behind = text.get(self.range.end..).unwrap_or_default();
        let end = self.range.end + behind.find('\n').unwrap_or(behind.len());
        let lines = text.get(start..end).unwrap_or_default().lines();
        lines
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .flat_map(str::chars)
            .all(|c| c == '\t' || !is_hidden(c))
    }
}

fn has_long_line(text: &str) -> bool {
    text.lines().any(|line| line.len() > LONGEST_LINE)
}

/// Line and column of a byte, both from 1.
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |rest| rest.chars().count())
        + 1;
    (line, column)
}

/// ` (did you mean `x`?)`'s content: the known name nearest to `word`, if one is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .filter(|name| *name != word && name.len().max(word.len()) <= LONGEST_NAME)
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(3) / 3).min(3))
        .min()
        .map(|(_, name)| format!("did you mean `{name}`?"))
}
