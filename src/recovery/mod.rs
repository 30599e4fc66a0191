//! Ground truth for dictionary learning: which of a compressed model's features a dictionary finds.
//!
//! - [`rows`]: the compressed residual stream as data, and a dictionary's reconstruction of it.
//! - [`weighted`]: means and variances of rows with weights.
//! - [`truth`]: the rows of a run with the true features behind them: gauge, canonical directions, targets.
//! - [`dictionary`]: a dictionary in a file, and its codes; [`given`]: codes from elsewhere.
//! - [`assignment`]: the best one-to-one matching.
//! - [`scores`]: how much of the truth a reconstruction has; [`causal`]: whether its directions do what the
//!   features do.
//! - [`nulls`]: what scores are worth: reconstructions that know nothing, and those that know all.
//! - [`judgement`]: all of it together; [`record`]: the files that keep it.
//!
//! docs/recovery.md derives the definitions.

pub mod assignment;
pub mod causal;
pub mod dictionary;
pub mod given;
pub mod judgement;
pub mod nulls;
pub mod record;
pub mod rows;
pub mod scores;
pub mod truth;
pub mod weighted;

#[cfg(test)]
mod invariances;
