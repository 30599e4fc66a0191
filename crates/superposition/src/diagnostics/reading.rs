//! One measurement.

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// A block, a head of it, `output`, `total`, a feature, or two features joined by ` -> `.
    pub subject: String,
    /// What was measured.
    pub quantity: &'static str,
    /// Its value; NaN where there is none.
    pub value: f64,
}
