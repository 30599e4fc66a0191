//! `compress recover RUN`: dictionaries of a run's compressed stream, found by a method that is not told the truth; and
//! `compress recover STUDY`: of every run, with their scores.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::failure::Failure;
use super::kind::{self, Kind};
use super::recover_directory::{RecoverDirectory, Remedy, Request, refused as refused_directory};
use super::recover_study::{self, Task};
use super::signals::StopRequest;
use super::stream_part::{self, PartArgs};
use super::table::{aligned, significant};
use super::{output, terminal};
use crate::config::{MOST_ATOMS, MOST_SEEDS, RecoveryConfig};
use crate::recovery::methods::choice::{ENOUGH, Tried};
use crate::recovery::methods::{self, Facts, Method, Settings};
use crate::recovery::record::Data;
use crate::recovery::scored::{fingerprint, is_shown, of_method};
use crate::results::layout::{RECOVERY_SCORES, STUDY};
use crate::results::recovery_scores::RecoveryRow;
use crate::run::finished::Subject;
use crate::study::Record;
use base::numbers::{count, listed};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a run, or of a W that `compress shrink` accepted; or of a study, whose completed runs each get their
    /// dictionaries, with scores
    run: PathBuf,
    /// What looks for the dictionary: nnsc (non-negative sparse coding), l1_sae, topk_sae (sparse autoencoders), pca, or
    /// random (rows of the data); of a study several, with commas between them [default of a study: those of its file]
    #[arg(long, value_parser = method, value_delimiter = ',')]
    method: Vec<Method>,
    /// Where to write: a folder seed=S for each seed [default: recovery/METHOD in the run's directory, as for each run of a
    /// study]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// How many dictionaries to look for, with the seeds 0, 1, ... [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_SEEDS as u64))]
    seeds: Option<u64>,
    /// The number of atoms m [default: the number of targets that there are to be found in the stream, which is all
    /// that is taken from the truth]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..=MOST_ATOMS))]
    atoms: Option<u32>,
    #[command(flatten)]
    part: PartArgs,
    /// nnsc and l1_sae: the L1 penalty, for a stream with a variance of 1 per dimension [default: the largest of
    /// 2^(-i/2), i = 0 to 14, with which 0.98 of the variance is explained]
    #[arg(long, value_name = "X", value_parser = lambda, allow_negative_numbers = true)]
    lambda: Option<f64>,
    /// topk_sae: the number of codes that are kept [default: the smallest, of at most 64, with which 0.98 of the variance
    /// is explained]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=MOST_ATOMS))]
    k: Option<u32>,
    /// Print nothing but the result
    #[arg(long)]
    quiet: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn method(word: &str) -> Result<Method, String> {
    Method::named(word).ok_or_else(|| {
        let names = Method::ALL.map(|(name, _)| name.to_owned());
        let near = Method::nearest(word);
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        format!("{near}the methods are {}", listed(&names))
    })
}

fn lambda(text: &str) -> Result<f64, &'static str> {
    match text.parse() {
        Ok(x) if (0.0..=1e6).contains(&x) => Ok(x),
        _ => Err("it is a number from 0 to 1e6"),
    }
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    kind::expect(
        "recover",
        &args.run,
        &[Kind::RunDirectory, Kind::StudyDirectory],
    )?;
    if args.run.join(STUDY).is_file() {
        return of_study(args, stop);
    }
    let [method] = args.method[..] else {
        let names = Method::ALL.map(|(name, _)| name.to_owned());
        return Err(Failure::Input(anyhow::anyhow!(
            "{}: give one --method for a run; the methods are {}; several are for a study's directory",
            base::escape::path(&args.run),
            listed(&names)
        )));
    };
    let default = of_method(&args.run, method);
    let output = args.output.as_ref().unwrap_or(&default);
    check_options(args, method)?;
    output::directory(output, "recover writes a folder for each seed")?;
    of_run(args, (method, output), stop)
}

fn of_run(
    args: &Args,
    (method, output): (Method, &Path),
    stop: &StopRequest,
) -> Result<(), Failure> {
    let run = Subject::load(&args.run).map_err(Failure::input)?;
    let part = args.part.part();
    let (truth, data) = stream_part::truth(&run, part)?;
    let threads = stream_part::threads();
    let settings = Settings {
        method,
        atoms: args.atoms.map_or(truth.targets.len(), |m| m as usize),
        lambda: args.lambda,
        k: args.k.map(|k| k as usize),
    };
    if let Some(k) = settings.k
        && k > settings.atoms
    {
        return Err(Failure::Input(anyhow::anyhow!(
            "--k is {k}, but there are {}: it is from 1 to that",
            count(settings.atoms, "atom")
        )));
    }
    let request = Request {
        projection_sha256: fingerprint(&args.run).map_err(Failure::writing)?,
        settings,
        site: part.site,
        bos: part.bos,
    };
    let directory =
        RecoverDirectory::open(output, &request, Remedy::Another)?.ok_or_else(|| {
            refused_directory(output, "is in use by another process", Remedy::Another)
        })?;
    stop.say(format!(
        "stopped; the same command begins the first seed again that is not done ({})",
        output.display()
    ));
    let mut all = Vec::new();
    let mut last_word = Instant::now();
    for seed in 0..args.seeds.unwrap_or(1) {
        let facts = match directory.found(seed)? {
            Some(facts) => facts,
            None => {
                let mut watch = |tried: &Tried| say(args, seed, tried, &mut last_word);
                let found = methods::find(&truth.rows, &settings, seed, threads, &mut watch)
                    .map_err(|e| refused(args, &e.to_string()))?;
                directory.keep(seed, &found)?;
                found.facts
            }
        };
        all.push(facts);
    }
    let printed = if args.json {
        let value = json(&directory, &settings, &data, &all);
        output::json(&value)?
    } else {
        text(output, &settings, &data, &all)
    };
    terminal::print(&printed)?;
    if !args.json && !args.quiet {
        terminal::message(&next(&args.run, &directory.of(0)));
    }
    Ok(())
}

/// Every completed run of a study, and the table of all.
fn of_study(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    let refused = |option: &str| {
        Err(Failure::Input(anyhow::anyhow!(
            "{} is a study's directory, and {option} is for a run: leave it out",
            base::escape::path(&args.run)
        )))
    };
    if args.output.is_some() {
        return refused("-o");
    }
    if args.lambda.is_some() {
        return refused("--lambda");
    }
    if args.k.is_some() {
        return refused("--k");
    }
    let study = Record::load(&args.run).map_err(Failure::input)?;
    let asked = (!args.method.is_empty()).then(|| RecoveryConfig {
        methods: args.method.clone(),
        seeds: 1,
        atoms: None,
        site: None,
        bos: true,
    });
    let Some(mut config) = asked.or_else(|| study.recovery.clone()) else {
        return Err(Failure::Input(anyhow::anyhow!(
            "{}: the study has no [recovery]: say with --method what looks for the dictionaries, as in --method nnsc,l1_sae",
            base::escape::path(&args.run)
        )));
    };
    config.seeds = args.seeds.unwrap_or(config.seeds);
    config.atoms = args.atoms.map(|m| m as usize).or(config.atoms);
    if !args.part.is_default() {
        let part = args.part.part();
        (config.site, config.bos) = (part.site, part.bos);
    }
    let task = Task {
        directory: &args.run,
        record: &study,
        config: &config,
        threads: stream_part::threads(),
        quiet: args.quiet,
    };
    let all: Vec<usize> = (0..study.runs.len()).collect();
    let outcome = task.run(&all, stop)?;
    for reason in &outcome.left_out {
        terminal::message(&format!("left out: {reason}"));
    }
    if outcome.rows.is_empty() {
        return Err(Failure::Input(anyhow::anyhow!(
            "{}: none of its runs has a dictionary with scores",
            base::escape::path(&args.run)
        )));
    }
    let printed = if args.json {
        let rows = outcome.rows.iter().map(RecoveryRow::json);
        let rows = rows.collect::<Result<Vec<_>, _>>();
        output::json(&rows.map_err(|e| Failure::Running(e.into()))?)?
    } else {
        format!(
            "{}{}\n{}\n",
            recover_study::table(&outcome.rows),
            recover_study::sentence(&outcome),
            args.run.join(RECOVERY_SCORES).display()
        )
    };
    Ok(terminal::print(&printed)?)
}

/// Options that say nothing of this method are a mistake.
fn check_options(args: &Args, method: Method) -> Result<(), Failure> {
    let name = method.name();
    let wrong = |option: &str, of: &str| {
        Err(Failure::Input(anyhow::anyhow!(
            "{option} is an option of {of}: leave it out with {name}"
        )))
    };
    if args.lambda.is_some() && !method.has_lambda() {
        return wrong("--lambda", "nnsc and l1_sae");
    }
    if args.k.is_some() && method != Method::TopkSae {
        return wrong("--k", "topk_sae");
    }
    Ok(())
}

fn refused(args: &Args, problem: &str) -> Failure {
    Failure::Input(anyhow::anyhow!(
        "{}: {problem}",
        base::escape::path(&args.run)
    ))
}

/// The least time between two lines about starts.
const WORD_INTERVAL: Duration = Duration::from_secs(10);

/// A line for what was tried, and now and then for what is under way.
fn say(args: &Args, seed: u64, tried: &Tried, last: &mut Instant) {
    if args.quiet || !tried.is_over() && last.elapsed() < WORD_INTERVAL {
        return;
    }
    *last = Instant::now();
    let mut words = vec![format!("seed {seed}: {}", tried.value)];
    if !tried.is_over() {
        let (done, all) = tried.starts;
        words.push(format!("start {done} of {all} done"));
    }
    if let Some(objective) = tried.objective {
        words.push(format!("objective {}", significant(objective)));
    }
    if let Some(fit) = &tried.fit {
        words.push(format!(
            "EV {:.4}, L0 {:.2}",
            fit.explained_variance, fit.l0
        ));
    }
    terminal::message(&words.join(", "));
}

fn json(
    directory: &RecoverDirectory,
    settings: &Settings,
    data: &Data,
    all: &[Facts],
) -> serde_json::Value {
    let dictionaries: Vec<_> = all
        .iter()
        .map(|facts| {
            let mut value = json!(facts);
            value["path"] = json!(directory.of(facts.seed).display().to_string());
            value
        })
        .collect();
    json!({
        "method": settings.method,
        "rows": data.rows,
        "d": data.dim,
        "dictionaries": dictionaries,
    })
}

fn text(output: &Path, settings: &Settings, data: &Data, all: &[Facts]) -> String {
    let (n, d) = (data.rows, data.dim);
    let from = if data.inputs_are_all {
        ""
    } else {
        ", of a sample of the inputs"
    };
    let mut text = format!(
        "{}: from {} of width {d}{from}\n",
        settings.method.name(),
        count(n, "different row")
    );
    let value = match settings.method {
        Method::TopkSae => Some("k"),
        method => method.has_lambda().then_some("lambda"),
    };
    let mut head = vec!["seed"];
    head.extend(value);
    head.extend(["atoms", "EV", "L0", "dead atoms"]);
    head.extend(value.map(|_| "objective"));
    let mut table = vec![head.into_iter().map(str::to_owned).collect()];
    for facts in all {
        let mut row = vec![facts.seed.to_string()];
        row.extend(facts.lambda.map(significant));
        row.extend(facts.k.map(|k| k.to_string()));
        row.push(facts.fit.atoms.to_string());
        row.push(format!("{:.4}", facts.fit.explained_variance));
        row.push(format!("{:.2}", facts.fit.l0));
        row.push(facts.fit.dead.to_string());
        row.extend(facts.objective.map(significant));
        table.push(row);
    }
    text += &aligned(&table, 0);
    let little = all
        .iter()
        .filter(|facts| facts.enough == Some(false))
        .count();
    if let (Some(value), 1..) = (value, little) {
        text += &format!(
            "of {}, no {value} that was tried explains {ENOUGH} of the variance: the dictionary that explains most was kept\n",
            count(little, "seed")
        );
    }
    text + &format!("dictionaries in {}\n", output.display())
}

/// What to do next, so that the run's page shows the scores: of a dictionary that is elsewhere they go into the run's directory.
fn next(run: &Path, dictionary: &Path) -> String {
    let score = format!("score {}", output::argument(run));
    if is_shown(run, dictionary) {
        output::next(&score, dictionary)
    } else {
        let score = format!("{score} {} --output", output::argument(dictionary));
        output::next(&score, run)
    }
}
