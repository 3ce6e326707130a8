//! What a value keeps alive among the variables of its function and the objects that the function makes.
//!
//! ```python
//! on_done = lambda: self.finish(text)       # keeps `self` and `text`
//! calls = [partial(send, message), peer]    # keeps `message` and `peer`
//! ```

use smallvec::SmallVec;

use crate::facts::model::{CallId, DefKind, FuncId, ValueId, ValueKind, VarId};
use crate::link::program::ValueRef;
use crate::link::{ClassRef, Entity, PlaceKey, Program, Sym, VarRef};
use crate::syntax::tree::CompKind;

/// A node of a function's object graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Object {
    /// What a variable holds.
    Var(VarId),
    /// What a call makes.
    New(CallId),
    /// What stands in an attribute of what a variable holds.
    Part(VarId, Sym),
}

impl Program<'_> {
    /// The object that an expression is, when it is a variable (or an alias of one) or a new object.
    pub(super) fn object_of(&self, file: u32, value: ValueId) -> Option<Object> {
        match self.facts(file).values[value].kind {
            ValueKind::Var(var) => Some(Object::Var(self.alias(file, var))),
            ValueKind::Call(call) if self.is_construction(file, call) => Some(Object::New(call)),
            ValueKind::Attr { base, name } => match self.facts(file).values[base].kind {
                ValueKind::Var(var) => {
                    Some(Object::Part(self.alias(file, var), self.sym_of(file, name)))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// A variable whose one binding is another variable is that one.
    pub(super) fn alias(&self, file: u32, var: VarId) -> VarId {
        let facts = self.facts(file);
        match &facts.defs[facts.vars[var].defs.range()] {
            [def] if def.kind == DefKind::Assign => match def.value.map(|it| facts.values[it].kind)
            {
                Some(ValueKind::Var(other)) => other,
                _ => var,
            },
            _ => var,
        }
    }

    /// What a value keeps alive: variables of the function, and objects made in the expression.
    #[must_use]
    pub fn reach(&self, value: ValueRef) -> SmallVec<[Object; 2]> {
        let mut out = SmallVec::new();
        self.add_reach(value, 6, &mut out);
        out
    }

    fn add_reach(&self, value: ValueRef, depth: u32, out: &mut SmallVec<[Object; 2]>) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let file = value.file;
        let facts = self.facts(file);
        let at = |id| ValueRef { file, id };
        let mut push = |object| {
            if !out.contains(&object) {
                out.push(object);
            }
        };
        match self.value(value) {
            ValueKind::Var(var) => {
                let read = Some(value.id).filter(|_| self.alias(file, var) == var);
                let var = self.alias(file, var);
                push(Object::Var(var));
                let mut defs = facts.reaching(read, var);
                if let (Some(def), None) = (defs.next(), defs.next()) {
                    match (def.kind, def.value) {
                        (DefKind::Function(func), _) => {
                            self.captured(file, func, &mut |it| push(Object::Var(it)))
                        }
                        // Its methods keep what they name.
                        (DefKind::Class(class), _) => {
                            for &method in &facts.classes[class].methods {
                                self.captured(file, method, &mut |it| push(Object::Var(it)));
                            }
                        }
                        // `n = Node(self)`: the variable, and the object it was bound to.
                        (DefKind::Assign, Some(id)) => {
                            if let ValueKind::Call(call) = facts.values[id].kind
                                && self.is_construction(file, call)
                            {
                                push(Object::New(call));
                            } else if matches!(facts.values[id].kind, ValueKind::Func(_)) {
                                self.add_reach(at(id), depth, out);
                            }
                        }
                        _ => {}
                    }
                }
            }
            ValueKind::Func(func) => self.captured(file, func, &mut |it| push(Object::Var(it))),
            ValueKind::Attr { base, name } => {
                if let ValueKind::Var(var) = facts.values[base].kind {
                    let var = self.alias(file, var);
                    push(if self.is_bound_method(value) {
                        Object::Var(var)
                    } else {
                        Object::Part(var, self.sym_of(file, name))
                    });
                } else if let ValueKind::Attr { base: owner, name } = facts.values[base].kind
                    && let ValueKind::Var(var) = facts.values[owner].kind
                    && self.is_bound_method(value)
                {
                    push(Object::Part(self.alias(file, var), self.sym_of(file, name)));
                }
            }
            // A list is filled at once; a generator waits with what it iterates.
            ValueKind::Comp {
                kind,
                element,
                iter,
            } => {
                self.add_reach(at(element), depth, out);
                if kind == CompKind::Generator {
                    self.add_reach(at(iter), depth, out);
                }
            }
            ValueKind::List(rows)
            | ValueKind::Tuple(rows)
            | ValueKind::Set(rows)
            | ValueKind::Dict(rows) => {
                for &element in self.list(file, rows).iter().take(32) {
                    self.add_reach(at(element), depth, out);
                }
            }
            ValueKind::Or(rows) => {
                for &operand in self.list(file, rows) {
                    self.add_reach(at(operand), depth, out);
                }
            }
            ValueKind::Choice(rows) => {
                for &branch in self.list(file, rows).iter().skip(1) {
                    self.add_reach(at(branch), depth, out);
                }
            }
            ValueKind::Walrus { value, .. } | ValueKind::Star(value) => {
                self.add_reach(at(value), depth, out)
            }
            ValueKind::Call(call) => {
                let fact = &facts.calls[call];
                let args = &facts.args[fact.args.range()];
                if self.is_construction(file, call) {
                    push(Object::New(call));
                } else if let Some(kept) = self.kept_arguments(file, call) {
                    for arg in args.iter().skip(kept) {
                        self.add_reach(at(arg.value), depth, out);
                    }
                } else if self.makes_frame(file, call) {
                    // A generator or coroutine waits with its arguments, the instance among them.
                    self.add_reach(at(fact.callee), depth, out);
                    for arg in args {
                        self.add_reach(at(arg.value), depth, out);
                    }
                }
            }
            _ => {}
        }
    }

    /// From which argument on a library object holds what it is given: partials, bound methods, wrapped caches, the callback
    /// of a weak reference. A thread lets go of its target when it has run, so it forms no cycle; what a running one holds
    /// is no garbage.
    fn kept_arguments(&self, file: u32, call: CallId) -> Option<usize> {
        let facts = self.facts(file);
        let callee = facts.calls[call].callee;
        self.entities(ValueRef { file, id: callee })
            .iter()
            .find_map(|it| match it {
                Entity::External(node) => self.models.holder(*node),
                // `lru_cache(maxsize=None)(self._load)`
                Entity::ExternalInstance(node) => self.models.cache(*node).map(|_| 0),
                _ => None,
            })
    }

    /// Whether a call makes a generator or a coroutine, which starts later.
    fn makes_frame(&self, file: u32, call: CallId) -> bool {
        let targets = self.targets(file, call);
        !targets.is_empty()
            && targets.iter().all(|it| {
                let fact = self.func(it.func);
                (fact.is_generator || fact.is_async) && fact.decorators.is_empty()
            })
    }

    /// Whether an attribute is a method that takes the instance.
    #[must_use]
    pub fn is_bound_method(&self, value: ValueRef) -> bool {
        self.entities(value).iter().any(|it| match it {
            // What a decorator makes of it is something else: a property's value, a function of the class.
            Entity::Bound(func) => self
                .list(func.file, self.func(*func).decorators)
                .iter()
                .all(|&it| {
                    matches!(
                        crate::link::program::last_name(self.facts(func.file), it),
                        Some("override" | "final" | "abstractmethod")
                    )
                }),
            _ => false,
        })
    }

    /// Variables that a function keeps in cells, through nested functions that it keeps.
    pub fn captured(&self, file: u32, func: FuncId, found: &mut impl FnMut(VarId)) {
        let facts = self.facts(file);
        let mut queue: SmallVec<[FuncId; 4]> = SmallVec::from_slice(&[func]);
        let mut seen: SmallVec<[FuncId; 4]> = SmallVec::new();
        while let Some(next) = queue.pop() {
            if seen.contains(&next) || seen.len() > 16 {
                continue;
            }
            seen.push(next);
            for &var in &facts.funcs[next].free {
                found(var);
                for def in &facts.defs[facts.vars[var].defs.range()] {
                    if let DefKind::Function(sibling) = def.kind {
                        queue.push(sibling);
                    }
                }
            }
            // Defaults are kept too: `lambda b=big: …`.
            for param in &facts.params[facts.funcs[next].params.range()] {
                if let Some(default) = param.default
                    && let ValueKind::Var(var) = facts.values[default].kind
                {
                    found(var);
                }
            }
        }
    }

    /// The class of an object of a function's graph, when it is one of the program's.
    #[must_use]
    pub fn class_of_object(&self, file: u32, object: Object) -> Option<ClassRef> {
        let entities = match object {
            Object::Part(var, name) => {
                let mut parts = SmallVec::<[ClassRef; 2]>::new();
                for owner in self.var_entities(VarRef { file, id: var }) {
                    if let Entity::Instance(class) = owner {
                        parts.extend(self.attribute_classes(class, name));
                    }
                }
                parts.dedup();
                return (parts.len() == 1).then(|| parts[0]);
            }
            Object::Var(var) => self.var_entities(VarRef { file, id: var }),
            Object::New(call) => {
                let callee = self.facts(file).calls[call].callee;
                return self
                    .entities(ValueRef { file, id: callee })
                    .iter()
                    .find_map(|it| match it {
                        Entity::Class(class) => Some(*class),
                        _ => None,
                    });
            }
        };
        entities.iter().find_map(|it| match it {
            Entity::Instance(class) => Some(*class),
            _ => None,
        })
    }

    /// The program's classes of which instances are put into an attribute.
    fn attribute_classes(&self, class: ClassRef, name: Sym) -> SmallVec<[ClassRef; 2]> {
        self.place_values(PlaceKey::Instance(class, name))
            .iter()
            .flat_map(|&it| self.entities(it))
            .filter_map(|it| match it {
                Entity::Instance(class) => Some(class),
                _ => None,
            })
            .collect()
    }
}
