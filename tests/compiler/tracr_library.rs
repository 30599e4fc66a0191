//! The programs of Tracr's library (`compiler/lib.py`) as expression graphs.

use tracr::model::Value;
use tracr::rasp::graph::{NodeId, ValueError};
use tracr::rasp::python as py;

use super::rasp::{Rasp, Result, int, string};

impl Rasp {
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
        let prevs = self.select(indices, indices, |k, q| Ok(Value::Bool(!py::less(q, k)?)));
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
                    Ok(if py::truthy(x) == stop_at {
                        x.clone()
                    } else {
                        y.clone()
                    })
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
            py::add(
                x,
                &py::divide(&py::multiply(&int(1), i)?, &int(max_seq_len))?,
            )
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
            detectors.push(if i == 0 {
                found
            } else {
                self.shift_by(i as i64, found)
            });
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
        let less = self.select(hist, hist, move |k, _| {
            Ok(Value::Bool(!py::less(&int(n), k)?))
        });
        let width = self.width(less);
        self.named(width, "count_less_freq")
    }

    pub fn count(&mut self, token: &str) -> NodeId {
        let wanted = string(token);
        let tokens = self.tokens();
        let selector = self.select(tokens, tokens, move |k, _| {
            Ok(Value::Bool(py::equal(k, &wanted)))
        });
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
