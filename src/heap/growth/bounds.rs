//! What bounds a container as a whole: removal (S1), rebinding (S3), a length that is looked at (S10), being a registry
//! (S9) or a memory of warnings (S8).

use super::{Judge, is_of_finalizer};
use crate::discover::ProgramKind;
use crate::facts::model::{ContextKind, DefKind, Home, ValueId, ValueKind, VarId};
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::runs::Why;
use crate::link::{Entity, FuncRef, PlaceKey};
use crate::models::{Holds, Runs};

impl Judge<'_, '_> {
    /// S1: something is taken out, in code that runs as the program does its work.
    pub(super) fn is_shrunk(&mut self) -> bool {
        let effects = self.effects;
        for effect in effects
            .iter()
            .filter(|it| it.kind.shrinks() && !it.is_inner)
        {
            if self.is_at_end(effect) {
                continue;
            }
            if self.is_out_of_use(effect) || self.is_of_held(effect) {
                self.uncalled.get_or_insert(*effect);
                continue;
            }
            if self.is_left_out(effect) {
                self.unless_raised.push(*effect);
                continue;
            }
            if effect.kind == EffectKind::Clear && effects.iter().any(|it| self.is_accident(it)) {
                self.is_only_cleared = true;
                continue;
            }
            return true;
        }
        false
    }

    /// Whether an object of which nothing shows how long it lives lets go of everything when it is ended.
    fn is_at_end(&self, effect: &Effect) -> bool {
        matches!(self.key, PlaceKey::Instance(..))
            && matches!(effect.kind, EffectKind::Clear | EffectKind::Rebind)
            && self
                .program
                .models
                .is_teardown(self.program.func_name(effect.func))
            && !self.program.is_rooted(self.key)
    }

    /// Whether a removal has no part in the program's work: nothing calls it but tests, or it is done once, at the end.
    fn is_out_of_use(&self, effect: &Effect) -> bool {
        let is_bulk = effect.kind == EffectKind::Clear;
        if self.kind == ProgramKind::Application
            && is_bulk
            && (self.is_never_called(effect.func) || self.is_for_tests(effect.func, 3))
        {
            return true;
        }
        // What runs once cannot keep up with what runs again and again.
        let run = self.program.runs_at(effect.func, effect.context);
        matches!(run.often, Runs::Import | Runs::Once)
            && matches!(run.why, Why::Module | Why::EntryPoint)
            && self.effects.iter().all(|it| {
                !it.kind.grows()
                    || !self.adds(it)
                    || it.func != effect.func
                        && self.program.runs_at(it.func, it.context).often >= Runs::Many
            })
    }

    /// Whether only the finalizer of what the container holds takes out: it does not run while the container holds that.
    fn is_of_held(&self, effect: &Effect) -> bool {
        let program = self.program;
        if !is_of_finalizer(program, effect.func) {
            return false;
        }
        let Some(class) = program.class_of(effect.func) else {
            return false;
        };
        self.effects.iter().any(|it| {
            let held = it.value.filter(|_| it.kind.grows()).or(it.key);
            held.is_some_and(|id| {
                let value = ValueRef {
                    file: it.func.file,
                    id,
                };
                program.entities(value).contains(&Entity::Instance(class))
            })
        })
    }

    /// Whether only test code calls a function.
    fn is_for_tests(&self, func: FuncRef, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let program = self.program;
        let callers = program.callers(func);
        !callers.is_empty()
            && !program.is_taken(func)
            && callers.iter().all(|it| {
                let by = FuncRef {
                    file: it.file,
                    id: program.call(*it).func,
                };
                program.serves_tests(it.file) || self.is_for_tests(by, depth)
            })
    }

    /// S1: something is taken out of an attribute of the same name, of an object of unknown type.
    pub(super) fn is_removal_guessed(&self) -> bool {
        let name = match self.key {
            PlaceKey::Class(_, name) | PlaceKey::Instance(_, name) | PlaceKey::Func(_, name) => {
                Some(name)
            }
            PlaceKey::Var(var) => Some(self.program.sym_of(var.file, self.program.var(var).name)),
        };
        name.is_some_and(|it| self.program.is_removal_guessed(it))
    }

    /// Whether no code of the program runs a function: it is a function or method that nothing calls or takes.
    pub(super) fn is_never_called(&self, func: FuncRef) -> bool {
        let run = self.program.runs(func);
        let is_public = run.why == Why::Public && run.often == Runs::Many;
        let name = self.program.func_name(func);
        is_public
            && self.program.callers(func).is_empty()
            && !self.program.is_taken(func)
            && !name.starts_with("__")
            && !self.program.is_method_name_called(func)
    }

    /// S3: the place is bound to a new container in code that can run.
    pub(super) fn is_rebound(&self) -> bool {
        self.is_local_rebound()
            || self.effects.iter().any(|it| {
                if it.kind != EffectKind::Rebind || it.is_inner {
                    return false;
                }
                let name = self.program.func_name(it.func);
                let is_definition = match self.key {
                    PlaceKey::Var(var) => it.func.id.index() == 0 && it.func.file == var.file,
                    PlaceKey::Class(..) | PlaceKey::Func(..) => it.func.id.index() == 0,
                    PlaceKey::Instance(..) => matches!(
                        name,
                        "__init__"
                            | "__new__"
                            | "__post_init__"
                            | "__setstate__"
                            | "__attrs_post_init__"
                    ),
                };
                !is_definition
                    && !self.is_lazy_init(it)
                    && !self.adds_to_itself(it)
                    && !self.is_at_end(it)
            })
    }

    /// A local is bound anew in a loop, or by a function inside.
    fn is_local_rebound(&self) -> bool {
        let PlaceKey::Var(var) = self.key else {
            return false;
        };
        let fact = self.program.var(var);
        let facts = self.program.facts(var.file);
        fact.home == Home::Function
            && facts.defs[fact.defs.range()].iter().any(|it| {
                matches!(
                    it.kind,
                    DefKind::Assign | DefKind::Unpack(_) | DefKind::With | DefKind::Delete
                ) && (it.func != fact.func || self.program.is_in_loop(var.file, it.context))
            })
    }

    /// `if X is None: X = {}`
    pub(super) fn is_lazy_init(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        self.program.under(file, effect.context, |it| match it {
            ContextKind::If { test, outcome } => match facts.values[test].kind {
                ValueKind::Compare { op, left, right } => {
                    use crate::syntax::tree::CompareOp;
                    let is_none = matches!(facts.values[right].kind, ValueKind::None)
                        && self.is_here(file, left);
                    is_none
                        && matches!(
                            (op, outcome),
                            (CompareOp::Is, true) | (CompareOp::IsNot, false)
                        )
                }
                ValueKind::Not(inner) => outcome && self.is_here(file, inner),
                // `if not hasattr(f, "cache")` is asked below.
                ValueKind::Call(_) => false,
                _ => !outcome && self.is_here(file, test),
            },
            _ => false,
        }) || self.is_behind_hasattr(effect)
    }

    pub(super) fn is_behind_hasattr(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        self.program.under(file, effect.context, |it| match it {
            ContextKind::If { test, .. } => {
                let test = match facts.values[test].kind {
                    ValueKind::Not(inner) => inner,
                    _ => test,
                };
                last_name(facts, test) == Some("hasattr")
            }
            _ => false,
        })
    }

    /// `X = X + [v]`, `X = {**X, k: v}`: bound anew, but to itself and more.
    pub(super) fn adds_to_itself(&self, effect: &Effect) -> bool {
        let Some(value) = effect.value else {
            return false;
        };
        let file = effect.func.file;
        let facts = self.program.facts(file);
        match facts.values[value].kind {
            ValueKind::Binary { op: crate::syntax::tree::BinaryOp::Add | crate::syntax::tree::BinaryOp::BitOr, left, right } => {
                self.is_here(file, left) || self.is_here(file, right)
            }
            ValueKind::List(rows) | ValueKind::Tuple(rows) | ValueKind::Set(rows) => {
                self.program.list(file, rows).iter().any(|&it| matches!(facts.values[it].kind, ValueKind::Star(inner) if self.is_here(file, inner)))
            }
            ValueKind::Dict(rows) => self.program.list(file, rows).chunks(2).any(|it| {
                matches!(facts.values[it[0]].kind, ValueKind::Unknown) && it.get(1).is_some_and(|&value| self.is_here(file, value))
            }),
            _ => false,
        }
    }

    /// S10: its length is compared in a function that grows it, or that could do something about it.
    pub(super) fn is_length_checked(&self) -> bool {
        let mut funcs: Vec<FuncRef> = self
            .effects
            .iter()
            .filter(|it| it.kind.grows())
            .map(|it| it.func)
            .collect();
        funcs.sort_unstable();
        funcs.dedup();
        funcs.iter().any(|&func| {
            let facts = self.program.facts(func.file);
            facts.funcs[func.id]
                .values
                .ids()
                .any(|id: ValueId| match facts.values[id].kind {
                    ValueKind::Compare { left, right, .. } => [left, right]
                        .iter()
                        .any(|&side| self.is_length(func.file, side)),
                    _ => false,
                })
        })
    }

    pub(super) fn is_length(&self, file: u32, value: ValueId) -> bool {
        let facts = self.program.facts(file);
        match facts.values[value].kind {
            ValueKind::Call(call) => {
                let call = &facts.calls[call];
                let name = last_name(facts, call.callee);
                let args = &facts.args[call.args.range()];
                match name {
                    Some("len") => args.first().is_some_and(|it| self.is_here(file, it.value)),
                    Some("qsize" | "full" | "__len__") => {
                        matches!(facts.values[call.callee].kind, ValueKind::Attr { base, .. } if self.is_here(file, base))
                    }
                    _ => false,
                }
            }
            ValueKind::Binary { left, right, .. } => {
                self.is_length(file, left) || self.is_length(file, right)
            }
            ValueKind::Var(var) => {
                let defs = &facts.defs[facts.vars[var].defs.range()];
                matches!(defs, [def] if def.kind == DefKind::Assign && def.value.is_some_and(|it| matches!(facts.values[it].kind, ValueKind::Call(_)) && self.is_length(file, it)))
            }
            _ => false,
        }
    }

    /// S8: each entry is there so as not to warn twice.
    pub(super) fn is_warn_once(&self) -> bool {
        let grows = self
            .effects
            .iter()
            .filter(|it| it.kind.grows() && self.adds(it));
        let name = self.program.place_last_name(self.key);
        let by_name = self.program.models.is_warn_once(name);
        let mut any = false;
        for effect in grows {
            any = true;
            let tested = self.is_under_membership_test(effect);
            if !(tested
                && self.program.warns(effect.func)
                && (by_name || self.container.holds == Some(Holds::Set)))
            {
                return false;
            }
        }
        any
    }

    /// S9: a registry. All growth is by functions that register what they are given.
    pub(super) fn is_registry(&self) -> bool {
        let mut any = false;
        for effect in self
            .effects
            .iter()
            .filter(|it| it.kind.grows() && it.func.id.index() != 0 && self.adds(it))
        {
            any = true;
            if !self.registers(effect) {
                return false;
            }
        }
        any
    }

    pub(super) fn registers(&self, effect: &Effect) -> bool {
        let program = self.program;
        let func = effect.func;
        let name = program.func_name(func);
        // Applied or called by code of the program that runs again and again, it is no registration at import.
        let is_applied_often = program
            .applied_by(func)
            .any(|by| program.runs(by).often >= Runs::Many);
        if program.runs(func).often == Runs::PerEvent || is_applied_often {
            return false;
        }
        if matches!(name, "__init_subclass__" | "__set_name__")
            || program.models.is_registry(name.trim_start_matches('_')) && self.stores_given(effect)
        {
            return true;
        }
        // A decorator: it stores the function that it is given, and returns it.
        let facts = program.facts(func.file);
        let fact = &facts.funcs[func.id];
        let stored = effect.value.map(|it| facts.values[it].kind);
        let returns_it = facts.results[fact.results.range()].iter().any(|it| {
            it.value.is_some_and(|value| matches!((facts.values[value].kind, stored), (ValueKind::Var(a), Some(ValueKind::Var(b))) if a == b && facts.vars[a].param.is_some()))
        });
        let is_small = fact.params.len() <= 2 && !fact.is_async;
        // `@Filter("name")` calls the instance with the function.
        let is_decorator = program.calls_applied(func)
            || name == "__call__"
            || program.parent(func).is_some_and(|it| it.id.index() != 0);
        if returns_it && is_small && (is_decorator || self.kind == ProgramKind::Library) {
            return true;
        }
        // What a decorator's function inside returns in place of the one that it is given: `return property(func)`. What it
        // stores is there once for each function that is decorated.
        if is_small && self.decorates(func) {
            return true;
        }
        // What it stores may also only be found by the function, or hold it.
        if is_small && is_decorator {
            let is_about_result = facts.results[fact.results.range()].iter().any(|it| {
                it.value
                    .is_some_and(|value| match facts.values[value].kind {
                        ValueKind::Var(var) if facts.vars[var].param.is_some() => {
                            [effect.key, effect.value]
                                .into_iter()
                                .flatten()
                                .any(|it| self.mentions(func.file, it, var, 5))
                        }
                        _ => false,
                    })
            });
            if is_about_result {
                return true;
            }
        }
        // A library's two-line public setter that stores its parameter.
        self.kind == ProgramKind::Library
            && fact.statements <= 2
            && matches!(stored, Some(ValueKind::Var(var)) if facts.vars[var].param.is_some())
            && !name.starts_with('_')
    }

    /// Whether a function is handed out by the one around it, is given one thing, and returns what is made from that or from a
    /// function inside that uses it: what `@metric("name")` applies.
    fn decorates(&self, func: FuncRef) -> bool {
        let program = self.program;
        let Some(outer) = program.parent(func).filter(|it| it.id.index() != 0) else {
            return false;
        };
        let facts = program.facts(func.file);
        let fact = &facts.funcs[func.id];
        let [param] = &facts.params[fact.params.range()] else {
            return false;
        };
        let uses = |value: ValueId| {
            match facts.values[value].kind {
            ValueKind::Var(var) => {
                var == param.var
                    || facts.defs[facts.vars[var].defs.range()].iter().any(|it| {
                        matches!(it.kind, DefKind::Function(inner) if facts.funcs[inner].free.contains(&param.var))
                    })
            }
            _ => self.mentions(func.file, value, param.var, 5),
        }
        };
        program.returned_funcs(outer).contains(&func)
            && facts.results[fact.results.range()]
                .iter()
                .any(|it| it.value.is_some_and(uses))
    }

    /// Whether what is added is made from what a caller gives, rather than by the function alone.
    fn stores_given(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let mut parts = [effect.key, effect.value].into_iter().flatten().peekable();
        parts.peek().is_none()
            || parts.any(|it| {
                facts.params[facts.funcs[effect.func.id].params.range()]
                    .iter()
                    .any(|param| self.mentions(file, it, param.var, 5))
            })
    }

    /// Whether a value is made from a variable.
    fn mentions(&self, file: u32, value: ValueId, of: VarId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let facts = self.program.facts(file);
        let any = |rows| {
            self.program
                .list(file, rows)
                .iter()
                .any(|&it| self.mentions(file, it, of, depth))
        };
        match facts.values[value].kind {
            ValueKind::Var(var) if var == of => true,
            ValueKind::Var(var) => facts
                .reaching(Some(value), var)
                .take(crate::limits::DEFS_FOLLOWED)
                .any(|def| {
                    def.kind == DefKind::Assign
                        && def
                            .value
                            .is_some_and(|it| self.mentions(file, it, of, depth))
                }),
            ValueKind::Attr { base, .. }
            | ValueKind::Item { base, .. }
            | ValueKind::Slice { base }
            | ValueKind::Await(base)
            | ValueKind::Walrus { value: base, .. } => self.mentions(file, base, of, depth),
            ValueKind::Binary { left, right, .. } => [left, right]
                .iter()
                .any(|&it| self.mentions(file, it, of, depth)),
            ValueKind::Call(call) => {
                let call = &facts.calls[call];
                self.mentions(file, call.callee, of, depth)
                    || facts.args[call.args.range()]
                        .iter()
                        .any(|it| self.mentions(file, it.value, of, depth))
            }
            ValueKind::Tuple(rows)
            | ValueKind::FString(rows)
            | ValueKind::List(rows)
            | ValueKind::Or(rows)
            | ValueKind::And(rows)
            | ValueKind::Choice(rows) => any(rows),
            _ => false,
        }
    }

    /// S12: test code, generated code, copies of somebody else's code.
    pub(super) fn is_foreign_code(&self) -> bool {
        let file = &self.program.files[self.program.place_file(self.key) as usize];
        file.facts.is_generated
    }
}
