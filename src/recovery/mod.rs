//! Ground truth for dictionary learning: which of a compressed model's features a dictionary finds.
//!
//! - [`rows`]: the compressed residual stream as data, and a dictionary's reconstruction of it.
//! - [`weighted`]: means and variances of rows with weights.
//! - [`truth`]: the rows of a run with the true features behind them: gauge, canonical directions, targets.
//! - [`codes`]: non-negative sparse codes, by FISTA.
//! - [`dictionary`]: atoms with the way to their codes, read from what people have and written as SAELens does; [`given`]:
//!   codes from elsewhere.
//! - [`fit`]: how well a dictionary explains rows, and how sparsely.
//! - [`methods`]: what finds dictionaries, from rows alone.
//! - [`assignment`]: the best one-to-one matching.
//! - [`scores`]: how much of the truth a reconstruction has; [`causal`]: whether its directions do what the
//!   features do.
//! - [`nulls`]: what scores are worth: reconstructions that know nothing, and those that know all.
//! - [`judgement`]: all of it together; [`record`]: the files that keep it; [`scored`]: where those of a run
//!   are.
//!
//! docs/recovery.md derives the definitions, docs/recovery_methods.md the methods.

pub mod assignment;
pub mod causal;
pub mod codes;
pub mod dictionary;
pub mod fit;
pub mod given;
pub mod judgement;
pub mod methods;
pub mod nulls;
pub mod record;
pub mod rows;
pub mod scored;
pub mod scores;
pub mod truth;
pub mod weighted;

#[cfg(test)]
mod invariances;
