//! Study files, with a run file as base after a line `====`.
#![no_main]

use std::collections::HashSet;
use std::path::Path;

use compress_fuzz::{halves, readable};
use libfuzzer_sys::fuzz_target;
use tracr_compress::config::{RunConfig, StudyFile};
use tracr_compress::study::{Plan, Record};

const BASE: &str = "model.path = \"m.safetensors\"\ncompression.dim = 8\n";
/// Studies of more runs are read, but not planned: that takes as long as they are large.
const MOST_RUNS: usize = 200;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (study, base) = halves(&text);
    let base = if base.is_empty() { BASE } else { base };
    let file = StudyFile::parse(Path::new("study.toml"), study, &[], |_| Ok(base.to_owned()));
    let file = match file {
        Ok(file) => file,
        Err(error) => {
            readable(&error);
            return;
        }
    };
    if let Err(error) = file
        .source(&[])
        .and_then(|source| RunConfig::new(&source, Some(Path::new("runs"))))
    {
        readable(&error);
    }
    let runs = file.blocks.iter().map(|axes| {
        let sizes = axes.iter().map(|axis| axis.values.len());
        sizes.product::<usize>()
    });
    let runs: usize = runs.sum();
    if runs > MOST_RUNS {
        return;
    }
    let plan = match Plan::new(file, &[]) {
        Ok(plan) => plan,
        Err(error) => {
            readable(&error);
            return;
        }
    };
    assert_eq!(plan.len(), runs);
    let names: HashSet<&str> = plan
        .record
        .runs
        .iter()
        .map(|run| run.directory.as_str())
        .collect();
    assert_eq!(names.len(), runs, "two runs in one directory");
    for name in names {
        let safe = |c: char| c.is_ascii_alphanumeric() || "._-+=,~".contains(c);
        assert!(name.chars().all(safe) && !name.starts_with('.'), "{name:?}");
        assert!((1..=255).contains(&name.len()), "{name:?}");
    }
    let written = plan.record.text().expect("a study's record can be written");
    let again = Record::parse(Path::new("study.toml"), &written).expect("and read");
    assert_eq!(again, plan.record);
});
