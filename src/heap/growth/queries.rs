//! What rules ask about places besides their growth.

use super::Growth;
use crate::discover::ProgramKind;
use crate::facts::model::{ContextKind, DefKind, Home, Usage, ValueId, ValueKind};
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::ValueRef;
use crate::link::{FuncRef, PlaceKey, Program, VarRef};
use crate::models::Mutation;

impl Program<'_> {
    /// Whether nothing reads what stands in a place, or only its length: otherwise nobody can miss what is removed.
    #[must_use]
    pub fn is_never_read(&self, key: PlaceKey) -> bool {
        // Reads of a local that no function inside uses are no facts.
        if let PlaceKey::Var(var) = key
            && self.var(var).home == Home::Function
            && !self.var(var).is_captured
        {
            return false;
        }
        let effects = self.effects(key);
        // The receiver of a growing call is read only to grow it.
        let is_receiver = |read: &Effect| {
            effects.iter().any(|it| {
                (it.kind.grows() || it.kind.shrinks() || it.kind == EffectKind::Read(Usage::Tested))
                    && it.at.end - it.at.start > 1
                    && it.func == read.func
                    && it.at.start <= read.at.start
                    && read.at.end <= it.at.end
            })
        };
        effects.iter().all(|it| match it.kind {
            EffectKind::Read(Usage::Tested) => true,
            EffectKind::Read(Usage::Receiver) => it.at.end - it.at.start == 1 && is_receiver(it),
            EffectKind::Read(_) | EffectKind::Escape(_) => false,
            _ => true,
        })
    }

    /// What the one caller of a function passes for a parameter that a value reads.
    #[must_use]
    pub fn param_argument(&self, func: FuncRef, value: ValueRef) -> Option<ValueRef> {
        let ValueKind::Var(var) = self.value(value) else {
            return None;
        };
        let param = self.facts(value.file).vars[var].param? as usize;
        let [call] = self.callers(func) else {
            return None;
        };
        let target = self
            .targets(call.file, call.id)
            .iter()
            .find(|it| it.func == func)?;
        let position = param.checked_sub(usize::from(target.skip))?;
        let id = self.argument(
            call.file,
            self.call(*call),
            Some(position),
            self.param_name(func, param),
        )?;
        Some(ValueRef {
            file: call.file,
            id,
        })
    }

    /// A decorator of the program that keeps results in a container of its own: how that container only grows.
    #[must_use]
    pub fn home_made_cache(&self, decorator: FuncRef) -> Option<Growth> {
        let mut makers = vec![decorator];
        makers.extend(self.returned_funcs(decorator));
        let wrappers: Vec<FuncRef> = makers
            .iter()
            .flat_map(|&it| self.returned_funcs(it))
            .collect();
        wrappers.iter().find_map(|&wrapper| {
            let facts = self.facts(wrapper.file);
            facts.funcs[wrapper.id].free.iter().find_map(|&var| {
                let owner = facts.vars[var].func;
                if !makers
                    .iter()
                    .any(|it| it.file == wrapper.file && it.id == owner)
                    || facts.vars[var].param.is_some()
                {
                    return None;
                }
                let growth = self.growth(
                    PlaceKey::Var(VarRef {
                        file: wrapper.file,
                        id: var,
                    }),
                    ProgramKind::Application,
                )?;
                let keeps = matches!(
                    growth.site.kind,
                    EffectKind::Grow(Mutation::Setitem | Mutation::Setdefault)
                );
                let is_result = growth
                    .site
                    .value
                    .is_some_and(|it| self.is_result_of(wrapper, it, &makers, 3));
                (growth.site.func == wrapper && keeps && is_result).then_some(growth)
            })
        })
    }

    /// Whether a function, or one around it, stands under a test that never comes out so: `if FLAG:` with a flag of the
    /// module that is bound once, to a constant.
    #[must_use]
    pub fn is_never_defined(&self, func: FuncRef) -> bool {
        let file = func.file;
        let facts = self.facts(file);
        let constant = |test: ValueId| match facts.values[test].kind {
            ValueKind::Bool(value) => Some(value),
            ValueKind::Var(var) if facts.vars[var].home == Home::Module => {
                let key = PlaceKey::Var(VarRef { file, id: var });
                let is_rebound = || {
                    self.effects(key)
                        .iter()
                        .any(|it| it.kind == EffectKind::Rebind)
                };
                match &facts.defs[facts.vars[var].defs.range()] {
                    [def] if def.kind == DefKind::Assign && def.context.is_none() => {
                        match facts.values[def.value?].kind {
                            ValueKind::Bool(value) if !is_rebound() => Some(value),
                            _ => None,
                        }
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        let mut at = Some(func);
        while let Some(it) = at.filter(|it| it.id.index() != 0) {
            let is_dead = self.under(file, facts.funcs[it.id].context, |it| {
                matches!(it, ContextKind::If { test, outcome } if constant(test).is_some_and(|it| it != outcome))
            });
            if is_dead {
                return true;
            }
            at = self.parent(it);
        }
        false
    }

    /// Whether a value of a wrapper is what the decorated function gave: a call of a parameter of the decorator.
    fn is_result_of(
        &self,
        wrapper: FuncRef,
        value: ValueId,
        makers: &[FuncRef],
        depth: u32,
    ) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let file = wrapper.file;
        let facts = self.facts(file);
        let again = |it| self.is_result_of(wrapper, it, makers, depth);
        match facts.values[value].kind {
            ValueKind::Call(call) => {
                let call = &facts.calls[call];
                let is_decorated = |it: ValueId| match facts.values[it].kind {
                    ValueKind::Var(var) => {
                        let fact = &facts.vars[var];
                        fact.param.is_some()
                            && makers.contains(&FuncRef {
                                file,
                                id: fact.func,
                            })
                    }
                    // An object that decorates: `self.func(…)`.
                    ValueKind::Attr { .. } => true,
                    _ => false,
                };
                is_decorated(call.callee)
                    || facts.args[call.args.range()]
                        .iter()
                        .any(|it| is_decorated(it.value) || again(it.value))
            }
            ValueKind::Await(inner) | ValueKind::Walrus { value: inner, .. } => again(inner),
            ValueKind::Tuple(rows) | ValueKind::List(rows) => {
                self.list(file, rows).iter().any(|&it| again(it))
            }
            ValueKind::Var(var) => facts.defs[facts.vars[var].defs.range()]
                .iter()
                .any(|it| it.value.is_some_and(again)),
            _ => false,
        }
    }

    /// Whether a file is there for tests: it is one, or a part of a test framework's plugin.
    #[must_use]
    pub fn serves_tests(&self, file: u32) -> bool {
        self.files[file as usize].is_test
            || self.facts(file).imports.iter().any(|it| {
                it.level == 0
                    && it.context.is_none()
                    && it.module.is_some_and(|name| {
                        self.name(file, name).split('.').next() == Some("pytest")
                    })
            })
    }

    /// Whether a function is applied as a decorator.
    #[must_use]
    pub fn calls_applied(&self, func: FuncRef) -> bool {
        self.applied_decorators().any(|it| it == func)
    }

    /// Whether something calls a method of this function's name on a receiver of unknown type.
    #[must_use]
    pub fn is_method_name_called(&self, func: FuncRef) -> bool {
        self.func(func).class.is_some()
            && self.is_name_called(self.sym_of(func.file, self.func(func).name))
    }
}
