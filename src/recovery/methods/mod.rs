//! What finds dictionaries, from rows alone: none of it is told the truth.
//!
//! - [`Method`]: their names.
//! - `scaled`: rows in units of their own.
//! - [`choice`]: how sparse a dictionary is to be, chosen by the variance that it explains.
//! - `plain`: random data rows and principal components.
//! - `nnsc`: non-negative sparse coding.
//! - `sae`: sparse autoencoders, trained with an L1 penalty or the largest codes alone.
//!
//! `docs/recovery_methods.md` derives them. Everything follows from the rows, the settings and the seed, on any number of threads.

pub mod choice;
mod nnsc;
mod plain;
mod sae;
mod scaled;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use crate::config::DictionaryMethod as Method;

use super::dictionary::Dictionary;
use super::fit::{self, Fit};
use super::rows::Rows;
use choice::{Attempt, Tried, first_that_explains};
use scaled::Scaled;

/// What a method is told beside the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Which one.
    pub method: Method,
    /// `m`, at least 1.
    pub atoms: usize,
    /// The penalty, where it is not to be chosen: [`Method::has_lambda`].
    pub lambda: Option<f64>,
    /// The number of active codes, where it is not to be chosen: [`Method::TopkSae`].
    pub k: Option<usize>,
}

/// What a method found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The atoms and the way to their codes, in the precision that they are written with.
    pub dictionary: Dictionary,
    /// What is known of it.
    pub facts: Facts,
}

/// What is known of a dictionary without the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The seed.
    pub seed: u64,
    /// The penalty, in the unit of [`choice::lambdas`].
    pub lambda: Option<f64>,
    /// How many codes are kept.
    pub k: Option<usize>,
    /// Whether it explains as much as a choice asks for: [`choice::ENOUGH`]. None where there was nothing to choose.
    pub enough: Option<bool>,
    /// What it was to minimize, in the unit of the rows' variance per dimension: of the restart that was kept.
    pub objective: Option<f64>,
    /// What it explains.
    #[serde(flatten)]
    pub fit: Fit,
}

/// Rows from which nothing can be learned.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the stream is the same in every row: there is no direction to find")]
pub struct Constant;

/// Finds a dictionary; `watch` is told what was tried, after each start.
///
/// # Errors
/// If the rows do not vary.
pub fn find(
    rows: &Rows,
    settings: &Settings,
    seed: u64,
    threads: usize,
    watch: &mut dyn FnMut(&Tried),
) -> Result<Found, Constant> {
    let scaled = Scaled::new(rows).ok_or(Constant)?;
    let m = settings.atoms;
    let (lambda, k, enough, attempt) = match settings.method {
        Method::Pca => (None, None, None, plain::pca(&scaled, m)),
        Method::Random => (None, None, None, plain::random(&scaled, m, seed)),
        Method::Nnsc | Method::L1Sae => {
            let is_nnsc = settings.method == Method::Nnsc;
            let values = settings.lambda.map_or_else(choice::lambdas, |x| vec![x]);
            let starts = if is_nnsc { nnsc::RESTARTS } else { 1 };
            let run = |lambda: f64, start| {
                if is_nnsc {
                    nnsc::run(&scaled, m, lambda, seed, start)
                } else {
                    sae::run_l1(&scaled, m, lambda, seed, start)
                }
            };
            let tell = &mut |x: &f64, a: &Attempt, starts| watch(&Tried::lambda(*x, a, starts));
            let (lambda, enough, kept) =
                first_that_explains(rows, &values, starts, threads, run, tell);
            let enough = settings.lambda.is_none().then_some(enough);
            (Some(lambda), None, enough, kept)
        }
        Method::TopkSae => {
            let values = match settings.k {
                Some(k) => vec![k.min(m)],
                None => (1..=m.min(choice::MOST_ACTIVE)).collect(),
            };
            let run = |k: usize, start| sae::run_topk(&scaled, m, k, seed, start);
            let tell = &mut |k: &usize, a: &Attempt, starts| watch(&Tried::k(*k, a, starts));
            let (k, enough, kept) = first_that_explains(rows, &values, 1, threads, run, tell);
            let enough = settings.k.is_none().then_some(enough);
            (None, Some(k), enough, kept)
        }
    };
    let fit = match attempt.fit {
        Some(fit) => fit,
        None => fit::Fit::new(rows, &attempt.dictionary.reconstruct(rows)),
    };
    Ok(Found {
        facts: Facts {
            seed,
            lambda,
            k,
            enough,
            objective: attempt.objective,
            fit,
        },
        dictionary: attempt.dictionary,
    })
}
