//! Values that are dropped because a function has no value for them.

use crate::model::Value;
use crate::rasp::python::literal;

/// The values that a function failed on: how many, and one of them.
#[derive(Default)]
pub struct Dropped {
    /// How many there are.
    pub count: usize,
    example: String,
}

impl Dropped {
    /// One more, with what went wrong.
    pub fn add(&mut self, arguments: &[Value], problem: &str) {
        if self.count == 0 {
            let arguments: Vec<String> = arguments.iter().map(literal).collect();
            self.example = format!("for {}: {problem}", arguments.join(", "));
        }
        self.count += 1;
    }

    /// The note on `function`, which has a value for the others.
    pub fn note(&self, function: &str) -> String {
        format!("{}; assumed not to occur", self.text(function))
    }

    /// What `function` has no value for.
    pub fn text(&self, function: &str) -> String {
        let more = match self.count {
            0 => return format!("`{function}` is None for every value"),
            1 => String::new(),
            n => format!(" (and for {} more)", n - 1),
        };
        format!("`{function}` has no value {}{more}", self.example)
    }
}
