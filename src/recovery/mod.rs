//! Ground truth for dictionary learning: which of a compressed model's features a dictionary finds.
//!
//! - [`rows`]: the compressed residual stream as data, and a dictionary's reconstruction of it.
//! - [`data`]: the rows that a run's model visits.
//! - [`codes`]: non-negative sparse codes, by FISTA.
//! - [`dictionary`]: atoms with the way to their codes, read from what people have and written as SAELens does.
//! - [`fit`]: how well a dictionary explains rows, and how sparsely.
//! - [`methods`]: what finds dictionaries, from rows alone.

pub mod codes;
pub mod data;
pub mod dictionary;
pub mod fit;
pub mod methods;
pub mod rows;
