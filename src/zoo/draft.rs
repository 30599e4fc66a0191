//! A program as statements, before anybody has run it.

use std::collections::{HashMap, HashSet};

/// What is known of the values of an s-op.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Categorical: these texts.
    Words(Vec<String>),
    /// Categorical: these integers, in ascending order.
    Ints(Vec<i64>),
    /// Categorical: true or false.
    Bools,
    /// Numerical: 0 or 1.
    Bits,
    /// Numerical: a mean of bits over the positions that the statement of this number, a selector, selects.
    Share(usize),
    /// Numerical: a difference of two such means over the same positions.
    Difference,
    /// Any other numerical s-op.
    Number,
}

impl Values {
    /// Whether the s-op is one coordinate of the stream, not a dimension a value.
    pub fn is_numerical(&self) -> bool {
        matches!(
            self,
            Self::Bits | Self::Share(_) | Self::Difference | Self::Number
        )
    }

    /// The integers, if they are integers.
    pub fn ints(&self) -> Option<&[i64]> {
        match self {
            Self::Ints(ints) => Some(ints),
            _ => None,
        }
    }
}

/// What a statement's name stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// A value at each position.
    Sop(Values),
    /// Which keys each query selects.
    Selector,
}

/// `name = expression;`
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is called, but for a number.
    pub base: String,
    /// A name that no other statement has, by which expressions call it.
    pub name: String,
    /// The expression; empty for `tokens` and `indices`, which need no statement.
    pub expression: String,
    /// The numbers of the statements that it reads.
    pub reads: Vec<usize>,
    /// What it is.
    pub meaning: Meaning,
    /// Operators of the graph that it makes; selectors are none.
    pub operators: usize,
}

/// A program: statements, each of which reads earlier ones.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The tokens as a header writes them.
    pub vocabulary: Vec<String>,
    /// The longest input.
    pub max_seq_len: usize,
    /// Whether no position attends to later ones.
    pub causal: bool,
    /// `tokens`, `indices`, and those that the program has.
    pub statements: Vec<Statement>,
    /// The number of the output's statement.
    pub output: usize,
}

/// The statements that one depends on, itself included, by number.
pub fn cone(statements: &[Statement], output: usize) -> Vec<usize> {
    let mut used = HashSet::from([output]);
    for number in (0..=output).rev() {
        if used.contains(&number) {
            used.extend(&statements[number].reads);
        }
    }
    let mut used: Vec<usize> = used.into_iter().collect();
    used.sort_unstable();
    used
}

impl Draft {
    /// The header without examples, and the statements that the output depends on.
    pub fn text(&self, about: &str, examples: &[String]) -> String {
        let mut text = format!(
            "#! about: {about}\n#! vocab: {}\n#! max_seq_len: {}\n",
            self.vocabulary.join(", "),
            self.max_seq_len
        );
        if self.causal {
            text += "#! causal: true\n";
        }
        for example in examples {
            text += &format!("#! example: {example}\n");
        }
        text += "\n";
        let mut names = HashMap::new();
        for number in cone(&self.statements, self.output) {
            let Statement {
                base,
                name,
                expression,
                ..
            } = &self.statements[number];
            // Numbers tell names apart where they clash in this program, not in what was drawn for it.
            let alike = names.values().filter(|(other, _)| other == base).count();
            let own = match alike {
                0 => base.clone(),
                _ => format!("{base}_{}", alike + 1),
            };
            names.insert(name.as_str(), (base.clone(), own.clone()));
            if !expression.is_empty() {
                text += &format!("{own} = {};\n", renamed(expression, &names));
            }
        }
        text
    }
}

/// An expression with other names.
fn renamed(expression: &str, names: &HashMap<&str, (String, String)>) -> String {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut text = String::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_of_word) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_of_word(c)).unwrap_or(from.len()));
        text += before;
        text += names.get(word).map_or(word, |(_, own)| own);
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_by_the_program_and_not_by_what_was_drawn() {
        let statement = |base: &str, name: &str, expression: &str, reads: &[usize]| Statement {
            base: base.into(),
            name: name.into(),
            expression: expression.into(),
            reads: reads.into(),
            meaning: Meaning::Selector,
            operators: 0,
        };
        let draft = Draft {
            vocabulary: vec!["a".into(), "b".into()],
            max_seq_len: 4,
            causal: true,
            statements: vec![
                statement("tokens", "tokens", "", &[]),
                statement("is_a", "is_a", "tokens == \"b\"", &[0]),
                statement("is_a", "is_a_2", "tokens == \"a\"", &[0]),
                statement("same", "same", "select(is_a_2, is_a_2, ==)", &[2]),
                statement("is_a", "is_a_3", "is_a_2 == True", &[2]),
                statement("is_a", "is_a_4", "is_a_3 != is_a_2", &[4, 2]),
            ],
            output: 5,
        };
        assert_eq!(
            draft.text("a test", &["a a b a -> 1 2 3 4".into()]),
            "#! about: a test\n#! vocab: a, b\n#! max_seq_len: 4\n#! causal: true\n#! example: a a b a -> 1 2 3 4\n\n\
             is_a = tokens == \"a\";\nis_a_2 = is_a == True;\nis_a_3 = is_a_2 != is_a;\n"
        );
    }
}
