//! Selectors over different s-ops, joined: one `select` over pairs does what `and` and `or` ask for.

use super::Candidates;
use super::edit::Remedy;
use super::source::{call, unbracketed};
use crate::rasp::graph::{Kind, NodeId};
use crate::rasp::python::literal;
use crate::rasp::syntax::ast::Expr;
use crate::rasp::syntax::lexer;
use crate::rasp::syntax::token::TokenKind;

/// Parameters of the function that joins s-ops; more are not joined.
const PARAMETERS: [&str; 6] = ["x", "y", "z", "u", "v", "w"];

/// What one side of the joined selector reads: s-ops, as nodes and as written.
#[derive(Default)]
struct Side(Vec<(NodeId, String)>);

impl Side {
    /// The place of an s-op.
    fn place(&self, sop: NodeId) -> Option<usize> {
        self.0.iter().position(|(known, _)| *known == sop)
    }

    /// One s-op, or the tuple of several.
    fn joined(&self) -> Option<String> {
        if let [(_, one)] = self.0.as_slice() {
            return Some(one.clone());
        }
        let parameters = PARAMETERS.get(..self.0.len())?.join(", ");
        let sops: Vec<&str> = self.0.iter().map(|(_, written)| written.as_str()).collect();
        Some(format!(
            "sequence_map(({parameters}) -> ({parameters}), {})",
            sops.join(", ")
        ))
    }

    /// `k`, or the element of `k` that is this s-op.
    fn element(&self, letter: &str, sop: NodeId) -> Option<String> {
        let place = self.place(sop)?;
        Some(match self.0.len() {
            1 => letter.to_owned(),
            _ => format!("{letter}[{place}]"),
        })
    }
}

impl Candidates<'_> {
    /// One `select` in the place of a combination of several.
    pub(super) fn pairs(&self, node: NodeId) -> Vec<Remedy> {
        Vec::from_iter(self.joined(self.outermost(node)))
    }

    /// A count, in the place of a mean times how many it is of.
    pub(super) fn counted(&self, node: NodeId) -> Option<Remedy> {
        let expr = self.source.expression(node)?;
        let Kind::SequenceMap { first, second, .. } = self.graph().node(node).kind else {
            return None;
        };
        let mean = |sop: NodeId| match self.graph().node(sop).kind {
            Kind::Aggregate { selector, sop, .. } => Some((selector, sop)),
            _ => None,
        };
        let (selector, averaged) = mean(first).or_else(|| mean(second))?;
        let (mut keys, mut queries) = (Side::default(), Side::default());
        self.collect(selector, expr, &mut keys, &mut queries)?;
        let written = format!("categorical({})", self.sop(averaged)?);
        keys.0.push((averaged, written));
        let predicate = self.predicate(selector, &keys, &queries)?;
        let is_counted = keys.element("k", averaged)?;
        let count = format!(
            "selector_width(select({}, {}, (k, q) -> {predicate} and {is_counted} == 1))",
            keys.joined()?,
            queries.joined()?
        );
        self.source.instead(expr, &count)
    }

    /// The whole combination that a selector is a part of.
    fn outermost(&self, mut node: NodeId) -> NodeId {
        let nodes = &self.graph().nodes;
        while let Some(above) = (node.0 + 1..nodes.len()).find(|id| {
            let kind = &nodes[*id].kind;
            kind.is_selector() && kind.children().contains(&node)
        }) {
            node = NodeId(above);
        }
        node
    }

    fn joined(&self, root: NodeId) -> Option<Remedy> {
        let expr = self.source.expression(root)?;
        let (mut keys, mut queries) = (Side::default(), Side::default());
        self.collect(root, expr, &mut keys, &mut queries)?;
        // The same s-ops on both sides are joined once.
        let same = keys.0.len() > 1
            && keys.0.len() == queries.0.len()
            && keys.0.iter().all(|(sop, _)| queries.place(*sop).is_some());
        let queries = if same { Side(keys.0.clone()) } else { queries };
        let predicate = self.predicate(root, &keys, &queries)?;
        let predicate = unbracketed(&predicate).unwrap_or(&predicate);
        let statement = self.source.statement(&expr.span.range).filter(|_| same);
        let Some(start) = statement else {
            let select = format!(
                "select({}, {}, (k, q) -> {predicate})",
                keys.joined()?,
                queries.joined()?
            );
            return self.source.instead(expr, &select);
        };
        let name = self.unused("joined");
        let assignment = format!("{name} = {};", keys.joined()?);
        let select = format!("select({name}, {name}, (k, q) -> {predicate})");
        let mut remedy = self.source.instead(expr, &select)?;
        remedy.help = format!("put `{assignment}` before this, and {}", remedy.help);
        remedy.edits.push((start..start, format!("{assignment}\n")));
        Some(remedy)
    }

    /// The s-ops that the selects below read.
    fn collect(&self, id: NodeId, whole: &Expr, keys: &mut Side, queries: &mut Side) -> Option<()> {
        let kind = &self.graph().node(id).kind;
        let Kind::Select {
            keys: k,
            queries: q,
            ..
        } = kind
        else {
            return kind
                .children()
                .into_iter()
                .try_for_each(|child| self.collect(child, whole, keys, queries));
        };
        let is_within = |select: &&Expr| {
            let (inner, outer) = (&select.span.range, &whole.span.range);
            outer.start <= inner.start && inner.end <= outer.end
        };
        // As the combination itself calls them, which may be in a function, by its parameters.
        let select = self.source.expression(id).filter(is_within);
        let arguments = select.and_then(|select| call(select, "select"));
        let argument = |place: usize| self.source.written(arguments?.get(place)?);
        for (place, side, sop) in [(0, keys, *k), (1, queries, *q)] {
            let is_constant = matches!(self.graph().node(sop).kind, Kind::Full(_));
            if !is_constant && side.place(sop).is_none() {
                side.0
                    .push((sop, argument(place).or_else(|| self.sop(sop))?));
            }
        }
        Some(())
    }

    /// An s-op as the program calls it.
    fn sop(&self, id: NodeId) -> Option<String> {
        let node = self.graph().node(id);
        let is_primitive = matches!(node.kind, Kind::Tokens | Kind::Indices);
        if is_primitive || node.named {
            return Some(node.name.clone());
        }
        self.source.written(self.source.expression(id)?)
    }

    fn predicate(&self, id: NodeId, keys: &Side, queries: &Side) -> Option<String> {
        let of = |id: NodeId| self.predicate(id, keys, queries);
        let both = |a, b, word: &str| Some(format!("({} {word} {})", of(a)?, of(b)?));
        let whole = match &self.graph().node(id).kind {
            Kind::SelectorAnd(a, b) => both(*a, *b, "and")?,
            Kind::SelectorOr(a, b) => both(*a, *b, "or")?,
            Kind::SelectorNot(inner) => format!("(not {})", of(*inner)?),
            Kind::Select {
                keys: k,
                queries: q,
                predicate,
            } => {
                let element =
                    |side: &Side, letter: &str, sop: NodeId| match &self.graph().node(sop).kind {
                        Kind::Full(value) => Some(literal(value)),
                        _ => side.element(letter, sop),
                    };
                let (k, q) = (element(keys, "k", *k)?, element(queries, "q", *q)?);
                let text = renamed(&predicate.text, &k, &q);
                let is_simple = !["and", "or", "not", "if"].iter().any(|word| {
                    text.split(|c: char| !c.is_alphanumeric())
                        .any(|part| part == *word)
                });
                if is_simple { text } else { format!("({text})") }
            }
            _ => return None,
        };
        Some(whole)
    }

    /// A name that the program does not use.
    fn unused(&self, name: &str) -> String {
        let mut free = name.to_owned();
        for i in 2.. {
            if !self.source.text.contains(&free) {
                break;
            }
            free = format!("{name}_{i}");
        }
        free
    }
}

/// A predicate's text with other names for its key and its query.
fn renamed(text: &str, key: &str, query: &str) -> String {
    let mut renamed = text.to_owned();
    for token in lexer::tokens(0, text, &mut Vec::new()).into_iter().rev() {
        let new = match &token.kind {
            TokenKind::Name(name) if name == "k" => key,
            TokenKind::Name(name) if name == "q" => query,
            _ => continue,
        };
        renamed.replace_range(token.span.range, new);
    }
    renamed
}
