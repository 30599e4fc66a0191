//! What is committed in `results/`: the report is what its tables give, and the tables agree with
//! each other.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/common/command.rs"]
mod command;

use std::path::{Path, PathBuf};

use command::{call, root, text};
use tracr_compress::results::statistics::Statistics;

/// The repository should stay quick to clone.
const LARGEST: u64 = 20_000_000;

/// The directories with tables of a study's runs that are committed: raw ones have no such list.
fn studies() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root().join("results"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("medians.csv").is_file() || path.ends_with("stuck_seeds"))
        .collect();
    found.sort();
    found
}

fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let header = cells(reader.headers().unwrap());
    (
        header,
        reader.records().map(|row| cells(&row.unwrap())).collect(),
    )
}

#[test]
fn report_is_what_the_published_tables_give() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, stderr) = call(&["paper", "results", "-o", &text(dir.path())]);
    assert_eq!(code, 0, "{stderr}");
    let mut names: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let expected = [
        "REPORT.csv",
        "REPORT.md",
        "REPORT_circuits.svg",
        "REPORT_programs.svg",
        "REPORT_recovery_1.svg",
        "REPORT_recovery_2.svg",
    ];
    assert_eq!(names, expected);
    for name in names {
        let made = std::fs::read_to_string(dir.path().join(&name)).unwrap();
        let committed = std::fs::read_to_string(root().join("results").join(&name)).unwrap();
        assert!(
            made == committed,
            "results/{name} is not what `reproduce paper` writes"
        );
    }
}

/// The README shows the report's verdicts: the table is the same, line by line.
#[test]
fn readme_has_the_reports_verdicts() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let report = std::fs::read_to_string(root().join("results/REPORT.md")).unwrap();
    let table: Vec<&str> = report
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(table.len() > 2, "{table:?}");
    assert!(readme.contains(&table.join("\n")), "{table:?}");
}

#[test]
fn summaries_are_the_statistics_of_the_runs() {
    assert!(!studies().is_empty());
    for study in studies() {
        let (names, runs) = table(&study.join("runs.csv"));
        let (columns, rows) = table(&study.join("summary.csv"));
        let method = columns.iter().position(|name| name == "method").unwrap();
        for row in &rows {
            let of_point = |run: &&Vec<String>| {
                (0..=method).all(|key| {
                    let column = names.iter().position(|name| *name == columns[key]).unwrap();
                    run[column] == row[key]
                })
            };
            for metric in ["eval_loss", "mae", "token_accuracy"] {
                let column = names.iter().position(|name| name == metric).unwrap();
                let values: Vec<f64> = runs
                    .iter()
                    .filter(of_point)
                    .filter_map(|run| run[column].parse().ok())
                    .collect();
                let cell = |figure: &str| {
                    let name = format!("{metric}_{figure}");
                    let column = columns.iter().position(|c| *c == name).unwrap();
                    row[column].parse::<f64>().ok()
                };
                let figures = Statistics::new(&values);
                assert_eq!(
                    cell("median"),
                    figures.map(|f| f.median),
                    "{study:?} {row:?}"
                );
                assert_eq!(cell("mean"), figures.map(|f| f.mean), "{study:?} {row:?}");
                assert_eq!(
                    cell("ci_low"),
                    figures.map(|f| f.interval.0),
                    "{study:?} {row:?}"
                );
                // Studies published before have no interval of the median.
                let newer = columns.contains(&format!("{metric}_median_low"));
                for (end, interval) in [
                    ("median_low", figures.map(|f| f.median_interval.0)),
                    ("median_high", figures.map(|f| f.median_interval.1)),
                ] {
                    if newer {
                        assert_eq!(cell(end), interval, "{study:?} {row:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn published_results_are_small() {
    let mut bytes = 0;
    for study in studies() {
        let mut folders = vec![study.clone(), study.join("figures"), study.join("median")];
        folders.extend(
            std::fs::read_dir(study.join("median"))
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path()),
        );
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let info = entry.unwrap().metadata().unwrap();
                bytes += if info.is_file() { info.len() } else { 0 };
            }
        }
    }
    assert!(bytes > 0 && bytes < LARGEST, "{bytes} bytes in results/");
}

/// What was measured stands in a table with its command, and on the page of benchmarks as it stands there.
#[test]
fn benchmarks_have_the_measured_figures() {
    let page = std::fs::read_to_string(root().join("docs/benchmarks.md")).unwrap();
    let (columns, rows) = table(&root().join("results/measured.csv"));
    assert_eq!(columns, ["figure", "unit", "shown", "command"]);
    assert!(rows.len() > 20);
    for row in rows {
        assert!(page.contains(&row[2]), "{row:?}");
        assert!(!row[3].is_empty(), "{row:?}");
    }
}
