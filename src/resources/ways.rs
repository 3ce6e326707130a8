//! How functions of the program come to their end, and what others do with what they lend out meanwhile.

use super::program::InProgram;
use crate::facts::model::{
    CallF, CallId, ContextKind, DefKind, FileFacts, FuncId, ResultKind, Usage, ValueId, ValueKind,
    VarId,
};
use crate::link::FuncRef;
use crate::link::program::last_name;

impl InProgram<'_> {
    /// Whether a call always fails: all that it may call ends, whatever happens, by raising or by what never returns. One
    /// that ends the process with success is where the work ends, and what is still open there is.
    ///
    /// ```python
    /// def fail(self, text):
    ///     print(text)
    ///     sys.exit(1)
    /// ```
    pub(super) fn ends_all(&self, call: CallId) -> bool {
        let targets = self.program.targets(self.file, call);
        !targets.is_empty() && targets.iter().all(|it| self.ends(it.func))
    }

    fn ends(&self, func: FuncRef) -> bool {
        let Some(inside) = self.deeper(func.file) else {
            return false;
        };
        let facts = inside.facts();
        let fact = self.program.func(func);
        if fact.is_generator || fact.is_async {
            return false;
        }
        let calls = fact.calls.ids::<CallF>();
        let last = calls
            .filter(|&it| {
                facts.calls[it].context.is_none() && facts.calls[it].usage == Usage::Discarded
            })
            .max_by_key(|&it| facts.calls[it].at.end);
        if last.is_some_and(|it| inside.succeeds(it)) {
            return false;
        }
        let is_declared = fact
            .returns
            .and_then(|it| last_name(facts, it))
            .is_some_and(|it| matches!(it, "NoReturn" | "Never"));
        let results = &facts.results[fact.results.range()];
        if is_declared || results.iter().any(|it| it.kind == ResultKind::Return) {
            return is_declared;
        }
        // What is left for others to say says nothing of them.
        let is_raised = results.iter().any(|it| {
            it.kind == ResultKind::Raise && it.context.is_none() && !is_left_out(facts, it.value)
        });
        is_raised || last.is_some_and(|it| inside.never_comes_back(it))
    }

    fn never_comes_back(&self, call: CallId) -> bool {
        use super::models::Resolve;
        match self.library(call) {
            Some((name, false)) => {
                let resources = &self.program.models.resources;
                resources.get(&name).is_some_and(|it| it.never_returns)
            }
            _ => self.ends_all(call),
        }
    }

    /// `sys.exit()`, `sys.exit(0)`
    fn succeeds(&self, call: CallId) -> bool {
        use super::models::Resolve;
        let facts = self.facts();
        let is_success = match &facts.args[facts.calls[call].args.range()] {
            [] => true,
            [code] => matches!(
                facts.values[code.value].kind,
                ValueKind::Int(0) | ValueKind::None | ValueKind::Bool(false)
            ),
            _ => false,
        };
        is_success
            && matches!(self.library(call), Some((name, false))
                if self.program.models.resources.get(&name).is_some_and(|it| it.never_returns))
    }

    /// Whether somebody who gets what a context manager function yields closes it.
    ///
    /// ```python
    /// with temporary() as file:
    ///     with file: file.write(text)
    /// ```
    pub(super) fn is_closed_by_users(&self, func: FuncId) -> bool {
        let func = FuncRef {
            file: self.file,
            id: func,
        };
        self.program.callers(func).iter().any(|user| {
            let facts = self.program.facts(user.file);
            if facts.calls[user.id].usage != Usage::Entered {
                return false;
            }
            let gets = facts.defs.iter().find(|def| {
                def.kind == DefKind::With
                    && def
                        .value
                        .is_some_and(|it| facts.values[it].kind == ValueKind::Call(user.id))
            });
            gets.is_some_and(|it| self.is_closed(facts, it.func, it.var))
        })
    }

    /// Whether a function closes what a variable holds.
    fn is_closed(&self, facts: &FileFacts, func: FuncId, var: VarId) -> bool {
        let is_it = |value: ValueId| facts.values[value].kind == ValueKind::Var(var);
        let resources = &self.program.models.resources;
        let is_called = facts.funcs[func].calls.ids::<CallF>().any(|id| {
            matches!(facts.values[facts.calls[id].callee].kind, ValueKind::Attr { base, name }
                if is_it(base) && resources.is_closer(&facts.names[name.0 as usize]))
        });
        is_called
            || facts
                .contexts
                .iter()
                .any(|it| matches!(it.kind, ContextKind::With { manager } if is_it(manager)))
    }
}

/// Whether what is raised says that a method is still to be written.
fn is_left_out(facts: &FileFacts, raised: Option<ValueId>) -> bool {
    let name = raised.and_then(|it| match facts.values[it].kind {
        ValueKind::Call(call) => last_name(facts, facts.calls[call].callee),
        _ => last_name(facts, it),
    });
    matches!(name, None | Some("NotImplementedError"))
}
