//! What a value keeps alive among the variables of its function and the objects that the function makes.
//!
//! ```python
//! on_done = lambda: self.finish(text)       # keeps `self` and `text`
//! calls = [partial(send, message), peer]    # keeps `message` and `peer`
//! ```

use smallvec::SmallVec;

use crate::facts::model::{CallId, DefKind, FuncId, ValueId, ValueKind, VarId};
use crate::link::program::ValueRef;
use crate::link::{ClassRef, Entity, Program, VarRef};

/// A node of a function's object graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Object {
    /// What a variable holds.
    Var(VarId),
    /// What a call makes.
    New(CallId),
}

impl Program<'_> {
    /// The object that an expression is, when it is a variable (or an alias of one) or a new object.
    pub(super) fn object_of(&self, file: u32, value: ValueId) -> Option<Object> {
        match self.facts(file).values[value].kind {
            ValueKind::Var(var) => Some(Object::Var(self.alias(file, var))),
            ValueKind::Call(call) if self.is_construction(file, call) => Some(Object::New(call)),
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
                let var = self.alias(file, var);
                push(Object::Var(var));
                let defs = &facts.defs[facts.vars[var].defs.range()];
                if let [def] = defs {
                    match (def.kind, def.value) {
                        (DefKind::Function(func), _) => {
                            self.captured(file, func, &mut |it| push(Object::Var(it)))
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
            ValueKind::Attr { base, .. } => {
                if let ValueKind::Var(var) = facts.values[base].kind
                    && self.is_bound_method(value)
                {
                    push(Object::Var(self.alias(file, var)));
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
                if self.is_construction(file, call) {
                    push(Object::New(call));
                } else if self.keeps_arguments(file, call) {
                    for arg in &facts.args[facts.calls[call].args.range()] {
                        self.add_reach(at(arg.value), depth, out);
                    }
                }
            }
            _ => {}
        }
    }

    /// Library objects that hold what they are given: partials, bound methods, wrapped caches. A thread lets go of its
    /// target when it has run, so it forms no cycle; what a running one holds is no garbage.
    fn keeps_arguments(&self, file: u32, call: CallId) -> bool {
        let facts = self.facts(file);
        let callee = facts.calls[call].callee;
        let is_keeper = |text: &str| {
            matches!(
                text,
                "functools.partial" | "types.MethodType" | "types.SimpleNamespace"
            )
        };
        self.entities(ValueRef { file, id: callee })
            .iter()
            .any(|it| match it {
                Entity::External(node) => is_keeper(self.api_text(*node)),
                // `lru_cache(maxsize=None)(self._load)`
                Entity::ExternalInstance(node) => self.models.cache(*node).is_some(),
                _ => false,
            })
    }

    /// Whether an attribute is a method that takes the instance.
    #[must_use]
    pub fn is_bound_method(&self, value: ValueRef) -> bool {
        self.entities(value).iter().any(|it| match it {
            Entity::Bound(func) => {
                let facts = self.facts(func.file);
                !self
                    .list(func.file, facts.funcs[func.id].decorators)
                    .iter()
                    .any(|&it| {
                        matches!(
                            crate::link::program::last_name(facts, it),
                            Some("staticmethod" | "classmethod")
                        )
                    })
            }
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
}
