//! Circuits: the true edges of a compiled model, what compression does to them, and a judge for anybody's.
//!
//! - [`graph`]: nodes, receivers and edges, and their names.
//! - [`network`]: one forward pass in which each edge carries its own message; exchanges of edges, and gradients.
//!   `body` is what heads and MLPs compute, `map` a linear map without its zeros.
//! - [`metric`]: how a change of the output is measured.
//! - [`truth`]: which edges are true, from weights and visited states.
//! - [`effects`]: the exact effect of each edge, and interference.
//! - [`attribution`]: the estimates by gradients, EAP and EAP-IG.
//! - [`baseline`]: these as scores.
//! - [`file`](mod@file): `circuit.json`.
//! - [`list`](mod@list): anybody's circuit as a file; [`names`]: what its names stand for (`end`: one
//!   name); [`candidate`]: the circuit to judge.
//! - [`study`]: the baselines on every run of a study, as a table.
//! - [`ranking`]: AUROC, precision and recall; [`judge`](mod@judge): these, and what a circuit does alone.

pub mod attribution;
pub mod baseline;
mod body;
pub mod candidate;
pub mod effects;
mod end;
pub mod file;
pub mod graph;
pub mod judge;
pub mod list;
mod map;
pub mod metric;
pub mod names;
pub mod network;
pub mod ranking;
pub mod study;
pub mod truth;
