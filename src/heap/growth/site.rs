//! Whether one growing operation can run again and again, and really adds.

use super::Judge;
use crate::facts::model::{ContextId, ContextKind, Home, ValueId, ValueKind};
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::{FuncRef, PlaceKey};
use crate::models::{Holds, Mutation, Runs};

/// Growth at import counts from this many bytes on.
const LARGE_IMPORT: u64 = 16 << 20;

impl Judge<'_, '_> {
    /// Whether an operation adds elements, rather than to replace some or to count.
    pub(super) fn adds(&self, effect: &Effect) -> bool {
        if effect.kind == EffectKind::ReadInserts {
            let inserts = matches!(
                self.container.holds,
                Some(Holds::Defaultdict | Holds::Counter)
            );
            let is_read = effect.value.is_none();
            let is_asked = is_read
                && (self.container.holds != Some(Holds::Defaultdict)
                    || self.is_tested_somewhere(effect.func));
            if !inserts || is_asked {
                return false;
            }
        }
        (effect.kind != EffectKind::Augment || self.is_augmented_container(effect))
            && !self.is_key_there(effect)
            && (!effect.is_inner || self.is_inner_append(effect))
    }

    /// `X += …` grows a container; on numbers it counts.
    pub(super) fn is_augmented_container(&self, effect: &Effect) -> bool {
        if self.container.holds.is_none() {
            return false;
        }
        let is_text = self.container.values.iter().any(|&it| {
            matches!(
                self.program.value(it),
                ValueKind::Str { .. } | ValueKind::Bytes(_)
            )
        });
        // Of a class's string `self.x += …` makes an attribute of the instance (C6).
        !is_text
            || matches!(self.key, PlaceKey::Var(_) | PlaceKey::Instance(..))
                && effect.value.is_some()
    }

    /// `X[k] = X[k][1:]`, `if X[k] != v: X[k] = v`: the key is there already, or `KeyError` is raised.
    fn is_key_there(&self, effect: &Effect) -> bool {
        let is_plain = matches!(self.container.holds, Some(Holds::Dict) | None);
        let (EffectKind::Grow(Mutation::Setitem), Some(key)) = (effect.kind, effect.key) else {
            return false;
        };
        let file = effect.func.file;
        let is_tested = || {
            self.program.under(file, effect.context, |it| match it {
                ContextKind::If { test, .. } => self.looks_up(file, test, key, 5),
                _ => false,
            })
        };
        is_plain
            && !effect.is_inner
            && !self.is_tested_somewhere(effect.func)
            && (effect
                .value
                .is_some_and(|it| self.looks_up(file, it, key, 5))
                || is_tested())
    }

    /// Whether a value is made from `X[key]`.
    fn looks_up(&self, file: u32, value: ValueId, key: ValueId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let facts = self.program.facts(file);
        let again = |it| self.looks_up(file, it, key, depth);
        match facts.values[value].kind {
            ValueKind::Item { base, key: read } => {
                self.is_here(file, base) && self.is_same(file, key, read, 3) || again(base)
            }
            ValueKind::Slice { base } | ValueKind::Attr { base, .. } => again(base),
            ValueKind::Binary { left, right, .. } | ValueKind::Compare { left, right, .. } => {
                again(left) || again(right)
            }
            ValueKind::Not(inner) => again(inner),
            ValueKind::Call(call) => {
                let call = &facts.calls[call];
                again(call.callee)
                    || facts.args[call.args.range()]
                        .iter()
                        .any(|it| again(it.value))
            }
            _ => false,
        }
    }

    /// `X[k].append(v)`: an element of the container grows, and nothing empties or replaces elements.
    pub(super) fn is_inner_append(&self, effect: &Effect) -> bool {
        let appends = matches!(
            effect.kind,
            EffectKind::Grow(Mutation::Append | Mutation::Extend | Mutation::Put)
        );
        let holds_by_key = matches!(
            self.container.holds,
            Some(Holds::Dict | Holds::Defaultdict | Holds::List)
        );
        appends
            && holds_by_key
            && !self.effects.iter().any(|it| {
                it.kind.shrinks()
                    || it.is_inner && matches!(it.kind, EffectKind::Rebind)
                    || !it.is_inner
                        && it.kind == EffectKind::Grow(Mutation::Setitem)
                        && it.func.id.index() != 0
            })
    }

    pub(super) fn is_tested_somewhere(&self, func: FuncRef) -> bool {
        let facts = self.program.facts(func.file);
        facts.funcs[func.id].values.ids().any(|id: ValueId| {
            matches!(facts.values[id].kind, ValueKind::Compare { op: crate::syntax::tree::CompareOp::In | crate::syntax::tree::CompareOp::NotIn, right, .. } if self.is_here(func.file, right))
        })
    }

    /// S4: behind a test that the place is empty, or of a flag that the function sets.
    pub(super) fn is_once_guarded(&self, effect: &Effect) -> bool {
        self.is_guarded(effect.func, effect.context, 3)
    }

    fn is_guarded(&self, func: FuncRef, context: Option<ContextId>, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let file = func.file;
        let facts = self.program.facts(file);
        let is_here = self.program.under(file, context, |it| {
            let ContextKind::If { test, outcome } = it else {
                return false;
            };
            match facts.values[test].kind {
                ValueKind::Not(inner) => {
                    outcome && (self.is_here(file, inner) || self.is_own_flag(func, inner))
                }
                ValueKind::Var(_) | ValueKind::Attr { .. } => {
                    !outcome && (self.is_here(file, test) || self.is_own_flag(func, test))
                }
                ValueKind::Compare { op, left, right } => {
                    use crate::syntax::tree::CompareOp;
                    let is_none = matches!(
                        facts.values[right].kind,
                        ValueKind::None | ValueKind::Bool(_)
                    );
                    is_none
                        && matches!(
                            (op, outcome),
                            (CompareOp::Is | CompareOp::Eq, true)
                                | (CompareOp::IsNot | CompareOp::NotEq, false)
                        )
                        && self.is_own_flag(func, left)
                }
                _ => false,
            }
        });
        // Or all who call it stand behind one.
        let callers = self.program.callers(func);
        is_here
            || func.id.index() != 0
                && !callers.is_empty()
                && callers.len() <= 4
                && !self.program.is_taken(func)
                && callers.iter().all(|it| {
                    let call = self.program.call(*it);
                    let by = FuncRef {
                        file: it.file,
                        id: call.func,
                    };
                    self.is_guarded(by, call.context, depth)
                })
    }

    /// Whether a value is a module (or class) variable that the function itself binds.
    pub(super) fn is_own_flag(&self, func: FuncRef, value: ValueId) -> bool {
        self.program
            .places(ValueRef {
                file: func.file,
                id: value,
            })
            .iter()
            .any(|site| {
                let is_static = match site.key {
                    PlaceKey::Var(var) => self.program.var(var).home == Home::Module,
                    PlaceKey::Class(..) | PlaceKey::Instance(..) => true,
                    PlaceKey::Func(..) => true,
                };
                is_static
                    && self
                        .program
                        .effects(site.key)
                        .iter()
                        .any(|it| it.func == func && it.kind == EffectKind::Rebind)
            })
    }

    /// S13: only when debugging.
    pub(super) fn is_debug(&self, effect: &Effect) -> bool {
        let facts = self.program.facts(effect.func.file);
        self.program
            .under(effect.func.file, effect.context, |it| match it {
                ContextKind::If {
                    test,
                    outcome: true,
                } => last_name(facts, test).is_some_and(|it| {
                    let it = it.to_ascii_lowercase();
                    it.contains("debug")
                        || it.contains("verbose")
                        || it == "__debug__"
                        || it.contains("profil")
                        || it.contains("testing")
                        || it.contains("trace_enabled")
                }),
                _ => false,
            })
    }

    /// Taken out again on the way out of the same function.
    pub(super) fn is_removed_in_finally(&self, effect: &Effect) -> bool {
        // Effects on a place stand by function.
        let start = self.effects.partition_point(|it| it.func < effect.func);
        let of_func = self.effects[start..].iter();
        of_func.take_while(|it| it.func == effect.func).any(|it| {
            it.kind.shrinks()
                && self
                    .program
                    .under(it.func.file, it.context, |c| c == ContextKind::Finally)
        })
    }

    /// Growth while the program starts: bytes of one element times the rounds of the loops around, when both are known.
    pub(super) fn import_bytes(&self, effect: &Effect, often: Runs) -> Option<u64> {
        if !matches!(often, Runs::Import | Runs::Once) {
            return None;
        }
        let program = self.program;
        let file = effect.func.file;
        let value = effect.value.map(|id| ValueRef { file, id });
        let each = value
            .and_then(|it| program.size(it))
            .and_then(|it| it.bytes())
            .or_else(|| {
                // What is appended is a parameter: what the one caller passes.
                program
                    .param_argument(effect.func, value?)
                    .and_then(|it| program.size(it))
                    .and_then(|it| it.bytes())
            })?;
        let rounds = self.rounds(effect.func, file, effect.context, 4)?;
        let total = each.saturating_mul(rounds);
        (total >= LARGE_IMPORT).then_some(total)
    }

    pub(super) fn rounds(
        &self,
        func: FuncRef,
        file: u32,
        context: Option<crate::facts::model::ContextId>,
        depth: u32,
    ) -> Option<u64> {
        let depth = depth.checked_sub(1)?;
        let mut product = 1_u64;
        for it in self.program.contexts(file, context) {
            if let ContextKind::For { iter } = it {
                product =
                    product.saturating_mul(self.program.count(ValueRef { file, id: iter }, 6)?);
            }
        }
        if func.id.index() == 0 {
            return Some(product);
        }
        let callers = self.program.callers(func);
        let [call] = callers else {
            return Some(product);
        };
        let made = self.program.call(*call);
        let outer = self.rounds(
            FuncRef {
                file: call.file,
                id: made.func,
            },
            call.file,
            made.context,
            depth,
        )?;
        Some(product.saturating_mul(outer))
    }
}
