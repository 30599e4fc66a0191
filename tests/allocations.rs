//! A training step allocates nothing once its buffers have grown: batch, engine, AdamW, the loop itself.
//!
//! `cargo test --release --test allocations -- --nocapture` prints what each case allocates.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../benches/engines/cases.rs"]
mod cases;

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use cases::Prepared;
use ndarray::Array2;
use superposition::engines::fused::Fused;
use superposition::evaluation::Evaluation;
use superposition::trainer::{Intervals, Observer, Record, State, StopReason};
use superposition::{Engine, Trainer};

/// Stops the loop after some steps; nothing else falls due before.
struct Steps(u64);

impl Observer for Steps {
    type Error = std::convert::Infallible;

    fn evaluate(&mut self, _: &Array2<f64>) -> Option<Evaluation> {
        unreachable!("nothing is logged")
    }

    fn record(&mut self, _: &Record) -> Result<(), Self::Error> {
        Ok(())
    }

    fn checkpoint(&mut self, _: &State) -> Result<(), Self::Error> {
        Ok(())
    }

    fn step_done(&mut self, _: u64, _: f64) -> bool {
        self.0 -= 1;
        self.0 == 0
    }
}

/// What so many steps allocate.
fn allocated(trainer: &mut Trainer, steps: u64) -> AllocationInfo {
    let never = Intervals {
        steps: u64::MAX,
        log_every: u64::MAX,
        checkpoint_every: u64::MAX,
        diagnose_every: 0,
    };
    measure(|| {
        let reason = trainer.run(never, &mut Steps(steps)).unwrap();
        assert_eq!(reason, StopReason::Interrupted);
    })
}

/// For each of [`cases::USUAL`]: steps until all buffers have their size, and steps that are watched.
const STEPS: [(u64, u64); cases::USUAL.len()] = [(10, 1000), (10, 1000), (10, 50), (5, 5)];

#[test]
fn a_step_allocates_nothing() {
    let mut found = Vec::new();
    for (name, (before, watched)) in cases::USUAL.into_iter().zip(STEPS) {
        let case = Prepared::new(name).unwrap();
        let dim = case.dims[0];
        let (teacher, objective) = (|| Arc::clone(&case.teacher), || case.objective.clone());
        let engines: [(&str, Box<dyn Engine>); 2] = [
            (
                "f32",
                Box::new(Fused::<f32>::new(teacher(), objective(), 1)),
            ),
            (
                "f64",
                Box::new(Fused::<f64>::new(teacher(), objective(), 1)),
            ),
        ];
        for (precision, engine) in engines {
            let mut trainer = case.trainer(engine, dim, 0);
            let first = allocated(&mut trainer, before);
            let later = allocated(&mut trainer, watched);
            println!(
                "{name} {precision}: {} times in {before} steps, then {} in {watched} steps ({} bytes)",
                first.count_total, later.count_total, later.bytes_total
            );
            if later.count_total > 0 {
                found.push(format!("{name}, {precision}: {later:?}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
