//! Steps per second of the engines, whole training steps: batch, loss and gradient, AdamW.
//!
//! ```sh
//! cargo bench --bench engines -- --case frac_prevs --dims 8
//! ```
//!
//! Each figure is the median of some repetitions; beside it stands the fastest, which says how much
//! a busy machine disturbed the others. GFLOP/s are the engine's own estimate of its arithmetic,
//! and `of peak` their share of what the machine's FMA units do at best.
#![allow(clippy::print_stdout)]

mod cases;
mod peak;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use ndarray::Array2;
use serde::Serialize;
use superposition::evaluation::{Evaluation, evaluate};
use superposition::trainer::{Intervals, Observer, Record, State};
use superposition::{
    Engine, Trainer,
    engines::autodiff::Autodiff,
    engines::fused::{Fused, InstructionSet, Pass},
};
use tracr::model::{Stream, Wiring};

use cases::{BATCH, Prepared};

/// Steps per second of each engine.
#[derive(Parser)]
struct Arguments {
    /// Only these cases, or `all`: every program of the library and some on longer inputs.
    #[arg(long, value_delimiter = ',')]
    case: Vec<String>,
    /// Only this engine.
    #[arg(long)]
    engine: Option<String>,
    /// Only with these instructions, where the processor has them: the widest, if not given.
    #[arg(long)]
    simd: Option<InstructionSet>,
    /// The fused engine by this pass, where it can compute the case.
    #[arg(long, value_parser = pass)]
    pass: Option<Pass>,
    /// Compressed widths instead of the case's own.
    #[arg(long, value_delimiter = ',')]
    dims: Option<Vec<usize>>,
    /// Threads that an engine may use.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Length of a repetition, at least one step.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Repetitions, of which the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// Each repetition begins with another `W`, before anything is learned, as a process of its own does.
    #[arg(long)]
    fresh: bool,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn pass(name: &str) -> Result<Pass> {
    let names = Pass::ALL.map(Pass::name).join(", ");
    let found = Pass::ALL.into_iter().find(|pass| pass.name() == name);
    found.with_context(|| format!("one of {names}"))
}

/// Everything measured.
#[derive(Serialize)]
struct Report {
    /// What kernels were compiled for.
    simd: &'static str,
    /// Of one core, in float32.
    fma_peak_gflops: f64,
    threads: usize,
    measurements: Vec<Measurement>,
}

#[derive(Serialize)]
struct Measurement {
    case: String,
    /// The fused engine's.
    pass: Option<&'static str>,
    /// `d`.
    dim: usize,
    /// `D`.
    width: usize,
    engine: &'static str,
    /// The median.
    steps_per_second: f64,
    fastest: f64,
    microseconds: f64,
    /// If the engine estimates its arithmetic.
    gflops: Option<f64>,
    fraction_of_peak: Option<f64>,
}

/// An engine by its name, and what it says of a step: its floating-point operations and its pass.
type Candidate<'a> = (
    &'static str,
    Box<dyn Fn() -> Box<dyn Engine> + 'a>,
    Option<(f64, &'static str)>,
);

/// The engines to compare. Another engine is measured by being added here.
fn engines(case: &Prepared, threads: usize, pass: Option<Pass>) -> Vec<Candidate<'_>> {
    let Prepared {
        model,
        teacher,
        objective,
        ..
    } = case;
    let fused = move || match pass {
        None => Fused::<f32>::new(teacher.clone(), objective.clone(), threads),
        Some(pass) => Fused::<f32>::by(pass, teacher.clone(), objective.clone(), threads),
    };
    let built = fused();
    let plan = built.plan();
    let said = (plan.flops_per_step(BATCH as f64), plan.pass().name());
    let autodiff = move || Autodiff::<f32>::new(model, teacher.clone(), objective.clone(), threads);
    vec![
        ("autodiff", Box::new(move || Box::new(autodiff())), None),
        ("fused", Box::new(move || Box::new(fused())), Some(said)),
    ]
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let Arguments { threads, pass, .. } = arguments;
    if let Some(set) = arguments.simd {
        set.select();
    }
    let used = InstructionSet::used();
    let arch = used.arch().context("the processor has what it uses")?;
    let mut report = Report {
        simd: used.name(),
        fma_peak_gflops: peak::fma_gflops(arch, Duration::from_millis(300)),
        threads,
        measurements: Vec::new(),
    };
    if !arguments.json {
        println!(
            "{}; {:.0} GFLOP/s: FMA peak of one core, float32",
            report.simd, report.fma_peak_gflops
        );
        println!(
            "{:18} {:>3} {:>3} {:8} {:13} {:>12} {:>12} {:>12} {:>8} {:>8}",
            "case",
            "d",
            "D",
            "engine",
            "pass",
            "steps/s",
            "fastest",
            "µs/step",
            "GFLOP/s",
            "of peak"
        );
    }
    let known = cases::names();
    let wanted: Vec<&str> = match &arguments.case[..] {
        [] => cases::USUAL.to_vec(),
        [all] if all == "all" => known.clone(),
        some => some.iter().map(String::as_str).collect(),
    };
    for name in wanted {
        ensure!(known.contains(&name), "cases: {}", known.join(", "));
        let case = Prepared::new(name)?;
        for &dim in arguments.dims.as_ref().unwrap_or(&case.dims) {
            ensure!(dim > 0, "a width of 0 leaves nothing to train");
            for (engine, build, said) in engines(&case, threads, pass) {
                if arguments.engine.as_ref().is_some_and(|only| only != engine) {
                    continue;
                }
                let taken = said.map(|(_, pass)| pass);
                if pass.is_some_and(|pass| taken != Some(pass.name())) {
                    continue; // it cannot compute the case
                }
                let speeds = speeds(&case, &build, dim, &arguments);
                let steps_per_second = speeds[speeds.len() / 2];
                let gflops = said.map(|(flops, _)| flops * steps_per_second / 1e9);
                let measurement = Measurement {
                    case: name.into(),
                    pass: taken,
                    dim,
                    width: case.model.width(),
                    engine,
                    steps_per_second,
                    fastest: speeds[speeds.len() - 1],
                    microseconds: 1e6 / steps_per_second,
                    gflops,
                    fraction_of_peak: gflops.map(|g| g / report.fma_peak_gflops),
                };
                if !arguments.json {
                    measurement.print();
                }
                report.measurements.push(measurement);
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(())
}

impl Measurement {
    fn print(&self) {
        let or_dash = |x: Option<String>| x.unwrap_or_else(|| "-".into());
        println!(
            "{:18} {:3} {:3} {:8} {:13} {:12.1} {:12.1} {:12.1} {:>8} {:>8}",
            self.case,
            self.dim,
            self.width,
            self.engine,
            self.pass.unwrap_or("-"),
            self.steps_per_second,
            self.fastest,
            self.microseconds,
            or_dash(self.gflops.map(|g| format!("{g:.1}"))),
            or_dash(self.fraction_of_peak.map(|f| format!("{:.1} %", 100.0 * f))),
        );
    }
}

/// Steps per second of each repetition, ascending.
fn speeds(
    case: &Prepared,
    build: &dyn Fn() -> Box<dyn Engine>,
    dim: usize,
    arguments: &Arguments,
) -> Vec<f64> {
    let start = |seed| {
        let mut trainer = case.trainer(build(), dim, seed);
        let warm_up = (arguments.seconds / 4.0).min(0.2);
        Stopwatch::run(case, &mut trainer, warm_up);
        trainer
    };
    let mut going = start(0);
    let mut speeds: Vec<f64> = (0..arguments.repetitions)
        .map(|repetition| {
            if arguments.fresh {
                going = start(u64::from(repetition));
            }
            Stopwatch::run(case, &mut going, arguments.seconds)
        })
        .collect();
    speeds.sort_by(f64::total_cmp);
    speeds
}

/// Stops the training loop when its time is up; neither records nor checkpoints fall due before.
struct Stopwatch<'a> {
    case: &'a Prepared,
    start: Instant,
    seconds: f64,
    steps: u64,
}

impl Stopwatch<'_> {
    /// Trains for some seconds, at least one step, and returns the steps per second.
    fn run(case: &Prepared, trainer: &mut Trainer, seconds: f64) -> f64 {
        let never = Intervals {
            diagnose_every: 0,
            steps: u64::MAX,
            log_every: u64::MAX,
            checkpoint_every: u64::MAX,
        };
        let mut watch = Stopwatch {
            case,
            start: Instant::now(),
            seconds,
            steps: 0,
        };
        match trainer.run(never, &mut watch) {
            Ok(_) => watch.steps as f64 / watch.start.elapsed().as_secs_f64(),
        }
    }
}

impl Observer for Stopwatch<'_> {
    type Error = std::convert::Infallible;

    fn evaluate(&mut self, w: &Array2<f64>) -> Option<Evaluation> {
        Some(evaluate(
            &self.case.teacher,
            &self.case.objective,
            Stream::Compressed(w, &Wiring::default()),
        ))
    }

    fn record(&mut self, _: &Record) -> Result<(), Self::Error> {
        Ok(())
    }

    fn checkpoint(&mut self, _: &State) -> Result<(), Self::Error> {
        Ok(())
    }

    fn step_done(&mut self, _: u64, _: f64) -> bool {
        self.steps += 1;
        self.start.elapsed().as_secs_f64() >= self.seconds
    }
}
