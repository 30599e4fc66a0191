//! `compress certify RUN`: proof that the compressed model is right on every input.

use std::fmt::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::kind::{self, Kind};
use super::output::{self, FileKind};
use super::process::VERSION;
use super::signals::StopRequest;
use super::table::{aligned, significant, wrapped};
use super::terminal;
use crate::certify::certificate::Sample;
use crate::certify::{
    self, Certificate, Limits, LowerBounds, Rule, Space, Subject, Verdict, binomial,
};
use crate::results::layout::{ANALYSIS, CERTIFICATE, PROJECTION};
use crate::run::finished::Subject as Compressed;
use base::escape;
use base::files::{self, hex};
use base::limits;
use tracr::model::OutputKind;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a run, or of a W that `compress shrink` accepted
    run: PathBuf,
    /// The certificate to write, .json [default: RUN/certificate.json]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Numerical outputs: the largest mean absolute error that is right [default: 0.005]
    #[arg(long, value_name = "ERROR", allow_negative_numbers = true)]
    mae: Option<f64>,
    /// Numerical outputs: the largest absolute error that is right [default: 0.05]
    #[arg(long, value_name = "ERROR", allow_negative_numbers = true)]
    max_error: Option<f64>,
    /// Inputs to draw from a space with more than 2^20 of them, which gets a bound instead of a proof
    #[arg(long, value_name = "N", default_value_t = SAMPLE,
          value_parser = clap::value_parser!(u64).range(1..=limits::SAMPLE as u64))]
    sample: u64,
    /// Also write the compiled model, .safetensors, which a check needs where the run names a program
    #[arg(long, value_name = "FILE")]
    write_model: Option<PathBuf>,
    /// Print the certificate
    #[arg(long)]
    json: bool,
}

/// Inputs that are drawn from a space that is too large to enumerate.
pub const SAMPLE: u64 = 10_000;

/// How often a proof that takes long says how far it is.
const EVERY: Duration = Duration::from_secs(10);

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    kind::expect("certify", &args.run, &[Kind::RunDirectory])?;
    let command = format!("compress certify {}", output::argument(&args.run));
    let path = match &args.output {
        Some(path) => {
            output::format_of(&format!("{command} -o"), path, &[FileKind::Certificate])?;
            path.clone()
        }
        None => args.run.join(CERTIFICATE),
    };
    if let Some(model) = &args.write_model {
        output::format_of(
            &format!("{command} --write-model"),
            model,
            &[FileKind::Model],
        )?;
    }
    let limits = limits(args)?;
    let run = Compressed::load(&args.run).map_err(Failure::input)?;
    let kind = run.experiment.model.metadata.output_kind;
    if kind == OutputKind::Categorical && (args.mae.is_some() || args.max_error.is_some()) {
        return Err(Failure::Input(anyhow::anyhow!(
            "--mae and --max-error are about numbers, and the output of {} is a class: leave them out",
            escape::name(&run.experiment.model.metadata.program)
        )));
    }
    stop.say(format!(
        "stopped: {} is as it was; the same command starts over",
        path.display()
    ));
    let certificate = certificate(&args.run, &run, Rule::of(kind, limits), args.sample)?;
    let json = output::json(&certificate.json())?;
    if let Some(file) = &args.write_model {
        let bytes = run.experiment.model.to_bytes();
        let bytes = bytes.map_err(|problem| Failure::Running(problem.into()))?;
        files::write_atomically(file, &bytes).map_err(Failure::writing)?;
    }
    files::write_atomically(&path, json.as_bytes()).map_err(Failure::writing)?;
    let shown = if args.json {
        json
    } else {
        text(&certificate, &path)
    };
    terminal::print(&shown)?;
    match certificate.verdict {
        Verdict::Proved | Verdict::Sampled => {
            if !args.json {
                // A W of a search is analysed first: its page is made of the analysis.
                let is_analysed = args.run.join(ANALYSIS).is_file();
                let next = if is_analysed { "report" } else { "analyze" };
                terminal::message(&output::next(next, &args.run));
            }
            Ok(())
        }
        verdict => Err(Failure::Running(anyhow::anyhow!(
            "the claim is {}: {} says where",
            if verdict == Verdict::Wrong {
                "false"
            } else {
                "not proved"
            },
            path.display()
        ))),
    }
}

fn limits(args: &Args) -> Result<Limits, Failure> {
    let default = Limits::default();
    let limits = Limits {
        mean_error: args.mae.unwrap_or(default.mean_error),
        max_error: args.max_error.unwrap_or(default.max_error),
    };
    limits.check().map_err(Failure::input)?;
    Ok(limits)
}

/// What is proved of the run in a directory; `sample` inputs stand for a space that is too large to enumerate.
///
/// # Errors
/// If the claim would be empty, or `W` cannot be read.
pub fn certificate<'a>(
    directory: &Path,
    run: &'a Compressed,
    rule: Rule,
    sample: u64,
) -> Result<Certificate<'a>, Failure> {
    let (model, space) = (&run.experiment.model, &run.experiment.space);
    let config = &run.experiment.config;
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let mut last = Instant::now();
    let total = space.size().unwrap_or(sample);
    let mut watch = |done: u64| {
        if last.elapsed() >= EVERY {
            last = Instant::now();
            terminal::message(&format!("{done} of {total} inputs"));
        }
    };
    let (findings, sample) = match space.size() {
        Some(size) => {
            let found = certify::whole(
                model,
                &run.projection,
                space,
                (size, rule),
                threads,
                &mut watch,
            );
            (found, None)
        }
        None => {
            let inputs = (sample, rule);
            let found =
                certify::sampled(model, &run.projection, space, inputs, threads, &mut watch);
            let sample = Sample {
                draws: sample,
                seed: certify::SAMPLE_SEED,
            };
            (found, Some(sample))
        }
    };
    let findings = findings.map_err(Failure::input)?;
    let verdict = match sample {
        Some(_) => Verdict::Sampled,
        None => Verdict::of(&rule, &findings),
    };
    let lower_bounds = space.size().map(|size| {
        let subject = (model, &run.projection.wiring);
        LowerBounds::new(subject, (space, size), findings.different())
    });
    let projection = files::read_bounded(&directory.join(PROJECTION), limits::PROJECTION_BYTES)
        .map_err(Failure::input)?;
    Ok(Certificate {
        subject: Subject {
            version: VERSION,
            model_sha256: config.model.sha256.clone().unwrap_or_default(),
            projection_sha256: hex(&Sha256::digest(&projection)),
            space: Space {
                lengths: config.inputs.lengths.clone().unwrap_or_default(),
                unique_tokens: config.inputs.unique_tokens,
                valid: config.inputs.valid.clone(),
                inputs: space.size(),
                enumerated: space.size().is_some(),
                sample,
            },
        },
        model,
        projection: &run.projection,
        rule,
        findings,
        verdict,
        lower_bounds,
    })
}

/// What is proved, for reading.
fn text(certificate: &Certificate<'_>, path: &Path) -> String {
    let findings = &certificate.findings;
    let mut text = match certificate.subject.space.sample {
        Some(sample) => sampled(certificate, sample),
        None => {
            let claim = certificate.claim();
            let claim = escape::visible(&claim);
            wrapped(&match certificate.verdict {
                Verdict::Wrong => format!("This claim is false: {claim}."),
                Verdict::NotProved => format!("This claim is not proved: {claim}."),
                verdict => format!("{}: {claim}.", verdict.words()),
            })
        }
    };
    let mut rows = vec![vec![
        "  answers".to_owned(),
        format!(
            "{} of {} right, {} distinct; {} tied in the compiled model, which do not count",
            findings.right,
            findings.counted,
            findings.different(),
            findings.tied
        ),
    ]];
    let mut row = |name: &str, text: String| rows.push(vec![format!("  {name}"), text]);
    match certificate.rule {
        Rule::Classes { .. } => {
            if let Some((value, proved)) = findings.extreme {
                row(
                    "smallest lead",
                    format!(
                        "{}, proved: at least {}",
                        significant(value),
                        significant(proved)
                    ),
                );
            }
            if let Some((value, proved)) = findings.compiled_gap {
                row(
                    "compiled model's lead",
                    format!(
                        "{}, proved: at least {}",
                        significant(value),
                        significant(proved)
                    ),
                );
            }
        }
        Rule::Numbers(_) => {
            let (mean, rounding) = findings.mean();
            row(
                "mean error",
                format!(
                    "{}, proved: at most {}",
                    significant(mean),
                    significant(mean + rounding)
                ),
            );
            if let Some((value, proved)) = findings.extreme {
                row(
                    "largest error",
                    format!(
                        "{}, proved: at most {}",
                        significant(value),
                        significant(proved)
                    ),
                );
            }
        }
    }
    row(
        "rounding",
        format!(
            "at most {:.1e}; double-double for {} inputs",
            findings.rounding, findings.again
        ),
    );
    if let Some((block, cosine)) = findings.smallest_cosine() {
        row(
            "smallest cosine",
            format!("{} ({block})", significant(cosine)),
        );
    }
    if let Some(bounds) = &certificate.lower_bounds {
        row("lower bounds", lower_bounds(bounds));
    }
    text.push_str(&aligned(&rows, 2));
    let _ = writeln!(text, "{}", path.display()); // a String takes everything
    text
}

/// How small d can be at all.
fn lower_bounds(bounds: &LowerBounds) -> String {
    let mut text = format!("no W with d below {} has right outputs", bounds.outputs);
    if let Some(attention) = &bounds.attention {
        let (block, d) = (&attention.block, attention.d);
        let _ = write!(text, "; none below {d} has an exact {block}");
    }
    if let Some(reads) = bounds.reads {
        let _ = write!(text, "; none below {reads} has every read exact");
    }
    text
}

/// The bound that a sample gives.
fn sampled(certificate: &Certificate<'_>, sample: Sample) -> String {
    let wrong = sample.draws - certificate.findings.right_inputs;
    let bound = binomial::upper_bound(wrong, sample.draws, binomial::CONFIDENCE);
    wrapped(&format!(
        "no proof: the space has more than 2^20 inputs, so {} were drawn. {} of them are not proved right: with {} % \
         confidence at most {} of all inputs are wrong.",
        sample.draws,
        wrong,
        100.0 * binomial::CONFIDENCE,
        significant(bound)
    ))
}
