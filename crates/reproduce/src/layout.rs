//! The tables of a published study, beside those that a sweep and an analysis leave.

/// What became of each feature of every run.
pub const STUDY_FEATURES: &str = "study_features.csv";
/// How faithful each block of every run is.
pub const STUDY_LAYERS: &str = "study_layers.csv";
/// How every run writes each variable.
pub const STUDY_VARIABLES: &str = "study_variables.csv";
/// What the compression of every run consists of.
pub const STUDY_BUDGETS: &str = "study_budgets.csv";
/// `G` of every run.
pub const STUDY_GRAM: &str = "study_gram.csv";
/// How it agrees with a reference.
pub const STUDY_REFERENCE: &str = "study_reference.csv";
/// Which runs are kept. The last table that `reproduce publish` writes.
pub const MEDIANS: &str = "medians.csv";
