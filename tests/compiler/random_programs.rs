//! Random programs, as graphs, of what Tracr's construction supports.

use std::hash::{DefaultHasher, Hash, Hasher};

use tracr::model::Value;
use tracr::rasp::graph::{Kind, NodeId, ValueError};
use tracr::rasp::python as py;

use super::random::Random;
use super::rasp::{Rasp, int, string};

/// A pseudo-random number that depends on the values alone, equal for equal ones.
fn scramble(salt: u64, values: &[&Value]) -> u64 {
    let mut hasher = DefaultHasher::new();
    salt.hash(&mut hasher);
    values
        .iter()
        .for_each(|value| py::Key((*value).clone()).hash(&mut hasher));
    hasher.finish()
}

/// What is known of an s-op, so that only what Tracr's construction supports is built from it.
#[derive(Clone, Copy)]
pub struct Sop {
    pub id: NodeId,
    /// Can be None. Tracr's numbers cannot, and its selectors do not expect it.
    optional: bool,
    /// Is 0 at BOS, as heads rely on. Maps of numbers are not: they map the 0 that they find there.
    clean: bool,
    number: Option<Number>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Number {
    /// 0 or 1.
    Bit,
    /// One of the values that the compiler knows.
    Exact,
    /// A mean of bits, or a difference of such: the compiler knows only whether it is 0.
    Mean,
}

/// Grows a program operator by operator.
pub struct Generator {
    pub random: Random,
    pub rasp: Rasp,
    pub sops: Vec<Sop>,
}

impl Generator {
    pub fn new(random: Random) -> Self {
        let mut rasp = Rasp::default();
        let input = |id| Sop {
            id,
            optional: false,
            clean: true,
            number: None,
        };
        let sops = vec![input(rasp.tokens()), input(rasp.indices())];
        Self { random, rasp, sops }
    }

    fn any(&mut self, fits: impl Fn(&Sop) -> bool) -> Option<Sop> {
        let fitting: Vec<Sop> = self.sops.iter().copied().filter(fits).collect();
        // Recent ones rather than early ones, so that programs are deep.
        let recent = fitting.len().saturating_sub(4);
        let from = if self.random.one_in(3) { 0 } else { recent };
        (!fitting.is_empty()).then(|| *self.random.pick(&fitting[from..]))
    }

    fn categorical(&mut self) -> Option<Sop> {
        self.any(|sop| sop.number.is_none())
    }

    /// One of a handful of values, of mixed types.
    fn value(salt: u64) -> Value {
        match salt % 9 {
            n @ 0..=3 => int(n as i64 - 1),
            4 => Value::Bool(true),
            5 => Value::Float(0.5),
            6 => string("a"),
            7 => string("b"),
            _ => Value::Tuple(vec![int(1), string("a")]),
        }
    }

    fn function(salt: u64, values: &[&Value]) -> Result<Value, ValueError> {
        let hash = scramble(salt, values);
        // One value set in a while has a failure, or a None.
        match (salt % 8, hash % 11) {
            (0, 0) => Err(ValueError("it happens".into())),
            (1, 0) => Ok(Value::None),
            _ if salt.is_multiple_of(3) => Ok(Self::value(hash)),
            _ => Ok(int((hash % 4) as i64)),
        }
    }

    /// One more operator; `None` if its choices do not fit together.
    pub fn step(&mut self) -> Option<Sop> {
        match self.random.below(12) {
            0 | 1 => self.map(),
            2 | 3 => self.sequence_map(),
            4 => self.number(),
            5 => self.map_number(),
            6 => self.linear(),
            7 | 8 => self.width(),
            _ => self.aggregate(),
        }
    }

    fn map(&mut self) -> Option<Sop> {
        let (inner, salt) = (self.categorical()?, self.random.next());
        let id = self.rasp.map(inner.id, move |x| Self::function(salt, &[x]));
        Some(Sop {
            id,
            optional: true,
            ..inner
        })
    }

    fn sequence_map(&mut self) -> Option<Sop> {
        let (x, y, salt) = (self.categorical()?, self.categorical()?, self.random.next());
        let id = self
            .rasp
            .sequence_map(x.id, y.id, move |x, y| Self::function(salt, &[x, y]));
        let clean = x.clean || y.clean;
        Some(Sop {
            id,
            optional: true,
            clean,
            number: None,
        })
    }

    /// Categorical to numerical; not below 0, where Tracr's map is cut off.
    fn number(&mut self) -> Option<Sop> {
        let inner = self.any(|sop| sop.number.is_none() && !sop.optional)?;
        let (salt, bits) = (self.random.next(), !self.random.one_in(3));
        let id = self.rasp.map(inner.id, move |x| {
            let hash = scramble(salt, &[x]);
            let half = Value::Float((hash % 5) as f64 / 2.0);
            Ok(if bits {
                Value::Bool(hash.is_multiple_of(2))
            } else {
                half
            })
        });
        let number = Some(if bits { Number::Bit } else { Number::Exact });
        Some(Sop {
            id: self.rasp.numerical(id),
            optional: false,
            clean: inner.clean,
            number,
        })
    }

    fn map_number(&mut self) -> Option<Sop> {
        let inner = self.any(|sop| sop.number.is_some())?;
        let (salt, numerical) = (self.random.next(), self.random.one_in(2));
        let mean = inner.number == Some(Number::Mean);
        let id = self.rasp.map(inner.id, move |x| {
            let sign = int(i64::from(py::less(&int(0), x)?) - i64::from(py::less(x, &int(0))?));
            let hash = scramble(salt, &[if mean { &sign } else { x }]);
            Ok(if numerical {
                Value::Float(hash as i8 as f64 / 8.0)
            } else {
                Self::value(hash)
            })
        });
        let id = if numerical {
            self.rasp.numerical(id)
        } else {
            id
        };
        let number = numerical.then_some(Number::Exact);
        Some(Sop {
            id,
            optional: false,
            clean: false,
            number,
        })
    }

    fn linear(&mut self) -> Option<Sop> {
        let (x, y) = (
            self.any(|sop| sop.number.is_some())?,
            self.any(|sop| sop.number.is_some())?,
        );
        let mean = |sop: Sop| sop.number == Some(Number::Mean);
        // A known number plus a mean is neither known nor is its sign.
        if mean(x) != mean(y) {
            return None;
        }
        let factors = if mean(x) { [1.0, -1.0] } else { [2.0, -0.5] };
        let id = self
            .rasp
            .linear(x.id, y.id, factors[self.random.below(2)], factors[1]);
        // A difference of differences may be smaller than any known one.
        let is_difference = |id: NodeId| {
            matches!(
                self.rasp.graph.node(id).kind,
                Kind::LinearSequenceMap { .. }
            )
        };
        if mean(x) && (is_difference(x.id) || is_difference(y.id)) {
            return None;
        }
        let number = Some(if mean(x) { Number::Mean } else { Number::Exact });
        Some(Sop {
            id,
            optional: false,
            clean: x.clean && y.clean,
            number,
        })
    }

    /// A selector and whether its queries are clean at BOS.
    fn selector(&mut self) -> Option<(NodeId, bool)> {
        let keys = self.any(|sop| sop.number.is_none() && !sop.optional && sop.clean)?;
        let queries = self.any(|sop| sop.number.is_none() && !sop.optional)?;
        let mut select = || {
            let (salt, kind) = (self.random.next(), self.random.below(6));
            self.rasp.select(keys.id, queries.id, move |k, q| {
                Ok(Value::Bool(match kind {
                    0 | 1 => py::equal(k, q),
                    2 => true,
                    3 => py::less(k, q)?,
                    _ => scramble(salt, &[k, q]).is_multiple_of(3),
                }))
            })
        };
        let first = select();
        let (second, third) = (select(), select());
        let combined = match self.random.below(6) {
            0 => Kind::SelectorAnd(first, second),
            1 => Kind::SelectorOr(second, third),
            2 => Kind::SelectorNot(second),
            _ => return Some((first, queries.clean)),
        };
        let combined = self.rasp.graph.add(combined);
        let id = match self.random.below(3) {
            0 => self.rasp.graph.add(Kind::SelectorAnd(combined, first)),
            _ => combined,
        };
        Some((id, queries.clean))
    }

    fn width(&mut self) -> Option<Sop> {
        let (selector, clean) = self.selector()?;
        let id = self.rasp.width(selector);
        let numerical = self.random.one_in(3);
        let id = if numerical {
            self.rasp.numerical(id)
        } else {
            id
        };
        Some(Sop {
            id,
            optional: false,
            clean,
            number: numerical.then_some(Number::Exact),
        })
    }

    fn aggregate(&mut self) -> Option<Sop> {
        let sop = self.any(|sop| sop.clean && sop.number.is_none_or(|n| n == Number::Bit))?;
        let (selector, clean) = self.selector()?;
        let id = self.rasp.aggregate(selector, sop.id);
        let number = sop.number.map(|_| Number::Mean);
        Some(Sop {
            id,
            optional: number.is_none(),
            clean: clean && sop.clean,
            number,
        })
    }
}
