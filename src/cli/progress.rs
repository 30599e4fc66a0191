//! Progress of a run on stderr: a bar on a terminal, a line every ten seconds elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::signals::StopRequest;
use super::{bar, terminal};
use crate::run::Progress;
use superposition::trainer::Record;

/// Time between lines where stderr is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two looks at the clock costs steps: this many between them.
const STEPS_PER_LOOK: u64 = 16;

/// Shows a run's progress and passes on the request to stop.
#[derive(Debug)]
pub struct Reporter {
    name: String,
    directory: String,
    quiet: bool,
    stop: StopRequest,
    bar: ProgressBar,
    lines: bool,
    /// Whether it has begun: several starts begin one after the other.
    begun: bool,
    steps: u64,
    last_line: (u64, Instant),
    eval_loss: Option<f64>,
}

impl Reporter {
    /// For a run of this name in this directory; `quiet` shows nothing.
    pub fn new(name: &str, directory: &str, quiet: bool, stop: StopRequest) -> Self {
        stop.say(format!(
            "{name}: stopped before training; the same command begins it, or resumes it from its checkpoint \
             ({directory})"
        ));
        Self {
            name: name.to_owned(),
            directory: directory.to_owned(),
            quiet,
            stop,
            bar: ProgressBar::hidden(),
            lines: !quiet && !io::stderr().is_terminal(),
            begun: false,
            steps: 0,
            last_line: (0, Instant::now()),
            eval_loss: None,
        }
    }

    fn line(&mut self, step: u64, loss: f64) {
        let (before, since) = self.last_line;
        let speed = (step - before) as f64 / since.elapsed().as_secs_f64();
        let left = Duration::from_secs_f64(
            ((self.steps - step) as f64 / speed.max(f64::MIN_POSITIVE)).min(1e9),
        );
        let exact = self
            .eval_loss
            .map_or_else(String::new, |x| format!(", eval loss {x:.4e}"));
        terminal::message(&format!(
            "{}: step {step}/{}, loss {loss:.4e}{exact}, {speed:.0} steps/s, {} left",
            self.name,
            self.steps,
            indicatif::HumanDuration(left),
        ));
        self.last_line = (step, Instant::now());
    }
}

impl Progress for Reporter {
    fn begin(&mut self, step: u64, steps: u64) {
        self.steps = steps;
        self.last_line = (step, Instant::now());
        self.stop.say(format!(
            "{}: stopped; the same command resumes it from its last checkpoint, if there is one ({})",
            self.name, self.directory
        ));
        if self.quiet {
            return;
        }
        let resumed = !std::mem::replace(&mut self.begun, true) && step > 0;
        if resumed {
            terminal::message(&format!("{}: going on from step {step}", self.name));
        }
        if !self.lines {
            self.bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
            let template = "{prefix} {bar:20} {percent:>3} %  {msg}  {rate}  {remaining}";
            if let Some(style) = bar::style(template) {
                self.bar.set_style(style);
            }
            self.bar.set_prefix(bar::name(&self.name));
            self.bar.set_position(step);
            self.bar.reset_eta();
        }
    }

    fn step(&mut self, step: u64, loss: f64) -> bool {
        if step.is_multiple_of(STEPS_PER_LOOK) {
            if self.lines && self.last_line.1.elapsed() >= LINE_INTERVAL {
                self.line(step, loss);
            } else if !self.lines {
                self.bar.set_position(step);
            }
        }
        self.is_to_stop()
    }

    fn is_to_stop(&self) -> bool {
        self.stop.is_made()
    }

    fn record(&mut self, record: &Record) {
        self.eval_loss = Some(record.evaluation.loss);
        self.bar.set_message(bar::metric(&record.evaluation));
    }

    fn warn(&mut self, warning: &str) {
        let text = format!("warning: {}: {warning}", self.name);
        self.bar.suspend(|| terminal::message(&text));
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
        self.stop.say(format!(
            "{}: stopped before all results were written; the same command computes what is missing ({})",
            self.name, self.directory
        ));
    }
}
