//! Which fact stands for which node of the tree, while a file is being collected.
//!
//! The flow graph is built from the tree after the tables, and names its facts through this map. It is dropped with the tree.

use rustc_hash::FxHashMap;

use super::model::{CallId, StoreId, ValueId};
use crate::base::Idx;
use crate::syntax::tree::ExprId;

/// From expressions to facts. Variables, functions and classes have the same numbers in the tree and in the facts.
#[derive(Default, Debug)]
pub struct Sites {
    values: Vec<u32>,
    stores: FxHashMap<ExprId, StoreId>,
}

impl Sites {
    /// A map for a tree of so many expressions.
    #[must_use]
    pub fn new(exprs: usize) -> Self {
        Self {
            values: vec![0; exprs],
            stores: FxHashMap::default(),
        }
    }

    /// Notes the value of an expression.
    pub fn set_value(&mut self, expr: ExprId, value: ValueId) {
        self.values[expr.index()] = value.raw() + 1;
    }

    /// The value of an expression that was read (not stored to).
    #[must_use]
    pub fn value(&self, expr: ExprId) -> Option<ValueId> {
        self.values[expr.index()].checked_sub(1).map(Idx::new)
    }

    /// Notes the store that a target expression makes.
    pub fn set_store(&mut self, target: ExprId, store: StoreId) {
        self.stores.insert(target, store);
    }

    /// The store that a target expression (attribute, subscript) makes, or that `del` of it makes.
    #[must_use]
    pub fn store(&self, target: ExprId) -> Option<StoreId> {
        self.stores.get(&target).copied()
    }
}

/// The call that a value is the result of.
#[must_use]
pub fn call_of(values: &super::model::FileFacts, value: ValueId) -> Option<CallId> {
    match values.values[value].kind {
        super::model::ValueKind::Call(call) => Some(call),
        _ => None,
    }
}
