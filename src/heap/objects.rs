//! Who holds whom among the objects of one function.
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
//!
//! The graphs of all functions are built once, and only those that have an edge are kept.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::cycle::{self, Cycle};
use super::reach::Object;
use crate::base::Span;
use crate::facts::model::{
    ArgKindF, CallId, DefKind, ResultKind, StoreKind, Target, ValueId, ValueKind, VarId,
};
use crate::limits;
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, PlaceKey, Program, Sym};
use crate::models::{Holds as Kind, Mutation};

/// By what an object holds another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Via {
    /// The attribute.
    Attr(Sym),
    /// An element of the container that the attribute is.
    Item(Sym),
}

impl Via {
    /// The attribute.
    #[must_use]
    pub fn name(self) -> Sym {
        let (Self::Attr(name) | Self::Item(name)) = self;
        name
    }

    /// As messages say it: `.parent`, `.kids[…]`.
    #[must_use]
    pub fn text(self, program: &Program<'_>) -> String {
        match self {
            Self::Attr(name) => format!(".{}", program.text(name)),
            Self::Item(name) => format!(".{}[…]", program.text(name)),
        }
    }
}

/// One object holds another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holds {
    /// The holder.
    pub from: Object,
    /// What is held.
    pub to: Object,
    /// By what.
    pub by: Via,
    /// The file of the place.
    pub file: u32,
    /// Where it is written.
    pub at: Span,
    /// The call of this function that leads there, when it is written elsewhere.
    pub call: Option<CallId>,
}

/// What a function does among its parameters: parameter `from` comes to hold parameter `to`.
#[derive(Clone, Copy, Debug)]
struct ParamEdge {
    from: u32,
    to: u32,
    by: Via,
    file: u32,
    at: Span,
}

type ParamEdges = FxHashMap<FuncRef, Vec<ParamEdge>>;

/// The object graphs of all functions, and the cycles in them.
#[derive(Debug, Default)]
pub struct Objects {
    graphs: FxHashMap<FuncRef, Box<[Holds]>>,
    cycles: Vec<Cycle>,
    cyclic: FxHashSet<ClassRef>,
    cut: FxHashSet<Sym>,
}

impl Objects {
    /// Builds the graphs. What functions do among their parameters is carried over two calls.
    #[must_use]
    pub fn of(program: &Program<'_>) -> Self {
        let weak = program.weak_attributes();
        let files = || (0..program.files.len() as u32).into_par_iter();
        let funcs = |file: u32| {
            let ids = program.facts(file).funcs.ids();
            ids.map(move |id| FuncRef { file, id })
        };
        let own: Vec<Vec<Vec<Holds>>> = files()
            .map(|file| funcs(file).map(|it| program.own_edges(it, &weak)).collect())
            .collect();
        let with_calls = |func: FuncRef, params: &ParamEdges| {
            let mut edges = own[func.file as usize][func.id.index()].clone();
            if !params.is_empty() {
                program.called_edges(func, params, &mut edges);
            }
            program.part_edges(func, &weak, &mut edges);
            edges
        };
        let mut params = ParamEdges::default();
        for _ in 0..2 {
            params = files()
                .flat_map_iter(funcs)
                .filter(|&it| !program.func(it).params.is_empty())
                .filter_map(|func| {
                    let edges = program.param_edges(func, &with_calls(func, &params));
                    (!edges.is_empty()).then_some((func, edges))
                })
                .collect();
        }
        let graphs: FxHashMap<FuncRef, Box<[Holds]>> = files()
            .flat_map_iter(funcs)
            .filter_map(|func| {
                let edges = with_calls(func, &params);
                (!edges.is_empty()).then(|| (func, edges.into_boxed_slice()))
            })
            .collect();
        let cut = cycle::cut_attributes(program);
        let mut cycles: Vec<Cycle> = graphs
            .par_iter()
            .flat_map_iter(|(&func, edges)| cycle::cycles(func, edges))
            .filter(|it| !cycle::is_broken(program, it, &cut))
            .collect();
        // What one call ties is told of the function that is called; of its callers only when they know the classes better,
        // and of those the first.
        cycles.sort_by_key(|it| (it.is_of_callee(), it.func, it.edges.len(), it.edges[0].at));
        let mut known = FxHashSet::default();
        cycles.retain(|it| known.insert(it.identity(program)) || !it.is_of_callee());
        cycles.sort_by_key(|it| (it.func, it.edges.len(), it.edges[0].at));
        let cyclic = cycles
            .iter()
            .filter_map(|it| Some((program.class_of(it.func)?, it)))
            .filter(|(class, it)| {
                it.classes(program)
                    .any(|it| program.mro(*class).contains(&it) || program.mro(it).contains(class))
            })
            .map(|it| it.0)
            .collect();
        Self {
            graphs,
            cycles,
            cyclic,
            cut,
        }
    }

    /// The object graph of a function.
    #[must_use]
    pub fn graph(&self, func: FuncRef) -> &[Holds] {
        self.graphs.get(&func).map_or(&[], |it| it)
    }

    /// Cycles that nothing breaks by hand, shorter ones of a function first.
    #[must_use]
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// Whether some code sets an attribute of this name to `None` on a receiver of unknown type.
    #[must_use]
    pub fn is_cut(&self, name: Sym) -> bool {
        self.cut.contains(&name)
    }

    /// Whether a method of the class, or of a base, ties its instance into a cycle that nothing breaks by hand.
    #[must_use]
    pub fn is_cyclic(&self, program: &Program<'_>, class: ClassRef) -> bool {
        program.mro(class).iter().any(|it| self.cyclic.contains(it))
    }
}

impl Program<'_> {
    /// Edges between parameters.
    fn param_edges(&self, func: FuncRef, edges: &[Holds]) -> Vec<ParamEdge> {
        let param = |object| match object {
            Object::Var(var) => {
                let fact = &self.facts(func.file).vars[var];
                fact.param.filter(|_| fact.func == func.id)
            }
            Object::New(_) | Object::Part(..) => None,
        };
        edges
            .iter()
            // An object that holds itself does so wherever the function is called.
            .filter(|it| it.from != it.to)
            .filter_map(|it| {
                Some(ParamEdge {
                    from: param(it.from)?,
                    to: param(it.to)?,
                    by: it.by,
                    file: it.file,
                    at: it.at,
                })
            })
            .take(limits::PARAM_EDGES)
            .collect()
    }

    /// `self.x = …`, also written `self.__dict__["x"] = …`, and an element of what `self.x` is.
    fn stored_by(
        &self,
        file: u32,
        base: ValueId,
        target: Target,
        weak: &FxHashSet<Sym>,
    ) -> Option<(ValueId, Via)> {
        let facts = self.facts(file);
        match target {
            Target::Attr(name) => Some((base, Via::Attr(self.sym_of(file, name)))),
            Target::Item(key) => match facts.values[base].kind {
                ValueKind::Attr { base: owner, name } if self.name(file, name) == "__dict__" => {
                    match facts.values[key].kind {
                        ValueKind::Str {
                            text: Some(text), ..
                        } => Some((owner, Via::Attr(self.sym_of(file, text)))),
                        _ => None,
                    }
                }
                ValueKind::Attr { base: owner, name }
                    if !self.is_weak_place(weak, ValueRef { file, id: base }) =>
                {
                    Some((owner, Via::Item(self.sym_of(file, name))))
                }
                _ => None,
            },
            Target::Slice => None,
        }
    }

    /// What the function's own stores and library calls tie together.
    fn own_edges(&self, func: FuncRef, weak: &FxHashSet<Sym>) -> Vec<Holds> {
        let file = func.file;
        let facts = self.facts(file);
        let fact = &facts.funcs[func.id];
        let mut out = Vec::new();
        for store in &facts.stores.as_slice()[fact.stores.range()] {
            let Some(value) = store.value.filter(|_| store.kind == StoreKind::Assign) else {
                continue;
            };
            let at = |id| ValueRef { file, id };
            let Some((base, by)) = self.stored_by(file, store.base, store.target, weak) else {
                continue;
            };
            let Some(from) = self.object_of(file, base) else {
                continue;
            };
            for to in self.reach(at(value)) {
                out.push(Holds {
                    from,
                    to,
                    by,
                    file,
                    at: store.at,
                    call: None,
                });
            }
        }
        for id in fact.calls.ids() {
            self.grown_edges(file, id, weak, &mut out);
            self.field_edges(file, id, &mut out);
        }
        self.kept_result(func, &mut out);
        out
    }

    /// A cached property keeps what it returns on the instance.
    fn kept_result(&self, func: FuncRef, out: &mut Vec<Holds>) {
        let file = func.file;
        let facts = self.facts(file);
        let fact = &facts.funcs[func.id];
        let keeps =
            |&it: &ValueId| last_name(facts, it).is_some_and(|it| self.models.keeps_result(it));
        let Some(own) = facts.params[fact.params.range()].first() else {
            return;
        };
        if fact.class.is_none() || !self.list(file, fact.decorators).iter().any(keeps) {
            return;
        }
        for result in &facts.results[fact.results.range()] {
            let Some(value) = result.value.filter(|_| result.kind == ResultKind::Return) else {
                continue;
            };
            for to in self.reach(ValueRef { file, id: value }) {
                out.push(Holds {
                    from: Object::Var(own.var),
                    to,
                    by: Via::Attr(self.sym_of(file, fact.name)),
                    file,
                    at: result.at,
                    call: None,
                });
            }
        }
    }

    /// An attribute holds what stands in it: edges to those parts that hold something themselves.
    fn part_edges(&self, func: FuncRef, weak: &FxHashSet<Sym>, out: &mut Vec<Holds>) {
        let file = func.file;
        let mut parts: SmallVec<[(VarId, Sym, Holds); 4]> = SmallVec::new();
        for edge in out.iter() {
            if let Object::Part(var, name) = edge.from
                && !parts.iter().any(|it| (it.0, it.1) == (var, name))
            {
                parts.push((var, name, *edge));
            }
        }
        for (var, name, edge) in parts {
            let Some(class) = self.class_of_object(file, Object::Var(var)) else {
                continue;
            };
            let key = PlaceKey::Instance(class, name);
            let store = self
                .class_info(class)
                .and_then(|it| it.attrs.get(&name))
                .and_then(|it| it.first());
            let Some(store) = store else { continue };
            let values = self.place_values(key);
            let is_weak =
                weak.contains(&name) || values.iter().any(|&it| self.holds(it) == Some(Kind::Weak));
            if !is_weak {
                out.push(Holds {
                    from: Object::Var(var),
                    to: Object::Part(var, name),
                    by: Via::Attr(name),
                    file: store.file,
                    at: self.facts(store.file).stores[store.id].at,
                    call: edge.call,
                });
            }
        }
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

    /// Whether an attribute holds weakly what is put into it. On a receiver of unknown type, attributes that do so in some
    /// class are taken to.
    fn is_weak_place(&self, weak: &FxHashSet<Sym>, value: ValueRef) -> bool {
        let places = self.places(value);
        if places.is_empty() {
            return match self.value(value) {
                ValueKind::Attr { name, .. } => weak.contains(&self.sym_of(value.file, name)),
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

    /// `parent.kids.append(self)`
    fn grown_edges(&self, file: u32, id: CallId, weak: &FxHashSet<Sym>, out: &mut Vec<Holds>) {
        let facts = self.facts(file);
        let call = &facts.calls[id];
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && let ValueKind::Attr {
                base: owner,
                name: attr,
            } = facts.values[base].kind
            && let Some(method) = self.models.method(self.name(file, name))
            && method.does.grows()
            && !matches!(method.does, Mutation::Extend | Mutation::Update)
            && self.targets(file, id).is_empty()
            && !self.is_weak_place(weak, ValueRef { file, id: base })
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
                        by: Via::Item(self.sym_of(file, attr)),
                        file,
                        at: call.at,
                        call: None,
                    });
                }
            }
        }
    }

    /// What the functions that are called tie together.
    fn called_edges(&self, func: FuncRef, params: &ParamEdges, out: &mut Vec<Holds>) {
        let file = func.file;
        let facts = self.facts(file);
        for id in facts.funcs[func.id].calls.ids() {
            let call = &facts.calls[id];
            for &target in self.targets(file, id) {
                let Some(edges) = params.get(&target.func) else {
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
                    for from in object_at(edge.from as usize) {
                        for to in object_at(edge.to as usize) {
                            out.push(Holds {
                                from,
                                to,
                                by: edge.by,
                                file: edge.file,
                                at: edge.at,
                                call: Some(id),
                            });
                        }
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
        let fields: Vec<Sym> = there.classes[class.id]
            .vars
            .iter()
            .filter(|&&var| {
                there.defs[there.vars[var].defs.range()]
                    .iter()
                    .any(|it| it.kind == DefKind::Declare)
            })
            .map(|&var| self.sym_of(class.file, there.vars[var].name))
            .collect();
        for (position, arg) in facts.args[call.args.range()].iter().enumerate() {
            let field = match arg.kind {
                ArgKindF::Keyword(name) => Some(self.sym_of(file, name)),
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
                    by: Via::Attr(field),
                    file,
                    at: call.at,
                    call: None,
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

    pub(super) fn is_construction(&self, file: u32, id: CallId) -> bool {
        let callee = self.facts(file).calls[id].callee;
        self.entities(ValueRef { file, id: callee })
            .iter()
            .any(|it| matches!(it, Entity::Class(_)))
    }
}
