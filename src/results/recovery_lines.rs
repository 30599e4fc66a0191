//! What the dictionaries of a study come to: a line for each method, between a null and a ceiling.

use super::group::by_key;
use super::recovery_scores::{Judged, RecoveryRow, Score};
use super::statistics::median;
use super::table::median_cell;
use crate::config::DictionaryMethod;

/// What a line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Random data rows.
    Null,
    /// What a method found.
    Method(DictionaryMethod),
    /// `W` with non-negative least-squares codes.
    Ceiling,
}

impl Who {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null: random data rows",
            Self::Method(method) => method.name(),
            Self::Ceiling => "ceiling: true W, NNLS codes",
        }
    }

    /// Its part of a score.
    pub fn of(self, judged: Judged) -> Option<f64> {
        match self {
            Self::Null => judged.rows,
            Self::Method(_) => judged.value,
            Self::Ceiling => judged.ceiling,
        }
    }
}

/// A method over runs, or what it is judged by.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Which.
    pub who: Who,
    /// The dictionaries that tell it.
    pub rows: Vec<&'a RecoveryRow>,
}

impl Line<'_> {
    /// A score of each run: the median over its dictionaries.
    pub fn values(&self, score: Score) -> Vec<f64> {
        self.of_runs(|row| self.who.of(row.score(score)))
    }

    /// Some value of each run, in the order in which the runs come first.
    pub fn of_runs(&self, value: impl Fn(&RecoveryRow) -> Option<f64>) -> Vec<f64> {
        let by_run = by_key(self.rows.iter().map(|row| (row.run.as_str(), *row)));
        let of_run = |(_, rows): (&str, Vec<&RecoveryRow>)| {
            let values: Vec<f64> = rows.into_iter().filter_map(&value).collect();
            (!values.is_empty()).then(|| median(&values))
        };
        by_run.into_iter().filter_map(of_run).collect()
    }

    /// How many runs it has.
    pub fn runs(&self) -> usize {
        self.of_runs(|_| Some(0.0)).len()
    }
}

/// The lines of some dictionaries: the null, the methods in their order, the ceiling.
pub fn lines<'a>(rows: &[&'a RecoveryRow]) -> Vec<Line<'a>> {
    let of = |method: DictionaryMethod| {
        let rows = rows.iter().filter(|row| row.dictionary == method);
        rows.copied().collect::<Vec<_>>()
    };
    let methods = DictionaryMethod::ALL.map(|(_, method)| (method, of(method)));
    let found: Vec<_> = methods
        .into_iter()
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    // Nulls have as many atoms as the dictionary, and principal components are at most d.
    let telling = found
        .iter()
        .find(|(method, _)| *method != DictionaryMethod::Pca)
        .or(found.first());
    let Some((_, telling)) = telling.cloned() else {
        return Vec::new();
    };
    let line = |who, rows| Line { who, rows };
    let methods = found
        .into_iter()
        .map(|(method, rows)| line(Who::Method(method), rows));
    std::iter::once(line(Who::Null, telling.clone()))
        .chain(methods)
        .chain([line(Who::Ceiling, telling)])
        .collect()
}

/// Dictionaries of runs of one kind.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Group<'a> {
    pub program: &'a str,
    /// What found `W`.
    pub method: &'a str,
    pub d: usize,
    pub rows: Vec<&'a RecoveryRow>,
}

/// The dictionaries by program, origin of `W`, `d` and part of the stream; the largest `d` first.
pub fn groups(rows: &[RecoveryRow]) -> Vec<Group<'_>> {
    let keyed = rows.iter().map(|row| {
        let key = (&row.program, &row.method, row.d, row.site, row.bos);
        (key, row)
    });
    let mut found = by_key(keyed);
    found.sort_by(|(a, _), (b, _)| (a.0, a.1, b.2).cmp(&(b.0, b.1, a.2)));
    let found = found.into_iter();
    found
        .map(|((program, method, d, ..), rows)| Group {
            program,
            method,
            d,
            rows,
        })
        .collect()
}

/// What [`table`] shows.
pub const NOTE: &str = "Medians over the runs with the same program, origin of W and d, of each run the median over the seeds of \
                        the method; in brackets the bootstrap's 95 % interval of the median over runs.";

/// The columns of [`table`] that are words.
pub const WORDS: usize = 4;

/// The medians as a table for reading, a header first: in each group a line a method, between a null and a ceiling.
pub fn table(rows: &[RecoveryRow]) -> Vec<Vec<String>> {
    let first = ["program", "W", "d", "dictionary", "runs"];
    let titles = Score::ALL.map(Score::title);
    let header = first.into_iter().chain(titles).chain(["EV", "L0"]);
    let mut table = vec![header.map(String::from).collect::<Vec<_>>()];
    for group in groups(rows) {
        for line in lines(&group.rows) {
            let mut cells = vec![group.program.to_owned(), group.method.to_owned()];
            cells.push(group.d.to_string());
            cells.push(line.who.name().to_owned());
            cells.push(line.runs().to_string());
            cells.extend(Score::ALL.map(|score| median_cell(&line.values(score))));
            cells.extend(match line.who {
                Who::Method(_) => [
                    line.of_runs(|row| Some(row.explained_variance)),
                    line.of_runs(|row| Some(row.l0)),
                ]
                .map(|values| median_cell(&values)),
                Who::Null | Who::Ceiling => [String::new(), String::new()],
            });
            table.push(cells);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::recovery_scores::tests::row;
    use super::*;
    use DictionaryMethod::{L1Sae, Pca, Random};

    #[test]
    fn a_run_counts_once_however_many_seeds_its_dictionaries_have() {
        let rows = [
            row("a", L1Sae, 0, 0.2),
            row("a", L1Sae, 1, 0.4),
            row("a", L1Sae, 2, 0.9),
            row("b", L1Sae, 0, 0.6),
            row("b", Pca, 0, 0.1),
        ];
        let rows: Vec<&RecoveryRow> = rows.iter().collect();
        let found = lines(&rows);
        let names: Vec<&str> = found.iter().map(|line| line.who.name()).collect();
        assert_eq!(
            names,
            [
                "null: random data rows",
                "l1_sae",
                "pca",
                "ceiling: true W, NNLS codes"
            ]
        );
        assert_eq!(found[1].values(Score::Mcc), [0.4, 0.6]);
        assert_eq!(found[2].values(Score::Mcc), [0.1]);
        assert_eq!((found[1].runs(), found[2].runs()), (2, 1));
    }

    #[test]
    fn nulls_are_those_of_a_method_with_all_atoms_where_there_is_one() {
        let (pca, random) = (row("a", Pca, 0, 0.1), row("a", Random, 0, 0.7));
        let null = |rows: &[&RecoveryRow]| lines(rows)[0].rows[0].dictionary;
        assert_eq!(null(&[&pca, &random]), Random);
        assert_eq!(null(&[&pca]), Pca);
        assert!(lines(&[]).is_empty());
    }
}
