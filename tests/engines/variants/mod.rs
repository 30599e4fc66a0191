//! The variants of the experiment: what the paper names and leaves untried.
//!
//! Each is checked against something that shares no code with it: the formulas written out over the plain
//! forward pass (`oracle`), central finite differences of these, probabilities by enumeration.
//! `cargo test --release --test engines variants -- --nocapture` prints the largest differences.

mod drawing;
mod evaluation;
mod matrices;
mod objective;
mod oracle;
