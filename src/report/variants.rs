//! Where a run's inputs and objective are not the paper's.

use toml::{Table, Value};

use base::numbers::four_digits as number;

/// The keys of `[objective]` and what the paper has there; `output_positions` depends on the program.
const PAPER: [(&str, &str); 6] = [
    ("output_weight", "1.0"),
    ("layer_weight", "1.0"),
    ("categorical_targets", "hard"),
    ("layer_reduction", "sum"),
    ("l1_weight", "0.0"),
    ("gram_weight", "0.0"),
];

/// Sentences about the resolved configuration of a run; none about the paper's settings.
pub fn notes(config: &str) -> Vec<String> {
    let config: Table = toml::from_str(config).unwrap_or_default();
    let table = |name: &str| config.get(name).and_then(Value::as_table);
    let mut notes = Vec::new();
    let weights = table("inputs").and_then(|inputs| inputs.get("token_weights")?.as_table());
    if let Some(weights) = weights.filter(|weights| !weights.is_empty()) {
        notes.push(format!(
            "Tokens do not occur equally often: {}; any other token weighs 1. Means over inputs are \
             weighted by the inputs' probabilities.",
            listed(weights, " weighs ")
        ));
    }
    let valid = table("inputs").and_then(|inputs| inputs.get("valid")?.as_str());
    if let Some(valid) = valid {
        notes.push(format!(
            "Only valid inputs count: those of which {valid} is true at every position."
        ));
    }
    let Some(objective) = table("objective") else {
        return notes;
    };
    let mut terms: Vec<String> = PAPER
        .iter()
        .filter_map(|(key, paper)| {
            let value = objective.get(*key).map(shown)?;
            (value != shown(&as_value(paper))).then(|| format!("{key} is {value}"))
        })
        .collect();
    if let Some(weights) = objective.get("block_weights").and_then(Value::as_table) {
        terms.push(format!("block weights are {}", listed(weights, " = ")));
    }
    if !terms.is_empty() {
        notes.push(format!(
            "The objective is not the paper's: {}.",
            terms.join("; ")
        ));
    }
    notes
}

fn as_value(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(x) => Value::Float(x),
        Err(_) => Value::String(text.to_owned()),
    }
}

fn listed(weights: &Table, between: &str) -> String {
    let pairs = weights.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, weight)| format!("{name}{between}{}", shown(weight)))
        .collect();
    pairs.join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(x) => number(*x),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_settings_need_no_words_and_others_are_named() {
        let paper = "[inputs]\nlengths = [5]\n[objective]\noutput_positions = \"tokens\"\n\
                     output_weight = 1.0\nlayer_weight = 1.0\ncategorical_targets = \"hard\"\n\
                     layer_reduction = \"sum\"\nl1_weight = 0.0\ngram_weight = 0.0\n";
        assert_eq!(notes(paper), Vec::<String>::new());
        assert_eq!(notes(""), Vec::<String>::new());
        let restricted = notes("[inputs]\nvalid = 'tokens != \"x\"'\n");
        assert!(
            restricted[0].contains("of which tokens != \"x\" is true"),
            "{restricted:?}"
        );
        let varied = "[inputs.token_weights]\nx = 0.05\n\"1\" = 3.0\n[objective]\n\
                      categorical_targets = \"soft\"\nl1_weight = 0.01\n\
                      [objective.block_weights]\n\"layer0.attn\" = 2.0\n";
        let notes = notes(varied);
        assert!(notes[0].contains("x weighs 0.05"), "{notes:?}");
        assert!(notes[0].contains("1 weighs 3"), "{notes:?}");
        assert!(notes[1].contains("categorical_targets is soft; l1_weight is 0.01"));
        assert!(notes[1].contains("block weights are layer0.attn = 2"));
    }
}
