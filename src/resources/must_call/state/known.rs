//! What calls and values show by their form: elements that refer to nothing, failures to be expected, ownership kept.

use super::Holding;
use crate::facts::model::{ArgKindF, CallId, ContextKind, DefKind, FileFacts, ValueId, ValueKind};
use crate::flow::ir::{Inst, InstKind};
use crate::limits;
use crate::models::resources::{Effect, Kind};
use crate::resources::must_call::method_of;
use crate::resources::oracle::Acquire;

impl Holding<'_> {
    /// Whether a value is one resource rather than a container of some.
    pub(super) fn is_single(&self, value: ValueId) -> bool {
        let opens = |it: ValueId| match self.facts.values[it].kind {
            ValueKind::Call(call) => self.calls.get(&call).is_some_and(|it| it.acquires != 0),
            _ => false,
        };
        match self.facts.values[value].kind {
            ValueKind::Var(var) => self.facts.defs[self.facts.vars[var].defs.range()]
                .iter()
                .any(|def| def.value.is_some_and(opens)),
            _ => opens(value),
        }
    }

    /// Whether what a call gives is an object that was just opened, and true like any object: no number, which may be 0, no
    /// answer of a server, and nothing that counts its elements.
    pub(in crate::resources::must_call) fn is_true(&self, call: CallId) -> bool {
        let is_object = |it: &Acquire<'_>| {
            it.field.is_none()
                && matches!(
                    it.kind,
                    Kind::File
                        | Kind::Socket
                        | Kind::Server
                        | Kind::Selector
                        | Kind::Connection
                        | Kind::Engine
                        | Kind::Process
                        | Kind::Executor
                        | Kind::Loop
                        | Kind::Client
                )
                && it.closers.iter().any(|it| {
                    matches!(
                        &**it,
                        "close" | "aclose" | "wait" | "shutdown" | "dispose" | "quit"
                    )
                })
        };
        let whole = self.mask_of(call, |it| it.kind != Kind::Pipe);
        whole != 0 && self.is_modeled(call) && whole == self.mask_of(call, is_object)
    }

    /// Whether what iterating a value gives refers to no resource: the lines of a file, the rows of a cursor.
    pub(super) fn has_plain_elements(&self, value: ValueId, depth: u32) -> bool {
        if depth > limits::VALUE_DEPTH {
            return false;
        }
        let inner = |it| self.has_plain_elements(it, depth + 1);
        match self.facts.values[value].kind {
            ValueKind::Await(it) => inner(it),
            // The lines that come through a pipe.
            ValueKind::Attr { name, .. } => {
                let piped = self.parts(self.name(name));
                piped != 0 && piped == piped & self.mask(|it| it.kind == Kind::Pipe)
            }
            ValueKind::Var(var) => {
                let defs = &self.facts.defs[self.facts.vars[var].defs.range()];
                !defs.is_empty()
                    && defs.iter().all(|def| {
                        matches!(def.kind, DefKind::Assign | DefKind::With)
                            && def.value.is_some_and(inner)
                    })
            }
            ValueKind::Call(call) => {
                let Some(known) = self.calls.get(&call) else {
                    return false;
                };
                let whole = self.mask(|it| it.field.is_none()) & !self.on_disk;
                if known.acquires != 0 {
                    return known.acquires & !whole == 0;
                }
                let args = &self.facts.args[self.facts.calls[call].args.range()];
                let mut views = args
                    .iter()
                    .zip(&known.arguments)
                    .filter(|(_, effect)| **effect == Effect::View)
                    .map(|(arg, _)| arg.value)
                    .filter(|it| !is_literal(self.facts, *it))
                    .peekable();
                let viewed = method_of(self.facts, call)
                    .filter(|_| known.receiver == Effect::View)
                    .map(|(base, _)| base);
                (views.peek().is_some() || viewed.is_some())
                    && views.all(inner)
                    && viewed.is_none_or(inner)
            }
            _ => false,
        }
    }

    /// What a call shows to be owned here still: `asyncio.set_event_loop(loop)` lent it out, `loop.run_until_complete(…)` is
    /// its owner's doing. What was opened under a condition may be there for the next call to find.
    pub(super) fn owned_by(&self, call: CallId, state: &[u64]) -> u64 {
        method_of(self.facts, call).map_or(0, |(base, name)| {
            let mut owned = 0;
            for (bit, (site, acquire)) in self.sites.iter().enumerate() {
                if acquire.owned_by.iter().any(|it| &**it == name) && !self.is_conditional(*site) {
                    owned |= 1 << bit;
                }
            }
            if owned == 0 {
                0
            } else {
                self.refs(base, state).own & owned
            }
        })
    }

    /// Acquisitions one of whose methods an instruction calls that fails in the ordinary course of things.
    pub(in crate::resources::must_call) fn fails(&self, inst: &Inst, state: &[u64]) -> u64 {
        let InstKind::Call(call) = inst.kind else {
            return 0;
        };
        method_of(self.facts, call).map_or(0, |(base, name)| {
            let fails = self.failing(name) | self.gives_up(call);
            if fails == 0 {
                0
            } else {
                self.refs(base, state).own & fails
            }
        })
    }

    /// Whether an instruction calls a method that fails in the ordinary course of things, or an acquisition that does.
    pub(in crate::resources::must_call) fn may_fail(&self, inst: &Inst, bit: u64) -> bool {
        let InstKind::Call(call) = inst.kind else {
            return false;
        };
        method_of(self.facts, call)
            .is_some_and(|(_, name)| (self.failing(name) | self.gives_up(call)) & bit != 0)
    }

    /// What a method fails for in the ordinary course of things.
    fn failing(&self, name: &str) -> u64 {
        let is_it = |names: &[Box<str>]| names.iter().any(|it| &**it == name);
        self.mask(|it| is_it(it.fails) || is_it(it.fails_timed) && (it.is_timed || self.sets_limit))
    }

    /// `sock.settimeout(3)`
    pub(super) fn limits_time(&self, call: CallId) -> bool {
        let args = &self.facts.args[self.facts.calls[call].args.range()];
        method_of(self.facts, call).is_some_and(|(_, name)| name == "settimeout")
            && matches!(args, [arg] if self.facts.values[arg.value].kind != ValueKind::None)
    }

    /// What a method call leaves open when the time that it is given is over: `child.wait(timeout=3)`.
    pub(super) fn gives_up(&self, call: CallId) -> u64 {
        let Some((_, name)) = method_of(self.facts, call) else {
            return 0;
        };
        let them = self.mask(|it| it.gives_up.iter().any(|it| &**it == name));
        let is_timed = || {
            self.facts.args[self.facts.calls[call].args.range()]
                .iter()
                .any(|arg| {
                    matches!(arg.kind, ArgKindF::Keyword(it) if self.name(it) == "timeout")
                        && self.facts.values[arg.value].kind != ValueKind::None
                })
        };
        if them != 0 && is_timed() { them } else { 0 }
    }

    /// Whether a method call asks for everything: `read()`, `read(-1)`, `read(None)`.
    pub(super) fn reads_all(&self, call: CallId) -> bool {
        match &self.facts.args[self.facts.calls[call].args.range()] {
            [] => true,
            [arg] => matches!(
                self.facts.values[arg.value].kind,
                ValueKind::None | ValueKind::Sign(_)
            ),
            _ => false,
        }
    }

    /// Whether a call stands in a loop.
    pub(super) fn is_in_loop(&self, call: CallId) -> bool {
        let mut at = self.facts.calls[call].context;
        while let Some(context) = at {
            let context = &self.facts.contexts[context];
            if matches!(
                context.kind,
                ContextKind::While { .. } | ContextKind::For { .. }
            ) {
                return true;
            }
            at = context.parent;
        }
        false
    }

    /// Whether a call stands under a condition or in a handler.
    fn is_conditional(&self, call: CallId) -> bool {
        let mut at = self.facts.calls[call].context;
        while let Some(context) = at {
            let context = &self.facts.contexts[context];
            if matches!(
                context.kind,
                ContextKind::If { .. } | ContextKind::Handler { .. }
            ) {
                return true;
            }
            at = context.parent;
        }
        false
    }
}

/// Whether a value is written out and refers to nothing.
fn is_literal(facts: &FileFacts, value: ValueId) -> bool {
    matches!(
        facts.values[value].kind,
        ValueKind::None | ValueKind::Bool(_) | ValueKind::Int(_) | ValueKind::Str { .. }
    )
}
