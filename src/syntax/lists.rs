//! Reading and writing the tree's list arenas: a [`List`] is a range, the arena is chosen by its element type.

use std::marker::PhantomData;
use std::ops::Index;

use super::tree::{
    Alias, Arg, Case, Clause, ExprId, Handler, List, Module, Param, PatId, StmtId, WithItem,
};
use crate::base::Name;

impl<T> List<T> {
    /// A list without elements.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            start: 0,
            len: 0,
            of: PhantomData,
        }
    }

    /// Number of elements.
    #[must_use]
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there are no elements.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for List<T> {}
impl<T> PartialEq for List<T> {
    fn eq(&self, other: &Self) -> bool {
        self.start == other.start && self.len == other.len
    }
}
impl<T> Default for List<T> {
    fn default() -> Self {
        Self::empty()
    }
}

/// An element type that has a list arena in the module.
pub trait Listed: Sized {
    /// The arena.
    fn arena(module: &Module) -> &Vec<Self>;
    /// The arena, to add to.
    fn arena_mut(module: &mut Module) -> &mut Vec<Self>;
}

macro_rules! listed {
    ($($element:ty => $field:ident),* $(,)?) => {$(
        impl Listed for $element {
            fn arena(module: &Module) -> &Vec<Self> {
                &module.$field
            }
            fn arena_mut(module: &mut Module) -> &mut Vec<Self> {
                &mut module.$field
            }
        }
    )*};
}

listed! {
    ExprId => expr_lists,
    Option<ExprId> => opt_lists,
    Arg => args,
    StmtId => blocks,
    Clause => clauses,
    Param => params,
    Handler => handlers,
    WithItem => items,
    Case => cases,
    PatId => pat_lists,
    Alias => aliases,
    Name => name_lists,
}

impl Module {
    /// Takes everything out, but keeps the room for another file.
    pub fn clear(&mut self) {
        let Self {
            names,
            exprs,
            expr_lists,
            opt_lists,
            args,
            stmts,
            blocks,
            funcs,
            classes,
            comps,
            clauses,
            params,
            tries,
            handlers,
            items,
            cases,
            pats,
            pat_lists,
            aliases,
            name_lists,
            scopes,
            vars,
            pragmas,
            outputs,
        } = self;
        names.clear();
        exprs.clear();
        expr_lists.clear();
        opt_lists.clear();
        args.clear();
        stmts.clear();
        blocks.clear();
        funcs.clear();
        classes.clear();
        comps.clear();
        clauses.clear();
        params.clear();
        tries.clear();
        handlers.clear();
        items.clear();
        cases.clear();
        pats.clear();
        pat_lists.clear();
        aliases.clear();
        name_lists.clear();
        scopes.clear();
        vars.clear();
        pragmas.clear();
        outputs.clear();
    }

    /// Adds a list whose elements are all known.
    pub fn push_list<T: Listed>(&mut self, elements: impl IntoIterator<Item = T>) -> List<T> {
        let arena = T::arena_mut(self);
        let start = arena.len();
        arena.extend(elements);
        List {
            start: start as u32,
            len: (arena.len() - start) as u32,
            of: PhantomData,
        }
    }
}

impl<T: Listed> Index<List<T>> for Module {
    type Output = [T];
    fn index(&self, list: List<T>) -> &[T] {
        &T::arena(self)[list.start as usize..(list.start + list.len) as usize]
    }
}
