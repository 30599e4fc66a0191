//! Sentences about hand-made analyses.

use super::*;
use crate::analysis::verdict::Budget;
use crate::results::ending::Ending;
use crate::results::summary::FinalMetrics;
use serde_json::json;
use superposition::Evaluation;

/// A summary's last metrics, and how such a training ended beside a constant answer of this error.
fn ended(last: Json, constant: f64) -> (FinalMetrics, Ending) {
    let metric = |name: &str| last[name].as_f64();
    let evaluation = Evaluation {
        loss: 1.0,
        loss_output: 1.0,
        loss_layers: 0.0,
        mae: metric("mae"),
        max_error: metric("max_error"),
        token_accuracy: metric("token_accuracy"),
        sequence_accuracy: metric("sequence_accuracy"),
        blocks: Vec::new(),
    };
    let ending = Ending::new(&evaluation, Some(constant), Some(1.0));
    (FinalMetrics::from(&evaluation), ending)
}

fn analysis(more: &Json) -> Json {
    let mut analysis = json!({
        "width": 14, "inputs": 1024, "inputs_are_all": true, "settings": {"tolerance": 0.025, "dropped_below": 0.25},
        "budget": {"deletion": 1.0, "deletion_of_unused": 4.0, "sharing": 1.0, "superposition": 2.0, "idle": 0.0},
    });
    for (key, value) in more.as_object().unwrap() {
        analysis[key] = value.clone();
    }
    analysis
}

fn said(last: Json, constant: f64, more: Json) -> (Works, String) {
    let (last, ending) = ended(last, constant);
    answer(Some(&last), &analysis(&more), Some(&ending))
}

#[test]
fn answer_of_a_model_that_is_right_everywhere_says_over_which_inputs() {
    let classes = json!({"token_accuracy": 1.0, "sequence_accuracy": 1.0});
    let (works, text) = said(classes.clone(), 0.65, json!({}));
    assert_eq!(works, Works::Everywhere);
    assert_eq!(
        text,
        "Yes: on all 1024 inputs the output is right at every token position. The best constant answer is right at 35 %. \
         Most of the compression is deletion (features lose their direction)."
    );
    let (_, text) = said(
        classes,
        0.65,
        json!({"inputs_are_all": false, "inputs": 4096}),
    );
    assert!(
        text.starts_with(
            "Yes: on the 4096 inputs evaluated the output is right at every token position."
        ),
        "{text}"
    );
    let number = json!({"mae": 0.001, "max_error": 0.02});
    let (_, text) = said(number, 0.2, json!({"accuracy": 1.0}));
    assert!(
        text.starts_with(
            "Yes: on all 1024 inputs the output is right at every token position (mean absolute error 0.001, largest 0.02; \
             within 0.025 counts as right). The best constant answer has a mean absolute error of 0.2."
        ),
        "{text}"
    );
}

#[test]
fn answer_of_a_model_that_is_right_in_part_gives_the_share() {
    let number = |mae: f64| json!({"mae": mae, "max_error": 1.8});
    let (works, text) = said(number(0.01), 0.4, json!({"accuracy": 0.974}));
    assert_eq!(works, Works::Mostly);
    assert!(
        text.starts_with(
            "Mostly: on all 1024 inputs the output is right at 97.4 % of token positions ("
        ),
        "{text}"
    );
    // The error is below the tolerance on average, and yet a third of the outputs are wrong.
    let (works, text) = said(number(0.02), 0.4, json!({"accuracy": 0.66}));
    assert_eq!(works, Works::No);
    assert!(
        text.starts_with(
            "Partly: on all 1024 inputs the output is right at 66 % of token positions ("
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "While outputs are wrong, the features that W keeps are not necessarily those that the program needs."
        ),
        "{text}"
    );
    let (_, text) = said(number(0.1), 0.4, json!({"accuracy": 0.3}));
    assert!(
        text.starts_with("No: on all 1024 inputs the output is right at 30 % of token positions ("),
        "{text}"
    );
    // Analyses of versions that did not count outputs.
    let (works, text) = said(number(0.01), 0.4, json!({}));
    assert_eq!(works, Works::No);
    assert!(
        text.starts_with("Not everywhere: on all 1024 inputs some outputs are wrong ("),
        "{text}"
    );
}

#[test]
fn answer_praises_no_model_that_a_constant_equals() {
    // 96 % of the classes are right, and so are those of a constant.
    let classes = json!({"token_accuracy": 0.96, "sequence_accuracy": 0.8});
    let (works, text) = said(classes, 0.04, json!({}));
    assert_eq!(works, Works::No);
    assert!(
        text.starts_with(
            "No: on all 1024 inputs the output is right at 96 % of token positions, and a constant answer does no worse \
             (80 % of inputs are right at every position). The best constant answer is right at 96 %."
        ),
        "{text}"
    );
    // A little better than a constant, and a little worse.
    let at = |accuracy: f64| {
        let last = json!({"token_accuracy": accuracy, "sequence_accuracy": 0.0});
        said(last, 0.4, json!({})).1
    };
    assert!(at(0.61).contains("61 % of token positions, hardly better than a constant answer ("));
    assert!(at(0.59).contains("59 % of token positions, and a constant answer does no worse ("));
}

#[test]
fn answer_of_a_program_with_one_answer_cannot_be_told() {
    for (tokens, constant_error) in [(1.0, Some(0.0)), (0.9, Some(0.0)), (1.0, None)] {
        let last = json!({"token_accuracy": tokens, "sequence_accuracy": tokens});
        let (last, mut ending) = ended(last, 0.0);
        // Summaries of earlier versions do not say what a constant answer has.
        ending.constant_error = constant_error;
        let (works, text) = answer(Some(&last), &analysis(&json!({})), Some(&ending));
        assert_eq!(works, Works::Untold);
        assert_eq!(
            text,
            "Undecided: on all 1024 inputs the right answer is always the same, so a constant answer passes. Choose inputs \
             whose answers differ (inputs.lengths, model.max_seq_len)."
        );
    }
}

#[test]
fn compression_is_called_most_only_where_it_is() {
    let of = |budget: Json| {
        let budget: Budget = serde_json::from_value(budget).unwrap();
        budget.sentence()
    };
    assert_eq!(
        of(json!({"deletion": 1.0, "sharing": 1.5, "superposition": 2.0})),
        "The compression is 44 % superposition (features that seldom or never occur together share directions), 33 % sharing (features \
         that mostly occur together, or carry the same information, share directions) and 22 % deletion (features lose their direction)."
    );
    assert_eq!(
        of(json!({"sharing": 1.5, "idle": 2.0})),
        "Most of the compression is overlap of features without use (kept, but never read or never active)."
    );
    assert_eq!(
        of(json!({"sharing": 0.001, "idle": 1e-17})),
        "Nearly every feature has a direction of its own: hardly anything is given up."
    );
}

#[test]
fn features_by_verdict_say_whether_the_program_uses_what_was_dropped() {
    let more = json!({
        "verdicts": {"dedicated": ["is_x"], "shared": [], "superposed": [], "unused": [],
            "dropped": ["tokens:a", "tokens:b", "tokens:c", "tokens:d", "one"]},
    });
    let found = all(&analysis(&more), Works::Everywhere);
    assert_eq!(
        found[..3],
        [
            "1 of 14 features is dedicated (it has a direction nearly of its own): is_x.",
            "5 of 14 features count as dropped (norm below 0.25): tokens:a, tokens:b, tokens:c, tokens:d, one. The program \
             uses 1 of them.",
            "The features' dimensionalities (the share of a dimension that each has for itself; 0 for a dropped one) sum to 6 \
             instead of 14. Of the 8 lost, 12.5 % is due to dropped features that the program uses, 50 % to dropped features \
             that the program never uses, 12.5 % to overlap of features that co-occur or carry the same information and 25 % \
             to overlap of exclusive features (which seldom or never co-occur).",
        ]
    );
    let mut named = more.clone();
    named["dropped_but_used"] = json!(["tokens:d"]);
    named["dim"] = json!(7);
    let found = all(&analysis(&named), Works::Everywhere);
    assert!(
        found[1].ends_with(" Of these the program uses tokens:d."),
        "{}",
        found[1]
    );
    // Seven dimensions could hold more than 6.
    assert!(
        found[2].contains(
            "Of the 8 lost (more than D − d: the directions use the d dimensions unevenly), 12.5 % is due"
        ),
        "{}",
        found[2]
    );
    let many: Vec<String> = (0..12)
        .map(|i| format!("tokens:{i}"))
        .chain(["one".into()])
        .collect();
    let found = all(
        &analysis(&json!({"verdicts": {"unused": many}})),
        Works::Everywhere,
    );
    assert_eq!(
        found[0],
        "13 of 14 features are unused (kept, although never active or never read): 12 of tokens, one."
    );
}

#[test]
fn what_rounding_leaves_of_nothing_is_no_cause() {
    let budget = json!({"deletion": 2.0, "deletion_of_unused": 0.0, "sharing": 1e-17, "superposition": 0.0, "idle": 0.0});
    let found = all(&analysis(&json!({"budget": budget})), Works::Everywhere);
    assert_eq!(
        found,
        [
            "The features' dimensionalities (the share of a dimension that each has for itself; 0 for a dropped one) sum to 12 \
             instead of 14. Of the 2 lost, 100 % is due to dropped features that the program uses."
        ]
    );
}

#[test]
fn blocks_are_judged_by_the_variance_that_they_explain_too() {
    let block = |name: &str, cosine: f64, explained: f64| json!({"block": name, "cosine": cosine, "variance_explained": explained});
    let of = |blocks: &[Json]| blocks_of(blocks);
    assert_eq!(
        of(&[
            block("layer0.mlp", 0.99997, 0.999),
            block("layer1.attn", 0.97, 0.95)
        ]),
        "The block whose output has the lowest cosine with the compiled model's is layer1.attn (0.97); it also explains the \
         least: 95 % of its variance."
    );
    // A constant that is right makes the cosine high.
    assert_eq!(
        of(&[
            block("layer0.mlp", 0.96, -57.0),
            block("layer1.attn", 0.95, 0.95)
        ]),
        "The block whose output has the lowest cosine with the compiled model's is layer1.attn (0.95); the one that explains \
         the least is layer0.mlp: none of its variance."
    );
    assert_eq!(
        of(&[block("layer0.attn", 0.5, 0.25)]),
        "The output of layer0.attn, the only block that writes anything, has a cosine of 0.5 with the compiled model's and \
         explains 25 % of its variance."
    );
}

fn blocks_of(list: &[Json]) -> String {
    blocks(&json!({ "blocks": list })).unwrap()
}

#[test]
fn variables_are_judged_by_what_is_read_of_them() {
    let tokens = json!({"variable": "tokens", "site": "embed", "positions": "tokens", "features": 6, "r2": -5_757_968.0,
        "r2_mapped": 0.47, "features_read": 2, "r2_read": -3.0, "r2_read_mapped": 0.98});
    let indices = json!({"variable": "indices", "site": "embed", "positions": "tokens", "features": 5, "r2": 0.3,
        "r2_mapped": 0.5, "features_read": 5, "r2_read": 0.3, "r2_read_mapped": 0.5});
    let unread = json!({"variable": "length", "site": "layer0.mlp", "positions": "tokens", "features": 5, "r2": 0.1,
        "r2_mapped": 0.1, "features_read": 0, "r2_read": null, "r2_read_mapped": null});
    let found = variables(
        &json!({"variables": [tokens, indices, unread]}),
        Works::Everywhere,
    );
    assert_eq!(
        found,
        [
            "BOS and padding aside, these variables are kept, but rescaled, shifted or in another linear encoding: tokens \
             (embed, the 2 features that are read, of 6): R² -3 as written, 0.98 after the best affine map.",
            "BOS and padding aside, this variable is not fully recoverable by an affine map of its own features: indices \
             (embed): R² 0.3 as written, 0.5 after the best affine map. The outputs are right all the same.",
        ]
    );
}

fn exchanged(variable: &str, share: Option<f64>) -> Json {
    json!({"variable": variable, "site": "layer0.mlp", "pairs": 4096, "all_pairs": false, "positions": 1000,
        "affected": 586, "accuracy_affected": share})
}

#[test]
fn a_low_interchange_share_names_what_carries_the_same_information() {
    let carried = json!({"variable": "is_x", "site": "layer0.mlp", "together": false, "r2": 1.0, "is_the_same": true,
        "from_itself": 0.38, "carriers": [{"variable": "tokens", "name": "tokens:x", "response": 0.62}]});
    let analysis = json!({
        "interventions": [exchanged("is_x", Some(0.002)), exchanged("tokens", Some(1.0)), exchanged("one", None)],
        "carried": [carried],
    });
    let shares = "Interchange interventions (4096 sampled pairs of inputs): where exchanging a variable changes the \
                  compiled model's output, the compressed model follows in 0.2 % of cases for is_x and 100 % for tokens; \
                  the exchange matters at 58.6 % of token positions.";
    assert_eq!(
        interventions(&analysis, Works::Everywhere),
        [
            shares,
            "tokens:x carries the same information as is_x (an affine map predicts it with R² 1) and keeps its value when \
             is_x is exchanged: when is_x changes by 1, its readers get 0.38 from is_x and 0.62 from tokens. An exchange \
             of is_x alone passes on only a part of the change."
        ]
    );
    let mut wrong = analysis.clone();
    wrong["accuracy"] = json!(0.912);
    let found = interventions(&wrong, Works::No);
    assert_eq!(
        found[1],
        "Without any exchange the output is right at 91.2 % of token positions, which is about the most to expect."
    );
    assert!(found[2].starts_with("tokens:x carries the same information as is_x"));
}

#[test]
fn a_low_interchange_share_without_a_carrier_is_not_explained_away() {
    let one = json!({"interventions": [exchanged("target_pos", Some(0.357))], "carried": []});
    let found = interventions(&one, Works::Everywhere);
    assert_eq!(
        found,
        [
            "Interchange interventions (4096 sampled pairs of inputs): where exchanging a variable changes the compiled \
             model's output, the compressed model follows in 35.7 % of cases for target_pos; the exchange matters at 58.6 \
             % of token positions.",
            "The variables that an exchange of target_pos leaves as they are carry less than half of its information, even \
             all together (by an affine map), so linear redundancy does not explain that share.",
        ]
    );
    // As often as the model is right at all is not little; ties decide nothing.
    let mut right = one.clone();
    right["accuracy"] = json!(0.37);
    right["interventions"][0]["undecided"] = json!(200);
    let found = interventions(&right, Works::No);
    assert!(
        found[0].ends_with(
            "matters at 58.6 % of the 1000 token positions where the compiled model's output is not a tie."
        ),
        "{found:?}"
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(interventions(&right, Works::Mostly).len(), 1);
    right["accuracy"] = json!(0.38);
    assert_eq!(interventions(&right, Works::Mostly).len(), 2);
    // Wrong outputs are reason enough.
    assert_eq!(interventions(&right, Works::No).len(), 2);
    // Earlier versions did not look for carriers, and nothing is said of them.
    let old = json!({"interventions": [exchanged("target_pos", Some(0.357))]});
    assert_eq!(interventions(&old, Works::Everywhere).len(), 1);
    assert!(
        interventions(
            &json!({"interventions": [exchanged("one", None)]}),
            Works::Everywhere
        )
        .is_empty()
    );
}
