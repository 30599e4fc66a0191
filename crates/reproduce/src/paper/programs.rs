//! The library's programs over `d`: how small can it be, beside the rank of the states that they visit?

use super::claims::{ACCURACY, COSINE};
use super::estimate::Estimate;
use super::study::{Source, Study};
use super::writer::Writer;
use crate::layout::STUDY_BUDGETS;
use base::numbers::{count, listed};
use tracr_compress::config::keys::{DIM, PROGRAM};
use tracr_compress::figures::critical::{Row, against_rank};
use tracr_compress::results::Metric;
use tracr_compress::results::ReadError;
use tracr_compress::results::critical::Tolerance;
use tracr_compress::results::runs::{ENDING, ERROR_SHARE};

/// Of the dimensions given up: what they are called here, and the columns that count for them.
const CAUSES: [(&str, &[&str]); 3] = [
    ("deletion", &["deletion", "deletion_of_unused"]),
    ("sharing", &["sharing"]),
    ("superposition", &["superposition"]),
];

const fn budget(column: &str) -> Source<'_> {
    Source::of(STUDY_BUDGETS, column, &[])
}

/// The section.
///
/// # Errors
/// If a table is garbled.
pub fn write(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Every program of the library");
    writer.paragraph(
        "The rank is that of the states that the compiled model visits: its stream after the embedding and after each \
         block, over all inputs and positions. In the features that something reads it may be smaller (`read`). At d = \
         `read` the projection onto those states loses nothing that is read, without training; at a smaller d no `W` can \
         keep everything that is read. The smallest sufficient d is the smallest of those tried at which, and at every \
         larger one tried, the median run has a token accuracy of at least 0.98, or a mean absolute error of at most \
         0.005 for numbers, with its 95 % interval over seeds. The dimensions given up there are divided by their cause \
         (`docs/analysis.md`), median over seeds.",
    );
    let Some(study) = writer.study("programs")? else {
        return Ok(());
    };
    let header = [
        "program",
        "D",
        "rank",
        "read",
        "d tried",
        "smallest sufficient d",
        "deletion",
        "sharing",
        "superposition",
        "mostly",
        "mean cosine of blocks",
    ];
    let mut table = vec![header.map(str::to_owned).to_vec()];
    let (mut below, mut at, mut above, mut open, mut wide) = (0, 0, 0, 0, 0);
    let mut drawn = Vec::new();
    let mut single = Vec::new();
    for program in study.levels(&[], PROGRAM)? {
        let row = Program::read(&study, &program)?;
        let width = row.critical.filter(|c| c.median.is_finite());
        match width.map(|c| c.median.total_cmp(&row.read)) {
            _ if row.is_of_one_answer => single.push(format!("`{}`", row.name)),
            Some(std::cmp::Ordering::Less) => below += 1,
            Some(std::cmp::Ordering::Equal) => at += 1,
            Some(std::cmp::Ordering::Greater) => above += 1,
            None => {
                open += 1;
                wide += usize::from(row.tried_widest() >= row.read);
            }
        }
        row.file(writer, &study);
        table.push(row.cells());
        drawn.push(row.drawn());
    }
    writer.table(&table);
    let source = "results/programs, by `reproduce paper`";
    let title = "Smallest sufficient d beside the rank of what is read";
    writer.figure(&against_rank("REPORT_programs", title, source, &drawn));
    writer.paragraph(&format!(
        "The median run works below the rank of what is read for {}, at it for {}, and above it alone for {}. For {} it works \
         at no width that was tried; in {wide} of these cases that includes a width of at least the rank, at which a \
         projection would be exact: there the training is what fails, not the width.",
        count(below, "program"),
        count(at, "program"),
        count(above, "program"),
        count(open, "program")
    ));
    if !single.is_empty() {
        writer.paragraph(&format!(
            "Not counted: {}. There one answer is right on every input of this study, so that any d suffices.",
            listed(&single)
        ));
    }
    writer.paragraph(
        "An interval over three seeds is wide, and a smaller d than those tried, or one between them, may suffice.",
    );
    writer.colophon(&study, &["verdicts", "metrics_by_d"])
}

/// What was found about one.
struct Program {
    name: String,
    width: f64,
    /// Of the states that are visited.
    rank: f64,
    /// The same in the features that are read.
    read: f64,
    /// Whether a constant answer is right everywhere.
    is_of_one_answer: bool,
    tried: Vec<String>,
    critical: Option<Estimate>,
    causes: Vec<(&'static str, Option<Estimate>)>,
    cosine: Option<Estimate>,
}

impl Program {
    fn read(study: &Study, program: &str) -> Result<Self, ReadError> {
        let whole = [(PROGRAM, program)];
        let of = |column| {
            let found = study.estimate(&whole, &budget(column))?;
            Ok::<_, ReadError>(found.map_or(f64::NAN, |f| f.median))
        };
        let is_of_numbers = study.values(&whole, &ACCURACY)?.is_empty();
        let tolerance = if is_of_numbers {
            Tolerance {
                metric: Metric::Mae,
                value: 0.005,
            }
        } else {
            Tolerance {
                metric: Metric::TokenAccuracy,
                value: 0.98,
            }
        };
        let critical = study.critical_width(&whole, &tolerance)?;
        let width = critical.map_or_else(String::new, |c| c.median.to_string());
        let cosine = study.estimate(&[(PROGRAM, program), (DIM, &width)], &COSINE)?;
        let mut causes = Vec::new();
        for (name, columns) in CAUSES {
            let mut sum: Option<Estimate> = None;
            for column in columns {
                let at = [(PROGRAM, program), (DIM, width.as_str())];
                sum = match (sum, study.estimate(&at, &budget(column))?) {
                    (Some(a), Some(b)) => Some(Estimate::single(a.median + b.median, b.runs)),
                    (None, Some(b)) => Some(Estimate::single(b.median, b.runs)),
                    (known, None) => known,
                };
            }
            causes.push((name, sum));
        }
        let name = program.rsplit('/').next().unwrap_or(program);
        Ok(Self {
            name: name.trim_end_matches(".rasp").to_owned(),
            width: of("width")?,
            rank: of("activation_rank")?,
            read: of("read_rank")?,
            is_of_one_answer: study.has(&whole, ENDING)? && !study.has(&whole, ERROR_SHARE)?,
            tried: study.levels(&whole, DIM)?,
            critical,
            causes,
            cosine,
        })
    }

    /// The largest width that was tried.
    fn tried_widest(&self) -> f64 {
        let widths = self.tried.iter().filter_map(|d| d.parse().ok());
        widths.fold(0.0, f64::max)
    }

    /// The cause of most of what is given up.
    fn mostly(&self) -> &'static str {
        let known = self
            .causes
            .iter()
            .filter_map(|(name, found)| Some((*name, (*found)?.median)));
        known
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or("", |(name, _)| name)
    }

    fn drawn(&self) -> Row {
        Row {
            name: self.name.clone(),
            width: self.width,
            rank: self.read,
            tried: self.tried.iter().filter_map(|d| d.parse().ok()).collect(),
            critical: self.critical.filter(|_| !self.is_of_one_answer).map(|c| {
                let (low, high) = c.interval.unwrap_or((c.median, c.median));
                (c.median, low, high)
            }),
        }
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            format!("`{}`", self.name),
            format!("{}", self.width),
            format!("{}", self.rank),
            format!("{}", self.read),
            self.tried.join(", "),
            match self.critical {
                _ if self.is_of_one_answer => "any (one answer)".to_owned(),
                critical => critical.map_or_else(String::new, |c| c.text()),
            },
        ];
        let causes = self.causes.iter();
        cells.extend(causes.map(|(_, found)| found.map_or_else(String::new, |f| f.text())));
        cells.push(self.mostly().to_owned());
        cells.push(self.cosine.map_or_else(String::new, |c| c.text()));
        cells
    }

    fn file(&self, writer: &mut Writer, study: &Study) {
        let single = |x| Some(Estimate::single(x, 1));
        let figures = [
            ("D", single(self.width)),
            ("rank of visited states", single(self.rank)),
            ("rank of what is read", single(self.read)),
        ];
        let causes = self.causes.iter().copied();
        let figures = figures
            .into_iter()
            .chain([
                ("smallest sufficient d", self.critical),
                ("mean cosine of blocks", self.cosine),
            ])
            .chain(causes);
        for (figure, found) in figures {
            writer.file(&study.name, &self.name, figure, found);
        }
    }
}
