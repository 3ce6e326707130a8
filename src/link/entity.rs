//! What a value stands for: a module, a class, a function, an instance, a name of a library.
//!
//! Asked on demand, without flow: a variable stands for what its few bindings stand for. The answer is a small set, empty
//! when unknown; a budget of steps keeps each question cheap and ends cycles.
//!
//! ```python
//! from app import store          # Module(app/store.py)
//! CACHE = store.make()           # Instance(Cache), because `make` returns `Cache()`
//! CACHE.add                      # Bound(Cache.add)
//! ```

use crate::base::Span;
use smallvec::SmallVec;

use super::classes::Member;
use super::modules::{Imported, ModuleNode};
use super::program::{ClassRef, FuncRef, Program, Sym, ValueRef, VarRef};
use crate::facts::model::{CallF, DefKind, Home, ResultKind, StoreKind, ValueId, ValueKind};
use crate::limits;
use crate::models::NodeId;

/// What a value may stand for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Entity {
    /// A file of the program, as a module.
    Module(u32),
    /// A package of the program without a file.
    Namespace(ModuleNode),
    /// A class of the program.
    Class(ClassRef),
    /// A function of the program.
    Func(FuncRef),
    /// A method bound to an instance or class.
    Bound(FuncRef),
    /// An instance of a class of the program, or of a subclass.
    Instance(ClassRef),
    /// `super()` inside a method of the class.
    Super(ClassRef),
    /// A name of a library.
    External(NodeId),
    /// What calling a name of a library gives.
    ExternalInstance(NodeId),
}

/// A few entities; empty when unknown.
pub type Entities = SmallVec<[Entity; 2]>;

impl Program<'_> {
    /// What a value may stand for.
    #[must_use]
    pub fn entities(&self, value: ValueRef) -> Entities {
        if let Some(known) = self.calls.callees.get(value) {
            return known.into();
        }
        let mut fuel = limits::ENTITY_FUEL;
        let mut out = Entities::new();
        self.add_entities(value, &mut fuel, &mut out);
        self.with_taught(out)
    }

    /// What a variable may stand for.
    #[must_use]
    pub fn var_entities(&self, var: VarRef) -> Entities {
        let mut fuel = limits::ENTITY_FUEL;
        let mut out = Entities::new();
        self.add_var(var, None, &mut fuel, &mut out);
        self.with_taught(out)
    }

    /// The library name that a value is, if it is just one.
    #[must_use]
    pub fn external(&self, value: ValueRef) -> Option<NodeId> {
        let external = |it: &Entity| match it {
            Entity::External(node) => Some(*node),
            _ => None,
        };
        match self.calls.callees.get(value) {
            Some(known) => known.iter().find_map(external),
            None => self.entities(value).iter().find_map(external),
        }
    }

    fn add_entities(&self, value: ValueRef, fuel: &mut u32, out: &mut Entities) {
        if *fuel == 0 {
            return;
        }
        *fuel -= 1;
        let file = value.file;
        let at = |id: ValueId| ValueRef { file, id };
        match self.value(value) {
            ValueKind::Var(var) => {
                self.add_var(VarRef { file, id: var }, Some(value.id), fuel, out)
            }
            ValueKind::Attr { base, name } => {
                let mut bases = Entities::new();
                self.add_entities(at(base), fuel, &mut bases);
                let name = self.sym_of(file, name);
                for base in bases {
                    self.add_attr(base, name, file, fuel, out);
                }
            }
            ValueKind::Call(call) => {
                let fact = &self.facts(file).calls[call];
                if let Some(made) = self.made_by_new(file, fact) {
                    let mut classes = Entities::new();
                    self.add_entities(at(made), fuel, &mut classes);
                    self.instances(&classes, out);
                    return;
                }
                let mut callees = Entities::new();
                self.add_entities(at(fact.callee), fuel, &mut callees);
                for callee in callees {
                    self.add_result(callee, value, fact.func, fuel, out);
                }
            }
            ValueKind::Await(inner) | ValueKind::Walrus { value: inner, .. } => {
                self.add_entities(at(inner), fuel, out)
            }
            ValueKind::Choice(rows) => {
                for &branch in self.list(file, rows).iter().skip(1) {
                    self.add_entities(at(branch), fuel, out);
                }
            }
            ValueKind::Or(rows) => {
                for &operand in self.list(file, rows) {
                    self.add_entities(at(operand), fuel, out);
                }
            }
            ValueKind::And(rows) => {
                if let Some(&last) = self.list(file, rows).last() {
                    self.add_entities(at(last), fuel, out);
                }
            }
            ValueKind::Func(func) => push(out, Entity::Func(FuncRef { file, id: func })),
            ValueKind::List(_) => self.push_builtin("list", out),
            ValueKind::Dict(_) => self.push_builtin("dict", out),
            ValueKind::Set(_) => self.push_builtin("set", out),
            ValueKind::Comp { kind, .. } => {
                use crate::syntax::tree::CompKind;
                match kind {
                    CompKind::List => self.push_builtin("list", out),
                    CompKind::Dict => self.push_builtin("dict", out),
                    CompKind::Set => self.push_builtin("set", out),
                    CompKind::Generator => {}
                }
            }
            ValueKind::Binary { left, right, .. } => {
                // `[None] * n` and `a + b` of containers are containers.
                self.add_entities(at(left), fuel, out);
                if out.is_empty() {
                    self.add_entities(at(right), fuel, out);
                }
            }
            _ => {}
        }
    }

    /// `super().__new__(cls)`, `object.__new__(cls)`: the class of which it makes an instance.
    fn made_by_new(&self, file: u32, call: &CallF) -> Option<ValueId> {
        let facts = self.facts(file);
        match facts.values[call.callee].kind {
            ValueKind::Attr { name, .. } if self.name(file, name) == "__new__" => {
                self.argument(file, call, Some(0), "cls")
            }
            _ => None,
        }
    }

    fn push_builtin(&self, name: &str, out: &mut Entities) {
        if let Some(&node) = self
            .sym(name)
            .and_then(|it| self.api.get(&(self.builtins, it)))
        {
            push(out, Entity::ExternalInstance(node));
        }
    }

    /// What a variable stands for, where it is read or anywhere.
    /// Where a module binds the name of a class to the one instance, `Registry = Registry()`, and what is called there.
    fn own_instance(&self, var: VarRef) -> Option<(Span, ValueId)> {
        let facts = self.facts(var.file);
        let fact = &facts.vars[var.id];
        let [first, second] = &facts.defs[fact.defs.range()] else {
            return None;
        };
        if fact.home != Home::Module
            || !matches!(first.kind, DefKind::Class(_))
            || second.kind != DefKind::Assign
            || second.context.is_some()
            || second.func != first.func
        {
            return None;
        }
        let ValueKind::Call(call) = facts.values[second.value?].kind else {
            return None;
        };
        let callee = facts.calls[call].callee;
        (facts.values[callee].kind == ValueKind::Var(var.id)).then_some((second.at, callee))
    }

    fn add_var(&self, var: VarRef, at: Option<ValueId>, fuel: &mut u32, out: &mut Entities) {
        let file = var.file;
        let fact = self.var(var);
        if fact.defs.is_empty() {
            if fact.home == Home::Module {
                let name = self.sym_of(file, fact.name);
                match self.starred(file, name, 0) {
                    Imported::Unknown => {
                        if let Some(&node) = self.api.get(&(self.builtins, name)) {
                            push(out, Entity::External(node));
                        }
                    }
                    found => self.add_imported(found, fuel, out),
                }
            }
            return;
        }
        if fact.param == Some(0)
            && let Some(&(class, is_class)) = self.files[file as usize].selfs.get(&var.id)
        {
            let class = ClassRef { file, id: class };
            push(
                out,
                if is_class {
                    Entity::Class(class)
                } else {
                    Entity::Instance(class)
                },
            );
            return;
        }
        let instance = self.own_instance(var);
        for def in self
            .facts(file)
            .reaching(at, var.id)
            .filter(|it| !matches!(it.kind, DefKind::Delete | DefKind::Augment(_)))
            .filter(|it| match instance {
                // The class is meant where the instance is made, the instance elsewhere.
                Some((made, callee)) => (it.at == made) == (at != Some(callee)),
                None => true,
            })
            .take(limits::DEFS_FOLLOWED)
        {
            match def.kind {
                DefKind::Assign | DefKind::With => {
                    if let Some(value) = def.value {
                        self.add_entities(ValueRef { file, id: value }, fuel, out);
                    }
                }
                DefKind::Function(id) => push(out, Entity::Func(FuncRef { file, id })),
                DefKind::Class(id) => push(out, Entity::Class(ClassRef { file, id })),
                DefKind::Import(_) if *fuel == 0 => {}
                DefKind::Import(id) => {
                    *fuel -= 1;
                    let target = self.imported(file, id);
                    self.add_imported(target, fuel, out);
                }
                DefKind::Declare => {
                    if let Some(value) = def.value {
                        self.add_annotated(ValueRef { file, id: value }, fuel, out);
                    }
                }
                DefKind::Param => {
                    let param = fact.param.map(|it| {
                        self.facts(file).params
                            [self.facts(file).funcs[fact.func].params.start as usize + it as usize]
                    });
                    if let Some(annotation) = param.and_then(|it| it.annotation) {
                        self.add_annotated(
                            ValueRef {
                                file,
                                id: annotation,
                            },
                            fuel,
                            out,
                        );
                    }
                }
                DefKind::Element(None) => {
                    if let Some(value) = def.value
                        && let ValueKind::List(rows) | ValueKind::Tuple(rows) | ValueKind::Set(rows) =
                            self.facts(file).values[value].kind
                    {
                        for &element in self.list(file, rows).iter().take(limits::DEFS_FOLLOWED) {
                            self.add_entities(ValueRef { file, id: element }, fuel, out);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn add_imported(&self, target: Imported, fuel: &mut u32, out: &mut Entities) {
        match target {
            Imported::Module(file) => push(out, Entity::Module(file)),
            Imported::Namespace(node) => push(out, Entity::Namespace(node)),
            Imported::Var(var) if *fuel > 0 => {
                *fuel -= 1;
                self.add_var(var, None, fuel, out);
            }
            Imported::External(node) => push(out, Entity::External(node)),
            Imported::Var(_) | Imported::Unknown => {}
        }
    }

    /// Instances of an annotated type: `T`, `"T"`, `Optional[T]`, `T | None`, `list[T]` (a list), `Annotated[T, …]`.
    fn add_annotated(&self, annotation: ValueRef, fuel: &mut u32, out: &mut Entities) {
        if *fuel == 0 {
            return;
        }
        *fuel -= 1;
        let file = annotation.file;
        let at = |id: ValueId| ValueRef { file, id };
        match self.value(annotation) {
            ValueKind::Str {
                text: Some(text), ..
            } => {
                let text = self.name(file, text);
                let plain = text.split('[').next().unwrap_or(text);
                if let Some(var) = self
                    .sym(plain)
                    .and_then(|it| self.files[file as usize].globals.get(&it))
                {
                    let mut classes = Entities::new();
                    self.add_var(VarRef { file, id: *var }, None, fuel, &mut classes);
                    self.instances(&classes, out);
                }
            }
            ValueKind::Item { base, key } => {
                let last = crate::link::program::last_name(self.facts(file), base).unwrap_or("");
                match last {
                    "Optional" | "Annotated" | "Final" | "ClassVar" | "Union" | "InitVar"
                    | "Required" | "NotRequired" => match self.facts(file).values[key].kind {
                        ValueKind::Tuple(rows) => {
                            let count = if last == "Annotated" {
                                1
                            } else {
                                limits::DEFS_FOLLOWED
                            };
                            for &part in self.list(file, rows).iter().take(count) {
                                self.add_annotated(at(part), fuel, out);
                            }
                        }
                        _ => self.add_annotated(at(key), fuel, out),
                    },
                    "Type" | "type" => {
                        let mut classes = Entities::new();
                        self.add_entities(at(key), fuel, &mut classes);
                        for class in classes {
                            push(out, class);
                        }
                    }
                    _ => self.add_annotated(at(base), fuel, out),
                }
            }
            ValueKind::Binary { left, right, .. } => {
                self.add_annotated(at(left), fuel, out);
                self.add_annotated(at(right), fuel, out);
            }
            ValueKind::Var(_) | ValueKind::Attr { .. } => {
                let mut classes = Entities::new();
                self.add_entities(annotation, fuel, &mut classes);
                self.instances(&classes, out);
            }
            _ => {}
        }
    }

    fn instances(&self, classes: &Entities, out: &mut Entities) {
        for class in classes {
            match *class {
                Entity::Class(class) => push(out, Entity::Instance(class)),
                Entity::External(node) => {
                    push(out, Entity::ExternalInstance(self.builtin_alias(node)))
                }
                _ => {}
            }
        }
    }

    /// `typing.Dict` annotates what `builtins.dict` makes.
    fn builtin_alias(&self, node: NodeId) -> NodeId {
        let text = self.api_text(node);
        let plain = match text.strip_prefix("typing.") {
            Some("Dict" | "MutableMapping" | "Mapping") => "dict",
            Some("List" | "MutableSequence" | "Sequence") => "list",
            Some("Set" | "MutableSet") => "set",
            _ => return node,
        };
        self.sym(plain)
            .and_then(|it| self.api.get(&(self.builtins, it)))
            .copied()
            .unwrap_or(node)
    }

    fn add_attr(&self, base: Entity, name: Sym, from: u32, fuel: &mut u32, out: &mut Entities) {
        if *fuel == 0 {
            return;
        }
        *fuel -= 1;
        match base {
            Entity::Module(file) => {
                let target = self.member(from, Imported::Module(file), name, 0);
                self.add_imported(target, fuel, out);
            }
            Entity::Namespace(node) => {
                let target = self.member(from, Imported::Namespace(node), name, 0);
                self.add_imported(target, fuel, out);
            }
            Entity::External(node) => {
                if let Some(&child) = self.api.get(&(node, name)) {
                    push(out, Entity::External(child));
                }
            }
            Entity::ExternalInstance(node) => {
                if let Some(&child) = self.api.get(&(node, name)) {
                    push(out, Entity::External(child));
                }
            }
            Entity::Class(class) => self.add_member(class, name, false, fuel, out),
            Entity::Instance(class) if self.text(name) == "__class__" => {
                push(out, Entity::Class(class));
            }
            Entity::Instance(class) => self.add_member(class, name, true, fuel, out),
            Entity::Super(class) => {
                for &base in self.mro(class).iter().skip(1) {
                    if let Some(func) = self.own_method(base, name) {
                        push(out, Entity::Bound(func));
                        return;
                    }
                }
                self.add_library_member(class, name, out);
            }
            Entity::Func(_) | Entity::Bound(_) => {}
        }
    }

    fn add_member(
        &self,
        class: ClassRef,
        name: Sym,
        is_instance: bool,
        fuel: &mut u32,
        out: &mut Entities,
    ) {
        match self.member_of(class, name) {
            Some(Member::Method(func)) => {
                if is_instance && self.is_property(func) {
                    self.add_returned(func, fuel, out);
                } else {
                    push(
                        out,
                        if is_instance {
                            Entity::Bound(func)
                        } else {
                            Entity::Func(func)
                        },
                    );
                }
            }
            Some(Member::Var(owner, var)) => {
                self.add_var(var, None, fuel, out);
                let stores = self
                    .class_info(owner)
                    .and_then(|it| it.statics.get(&name))
                    .map_or(&[][..], Vec::as_slice);
                for store in stores.iter().take(limits::DEFS_FOLLOWED) {
                    let fact = &self.facts(store.file).stores[store.id];
                    if let Some(id) = fact.value {
                        let file = store.file;
                        self.add_entities(ValueRef { file, id }, fuel, out);
                    }
                }
            }
            Some(Member::Attr(_)) => {
                let stores: SmallVec<[_; 4]> = self
                    .attr_stores(class, name)
                    .take(limits::DEFS_FOLLOWED)
                    .collect();
                for store in stores {
                    let fact = &self.facts(store.file).stores[store.id];
                    let Some(value) = fact.value else { continue };
                    let value = ValueRef {
                        file: store.file,
                        id: value,
                    };
                    match fact.kind {
                        StoreKind::Assign => self.add_entities(value, fuel, out),
                        StoreKind::Declare => self.add_annotated(value, fuel, out),
                        _ => {}
                    }
                }
            }
            None => self.add_library_member(class, name, out),
        }
    }

    fn add_library_member(&self, class: ClassRef, name: Sym, out: &mut Entities) {
        let Some(info) = self.class_info(class) else {
            return;
        };
        for &library in &info.libraries {
            if let Some(&child) = self.api.get(&(library, name)) {
                push(out, Entity::External(child));
            }
        }
    }

    fn add_result(
        &self,
        callee: Entity,
        call: ValueRef,
        func: crate::facts::model::FuncId,
        fuel: &mut u32,
        out: &mut Entities,
    ) {
        match callee {
            Entity::Class(class) => push(out, Entity::Instance(class)),
            Entity::Func(func) | Entity::Bound(func) => self.add_returned(func, fuel, out),
            Entity::External(node) => match self.api_text(node) {
                "builtins.super" => {
                    if let Some(class) = self.class_of(FuncRef {
                        file: call.file,
                        id: func,
                    }) {
                        push(out, Entity::Super(class));
                    }
                }
                // `type(x)` is the class of `x`.
                "builtins.type" => {
                    if let ValueKind::Call(id) = self.value(call) {
                        let fact = self.facts(call.file).calls[id];
                        if let [arg] = &self.facts(call.file).args[fact.args.range()] {
                            let of = ValueRef {
                                file: call.file,
                                id: arg.value,
                            };
                            let mut objects = Entities::new();
                            self.add_entities(of, fuel, &mut objects);
                            for object in objects {
                                if let Entity::Instance(class) = object {
                                    push(out, Entity::Class(class));
                                }
                            }
                        }
                    }
                }
                "typing.cast" => {
                    if let ValueKind::Call(id) = self.value(call) {
                        let fact = self.facts(call.file).calls[id];
                        if let Some(typ) = self.argument(call.file, &fact, Some(0), "typ") {
                            self.add_annotated(
                                ValueRef {
                                    file: call.file,
                                    id: typ,
                                },
                                fuel,
                                out,
                            );
                        }
                    }
                }
                _ => push(out, Entity::ExternalInstance(node)),
            },
            _ => {}
        }
    }

    fn add_returned(&self, func: FuncRef, fuel: &mut u32, out: &mut Entities) {
        let fact = self.func(func);
        if fact.is_generator {
            return;
        }
        let results = &self.facts(func.file).results[fact.results.range()];
        let mut any = false;
        for result in results
            .iter()
            .filter(|it| it.kind == ResultKind::Return)
            .take(limits::DEFS_FOLLOWED)
        {
            if let Some(value) = result.value {
                any = true;
                self.add_entities(
                    ValueRef {
                        file: func.file,
                        id: value,
                    },
                    fuel,
                    out,
                );
            }
        }
        if out.is_empty()
            && any
            && let Some(annotation) = fact.returns
        {
            self.add_annotated(
                ValueRef {
                    file: func.file,
                    id: annotation,
                },
                fuel,
                out,
            );
        }
    }

    /// The call that a value is the result of, through names with one binding, also imported ones.
    #[must_use]
    pub fn bound_call(&self, value: ValueRef) -> Option<ValueRef> {
        let mut at = value;
        for _ in 0..limits::REEXPORT_HOPS {
            match self.value(at) {
                ValueKind::Call(_) => return Some(at),
                ValueKind::Var(id) => {
                    let var = VarRef { file: at.file, id };
                    let var = self.imported_var(var).unwrap_or(var);
                    let facts = self.facts(var.file);
                    let [def] = &facts.defs[facts.vars[var.id].defs.range()] else {
                        return None;
                    };
                    at = ValueRef {
                        file: var.file,
                        id: def.value.filter(|_| def.kind == DefKind::Assign)?,
                    };
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether a method is read like an attribute.
    #[must_use]
    pub fn is_property(&self, func: FuncRef) -> bool {
        let facts = self.facts(func.file);
        self.list(func.file, facts.funcs[func.id].decorators)
            .iter()
            .any(|&it| {
                matches!(
                    super::program::last_name(facts, it),
                    Some(
                        "property"
                            | "cached_property"
                            | "setter"
                            | "abstractproperty"
                            | "classproperty"
                    )
                )
            })
    }
}

fn push(out: &mut Entities, entity: Entity) {
    if out.len() < 8 && !out.contains(&entity) {
        out.push(entity);
    }
}
