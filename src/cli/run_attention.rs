//! `compress run --selectors`: which positions a program's selectors select and a model's heads attend to,
//! as matrices with the tokens along both sides.

use serde_json::{Value as Json, json};

use super::table;
use tracr::model::{Pattern, Value};
use tracr::rasp::Program;
use tracr::rasp::interpreter::Run;

/// What a head attends to less than this is not drawn, and more than 1 minus this is drawn as all.
const DRAWN: f64 = 0.05;

/// The attention patterns of a model on one input.
pub struct Attention {
    /// `compiled` or `compressed`.
    pub whose: &'static str,
    pub patterns: Vec<Pattern<f64>>,
    /// At each position, BOS and padding included.
    pub tokens: Vec<Value>,
}

impl Attention {
    /// A matrix for each head.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for pattern in &self.patterns {
            let title = format!("{} {}", self.whose, pattern.name());
            let cell = |q: usize, k: usize| mark(pattern.weights[[q, k]]);
            text += &matrix(&title, &self.tokens, cell);
        }
        if !text.is_empty() {
            text += "\n(row: query, column: key; # all of the attention, 1 to 9 tenths of it, . less than 0.05)\n";
        }
        text
    }

    fn json(&self) -> Json {
        let positions: Vec<Json> = self.tokens.iter().map(Value::to_json).collect();
        let heads = self.patterns.iter().map(|pattern| {
            let rows = pattern.weights.rows().into_iter();
            let rows: Vec<Vec<f64>> = rows.map(|row| row.to_vec()).collect();
            json!({ "layer": pattern.layer, "head": pattern.head, "weights": rows })
        });
        json!({ "model": self.whose, "positions": positions, "heads": heads.collect::<Vec<_>>() })
    }
}

/// The patterns of each model.
pub fn json(models: &[Attention]) -> Json {
    models.iter().map(Attention::json).collect()
}

/// Attention in tenths.
fn mark(weight: f64) -> String {
    if weight < DRAWN {
        ".".into()
    } else if weight > 1.0 - DRAWN {
        "#".into()
    } else {
        format!("{:.0}", (10.0 * weight).clamp(1.0, 9.0))
    }
}

/// The selectors that a program's output depends on, on one input.
pub struct Selectors<'a> {
    program: &'a Program,
    run: &'a Run,
    tokens: &'a [Value],
}

impl<'a> Selectors<'a> {
    pub fn new(program: &'a Program, run: &'a Run, tokens: &'a [Value]) -> Self {
        Self {
            program,
            run,
            tokens,
        }
    }

    /// A matrix for each selector.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, rows) in self.program.selectors_of(self.run) {
            let mark = |q: usize, k: usize| if rows[q][k] { "#" } else { "." }.to_owned();
            text += &matrix(&name, self.tokens, mark);
        }
        if text.is_empty() {
            text += "\nthe output depends on no selector\n";
        } else {
            text += "\n(row: query, column: key; # selected)\n";
        }
        text
    }

    /// Their names and rows of 0 and 1: `rows[q][k]` is whether query `q` selects key `k`.
    pub fn json(&self) -> Json {
        self.program
            .selectors_of(self.run)
            .map(|(name, rows)| {
                let rows: Vec<Vec<u8>> = rows
                    .iter()
                    .map(|row| row.iter().map(|selected| u8::from(*selected)).collect())
                    .collect();
                json!({ "selector": name, "rows": rows })
            })
            .collect()
    }
}

/// A square of cells under a title, with the tokens along both sides.
fn matrix(title: &str, tokens: &[Value], cell: impl Fn(usize, usize) -> String) -> String {
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(tokens.iter().map(Value::to_string));
    for (q, token) in tokens.iter().enumerate() {
        let mut row = vec![format!("  {token}")];
        row.extend((0..tokens.len()).map(|k| cell(q, k)));
        rows.push(row);
    }
    format!("\n{title}\n{}", table::aligned(&rows, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_is_drawn_in_tenths() {
        let marks = [0.0, 0.04, 0.05, 0.25, 1.0 / 3.0, 0.94, 0.97, 1.0].map(mark);
        assert_eq!(marks, [".", ".", "1", "2", "3", "9", "#", "#"]);
    }
}
