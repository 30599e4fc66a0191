//! Tracr's test table (`compiler/test_cases.py`) as expression graphs, and programs of our own.

use tracr::model::Value;
use tracr::rasp::graph::{Kind, NodeId};
use tracr::rasp::python as py;

use super::rasp::{Rasp, int, string};

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
    let chars = |text: &str| {
        text.chars()
            .map(|c| string(&c.to_string()))
            .collect::<Vec<_>>()
    };
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
            (
                chars("abcd"),
                5,
                r.shift_by(if name == "shift_by_one" { 1 } else { 2 }, tokens),
            )
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
        "shuffle_dyck3_1" | "shuffle_dyck3_2" | "shuffle_dyck3_3" => (
            chars("(){}[]"),
            6,
            r.shuffle_dyck(&[("(", ")"), ("{", "}"), ("[", "]")]),
        ),
        "hist" => (chars("abcd"), 5, r.hist()),
        "sort_unique" | "sort_unique_1" => {
            let tokens = r.tokens();
            (
                ints(if name == "sort_unique" { 5 } else { 4 }),
                5,
                r.sort_unique(tokens, tokens),
            )
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
    Some(Case {
        vocab,
        max_seq_len,
        causal,
        output,
        rasp,
    })
}

/// Our own programs, those of `scripts/tracr_test_cases.py`.
fn own(name: &str, r: &mut Rasp) -> Option<(Vec<Value>, usize, NodeId)> {
    let chars = |text: &str| {
        text.chars()
            .map(|c| string(&c.to_string()))
            .collect::<Vec<_>>()
    };
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
                Ok(if py::less(&int(2), i)? {
                    x.clone()
                } else {
                    i.clone()
                })
            });
            let mixed = r.sequence_map(mixed, indices, |x, i| {
                Ok(if py::equal(x, &int(0)) {
                    i.clone()
                } else {
                    x.clone()
                })
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
                Ok(Value::Bool(
                    !py::less(&int(1), &apart)? && !py::less(&apart, &int(-1))?,
                ))
            });
            let before = r.select(indices, indices, |k, q| py::less(k, q).map(Value::Bool));
            let not_before = r.graph.add(Kind::SelectorNot(before));
            let both = r.graph.add(Kind::SelectorAnd(near, not_before));
            let count = r.width(both);
            (
                chars("ab"),
                4,
                r.sequence_map(tokens, count, |_, n| Ok(n.clone())),
            )
        }
        _ => return None,
    })
}
