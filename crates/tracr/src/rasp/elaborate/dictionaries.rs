//! Dictionaries: keys that are constants, and anything for each. They exist while the program is
//! read; what remains of one in the graph is a table of constants.

use std::collections::HashMap;
use std::sync::Arc;

use super::elaborator::{Elaborator, Outcome};
use super::item::{Argument, Dictionary, Home, Item, MAX_NESTING};
use super::operators::{Operand, sop_in_lambda};
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};
use crate::rasp::formula::{Formula, Table, steps_of};
use crate::rasp::graph::Encoding;
use crate::rasp::python::{Key, literal};

/// Keys that a line of advice lists.
const MAX_KEYS: usize = 10;

impl Elaborator {
    /// The dictionary of these entries, each the key and what belongs to it. As in Python, a key that
    /// comes again keeps its place and gets the new value.
    pub(super) fn dictionary(
        &mut self,
        entries: Vec<(Argument, Argument)>,
        span: &Span,
    ) -> Outcome<Item> {
        self.charge(entries.len(), span)?;
        let mut keys: Vec<Value> = Vec::new();
        let mut values: Vec<Item> = Vec::new();
        let mut places: HashMap<Key, usize> = HashMap::new();
        let mut constants: Option<HashMap<Key, Value>> = Some(HashMap::new());
        for (key, value) in entries {
            let Some(name) = self.constant(&key)? else {
                let found = key.item.describe();
                let message = format!("a key of a dictionary is {found}, but must be a constant");
                return Err(Box::new(Problem::new(&key.span, message, found).help(
                    "a dictionary is made when the program is read; what depends on the input can be \
                     looked up in it, as in `{\"a\": 1}[tokens]`",
                )));
            };
            // Keys and constants are copied for the table.
            let constant = self.constant(&value)?;
            let copied = [Some(&name), constant.as_ref()].into_iter().flatten();
            self.charge(copied.map(steps_of).sum(), span)?;
            constants = match (constants, constant) {
                (Some(mut table), Some(constant)) => {
                    table.insert(Key(name.clone()), constant);
                    Some(table)
                }
                _ => None,
            };
            match places.get(&Key(name.clone())) {
                Some(place) => values[*place] = value.item,
                None => {
                    places.insert(Key(name.clone()), keys.len());
                    keys.push(name);
                    values.push(value.item);
                }
            }
        }
        let nesting = values.iter().map(Item::nesting).max().unwrap_or(0) + 1;
        if nesting > MAX_NESTING {
            let message =
                format!("dictionaries are nested too deep, more than {MAX_NESTING} in each other");
            let problem = Problem::new(span, message, "here");
            return Err(Box::new(problem.help("use tuples as keys instead")));
        }
        let table = constants.map(|values| {
            // The prelude has one dictionary, of places, which its caller never sees.
            Arc::new(match self.home {
                Home::Prelude => Table::of_places(values),
                _ => Table::new(&keys, values),
            })
        });
        Ok(Item::Dictionary(Dictionary {
            keys: Arc::new(keys),
            values: Arc::new(values),
            places: Arc::new(places),
            table,
            nesting,
        }))
    }

    /// `dictionary[key]`: of a constant what belongs to it, of an s-op or in a lambda one map.
    pub(super) fn looked_up(
        &mut self,
        dictionary: &Dictionary,
        key: &Argument,
        span: &Span,
    ) -> Outcome<Item> {
        match self.operand(key, "the key of a dictionary")? {
            Operand::Constant(value) => dictionary.get(&value).cloned().ok_or_else(|| {
                let message = format!("the dictionary has no key {}", literal(&value));
                let problem = Problem::new(&key.span, message, "not one of its keys");
                Box::new(problem.help(dictionary.keys_in_words()))
            }),
            depends => {
                let Some(table) = &dictionary.table else {
                    let problem = Problem::new(
                        span,
                        "a dictionary whose values are not all constants has no element for what is \
                         known only with the input",
                        "not a constant",
                    );
                    return Err(Box::new(problem.help(
                        "go through its keys with a `for` loop, as in `res = d[k] if s == k else res;`",
                    )));
                };
                let table = Arc::clone(table);
                self.asked(depends, &key.span, span, |key| Formula::lookup(table, key))
            }
        }
    }

    /// `key in dictionary`
    pub(super) fn is_key(
        &mut self,
        key: &Argument,
        dictionary: &Dictionary,
        span: &Span,
    ) -> Outcome<Item> {
        match self.operand(key, "`in`")? {
            Operand::Constant(value) => {
                Ok(Item::Value(Value::Bool(dictionary.get(&value).is_some())))
            }
            depends => {
                let keys = Arc::new(dictionary.keys.to_vec());
                // The keys alone, if there is no table of constants.
                let table = dictionary.table.clone().unwrap_or_else(|| {
                    let none = keys.iter().map(|key| (Key(key.clone()), Value::None));
                    Arc::new(Table::new(&keys, none.collect()))
                });
                self.asked(depends, &key.span, span, |key| Formula::is_key(table, key))
            }
        }
    }

    fn asked(
        &mut self,
        key: Operand,
        at: &Span,
        span: &Span,
        formula: impl FnOnce(Arc<Formula>) -> Arc<Formula>,
    ) -> Outcome<Item> {
        match key {
            Operand::Sop(id) => self
                .map(
                    formula(Formula::argument(0)),
                    id,
                    Encoding::Categorical,
                    span,
                )
                .map(Item::Sop),
            Operand::Symbol(f) => self.symbol(formula(f), span),
            Operand::Constant(_) => Err(Box::new(sop_in_lambda(at))),
        }
    }
}

impl Dictionary {
    fn get(&self, key: &Value) -> Option<&Item> {
        let place = self.places.get(&Key(key.clone()))?;
        self.values.get(*place)
    }

    fn keys_in_words(&self) -> String {
        if self.keys.is_empty() {
            return "it is empty: give it entries first".into();
        }
        let first: Vec<String> = self.keys.iter().take(MAX_KEYS).map(literal).collect();
        let more = self.keys.len().saturating_sub(MAX_KEYS);
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("its keys are {}{rest}", first.join(", "))
    }
}
