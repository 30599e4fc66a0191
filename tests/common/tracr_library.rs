//! The programs of Tracr's library (`compiler/lib.py`) as expression graphs, and its test table.
#![allow(dead_code)] // each test binary uses its part

use std::sync::Arc;

use tracr_compress::model::Value;
use tracr_compress::rasp::graph::{Encoding, Function, Graph, Kind, NodeId, ValueError};
use tracr_compress::rasp::python as py;

pub type Result = std::result::Result<Value, ValueError>;

/// Builds a graph as Tracr's Python embedding does; what it builds is numbered as in Python.
#[derive(Default)]
pub struct Rasp {
    pub graph: Graph,
}

pub fn string(text: &str) -> Value {
    Value::Str(text.into())
}

pub fn int(i: i64) -> Value {
    Value::Int(i)
}

fn function<F>(text: &str, call: F) -> Function
where
    F: Fn(&[Value]) -> Result + Send + Sync + 'static,
{
    Function { text: text.into(), call: Arc::new(call) }
}

impl Rasp {
    pub fn tokens(&mut self) -> NodeId {
        self.graph.add(Kind::Tokens)
    }

    pub fn indices(&mut self) -> NodeId {
        self.graph.add(Kind::Indices)
    }

    /// A map of a map is one map, as in Tracr.
    pub fn map<F>(&mut self, inner: NodeId, f: F) -> NodeId
    where
        F: Fn(&Value) -> Result + Send + Sync + 'static,
    {
        match self.graph.node(inner).kind.clone() {
            Kind::Map { inner, f: first } => {
                let both = function("f", move |v| match (first.call)(v)? {
                    Value::None => Ok(Value::None),
                    x => f(&x),
                });
                self.graph.add(Kind::Map { inner, f: both })
            }
            _ => self.graph.add(Kind::Map { inner, f: function("f", move |v| f(&v[0])) }),
        }
    }

    pub fn equals(&mut self, sop: NodeId, value: Value) -> NodeId {
        self.map(sop, move |x| Ok(Value::Bool(py::equal(x, &value))))
    }

    pub fn sequence_map<F>(&mut self, first: NodeId, second: NodeId, f: F) -> NodeId
    where
        F: Fn(&Value, &Value) -> Result + Send + Sync + 'static,
    {
        let f = function("f", move |v| f(&v[0], &v[1]));
        self.graph.add(Kind::SequenceMap { first, second, f })
    }

    pub fn linear(&mut self, first: NodeId, second: NodeId, a: f64, b: f64) -> NodeId {
        let id = self.graph.add(Kind::LinearSequenceMap { first, second, a, b });
        self.numerical(id)
    }

    pub fn select<F>(&mut self, keys: NodeId, queries: NodeId, predicate: F) -> NodeId
    where
        F: Fn(&Value, &Value) -> Result + Send + Sync + 'static,
    {
        let predicate = function("p", move |v| predicate(&v[0], &v[1]));
        self.graph.add(Kind::Select { keys, queries, predicate })
    }

    pub fn select_true(&mut self, sop: NodeId) -> NodeId {
        self.select(sop, sop, |_, _| Ok(Value::Bool(true)))
    }

    pub fn select_eq(&mut self, keys: NodeId, queries: NodeId) -> NodeId {
        self.select(keys, queries, |k, q| Ok(Value::Bool(py::equal(k, q))))
    }

    /// Encoded as `sop` is.
    pub fn aggregate(&mut self, selector: NodeId, sop: NodeId) -> NodeId {
        let encoding = self.graph.node(sop).encoding;
        let default = if encoding == Encoding::Numerical { int(0) } else { Value::None };
        let id = self.graph.add(Kind::Aggregate { selector, sop, default });
        self.graph.nodes[id.0].encoding = encoding;
        id
    }

    pub fn width(&mut self, selector: NodeId) -> NodeId {
        self.graph.add(Kind::SelectorWidth { selector })
    }

    pub fn named(&mut self, id: NodeId, name: &str) -> NodeId {
        let node = &mut self.graph.nodes[id.0];
        (node.name, node.named) = (name.to_owned(), true);
        id
    }

    pub fn numerical(&mut self, id: NodeId) -> NodeId {
        self.graph.nodes[id.0].encoding = Encoding::Numerical;
        id
    }

    pub fn length(&mut self) -> NodeId {
        let tokens = self.tokens();
        let all = self.select_true(tokens);
        let width = self.width(all);
        self.named(width, "length")
    }

    pub fn reverse(&mut self) -> NodeId {
        let (length, indices, tokens) = (self.length(), self.indices(), self.tokens());
        let opposite = self.sequence_map(length, indices, py::subtract);
        let opposite = self.named(opposite, "opp_idx");
        let opposite = self.map(opposite, |x| py::subtract(x, &int(1)));
        let opposite = self.named(opposite, "opp_idx-1");
        let selector = self.select_eq(indices, opposite);
        let reversed = self.aggregate(selector, tokens);
        self.named(reversed, "reverse")
    }

    pub fn frac_prevs(&mut self, bools: NodeId) -> NodeId {
        let bools = self.numerical(bools);
        let indices = self.indices();
        let prevs =
            self.select(indices, indices, |k, q| Ok(Value::Bool(!py::less(q, k)?)));
        let mean = self.aggregate(prevs, bools);
        self.named(mean, "frac_prevs")
    }

    pub fn pair_balance(&mut self, open: &str, close: &str) -> NodeId {
        let mut part = |token: &str, bools: &str, name: &str| {
            let tokens = self.tokens();
            let is_token = self.equals(tokens, string(token));
            let is_token = self.named(is_token, bools);
            let mean = self.frac_prevs(is_token);
            self.named(mean, name)
        };
        let opens = part(open, "bools_open", "opens");
        let closes = part(close, "bools_close", "closes");
        let balance = self.linear(opens, closes, 1.0, -1.0);
        self.named(balance, "pair_balance")
    }

    pub fn shuffle_dyck(&mut self, pairs: &[(&str, &str)]) -> NodeId {
        let balances: Vec<NodeId> = pairs
            .iter()
            .map(|(open, close)| {
                let balance = self.pair_balance(open, close);
                self.named(balance, &format!("balance_{open}{close}"))
            })
            .collect();
        let combine = |rasp: &mut Self, test: fn(&Value) -> Result, stop_at: bool| {
            let mut parts = balances.iter().map(|balance| (*balance, test));
            let (first, _) = parts.next().unwrap();
            let mut all = rasp.map(first, test);
            for (balance, test) in parts {
                let next = rasp.map(balance, test);
                // Python's `or` stops at a true first argument, `and` at a false one.
                all = rasp.sequence_map(all, next, move |x, y| {
                    Ok(if py::truthy(x) == stop_at { x.clone() } else { y.clone() })
                });
            }
            all
        };
        let negative = combine(self, |x| py::less(x, &int(0)).map(Value::Bool), true);
        let negative = self.map(negative, |x| Ok(x.clone()));
        let negative = self.numerical(negative);
        let negative = self.named(negative, "any_negative");
        let indices = self.indices();
        let everywhere = self.select_true(indices);
        let has_negative = self.aggregate(everywhere, negative);
        let has_negative = self.named(has_negative, "has_neg");
        let zero = combine(self, |x| Ok(Value::Bool(py::equal(x, &int(0)))), false);
        let length = self.length();
        let last = self.map(length, |x| py::subtract(x, &int(1)));
        let select_last = self.select_eq(indices, last);
        let last_zero = self.aggregate(select_last, zero);
        let last_zero = self.named(last_zero, "last_zero");
        let none_negative = self.map(has_negative, |x| Ok(Value::Bool(!py::truthy(x))));
        let none_negative = self.named(none_negative, "not_has_neg");
        let both = self.sequence_map(last_zero, none_negative, |x, y| {
            Ok(if py::truthy(x) { y.clone() } else { x.clone() })
        });
        self.named(both, "shuffle_dyck")
    }

    pub fn hist(&mut self) -> NodeId {
        let tokens = self.tokens();
        let same = self.select_eq(tokens, tokens);
        let width = self.width(same);
        self.named(width, "hist")
    }

    pub fn sort_unique(&mut self, values: NodeId, keys: NodeId) -> NodeId {
        let smaller = self.select(keys, keys, |k, q| py::less(k, q).map(Value::Bool));
        let target = self.width(smaller);
        let target = self.named(target, "target_pos");
        let indices = self.indices();
        let selector = self.select_eq(target, indices);
        let sorted = self.aggregate(selector, values);
        self.named(sorted, "sort")
    }

    pub fn sort(&mut self, values: NodeId, keys: NodeId, max_seq_len: i64) -> NodeId {
        let indices = self.indices();
        let distinct = self.sequence_map(keys, indices, move |x, i| {
            py::add(x, &py::divide(&py::multiply(&int(1), i)?, &int(max_seq_len))?)
        });
        self.sort_unique(values, distinct)
    }

    pub fn sort_freq(&mut self, max_seq_len: i64) -> NodeId {
        let hist = self.hist();
        let keys = self.map(hist, |x| py::multiply(&int(-1), x));
        let tokens = self.tokens();
        let sorted = self.sort(tokens, keys, max_seq_len);
        self.named(sorted, "sort_freq")
    }

    pub fn shift_by(&mut self, offset: i64, sop: NodeId) -> NodeId {
        let indices = self.indices();
        let selector = self.select(indices, indices, move |k, q| {
            Ok(Value::Bool(py::equal(q, &py::add(k, &int(offset))?)))
        });
        let shifted = self.aggregate(selector, sop);
        self.named(shifted, &format!("shift_by({offset})"))
    }

    pub fn detect_pattern(&mut self, pattern: &str) -> NodeId {
        let mut detectors = Vec::new();
        for (i, c) in pattern.chars().rev().enumerate() {
            let tokens = self.tokens();
            let found = self.equals(tokens, string(&c.to_string()));
            detectors.push(if i == 0 { found } else { self.shift_by(i as i64, found) });
        }
        let mut detected = detectors.pop().unwrap();
        while let Some(next) = detectors.pop() {
            detected = self.sequence_map(detected, next, |x, y| {
                Ok(if py::truthy(x) { y.clone() } else { x.clone() })
            });
        }
        self.named(detected, &format!("detect_pattern({pattern})"))
    }

    pub fn count_less_freq(&mut self, n: i64) -> NodeId {
        let hist = self.hist();
        let less = self.select(hist, hist, move |k, _| Ok(Value::Bool(!py::less(&int(n), k)?)));
        let width = self.width(less);
        self.named(width, "count_less_freq")
    }

    pub fn count(&mut self, token: &str) -> NodeId {
        let wanted = string(token);
        let tokens = self.tokens();
        let selector = self.select(tokens, tokens, move |k, _| Ok(Value::Bool(py::equal(k, &wanted))));
        let width = self.width(selector);
        self.named(width, &format!("count_{token}"))
    }

    /// `f(x, y, z)` by way of tuples.
    pub fn ternary_map<F>(&mut self, [x, y, z]: [NodeId; 3], f: F) -> NodeId
    where
        F: Fn(&Value, &Value, &Value) -> Result + Send + Sync + 'static,
    {
        fn extend(x: &Value, y: &Value) -> Result {
            let mut items = match x {
                Value::Tuple(items) => items.clone(),
                x => vec![x.clone()],
            };
            items.push(y.clone());
            Ok(Value::Tuple(items))
        }
        let pair = self.sequence_map(x, y, extend);
        let triple = self.sequence_map(pair, z, extend);
        self.map(triple, move |v| match v {
            Value::Tuple(v) => f(&v[0], &v[1], &v[2]),
            other => Err(ValueError(format!("{other} is no triple"))),
        })
    }
}

/// A case of Tracr's table.
pub struct Case {
    pub vocab: Vec<Value>,
    pub max_seq_len: usize,
    pub causal: bool,
    pub output: NodeId,
    pub rasp: Rasp,
}

/// The names of all cases of Tracr's table, as the files of its models are called, and of our own.
pub const CASES: [&str; 60] = [
    "frac_prevs_1",
    "frac_prevs_2",
    "frac_prevs_3",
    "shift_by_one",
    "shift_by_two",
    "detect_pattern_a",
    "detect_pattern_ab",
    "detect_pattern_ab_2",
    "detect_pattern_ab_3",
    "detect_pattern_abc",
    "reverse_1",
    "reverse_2",
    "reverse_3",
    "reverse_4",
    "length_categorical_1",
    "length_categorical_2",
    "length_categorical_3",
    "length_numerical_1",
    "length_numerical_2",
    "length_numerical_3",
    "pair_balance_1",
    "shuffle_dyck2_1",
    "shuffle_dyck2_2",
    "shuffle_dyck2_3",
    "shuffle_dyck3_1",
    "shuffle_dyck3_2",
    "shuffle_dyck3_3",
    "hist",
    "sort_unique_1",
    "sort_unique_2",
    "sort_1",
    "sort_2",
    "sort_3",
    "sort_freq",
    "make_count_less_freq_categorical_1",
    "make_count_less_freq_categorical_2",
    "make_count_less_freq_numerical_1",
    "make_count_less_freq_numerical_2",
    "make_count_1",
    "make_count_2",
    "make_count_3",
    "make_nary_sequencemap_1",
    "make_nary_sequencemap_2",
    "causal_frac_prevs_1",
    "causal_frac_prevs_2",
    "causal_frac_prevs_3",
    "causal_shift_by_one",
    "causal_shift_by_two",
    "causal_detect_pattern_a",
    "causal_detect_pattern_ab",
    "causal_detect_pattern_ab_2",
    "causal_detect_pattern_ab_3",
    "causal_detect_pattern_abc",
    "causal_selector_width",
    "own_two_widths",
    "own_staircase",
    "own_one_argument_twice",
    "own_mixed_values",
    "own_many_of_one_name",
    "own_combined_selectors",
];

/// The case of this name (`causal_` in front if causal), `models/` included.
pub fn case(full_name: &str) -> Option<Case> {
    let causal = full_name.starts_with("causal_");
    let name = full_name.trim_start_matches("causal_");
    let chars = |text: &str| text.chars().map(|c| string(&c.to_string())).collect::<Vec<_>>();
    let ints = |n: i64| (1..=n).map(int).collect::<Vec<_>>();
    let mut rasp = Rasp::default();
    let r = &mut rasp;
    // The number at the end tells apart inputs, and sometimes programs.
    let (vocab, max_seq_len, output) = match name {
        "frac_prevs" => {
            let tokens = r.tokens();
            let is_x = r.equals(tokens, string("x"));
            let is_x = r.named(is_x, "is_x");
            (chars("abcx"), 5, r.frac_prevs(is_x))
        }
        "frac_prevs_1" | "frac_prevs_2" | "frac_prevs_3" => {
            let (vocab, token, length) = match name {
                "frac_prevs_1" => (chars("helo"), "l", 5),
                "frac_prevs_2" => (chars("abc()"), "(", 10),
                _ => (chars("abc()"), ")", 10),
            };
            let tokens = r.tokens();
            let is_token = r.equals(tokens, string(token));
            (vocab, length, r.frac_prevs(is_token))
        }
        "shift_by_one" | "shift_by_two" => {
            let tokens = r.tokens();
            (chars("abcd"), 5, r.shift_by(if name == "shift_by_one" { 1 } else { 2 }, tokens))
        }
        "detect_pattern_a" => (chars("abcd"), 5, r.detect_pattern("a")),
        "detect_pattern_ab" | "detect_pattern_ab_2" | "detect_pattern_ab_3" => {
            (chars("ab"), 5, r.detect_pattern("ab"))
        }
        "detect_pattern_abc" => (chars("abc"), 6, r.detect_pattern("abc")),
        "reverse_1" | "reverse_2" | "reverse_3" | "reverse_4" => (chars("abcd"), 5, r.reverse()),
        "length_categorical_1" | "length_categorical_2" | "length_categorical_3" => {
            (chars("abcd"), 3, r.length())
        }
        "length_numerical_1" | "length_numerical_2" | "length_numerical_3" => {
            let length = r.length();
            (chars("abcd"), 3, r.numerical(length))
        }
        "pair_balance_1" => (chars("abc()"), 10, r.pair_balance("(", ")")),
        "shuffle_dyck2_1" | "shuffle_dyck2_2" | "shuffle_dyck2_3" => {
            (chars("(){}"), 5, r.shuffle_dyck(&[("(", ")"), ("{", "}")]))
        }
        "shuffle_dyck3_1" | "shuffle_dyck3_2" | "shuffle_dyck3_3" => {
            (chars("(){}[]"), 6, r.shuffle_dyck(&[("(", ")"), ("{", "}"), ("[", "]")]))
        }
        "hist" => (chars("abcd"), 5, r.hist()),
        "sort_unique" | "sort_unique_1" => {
            let tokens = r.tokens();
            (ints(if name == "sort_unique" { 5 } else { 4 }), 5, r.sort_unique(tokens, tokens))
        }
        "sort_unique_2" | "sort_2" => {
            let (tokens, indices) = (r.tokens(), r.indices());
            let keys = r.map(indices, |i| py::subtract(&int(1), i));
            let sorted = match name {
                "sort_2" => r.sort(tokens, keys, 5),
                _ => r.sort_unique(tokens, keys),
            };
            (chars("abcd"), 5, sorted)
        }
        "sort_1" | "sort_3" => {
            let tokens = r.tokens();
            (ints(4), 5, r.sort(tokens, tokens, 5))
        }
        "sort_freq" => (ints(4), 5, r.sort_freq(5)),
        "make_count_less_freq_categorical_1" | "make_count_less_freq_categorical_2" => {
            (chars("abcd"), 6, r.count_less_freq(2))
        }
        "make_count_less_freq_numerical_1" | "make_count_less_freq_numerical_2" => {
            let count = r.count_less_freq(2);
            (chars("abcd"), 6, r.numerical(count))
        }
        "make_count_1" | "make_count_2" | "make_count_3" => (chars("abc"), 8, r.count("a")),
        "make_nary_sequencemap_1" => {
            let (tokens, indices) = (r.tokens(), r.indices());
            let f = |x: &Value, y: &Value, z: &Value| py::subtract(&py::add(x, y)?, z);
            (ints(3), 5, r.ternary_map([tokens, tokens, indices], f))
        }
        "make_nary_sequencemap_2" => {
            let (tokens, indices) = (r.tokens(), r.indices());
            let f = |x: &Value, y: &Value, z: &Value| py::divide(&py::multiply(x, y)?, z);
            (ints(3), 3, r.ternary_map([indices, indices, tokens], f))
        }
        "selector_width" => {
            let tokens = r.tokens();
            let all = r.select_true(tokens);
            (chars("abcd"), 5, r.width(all))
        }
        _ => own(name, r)?,
    };
    Some(Case { vocab, max_seq_len, causal, output, rasp })
}

/// Our own programs, those of `scripts/tracr_test_cases.py`.
fn own(name: &str, r: &mut Rasp) -> Option<(Vec<Value>, usize, NodeId)> {
    let chars = |text: &str| text.chars().map(|c| string(&c.to_string())).collect::<Vec<_>>();
    let (tokens, indices) = (r.tokens(), r.indices());
    let share = |r: &mut Rasp| {
        let is_a = r.equals(tokens, string("a"));
        r.frac_prevs(is_a)
    };
    Some(match name {
        "own_two_widths" => {
            let (length, hist) = (r.length(), r.hist());
            (chars("abc"), 4, r.sequence_map(length, hist, py::subtract))
        }
        "own_staircase" => {
            let share = share(r);
            let doubled = r.map(share, |x| {
                py::subtract(&py::multiply(&int(2), x)?, &Value::Float(0.5))
            });
            (chars("abc"), 4, r.numerical(doubled))
        }
        "own_one_argument_twice" => {
            let share = share(r);
            let linear = r.linear(share, share, 2.0, -3.0);
            let small = r.map(linear, |x| py::less(x, &Value::Float(0.3)).map(Value::Bool));
            (chars("ab"), 3, small)
        }
        "own_mixed_values" => {
            let twice = r.sequence_map(indices, indices, py::add);
            let mixed = r.sequence_map(tokens, twice, |x, i| {
                Ok(if py::less(&int(2), i)? { x.clone() } else { i.clone() })
            });
            let mixed = r.sequence_map(mixed, indices, |x, i| {
                Ok(if py::equal(x, &int(0)) { i.clone() } else { x.clone() })
            });
            (chars("abc"), 4, mixed)
        }
        "own_many_of_one_name" => {
            let parts: Vec<NodeId> = (0..7)
                .map(|n| r.map(indices, move |x| py::modulo(&py::add(x, &int(n))?, &int(3))))
                .collect();
            let total = parts.into_iter().fold(tokens, |total, part| {
                r.sequence_map(total, part, |x, y| py::modulo(&py::add(x, y)?, &int(4)))
            });
            ((1..=3).map(int).collect(), 3, total)
        }
        "own_combined_selectors" => {
            let near = r.select(indices, indices, |k, q| {
                let apart = py::subtract(k, q)?;
                Ok(Value::Bool(!py::less(&int(1), &apart)? && !py::less(&apart, &int(-1))?))
            });
            let before = r.select(indices, indices, |k, q| py::less(k, q).map(Value::Bool));
            let not_before = r.graph.add(Kind::SelectorNot(before));
            let both = r.graph.add(Kind::SelectorAnd(near, not_before));
            let count = r.width(both);
            (chars("ab"), 4, r.sequence_map(tokens, count, |_, n| Ok(n.clone())))
        }
        _ => return None,
    })
}
