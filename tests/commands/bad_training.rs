//! Keys about starts, warm-up and diagnostics that are misspelt or contradict each other: one message, exit code 2,
//! nothing written.

use crate::common::bench::Bench;

#[test]
fn training_keys_that_are_misspelt_are_refused_where_they_stand() {
    let is = |from: &str, to: &str, parts: &[&str]| Bench::new().refused_with(from, to, parts);
    is(
        "log_every = 1000 ",
        "diagnostic_every = 1 ",
        &["did you mean `training.diagnostics_every`"],
    );
    is("seed = 0", "restarts = 3", &["`training.restarts`"]);
    is(
        "seed = 0",
        "restarts = { count = 2, step = 1000 }",
        &[
            "`training.restarts.step`",
            "did you mean `training.restarts.steps`",
        ],
    );
}

#[test]
fn training_values_that_contradict_each_other_are_refused() {
    let is = |from: &str, to: &str, parts: &[&str]| Bench::new().refused_with(from, to, parts);
    is(
        "decay_fraction = 0.5",
        "warmup_fraction = 0.6, decay_fraction = 0.5",
        &[
            "`training.learning_rate.warmup_fraction`",
            "0.6",
            "0.5",
            "1 together at most",
        ],
    );
    is(
        "seed = 0",
        "restarts = { count = 2, steps = 301_000 }",
        &[
            "`training.restarts.steps`",
            "301000",
            "training.steps is 300000",
        ],
    );
    is(
        "seed = 0",
        "restarts = { count = 2, steps = 1500 }",
        &[
            "`training.restarts.steps`",
            "multiple of training.log_every, 1000",
        ],
    );
    is(
        "seed = 0",
        "restarts = { count = 2, steps = 0 }",
        &["`training.restarts.steps`", "at least one update"],
    );
    Bench::new()
        .edit("seed = 0", "restarts = { count = 2 }")
        .refused(&[], &["`training.restarts.steps` is missing", "run.toml"]);
    Bench::new().refused(
        &["--set", "training.restarts.count=2"],
        &["`training.restarts.steps` is missing"],
    );
}
