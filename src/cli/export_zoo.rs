//! `compress export STUDY --zoo DIR`: every model of a study with the truth about it, and a table of all.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::circuit::check_finite;
use super::circuit_subject::{CircuitSubject, check_memory, threads};
use super::failure::Failure;
use super::signals::StopRequest;
use super::{certify, output, stream_part, terminal};
use crate::certify::{Limits, Rule, Verdict};
use crate::circuit::effects::Watch;
use crate::circuit::file::CircuitFile;
use crate::config::Start;
use crate::recovery::record;
use crate::recovery::truth::Part;
use crate::results::layout::{CERTIFICATE, CIRCUIT, PROJECTION};
use crate::results::table::{Table, write_csv};
use crate::results::{RunState, Status};
use crate::run::finished::Subject;
use crate::study::collection::find_runs;
use crate::study::record::Record;
use crate::zoo::manifest::{COLUMNS, Entry, MANIFEST, MODEL, Row};
use base::files::{self, FileError, hex};
use base::{escape, limits};
use superposition::export::{Precision, export};

/// The compressed model as a transformer.
const TRANSFORMER: &str = "model.safetensors";
/// The stream's states and the true features.
const FEATURES: &str = "features.safetensors";
/// The program's text.
const PROGRAM: &str = "program.rasp";
/// Pairs of inputs that edges are exchanged between: fewer than `compress circuit` takes, for there are many models.
const PAIRS: u64 = 256;
/// How many of the runs that are left out are named.
const LISTED: usize = 20;
/// How often an export says how far it is.
const EVERY: Duration = Duration::from_secs(10);

/// What to export.
pub struct Zoo<'a> {
    /// The study's directory, or one with several.
    pub study: &'a Path,
    /// Where to write.
    pub directory: &'a Path,
    /// Whether `features.safetensors` is left out.
    pub no_activations: bool,
    /// Whether other models there are replaced.
    pub force: bool,
}

/// A run that goes into the zoo.
struct Member {
    /// Its name in the zoo.
    name: String,
    /// Its directory, relative to the study's.
    run: String,
    subject: Subject,
    path: PathBuf,
    projection_sha256: String,
}

pub fn main(zoo: &Zoo<'_>, stop: &StopRequest) -> Result<(), Failure> {
    output::directory(zoo.directory, "a zoo is written")?;
    stop.say(format!(
        "stopped: the models in {} are whole; the same command goes on with the others",
        zoo.directory.display()
    ));
    let (members, mut skipped) = members(zoo.study)?;
    let known = known(zoo, &members)?;
    let failed = |e: FileError| Failure::Running(e.into());
    let mut rows = Vec::new();
    let mut last = Instant::now();
    for (i, member) in members.iter().enumerate() {
        if let Some(row) = known.get(&member.name) {
            rows.push(row.clone());
            continue;
        }
        if last.elapsed() >= EVERY {
            last = Instant::now();
            terminal::message(&format!("{i} of {} models", members.len()));
        }
        match model(zoo, member) {
            Ok((files, row)) => {
                let directory = zoo.directory.join(&member.name);
                files::make_directory(&directory).map_err(failed)?;
                files::remove_leftovers(&directory).map_err(failed)?;
                for (name, bytes) in files {
                    files::write_atomically(&directory.join(name), &bytes).map_err(failed)?;
                }
                rows.push(row);
            }
            Err(Failure::Input(reason)) => skipped.push(format!("{}: {reason:#}", member.run)),
            Err(other) => return Err(other),
        }
    }
    for reason in skipped.iter().take(LISTED) {
        terminal::message(&format!("left out: {reason}"));
    }
    if skipped.len() > LISTED {
        terminal::message(&format!("left out: {} more runs", skipped.len() - LISTED));
    }
    if rows.is_empty() {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} has no run with a W that could go into a zoo",
            escape::path(zoo.study)
        )));
    }
    let path = zoo.directory.join(MANIFEST);
    write_csv(&path, &COLUMNS, &rows).map_err(failed)?;
    Ok(terminal::print(&summary(&path, &rows))?)
}

/// `zoo/manifest.csv: 9 models of 1 program, 3 proved right`.
fn summary(path: &Path, rows: &[Row]) -> String {
    let programs: HashSet<(&str, usize)> = rows.iter().map(|r| (&*r.program, r.width)).collect();
    let proved = rows.iter().filter(|r| r.verdict == Verdict::Proved).count();
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    format!(
        "{}: {} model{} of {} program{}, {proved} proved right\n",
        path.display(),
        rows.len(),
        plural(rows.len()),
        programs.len(),
        plural(programs.len()),
    )
}

/// The runs of a study that have a `W`, in the order of their directories, and what is left out with the reason.
fn members(study: &Path) -> Result<(Vec<Member>, Vec<String>), Failure> {
    let found = find_runs(study).map_err(Failure::input)?;
    if found.runs.is_empty() {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} holds no runs: give the directory of a study, which `compress sweep` wrote",
            escape::path(study)
        )));
    }
    let mut members = Vec::new();
    let mut left_out: Vec<String> = found
        .links
        .iter()
        .map(|link| format!("{} is a symbolic link", escape::path(link)))
        .collect();
    left_out.extend(without_configuration(study, &found.runs).map_err(Failure::input)?);
    for path in found.runs {
        let run = path.strip_prefix(study).unwrap_or(&path);
        let run = run.display().to_string();
        let state = RunState::read(&path).map_err(Failure::input)?;
        let is_whole = state.status() == Status::Completed;
        if !is_whole && !path.join(PROJECTION).exists() {
            left_out.push(format!("{run}: {}, it has no W", state.status()));
            continue;
        }
        let subject = Subject::load(&path).map_err(Failure::input)?;
        if !is_whole && !is_of_search(&subject, &path) {
            left_out.push(format!("{run}: {}", state.status()));
            continue;
        }
        let bytes = files::read_bounded(&path.join(PROJECTION), limits::PROJECTION_BYTES);
        let bytes = bytes.map_err(Failure::input)?;
        members.push(Member {
            name: name(&subject),
            run,
            subject,
            path,
            projection_sha256: hex(&Sha256::digest(&bytes)),
        });
    }
    tell_apart(&mut members);
    Ok((members, left_out))
}

/// The runs that the studies' own lists have and that left no configuration: they failed at once, or have not begun.
fn without_configuration(directory: &Path, found: &[PathBuf]) -> Result<Vec<String>, FileError> {
    let mut studies = vec![directory.to_owned()];
    let below = files::names(directory)?.into_iter();
    studies.extend(
        below
            .map(|name| directory.join(name))
            .filter(|p| p.is_dir()),
    );
    let mut missing = Vec::new();
    for study in studies {
        let Ok(record) = Record::load(&study) else {
            continue;
        };
        for run in record.runs {
            let path = study.join(&run.directory);
            if !found.contains(&path) {
                let shown = path.strip_prefix(directory).unwrap_or(&path).display();
                missing.push(format!("{shown}: {}", RunState::read(&path)?.status()));
            }
        }
    }
    Ok(missing)
}

/// Whether a directory is that of a `W` that `compress shrink` accepted: it starts from itself.
fn is_of_search(subject: &Subject, path: &Path) -> bool {
    match &subject.experiment.config.compression.init {
        Start::Word(_) => false,
        Start::File(start) => {
            let canonical = |path: &Path| path.canonicalize().ok();
            canonical(&start.from).is_some_and(|from| {
                Some(&from) == canonical(&path.join(PROJECTION)).as_ref()
                    || Some(from) == canonical(path)
            })
        }
    }
}

/// `frac_prevs-d6-normal-s0`, in letters that every file system takes.
fn name(subject: &Subject) -> String {
    let config = &subject.experiment.config;
    let program = &subject.experiment.model.metadata.program;
    let program: String = program
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || "_-".contains(c) => c,
            _ => '_',
        })
        .take(60)
        .collect();
    let start = match &config.compression.init {
        Start::Word(init) => serde_json::to_string(init).unwrap_or_default(),
        Start::File(_) => "from".to_owned(),
    };
    format!(
        "{program}-d{}-{}-s{}",
        subject.projection.width(),
        start.trim_matches('"'),
        config.training.seed
    )
}

/// Adds a part of the run's and its W's checksums to names that several models would have.
fn tell_apart(members: &mut [Member]) {
    let mut count: HashMap<String, usize> = HashMap::new();
    for member in members.iter() {
        *count.entry(member.name.clone()).or_default() += 1;
    }
    for member in members {
        if count.get(&member.name).is_some_and(|n| *n > 1) {
            let config = member.subject.experiment.config.hash();
            let own = hex(&Sha256::digest(
                [config, member.projection_sha256.clone(), member.run.clone()].concat(),
            ));
            member.name = format!("{}-{}", member.name, &own[..8.min(own.len())]);
        }
    }
}

/// The models that are whole already, by name.
///
/// # Errors
/// If the directory holds other models.
fn known(zoo: &Zoo<'_>, members: &[Member]) -> Result<HashMap<String, Row>, Failure> {
    let refused = |problem: String| {
        Err(Failure::Input(anyhow::anyhow!(
            "{problem}, and nothing was written: replace it with --force, or choose another --zoo directory"
        )))
    };
    if zoo.force {
        return Ok(HashMap::new());
    }
    let manifest = zoo.directory.join(MANIFEST);
    if manifest.exists() {
        let table = Table::read(zoo.directory, MANIFEST, "--force writes it again")
            .map_err(Failure::input)?;
        let names: HashSet<&str> = members.iter().map(|m| &*m.name).collect();
        let other = table.rows.iter().filter_map(|row| row.first());
        if let Some(other) = other
            .into_iter()
            .find(|name| !names.contains(name.as_str()))
        {
            return refused(format!(
                "{} lists {}, which is no model of this study",
                escape::path(&manifest),
                escape::name(other)
            ));
        }
    }
    let mut known = HashMap::new();
    for member in members {
        let path = zoo.directory.join(&member.name).join(MODEL);
        if !path.exists() {
            continue;
        }
        let text = files::read_text(&path, limits::CONFIG_BYTES).map_err(Failure::input)?;
        let entry: Option<Entry> = serde_json::from_str(&text).ok();
        let Some(entry) = entry.filter(|entry| {
            entry.config_hash == member.subject.experiment.config.hash()
                && entry.projection_sha256 == member.projection_sha256
                && entry.row.run == member.run
        }) else {
            return refused(format!("{} is that of another run", escape::path(&path)));
        };
        let features = zoo.directory.join(&member.name).join(FEATURES);
        if zoo.no_activations || features.exists() {
            known.insert(member.name.clone(), entry.row);
        }
    }
    Ok(known)
}

/// The files of a model, by name, the last of which says that the others are there; and its row.
type Files = Vec<(&'static str, Vec<u8>)>;

fn model(zoo: &Zoo<'_>, member: &Member) -> Result<(Files, Row), Failure> {
    let Member {
        subject, path, run, ..
    } = member;
    let experiment = &subject.experiment;
    let rule = Rule::of(experiment.model.metadata.output_kind, Limits::default());
    let certificate = certify::certificate(path, subject, rule, certify::SAMPLE)?;
    let circuit = circuit(subject)?;
    let program = match &experiment.config.model.program {
        None => None,
        Some(path) => {
            Some(files::read_text(path, limits::PROGRAM_BYTES as u64).map_err(Failure::input)?)
        }
    };
    let set = experiment.evaluation_set();
    let inputs = (&experiment.space, &set);
    let transformer = export(
        &experiment.model,
        &subject.projection,
        inputs,
        Precision::Auto,
    );
    let row = Row::new(
        (&member.name, run),
        subject,
        program.as_deref(),
        &certificate,
        &circuit,
    );
    let projection = files::read_bounded(&path.join(PROJECTION), limits::PROJECTION_BYTES);
    let mut files = vec![
        (TRANSFORMER, transformer.map_err(Failure::input)?.bytes),
        (PROJECTION, projection.map_err(Failure::input)?),
        (CERTIFICATE, output::json(&certificate.json())?.into_bytes()),
        (CIRCUIT, output::json(&circuit)?.into_bytes()),
    ];
    files.extend(program.map(|text| (PROGRAM, text.into_bytes())));
    if !zoo.no_activations {
        let (truth, data) = stream_part::truth(
            subject,
            Part {
                site: None,
                bos: true,
            },
        )?;
        let vocabulary = &experiment.model.metadata.input_vocab;
        let vocabulary = vocabulary.iter().map(|token| token.shown()).collect();
        let bytes = record::export(&truth, data, vocabulary);
        files.push((FEATURES, bytes.map_err(|e| Failure::Running(e.into()))?));
    }
    let entry = Entry {
        format_version: 1,
        config_hash: experiment.config.hash(),
        projection_sha256: member.projection_sha256.clone(),
        row: row.clone(),
    };
    files.push((MODEL, output::json(&entry)?.into_bytes()));
    Ok((files, row))
}

fn circuit(subject: &Subject) -> Result<CircuitFile, Failure> {
    let loaded = CircuitSubject::of_run(subject.clone());
    let (compiled, compressed) = (loaded.compiled(), loaded.compressed());
    let pairs = loaded.pairs(Some(PAIRS), 0);
    let network = compressed.as_ref().unwrap_or(&compiled);
    check_memory(&loaded.exchanges((&compiled, network), &pairs))?;
    let circuit = CircuitFile::measure(
        loaded.subject(),
        (&compiled, compressed.as_ref()),
        (&pairs, 0),
        threads(),
        Watch::NOBODY,
    );
    let effects = circuit.edges.iter().map(|e| e.effect + e.interference);
    check_finite(effects)?;
    Ok(circuit)
}
