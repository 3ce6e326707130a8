//! What a value keeps alive among the variables of its function, and which objects a function ties into a cycle.
//!
//! Every function has a small *object graph*: its nodes are variables and the objects that it makes, its edges say that one
//! holds the other strongly. Edges come from stores (`a.other = b`), from operations on containers of an attribute
//! (`parent.kids.append(self)`), and from what called methods do with their parameters (`Node(self)` when `Node.__init__`
//! stores it). Weak references and values that are merely computed are no edges.
//!
//! ```python
//! class Node:
//!     def __init__(self, parent):
//!         self.parent = parent          # self → parent
//!         parent.kids.append(self)      # parent → self: a cycle
//! ```

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::base::Span;
use crate::facts::model::{
    ArgKindF, CallId, DefKind, FuncId, StoreKind, Target, ValueId, ValueKind, VarId,
};
use crate::link::program::ValueRef;
use crate::link::{ClassRef, Entity, FuncRef, Program, Sym, VarRef};
use crate::models::{Holds as Kind, Mutation};

/// A node of a function's object graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Object {
    /// What a variable holds.
    Var(VarId),
    /// What a call makes.
    New(CallId),
}

/// One object holds another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    /// The holder.
    pub from: Object,
    /// What is held.
    pub to: Object,
    /// By what: `.parent`, `.kids[…]`.
    pub by: String,
    /// The file of the place.
    pub file: u32,
    /// Where it is written.
    pub at: Span,
}

/// What a function does among its parameters: parameter `from` comes to hold parameter `to`.
#[derive(Clone, Debug)]
struct ParamEdge {
    from: usize,
    to: usize,
    by: String,
    file: u32,
    at: Span,
}

/// Object graphs of all functions, summarized over one level of calls.
#[derive(Debug, Default)]
pub struct ObjectGraphs {
    params: FxHashMap<FuncRef, Vec<ParamEdge>>,
    /// Attributes that hold weakly in some class: on a receiver of unknown type they are taken to.
    weak: FxHashSet<Sym>,
}

impl Program<'_> {
    /// Summarizes what functions do among their parameters. Two rounds carry facts over two calls.
    #[must_use]
    pub fn object_graphs(&self) -> ObjectGraphs {
        let mut graphs = ObjectGraphs {
            weak: self.weak_attributes(),
            ..ObjectGraphs::default()
        };
        for _ in 0..2 {
            let mut params = FxHashMap::default();
            for func in self.funcs() {
                if self.func(func).params.is_empty() {
                    continue;
                }
                let edges: Vec<ParamEdge> = self
                    .object_graph(func, &graphs)
                    .into_iter()
                    .filter_map(|it| {
                        let param = |object| match object {
                            Object::Var(var) => {
                                let fact = &self.facts(func.file).vars[var];
                                fact.param
                                    .filter(|_| fact.func == func.id)
                                    .map(|it| it as usize)
                            }
                            Object::New(_) => None,
                        };
                        Some(ParamEdge {
                            from: param(it.from)?,
                            to: param(it.to)?,
                            by: it.by,
                            file: it.file,
                            at: it.at,
                        })
                    })
                    .collect();
                if !edges.is_empty() {
                    params.insert(func, edges);
                }
            }
            graphs.params = params;
        }
        graphs
    }

    /// The object graph of one function.
    #[must_use]
    pub fn object_graph(&self, func: FuncRef, graphs: &ObjectGraphs) -> Vec<Holds> {
        let file = func.file;
        let facts = self.facts(file);
        let fact = &facts.funcs[func.id];
        let mut out = Vec::new();
        for store in &facts.stores.as_slice()[fact.stores.range()] {
            let Some(value) = store.value.filter(|_| store.kind == StoreKind::Assign) else {
                continue;
            };
            let (base, by) = match store.target {
                Target::Attr(name) => (store.base, format!(".{}", self.name(file, name))),
                Target::Item(_) => match facts.values[store.base].kind {
                    ValueKind::Attr { base, name }
                        if !self.is_weak_place(
                            graphs,
                            ValueRef {
                                file,
                                id: store.base,
                            },
                        ) =>
                    {
                        (base, format!(".{}[…]", self.name(file, name)))
                    }
                    _ => continue,
                },
                Target::Slice => continue,
            };
            let Some(from) = self.object_of(file, base) else {
                continue;
            };
            for to in self.reach(ValueRef { file, id: value }) {
                out.push(Holds {
                    from,
                    to,
                    by: by.clone(),
                    file,
                    at: store.at,
                });
            }
        }
        for id in fact.calls.ids() {
            self.call_edges(func, id, graphs, &mut out);
        }
        out
    }

    fn weak_attributes(&self) -> FxHashSet<Sym> {
        self.files
            .iter()
            .enumerate()
            .flat_map(|(file, it)| {
                it.facts
                    .stores
                    .iter()
                    .map(move |store| (file as u32, store))
            })
            .filter_map(|(file, store)| match (store.target, store.value) {
                (Target::Attr(name), Some(id))
                    if self.holds(ValueRef { file, id }) == Some(Kind::Weak) =>
                {
                    Some(self.sym_of(file, name))
                }
                _ => None,
            })
            .collect()
    }

    /// Whether an attribute holds weakly what is put into it.
    fn is_weak_place(&self, graphs: &ObjectGraphs, value: ValueRef) -> bool {
        let places = self.places(value);
        if places.is_empty() {
            return match self.value(value) {
                ValueKind::Attr { name, .. } => {
                    graphs.weak.contains(&self.sym_of(value.file, name))
                }
                _ => false,
            };
        }
        places.iter().all(|it| {
            let values = self.place_values(it.key);
            !values.is_empty()
                && values
                    .iter()
                    .any(|&value| self.holds(value) == Some(Kind::Weak))
        })
    }

    fn call_edges(&self, func: FuncRef, id: CallId, graphs: &ObjectGraphs, out: &mut Vec<Holds>) {
        let file = func.file;
        let facts = self.facts(file);
        let call = &facts.calls[id];
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && self.targets(file, id).is_empty()
            && let Some(method) = self.models.method(self.name(file, name))
            && method.does.grows()
            && !matches!(method.does, Mutation::Extend | Mutation::Update)
            && let ValueKind::Attr {
                base: owner,
                name: attr,
            } = facts.values[base].kind
            && !self.is_weak_place(graphs, ValueRef { file, id: base })
            && let Some(from) = self.object_of(file, owner)
        {
            for arg in &facts.args[call.args.range()] {
                for to in self.reach(ValueRef {
                    file,
                    id: arg.value,
                }) {
                    out.push(Holds {
                        from,
                        to,
                        by: format!(".{}[…]", self.name(file, attr)),
                        file,
                        at: call.at,
                    });
                }
            }
        }
        self.field_edges(file, id, out);
        for &target in self.targets(file, id) {
            let Some(edges) = graphs.params.get(&target.func) else {
                continue;
            };
            let receiver = if target.skip == 0 {
                None
            } else {
                match facts.values[call.callee].kind {
                    ValueKind::Attr { base, .. } if !self.is_construction(file, id) => {
                        self.object_of(file, base)
                    }
                    _ => Some(Object::New(id)),
                }
            };
            let object_at = |param: usize| -> SmallVec<[Object; 2]> {
                if param < usize::from(target.skip) {
                    return receiver.into_iter().collect();
                }
                let args = &facts.args[call.args.range()];
                let given = args.iter().enumerate().find(|(at, arg)| {
                    !matches!(arg.kind, ArgKindF::Star | ArgKindF::DoubleStar)
                        && self.param_of(file, target, *at, arg) == Some(param)
                });
                given.map_or_else(SmallVec::new, |(_, arg)| {
                    self.reach(ValueRef {
                        file,
                        id: arg.value,
                    })
                })
            };
            for edge in edges {
                for from in object_at(edge.from) {
                    for to in object_at(edge.to) {
                        out.push(Holds {
                            from,
                            to,
                            by: edge.by.clone(),
                            file: edge.file,
                            at: edge.at,
                        });
                    }
                }
            }
        }
    }

    /// A data class (or named tuple) holds what its generated constructor is given.
    fn field_edges(&self, file: u32, id: CallId, out: &mut Vec<Holds>) {
        let facts = self.facts(file);
        let call = &facts.calls[id];
        let class = self
            .entities(ValueRef {
                file,
                id: call.callee,
            })
            .iter()
            .find_map(|it| match it {
                Entity::Class(class) if self.has_generated_init(*class) => Some(*class),
                _ => None,
            });
        let Some(class) = class else { return };
        let there = self.facts(class.file);
        let fields: Vec<&str> = there.classes[class.id]
            .vars
            .iter()
            .filter(|&&var| {
                there.defs[there.vars[var].defs.range()]
                    .iter()
                    .any(|it| it.kind == DefKind::Declare)
            })
            .map(|&var| self.name(class.file, there.vars[var].name))
            .collect();
        for (position, arg) in facts.args[call.args.range()].iter().enumerate() {
            let field = match arg.kind {
                ArgKindF::Keyword(name) => Some(self.name(file, name)),
                ArgKindF::Positional => fields.get(position).copied(),
                ArgKindF::Star | ArgKindF::DoubleStar => None,
            };
            let Some(field) = field.filter(|it| fields.contains(it)) else {
                continue;
            };
            for to in self.reach(ValueRef {
                file,
                id: arg.value,
            }) {
                out.push(Holds {
                    from: Object::New(id),
                    to,
                    by: format!(".{field}"),
                    file,
                    at: call.at,
                });
            }
        }
    }

    /// Whether a class variable declares a field of each instance.
    #[must_use]
    pub fn is_field(&self, class: ClassRef, name: Sym) -> bool {
        let Some(&var) = self.files[class.file as usize]
            .class_vars
            .get(&(class.id, name))
        else {
            return false;
        };
        let facts = self.facts(class.file);
        let annotation = facts.defs[facts.vars[var].defs.range()]
            .iter()
            .find(|it| it.kind == DefKind::Declare)
            .and_then(|it| it.value);
        let Some(annotation) = annotation else {
            return false;
        };
        let is_class_var = match facts.values[annotation].kind {
            ValueKind::Item { base, .. } => {
                crate::link::program::last_name(facts, base) == Some("ClassVar")
            }
            _ => crate::link::program::last_name(facts, annotation) == Some("ClassVar"),
        };
        !is_class_var && self.has_generated_init(class)
    }

    fn has_generated_init(&self, class: ClassRef) -> bool {
        let has_own = self
            .sym("__init__")
            .is_some_and(|it| self.method(class, it).is_some());
        let facts = self.facts(class.file);
        let is_data = self
            .list(class.file, facts.classes[class.id].decorators)
            .iter()
            .any(|&it| {
                matches!(
                    crate::link::program::last_name(facts, it),
                    Some("dataclass" | "define" | "attrs" | "mutable")
                )
            });
        !has_own && (is_data || self.is_kind(class, crate::models::BaseKind::Declarative))
    }

    fn is_construction(&self, file: u32, id: CallId) -> bool {
        let callee = self.facts(file).calls[id].callee;
        self.entities(ValueRef { file, id: callee })
            .iter()
            .any(|it| matches!(it, Entity::Class(_)))
    }

    /// The object that an expression is, when it is a variable (or an alias of one) or a new object.
    fn object_of(&self, file: u32, value: ValueId) -> Option<Object> {
        match self.facts(file).values[value].kind {
            ValueKind::Var(var) => Some(Object::Var(self.alias(file, var))),
            ValueKind::Call(call) if self.is_construction(file, call) => Some(Object::New(call)),
            _ => None,
        }
    }

    /// A variable whose one binding is another variable is that one.
    fn alias(&self, file: u32, var: VarId) -> VarId {
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

    /// Library objects that hold what they are given: partials, bound methods, threads and timers, wrapped caches.
    fn keeps_arguments(&self, file: u32, call: CallId) -> bool {
        let facts = self.facts(file);
        let callee = facts.calls[call].callee;
        let is_keeper = |text: &str| {
            matches!(
                text,
                "functools.partial"
                    | "types.MethodType"
                    | "threading.Thread"
                    | "threading.Timer"
                    | "types.SimpleNamespace"
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
