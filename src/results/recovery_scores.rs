//! `recovery_scores.csv`: how much of the truth the dictionaries have that were looked for in the runs of a study.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::error::ReadError;
use super::layout::{COLLECT, RECOVERY_SCORES};
use super::table::Table;
use crate::config::DictionaryMethod;

/// A score that has nulls and a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Score {
    Mcc,
    Recovered,
    ActivationMcc,
    Causal,
}

impl Score {
    /// All of them, in the order of the columns.
    pub const ALL: [Self; 4] = [
        Self::Mcc,
        Self::Recovered,
        Self::ActivationMcc,
        Self::Causal,
    ];

    /// The column, as in `recovery.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcc => "mcc",
            Self::Recovered => "recovered",
            Self::ActivationMcc => "activation_mcc",
            Self::Causal => "causal",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Mcc => "MCC",
            Self::Recovered => "recovered",
            Self::ActivationMcc => "activation MCC",
            Self::Causal => "causal",
        }
    }
}

/// A score beside what it is worth; none where no exchange says anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Judged {
    /// The dictionary's.
    pub value: Option<f64>,
    /// The mean of random data rows over their draws.
    pub rows: Option<f64>,
    /// Their 2.5 % quantile.
    pub rows_low: Option<f64>,
    /// Their 97.5 % quantile.
    pub rows_high: Option<f64>,
    /// The mean of random directions.
    pub directions: Option<f64>,
    /// The mean of shuffled labels.
    pub shuffled: Option<f64>,
    /// `W` with non-negative least-squares codes.
    pub ceiling: Option<f64>,
}

/// The columns of a [`Judged`], each after the name of the score and `_`; the first is the name alone.
const OF_JUDGED: [&str; 7] = [
    "",
    "rows",
    "rows_low",
    "rows_high",
    "directions",
    "shuffled",
    "ceiling",
];

/// A dictionary of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct RecoveryRow {
    pub program: String,
    /// `D`.
    pub width: usize,
    /// What found `W`.
    pub method: String,
    pub d: usize,
    /// Of the run; empty where the study does not vary it.
    pub seed: String,
    /// Below the study's directory.
    pub run: String,
    /// The part of the stream; none for all sites.
    pub site: Option<usize>,
    /// Whether the position of BOS counts.
    pub bos: bool,
    /// What found the dictionary.
    pub dictionary: DictionaryMethod,
    pub dictionary_seed: u64,
    pub atoms: usize,
    pub targets: usize,
    pub lambda: Option<f64>,
    pub k: Option<usize>,
    /// Whether it explains as much of the variance as the choice of `lambda` or `k` asks for.
    pub enough: Option<bool>,
    pub explained_variance: f64,
    pub l0: f64,
    pub dead: usize,
    pub mcc_corrected: Option<f64>,
    pub mcc_canonical: f64,
    pub recovered_canonical: f64,
    pub f1: Option<f64>,
    pub f1_best_threshold: Option<f64>,
    /// In the order of [`Score::ALL`].
    pub scores: [Judged; 4],
}

/// The columns before those of the scores.
const FIRST: [&str; 23] = [
    "program",
    "width",
    "method",
    "d",
    "seed",
    "run",
    "site",
    "bos",
    "dictionary",
    "dictionary_seed",
    "atoms",
    "targets",
    "lambda",
    "k",
    "enough",
    "explained_variance",
    "l0",
    "dead",
    "mcc_corrected",
    "mcc_canonical",
    "recovered_canonical",
    "f1",
    "f1_best_threshold",
];

impl RecoveryRow {
    /// The table's header.
    pub fn columns() -> Vec<String> {
        let of = |score: Score| OF_JUDGED.map(|part| column(score, part));
        let scores = Score::ALL.into_iter().flat_map(of);
        FIRST.into_iter().map(str::to_owned).chain(scores).collect()
    }

    /// As an object with the columns as its keys.
    ///
    /// # Errors
    /// If a number is none.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        let mut row = serde_json::to_value(self)?;
        if let Some(object) = row.as_object_mut() {
            object.remove("scores");
            for (score, judged) in Score::ALL.into_iter().zip(&self.scores) {
                let judged = serde_json::to_value(judged)?;
                for part in OF_JUDGED {
                    let own = if part.is_empty() { "value" } else { part };
                    object.insert(column(score, part), judged[own].clone());
                }
            }
        }
        Ok(row)
    }

    /// A score with its nulls and its ceiling.
    pub fn score(&self, score: Score) -> Judged {
        let place = Score::ALL.iter().position(|other| *other == score);
        place.map_or_else(Judged::default, |place| self.scores[place])
    }

    /// Reads the table of a study, if it is there.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn read(directory: &Path) -> Result<Option<Vec<Self>>, ReadError> {
        let table = Table::read_if_there(directory, RECOVERY_SCORES, COLLECT)?;
        table.as_ref().map(Self::all).transpose()
    }

    fn all(table: &Table) -> Result<Vec<Self>, ReadError> {
        (0..table.rows.len())
            .map(|row| Self::of_row(table, row))
            .collect()
    }

    fn of_row(table: &Table, row: usize) -> Result<Self, ReadError> {
        let text = |name: &str| Ok::<_, ReadError>(table.rows[row][table.column(name)?].clone());
        let number = |name: &str| table.number(row, table.column(name)?);
        let empty = |name: &str| table.wrong(row, format!("`{name}` is empty"));
        let whole = |name: &str| {
            let found = table.whole::<usize>(row, table.column(name)?)?;
            found.ok_or_else(|| empty(name))
        };
        let given = |name: &str| number(name)?.ok_or_else(|| empty(name));
        let flag = |name: &str| match text(name)?.as_str() {
            "" => Ok(None),
            word => word
                .parse()
                .map(Some)
                .map_err(|_| table.wrong(row, format!("`{name}` is neither true nor false"))),
        };
        let mut scores = [Judged::default(); 4];
        for (score, judged) in Score::ALL.into_iter().zip(&mut scores) {
            let of = |part: &str| number(&column(score, part));
            *judged = Judged {
                value: of("")?,
                rows: of("rows")?,
                rows_low: of("rows_low")?,
                rows_high: of("rows_high")?,
                directions: of("directions")?,
                shuffled: of("shuffled")?,
                ceiling: of("ceiling")?,
            };
        }
        Ok(Self {
            program: text("program")?,
            width: whole("width")?,
            method: text("method")?,
            d: whole("d")?,
            seed: text("seed")?,
            run: text("run")?,
            site: table.whole(row, table.column("site")?)?,
            bos: flag("bos")?.ok_or_else(|| empty("bos"))?,
            dictionary: table
                .word(row, table.column("dictionary")?)?
                .ok_or_else(|| empty("dictionary"))?,
            dictionary_seed: whole("dictionary_seed")? as u64,
            atoms: whole("atoms")?,
            targets: whole("targets")?,
            lambda: number("lambda")?,
            k: table.whole(row, table.column("k")?)?,
            enough: flag("enough")?,
            explained_variance: given("explained_variance")?,
            l0: given("l0")?,
            dead: whole("dead")?,
            mcc_corrected: number("mcc_corrected")?,
            mcc_canonical: given("mcc_canonical")?,
            recovered_canonical: given("recovered_canonical")?,
            f1: number("f1")?,
            f1_best_threshold: number("f1_best_threshold")?,
            scores,
        })
    }
}

fn column(score: Score, part: &str) -> String {
    match part {
        "" => score.name().to_owned(),
        part => format!("{}_{part}", score.name()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A dictionary with this MCC.
    pub fn row(run: &str, dictionary: DictionaryMethod, seed: u64, mcc: f64) -> RecoveryRow {
        let judged = Judged {
            value: Some(mcc),
            rows: Some(0.5),
            ..Judged::default()
        };
        RecoveryRow {
            program: "p".into(),
            width: 14,
            method: "train".into(),
            d: 8,
            seed: "3".into(),
            run: run.into(),
            site: None,
            bos: true,
            dictionary,
            dictionary_seed: seed,
            atoms: 9,
            targets: 9,
            lambda: None,
            k: Some(2),
            enough: Some(false),
            explained_variance: 0.5,
            l0: 1.25,
            dead: 0,
            mcc_corrected: None,
            mcc_canonical: 0.25,
            recovered_canonical: 0.125,
            f1: None,
            f1_best_threshold: Some(1.0),
            scores: [judged, judged, judged, Judged::default()],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let rows = [
            row("a", DictionaryMethod::TopkSae, 0, 0.75),
            RecoveryRow {
                site: Some(1),
                bos: false,
                enough: None,
                lambda: Some(0.1),
                ..row("b", DictionaryMethod::Pca, 1, 0.5)
            },
        ];
        let directory = tempfile::tempdir().unwrap();
        let read = || RecoveryRow::read(directory.path());
        assert_eq!(read().unwrap(), None);
        let text = super::super::table::to_csv(&RecoveryRow::columns(), &rows).unwrap();
        let path = directory.path().join(RECOVERY_SCORES);
        std::fs::write(&path, &text).unwrap();
        assert_eq!(read().unwrap().unwrap(), rows);
        let text = String::from_utf8(text).unwrap();
        // As JSON, a key a column.
        let json = rows[1].json().unwrap();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        let columns = RecoveryRow::columns();
        assert_eq!(text.lines().next().unwrap(), columns.join(","));
        assert_eq!(keys, columns.iter().collect::<Vec<_>>());
        assert_eq!(
            (&json["mcc"], &json["mcc_rows"]),
            (&0.5.into(), &0.5.into())
        );
        assert!(json["causal"].is_null());
        std::fs::write(&path, text.replace("topk_sae", "sae")).unwrap();
        let error = read().unwrap_err().to_string();
        assert!(
            error.contains("`dictionary` is `sae`, which is none of its words"),
            "{error}"
        );
    }
}
