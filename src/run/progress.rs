//! Who watches a run.

use superposition::trainer::Record;

/// What a run tells whoever watches it, and what it asks.
pub trait Progress {
    /// Training begins at `step` of `steps`.
    fn begin(&mut self, step: u64, steps: u64);
    /// A step is done; `loss` is its batch's. Returns whether to stop after it.
    fn step(&mut self, step: u64, loss: f64) -> bool;
    /// Whether to stop, within a step or at once: asked in what takes as long as many steps.
    fn is_to_stop(&self) -> bool;
    /// A row was written.
    fn record(&mut self, record: &Record);
    /// Something happened that the user should know of, and the run goes on.
    fn warn(&mut self, warning: &str);
    /// Training is over for now.
    fn end(&mut self);
}
