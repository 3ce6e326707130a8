//! Which containers stand in a place: by what is bound to it, and how that holds.

use super::Container;
use crate::facts::model::{DefKind, StoreKind, ValueKind};
use crate::link::effects::EffectKind;
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, PlaceKey, Program, VarRef};
use crate::models::{Holds, Mutation};

impl Program<'_> {
    /// The container that stands in a place, by its bindings; `None` when it is something else or evicts by itself (S2, S11).
    #[must_use]
    pub fn container(&self, key: PlaceKey) -> Option<Container> {
        // A field's default is a declaration: instances get their own from the generated constructor.
        if let PlaceKey::Class(class, name) = key
            && self.is_field(class, name)
        {
            return None;
        }
        let mut values = Vec::new();
        let mut annotations = Vec::new();
        self.bound_values(key, &mut values, &mut annotations);
        let mut holds = None;
        let mut is_other = false;
        for &value in &values {
            if matches!(self.value(value), ValueKind::None) {
                continue;
            }
            match self.holds(value) {
                Some(Holds::Weak | Holds::Bounded) => return None,
                Some(kind) => holds = Some(kind),
                None => is_other = true,
            }
        }
        for &annotation in &annotations {
            let name = last_name(
                self.facts(annotation.file),
                self.unsubscripted(annotation).id,
            )
            .unwrap_or("");
            if self.models.is_bounded_name(name) {
                return None;
            }
        }
        if holds.is_none() && (is_other || values.is_empty() && !matches!(key, PlaceKey::Func(..)))
        {
            return None;
        }
        // `name: dict | None = None` in a class body is a default; each instance binds its own.
        let is_default = matches!(key, PlaceKey::Class(..))
            && holds.is_none()
            && !self
                .effects(key)
                .iter()
                .any(|it| it.kind == EffectKind::Rebind && !it.is_inner && it.func.id.index() != 0);
        if is_default {
            return None;
        }
        Some(Container { key, holds, values })
    }

    fn unsubscripted(&self, value: ValueRef) -> ValueRef {
        match self.value(value) {
            ValueKind::Item { base, .. } => ValueRef {
                file: value.file,
                id: base,
            },
            _ => value,
        }
    }

    /// The values that are bound to a place.
    #[must_use]
    pub fn place_values(&self, key: PlaceKey) -> Vec<ValueRef> {
        let mut values = Vec::new();
        self.bound_values(key, &mut values, &mut Vec::new());
        values
    }

    fn bound_values(
        &self,
        key: PlaceKey,
        values: &mut Vec<ValueRef>,
        annotations: &mut Vec<ValueRef>,
    ) {
        let mut from_var = |var: VarRef| {
            let facts = self.facts(var.file);
            for def in &facts.defs[facts.vars[var.id].defs.range()] {
                let Some(id) = def.value else { continue };
                match def.kind {
                    DefKind::Assign | DefKind::Param => {
                        values.push(ValueRef { file: var.file, id })
                    }
                    DefKind::Declare => annotations.push(ValueRef { file: var.file, id }),
                    _ => {}
                }
            }
        };
        match key {
            PlaceKey::Var(var) => from_var(var),
            PlaceKey::Class(class, name) => {
                if let Some(&var) = self.files[class.file as usize]
                    .class_vars
                    .get(&(class.id, name))
                {
                    from_var(VarRef {
                        file: class.file,
                        id: var,
                    });
                }
            }
            PlaceKey::Instance(class, name) => {
                if let Some(stores) = self.class_info(class).and_then(|it| it.attrs.get(&name)) {
                    for store in stores {
                        let fact = self.facts(store.file).stores[store.id];
                        let Some(id) = fact.value else { continue };
                        match fact.kind {
                            StoreKind::Assign => values.push(ValueRef {
                                file: store.file,
                                id,
                            }),
                            StoreKind::Declare => annotations.push(ValueRef {
                                file: store.file,
                                id,
                            }),
                            _ => {}
                        }
                    }
                } else {
                    // `cls._instance.rows = []`: bound by way of a name for the instance.
                    let bound = self
                        .effects(key)
                        .iter()
                        .filter(|it| it.kind == EffectKind::Rebind && !it.is_inner);
                    values.extend(bound.filter_map(|it| {
                        Some(ValueRef {
                            file: it.func.file,
                            id: it.value?,
                        })
                    }));
                }
            }
            PlaceKey::Func(..) => {
                for effect in self
                    .effects(key)
                    .iter()
                    .filter(|it| it.kind == EffectKind::Rebind)
                {
                    if let Some(id) = effect.value {
                        values.push(ValueRef {
                            file: effect.func.file,
                            id,
                        });
                    }
                }
            }
        }
    }

    /// How a value holds its elements, when it is a container.
    #[must_use]
    pub fn holds(&self, value: ValueRef) -> Option<Holds> {
        match self.value(value) {
            ValueKind::List(_) => return Some(Holds::List),
            ValueKind::Dict(_) => return Some(Holds::Dict),
            ValueKind::Set(_) => return Some(Holds::Set),
            ValueKind::Str { .. } | ValueKind::Bytes(_) => return Some(Holds::List),
            _ => {}
        }
        let mut found = None;
        for entity in self.entities(value) {
            let holds = match entity {
                Entity::ExternalInstance(node) => self.library_holds(node, value),
                Entity::Instance(class) => self.class_holds(class),
                _ => None,
            };
            match holds {
                Some(Holds::Weak | Holds::Bounded) => return holds,
                Some(_) => found = holds,
                None => {}
            }
        }
        if found.is_none()
            && let ValueKind::Call(call) = self.value(value)
            && let Some(name) = last_name(
                self.facts(value.file),
                self.facts(value.file).calls[call].callee,
            )
            && self.models.is_bounded_name(name)
        {
            return Some(Holds::Bounded);
        }
        found
    }

    fn library_holds(&self, node: crate::models::NodeId, value: ValueRef) -> Option<Holds> {
        let (holds, bound) = self.models.container(node)?;
        if let (Some(bound), ValueKind::Call(call)) = (bound, self.value(value)) {
            let fact = &self.facts(value.file).calls[call];
            let given = self.argument(value.file, fact, Some(bound.position), &bound.keyword);
            let is_bounded = given.is_some_and(|it| {
                !matches!(
                    self.facts(value.file).values[it].kind,
                    ValueKind::None | ValueKind::Int(i32::MIN..=0)
                )
            });
            if is_bounded {
                return Some(Holds::Bounded);
            }
        }
        Some(holds)
    }

    /// A class of the program that is a container: by its bases, unless its name or its methods say that it evicts.
    fn class_holds(&self, class: ClassRef) -> Option<Holds> {
        let info = self.class_info(class)?;
        let holds = info
            .libraries
            .iter()
            .find_map(|&it| self.models.container(it))?
            .0;
        let evicts = info.mro.iter().any(|&it| {
            self.models.is_bounded_name(self.class_name(it))
                || self.class(it).methods.iter().any(|&id| {
                    let func = FuncRef { file: it.file, id };
                    let adds = matches!(
                        self.func_name(func),
                        "__setitem__"
                            | "append"
                            | "add"
                            | "put"
                            | "_put"
                            | "setdefault"
                            | "__missing__"
                            | "update"
                    );
                    // `tasks.prune()`: a method of its own, which somebody calls, drops what is done.
                    let is_own = |name: &str| {
                        !name.starts_with("__")
                            && self.models.method(name).is_none()
                            && !self.models.is_teardown(name)
                    };
                    let tends = || is_own(self.func_name(func)) && !self.callers(func).is_empty();
                    (adds || tends()) && self.calls_removal(func)
                })
        });
        Some(if evicts { Holds::Bounded } else { holds })
    }

    fn calls_removal(&self, func: FuncRef) -> bool {
        let facts = self.facts(func.file);
        let fact = &facts.funcs[func.id];
        facts.stores.as_slice()[fact.stores.range()]
            .iter()
            .any(|it| it.kind == StoreKind::Delete)
            || facts.calls.as_slice()[fact.calls.range()].iter().any(|it| {
                last_name(facts, it.callee).is_some_and(|name| {
                    self.models
                        .method(name)
                        .is_some_and(|it| !it.does.grows() && it.does != Mutation::Get)
                        || name.contains("evict")
                        || name.contains("prune")
                        || name.contains("expire")
                        || name.contains("trim")
                })
            })
    }
}
