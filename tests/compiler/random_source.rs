//! Random RASP programs as text, well typed most of the time: headers and statements.

use std::fmt;

use super::random::Random;
use super::random_expression::{
    Any, Bits, Bool, Exact, Generator, Int, Mean, Scope, Selector, Str, Ty,
};

/// A program: its header and its statements.
pub struct Source {
    pub header: String,
    pub statements: Vec<String>,
    /// A mistake was put in: any diagnostic is fine.
    pub garbled: bool,
}

impl Source {
    pub fn text(&self) -> String {
        format!("{}{}\n", self.header, self.statements.join("\n"))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A program of these choices.
pub fn source(mut random: Random) -> Source {
    let (tokens, pool): (Ty, &[&str]) = match random.below(4) {
        0 | 1 => (Str, &["\"a\"", "\"b\"", "\"c\"", "\"(\""]),
        2 => (Int, &["0", "1", "2", "3"]),
        _ => (Any, &["\"a\"", "1", "2", "\"b\""]),
    };
    let words: Vec<String> = pool[..2 + random.below(3)]
        .iter()
        .map(|word| (*word).to_owned())
        .collect();
    let mut header = format!("#! vocab: {}\n", words.join(", "));
    header.push_str(&format!("#! max_seq_len: {}\n", 1 + random.below(6)));
    if random.one_in(3) {
        header.push_str("#! causal: true\n");
    }
    let names = vec![("tokens".to_owned(), tokens), ("indices".to_owned(), Int)];
    let mut generator = Generator {
        random,
        names,
        functions: Vec::new(),
        words,
        tokens,
        count: 0,
    };
    let mut statements = Vec::new();
    for _ in 0..1 + generator.random.below(4) {
        generator.statement(&mut statements);
    }
    let ty = *generator.random.pick(&[Int, Str, Bool, Bits, Exact, Mean]);
    let depth = 2 + generator.random.below(3);
    let out = generator.value(ty, Scope::Program, depth);
    statements.push(format!("out = {out};"));
    let garbled = generator.random.one_in(12);
    if garbled {
        generator.garble(&mut statements);
    }
    Source {
        header,
        statements,
        garbled,
    }
}

impl Generator {
    fn fresh(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}{}", self.count)
    }

    fn ty(&mut self) -> Ty {
        *self.random.pick(&[
            Int, Int, Str, Bool, Bool, Bits, Exact, Mean, Selector, Selector,
        ])
    }

    /// One character of a program is lost, doubled, or another.
    fn garble(&mut self, statements: &mut [String]) {
        let place = self.random.below(statements.len());
        let mut text: Vec<char> = statements[place].chars().collect();
        let at = self.random.below(text.len());
        match self.random.below(3) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, text[at]),
            _ => {
                text[at] = *self
                    .random
                    .pick(&[',', '(', ')', '{', 'é', ';', '0', '"', '-', 'x'])
            }
        }
        statements[place] = text.into_iter().collect();
    }

    fn statement(&mut self, out: &mut Vec<String>) {
        match self.random.below(12) {
            0 => out.push(format!("# Remark {}: select(, \"", self.random.below(100))),
            1 => self.def(out),
            2 => self.accumulation(out),
            3 => self.comprehension(out),
            4 => {
                let (a, b) = (self.fresh("s"), self.fresh("s"));
                let (ty, other) = (self.ty(), self.ty());
                let (x, y) = (
                    self.value(ty, Scope::Program, 1),
                    self.value(other, Scope::Program, 1),
                );
                out.push(format!("{a}, {b} = {x}, {y};"));
                self.names.extend([(a, ty), (b, other)]);
            }
            _ => {
                let ty = self.ty();
                let value = self.value(ty, Scope::Program, 2);
                // Names may be used again, and those that begin with `_` are no labels.
                let old = self
                    .names
                    .iter()
                    .position(|(name, _)| name.starts_with('s'));
                let name = match old {
                    Some(old) if self.random.one_in(8) => self.names.remove(old).0,
                    _ if self.random.one_in(4) => self.fresh("_s"),
                    _ => self.fresh("s"),
                };
                let labelled = self.random.one_in(10);
                let value = if labelled {
                    format!("named({value}, \"label\")")
                } else {
                    value
                };
                out.push(format!("{name} = {value};"));
                self.names.push((name, ty));
            }
        }
    }

    /// A function of one or two parameters with a local name, which may be used from here on.
    fn def(&mut self, out: &mut Vec<String>) {
        let name = self.fresh("f");
        let parameters: Vec<Ty> = (0..1 + self.random.below(2))
            .map(|_| *self.random.pick(&[Int, Str, Bool, Selector]))
            .collect();
        let outer = self.names.len();
        self.names.extend(
            parameters
                .iter()
                .enumerate()
                .map(|(i, ty)| (format!("p{i}"), *ty)),
        );
        let (local, result) = (self.ty(), self.ty());
        let first = self.value(local, Scope::Program, 1);
        self.names.push(("local".into(), local));
        let last = self.value(result, Scope::Program, 2);
        self.names.truncate(outer);
        let list: Vec<String> = (0..parameters.len()).map(|i| format!("p{i}")).collect();
        let list = list.join(", ");
        out.push(format!(
            "def {name}({list}) {{ local = {first}; return {last}; }}"
        ));
        self.functions.push((name, parameters, result));
    }

    /// A loop that is gone through when the program is compiled.
    fn accumulation(&mut self, out: &mut Vec<String>) {
        let (name, ty) = (self.fresh("sum"), *self.random.pick(&[Int, Bool]));
        let (start, step) = (
            self.value(ty, Scope::Program, 1),
            self.value(Int, Scope::Program, 1),
        );
        let (range, operator) = match ty {
            Int => (
                format!("range({})", 1 + self.random.below(3)),
                *self.random.pick(&["+", "-"]),
            ),
            _ => (
                format!("[{}, {}]", self.word(), self.word()),
                *self.random.pick(&["and", "or"]),
            ),
        };
        let step = if ty == Int {
            format!("({step} % 2) * i")
        } else {
            "tokens == i".to_owned()
        };
        let body = format!("{name} = {name} {operator} {step};");
        out.push(format!("{name} = {start}; for i in {range} {{ {body} }}"));
        self.names.push((name, ty));
    }

    fn comprehension(&mut self, out: &mut Vec<String>) {
        let (list, name) = (self.fresh("list"), self.fresh("s"));
        let (x, cut) = (self.value(Int, Scope::Program, 1), self.random.below(2));
        let condition = if cut == 1 { " if i != 1" } else { "" };
        if self.random.one_in(3) {
            let (a, b) = (
                self.value(Bool, Scope::Program, 1),
                self.value(Int, Scope::Program, 1),
            );
            let pairs = "zip(reversed([0, 1, 2]), \"abc\")";
            out.push(format!(
                "{list} = [[i if {a} else {b}, c] for i, c in {pairs}{condition}];"
            ));
            out.push(format!("{name} = {list}[-1][0];"));
            return self.names.push((name, Int));
        }
        let (each, ty) = match self.random.below(3) {
            0 => (format!("{x} + i"), Int),
            1 => (format!("{x} <= i"), Bool),
            _ => ("shift_by(i, tokens)".into(), self.tokens),
        };
        out.push(format!("{list} = [{each} for i in range(3){condition}];"));
        out.push(format!("{name} = {list}[{}];", self.random.below(2)));
        self.names.push((name, ty));
    }
}
