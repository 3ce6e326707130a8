//! What is put where: values that come to stand in places that outlive the function, and exceptions among them.

use super::size::Size;
use crate::base::Span;
use crate::facts::model::{
    ContextKind, DefKind, Home, StoreKind, Target, ValueId, ValueKind, VarF, VarId,
};
use crate::link::effects::EffectKind;
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, PlaceKey, Program, VarRef};

/// A value is put into a place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Put {
    /// The place.
    pub place: PlaceKey,
    /// How: [`EffectKind::Rebind`] when it stands there itself, else as an element.
    pub kind: EffectKind,
    /// The function that does it.
    pub func: FuncRef,
    /// Where.
    pub at: Span,
    /// The key, when there is one.
    pub key: Option<ValueId>,
    /// What is put.
    pub value: ValueRef,
}

impl Program<'_> {
    /// Everything that is put into variables of modules and classes, attributes and containers.
    pub fn puts(&self) -> impl Iterator<Item = Put> + '_ {
        let of_effects = self.all_effects().filter_map(|it| {
            let value = ValueRef {
                file: it.func.file,
                id: it.value?,
            };
            (it.kind.grows() || it.kind == EffectKind::Rebind).then_some(Put {
                place: it.place,
                kind: it.kind,
                func: it.func,
                at: it.at,
                key: it.key,
                value,
            })
        });
        // What the code of modules and classes binds is no effect: it is the definition.
        let of_modules = self.files.iter().enumerate().flat_map(move |(file, it)| {
            let file = file as u32;
            it.facts.defs.iter().filter_map(move |def| {
                let var = VarRef { file, id: def.var };
                let place = match self.var(var).home {
                    Home::Module => PlaceKey::Var(var),
                    Home::Class(id) => PlaceKey::Class(
                        ClassRef { file, id },
                        self.sym_of(file, self.var(var).name),
                    ),
                    _ => return None,
                };
                (def.kind == DefKind::Assign && def.func.index() == 0).then_some(Put {
                    place,
                    kind: EffectKind::Rebind,
                    func: FuncRef { file, id: def.func },
                    at: def.at,
                    key: None,
                    value: ValueRef {
                        file,
                        id: def.value?,
                    },
                })
            })
        });
        of_effects.chain(of_modules)
    }

    /// Whether what stands in a place lives as long as the process.
    #[must_use]
    pub fn lives_long(&self, key: PlaceKey) -> bool {
        match key {
            PlaceKey::Var(var) => self.var(var).home == Home::Module,
            PlaceKey::Class(class, _) => self.class(class).func.index() == 0,
            PlaceKey::Func(func, _) => self.parent(func).is_none_or(|it| it.id.index() == 0),
            PlaceKey::Instance(class, _) => self.holder_below(class).is_some(),
        }
    }

    /// Whether nothing in the program takes elements out of a place, or binds it anew in code that can run later.
    #[must_use]
    pub fn only_grows(&self, key: PlaceKey) -> bool {
        self.container(key).is_some()
            && !self.effects(key).iter().any(|it| {
                it.kind.shrinks()
                    || it.kind == EffectKind::Rebind
                        && it.func.id.index() != 0
                        && self.func_name(it.func) != "__init__"
            })
    }

    /// Whether `test` is true of a value or of a part that it holds: an element of a display, what a local name is bound to.
    pub fn any_part(&self, value: ValueRef, test: &mut impl FnMut(ValueRef) -> bool) -> bool {
        self.any_part_at(value, 5, test)
    }

    fn any_part_at(
        &self,
        value: ValueRef,
        depth: u32,
        test: &mut impl FnMut(ValueRef) -> bool,
    ) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        if test(value) {
            return true;
        }
        let file = value.file;
        let facts = self.facts(file);
        let mut inside = |id| self.any_part_at(ValueRef { file, id }, depth, test);
        match self.value(value) {
            ValueKind::Var(var) if facts.vars[var].home == Home::Function => {
                match &facts.defs[facts.vars[var].defs.range()] {
                    [def] if def.kind == DefKind::Assign => def.value.is_some_and(inside),
                    _ => false,
                }
            }
            ValueKind::List(rows)
            | ValueKind::Tuple(rows)
            | ValueKind::Set(rows)
            | ValueKind::Dict(rows) => self.list(file, rows).iter().take(32).any(|&it| inside(it)),
            ValueKind::Or(rows) => self.list(file, rows).iter().any(|&it| inside(it)),
            ValueKind::Choice(rows) => self.list(file, rows).iter().skip(1).any(|&it| inside(it)),
            ValueKind::Walrus { value, .. } | ValueKind::Star(value) => inside(value),
            _ => false,
        }
    }

    /// Whether a value is, or holds, an exception that was raised and still has its traceback, and with it the frames.
    #[must_use]
    pub fn holds_traceback(&self, func: FuncRef, value: ValueRef) -> bool {
        self.any_part(value, &mut |it| self.is_traceback(func, it, 3))
    }

    fn is_traceback(&self, func: FuncRef, value: ValueRef, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let file = value.file;
        let facts = self.facts(file);
        match self.value(value) {
            ValueKind::Var(var) => {
                let defs = &facts.defs[facts.vars[var].defs.range()];
                let bound: Vec<_> = defs
                    .iter()
                    .filter(|it| !matches!(it.kind, DefKind::Delete | DefKind::Declare))
                    .collect();
                let holds = match bound.as_slice() {
                    [] => false,
                    _ if bound.iter().all(|it| it.kind == DefKind::Except) => true,
                    // `kind, error, traceback = sys.exc_info()`
                    [def] if matches!(def.kind, DefKind::Unpack(1 | 2)) => {
                        def.value.is_some_and(|id| {
                            matches!(facts.values[id].kind, ValueKind::Call(_))
                                && self.is_traceback(func, ValueRef { file, id }, depth)
                        })
                    }
                    // What the one caller passes.
                    [def] if def.kind == DefKind::Param => self
                        .param_argument(
                            FuncRef {
                                file,
                                id: facts.vars[var].func,
                            },
                            value,
                        )
                        .is_some_and(|it| {
                            let caller = self.callers(FuncRef {
                                file,
                                id: facts.vars[var].func,
                            });
                            caller.first().is_some_and(|call| {
                                let from = FuncRef {
                                    file: call.file,
                                    id: self.call(*call).func,
                                };
                                self.is_traceback(from, it, depth)
                            })
                        }),
                    _ => false,
                };
                holds && !self.drops_traceback(func, var)
            }
            ValueKind::Attr { base, name } => {
                self.name(file, name) == "__traceback__"
                    && self.is_traceback(func, ValueRef { file, id: base }, depth)
            }
            // `sys.exc_info()[2]`, also of a variable bound to it; the first element is the class alone.
            ValueKind::Item { base, key } => {
                !matches!(facts.values[key].kind, ValueKind::Int(0))
                    && self.is_exc_info(ValueRef { file, id: base })
            }
            ValueKind::Call(call) => self.is_library_call(file, facts.calls[call].callee, |it| {
                matches!(it, "sys.exc_info" | "sys.exception")
            }),
            _ => false,
        }
    }

    /// Whether a value is what `sys.exc_info` returns, on some way.
    fn is_exc_info(&self, value: ValueRef) -> bool {
        let file = value.file;
        let facts = self.facts(file);
        match self.value(value) {
            ValueKind::Call(call) => {
                self.is_library_call(file, facts.calls[call].callee, |it| it == "sys.exc_info")
            }
            ValueKind::Var(var) if facts.vars[var].home == Home::Function => {
                facts.defs[facts.vars[var].defs.range()].iter().any(|it| {
                    it.kind == DefKind::Assign
                        && it.value.is_some_and(|id| {
                            matches!(facts.values[id].kind, ValueKind::Call(_))
                                && self.is_exc_info(ValueRef { file, id })
                        })
                })
            }
            _ => false,
        }
    }

    /// Whether a function takes the traceback off an exception, or clears its frames, or says that it may.
    fn drops_traceback(&self, func: FuncRef, var: VarId) -> bool {
        let file = func.file;
        let facts = self.facts(file);
        let fact = &facts.funcs[func.id];
        let is_it = |id: ValueId| facts.values[id].kind == ValueKind::Var(var);
        let is_reset = facts.stores.as_slice()[fact.stores.range()].iter().any(|it| {
            it.kind == StoreKind::Assign
                && is_it(it.base)
                && matches!(it.target, Target::Attr(name) if matches!(self.name(file, name), "__traceback__" | "tb"))
        });
        is_reset
            || facts.calls.as_slice()[fact.calls.range()]
                .iter()
                .any(|it| match last_name(facts, it.callee) {
                    Some("clear_frames") => true,
                    Some("with_traceback") => {
                        matches!(facts.values[it.callee].kind, ValueKind::Attr { base, .. } if is_it(base))
                    }
                    _ => false,
                })
    }

    /// Whether a callee is a name of a library for which `test` is true.
    pub fn is_library_call(&self, file: u32, callee: ValueId, test: impl Fn(&str) -> bool) -> bool {
        self.entities(ValueRef { file, id: callee })
            .iter()
            .any(|it| matches!(it, Entity::External(node) if test(self.api_text(*node))))
    }

    /// Whether a context says that it is about debugging.
    #[must_use]
    pub fn is_for_debugging(
        &self,
        func: FuncRef,
        context: Option<crate::facts::model::ContextId>,
    ) -> bool {
        let facts = self.facts(func.file);
        let says = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["debug", "verbose", "profil", "trace", "leak"]
                .iter()
                .any(|it| name.contains(it))
        };
        says(self.func_name(func))
            || self.under(func.file, context, |it| match it {
                ContextKind::If { test, .. } => last_name(facts, test).is_some_and(says),
                _ => false,
            })
    }
}

/// A local variable that is bound once, to something large.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LargeLocal {
    /// The variable.
    pub var: VarId,
    /// Where it is bound.
    pub at: Span,
    /// How large it is.
    pub size: Size,
}

impl Program<'_> {
    /// The locals of a function that are bound once to something of at least so many bytes.
    #[must_use]
    pub fn large_locals(&self, func: FuncRef, large: u64) -> Vec<LargeLocal> {
        let facts = self.facts(func.file);
        let is_own =
            |var: &VarF| var.func == func.id && var.home == Home::Function && var.param.is_none();
        let locals = facts.vars.iter_ids().filter(|(_, it)| is_own(it));
        locals
            .filter_map(|(var, it)| {
                let mut bound = facts.defs[it.defs.range()]
                    .iter()
                    .filter(|it| !matches!(it.kind, DefKind::Declare | DefKind::Delete));
                let def = bound.next().filter(|it| it.kind == DefKind::Assign)?;
                if bound.next().is_some() {
                    return None;
                }
                let size = self.size(ValueRef {
                    file: func.file,
                    id: def.value?,
                })?;
                size.is_large(large).then_some(LargeLocal {
                    var,
                    at: def.at,
                    size,
                })
            })
            .collect()
    }

    /// What a slice without a copy looks into: `big` of `memoryview(big)[:4]`, an array made here of `array[:4]`.
    #[must_use]
    pub fn sliced_base(&self, value: ValueRef) -> Option<ValueRef> {
        match self.value(value) {
            ValueKind::Slice { base } => self.viewed(
                ValueRef {
                    file: value.file,
                    id: base,
                },
                6,
            ),
            _ => None,
        }
    }

    fn viewed(&self, value: ValueRef, depth: u32) -> Option<ValueRef> {
        let depth = depth.checked_sub(1)?;
        let file = value.file;
        let facts = self.facts(file);
        match self.value(value) {
            ValueKind::Slice { base } => self.viewed(ValueRef { file, id: base }, depth),
            ValueKind::Var(var) => self.viewed(self.bound_local(file, var)?, depth),
            ValueKind::Call(call) => {
                let fact = &facts.calls[call];
                let of = self.external(ValueRef {
                    file,
                    id: fact.callee,
                })?;
                match self.api_text(of) {
                    "builtins.memoryview" | "numpy.frombuffer" => self
                        .argument(file, fact, Some(0), "object")
                        .map(|id| ValueRef { file, id }),
                    "numpy.zeros"
                    | "numpy.ones"
                    | "numpy.empty"
                    | "numpy.full"
                    | "numpy.linspace"
                    | "numpy.arange"
                    | "numpy.random.rand"
                    | "numpy.random.randn"
                    | "numpy.random.random" => Some(value),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What a local variable is bound to, when it is bound once.
    #[must_use]
    pub fn bound_local(&self, file: u32, var: VarId) -> Option<ValueRef> {
        let facts = self.facts(file);
        if facts.vars[var].home != Home::Function {
            return None;
        }
        match &facts.defs[facts.vars[var].defs.range()] {
            [def] if def.kind == DefKind::Assign => def.value.map(|id| ValueRef { file, id }),
            _ => None,
        }
    }
}
