//! Statements: assignments give names, loops are unrolled, files are loaded.

use std::path::Path;
use std::sync::Arc;

use super::elaborator::{Elaborator, Outcome};
use super::item::{Callable, Home, Item, List, Scope};
use super::positions::INPUTS;
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};
use crate::rasp::graph::{Kind, NodeId};
use crate::rasp::syntax;
use crate::rasp::syntax::ast::{Binary, Expr, ExprKind, Name, Statement, StatementKind};
use crate::rasp::syntax::lexer::MAX_BYTES;
use crate::rasp::syntax::parser::LEAVE;
use base::files;

/// Files that one program may load.
const MAX_FILES: usize = 50;

impl Elaborator {
    /// Runs statements one by one; what an erroneous one would have assigned is unknown.
    pub fn run(&mut self, statements: &[Statement]) {
        for statement in statements {
            if let Err(problem) = self.statement(statement) {
                self.report(*problem);
                self.forget(statement);
            }
        }
    }

    /// After an error: the names that the statement would have assigned are not to be blamed.
    fn forget(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Assign { targets, .. } => {
                for target in targets {
                    self.bind(target, Item::Unknown);
                }
                self.remember(targets);
            }
            StatementKind::For { targets, body, .. } => {
                for target in targets {
                    self.bind(target, Item::Unknown);
                }
                body.iter().for_each(|statement| self.forget(statement));
            }
            _ => {}
        }
    }

    /// Runs one statement.
    pub(super) fn statement(&mut self, statement: &Statement) -> Outcome<()> {
        self.nested(&statement.span, |this| match &statement.kind {
            StatementKind::Assign { targets, value } => this.assign(targets, value),
            StatementKind::Interactive => Ok(()),
            StatementKind::Expression(value) => {
                this.refuse_command(value)?;
                this.evaluate(value).map(drop)
            }
            StatementKind::Def { name, function } => {
                this.assignable(name)?;
                let callable = Callable::Def {
                    name: name.text.clone(),
                    function: Arc::clone(function),
                    around: this.captured(&statement.span)?,
                    home: this.home,
                };
                let function = this.beside_another(name, Arc::new(callable));
                this.bind(name, Item::Function(function));
                Ok(())
            }
            StatementKind::For {
                targets,
                iterable,
                body,
            } => {
                let items = this.evaluate(iterable)?;
                for item in this.looped(&items, &iterable.span)? {
                    this.charge(1, &statement.span)?;
                    this.unpack(targets, item, &iterable.span)?;
                    for statement in body {
                        this.statement(statement)?;
                    }
                }
                Ok(())
            }
            StatementKind::Load(path) => this.load(path, &statement.span),
        })
    }

    /// In the prelude, functions of one name that take different numbers of arguments exist side by side;
    /// in a program, as in the published RASP, the later one replaces the earlier.
    fn beside_another(&self, name: &Name, callable: Arc<Callable>) -> Arc<Callable> {
        let earlier = match self.prelude.is_empty() && self.locals.is_empty() {
            true => self.globals().get(&name.text),
            false => None,
        };
        match earlier {
            Some(Item::Function(earlier)) => {
                Arc::new(Callable::Either(vec![callable, Arc::clone(earlier)]))
            }
            _ => callable,
        }
    }

    /// `exit;` and `quit();`, unless the program has such a name.
    fn refuse_command(&self, value: &Expr) -> Outcome<()> {
        let called = match &value.kind {
            ExprKind::Call(function, arguments) if arguments.is_empty() => function,
            _ => value,
        };
        match &called.kind {
            ExprKind::Name(name) if LEAVE.contains(&name.as_str()) && !self.is_own(name) => {
                let message = format!(
                    "`{name}` is a command of the published RASP's prompt, and means nothing in a program"
                );
                Err(Box::new(
                    Problem::new(&value.span, message, "here").help("leave the line out"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether the program gave this name to something.
    fn is_own(&self, name: &str) -> bool {
        let of_file = match self.home {
            Home::File(file) => self.files[file].contains_key(name),
            Home::Prelude => false,
        };
        of_file || self.locals.get(name).is_some()
    }

    fn assign(&mut self, targets: &[Name], value: &Expr) -> Outcome<()> {
        let input = self.input_assigned(targets, value);
        for (place, target) in targets.iter().enumerate() {
            if input != Some(place) {
                self.assignable(target)?;
            }
        }
        if let Some(place) = input {
            return self.assign_input(targets, value, place);
        }
        let item = self.evaluate(value)?;
        if let ([target], Item::Sop(id) | Item::Selector(id)) = (targets, &item) {
            let refers = matches!(
                value.kind,
                ExprKind::Name(_) | ExprKind::Binary(Binary::Index, ..)
            );
            let id = if target.text.starts_with('_') {
                *id
            } else {
                self.name(*id, &target.text, refers, &value.span)?
            };
            let item = if matches!(item, Item::Sop(_)) {
                Item::Sop(id)
            } else {
                Item::Selector(id)
            };
            self.bind(target, item);
        } else {
            self.unpack(targets, item, &value.span)?;
        }
        self.remember(targets);
        Ok(())
    }

    /// Which of the names is `tokens`, if another name of the input is assigned to it, at the top of a file:
    /// that says how to read the input.
    fn input_assigned(&self, targets: &[Name], value: &Expr) -> Option<usize> {
        let place = targets.iter().position(|target| target.text == "tokens")?;
        let assigned = match &value.kind {
            ExprKind::List(values) if values.len() == targets.len() && values.len() > 1 => {
                values.get(place)?
            }
            _ if targets.len() == 1 => value,
            _ => return None,
        };
        let is_input =
            matches!(&assigned.kind, ExprKind::Name(name) if INPUTS.contains(&name.as_str()));
        (is_input && self.locals.is_empty()).then_some(place)
    }

    /// `tokens, b = tokens_int, 1;`
    fn assign_input(&mut self, targets: &[Name], value: &Expr, place: usize) -> Outcome<()> {
        let item = self.evaluate(value)?;
        let mut items = match targets.len() {
            1 => vec![item],
            _ => self.elements(&item, &value.span)?,
        };
        if place < items.len()
            && let Item::Sop(input) = items.remove(place)
        {
            self.input = input;
        }
        let mut others = targets.to_vec();
        others.remove(place);
        for (target, item) in others.iter().zip(items) {
            self.bind(target, item);
        }
        self.remember(&others);
        Ok(())
    }

    fn remember(&mut self, targets: &[Name]) {
        let private = |name: &Name| self.home != Home::File(0) && name.text.starts_with('_');
        if self.locals.is_empty()
            && let Some(last) = targets.last()
            && !private(last)
        {
            self.last_assigned = Some((last.text.clone(), last.span.clone()));
        }
    }

    /// The node under this name. One that has a name already keeps it if the program only refers to
    /// it (`x = y;`); otherwise a copy gets the new name, as with Tracr's `named`. Primitives keep
    /// theirs.
    pub(super) fn name(
        &mut self,
        id: NodeId,
        name: &str,
        refers: bool,
        span: &Span,
    ) -> Outcome<NodeId> {
        let node = self.graph.node(id);
        let primitive = matches!(node.kind, Kind::Tokens | Kind::Indices);
        if primitive || (node.named && (refers || node.name == name)) {
            return Ok(id);
        }
        let id = if node.named { self.copy(id, span)? } else { id };
        if let Some(node) = self.graph.nodes.get_mut(id.0) {
            node.name = name.to_owned();
            node.named = true;
        }
        Ok(id)
    }

    fn assignable(&self, name: &Name) -> Outcome<()> {
        let text = name.text.as_str();
        if text != "indices" && !INPUTS.contains(&text) {
            return Ok(());
        }
        let help = if text == "tokens" && !self.locals.is_empty() {
            "choose another name: `tokens` is the input here, also inside of a function, where the \
             published RASP makes a variable of the function of it"
        } else {
            "choose another name"
        };
        let message = format!("`{text}` is a primitive and cannot be assigned");
        Err(Box::new(
            Problem::new(&name.span, message, "here").help(help),
        ))
    }

    pub(super) fn bind(&mut self, name: &Name, item: Item) {
        let file = match self.home {
            Home::File(file) => file,
            Home::Prelude => 0,
        };
        let scope = self.locals.innermost().unwrap_or(&mut self.files[file]);
        scope.insert(name.text.clone(), item);
    }

    /// Binds one name to the item, or several to its elements.
    pub(super) fn unpack(&mut self, targets: &[Name], item: Item, span: &Span) -> Outcome<()> {
        if let [target] = targets {
            self.bind(target, item);
            return Ok(());
        }
        if !has_elements(&item) {
            let (names, found) = (targets.len(), item.describe());
            let message = format!("{names} names need {names} values, and this is {found}");
            return Err(Box::new(Problem::new(span, message, found).help(
                "write a value for each name, as in `a, b = x, y;`; a loop over a dictionary has its keys alone, and \
                 `d[k]` is the value of `k`",
            )));
        }
        let items = self.elements(&item, span)?;
        if items.len() != targets.len() {
            let message = format!("{} names for {} values", targets.len(), items.len());
            return Err(Box::new(Problem::new(span, message, "these values").help(
                "give a name for each value, or one name for the whole list",
            )));
        }
        for (target, item) in targets.iter().zip(items) {
            self.bind(target, item);
        }
        Ok(())
    }

    /// The elements of a list, a string or a tuple.
    pub(super) fn elements(&mut self, item: &Item, span: &Span) -> Outcome<Vec<Item>> {
        match item {
            Item::List(List { items, .. }) => {
                self.charge(items.len(), span)?;
                Ok(items.to_vec())
            }
            Item::Value(Value::Str(text)) => Ok(text
                .chars()
                .map(|c| Item::Value(Value::Str(c.into())))
                .collect()),
            Item::Value(Value::Tuple(items)) => {
                Ok(items.iter().cloned().map(Item::Value).collect())
            }
            Item::Dictionary(dictionary) => {
                self.charge(dictionary.keys.len(), span)?;
                Ok(dictionary.keys.iter().cloned().map(Item::Value).collect())
            }
            Item::Unknown => Err(Box::new(Problem::silent())),
            other => {
                let found = other.describe();
                let problem = Problem::new(span, format!("expected a list, found {found}"), found);
                Err(Box::new(match other {
                    Item::Sop(_) | Item::Selector(_) => problem.help(
                        "a list is known at compile time, as `[1, 2]`; an s-op has a value for every position \
                         of an input that is not known yet",
                    ),
                    Item::Value(Value::Int(n)) => {
                        problem.help(format!("the numbers from 0 on are `range({n})`"))
                    }
                    _ => problem.help("write a list, as in `[1, 2]`"),
                }))
            }
        }
    }

    /// The elements that a loop goes through.
    fn looped(&mut self, item: &Item, span: &Span) -> Outcome<Vec<Item>> {
        self.elements(item, span).map_err(|mut problem| {
            if matches!(item, Item::Sop(_) | Item::Selector(_)) {
                let help = "loops run at compile time, over lists and strings; an s-op has a value for every \
                            position of an input that is not known yet";
                problem.help = Some(help.into());
            }
            problem
        })
    }

    /// Names from a file that was loaded: all but those that begin with `_`, which are its own.
    fn take_from(&mut self, file: usize) {
        let public = self.files[file].iter();
        let public: Vec<_> = public
            .filter(|(name, _)| !name.starts_with('_'))
            .map(|(name, item)| (name.clone(), item.clone()))
            .collect();
        if let Home::File(own) = self.home {
            self.files[own].extend(public);
        }
    }

    fn load(&mut self, path: &str, span: &Span) -> Outcome<()> {
        if !self.locals.is_empty() {
            let problem = Problem::new(span, "`load` inside of a function", "here");
            return Err(Box::new(
                problem.help("load files at the top of the program"),
            ));
        }
        let mut full = self.directory.join(path);
        if full.extension().is_none() {
            full.set_extension("rasp");
        }
        if let Some(file) = self.loaded.iter().position(|path| *path == full) {
            self.take_from(file);
            return Ok(());
        }
        if self.loaded.len() >= MAX_FILES {
            let message = format!("the program loads more than {MAX_FILES} files");
            return Err(Box::new(
                Problem::new(span, message, "here").help("put their statements into fewer files"),
            ));
        }
        let text = files::read_text(&full, MAX_BYTES as u64).map_err(|error| {
            Problem::new(span, error.to_string(), "loaded here")
                .help("paths are relative to the file that loads")
        })?;
        self.loaded.push(full.clone());
        self.files.push(Scope::new());
        let home = Home::File(self.files.len() - 1);
        let file = self.sources.add(full.display().to_string(), text.clone());
        let mut problems = Vec::new();
        let read = syntax::parse(file, &text, &mut problems);
        self.notes.extend(read.notes);
        let sound = problems.is_empty();
        for problem in problems {
            self.report(problem.also(span, "loaded here"));
        }
        if sound {
            let directory = full.parent().unwrap_or_else(|| Path::new("")).to_owned();
            let outer = std::mem::replace(&mut self.directory, directory);
            let outer_home = std::mem::replace(&mut self.home, home);
            self.run(&read.statements);
            self.directory = outer;
            self.home = outer_home;
            if let Home::File(file) = home {
                self.take_from(file);
            }
        } else {
            self.exhausted = true;
        }
        Ok(())
    }
}

/// Whether an item may be taken apart; of an unknown one an error was reported.
fn has_elements(item: &Item) -> bool {
    matches!(
        item,
        Item::List(_)
            | Item::Dictionary(_)
            | Item::Value(Value::Str(_) | Value::Tuple(_))
            | Item::Unknown
    )
}

#[cfg(test)]
mod tests {
    use crate::model::Value;
    use crate::rasp::{self, Options, Program, interpreter};

    fn program(source: &str) -> Result<Program, String> {
        rasp::compile_source("p.rasp", source, &Options::default())
            .map_err(|reports| rasp::render(&reports))
    }

    fn output(source: &str, input: &[Value]) -> Vec<Value> {
        let program = program(source).unwrap();
        let run = interpreter::run(&program.graph, program.output, input, false);
        run.unwrap().output().to_vec()
    }

    #[test]
    fn tokens_in_a_list_of_names_may_be_assigned_another_name_of_the_input() {
        let header = "#! vocab: 1, 2\n";
        let text = |text: &str| Value::Str(text.into());
        for (statements, expected) in [
            ("tokens, b = tokens_str, \"x\"; out = tokens + b;", "1x"),
            ("b, tokens = \"x\", tokens_str; out = tokens + b;", "1x"),
            ("tokens = tokens_str; out = tokens + \"x\";", "1x"),
            // The values are those from before.
            (
                "tokens, b = tokens_str, tokens + 1; out = tokens + str(b);",
                "12",
            ),
        ] {
            let source = format!("{header}{statements}");
            assert_eq!(
                output(&source, &[Value::Int(1)]),
                [text(expected)],
                "{source}"
            );
        }
        // What is assigned last is the output, and that is none of the input's names.
        let last = program("b, tokens = tokens + 1, tokens_asis;").unwrap();
        assert_eq!(last.names.keys().collect::<Vec<_>>(), ["b", "length"]);
        for refused in [
            "tokens, b = indices, 1;",
            "tokens, b = [tokens_int, 1][0], 1;",
            "tokens, b = tokens_int;",
            "tokens_int, b = tokens, 1;",
            "tokens, tokens = tokens_int, tokens_str;",
        ] {
            let report = program(refused).unwrap_err();
            assert!(
                report.contains("is a primitive and cannot be assigned"),
                "{report}"
            );
            assert!(report.contains("choose another name\n"), "{report}");
        }
    }

    #[test]
    fn tokens_assigned_inside_of_a_function_would_be_a_variable_in_the_published_rasp() {
        for source in [
            "def f(x) { tokens = tokens_str; return tokens + x; }\nout = f(\"a\");",
            "def f(x) { tokens, y = tokens_str, x; return tokens + y; }\nout = f(\"a\");",
            "def f(x) { tokens = x; return tokens; }\nout = f(indices);",
        ] {
            let report = program(source).unwrap_err();
            assert!(
                report.contains("is a primitive and cannot be assigned"),
                "{report}"
            );
            assert!(
                report.contains("makes a variable of the function of it"),
                "{report}"
            );
        }
    }

    #[test]
    fn names_for_a_single_value_are_told_of_the_values_that_are_missing() {
        for (source, message) in [
            (
                "a, b = tokens;",
                "2 names need 2 values, and this is an s-op",
            ),
            (
                "a, b, c = select(tokens, tokens, ==);",
                "3 names need 3 values, and this is a selector",
            ),
            (
                "a, b = 3;",
                "2 names need 2 values, and this is the constant 3",
            ),
            (
                "for a, b in [tokens, indices] { out = a; }",
                "and this is an s-op",
            ),
        ] {
            let report = program(source).unwrap_err();
            assert!(report.contains(message), "{report}");
            assert!(
                report.contains("a value for each name, as in `a, b = x, y;`"),
                "{report}"
            );
            assert!(!report.contains("loops"), "{report}");
        }
        // A list in another place than a loop.
        for source in [
            "full = select(indices, indices, true);\nout = max(full, tokens, tokens);",
            "out = zip(tokens, [1]);",
            "out = reversed(tokens);",
        ] {
            let report = program(source).unwrap_err();
            assert!(
                report.contains("a list is known at compile time"),
                "{report}"
            );
            assert!(!report.contains("loops"), "{report}");
        }
        let report = program("for t in tokens { out = t; }").unwrap_err();
        assert!(report.contains("loops run at compile time"), "{report}");
    }
}
