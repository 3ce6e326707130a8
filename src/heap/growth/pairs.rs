//! Pairs: what is done to a container beside, or to the same container of a class beside, and not to this one.

use rustc_hash::FxHashSet;

use super::Judge;
use crate::facts::model::{StoreKind, ValueId, ValueKind};
use crate::heap::origin::Origins;
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, PlaceKey};
use crate::models::{Holds, Mutation};
use crate::syntax::tree::BinaryOp;

/// Classes beside one that are asked.
const BESIDE: usize = 32;

impl Judge<'_, '_> {
    /// E3: another container of the owner gets the same key in the same function, and some other function takes keys out
    /// of that one, so that entries of this one are left behind.
    pub(super) fn sibling(&self, effect: &Effect) -> Option<Effect> {
        let program = self.program;
        let key = effect.key?;
        let file = effect.func.file;
        let name = program.place_last_name(self.key).to_ascii_lowercase();
        if ["all", "history", "log", "total", "count", "stat"]
            .iter()
            .any(|it| name.contains(it))
        {
            return None;
        }
        let has_same_key = |it: &&Effect| {
            it.place != self.key
                && !it.is_inner
                && matches!(
                    it.kind,
                    EffectKind::Grow(Mutation::Setitem | Mutation::Setdefault | Mutation::Add)
                )
                && it
                    .key
                    .is_some_and(|other| self.is_same(file, key, other, 3))
                && !self.excludes(effect, it)
        };
        let beside = program.growth_beside(self.key, effect.func);
        beside.filter(has_same_key).find_map(|twin| {
            program
                .keyed_removals(twin.place)
                .find(|it| it.func != effect.func && !program.files[it.func.file as usize].is_test)
                .copied()
        })
    }

    /// Whether two values of a function are written alike.
    pub(super) fn is_same(&self, file: u32, one: ValueId, other: ValueId, depth: u32) -> bool {
        let facts = self.program.facts(file);
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        match (facts.values[one].kind, facts.values[other].kind) {
            (ValueKind::Var(one), ValueKind::Var(other)) => one == other,
            (
                ValueKind::Attr { base: one, name },
                ValueKind::Attr {
                    base: other,
                    name: other_name,
                },
            ) => name == other_name && self.is_same(file, one, other, depth),
            (ValueKind::Tuple(one), ValueKind::Tuple(other)) => {
                let (one, other) = (self.program.list(file, one), self.program.list(file, other));
                one.len() == other.len()
                    && one
                        .iter()
                        .zip(other)
                        .all(|(&one, &other)| self.is_same(file, one, other, depth))
            }
            // `id(x)` and `id(x)`.
            (ValueKind::Call(one), ValueKind::Call(other)) => {
                let (one, other) = (&facts.calls[one], &facts.calls[other]);
                let name = last_name(facts, one.callee);
                let args = |it: &crate::facts::model::CallF| &facts.args[it.args.range()];
                matches!(name, Some("id" | "str" | "hash"))
                    && name == last_name(facts, other.callee)
                    && matches!((args(one), args(other)), ([one], [other]) if self.is_same(file, one.value, other.value, depth))
            }
            _ => false,
        }
    }

    /// E4: a class beside, with a base in common, fills its container of the same name in its method of the same name, and
    /// takes keys out again; this one does not.
    pub(super) fn twin(&self, effect: &Effect) -> Option<Effect> {
        let program = self.program;
        let (class, place): (_, fn(ClassRef, crate::link::Sym) -> PlaceKey) = match self.key {
            PlaceKey::Class(class, _) => (class, PlaceKey::Class),
            PlaceKey::Instance(class, _) => (class, PlaceKey::Instance),
            _ => return None,
        };
        let (PlaceKey::Class(_, name) | PlaceKey::Instance(_, name)) = self.key else {
            return None;
        };
        let key = effect.key?;
        let origins = |it: &Effect, key| {
            let file = it.func.file;
            program.origins(it.func, ValueRef { file, id: key })
        };
        let own = origins(effect, key);
        let method = program.func_name(effect.func);
        self.classes_beside(class).into_iter().find_map(|other| {
            let effects = program.effects(place(other, name));
            let fills = effects.iter().any(|it| {
                it.kind == effect.kind
                    && it.is_inner == effect.is_inner
                    && program.func_name(it.func) == method
                    && it.key.is_some_and(|key| origins(it, key) == own)
            });
            if !fills {
                return None;
            }
            effects
                .iter()
                .find(|it| {
                    // The class has that method, too.
                    let undoes = program.sym_of(it.func.file, program.func(it.func).name);
                    it.kind == EffectKind::Remove
                        && !it.is_inner
                        && it.func != effect.func
                        && program.method(class, undoes).is_some()
                        && !program.files[it.func.file as usize].is_test
                })
                .copied()
        })
    }

    /// Classes with a base of the program in common, neither above nor below.
    fn classes_beside(&self, class: ClassRef) -> Vec<ClassRef> {
        let program = self.program;
        let above = program.mro(class);
        let mut seen: FxHashSet<ClassRef> = above.iter().copied().collect();
        let mut queue: Vec<ClassRef> = above
            .iter()
            .skip(1)
            .filter_map(|&it| program.class_info(it))
            .flat_map(|it| it.subclasses.iter().copied())
            .collect();
        let mut found = Vec::new();
        while let Some(it) = queue.pop() {
            if !seen.insert(it) || found.len() >= BESIDE {
                continue;
            }
            if let Some(info) = program.class_info(it) {
                if !info.mro.contains(&class) {
                    found.push(it);
                }
                queue.extend(&info.subclasses);
            }
        }
        found
    }

    /// What counts an element down that this counts up: `uses[k] += 1` … `uses[k] -= 1`. The key stays at zero.
    pub(super) fn counted_down(&self, effect: &Effect) -> Option<Effect> {
        let is_one = |it: &Effect, op: BinaryOp| {
            let facts = self.program.facts(it.func.file);
            it.kind == EffectKind::ReadInserts
                && !it.is_inner
                && it
                    .value
                    .is_some_and(|it| matches!(facts.values[it].kind, ValueKind::Int(1)))
                && facts.stores.as_slice()[facts.funcs[it.func.id].stores.range()]
                    .iter()
                    .any(|store| store.at == it.at && store.kind == StoreKind::Augment(op))
        };
        let counts = matches!(
            self.container.holds,
            Some(Holds::Counter | Holds::Defaultdict)
        );
        if !counts || !is_one(effect, BinaryOp::Add) {
            return None;
        }
        let mut down = self.effects.iter().filter(|it| is_one(it, BinaryOp::Sub));
        down.find(|it| !self.program.files[it.func.file as usize].is_test)
            .copied()
    }

    /// A weak container beside that gets the same keys: it forgets an object that is gone, and this one is not told.
    pub(super) fn weak_beside(&self, effect: &Effect) -> Option<Effect> {
        let program = self.program;
        let file = effect.func.file;
        let key = effect.key?;
        let stores = |it: &Effect| {
            !it.is_inner
                && matches!(
                    it.kind,
                    EffectKind::Grow(Mutation::Setitem | Mutation::Setdefault)
                )
        };
        let is_identity = program
            .origins(effect.func, ValueRef { file, id: key })
            .has(Origins::IDENTITY);
        let facts = program.facts(file);
        // `weakref.ref(key, self.forget)`: somebody is told.
        let is_told = facts.calls.as_slice()[facts.funcs[effect.func.id].calls.range()]
            .iter()
            .any(|it| {
                it.args.len() > 1
                    && matches!(
                        last_name(facts, it.callee),
                        Some("ref" | "finalize" | "KeyedRef")
                    )
            });
        if !is_identity || !stores(effect) || is_told {
            return None;
        }
        program
            .growth_beside(self.key, effect.func)
            .find(|it| {
                it.place != self.key
                    && stores(it)
                    && it
                        .key
                        .is_some_and(|other| self.is_same(file, key, other, 3))
                    && program
                        .place_values(it.place)
                        .iter()
                        .any(|&value| program.holds(value) == Some(Holds::Weak))
            })
            .copied()
    }

    /// Whether only calls take keys out, and none is made by a weak reference: what a weak container beside forgets stays.
    pub(super) fn is_forgotten_beside(&self) -> bool {
        let program = self.program;
        let mut removals = self.effects.iter().filter(|it| it.kind.shrinks());
        removals.all(|it| {
            it.kind == EffectKind::Remove
                && !program.is_taken(it.func)
                && program.class_of(it.func).is_some()
                && !matches!(program.func_name(it.func), "__del__" | "__exit__")
        }) && self
            .effects
            .iter()
            .any(|it| it.kind.grows() && self.weak_beside(it).is_some())
    }
}
