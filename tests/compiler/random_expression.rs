//! Random RASP expressions of a type, as text.

use super::random::Random;

/// What an expression is at a position, or as a whole.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Ty {
    Int,
    Str,
    Bool,
    /// A token of a mixed vocabulary.
    Any,
    /// Numerical: 0 or 1.
    Bits,
    /// Numerical: values that the compiler knows.
    Exact,
    /// Numerical: fractions of positions.
    Mean,
    Selector,
}

pub use Ty::{Any, Bits, Bool, Exact, Int, Mean, Selector, Str};

/// What names an expression may use: those of the program, or the parameters of a lambda.
#[derive(Clone, Copy)]
pub enum Scope<'a> {
    Program,
    Lambda(&'a [(&'a str, Ty)]),
}

pub struct Generator {
    pub random: Random,
    pub names: Vec<(String, Ty)>,
    pub functions: Vec<(String, Vec<Ty>, Ty)>,
    pub words: Vec<String>,
    pub tokens: Ty,
    pub count: usize,
}

impl Generator {
    pub fn word(&mut self) -> String {
        self.random.pick(&self.words).clone()
    }

    fn literal(&mut self, ty: Ty) -> String {
        match ty {
            Int => self
                .random
                .pick(&["0", "1", "2", "3", "-1", "0.5"])
                .to_string(),
            Str => self
                .random
                .pick(&["\"a\"", "\"b\"", "'x'", "\"\""])
                .to_string(),
            Bool => self.random.pick(&["True", "False"]).to_string(),
            Any => self.word(),
            Bits => format!("numerical(tokens == {})", self.word()),
            Exact => "numerical(map(x -> x / 2, indices))".into(),
            Mean => "aggregate(select(indices, indices, <=), indicator(tokens == indices))".into(),
            Selector => "select(tokens, tokens, ==)".into(),
        }
    }

    /// A name of this type, or a constant.
    fn atom(&mut self, ty: Ty, scope: Scope<'_>) -> String {
        let fitting: Vec<String> = match scope {
            Scope::Program => self
                .names
                .iter()
                .filter(|name| name.1 == ty)
                .map(|name| name.0.clone())
                .collect(),
            Scope::Lambda(names) => names
                .iter()
                .filter(|name| name.1 == ty)
                .map(|name| name.0.to_owned())
                .collect(),
        };
        let constant = matches!(ty, Int | Str | Bool) && self.random.one_in(8);
        if let (Scope::Program, true) = (scope, fitting.is_empty() || self.random.one_in(6)) {
            // Something that depends on the input, so that the program does.
            let word = self.word();
            match ty {
                Int => return "hist(tokens)".into(),
                Str => return format!("(\"b\" if tokens == {word} else \"a\")"),
                Bool => return format!("(tokens == {word})"),
                _ => {}
            }
        }
        if fitting.is_empty() || constant {
            return self.literal(ty);
        }
        self.random.pick(&fitting).clone()
    }

    pub fn value(&mut self, ty: Ty, scope: Scope<'_>, depth: usize) -> String {
        let in_program = matches!(scope, Scope::Program);
        if depth == 0 || (ty == Any && !in_program) {
            return self.atom(ty, scope);
        }
        let below = depth - 1;
        if in_program && self.random.one_in(6) {
            let fitting: Vec<_> = self
                .functions
                .iter()
                .filter(|f| f.2 == ty)
                .cloned()
                .collect();
            if !fitting.is_empty() {
                let (name, parameters, _) = self.random.pick(&fitting).clone();
                let given: Vec<String> = parameters
                    .iter()
                    .map(|ty| self.value(*ty, scope, below))
                    .collect();
                return format!("{name}({})", given.join(", "));
            }
        }
        match ty {
            Any => self.moved(ty, below),
            Int | Str | Bool if in_program && self.random.one_in(3) => match self.random.below(3) {
                0 => self.mapped(ty, below),
                _ => self.moved(ty, below),
            },
            Int => self.int(scope, below),
            Str => self.str(scope, below),
            Bool => self.bool(scope, below),
            Bits => {
                let made = *self.random.pick(&["numerical", "indicator"]);
                format!("{made}({})", self.value(Bool, scope, below))
            }
            Exact => self.exact(below),
            Mean => self.mean(below),
            Selector => self.selector(below),
        }
    }

    /// `map` or `sequence_map` with a lambda.
    fn mapped(&mut self, ty: Ty, depth: usize) -> String {
        let (x, y) = (
            *self.random.pick(&[Int, Str, Bool]),
            *self.random.pick(&[Int, Str, Bool]),
        );
        let first = self.value(x, Scope::Program, depth);
        if self.random.one_in(2) {
            let body = self.value(ty, Scope::Lambda(&[("x", x)]), 2);
            return format!("map(x -> {body}, {first})");
        }
        let second = self.value(y, Scope::Program, depth);
        if self.random.one_in(4) {
            let body = self.value(ty, Scope::Lambda(&[("x", x), ("y", y), ("z", Bool)]), 2);
            let third = self.atom(Bool, Scope::Program);
            return format!("sequence_map((x, y, z) -> {body}, {first}, {second}, {third})");
        }
        let body = self.value(ty, Scope::Lambda(&[("x", x), ("y", y)]), 2);
        format!("sequence_map((x, y) -> {body}, {first}, {second})")
    }

    /// An aggregate, or a function of the library that is one.
    fn moved(&mut self, ty: Ty, depth: usize) -> String {
        let s = self.value(ty, Scope::Program, depth);
        match self.random.below(9) {
            0 => format!("reverse({s})"),
            1 => format!("shift_by({}, {s})", self.random.below(3)),
            2 => format!(
                "sort_unique({s}, {})",
                self.value(Int, Scope::Program, depth)
            ),
            3 => format!(
                "aggregate({}, {s})",
                self.value(Selector, Scope::Program, depth)
            ),
            4 => format!("sort({s}, {}, {}, 1)", self.atom(Int, Scope::Program), 6),
            5 => {
                let at = self.value(Int, Scope::Program, depth);
                format!("aggregate(select(indices, {at}, ==), {s}, None)")
            }
            6 => format!(
                "aggregate(select(indices, {}, ==), {s})",
                self.random.below(3)
            ),
            7 => format!("aggregate(select(indices, length - 1 - indices, ==), {s})"),
            _ => {
                let by = self.random.below(3) as i64 - 1;
                format!("aggregate(select(indices, indices, (k, q) -> k == q + {by}), {s}, None)")
            }
        }
    }

    fn int(&mut self, scope: Scope<'_>, depth: usize) -> String {
        let program = matches!(scope, Scope::Program);
        let a = self.value(Int, scope, depth);
        match self.random.below(if program { 22 } else { 14 }) {
            0 => format!("({a} + {})", self.value(Int, scope, depth)),
            1 => format!("({a} - {})", self.value(Int, scope, depth)),
            2 => format!("{a} * {}", self.atom(Int, scope)),
            3 => format!("({a}) % {}", self.random.pick(&["2", "3", "-2"])),
            4 => format!(
                "({a}) // {}",
                self.random.pick(&["2", "3", "-2", "(1 + 1)"])
            ),
            5 => format!("round(({a}) / {})", self.atom(Int, scope)),
            6 => format!("abs({a})"),
            7 => format!("min({a}, {})", self.value(Int, scope, depth)),
            8 => format!("max({a}, {})", self.value(Int, scope, depth)),
            9 => format!("-({a})"),
            10 => {
                let (c, b) = (
                    self.value(Bool, scope, depth),
                    self.value(Int, scope, depth),
                );
                format!("({a} if {c} else {b})")
            }
            11 => format!("({a}) ^ 2"),
            12 => format!("int({a})"),
            13 => format!("len({})", self.value(Str, scope, depth)),
            14 => format!("hist({})", self.atom(self.tokens, scope)),
            15 => "length".into(),
            16 => format!("count(tokens, {})", self.word()),
            17 => format!("round({} * 2)", self.value(Mean, scope, depth)),
            18 => format!("count_less_freq({})", self.random.below(3)),
            19 => format!(
                "categorical(map(x -> x * 2, {}))",
                self.value(Exact, scope, depth)
            ),
            20 => format!("map(x -> x + 1, {})", self.value(Exact, scope, depth)),
            _ => format!("selector_width({})", self.value(Selector, scope, depth)),
        }
    }

    fn str(&mut self, scope: Scope<'_>, depth: usize) -> String {
        let a = self.value(Str, scope, depth);
        match self.random.below(7) {
            0 => format!("({a} + {})", self.atom(Str, scope)),
            1 => format!("str({})", self.value(Int, scope, depth)),
            2 => format!("min({a}, {})", self.atom(Str, scope)),
            3 => format!("[{a}, {}][-1]", self.atom(Str, scope)),
            4 => format!("({a} + \"ab\")[{}]", self.random.below(3) as i64 - 1),
            _ => {
                let (c, b) = (
                    self.value(Bool, scope, depth),
                    self.value(Str, scope, depth),
                );
                format!("({a} if {c} else {b})")
            }
        }
    }

    fn comparison(&mut self) -> &'static str {
        ["==", "!=", "<", "<=", ">", ">="][self.random.below(6)]
    }

    fn bool(&mut self, scope: Scope<'_>, depth: usize) -> String {
        let program = matches!(scope, Scope::Program);
        let compared = *self.random.pick(&[Int, Int, Str]);
        let sign = self.comparison();
        match self.random.below(if program { 14 } else { 9 }) {
            0..=2 => {
                let (a, b) = (
                    self.value(compared, scope, depth),
                    self.value(compared, scope, depth),
                );
                format!("({a} {sign} {b})")
            }
            3 | 4 => {
                let (a, b) = (
                    self.value(Bool, scope, depth),
                    self.value(Bool, scope, depth),
                );
                format!("({a} {} {b})", self.random.pick(&["and", "or"]))
            }
            5 => format!("(not {})", self.value(Bool, scope, depth)),
            6 => {
                let (a, b) = (self.literal(compared), self.literal(compared));
                let found = *self.random.pick(&["in", "not in"]);
                format!(
                    "({} {found} [{a}, {b}])",
                    self.value(compared, scope, depth)
                )
            }
            7 => {
                let (a, c) = (
                    self.value(Bool, scope, depth),
                    self.value(Bool, scope, depth),
                );
                format!("({a} if {c} else {})", self.atom(Bool, scope))
            }
            8 if program => format!("({} == {})", self.atom(self.tokens, scope), self.word()),
            8 => {
                let (a, b) = (self.value(Int, scope, depth), self.value(Str, scope, depth));
                format!("(({a}, {b}) == ({}, {b}))", self.atom(Int, scope))
            }
            9 => format!("contains(tokens, {})", self.word()),
            10 => format!("has_focus({})", self.value(Selector, scope, depth)),
            11 => format!("detect_pattern(tokens, [{}, {}])", self.word(), self.word()),
            12 => format!("({} {sign} 0)", self.value(Mean, scope, depth)),
            _ => format!("({} {sign} 1)", self.value(Exact, scope, depth)),
        }
    }

    fn exact(&mut self, depth: usize) -> String {
        let s = Scope::Program;
        match self.random.below(6) {
            0 => format!("numerical(abs({}))", self.value(Int, s, depth)),
            1 => format!("numerical({})", self.value(Int, s, depth)),
            2 => format!(
                "numerical(selector_width({}))",
                self.value(Selector, s, depth)
            ),
            3 => {
                let (a, b) = (self.value(Exact, s, depth), self.value(Bits, s, depth));
                let factor = *self.random.pick(&["1", "-1", "2", "-0.5"]);
                format!(
                    "linear({a}, {b}, {factor}, {})",
                    self.random.pick(&["1", "-1", "3"])
                )
            }
            4 => format!(
                "({} - {})",
                self.value(Exact, s, depth),
                self.value(Bits, s, depth)
            ),
            _ => format!(
                "numerical(map(x -> x * x - 1, {}))",
                self.value(Exact, s, depth)
            ),
        }
    }

    fn mean(&mut self, depth: usize) -> String {
        let s = Scope::Program;
        match self.random.below(6) {
            0 => format!("frac_prevs({})", self.value(Bool, s, depth)),
            1 => format!("pair_balance(tokens, {}, {})", self.word(), self.word()),
            2 => {
                let (a, b) = (self.value(Mean, s, depth), self.value(Mean, s, depth));
                format!("linear({a}, {b}, 1, -1)")
            }
            3 => {
                let (a, b) = (self.value(Selector, s, depth), self.value(Bits, s, depth));
                format!("aggregate({a}, {b}, 0)")
            }
            _ => {
                let (a, b) = (self.value(Selector, s, depth), self.value(Bits, s, depth));
                format!("aggregate({a}, {b})")
            }
        }
    }

    fn predicate(&mut self, ty: Ty) -> String {
        match self.random.below(9) {
            0 => "true".into(),
            8 => "false".into(),
            1..=4 => self.comparison().into(),
            _ => {
                let body = self.value(Bool, Scope::Lambda(&[("k", ty), ("q", ty)]), 2);
                format!("(k, q) -> {body}")
            }
        }
    }

    fn selector(&mut self, depth: usize) -> String {
        let ty = *self.random.pick(&[Int, Int, Str, Bool]);
        let keys = self.value(ty, Scope::Program, depth);
        let queries = self.value(ty, Scope::Program, depth);
        let select = format!("select({keys}, {queries}, {})", self.predicate(ty));
        // Names are the same node each time, so the parts can be folded.
        let (k, q) = (self.atom(ty, Scope::Program), self.atom(ty, Scope::Program));
        let mut named = || format!("select({k}, {q}, {})", self.predicate(ty));
        let (first, second) = (named(), named());
        match self.random.below(9) {
            0 => format!("(not {select})"),
            1 => format!("({first} and {second})"),
            2 => format!("({first} or {second})"),
            3 => format!("(not {first} and {second} or {first})"),
            4 => format!("({first} and select({k}, {}, ==))", self.literal(ty)),
            5 => self.atom(Selector, Scope::Program),
            6 => format!("(not ({first} or not {second}))"),
            _ => select,
        }
    }
}
