//! Circuits beside a plain computation, finite differences and each other.

use std::collections::BTreeMap;

use tracr::program;
use tracr_compress::analysis::interchange::Pairs;
use tracr_compress::circuit::effects::{Exchanges, Watch, message_parts};
use tracr_compress::circuit::file::{CircuitFile, Redundant};
use tracr_compress::circuit::graph::{Input, Node};
use tracr_compress::circuit::metric::Answers;
use tracr_compress::circuit::network::Network;
use tracr_compress::circuit::ranking::auroc;
use tracr_compress::circuit::truth::Truth;

use super::*;

/// The programs of the library, in the order of their names.
fn library() -> Vec<String> {
    let folder = common::command::root().join("programs");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    names.sort();
    assert!(names.len() >= 16);
    names
}

fn compiled(name: &str) -> CompiledModel {
    let path = common::command::root().join(format!("programs/{name}.rasp"));
    program::compile(&path, &program::Settings::default())
        .unwrap()
        .model
}

/// A model with inputs of all lengths: all of them, or a few hundred of a large space.
struct Case {
    model: CompiledModel,
    space: InputSpace,
    inputs: EvaluationSet,
    identity: Array2<f64>,
    wiring: Wiring,
}

impl Case {
    fn new(name: &str, longest: usize) -> Self {
        let model = compiled(name);
        let meta = &model.metadata;
        let words = meta.word_ids().len();
        let longest = longest.min(meta.max_seq_len);
        let longest = if meta.unique_tokens {
            longest.min(words)
        } else {
            longest
        };
        let lengths: Vec<usize> = (1..=longest).collect();
        let space = InputSpace::new(&model, &lengths, meta.unique_tokens).unwrap();
        let space = match &meta.valid {
            None => space,
            Some(text) => space.restricted(&meta.input_vocab, text).unwrap(),
        };
        Self {
            inputs: EvaluationSet::new(&space, 500),
            identity: Array2::eye(model.width()),
            wiring: Wiring::default(),
            space,
            model,
        }
    }

    fn subject<'a>(&'a self, w: &'a Array2<f64>) -> Subject<'a> {
        Subject {
            model: &self.model,
            space: &self.space,
            inputs: &self.inputs,
            w,
            wiring: &self.wiring,
        }
    }

    fn network(&self, w: &Array2<f64>) -> Network {
        Network::new(&self.model, w, &self.wiring)
    }

    fn pairs(&self, count: u64) -> Pairs<'_> {
        let settings = Settings {
            pairs: Some(count),
            ..Settings::default()
        };
        Pairs::new(self.inputs.len(), self.inputs.weights(), &settings)
    }

    fn measured(&self, pairs: u64) -> CircuitFile {
        let network = self.network(&self.identity);
        let pairs = (&self.pairs(pairs), 0);
        CircuitFile::measure(
            self.subject(&self.identity),
            (&network, None),
            pairs,
            2,
            Watch::NOBODY,
        )
    }
}

/// The difference relative to the larger one's size, from 1 on.
fn apart(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let size = a.iter().chain(b).fold(1.0, |m: f64, x| m.max(x.abs()));
    common::largest_difference(a.iter().copied(), b.iter().copied()) / size
}

#[test]
fn a_network_computes_what_its_model_does() {
    for name in library() {
        let case = Case::new(&name, 3);
        let model = &case.model;
        let tokens = case.inputs.chunk(&case.space, 0, case.inputs.len().min(40));
        let frozen = Frozen::<f64>::new(model);
        let full = frozen.evaluate(Stream::Full, tokens.view()).1;
        let found = case.network(&case.identity).forward(tokens.view()).output;
        assert!(
            apart(&found, &full) < 1e-12,
            "{name}: {}",
            apart(&found, &full)
        );
        // With two matrices, of which one reads and one writes.
        let wiring = Wiring::new(model, false, false);
        let w = random_w((2 * model.width(), model.width()), 3);
        let stream = Stream::Compressed(&w, &wiring);
        let expected = frozen.evaluate(stream, tokens.view()).1;
        let found = Network::new(model, &w, &wiring)
            .forward(tokens.view())
            .output;
        // Scores of a random W reach hundreds, and the softmax has their rounding.
        assert!(
            apart(&found, &expected) < 1e-9,
            "{name}: {}",
            apart(&found, &expected)
        );
    }
}

/// The plain way: one input, every matrix dense, in the compressed stream. `heard(receiver, writer)` says whether the
/// receiver hears the writer's value on the other input.
struct Plain<'a> {
    model: &'a CompiledModel,
    w: &'a Array2<f64>,
}

type Values = BTreeMap<String, Array2<f64>>;

impl Plain<'_> {
    fn run(&self, ids: &[usize], other: Option<(&Values, &str, &str)>) -> (Values, Array2<f64>) {
        let (model, k) = (self.model, self.model.metadata.key_size);
        let t = ids.len();
        let mut values = Values::new();
        let mut embedded = [0, 1].map(|_| Array2::<f64>::zeros((t, model.width())));
        for (p, id) in ids.iter().enumerate() {
            embedded[0].row_mut(p).assign(&model.token_embed.row(*id));
            embedded[1].row_mut(p).assign(&model.pos_embed.row(p));
        }
        let [tokens, positions] = embedded;
        values.insert("token_embed".into(), tokens);
        values.insert("pos_embed".into(), positions);
        let read = |values: &Values, receiver: &str| {
            let mut stream = Array2::<f64>::zeros((t, self.w.nrows()));
            for (writer, value) in values {
                let value = match other {
                    Some((others, from, to)) if from == writer && to == receiver => &others[writer],
                    _ => value,
                };
                stream += &value.dot(&self.w.t());
            }
            stream.dot(self.w)
        };
        for (l, layer) in model.layers.iter().enumerate() {
            let mut written = Vec::new();
            for h in 0..model.metadata.num_heads {
                let name = format!("layer{l}.head{h}");
                let columns = s![.., h * k..(h + 1) * k];
                let part = |linear: &tracr::model::Linear<f64>, input: &str| {
                    let bias = linear.bias.slice(s![h * k..(h + 1) * k]).to_owned();
                    read(&values, &format!("{name}.{input}")).dot(&linear.weight.slice(columns))
                        + bias
                };
                let (q, key, v) = (
                    part(&layer.query, "query"),
                    part(&layer.key, "key"),
                    part(&layer.value, "value"),
                );
                let mut attended = Array2::<f64>::zeros((t, k));
                for i in 0..t {
                    let seen = if model.metadata.causal { i + 1 } else { t };
                    let scores: Vec<f64> = (0..seen)
                        .map(|j| q.row(i).dot(&key.row(j)) / (k as f64).sqrt())
                        .collect();
                    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = scores.iter().map(|x| (x - top).exp()).sum();
                    for (j, score) in scores.iter().enumerate() {
                        attended
                            .row_mut(i)
                            .scaled_add((score - top).exp() / sum, &v.row(j));
                    }
                }
                written.push((
                    name,
                    attended.dot(&layer.output.weight.slice(s![h * k..(h + 1) * k, ..])),
                ));
            }
            values.extend(written);
            let name = format!("layer{l}.mlp");
            let hidden = (read(&values, &name).dot(&layer.fc1.weight) + &layer.fc1.bias)
                .mapv(|x| x.max(0.0));
            values.insert(name, hidden.dot(&layer.fc2.weight) + &layer.fc2.bias);
        }
        let output = read(&values, "unembed").dot(&model.unembed);
        (values, output)
    }
}

#[test]
fn an_exchanged_edge_does_what_it_does_in_a_plain_computation() {
    for name in ["frac_prevs", "sort_unique", "hist", "length", "reverse"] {
        let case = Case::new(name, 3);
        let width = case.model.width();
        // A W that is nearly the identity keeps scores small, and so the rounding of exponentials.
        let blurred = Array2::eye(width) + random_w((width, width), 7) * 0.05;
        for w in [&case.identity, &blurred] {
            let (network, truths) = (case.network(w), case.network(&case.identity));
            let plain = Plain {
                model: &case.model,
                w,
            };
            let pairs = case.pairs(6);
            let exchanges = Exchanges {
                subject: case.subject(w),
                compiled: &truths,
                network: &network,
                pairs: &pairs,
                threads: 2,
                watch: Watch::NOBODY,
            };
            let found = exchanges.effects(&vec![true; network.graph.edges.len()]);
            let [bases, sources] = pairs.tokens(case.subject(&case.identity), 0..pairs.len());
            let answers = |ids: &Array2<usize>| truths.forward(ids.view()).output;
            let answers = Answers::new(
                &case.model,
                [bases.view(), sources.view()],
                [&answers(&bases), &answers(&sources)],
            );
            for (edge, found) in found.iter().enumerate() {
                let (from, to) = network.graph.names(edge);
                let (mut before, mut after) = (Vec::new(), Vec::new());
                for (base, source) in bases.rows().into_iter().zip(sources.rows()) {
                    let others = plain.run(&source.to_vec(), None).0;
                    before.extend(plain.run(&base.to_vec(), None).1);
                    after.extend(plain.run(&base.to_vec(), Some((&others, &from, &to))).1);
                }
                let shape = (bases.len(), case.model.unembed.ncols());
                let [before, after] =
                    [before, after].map(|x| Array2::from_shape_vec(shape, x).unwrap());
                let effects =
                    (0..pairs.len()).filter_map(|pair| answers.effect(pair, &before, &after));
                let effects: Vec<f64> = effects.collect();
                let expected = effects.iter().sum::<f64>() / effects.len() as f64;
                assert!(
                    (found.mean() - expected).abs() < 1e-12,
                    "{name}, {from} -> {to}: {} and {expected}",
                    found.mean()
                );
            }
        }
    }
}

/// `analyze` exchanges what a site writes in the plain forward pass, circuits exchange edges of the network: where these are all
/// edges out of a site, both say the same.
#[test]
fn exchanging_all_edges_out_of_a_site_is_exchanging_what_it_writes() {
    let mut largest = [0.0_f64; 2];
    for name in library() {
        let case = Case::new(&name, 3);
        let width = case.model.width();
        let frozen = Frozen::<f64>::new(&case.model);
        let blurred = Array2::eye(width) + random_w((width, width), 7) * 0.05;
        // Large scores of a compressed model enlarge the rounding of what is added in another order.
        let models = [(&case.identity, 1e-12), (&blurred, 1e-10)];
        for ((w, tolerance), largest) in models.into_iter().zip(&mut largest) {
            let network = case.network(w);
            let pairs = case.pairs(6);
            let [bases, sources] = pairs.tokens(case.subject(w), 0..pairs.len());
            let (base, source) = (
                network.forward(bases.view()),
                network.forward(sources.view()),
            );
            let stream = Stream::Compressed(w, &case.wiring);
            let (written, _) = frozen.evaluate(stream, sources.view());
            let embedded = frozen.embed(sources.view());
            let blocks = 0..2 * case.model.layers.len();
            for site in std::iter::once(Site::Embedding).chain(blocks.map(Site::Block)) {
                let is_of_site = |edge: usize| {
                    let sender = network.graph.edges[edge].sender;
                    network.graph.senders[sender].site() == Some(site)
                };
                let by_edges = network.exchange(&base, &source, is_of_site);
                let mut edit = |here: Site, writes: &mut Array2<f64>| {
                    if here == site {
                        writes.assign(match here {
                            Site::Embedding => &embedded,
                            Site::Block(block) => &written[block],
                        });
                    }
                };
                let by_site = frozen.evaluate_edited(stream, bases.view(), &mut edit).1;
                let difference = apart(by_edges.as_ref().unwrap_or(&base.output), &by_site);
                assert!(
                    difference < tolerance,
                    "{name}, {}: {difference:e}",
                    site.name()
                );
                *largest = largest.max(difference);
            }
        }
    }
    println!("largest differences, compiled and compressed: {largest:?}");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for name in ["frac_prevs", "sort_unique", "hist", "shift_by"] {
        let case = Case::new(name, 3);
        let w = Array2::eye(case.model.width())
            + random_w((case.model.width(), case.model.width()), 7) * 0.1;
        let network = case.network(&w);
        let tokens = case.inputs.chunk(&case.space, 0, 3);
        let base = network.forward(tokens.view());
        let direction = normal(&mut rng::stream(1, Purpose::Init), base.output.dim(), 1.0);
        let gradients = network.gradients(&base, &direction);
        let mut checked = 0;
        for (number, edge) in network.graph.edges.iter().enumerate() {
            let gradient = &gradients[edge.receiver];
            let step = 1e-5;
            // Entries here and there: every seventh.
            for ((row, column), expected) in gradient.indexed_iter().skip(number % 7).step_by(7) {
                let moved = |by: f64| {
                    let mut other = base.clone();
                    other.messages[number][[row, column]] += by;
                    let output = network.exchange(&base, &other, |e| e == number);
                    // None: nothing changes, as behind a hidden unit that is off.
                    (output.unwrap_or_else(|| base.output.clone()) * &direction).sum()
                };
                let (up, down): (f64, f64) = (moved(step), moved(-step));
                let here: f64 = (&base.output * &direction).sum();
                // Where a hidden unit turns on within the step there is no derivative to compare with.
                if ((up - here) - (here - down)).abs() > 1e-3 * step * expected.abs().max(1.0) {
                    continue;
                }
                let found = (up - down) / (2.0 * step);
                assert!(
                    (found - expected).abs() < 1e-4 * expected.abs().max(1.0),
                    "{name}, edge {number}, [{row}, {column}]: {found} and {expected}"
                );
                checked += 1;
            }
        }
        assert!(checked > 100, "{name}: {checked}");
    }
}

#[test]
fn attribution_is_exact_where_the_answer_difference_is_linear() {
    // Into the unembedding: the gradient is the same everywhere.
    for name in ["frac_prevs", "sort_unique"] {
        let case = Case::new(name, 3);
        let w = random_w((case.model.width() - 3, case.model.width()), 7);
        let (network, compiled) = (case.network(&w), case.network(&case.identity));
        let pairs = case.pairs(40);
        let exchanges = Exchanges {
            subject: case.subject(&w),
            compiled: &compiled,
            network: &network,
            pairs: &pairs,
            threads: 2,
            watch: Watch::NOBODY,
        };
        let [bases, sources] = pairs.tokens(case.subject(&case.identity), 0..pairs.len());
        let right = [&bases, &sources].map(|ids| compiled.forward(ids.view()).output);
        let answers = Answers::new(
            &case.model,
            [bases.view(), sources.view()],
            [&right[0], &right[1]],
        );
        let (base, source) = (
            network.forward(bases.view()),
            network.forward(sources.view()),
        );
        for steps in [1, 5] {
            let scores = exchanges.attribute(steps);
            for (edge, score) in scores.iter().enumerate() {
                if network.graph.names(edge).1 != "unembed" {
                    continue;
                }
                let output = network.exchange(&base, &source, |e| e == edge);
                let output = output.as_ref().unwrap_or(&base.output);
                let drops = (0..pairs.len()).filter_map(|pair| {
                    Some(
                        answers.difference(pair, &base.output)?
                            - answers.difference(pair, output)?,
                    )
                });
                let drops: Vec<f64> = drops.collect();
                let expected = drops.iter().sum::<f64>() / drops.len() as f64;
                assert_abs_diff_eq!(
                    score.mean(),
                    expected,
                    epsilon = 1e-11 * expected.abs().max(1.0)
                );
            }
        }
    }
}

/// The true edges without effect though their value differs between inputs, and why.
const WITHOUT_EFFECT: &[(&str, &str, &str, &str)] = &[(
    "count_less_freq",
    "layer0.mlp",
    "layer1.head0.query",
    "select(hist, hist, (k, q) -> k <= 2): whatever the query is, it selects the same keys",
)];

#[test]
fn true_edges_are_those_with_an_effect_or_listed_as_redundant() {
    let mut without = Vec::new();
    for name in library() {
        let circuit = Case::new(&name, 4).measured(200);
        let has_effect: Vec<bool> = circuit
            .edges
            .iter()
            .map(|e| CircuitFile::is_effect(e.effect))
            .collect();
        let scores = |keep: fn(&tracr_compress::circuit::file::EdgeEntry) -> bool| -> Vec<f64> {
            circuit
                .edges
                .iter()
                .map(|e| f64::from(u8::from(keep(e))))
                .collect()
        };
        let effective = scores(|e| e.is_true && e.redundant.is_none());
        assert_eq!(auroc(&effective, &has_effect), Some(1.0), "{name}");
        let all = auroc(&scores(|e| e.is_true), &has_effect).unwrap();
        println!(
            "{name}: {:?}, AUROC with redundant edges {all:.3}",
            circuit.counts()
        );
        for (edge, effect) in circuit.edges.iter().zip(&has_effect) {
            assert!(
                edge.is_true || !effect,
                "{name}: {} -> {}",
                edge.from,
                edge.to
            );
            assert_eq!(edge.interference, 0.0);
            match edge.redundant {
                // No input changes the embedding of a position.
                _ if edge.from == "pos_embed" && edge.is_true => {
                    assert_eq!(edge.redundant, Some(Redundant::Constant));
                }
                Some(Redundant::NoEffect) => {
                    without.push((name.clone(), edge.from.clone(), edge.to.clone()));
                }
                _ => {}
            }
        }
    }
    let expected: Vec<(String, String, String)> = WITHOUT_EFFECT
        .iter()
        .map(|(name, from, to, _)| ((*name).into(), (*from).into(), (*to).into()))
        .collect();
    assert_eq!(without, expected);
}

#[test]
fn everything_but_the_true_edges_can_be_removed_from_a_compiled_model() {
    for name in library() {
        let case = Case::new(&name, 4);
        let network = case.network(&case.identity);
        let truth = Truth::new(case.subject(&case.identity), &network, 2);
        let pairs = case.pairs(64);
        let [bases, sources] = pairs.tokens(case.subject(&case.identity), 0..pairs.len());
        let (base, source) = (
            network.forward(bases.view()),
            network.forward(sources.view()),
        );
        let output = network.exchange(&base, &source, |edge| !truth.is_true(edge));
        let output = output.unwrap_or_else(|| base.output.clone());
        assert!(apart(&output, &base.output) < 1e-12, "{name}");
        // And with the true ones exchanged the model is the source's.
        let output = network.exchange(&base, &source, |edge| truth.is_true(edge));
        assert!(apart(&output.unwrap(), &source.output) < 1e-12, "{name}");
    }
}

#[test]
fn interference_is_what_comes_of_features_that_are_not_read() {
    let case = Case::new("frac_prevs", 2);
    let w = random_w((6, case.model.width()), 4);
    let (network, compiled) = (case.network(&w), case.network(&case.identity));
    let subject = case.subject(&w);
    let truth = Truth::new(subject, &compiled, 1);
    let found = message_parts(subject, &network, &truth, 2);
    let gram = w.t().dot(&w);
    let tokens = case.inputs.chunk(&case.space, 0, case.inputs.len());
    let trace = network.forward(tokens.view());
    for (number, edge) in network.graph.edges.iter().enumerate() {
        let (written, read) = (&network.written[edge.sender], &network.read[edge.receiver]);
        let (mut signal, mut interference) = (0.0, 0.0);
        for value in trace.values[edge.sender].rows() {
            for reading in read {
                let (mut own, mut other) = (0.0, 0.0);
                // A sum over features for each feature read: its square is summed over these.
                for (x, feature) in value.iter().zip(written) {
                    let heard = x * gram[[*feature, *reading]];
                    if truth.features[number].contains(feature) {
                        own += heard;
                    } else {
                        other += heard;
                    }
                }
                signal += own * own;
                interference += other * other;
            }
        }
        let rows = trace.output.nrows() as f64;
        assert_abs_diff_eq!(
            found[number].signal,
            (signal / rows).sqrt(),
            epsilon = 1e-12
        );
        assert_abs_diff_eq!(
            found[number].interference,
            (interference / rows).sqrt(),
            epsilon = 1e-12
        );
    }
    let of_compiled = message_parts(case.subject(&case.identity), &compiled, &truth, 1);
    assert!(of_compiled.iter().all(|heard| heard.interference == 0.0));
    assert!(found.iter().any(|heard| heard.interference > 0.1));
}

#[test]
fn effects_do_not_depend_on_the_number_of_threads() {
    let case = Case::new("hist", 3);
    let w = random_w((10, case.model.width()), 4);
    let (network, compiled) = (case.network(&w), case.network(&case.identity));
    let found = [1, 2, 5].map(|threads| {
        let pairs = (&case.pairs(150), 0);
        CircuitFile::measure(
            case.subject(&w),
            (&compiled, Some(&network)),
            pairs,
            threads,
            Watch::NOBODY,
        )
    });
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
    assert_eq!(found[0].dim, Some(10));
    for edge in &found[0].edges {
        let [low, high] = edge.effect_interval.unwrap();
        assert!(low <= edge.effect && edge.effect <= high);
    }
}

#[test]
fn nodes_are_named_by_the_variables_of_the_program() {
    let circuit = Case::new("frac_prevs", 3).measured(50);
    let nodes: Vec<(&str, Vec<&str>)> = circuit
        .nodes
        .iter()
        .map(|node| {
            (
                node.name.as_str(),
                node.variables.iter().map(String::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(
        nodes,
        [
            ("token_embed", vec!["one", "tokens"]),
            ("pos_embed", vec!["indices"]),
            ("layer0.mlp", vec!["is_x"]),
            ("layer1.head0", vec!["frac_prevs"]),
            ("unembed", vec!["frac_prevs"]),
        ]
    );
    let edge = |from: &str, to: &str| {
        let found = circuit.edges.iter().find(|e| e.from == from && e.to == to);
        found.unwrap().clone()
    };
    assert_eq!(edge("layer0.mlp", "layer1.head0.value").features, ["is_x"]);
    assert!(edge("layer0.mlp", "layer1.head0.value").is_true);
    assert!(edge("layer1.head0", "unembed").is_true);
    // What the head attends to are positions: the same on all inputs, BOS' own aside.
    assert_eq!(
        edge("pos_embed", "layer1.head0.query").redundant,
        Some(Redundant::Constant)
    );
    assert!(!edge("layer0.mlp", "layer1.head0.key").is_true);
    assert!(!edge("token_embed", "unembed").is_true);
    let all: Vec<Input> = Input::ALL.to_vec();
    assert_eq!(
        Node::Head { layer: 1, head: 0 }.receivers().len(),
        all.len()
    );
}
