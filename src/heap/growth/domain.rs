//! Where keys come from, and whether that is as many as the program has constants, classes, functions or threads (S5 to S7,
//! S15).

use super::Judge;
use crate::base::Span;
use crate::discover::ProgramKind;
use crate::facts::model::{
    CallId, ContextId, ContextKind, DefKind, ResultKind, Target, ValueId, ValueKind,
};
use crate::heap::origin::Origins;
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::{FuncRef, PlaceKey};
use crate::models::{Holds, Mutation, Runs};

impl Judge<'_, '_> {
    /// Where the key comes from; of a container without keys, the element.
    pub(super) fn origins(&self, effect: &Effect) -> Origins {
        let file = effect.func.file;
        let of = |it: Option<ValueId>| {
            it.map(|id| self.program.origins(effect.func, ValueRef { file, id }))
        };
        if let Some((callee, at)) = effect.via {
            if let Some(key) = self.key_of_callee(callee, at) {
                return self.program.origins(callee, key);
            }
            // What the callee adds depends on the other arguments.
            let facts = self.program.facts(file);
            let call = facts.funcs[effect.func.id]
                .calls
                .ids()
                .find(|&id: &CallId| facts.calls[id].at == effect.at);
            return call.map_or(Origins::UNKNOWN, |id| {
                facts.args[facts.calls[id].args.range()]
                    .iter()
                    .filter(|it| !self.is_here(file, it.value))
                    .fold(Origins::default(), |all, it| {
                        all.with(
                            self.program
                                .origins(effect.func, ValueRef { file, id: it.value }),
                        )
                    })
            });
        }
        match effect.kind {
            EffectKind::Grow(Mutation::Setitem | Mutation::Setdefault | Mutation::Add)
            | EffectKind::ReadInserts => of(effect.key),
            EffectKind::Grow(Mutation::Update) => match self.keys_of_display(effect) {
                Some(keys) => Some(keys.into_iter().fold(Origins::default(), |all, it| {
                    all.with(of(Some(it)).unwrap_or_default())
                })),
                None => of(effect.value).map(|it| it.with(Origins::ELEMENT)),
            },
            _ => of(effect.value),
        }
        .unwrap_or(Origins::UNKNOWN)
    }

    /// The keys of a dict display that a dict is updated with; `None` when they are not all written there.
    fn keys_of_display(&self, effect: &Effect) -> Option<Vec<ValueId>> {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let ValueKind::Dict(rows) = facts.values[effect.value?].kind else {
            return None;
        };
        let entries = self.program.list(file, rows).chunks_exact(2);
        let keys: Vec<ValueId> = entries.map(|it| it[0]).collect();
        let is_spread = |it: &ValueId| facts.values[*it].kind == ValueKind::Unknown;
        (!keys.iter().any(is_spread)).then_some(keys)
    }

    /// The key under which a function adds to a container that it is given.
    fn key_of_callee(&self, callee: FuncRef, at: Span) -> Option<ValueRef> {
        let file = callee.file;
        let facts = self.program.facts(file);
        let fact = &facts.funcs[callee.id];
        let stored = facts.stores.as_slice()[fact.stores.range()]
            .iter()
            .find(|it| it.at == at)
            .and_then(|it| match it.target {
                Target::Item(key) => Some(key),
                _ => None,
            });
        let called = || {
            let of = |id: &CallId| facts.calls[*id].at == at;
            let call = &facts.calls[fact.calls.ids().find(of)?];
            let method = self.program.models.method(last_name(facts, call.callee)?)?;
            self.program.argument(file, call, Some(method.key?), "")
        };
        let id = stored.or_else(called)?;
        Some(ValueRef { file, id })
    }

    /// S5 to S7, S15: as many keys as the program has constants, classes, functions or threads.
    pub(super) fn is_closed_domain(&self, effect: &Effect, origins: Origins) -> bool {
        let is_keyed = matches!(
            effect.kind,
            EffectKind::Grow(
                Mutation::Setitem | Mutation::Setdefault | Mutation::Add | Mutation::Update
            ) | EffectKind::ReadInserts
        ) && !matches!(
            self.container.holds,
            Some(Holds::List | Holds::Deque | Holds::Queue)
        );
        if self.is_own_key(effect) || self.is_constant_update(effect) || self.sorts_a_table(effect)
        {
            return true;
        }
        let is_unique = matches!(effect.kind, EffectKind::Grow(Mutation::Append))
            && self.is_under_membership_test(effect);
        if is_unique && origins.is_closed() {
            return true;
        }
        if !is_keyed {
            // `X[i] = v` on a list replaces; appending grows whatever is appended.
            return matches!(
                effect.kind,
                EffectKind::Grow(Mutation::Setitem) | EffectKind::ReadInserts
            );
        }
        // In a library, a class or a name inside a key is taken to bound it.
        if origins.is_closed() || self.kind == ProgramKind::Library && self.has_finite_part(effect)
        {
            return true;
        }
        if origins.has(Origins::THREAD_IDENT) {
            return true;
        }
        self.is_key_compared(effect) || self.is_member_elsewhere(effect)
    }

    /// Whether a class or a name is a part of the key. That one caller of several gives a class for a parameter does not count.
    fn has_finite_part(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let parts = match effect.key.map(|it| (it, facts.values[it].kind)) {
            Some((_, ValueKind::Tuple(rows))) => self.program.list(file, rows),
            _ => &[],
        };
        let is_finite = |id: ValueId| {
            let origins = self.program.origins(effect.func, ValueRef { file, id });
            let is_given = matches!(facts.values[id].kind, ValueKind::Var(it) if facts.vars[it].param.is_some());
            origins.has(Origins::FINITE) && (!is_given || origins.is_closed())
        };
        match effect.key {
            Some(_) if !parts.is_empty() => parts.iter().any(|&it| is_finite(it)),
            Some(key) => is_finite(key),
            None => self.origins(effect).has(Origins::FINITE),
        }
    }

    /// S7: the key comes from a loop over the container itself: `for k, v in X.items(): X[k] = …`
    pub(super) fn is_own_key(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        effect.key.is_some_and(|key| {
            self.program
                .is_key_of(file, key, &|value| self.is_here(file, value))
        })
    }

    /// S5: updated with a dict whose keys are constants, written here or returned by a function.
    pub(super) fn is_constant_update(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let has_constant_keys = |value: ValueRef| {
            let facts = self.program.facts(value.file);
            match facts.values[value.id].kind {
                ValueKind::Dict(rows) => self.program.list(value.file, rows).chunks(2).all(|it| {
                    matches!(
                        facts.values[it[0]].kind,
                        ValueKind::Str { .. } | ValueKind::Int(_) | ValueKind::Bytes(_)
                    )
                }),
                _ => false,
            }
        };
        let (EffectKind::Grow(Mutation::Update), Some(id)) = (effect.kind, effect.value) else {
            return false;
        };
        let facts = self.program.facts(file);
        // `update(locals())`: names of the function's own variables.
        if let ValueKind::Call(call) = facts.values[id].kind
            && facts.calls[call].args.is_empty()
            && self
                .program
                .external(ValueRef {
                    file,
                    id: facts.calls[call].callee,
                })
                .is_some_and(|it| {
                    matches!(
                        self.program.api_text(it),
                        "builtins.locals" | "builtins.vars"
                    )
                })
        {
            return true;
        }
        if let ValueKind::Call(call) = facts.values[id].kind
            && let [target] = self.program.targets(file, call)
        {
            let there = self.program.facts(target.func.file);
            let results = &there.results[there.funcs[target.func.id].results.range()];
            return !results.is_empty()
                && results.iter().all(|it| {
                    it.value.is_some_and(|id| {
                        has_constant_keys(ValueRef {
                            file: target.func.file,
                            id,
                        })
                    })
                });
        }
        has_constant_keys(ValueRef { file, id })
    }

    /// S7: a loop over a table sorts its keys into containers of the module, by comparing with constants.
    pub(super) fn sorts_a_table(&self, effect: &Effect) -> bool {
        use crate::syntax::tree::CompareOp;
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let Some(key) = effect.key.or(effect.value) else {
            return false;
        };
        let ValueKind::Var(var) = facts.values[key].kind else {
            return false;
        };
        let is_element = facts.defs[facts.vars[var].defs.range()]
            .iter()
            .all(|it| matches!(it.kind, DefKind::Element(_)));
        let compares = |test: ValueId| {
            let is_constant = |it: ValueId| {
                matches!(
                    facts.values[it].kind,
                    ValueKind::Compare { op: CompareOp::Eq, right, .. }
                        if matches!(facts.values[right].kind, ValueKind::Str { .. })
                )
            };
            match facts.values[test].kind {
                ValueKind::And(rows) | ValueKind::Or(rows) => self
                    .program
                    .list(file, rows)
                    .iter()
                    .any(|&it| is_constant(it)),
                _ => is_constant(test),
            }
        };
        if !is_element
            || !self.program.under(
                file,
                effect.context,
                |it| matches!(it, ContextKind::If { test, .. } if compares(test)),
            )
        {
            return false;
        }
        let mut others: Vec<PlaceKey> = self
            .program
            .growth_beside(self.key, effect.func)
            .filter(|it| {
                it.key
                    .or(it.value)
                    .is_some_and(|other| self.is_same(file, key, other, 2))
            })
            .map(|it| it.place)
            .collect();
        others.dedup();
        others.len() >= 4
    }

    /// S7: the key was found in a container of constants, compared with constants, or made an attribute or import succeed.
    pub(super) fn is_key_compared(&self, effect: &Effect) -> bool {
        let Some(key) = effect.key else { return false };
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let ValueKind::Var(key_var) = facts.values[key].kind else {
            return false;
        };
        let is_key =
            |it: ValueId| matches!(facts.values[it].kind, ValueKind::Var(var) if var == key_var);
        self.program.under(file, effect.context, |it| match it {
            ContextKind::If { test, outcome } => match facts.values[test].kind {
                ValueKind::Compare { op, left, right } => {
                    use crate::syntax::tree::CompareOp;
                    match (op, outcome) {
                        (CompareOp::Eq, true) | (CompareOp::NotEq, false) => {
                            is_key(left)
                                && self
                                    .program
                                    .origins(effect.func, ValueRef { file, id: right })
                                    .is_closed()
                        }
                        (CompareOp::In, true) | (CompareOp::NotIn, false) => {
                            is_key(left)
                                && !self.is_here(file, right)
                                && self.is_constant_container(file, right)
                        }
                        _ => false,
                    }
                }
                _ => false,
            },
            ContextKind::Case {
                subject,
                is_constant,
            } => is_constant && is_key(subject),
            _ => false,
        })
    }

    /// S7: the key was found in some other collection, here or by all callers: there are as many as that has.
    pub(super) fn is_member_elsewhere(&self, effect: &Effect) -> bool {
        let key = match effect.kind {
            EffectKind::Grow(Mutation::Append) => effect.value,
            _ => effect.key,
        };
        key.is_some_and(|key| self.is_member(effect.func, key, effect.context, 3))
    }

    /// Whether a collection is neither the container itself, nor given from outside, nor one that things leave again.
    fn is_settled(&self, func: FuncRef, collection: ValueId) -> bool {
        let value = ValueRef {
            file: func.file,
            id: collection,
        };
        let from_outside = Origins::EVENT.with(Origins::PARAM).with(Origins::ELEMENT);
        !self.program.origins(func, value).has(from_outside)
            && self.program.places(value).iter().all(|it| {
                it.key != self.key
                    && !self
                        .program
                        .effects(it.key)
                        .iter()
                        .any(|it| it.kind.shrinks())
            })
    }

    fn is_member(
        &self,
        func: FuncRef,
        key: ValueId,
        context: Option<ContextId>,
        depth: u32,
    ) -> bool {
        use crate::syntax::tree::CompareOp;
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let file = func.file;
        let program = self.program;
        let facts = program.facts(file);
        let is_tested = program.under(file, context, |it| {
            let ContextKind::If { test, outcome } = it else {
                return false;
            };
            matches!(
                (facts.values[test].kind, outcome),
                (ValueKind::Compare { op: CompareOp::In, left, right }, true)
                | (ValueKind::Compare { op: CompareOp::NotIn, left, right }, false)
                    if self.is_same(file, key, left, 3) && self.is_settled(func, right)
            )
        });
        if is_tested {
            return true;
        }
        let ValueKind::Var(var) = facts.values[key].kind else {
            return false;
        };
        if self.is_refused(func, key) {
            return true;
        }
        let fact = &facts.vars[var];
        let callers = program.callers(func);
        let (Some(param), false) = (fact.param, callers.is_empty() || program.is_taken(func))
        else {
            return false;
        };
        fact.defs.len() == 1
            && callers.len() <= 8
            && callers.iter().all(|&it| {
                let call = program.call(it);
                let target = program
                    .targets(it.file, it.id)
                    .iter()
                    .find(|it| it.func == func);
                let skip = target.map_or(0, |it| usize::from(it.skip));
                let name = program.param_name(func, param as usize);
                let by = FuncRef {
                    file: it.file,
                    id: call.func,
                };
                program
                    .argument(it.file, call, (param as usize).checked_sub(skip), name)
                    .is_some_and(|value| self.is_member(by, value, call.context, depth))
            })
    }

    /// Whether a function turns away keys that some other collection does not have: `if key not in KNOWN: raise …`
    fn is_refused(&self, func: FuncRef, key: ValueId) -> bool {
        use crate::syntax::tree::CompareOp;
        let file = func.file;
        let facts = self.program.facts(file);
        let before = facts.values[key].at;
        facts.results[facts.funcs[func.id].results.range()]
            .iter()
            .filter(|it| {
                matches!(it.kind, ResultKind::Raise | ResultKind::Return) && it.at.end <= before
            })
            .filter_map(|it| facts.contexts.as_slice().get(it.context?.index()))
            .any(|it| {
                let ContextKind::If { test, outcome } = it.kind else {
                    return false;
                };
                it.parent.is_none()
                    && matches!(
                        (facts.values[test].kind, outcome),
                        (ValueKind::Compare { op: CompareOp::NotIn, left, right }, true)
                        | (ValueKind::Compare { op: CompareOp::In, left, right }, false)
                            if self.is_same(file, key, left, 3) && self.is_settled(func, right)
                    )
            })
    }

    pub(super) fn is_constant_container(&self, file: u32, value: ValueId) -> bool {
        let facts = self.program.facts(file);
        match facts.values[value].kind {
            ValueKind::List(_) | ValueKind::Tuple(_) | ValueKind::Set(_) | ValueKind::Dict(_) => {
                true
            }
            _ => {
                let places = self.program.places(ValueRef { file, id: value });
                !places.is_empty()
                    && places.iter().all(|it| {
                        !it.is_inner
                            && !self.program.effects(it.key).iter().any(|e| {
                                e.kind.grows() && self.program.runs(e.func).often > Runs::Once
                            })
                            && self
                                .program
                                .container(it.key)
                                .is_some_and(|c| !c.values.is_empty())
                    })
            }
        }
    }
}
