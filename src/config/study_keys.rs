//! Every key of a study file, and of a range of values in one.

/// More runs than this are refused as a mistake.
pub const MAX_RUNS: usize = base::limits::RUNS;

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct StudyKey {
    /// Without a table: these are the file's own.
    pub name: &'static str,
    /// What may stand there, in words.
    pub takes: &'static str,
    /// What stands there otherwise; `required` if nothing can.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// All keys of a study file, in its order.
pub const STUDY_KEYS: [StudyKey; 6] = [
    StudyKey {
        name: "name",
        takes: "letters, digits, `_`, `-` and `.`, in quotes",
        default: "the file's name",
        meaning: "What the study is called; its directory is results/NAME.",
    },
    StudyKey {
        name: "question",
        takes: "a text in quotes",
        default: "none",
        meaning: "What it asks, for its report.",
    },
    StudyKey {
        name: "base",
        takes: "a path in quotes",
        default: "required",
        meaning: "The run file that every run starts from.",
    },
    StudyKey {
        name: "grid",
        takes: "a table of keys of a run file with their values",
        default: "required, unless there is an include",
        meaning: "What varies: every combination of these values is a run.",
    },
    StudyKey {
        name: "include",
        takes: "tables like grid, each as [[include]]",
        default: "none",
        meaning: "More combinations, each table for itself.",
    },
    StudyKey {
        name: "override",
        takes: "a table of keys of a run file, each with one value",
        default: "none",
        meaning: "What differs from the base in all runs; --set goes before it.",
    },
];

/// The keys of a range, which stands for a list of numbers.
pub const RANGE_KEYS: [StudyKey; 3] = [
    StudyKey {
        name: "from",
        takes: "a number",
        default: "required",
        meaning: "The first value.",
    },
    StudyKey {
        name: "count",
        takes: "an integer from 1 to 100000",
        default: "required",
        meaning: "How many values.",
    },
    StudyKey {
        name: "step",
        takes: "a number",
        default: "1",
        meaning: "What each adds to the one before.",
    },
];

/// The names of some of these, for a message.
pub fn names(keys: &[StudyKey]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}
