//! Where a value is kept: a variable, an attribute of a class, of instances of a class, of a function.
//!
//! Places are what containers live in. Aliases are followed through local bindings (`d = self._cache`), properties and
//! functions that return a place; `X[k]` and `X.setdefault(k, …)` are an element *inside* a place.

use smallvec::SmallVec;

use super::classes::Member;
use super::entity::Entity;
use super::modules::Imported;
use super::program::{ClassRef, FuncRef, Program, Sym, ValueRef, VarRef};
use crate::facts::model::{DefKind, Home, ResultKind, ValueId, ValueKind};
use crate::limits;

/// A place that keeps an object alive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PlaceKey {
    /// A variable of a module or a function.
    Var(VarRef),
    /// An attribute of a class, shared by its instances.
    Class(ClassRef, Sym),
    /// An attribute of each instance of a class and its subclasses.
    Instance(ClassRef, Sym),
    /// An attribute of a function.
    Func(FuncRef, Sym),
}

/// A place, or an element of what stands there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Site {
    /// The place.
    pub key: PlaceKey,
    /// Whether an element inside is meant.
    pub is_inner: bool,
}

/// A few places.
pub type Sites = SmallVec<[Site; 2]>;

impl Program<'_> {
    /// The places that a value may stand in.
    #[must_use]
    pub fn places(&self, value: ValueRef) -> Sites {
        let mut fuel = limits::ENTITY_FUEL;
        let mut out = Sites::new();
        self.add_places(value, false, &mut fuel, &mut out);
        out
    }

    /// The places of an attribute of a value.
    #[must_use]
    pub fn attribute_places(&self, base: ValueRef, name: Sym) -> Sites {
        let mut fuel = limits::ENTITY_FUEL;
        let mut out = Sites::new();
        for entity in self.entities(base) {
            self.add_attr_place(base.file, entity, name, false, &mut fuel, &mut out);
        }
        out
    }

    fn add_places(&self, value: ValueRef, is_inner: bool, fuel: &mut u32, out: &mut Sites) {
        if *fuel == 0 {
            return;
        }
        *fuel -= 1;
        let file = value.file;
        let at = |id: ValueId| ValueRef { file, id };
        match self.value(value) {
            ValueKind::Var(var) => {
                self.add_var_places(VarRef { file, id: var }, value.id, is_inner, fuel, out)
            }
            ValueKind::Attr { base, name } => {
                let name = self.sym_of(file, name);
                for entity in self.entities(at(base)) {
                    self.add_attr_place(file, entity, name, is_inner, fuel, out);
                }
            }
            ValueKind::Item { .. } if is_inner => {}
            ValueKind::Item { base, .. } => self.add_places(at(base), true, fuel, out),
            // A slice is a container of its own, with the same elements.
            ValueKind::Slice { base } if is_inner => self.add_places(at(base), true, fuel, out),
            ValueKind::Call(call) => {
                let fact = &self.facts(file).calls[call];
                if let ValueKind::Attr { base, name } = self.facts(file).values[fact.callee].kind
                    && matches!(self.name(file, name), "setdefault" | "get" | "pop")
                    && !is_inner
                {
                    self.add_places(at(base), true, fuel, out);
                }
                for target in self.targets(file, call) {
                    self.add_returned_places(target.func, is_inner, fuel, out);
                }
            }
            ValueKind::Choice(rows) => {
                for &branch in self.list(file, rows).iter().skip(1) {
                    self.add_places(at(branch), is_inner, fuel, out);
                }
            }
            ValueKind::Or(rows) | ValueKind::And(rows) => {
                for &operand in self.list(file, rows) {
                    self.add_places(at(operand), is_inner, fuel, out);
                }
            }
            ValueKind::Walrus { value, .. } | ValueKind::Await(value) => {
                self.add_places(at(value), is_inner, fuel, out)
            }
            _ => {}
        }
    }

    fn add_returned_places(&self, func: FuncRef, is_inner: bool, fuel: &mut u32, out: &mut Sites) {
        let fact = self.func(func);
        if fact.is_generator || *fuel < 8 {
            return;
        }
        let results = &self.facts(func.file).results[fact.results.range()];
        for result in results
            .iter()
            .filter(|it| it.kind == ResultKind::Return)
            .take(limits::DEFS_FOLLOWED)
        {
            if let Some(value) = result.value {
                let mut found = Sites::new();
                self.add_places(
                    ValueRef {
                        file: func.file,
                        id: value,
                    },
                    is_inner,
                    fuel,
                    &mut found,
                );
                for site in found {
                    if !matches!(site.key, PlaceKey::Var(var) if self.var(var).home != Home::Module)
                    {
                        push(out, site);
                    }
                }
            }
        }
    }

    fn add_var_places(
        &self,
        var: VarRef,
        read: ValueId,
        is_inner: bool,
        fuel: &mut u32,
        out: &mut Sites,
    ) {
        let fact = self.var(var);
        let facts = self.facts(var.file);
        let defs = &facts.defs[fact.defs.range()];
        if fact.home == Home::Module {
            if let Some(target) = self.imported_var(var) {
                push(
                    out,
                    Site {
                        key: PlaceKey::Var(target),
                        is_inner,
                    },
                );
                return;
            }
            if defs.is_empty() {
                let name = self.sym_of(var.file, fact.name);
                if let Imported::Var(target) = self.starred(var.file, name, 0) {
                    let target = self.imported_var(target).unwrap_or(target);
                    push(
                        out,
                        Site {
                            key: PlaceKey::Var(target),
                            is_inner,
                        },
                    );
                }
                return;
            }
            push(
                out,
                Site {
                    key: PlaceKey::Var(var),
                    is_inner,
                },
            );
            return;
        }
        if let Home::Class(class) = fact.home {
            let name = self.sym_of(var.file, fact.name);
            push(
                out,
                Site {
                    key: PlaceKey::Class(
                        ClassRef {
                            file: var.file,
                            id: class,
                        },
                        name,
                    ),
                    is_inner,
                },
            );
            return;
        }
        let mut own = false;
        let mut is_given = fact.param.is_none();
        for def in facts
            .reaching(Some(read), var.id)
            .take(limits::DEFS_FOLLOWED)
        {
            is_given |= def.kind == DefKind::Param;
            match (def.kind, def.value) {
                (DefKind::Assign | DefKind::With, Some(value)) => {
                    let before = out.len();
                    self.add_places(
                        ValueRef {
                            file: var.file,
                            id: value,
                        },
                        is_inner,
                        fuel,
                        out,
                    );
                    own |= out.len() == before;
                }
                (DefKind::Element(None), Some(value)) if !is_inner => {
                    // `for e in X`, `for e in X.values()`: an element inside X.
                    let base = match facts.values[value].kind {
                        ValueKind::Call(call) => {
                            match facts.values[facts.calls[call].callee].kind {
                                ValueKind::Attr { base, name }
                                    if matches!(self.name(var.file, name), "values" | "copy") =>
                                {
                                    Some(base)
                                }
                                ValueKind::Var(_) => facts.args[facts.calls[call].args.range()]
                                    .first()
                                    .map(|it| it.value),
                                _ => None,
                            }
                        }
                        ValueKind::List(rows) | ValueKind::Tuple(rows) => {
                            for &element in
                                self.list(var.file, rows).iter().take(limits::DEFS_FOLLOWED)
                            {
                                self.add_places(
                                    ValueRef {
                                        file: var.file,
                                        id: element,
                                    },
                                    false,
                                    fuel,
                                    out,
                                );
                            }
                            None
                        }
                        _ => Some(value),
                    };
                    if let Some(base) = base {
                        self.add_places(
                            ValueRef {
                                file: var.file,
                                id: base,
                            },
                            true,
                            fuel,
                            out,
                        );
                    }
                }
                _ => own = true,
            }
        }
        // A parameter that is bound anew before stands no longer for what the caller gave.
        if own && is_given {
            push(
                out,
                Site {
                    key: PlaceKey::Var(var),
                    is_inner,
                },
            );
        }
    }

    /// The variable of another module that an imported name stands for.
    #[must_use]
    pub fn imported_var(&self, var: VarRef) -> Option<VarRef> {
        let mut at = var;
        let mut found = None;
        for _ in 0..limits::REEXPORT_HOPS {
            let fact = self.var(at);
            let facts = self.facts(at.file);
            let import = facts.defs[fact.defs.range()]
                .iter()
                .find_map(|it| match it.kind {
                    DefKind::Import(id) => Some(id),
                    _ => None,
                });
            let Some(import) = import else { break };
            match self.imported(at.file, import) {
                Imported::Var(next) if next != at => {
                    at = next;
                    found = Some(at);
                }
                _ => break,
            }
        }
        found
    }

    fn add_attr_place(
        &self,
        from: u32,
        entity: Entity,
        name: Sym,
        is_inner: bool,
        fuel: &mut u32,
        out: &mut Sites,
    ) {
        match entity {
            Entity::Module(file) => {
                if let Imported::Var(var) = self.member(from, Imported::Module(file), name, 0) {
                    let var = self.imported_var(var).unwrap_or(var);
                    push(
                        out,
                        Site {
                            key: PlaceKey::Var(var),
                            is_inner,
                        },
                    );
                }
            }
            Entity::Class(class) => {
                let owner = match self.member_of(class, name) {
                    Some(Member::Var(owner, _)) => owner,
                    Some(Member::Method(_)) => return,
                    _ => self.class_var_owner(class, name).unwrap_or(class),
                };
                push(
                    out,
                    Site {
                        key: PlaceKey::Class(owner, name),
                        is_inner,
                    },
                );
            }
            Entity::Instance(class) => match self.member_of(class, name) {
                Some(Member::Attr(owner)) => push(
                    out,
                    Site {
                        key: PlaceKey::Instance(owner, name),
                        is_inner,
                    },
                ),
                Some(Member::Var(owner, _)) => push(
                    out,
                    Site {
                        key: PlaceKey::Class(owner, name),
                        is_inner,
                    },
                ),
                Some(Member::Method(func)) => {
                    if self.is_property(func) {
                        self.add_returned_places(func, is_inner, fuel, out);
                    }
                }
                None => push(
                    out,
                    Site {
                        key: PlaceKey::Instance(class, name),
                        is_inner,
                    },
                ),
            },
            Entity::Func(func) => push(
                out,
                Site {
                    key: PlaceKey::Func(func, name),
                    is_inner,
                },
            ),
            Entity::Super(_)
            | Entity::Namespace(_)
            | Entity::Bound(_)
            | Entity::External(_)
            | Entity::ExternalInstance(_) => {}
        }
    }

    fn class_var_owner(&self, class: ClassRef, name: Sym) -> Option<ClassRef> {
        self.mro(class).iter().copied().find(|it| {
            self.files[it.file as usize]
                .class_vars
                .contains_key(&(it.id, name))
        })
    }

    /// What a place is called in messages: `_cache`, `Registry.items`, `Session.rows`, `load.seen`.
    #[must_use]
    pub fn place_name(&self, key: PlaceKey) -> String {
        match key {
            PlaceKey::Var(var) => self.var_name(var).to_owned(),
            PlaceKey::Class(class, name) | PlaceKey::Instance(class, name) => {
                format!("{}.{}", self.qualified_class(class), self.text(name))
            }
            PlaceKey::Func(func, name) => format!("{}.{}", self.qualified(func), self.text(name)),
        }
    }

    /// The last part of a place's name.
    #[must_use]
    pub fn place_last_name(&self, key: PlaceKey) -> &str {
        match key {
            PlaceKey::Var(var) => self.var_name(var),
            PlaceKey::Class(_, name) | PlaceKey::Instance(_, name) | PlaceKey::Func(_, name) => {
                self.text(name)
            }
        }
    }

    /// The file that a place belongs to.
    #[must_use]
    pub fn place_file(&self, key: PlaceKey) -> u32 {
        match key {
            PlaceKey::Var(var) => var.file,
            PlaceKey::Class(class, _) | PlaceKey::Instance(class, _) => class.file,
            PlaceKey::Func(func, _) => func.file,
        }
    }
}

fn push(out: &mut Sites, site: Site) {
    if out.len() < 6 && !out.contains(&site) {
        out.push(site);
    }
}
