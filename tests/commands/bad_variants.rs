//! Values of the variants' keys that mean nothing: one message that says what is wrong and what there is,
//! exit code 2, nothing written.

use crate::common::bench::Bench;

#[test]
fn token_weights_that_mean_nothing_are_refused() {
    let is = |value: &str, parts: &[&str]| {
        let set = format!("inputs.token_weights={value}");
        let place = format!("--set {set}");
        let parts = [&["`inputs.token_weights`", &place], parts].concat();
        Bench::new().refused(&["--set", &set], &parts);
    };
    let tokens = "the tokens are a, b, c, x";
    is("{z=1}", &["there is no token `z`", tokens]);
    is("{x=0.5, y=2}", &["there is no token `y`", tokens]);
    is("{BOS=2}", &["`BOS`", tokens]);
    is("{compiler_pad=2}", &["`compiler_pad`", tokens]);
    for weight in ["0", "-1", "nan", "inf", "-0.0"] {
        let text = format!("{{x={weight}}}");
        is(&text, &["the weight of `x` is", "above 0", tokens]);
    }
    is("3", &["a table of tokens and numbers, like { x = 0.05 }"]);
    is("{x=\"often\"}", &["a table of tokens and numbers"]);
    is("[0.1]", &["a table of tokens and numbers"]);
    is("{x=1, \"\\\"x\\\"\"=2}", &["has a weight twice"]);
    // In the file, by its line; and entry by entry.
    Bench::new().refused_with(
        "lengths = [5]",
        "token_weights = { q = 1 } #",
        &["there is no token `q`"],
    );
    let entry = ["--set", "inputs.token_weights.q=1"];
    Bench::new().refused(&entry, &["--set inputs.token_weights.q=1", tokens]);
}

#[test]
fn token_weights_that_leave_training_nothing_are_refused() {
    // 4^20 inputs; nearly all draws are of a few of them.
    let bench = Bench::new();
    let program = crate::common::command::root().join("programs/frac_prevs.rasp");
    let path = format!("program = \"{}\"\nmax_seq_len = 20 #", program.display());
    bench
        .edit("path =", &path)
        .edit("lengths = [5]", "lengths = [20] #");
    bench.refused(
        &["--set", "inputs.token_weights={x=1e4}"],
        &[
            "`inputs.token_weights`",
            "held-out sample of 4096",
            "% of what training draws",
        ],
    );
}

#[test]
fn objective_that_means_nothing_is_refused() {
    let is = |set: &str, parts: &[&str]| Bench::new().refused(&["--set", set], parts);
    is(
        "objective.categorical_targets=soft",
        &[
            "`objective.categorical_targets`",
            "the output of frac_prevs is a number",
            "\"hard\"",
        ],
    );
    let blocks = "the blocks are layer0.attn, layer0.mlp, layer1.attn, layer1.mlp";
    let is = |table: &str, parts: &[&str]| {
        let set = format!("objective.block_weights={table}");
        let parts = [&["`objective.block_weights`"], parts].concat();
        Bench::new().refused(&["--set", &set], &parts);
    };
    is(
        "{\"layer7.mlp\"=1}",
        &["there is no block `layer7.mlp`", blocks],
    );
    is(
        "{\"layer0.mlp\"=-1}",
        &["the weight of `layer0.mlp` is -1", "at least 0", blocks],
    );
    is(
        "{\"layer0.mlp\"=nan}",
        &["the weight of `layer0.mlp` is NaN", blocks],
    );
    is(
        "{layer0.mlp=1}",
        &["a table of blocks and numbers, like { \"layer0.attn\" = 2.0 }"],
    );
    is("2", &["a table of blocks and numbers"]);
}
