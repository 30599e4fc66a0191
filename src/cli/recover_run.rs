//! The dictionaries of one run of a study, found and scored; what is there already is read.
//!
//! `RUN/recovery/METHOD` is a directory as `compress recover RUN -o` writes it, with the scores of each dictionary beside
//! it as `compress score` writes them. A dictionary is done when its `recovery.json`, written last, is there.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::recover_directory::{self as directory, RecoverDirectory, Remedy, Request};
use super::stream_part;
use crate::config::RecoveryConfig;
use crate::recovery::dictionary;
use crate::recovery::judgement::Judge;
use crate::recovery::methods::{self, Facts, Method, Settings};
use crate::recovery::record::{self, Data, RECOVERY, Record};
use crate::recovery::scored::{fingerprint, of_method, places};
use crate::recovery::truth::{Part, Truth};
use crate::run::finished::Subject;
use base::files::links;

/// A dictionary with its scores.
#[derive(Debug)]
pub struct Scored {
    pub method: Method,
    pub facts: Facts,
    pub record: Record,
    /// Whether the position of BOS counts; the site, where it is one.
    pub part: Part,
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Every dictionary that was asked for is there.
    Done,
    /// Another process works on a method of this run.
    InUse(PathBuf),
}

/// All dictionaries of a run that have scores, by method and seed, whoever asked for them; none of another `W`.
pub fn kept(run: &Path) -> Result<Vec<Scored>, Failure> {
    let mut found = Vec::new();
    for place in places(run).map_err(Failure::input)? {
        let Some((method, seed)) = place.dictionary else {
            continue;
        };
        let directory = of_method(run, method);
        let request = directory::request(&directory, Remedy::Delete)?;
        let request = request.filter(|request| request.settings.method == method);
        let facts = directory::facts(&directory, seed, Remedy::Delete)?;
        found.extend(request.zip(facts).map(|(request, facts)| Scored {
            method,
            facts,
            record: place.record,
            part: Part {
                site: request.site,
                bos: request.bos,
            },
        }));
    }
    Ok(found)
}

/// Whether a dictionary has scores.
fn is_scored(directory: &Path, seed: u64) -> Result<bool, Failure> {
    let path = directory::folder(directory, seed).join(RECOVERY);
    Ok(directory::read::<Record>(&path, Remedy::Delete)?.is_some())
}

/// How many of the dictionaries that a run is to have are among those that have scores.
pub fn done_of(kept: &[Scored], config: &RecoveryConfig) -> usize {
    let part = part_of(config);
    let is_asked = |scored: &&Scored| {
        config.methods.contains(&scored.method)
            && scored.facts.seed < config.seeds_of(scored.method)
            && scored.part == part
    };
    kept.iter().filter(is_asked).count()
}

/// The part of the stream that is looked at.
pub fn part_of(config: &RecoveryConfig) -> Part {
    Part {
        site: config.site,
        bos: config.bos,
    }
}

/// Finds and scores what is missing of a run's dictionaries.
pub fn complete(run: &Path, config: &RecoveryConfig, threads: usize) -> Result<End, Failure> {
    links::refuse_link(run, "write into").map_err(Failure::input)?;
    let subject = Subject::load(run).map_err(Failure::input)?;
    let part = part_of(config);
    let inputs = subject.experiment.evaluation_set();
    let as_analysed = stream_part::subject(&subject, &inputs);
    let truth = Truth::new(as_analysed, part, threads).map_err(Failure::input)?;
    let data = Data::new(&truth, &subject.experiment.model.metadata.program, part);
    let projection_sha256 = fingerprint(run).map_err(Failure::writing)?;
    let mut judge = None;
    for method in config.methods.iter().copied() {
        let settings = Settings {
            method,
            atoms: config.atoms.unwrap_or(truth.targets.len()),
            lambda: None,
            k: None,
        };
        let request = Request {
            projection_sha256: projection_sha256.clone(),
            settings,
            site: part.site,
            bos: part.bos,
        };
        let path = of_method(run, method);
        let below = path.strip_prefix(run).unwrap_or(&path);
        links::make_below(run, below).map_err(Failure::writing)?;
        let Some(directory) = RecoverDirectory::open(&path, &request, Remedy::Delete)? else {
            return Ok(End::InUse(path));
        };
        for seed in 0..config.seeds_of(method) {
            if directory.found(seed)?.is_none() {
                let found = methods::find(&truth.rows, &settings, seed, threads, &mut |_| {})
                    .map_err(Failure::input)?;
                directory.keep(seed, &found)?;
            }
            if is_scored(&path, seed)? {
                continue;
            }
            let folder = directory.of(seed);
            let dictionary = dictionary::load(&folder, truth.rows.z.ncols());
            let dictionary = dictionary.map_err(Failure::input)?;
            let judge = judge.get_or_insert_with(|| Judge::new(&truth, as_analysed, threads));
            let judgement = judge.judge(&dictionary.reconstruct(&truth.rows));
            let name = folder.strip_prefix(run).unwrap_or(&folder);
            let record = Record::new((name, None), &truth, data.clone(), &judgement);
            record::write(&folder, &record, &judgement).map_err(Failure::writing)?;
        }
    }
    Ok(End::Done)
}
