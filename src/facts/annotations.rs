//! Calls that stand in annotations, and when they are made.
//!
//! Before Python 3.14 the annotations of functions, classes and modules are evaluated where they stand. From 3.14 on
//! (PEP 649, PEP 749), and in every version after `from __future__ import annotations` (PEP 563), they are evaluated when
//! somebody asks for them, if ever. Facts know no version, so they name the calls, and whoever links takes them out.

use rustc_hash::FxHashSet;

use super::model::{CallId, FileFacts, Rows, ValueKind};

impl FileFacts {
    /// Takes out the calls of annotations, for a Python that does not evaluate them. What they read stays read: somebody
    /// may ask for them.
    pub fn defer_annotations(&mut self) {
        let rows = std::mem::take(&mut self.annotation_calls);
        self.take_out_calls(&rows);
    }

    /// Makes calls of nothing, with no arguments, of these, and what they return unknown.
    pub(super) fn take_out_calls(&mut self, rows: &[Rows]) {
        let calls: FxHashSet<CallId> = rows.iter().flat_map(|it| it.ids()).collect();
        if calls.is_empty() {
            return;
        }
        for id in self.values.ids() {
            let ValueKind::Call(call) = self.values[id].kind else {
                continue;
            };
            if calls.contains(&call) {
                self.values[id].kind = ValueKind::Unknown;
                self.calls[call].callee = id;
                self.calls[call].args = Rows::default();
            }
        }
    }
}
