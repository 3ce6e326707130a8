//! When does a container only grow?
//!
//! A container leaks when it stands in a place that lives as long as the process, grows after import with keys or elements
//! from an open domain, and nothing that can run bounds it. Most of the work is in the last clause: each bounding idiom is
//! one function below that names itself (`S1` … `S14` of the design), and what separates true from false among the rest is
//! evidence.
//!
//! ```python
//! CACHE = {}                       # candidate: a module's dict
//! def get(key):                    # nothing shows that it runs only once
//!     if key not in CACHE:
//!         CACHE[key] = load(key)   # grows: the key is a parameter whose callers are not all known
//!     return CACHE[key]            # no removal, no rebinding, no bound: a finding
//! ```

pub use crate::discover::ProgramKind;

use super::origin::Origins;
use crate::facts::model::{ContextKind, DefKind, Home, StoreKind, Usage, ValueId, ValueKind};
use crate::finding::Confidence;
use crate::link::effects::{Effect, EffectKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::runs::{Run, Why};
use crate::link::{ClassRef, Entity, FuncRef, PlaceKey, Program, VarRef};
use crate::models::{BaseKind, Holds, Mutation, Runs};

/// A container in a place.
#[derive(Clone, Debug)]
pub struct Container {
    /// The place.
    pub key: PlaceKey,
    /// How it holds; `None` when only the operations tell that it is a container.
    pub holds: Option<Holds>,
    /// The values that are bound to the place.
    pub values: Vec<ValueRef>,
}

/// A container that only grows.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The container.
    pub container: Container,
    /// The operation to point at.
    pub site: Effect,
    /// Other growing operations.
    pub others: Vec<Effect>,
    /// How often it runs.
    pub run: Run,
    /// Where its key comes from (of a list, the element).
    pub origins: Origins,
    /// How sure we are.
    pub confidence: Confidence,
    /// Evidence, as codes of the design.
    pub evidence: Vec<&'static str>,
    /// Bytes added at import, when that is what makes it large.
    pub import_bytes: Option<u64>,
    /// A bulk removal that nothing calls.
    pub uncalled_removal: Option<Effect>,
    /// Where keys are taken out of the container beside it that gets the same ones (E3).
    pub sibling: Option<Effect>,
}

impl Growth {
    /// Whether what is added is an exception with its traceback, and so all frames that it passed: a story of its own.
    #[must_use]
    pub fn keeps_frames(&self, program: &Program<'_>) -> bool {
        let file = self.site.func.file;
        self.site
            .value
            .is_some_and(|id| program.holds_traceback(self.site.func, ValueRef { file, id }))
    }
}

/// Growth at import counts from this many bytes on.
const LARGE_IMPORT: u64 = 16 << 20;

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
                    adds && self.calls_removal(func)
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

    /// Whether a place only grows, and how sure that is.
    #[must_use]
    pub fn growth(&self, key: PlaceKey, program: ProgramKind) -> Option<Growth> {
        // What tests do to a container says nothing about the program.
        let is_test = |file: u32| self.files[file as usize].is_test;
        let in_test = is_test(self.place_file(key));
        let effects: Vec<Effect> = self
            .effects(key)
            .iter()
            .filter(|it| in_test || !is_test(it.func.file))
            .copied()
            .collect();
        let effects = effects.as_slice();
        if !effects.iter().any(|it| it.kind.grows()) {
            return None;
        }
        let container = self.container(key)?;
        let mut judge = Judge {
            program: self,
            kind: program,
            key,
            effects,
            container: &container,
            uncalled: None,
        };
        if judge.is_bounded() {
            return None;
        }
        let mut sites: Vec<Candidate> = effects
            .iter()
            .filter_map(|it| judge.candidate(it))
            .collect();
        sites.sort_by_key(|it| {
            (
                std::cmp::Reverse(it.confidence),
                std::cmp::Reverse(it.run.often),
                it.effect.func,
                it.effect.at,
            )
        });
        let uncalled_removal = judge.uncalled;
        let best = sites.first()?.clone();
        Some(Growth {
            site: best.effect,
            others: sites[1..].iter().map(|it| it.effect).collect(),
            run: best.run,
            origins: best.origins,
            confidence: best.confidence,
            evidence: best.evidence,
            import_bytes: best.import_bytes,
            uncalled_removal,
            sibling: best.sibling,
            container,
        })
    }
}

#[derive(Clone)]
struct Candidate {
    effect: Effect,
    run: Run,
    origins: Origins,
    confidence: Confidence,
    evidence: Vec<&'static str>,
    import_bytes: Option<u64>,
    sibling: Option<Effect>,
}

struct Judge<'a, 'm> {
    program: &'a Program<'m>,
    kind: ProgramKind,
    key: PlaceKey,
    effects: &'a [Effect],
    container: &'a Container,
    uncalled: Option<Effect>,
}

impl Judge<'_, '_> {
    /// Whether something in the program bounds the container as a whole.
    fn is_bounded(&mut self) -> bool {
        self.is_shrunk()
            || self.is_rebound()
            || self.is_length_checked()
            || self.is_registry()
            || self.is_warn_once()
            || self.is_foreign_code()
    }

    /// S1: something is taken out, in code that can run.
    fn is_shrunk(&mut self) -> bool {
        for effect in self
            .effects
            .iter()
            .filter(|it| it.kind.shrinks() && !it.is_inner)
        {
            let is_bulk = effect.kind == EffectKind::Clear;
            if is_bulk && self.kind == ProgramKind::Application && self.is_never_called(effect.func)
            {
                self.uncalled.get_or_insert(*effect);
                continue;
            }
            return true;
        }
        let name = match self.key {
            PlaceKey::Class(_, name) | PlaceKey::Instance(_, name) | PlaceKey::Func(_, name) => {
                Some(name)
            }
            PlaceKey::Var(var) => Some(self.program.sym_of(var.file, self.program.var(var).name)),
        };
        name.is_some_and(|it| self.program.is_removal_guessed(it))
    }

    /// Whether no code of the program runs a function: it is a function or method that nothing calls or takes.
    fn is_never_called(&self, func: FuncRef) -> bool {
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
    fn is_rebound(&self) -> bool {
        self.effects.iter().any(|it| {
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
            !is_definition && !self.is_lazy_init(it) && !self.adds_to_itself(it)
        })
    }

    /// `if X is None: X = {}`
    fn is_lazy_init(&self, effect: &Effect) -> bool {
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

    fn is_behind_hasattr(&self, effect: &Effect) -> bool {
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

    /// Whether a value stands in the judged place.
    fn is_here(&self, file: u32, value: ValueId) -> bool {
        self.program
            .places(ValueRef { file, id: value })
            .iter()
            .any(|it| it.key == self.key && !it.is_inner)
    }

    /// `X = X + [v]`, `X = {**X, k: v}`: bound anew, but to itself and more.
    fn adds_to_itself(&self, effect: &Effect) -> bool {
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
    fn is_length_checked(&self) -> bool {
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

    fn is_length(&self, file: u32, value: ValueId) -> bool {
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
    fn is_warn_once(&self) -> bool {
        let grows = self.effects.iter().filter(|it| it.kind.grows());
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

    fn is_under_membership_test(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        self.program.under(file, effect.context, |it| match it {
            ContextKind::If { test, .. } => self.mentions_membership(file, facts, test, 4),
            _ => false,
        })
    }

    fn mentions_membership(
        &self,
        file: u32,
        facts: &crate::facts::model::FileFacts,
        test: ValueId,
        depth: u32,
    ) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        match facts.values[test].kind {
            ValueKind::Compare {
                op: crate::syntax::tree::CompareOp::In | crate::syntax::tree::CompareOp::NotIn,
                right,
                ..
            } => self.is_here(file, right),
            ValueKind::Not(inner) => self.mentions_membership(file, facts, inner, depth),
            ValueKind::And(rows) | ValueKind::Or(rows) => self
                .program
                .list(file, rows)
                .iter()
                .any(|&it| self.mentions_membership(file, facts, it, depth)),
            _ => false,
        }
    }

    /// S9: a registry. All growth is by functions that register what they are given.
    fn is_registry(&self) -> bool {
        let mut any = false;
        for effect in self
            .effects
            .iter()
            .filter(|it| it.kind.grows() && it.func.id.index() != 0)
        {
            any = true;
            if !self.registers(effect) {
                return false;
            }
        }
        any
    }

    fn registers(&self, effect: &Effect) -> bool {
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
            || program.models.is_registry(name.trim_start_matches('_'))
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
        if returns_it && fact.params.len() <= 2 && !fact.is_async {
            let is_decorator = program.calls_applied(func)
                || program.parent(func).is_some_and(|it| it.id.index() != 0)
                || self.kind == ProgramKind::Library;
            if is_decorator {
                return true;
            }
        }
        // A library's two-line public setter that stores its parameter.
        self.kind == ProgramKind::Library
            && fact.statements <= 2
            && matches!(stored, Some(ValueKind::Var(var)) if facts.vars[var].param.is_some())
            && !name.starts_with('_')
    }

    /// S12: test code, generated code, copies of somebody else's code.
    fn is_foreign_code(&self) -> bool {
        let file = &self.program.files[self.program.place_file(self.key) as usize];
        file.facts.is_generated
    }

    /// Judges one growing operation; `None` when it cannot grow the container without end.
    fn candidate(&self, effect: &Effect) -> Option<Candidate> {
        if !effect.kind.grows() {
            return None;
        }
        let program = self.program;
        if effect.kind == EffectKind::ReadInserts
            && !matches!(
                self.container.holds,
                Some(Holds::Defaultdict | Holds::Counter)
            )
        {
            return None;
        }
        let is_read = effect.kind == EffectKind::ReadInserts && effect.value.is_none();
        if is_read
            && (self.container.holds != Some(Holds::Defaultdict)
                || self.is_tested_somewhere(effect.func))
        {
            return None;
        }
        // An object that stores itself while it is finalized is brought back to life; that is another story.
        if program.func_name(effect.func) == "__del__" {
            return None;
        }
        if effect.kind == EffectKind::Augment && !self.is_augmented_container(effect) {
            return None;
        }
        if effect.is_inner && !self.is_inner_append(effect) {
            return None;
        }
        let run = program.runs(effect.func);
        let import_bytes = self.import_bytes(effect, run.often);
        if import_bytes.is_none()
            && (run.often < Runs::PerInstance
                || effect.func.id.index() == 0 && !self.is_endless(effect))
        {
            return None;
        }
        if run.why == Why::Name && run.often == Runs::Once
            || self.is_once_guarded(effect)
            || self.is_debug(effect)
            || self.is_removed_in_finally(effect)
        {
            return None;
        }
        let origins = self.origins(effect);
        if import_bytes.is_none() && self.is_closed_domain(effect, origins) {
            return None;
        }
        // What an object gives itself as it is made is there once for each object.
        if matches!(self.key, PlaceKey::Instance(..))
            && matches!(
                program.func_name(effect.func),
                "__init__" | "__new__" | "__post_init__" | "__setstate__" | "__attrs_post_init__"
            )
        {
            return None;
        }
        let sibling = self.sibling(effect);
        let (mut confidence, mut evidence) = self.confidence(effect, run, origins, import_bytes);
        if sibling.is_some() {
            evidence.push("E3");
            confidence = Confidence::High;
        }
        Some(Candidate {
            effect: *effect,
            run,
            origins,
            confidence,
            evidence,
            import_bytes,
            sibling,
        })
    }

    /// E3: another container of the owner gets the same key in the same function, and some other function takes keys out
    /// of that one, so that entries of this one are left behind.
    fn sibling(&self, effect: &Effect) -> Option<Effect> {
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
        let beside = program.sibling_effects(self.key);
        let has_same_key = |it: &&Effect| {
            it.place != self.key
                && !it.is_inner
                && it.func == effect.func
                && matches!(
                    it.kind,
                    EffectKind::Grow(Mutation::Setitem | Mutation::Setdefault | Mutation::Add)
                )
                && it
                    .key
                    .is_some_and(|other| self.is_same(file, key, other, 3))
                && !self.excludes(effect, it)
        };
        beside.iter().filter(has_same_key).find_map(|twin| {
            beside
                .iter()
                .find(|it| {
                    it.place == twin.place
                        && it.kind == EffectKind::Remove
                        && it.key.is_some()
                        && !it.is_inner
                        && it.func != effect.func
                        && !program.files[it.func.file as usize].is_test
                })
                .copied()
        })
    }

    /// Whether two values of a function are written alike.
    fn is_same(&self, file: u32, one: ValueId, other: ValueId, depth: u32) -> bool {
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
            _ => false,
        }
    }

    /// Whether two effects stand in different branches of one `if`.
    fn excludes(&self, one: &Effect, other: &Effect) -> bool {
        let file = one.func.file;
        self.program.under(file, one.context, |it| match it {
            ContextKind::If { test, outcome } => {
                self.program.under(file, other.context, |it| {
                    matches!(it, ContextKind::If { test: there, outcome: other } if there == test && other != outcome)
                })
            }
            _ => false,
        })
    }

    /// `X[k].append(v)`: an element of the container grows, and nothing empties or replaces elements.
    fn is_inner_append(&self, effect: &Effect) -> bool {
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

    fn is_endless(&self, effect: &Effect) -> bool {
        let facts = self.program.facts(effect.func.file);
        self.program.under(effect.func.file, effect.context, |it| {
            matches!(it, ContextKind::While { test, .. } if matches!(facts.values[test].kind, ValueKind::Bool(true) | ValueKind::Int(1)))
        })
    }

    /// `X += …` grows a container; on numbers it counts.
    fn is_augmented_container(&self, effect: &Effect) -> bool {
        if self.container.holds.is_none() {
            return false;
        }
        let is_text = self.container.values.iter().any(|&it| {
            matches!(
                self.program.value(it),
                ValueKind::Str { .. } | ValueKind::Bytes(_)
            )
        });
        !is_text
            || matches!(
                self.key,
                PlaceKey::Var(_) | PlaceKey::Class(..) | PlaceKey::Instance(..)
            ) && effect.value.is_some()
    }

    fn is_tested_somewhere(&self, func: FuncRef) -> bool {
        let facts = self.program.facts(func.file);
        facts.funcs[func.id].values.ids().any(|id: ValueId| {
            matches!(facts.values[id].kind, ValueKind::Compare { op: crate::syntax::tree::CompareOp::In | crate::syntax::tree::CompareOp::NotIn, right, .. } if self.is_here(func.file, right))
        })
    }

    /// Growth while the program starts: bytes of one element times the rounds of the loops around, when both are known.
    fn import_bytes(&self, effect: &Effect, often: Runs) -> Option<u64> {
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

    fn rounds(
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

    /// S4: behind a test that the place is empty, or of a flag that the function sets.
    fn is_once_guarded(&self, effect: &Effect) -> bool {
        let file = effect.func.file;
        let facts = self.program.facts(file);
        self.program.under(file, effect.context, |it| {
            let ContextKind::If { test, outcome } = it else {
                return false;
            };
            match facts.values[test].kind {
                ValueKind::Not(inner) => {
                    outcome && (self.is_here(file, inner) || self.is_own_flag(effect.func, inner))
                }
                ValueKind::Var(_) | ValueKind::Attr { .. } => {
                    !outcome && (self.is_here(file, test) || self.is_own_flag(effect.func, test))
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
                        && self.is_own_flag(effect.func, left)
                }
                _ => false,
            }
        })
    }

    /// Whether a value is a module (or class) variable that the function itself binds.
    fn is_own_flag(&self, func: FuncRef, value: ValueId) -> bool {
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
    fn is_debug(&self, effect: &Effect) -> bool {
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
    fn is_removed_in_finally(&self, effect: &Effect) -> bool {
        self.effects.iter().any(|it| {
            it.func == effect.func
                && it.kind.shrinks()
                && self
                    .program
                    .under(it.func.file, it.context, |c| c == ContextKind::Finally)
        })
    }

    /// Where the key comes from; of a container without keys, the element.
    fn origins(&self, effect: &Effect) -> Origins {
        let file = effect.func.file;
        let of = |it: Option<ValueId>| {
            it.map(|id| self.program.origins(effect.func, ValueRef { file, id }))
        };
        if effect.via.is_some() {
            // What the callee adds depends on the other arguments.
            let facts = self.program.facts(file);
            let call = facts.funcs[effect.func.id]
                .calls
                .ids()
                .find(|&id: &crate::facts::model::CallId| facts.calls[id].at == effect.at);
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
            EffectKind::Grow(Mutation::Update) => {
                of(effect.value).map(|it| it.with(Origins::ELEMENT))
            }
            _ => of(effect.value),
        }
        .unwrap_or(Origins::UNKNOWN)
    }

    /// S5 to S7, S15: as many keys as the program has constants, classes, functions or threads.
    fn is_closed_domain(&self, effect: &Effect, origins: Origins) -> bool {
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
        if origins.is_closed() || self.kind == ProgramKind::Library && origins.has(Origins::FINITE)
        {
            return true;
        }
        if origins.has(Origins::THREAD_IDENT) {
            return true;
        }
        self.is_key_compared(effect)
    }

    /// S7: the key comes from a loop over the container itself: `for k, v in X.items(): X[k] = …`
    fn is_own_key(&self, effect: &Effect) -> bool {
        let Some(key) = effect.key else { return false };
        let file = effect.func.file;
        let facts = self.program.facts(file);
        let ValueKind::Var(var) = facts.values[key].kind else {
            return false;
        };
        let defs = &facts.defs[facts.vars[var].defs.range()];
        !defs.is_empty()
            && defs.iter().all(|it| {
                matches!(it.kind, DefKind::Element(_) | DefKind::Unpack(_))
                    && it
                        .value
                        .is_some_and(|it| self.is_drawn_from_here(file, it, 4))
            })
    }

    fn is_drawn_from_here(&self, file: u32, iter: ValueId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        if self.is_here(file, iter) {
            return true;
        }
        let facts = self.program.facts(file);
        let ValueKind::Call(call) = facts.values[iter].kind else {
            return false;
        };
        let call = &facts.calls[call];
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && matches!(
                self.program.name(file, name),
                "items" | "keys" | "values" | "copy"
            )
        {
            return self.is_drawn_from_here(file, base, depth);
        }
        matches!(
            last_name(facts, call.callee),
            Some("list" | "tuple" | "sorted" | "set" | "enumerate")
        ) && facts.args[call.args.range()]
            .iter()
            .any(|it| self.is_drawn_from_here(file, it.value, depth))
    }

    /// S5: updated with a dict whose keys are constants, written here or returned by a function.
    fn is_constant_update(&self, effect: &Effect) -> bool {
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
    fn sorts_a_table(&self, effect: &Effect) -> bool {
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
            .sibling_effects(self.key)
            .iter()
            .filter(|it| {
                it.func == effect.func
                    && it.kind.grows()
                    && it
                        .key
                        .or(it.value)
                        .is_some_and(|other| self.is_same(file, key, other, 2))
            })
            .map(|it| it.place)
            .collect();
        others.dedup();
        others.len() >= 4
    }

    /// S7: the key was found in a container of constants, compared with constants, or made an attribute or import succeed.
    fn is_key_compared(&self, effect: &Effect) -> bool {
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

    fn is_constant_container(&self, file: u32, value: ValueId) -> bool {
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

    fn confidence(
        &self,
        effect: &Effect,
        run: Run,
        origins: Origins,
        import_bytes: Option<u64>,
    ) -> (Confidence, Vec<&'static str>) {
        let mut evidence = Vec::new();
        if import_bytes.is_some() {
            return (Confidence::High, vec!["large at import"]);
        }
        let is_append = matches!(
            effect.kind,
            EffectKind::Grow(Mutation::Append | Mutation::Extend | Mutation::Put)
                | EffectKind::Augment
        );
        if origins.has(Origins::THREAD_OBJECT) {
            evidence.push("E1");
        }
        if self.is_lock_per_key(effect) && origins.is_open() {
            evidence.push("E2");
        }
        let is_event = run.often == Runs::PerEvent;
        let is_loop = matches!(
            self.program.runs(self.program.entry_of(effect.func)).why,
            Why::Module | Why::Name
        ) || matches!(run.why, Why::Loop(_));
        let is_of_event = origins.has(Origins::EVENT)
            || origins.has(Origins::FRESH_ID)
            || is_loop && (origins.has(Origins::CALL) || origins.has(Origins::ELEMENT));
        if is_event && is_of_event {
            evidence.push("E5");
        }
        if is_event && is_append && origins.is_open() && self.program.is_never_read(self.key) {
            evidence.push("E6");
        }
        if origins.has(Origins::IDENTITY) {
            evidence.push("E7");
        }
        if origins.has(Origins::TEXT) || origins.has(Origins::FRESH_ID) {
            evidence.push("E8");
        }
        if self.has_open_name(effect) {
            evidence.push("E9");
        }
        let is_strong = evidence
            .iter()
            .any(|it| matches!(*it, "E1" | "E2" | "E5" | "E6"));
        let confidence = match self.kind {
            _ if is_strong => Confidence::High,
            ProgramKind::Application if origins.is_open() => Confidence::Medium,
            ProgramKind::Application => Confidence::Low,
            ProgramKind::Library if is_append && evidence.is_empty() => Confidence::Low,
            ProgramKind::Library if !evidence.is_empty() => Confidence::Medium,
            ProgramKind::Library => Confidence::Low,
        };
        (self.demoted(effect, confidence), evidence)
    }

    /// S14 and the like take one level away.
    fn demoted(&self, effect: &Effect, confidence: Confidence) -> Confidence {
        let down = |it| {
            if it == Confidence::High {
                Confidence::Medium
            } else {
                Confidence::Low
            }
        };
        let is_finite = self.has_finite_name(effect.func.file, effect.key, 3)
            && (self.kind == ProgramKind::Library || confidence == Confidence::High);
        // What is below a key is taken out again; only the keys may pile up.
        let is_emptied_inside = self.kind == ProgramKind::Library
            && !effect.is_inner
            && self
                .effects
                .iter()
                .any(|it| it.is_inner && it.kind == EffectKind::Remove);
        if is_finite && self.kind == ProgramKind::Library {
            return Confidence::Low;
        }
        if is_finite
            || is_emptied_inside
            || self.is_per_configuration(effect)
            || self.uncalled.is_some() && self.kind == ProgramKind::Library
        {
            down(confidence)
        } else {
            confidence
        }
    }

    /// S14: one engine, client, pool or module for each configured name.
    fn is_per_configuration(&self, effect: &Effect) -> bool {
        let Some(value) = effect.value else {
            return false;
        };
        let facts = self.program.facts(effect.func.file);
        let mut name = last_name(facts, value).unwrap_or("").to_ascii_lowercase();
        if let ValueKind::Var(var) = facts.values[value].kind
            && let [def] = &facts.defs[facts.vars[var].defs.range()]
            && let Some(of) = def.value.and_then(|it| last_name(facts, it))
        {
            name.push(' ');
            name.push_str(&of.to_ascii_lowercase());
        }
        [
            "engine",
            "client",
            "pool",
            "backend",
            "import_module",
            "driver",
            "dialect",
            "compile",
            "template",
        ]
        .iter()
        .any(|it| name.contains(it))
    }

    fn is_lock_per_key(&self, effect: &Effect) -> bool {
        let Some(value) = effect.value else {
            return false;
        };
        let names = [
            "threading.Lock",
            "threading.RLock",
            "threading.Semaphore",
            "threading.Event",
            "threading.Condition",
            "asyncio.Lock",
            "asyncio.Semaphore",
            "asyncio.Event",
        ];
        self.program
            .entities(ValueRef {
                file: effect.func.file,
                id: value,
            })
            .iter()
            .any(|it| match it {
                Entity::ExternalInstance(node) => names.contains(&self.program.api_text(*node)),
                _ => false,
            })
    }

    /// S6: the key is named like something of which a program has a few.
    fn has_finite_name(&self, file: u32, key: Option<ValueId>, depth: u32) -> bool {
        let (Some(key), Some(depth)) = (key, depth.checked_sub(1)) else {
            return false;
        };
        let facts = self.program.facts(file);
        match facts.values[key].kind {
            ValueKind::Var(var) => self
                .program
                .models
                .is_finite_name(&facts.names[facts.vars[var].name.0 as usize]),
            ValueKind::Attr { name, .. } => self
                .program
                .models
                .is_finite_name(self.program.name(file, name)),
            ValueKind::Tuple(rows) => {
                let rows = self.program.list(file, rows);
                !rows.is_empty()
                    && rows
                        .iter()
                        .all(|&it| self.has_finite_name(file, Some(it), depth))
            }
            _ => false,
        }
    }

    fn has_open_name(&self, effect: &Effect) -> bool {
        let facts = self.program.facts(effect.func.file);
        let mut id = effect.key.or(effect.value);
        for _ in 0..3 {
            let Some(value) = id else { return false };
            match facts.values[value].kind {
                ValueKind::Var(var) => {
                    let name = &*facts.names[facts.vars[var].name.0 as usize];
                    return self.program.models.is_open_name(name)
                        && facts.vars[var].param.is_some();
                }
                ValueKind::Tuple(rows) => {
                    return self
                        .program
                        .list(effect.func.file, rows)
                        .iter()
                        .any(|&it| match facts.values[it].kind {
                            ValueKind::Var(var) => {
                                facts.vars[var].param.is_some()
                                    && self
                                        .program
                                        .models
                                        .is_open_name(&facts.names[facts.vars[var].name.0 as usize])
                            }
                            _ => false,
                        });
                }
                ValueKind::Item { base, .. } | ValueKind::Attr { base, .. } => id = Some(base),
                _ => return false,
            }
        }
        false
    }
}

impl Program<'_> {
    /// Whether nothing reads what stands in a place, or only its length: otherwise nobody can miss what is removed.
    #[must_use]
    pub fn is_never_read(&self, key: PlaceKey) -> bool {
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
                (growth.site.func == wrapper && keeps).then_some(growth)
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

/// Whether a class's members are declarations rather than shared state.
#[must_use]
pub fn is_declarative(program: &Program<'_>, class: ClassRef) -> bool {
    [BaseKind::Declarative, BaseKind::Enum, BaseKind::Metaclass]
        .iter()
        .any(|&it| program.is_kind(class, it))
}
