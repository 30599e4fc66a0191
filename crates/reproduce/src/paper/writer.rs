//! The document as it grows: Markdown for reading, and a row for every figure in it.

use std::path::{Path, PathBuf};

use super::estimate::{Criterion, Estimate, Verdict};
use super::study::{Source, Study, of_method};
use base::numbers::{count, four_digits};
use tracr_compress::config::Method;
use tracr_compress::figures::{Figure, svg};
use tracr_compress::results::ReadError;
use tracr_compress::results::runs::STEPS;

/// The columns of `REPORT.csv`.
pub const COLUMNS: [&str; 10] = [
    "section",
    "study",
    "setting",
    "figure",
    "runs",
    "median",
    "low",
    "high",
    "criterion",
    "met",
];

/// A figure that a statement of the paper is judged by.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is, in words.
    pub figure: String,
    /// What the paper says of it.
    pub paper: String,
    /// What was found; none if it was not measured.
    pub found: Option<Estimate>,
    /// When it counts as the same; none if it is there for information.
    pub criterion: Option<Criterion>,
}

impl Line {
    /// Whether the criterion is met; none without a figure or a criterion.
    pub fn met(&self) -> Option<bool> {
        Some(self.criterion?.met_by(self.found?.median))
    }
}

/// A setting's name and how to find its runs.
pub type Row<'a> = (String, Vec<(&'a str, String)>);

/// Grows from top to bottom.
pub struct Writer {
    results: PathBuf,
    section: String,
    /// Of each statement: number and title, the paper's words, what was found, verdict.
    pub verdicts: Vec<[String; 4]>,
    /// Markdown.
    pub text: String,
    /// Rows under [`COLUMNS`].
    pub rows: Vec<[String; 10]>,
    /// SVG files beside the document: name and content.
    pub figures: Vec<(String, String)>,
}

impl Writer {
    /// Empty, for studies below `results`.
    pub fn new(results: &Path) -> Self {
        Self {
            results: results.to_owned(),
            section: String::new(),
            verdicts: Vec::new(),
            text: String::new(),
            rows: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Where the studies are.
    pub fn results(&self) -> &Path {
        &self.results
    }

    /// A heading; what follows is filed under it.
    pub fn heading(&mut self, title: &str) {
        title.clone_into(&mut self.section);
        self.text += &format!("\n### {title}\n");
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.text += &format!("\n{text}\n");
    }

    /// A figure of its own, beside the document, with its caption.
    pub fn figure(&mut self, figure: &Figure) {
        let file = format!("{}.svg", figure.name);
        self.paragraph(&format!("![{}]({file})", figure.title));
        self.paragraph(&format!("*{}.* {}", figure.title, figure.caption));
        let drawn = svg::document(&figure.scene, &figure.title, &figure.caption);
        self.figures.push((file, drawn));
    }

    /// A published study, or words that it has not been run and how to.
    ///
    /// # Errors
    /// If its table is garbled.
    pub fn study(&mut self, name: &str) -> Result<Option<Study>, ReadError> {
        let study = Study::load(&self.results, name)?;
        if study.is_none() {
            self.paragraph(&format!(
                "**The study `{name}` has not been run.** `scripts/reproduce.sh {name}` runs it, publishes it and \
                 writes this page again."
            ));
        }
        Ok(study)
    }

    /// Judges a statement by its figures, as a table.
    pub fn judge(&mut self, study: &str, paper: &str, lines: &[Line]) -> Verdict {
        let met: Vec<Option<bool>> = lines
            .iter()
            .filter(|line| line.criterion.is_some())
            .map(Line::met)
            .collect();
        let verdict = Verdict::of(&met);
        self.paragraph(&format!("The paper: {paper}"));
        let mut table = vec![
            [
                "figure",
                "paper",
                "here: median [95 %]",
                "runs",
                "holds if",
                "so?",
            ]
            .map(str::to_owned),
        ];
        for line in lines {
            let criterion = line.criterion.map_or_else(String::new, Criterion::text);
            let answer = match line.met() {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            };
            table.push([
                line.figure.clone(),
                line.paper.clone(),
                line.found
                    .map_or_else(|| "not measured".into(), |f| f.text()),
                line.found.map_or_else(String::new, |f| f.runs.to_string()),
                criterion.clone(),
                answer.to_owned(),
            ]);
            self.file_judged(study, "", &line.figure, line.found, [&criterion, answer]);
        }
        self.table(&table);
        let kept = met.iter().filter(|m| **m == Some(true)).count();
        let of_all = format!("{kept} of {} criteria", met.len());
        self.paragraph(&match verdict {
            Verdict::Unknown => "**This was not measured in full.**".to_owned(),
            known => format!("**This {}**: {of_all} are met.", known.text()),
        });
        let mut judged = lines.iter().filter(|line| line.criterion.is_some());
        let first =
            judged.find_map(|line| Some(format!("{}: {}", line.figure, line.found?.text())));
        self.verdicts.push([
            self.section.clone(),
            paper.to_owned(),
            first.unwrap_or_default(),
            format!("**{}** ({of_all})", verdict.text()),
        ]);
        verdict
    }

    /// A statement whose study is not there.
    pub fn unknown(&mut self, paper: &str) {
        self.verdicts.push([
            self.section.clone(),
            paper.to_owned(),
            String::new(),
            Verdict::Unknown.text().to_owned(),
        ]);
    }

    /// Figures (columns) of settings (rows); the first cell of the header says what rows are.
    ///
    /// # Errors
    /// If a table or a column is missing.
    pub fn matrix(
        &mut self,
        study: &Study,
        what: &str,
        rows: &[Row<'_>],
        columns: &[(&str, Source<'_>)],
    ) -> Result<(), ReadError> {
        let header = [what]
            .into_iter()
            .chain(columns.iter().map(|(name, _)| *name));
        let mut table = vec![header.map(str::to_owned).collect::<Vec<String>>()];
        for (label, setting) in rows {
            let setting: Vec<(&str, &str)> = setting
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
                .collect();
            let mut cells = vec![label.clone()];
            for (name, source) in columns {
                let found = study.estimate(&setting, source)?;
                cells.push(found.map_or_else(String::new, |f| f.text()));
                if found.is_some() {
                    self.file(&study.name, &format!("{what} {label}"), name, found);
                }
            }
            table.push(cells);
        }
        self.table(&table);
        Ok(())
    }

    /// A table of cells, header first.
    pub fn table<R: AsRef<[String]>>(&mut self, rows: &[R]) {
        self.text += "\n";
        for (i, row) in rows.iter().enumerate() {
            let cells: Vec<String> = row
                .as_ref()
                .iter()
                .map(|cell| cell.replace('|', "\\|"))
                .collect();
            self.text += &format!("| {} |\n", cells.join(" | "));
            if i == 0 {
                self.text += &format!("|{}\n", "---|".repeat(cells.len()));
            }
        }
    }

    /// Files a figure for `REPORT.csv`.
    pub fn file(&mut self, study: &str, setting: &str, figure: &str, found: Option<Estimate>) {
        self.file_judged(study, setting, figure, found, ["", ""]);
    }

    /// Files a figure with its criterion, and whether that is met.
    fn file_judged(
        &mut self,
        study: &str,
        setting: &str,
        figure: &str,
        found: Option<Estimate>,
        [criterion, met]: [&str; 2],
    ) {
        let number = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:?}"));
        let interval = found.and_then(|f| f.interval);
        self.rows.push([
            self.section.clone(),
            study.to_owned(),
            setting.to_owned(),
            figure.to_owned(),
            found.map_or_else(String::new, |f| f.runs.to_string()),
            number(found.map(|f| f.median)),
            number(interval.map(|i| i.0)),
            number(interval.map(|i| i.1)),
            criterion.to_owned(),
            met.to_owned(),
        ]);
    }

    /// How the study was made, how long that took, and its figures (those of these names that are there).
    ///
    /// # Errors
    /// If a column is missing.
    pub fn colophon(&mut self, study: &Study, figures: &[&str]) -> Result<(), ReadError> {
        let name = study.name.as_str();
        let (runs, seconds, middle) = study.time()?;
        let mut text = format!(
            "`compress sweep experiments/{name}.toml`: {} of {}, {} of computing on one core",
            count(runs, "run"),
            steps(study)?,
            duration(seconds)
        );
        self.file(
            name,
            "",
            "seconds of computing",
            Some(Estimate::single(seconds, runs)),
        );
        if let Some(middle) = middle {
            text += &format!(" ({} in the median of a training run)", duration(middle));
            let found = Some(Estimate::single(middle, runs));
            self.file(name, "", "median seconds of a training run", found);
        }
        text += ".";
        let links = figures.iter().filter_map(|figure| {
            let file = study.file(&format!("figures/{figure}.svg"))?;
            Some(format!("[{}]({file})", figure.replace('_', " ")))
        });
        let page = study
            .file("report.html")
            .map(|file| format!("[report]({file})"));
        let links: Vec<String> = links.chain(page).collect();
        if !links.is_empty() {
            text += &format!(" Figures and tables: {}.", links.join(", "));
        }
        self.paragraph(&text);
        let mut files = figures
            .iter()
            .map(|figure| study.file(&format!("figures/{figure}.svg")));
        if let Some(file) = files.find_map(|file| file) {
            self.paragraph(&format!("![{}]({file})", name.replace('_', " ")));
        }
        Ok(())
    }
}

/// The updates of a study's training runs, from the fewest to the most.
fn steps(study: &Study) -> Result<String, ReadError> {
    let steps = study.values(&[of_method(Method::Train)], &Source::of_run(STEPS))?;
    let (least, most) = steps
        .iter()
        .fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), x| {
            (a.min(*x), b.max(*x))
        });
    Ok(match least.total_cmp(&most) {
        std::cmp::Ordering::Less => {
            format!("{} to {} steps", four_digits(least), four_digits(most))
        }
        std::cmp::Ordering::Equal => format!("{} steps", four_digits(most)),
        std::cmp::Ordering::Greater => "no steps".to_owned(),
    })
}

/// Seconds as people say them.
pub fn duration(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{} s", four_digits((seconds * 10.0).round() / 10.0))
    } else if seconds < 5400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}
