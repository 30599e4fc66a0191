//! Progress of a sweep on stderr: a bar for all and one per worker on a terminal, a line per
//! finished run elsewhere.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use super::signals::StopRequest;
use super::{bar, table, terminal};
use crate::results::Summary;
use crate::run::Progress;
use crate::study::sweep::{End, Watcher};
use base::escape;
use base::numbers::count;
use superposition::trainer::Record;

/// From one look of the whole bar to the next.
const TICK: Duration = Duration::from_secs(1);
/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u64 = 16;

/// Shows a sweep's progress and passes on the request to stop.
#[derive(Debug)]
pub struct SweepReporter {
    name: String,
    directory: PathBuf,
    stop: StopRequest,
    quiet: bool,
    runs: usize,
    over: AtomicUsize,
    /// Those of them, and those of earlier sweeps, that have a result.
    complete: AtomicUsize,
    bars: MultiProgress,
    all: ProgressBar,
    workers: Vec<ProgressBar>,
}

impl SweepReporter {
    /// For this many runs and workers of a study of this name in this directory; `quiet` shows nothing.
    pub fn new(
        (name, directory): (&str, &Path),
        runs: usize,
        jobs: usize,
        quiet: bool,
        stop: StopRequest,
    ) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bars = MultiProgress::with_draw_target(target);
        let add = |length: u64, template: &str| {
            let added = bars.add(ProgressBar::new(length));
            if let Some(style) = bar::style(template) {
                added.set_style(style);
            }
            added
        };
        let all = add(
            runs as u64,
            "{prefix} {bar:20} {pos}/{len} runs  {elapsed} so far  {remaining}",
        );
        all.set_prefix(bar::name(name));
        if shown {
            all.enable_steady_tick(TICK);
        }
        let line = "  {prefix:24} {bar:12} {percent:>3} %  {msg:15}  {rate}";
        // A bar of length 0 is a full one, and none of these has begun.
        let workers = (0..jobs.min(runs)).map(|_| add(1, line)).collect();
        Self {
            name: name.to_owned(),
            directory: directory.to_owned(),
            stop,
            quiet,
            runs,
            over: AtomicUsize::new(0),
            complete: AtomicUsize::new(0),
            bars,
            all,
            workers,
        }
    }

    /// So many more runs have a result.
    fn completed(&self, runs: usize) {
        let complete = runs + self.complete.fetch_add(runs, Ordering::Relaxed);
        let study = (self.name.as_str(), self.directory.as_path());
        self.stop.say(stopped(study, complete, self.runs));
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        self.workers.iter().for_each(ProgressBar::finish_and_clear);
        self.all.finish_and_clear();
    }

    /// Progress, where it is shown by lines.
    fn line(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// What is said in any case.
    fn say(&self, text: &str) {
        if self.bars.is_hidden() {
            terminal::message(text);
        } else {
            let _ = self.bars.println(escape::lines(text)); // nobody to tell if the terminal is gone
        }
    }
}

impl Watcher for SweepReporter {
    fn stop(&self) -> bool {
        self.stop.is_made()
    }

    fn begin(&self, already: usize) {
        self.completed(already);
        self.over.store(already, Ordering::Relaxed);
        self.all.set_position(already as u64);
        if self.bars.is_hidden() && already < self.runs {
            self.line(&format!(
                "{}: {} to do, {} at a time, in {}",
                self.name,
                count(self.runs - already, "run"),
                self.workers.len(),
                self.directory.display()
            ));
        }
    }

    fn run<'a>(&'a self, worker: usize, run: &str) -> Box<dyn Progress + 'a> {
        let bar = self.workers.get(worker).unwrap_or(&self.all);
        bar.set_prefix(bar::name(run));
        bar.set_message("");
        bar.set_length(1);
        bar.set_position(0);
        Box::new(WorkerProgress {
            all: self,
            run: run.to_owned(),
            bar,
        })
    }

    fn over(&self, run: &str, end: &End) {
        let over = 1 + self.over.fetch_add(1, Ordering::Relaxed);
        self.all.set_position(over as u64);
        if !matches!(end, End::Failed(_)) {
            self.completed(1);
        }
        let text = match end {
            End::Completed(summary) => figures(summary),
            End::AlreadyOver(_) => "completed by another process".into(),
            End::Failed(reason) => format!("FAILED: {reason}"),
        };
        if !self.bars.is_hidden() && !matches!(end, End::Failed(_)) {
            return;
        }
        self.line(&format!("{over}/{}  {run}: {text}", self.runs));
    }

    fn waiting(&self, runs: usize) {
        self.line(&format!(
            "waiting for {} that another process works on",
            count(runs, "run")
        ));
    }
}

/// What a sweep says that is stopped.
pub fn stopped((name, directory): (&str, &Path), complete: usize, runs: usize) -> String {
    format!(
        "{name}: stopped, {complete} of {} complete; the same command resumes the others from their last checkpoints ({})",
        count(runs, "run"),
        directory.display()
    )
}

/// A finished run in a line.
fn figures(summary: &Summary) -> String {
    let mut text = String::from("completed");
    if let Some(last) = &summary.last {
        text.push_str(&format!(
            ", eval loss {} (output {}, layers {})",
            table::significant(last.eval_loss),
            table::significant(last.eval_loss_output),
            table::significant(last.eval_loss_layers)
        ));
        let shown = [
            ("mean absolute error", last.mae),
            ("token accuracy", last.token_accuracy),
        ];
        for (name, value) in shown {
            if let Some(value) = value {
                text.push_str(&format!(", {name} {}", table::significant(value)));
            }
        }
    }
    text + &format!(" ({:.1} s)", summary.wall_time_seconds)
}

/// The progress of one worker's run.
struct WorkerProgress<'a> {
    all: &'a SweepReporter,
    run: String,
    bar: &'a ProgressBar,
}

impl Progress for WorkerProgress<'_> {
    fn begin(&mut self, step: u64, steps: u64) {
        self.bar.set_length(steps);
        self.bar.set_position(step);
        self.bar.reset_eta();
    }

    fn step(&mut self, step: u64, _loss: f64) -> bool {
        if step.is_multiple_of(STEPS_PER_LOOK) {
            self.bar.set_position(step);
        }
        self.is_to_stop()
    }

    fn is_to_stop(&self) -> bool {
        self.all.stop.is_made()
    }

    fn warn(&mut self, warning: &str) {
        self.all.say(&format!("warning: {}: {warning}", self.run));
    }

    fn record(&mut self, record: &Record) {
        self.bar.set_message(bar::metric(&record.evaluation));
    }

    fn end(&mut self) {
        self.bar.set_message("");
    }
}
