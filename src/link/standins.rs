//! Definitions that stand in for another: those that only raise, and those for another platform than POSIX.
//!
//! ```python
//! def pipe(): raise NotImplementedError          # until one of those below takes its place
//! if os.name == "posix":
//!     def pipe(): return os.pipe()
//! elif os.name == "nt":
//!     def pipe(): return windows_pipe()          # what is said of resources is what POSIX does
//! ```

use super::program::{FuncRef, Program, last_name};
use crate::facts::model::{ContextKind, ResultKind, ValueId, ValueKind};
use crate::syntax::tree::CompareOp;

/// What `os.name` and `sys.platform` are on other systems.
const OTHERS: &[&str] = &["nt", "win32", "java", "emscripten", "wasi"];

impl Program<'_> {
    /// Whether a definition only stands in for another of its name.
    #[must_use]
    pub fn is_stand_in(&self, func: FuncRef) -> bool {
        self.only_raises(func) || self.is_foreign_to_posix(func)
    }

    fn only_raises(&self, func: FuncRef) -> bool {
        let facts = self.facts(func.file);
        let fact = self.func(func);
        let results = &facts.results[fact.results.range()];
        fact.statements == 1
            && results.len() == 1
            && results
                .iter()
                .all(|it| it.kind == ResultKind::Raise && it.context.is_none())
    }

    fn is_foreign_to_posix(&self, func: FuncRef) -> bool {
        let context = self.func(func).context;
        self.contexts(func.file, context).any(|it| match it {
            ContextKind::If { test, outcome } => {
                self.asks_for_posix(func.file, test) == Some(!outcome)
            }
            _ => false,
        })
    }

    /// For a test of the platform: what it says on POSIX.
    fn asks_for_posix(&self, file: u32, test: ValueId) -> Option<bool> {
        let facts = self.facts(file);
        let ValueKind::Compare {
            op: op @ (CompareOp::Eq | CompareOp::NotEq),
            left,
            right,
        } = facts.values[test].kind
        else {
            return None;
        };
        let ValueKind::Str {
            text: Some(text), ..
        } = facts.values[right].kind
        else {
            return None;
        };
        if !matches!(last_name(facts, left), Some("name" | "platform")) {
            return None;
        }
        let text = self.name(file, text);
        let is_equal = op == CompareOp::Eq;
        if OTHERS.contains(&text) {
            Some(!is_equal)
        } else if text == "posix" {
            Some(is_equal)
        } else {
            None
        }
    }
}
