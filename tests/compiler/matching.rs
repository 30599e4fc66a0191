//! Compiled models beside each other, feature by feature.

use std::collections::BTreeMap;

use ndarray::{Array2, Axis};
use tracr::model::{CompiledModel, Metadata, Value};

/// Checks that sizes and encodings are the same, and gives the largest difference of a weight over
/// the best way to match the labels.
pub fn compare(name: &str, ours: &CompiledModel, theirs: &CompiledModel) -> f64 {
    assert_eq!(sizes(&ours.metadata), sizes(&theirs.metadata), "{name}");
    assert_eq!(
        encodings(&ours.metadata),
        encodings(&theirs.metadata),
        "{name}"
    );
    orders(
        &ours.metadata.residual_labels,
        &theirs.metadata.residual_labels,
    )
    .into_iter()
    .map(|order| largest_difference(ours, theirs, &order))
    .fold(f64::INFINITY, f64::min)
}

fn sizes(meta: &Metadata) -> [usize; 8] {
    [
        meta.residual_labels.len(),
        meta.num_layers,
        meta.num_heads,
        meta.key_size,
        meta.mlp_hidden_size,
        meta.max_seq_len,
        usize::from(meta.causal),
        meta.bos_id,
    ]
}

/// The values, with their types, of inputs and outputs.
fn encodings(meta: &Metadata) -> (&[Value], Option<&[Value]>) {
    (&meta.input_vocab, meta.output_encoding.as_deref())
}

/// The ways to find Tracr's features for ours: by label without numeric suffix. Variables of one
/// name keep Tracr's order of them; where a process-wide counter is in the file's labels (`map_9`,
/// `map_10`) that may be another than ours, so every order is tried.
fn orders(ours: &[String], theirs: &[String]) -> Vec<Vec<usize>> {
    if ours == theirs {
        return vec![(0..ours.len()).collect()];
    }
    let (ours, theirs) = (by_variable(ours), by_variable(theirs));
    assert_eq!(shape(&ours), shape(&theirs));
    let mut orders = vec![vec![0; ours.values().flatten().map(Vec::len).sum()]];
    for (name, ours) in &ours {
        let theirs = &theirs[name];
        orders = permutations(ours.len())
            .iter()
            .flat_map(|permutation| {
                orders.iter().map(move |order| {
                    let mut order = order.clone();
                    for (variable, other) in ours.iter().zip(permutation) {
                        for (place, found) in variable.iter().zip(&theirs[*other]) {
                            order[*place] = *found;
                        }
                    }
                    order
                })
            })
            .collect();
    }
    orders
}

/// name without number -> the variables of that name -> the places of their features.
type Variables = BTreeMap<String, Vec<Vec<usize>>>;

fn by_variable(labels: &[String]) -> Variables {
    let mut variables: BTreeMap<String, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for (place, label) in labels.iter().enumerate() {
        let label = label
            .split_once(':')
            .map_or(label.as_str(), |(variable, _)| variable);
        let (variable, tail) = match label.strip_suffix("_selector_width_attn_output") {
            Some(variable) => (variable, " attn_output"),
            None => (label, ""),
        };
        let name = match variable.rsplit_once('_') {
            Some((name, number)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => variable,
        };
        let name = format!("{name}{tail}");
        variables
            .entry(name)
            .or_default()
            .entry(variable.into())
            .or_default()
            .push(place);
    }
    variables
        .into_iter()
        .map(|(name, of)| (name, of.into_values().collect()))
        .collect()
}

fn shape(variables: &Variables) -> Vec<(&str, Vec<usize>)> {
    variables
        .iter()
        .map(|(name, of)| (name.as_str(), of.iter().map(Vec::len).collect()))
        .collect()
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let insert = |shorter: Vec<usize>| {
        (0..n).map(move |place| {
            let mut longer = shorter.clone();
            longer.insert(place, n - 1);
            longer
        })
    };
    permutations(n - 1).into_iter().flat_map(insert).collect()
}

/// Over all tensors; feature `i` of ours is feature `order[i]` of theirs.
fn largest_difference(ours: &CompiledModel, theirs: &CompiledModel, order: &[usize]) -> f64 {
    let largest = |a: &Array2<f64>, b: Array2<f64>| {
        assert_eq!(a.dim(), b.dim());
        a.iter()
            .zip(&b)
            .fold(0.0, |largest: f64, (a, b)| largest.max((a - b).abs()))
    };
    let rows = |m: &Array2<f64>| m.select(Axis(0), order);
    let columns = |m: &Array2<f64>| m.select(Axis(1), order);
    let mut differences = vec![
        largest(&ours.token_embed, columns(&theirs.token_embed)),
        largest(&ours.pos_embed, columns(&theirs.pos_embed)),
        largest(&ours.unembed, rows(&theirs.unembed)),
    ];
    for (ours, theirs) in ours.layers.iter().zip(&theirs.layers) {
        for ((name, a), (_, b)) in ours.named().into_iter().zip(theirs.named()) {
            let writes = matches!(name, "attn.output" | "mlp.fc2");
            let b_weight = if writes {
                columns(&b.weight)
            } else {
                rows(&b.weight)
            };
            differences.push(largest(&a.weight, b_weight));
            assert!(
                a.bias.iter().chain(&b.bias).all(|x| *x == 0.0),
                "{name}: a bias"
            );
        }
    }
    differences.into_iter().fold(0.0, f64::max)
}
