//! The names of the functions and comprehensions that are being run.

use super::item::{Item, Scope, ScopeId};

/// All scopes that can still be seen: those of the functions at work, and those around functions that were
/// made in them. A function sees what its variables are when it is called, as in the published RASP, so
/// that scopes are shared and not copied.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    all: Vec<Kept>,
    /// What is seen here, innermost last.
    seen: Vec<ScopeId>,
}

#[derive(Debug)]
struct Kept {
    scope: Scope,
    /// Whether a function was made that sees it.
    captured: bool,
}

impl Scopes {
    /// Whether no function and no comprehension is at work.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// What a name stands for, in the innermost scope that has it.
    pub fn get(&self, name: &str) -> Option<&Item> {
        let scopes = self.seen.iter().rev();
        scopes
            .filter_map(|id| self.all.get(id.0))
            .find_map(|kept| kept.scope.get(name))
    }

    /// All names that are seen.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let scopes = self.seen.iter().filter_map(|id| self.all.get(id.0));
        scopes.flat_map(|kept| kept.scope.keys().map(String::as_str))
    }

    /// What these names stand for.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        let scopes = self.seen.iter().filter_map(|id| self.all.get(id.0));
        scopes.flat_map(|kept| kept.scope.values())
    }

    /// The innermost scope.
    pub fn innermost(&mut self) -> Option<&mut Scope> {
        let id = self.seen.last()?;
        self.all.get_mut(id.0).map(|kept| &mut kept.scope)
    }

    /// The scopes that a function made here sees, for it to keep.
    pub fn captured(&mut self) -> Vec<ScopeId> {
        for id in &self.seen {
            if let Some(kept) = self.all.get_mut(id.0) {
                kept.captured = true;
            }
        }
        self.seen.clone()
    }

    /// Begins a scope inside of those that are seen.
    pub fn push(&mut self, scope: Scope) {
        self.seen.push(ScopeId(self.all.len()));
        self.all.push(Kept {
            scope,
            captured: false,
        });
    }

    /// Ends the innermost scope.
    pub fn pop(&mut self) {
        let ended = self.seen.pop();
        let is_last = ended.is_some_and(|id| id.0 + 1 == self.all.len());
        if is_last && self.all.last().is_some_and(|kept| !kept.captured) {
            self.all.pop();
        }
    }

    /// Begins a function's scope inside of those around the function; gives what was seen before.
    pub fn enter(&mut self, around: &[ScopeId], scope: Scope) -> Vec<ScopeId> {
        let outer = std::mem::replace(&mut self.seen, around.to_vec());
        self.push(scope);
        outer
    }

    /// Ends a function's scope.
    pub fn leave(&mut self, outer: Vec<ScopeId>) {
        self.pop();
        self.seen = outer;
    }
}
