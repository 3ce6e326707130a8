//! What tests say of what may be open.

use super::Holding;
use super::refs::slot;
use crate::base::Span;
use crate::facts::model::{ValueId, ValueKind};
use crate::flow::ir::Exit;
use crate::models::resources::Kind;
use crate::syntax::tree::CompareOp;

impl Holding<'_> {
    /// The closing that a branch stands for.
    pub(in crate::resources::must_call) fn closing_behind(
        &self,
        exit: &Exit,
        bit: u64,
        state: &[u64],
    ) -> Option<Span> {
        let Exit::Branch { test, .. } = *exit else {
            return None;
        };
        let guard = self.guards.at(test).iter().find(|it| {
            let owned = slot(self.vars.get(&it.var).copied(), state).own;
            it.closes && it.of & owned & bit != 0
        });
        guard.map(|it| it.at)
    }

    /// What cannot be open when a test comes out so.
    pub(super) fn excluded(&self, test: ValueId, outcome: bool, state: &[u64]) -> u64 {
        let is_none = |it: ValueId| self.facts.values[it].kind == ValueKind::None;
        let is_zero = |it: ValueId| self.facts.values[it].kind == ValueKind::Int(0);
        match self.facts.values[test].kind {
            ValueKind::Var(_) | ValueKind::Walrus { .. } if !outcome => self.refs(test, state).own,
            // `if self.file:` fails
            ValueKind::Attr { base, .. } if !outcome && self.is_this(base) => {
                self.refs(test, state).own
            }
            ValueKind::Not(inner) => self.excluded(inner, !outcome, state),
            // `if os.fork() == 0:` is the child, which has none.
            ValueKind::Compare { op, left, right } if is_zero(right) => {
                let says_zero = match op {
                    CompareOp::Eq | CompareOp::Is => outcome,
                    CompareOp::NotEq | CompareOp::IsNot | CompareOp::Gt => !outcome,
                    CompareOp::Lt => outcome,
                    _ => false,
                };
                if says_zero {
                    self.refs(left, state).own & self.mask(|it| it.kind == Kind::Process)
                } else {
                    0
                }
            }
            // `if "f" in locals()` fails
            ValueKind::Compare {
                op: op @ (CompareOp::In | CompareOp::NotIn),
                left,
                right,
            } if outcome == (op == CompareOp::NotIn) => self.unbound(left, right, state),
            ValueKind::Compare { op, left, right } => {
                let value = match (is_none(left), is_none(right)) {
                    (false, true) => left,
                    (true, false) => right,
                    _ => return 0,
                };
                let says_none = match op {
                    CompareOp::Is | CompareOp::Eq => outcome,
                    CompareOp::IsNot | CompareOp::NotEq => !outcome,
                    _ => return 0,
                };
                if says_none {
                    self.with_pipes(self.refs(value, state).own)
                } else {
                    0
                }
            }
            // `if child.stdout:` fails
            ValueKind::Attr { name, .. } if !outcome && self.parts(self.name(name)) != 0 => {
                self.with_pipes(self.refs(test, state).own)
            }
            // `if f.closed:`
            ValueKind::Attr { base, name } if outcome && self.name(name) == "closed" => {
                self.refs(base, state).own
            }
            // `if isinstance(f, …)` fails, `if os.path.exists(name)` fails
            ValueKind::Call(call) if !outcome => {
                let forked = self.mask_of(call, |it| it.kind == Kind::Process);
                if forked != 0 {
                    return forked;
                }
                let fact = &self.facts.calls[call];
                let last = match self.facts.values[fact.callee].kind {
                    ValueKind::Var(var) => self.facts.vars[var].name,
                    ValueKind::Attr { name, .. } => name,
                    _ => return 0,
                };
                let asks = [
                    "isinstance",
                    "hasattr",
                    "exists",
                    "isfile",
                    "isdir",
                    "lexists",
                ];
                match self.facts.args[fact.args.range()].first() {
                    Some(arg) if asks.contains(&self.name(last)) => {
                        self.refs(arg.value, state).all()
                    }
                    _ => 0,
                }
            }
            _ => 0,
        }
    }

    /// These, and the processes whose pipes are among them: a pipe that was asked for is there.
    fn with_pipes(&self, them: u64) -> u64 {
        let pipes = them & self.mask(|it| it.kind == Kind::Pipe);
        let mut all = them;
        for (bit, (site, _)) in self.sites.iter().enumerate() {
            if pipes >> bit & 1 != 0 {
                all |= self.calls[site].acquires;
            }
        }
        all
    }

    /// What the variable owns that is not bound when its name is not in `locals()`.
    fn unbound(&self, name: ValueId, names: ValueId, state: &[u64]) -> u64 {
        let ValueKind::Str {
            text: Some(text), ..
        } = self.facts.values[name].kind
        else {
            return 0;
        };
        let is_locals = match self.facts.values[names].kind {
            ValueKind::Call(call) => {
                let fact = &self.facts.calls[call];
                let asks = ["locals", "vars", "dir"];
                matches!(self.facts.values[fact.callee].kind, ValueKind::Var(var)
                    if asks.contains(&self.name(self.facts.vars[var].name)))
                    && fact.args.is_empty()
            }
            _ => false,
        };
        if !is_locals {
            return 0;
        }
        let vars = self.vars.iter();
        vars.filter(|(var, _)| self.facts.vars[**var].name == text.into())
            .fold(0, |all, (_, &at)| all | slot(Some(at), state).own)
    }
}
