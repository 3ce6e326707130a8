//! Who calls whom.
//!
//! A call is resolved by what its callee stands for ([`super::entity`]); a method called on an instance may also be one
//! that a subclass overrides. A function that is used as a value (a callback, an element of a table) may be called by
//! anybody.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::entity::Entity;
use super::program::{CallRef, ClassRef, FuncRef, Program, Sym, ValueRef, VarRef, last_name};
use crate::facts::model::{
    ArgF, ArgKindF, CallId, DefKind, FuncId, ResultKind, ValueId, ValueKind,
};
use crate::models::NodeId;
use crate::syntax::tree::ParamKind;

/// A function that a call may reach.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallTarget {
    /// The function.
    pub func: FuncRef,
    /// How many leading parameters are bound before the arguments: 1 for methods on an instance.
    pub skip: u8,
}

/// Which class a call makes an instance of, when it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Construction {
    /// The call.
    pub call: CallRef,
    /// The class.
    pub class: ClassRef,
}

/// An edge that is not a call in the source: a decorator is applied, a hook is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied {
    /// The function whose code applies it.
    pub by: FuncRef,
    /// What is run.
    pub func: FuncRef,
}

/// Calls and what they reach.
#[derive(Debug, Default)]
pub struct CallGraph {
    targets: Vec<Groups<CallTarget>>,
    /// What the callees stand for.
    pub(super) callees: Callees,
    /// Calls that reach a function.
    pub(super) callers: FxHashMap<FuncRef, Vec<CallRef>>,
    /// Calls that make an instance of a class.
    pub(super) constructions: FxHashMap<ClassRef, Vec<CallRef>>,
    /// Functions used as values.
    pub(super) taken: FxHashSet<FuncRef>,
    /// Decorators applied, by what is applied.
    pub(super) applied: Vec<Applied>,
    /// Names of methods called on receivers of unknown type.
    pub(super) unknown_methods: FxHashSet<Sym>,
    /// Calls of APIs of the table of registries, which many rules ask for.
    registry_calls: Vec<(CallRef, NodeId)>,
}

/// A short list for each of many, end to end.
#[derive(Debug)]
struct Groups<T> {
    /// Where each list ends.
    ends: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Self {
            ends: Vec::new(),
            items: Vec::new(),
        }
    }
}

impl<T> Groups<T> {
    fn push(&mut self, items: impl IntoIterator<Item = T>) {
        self.items.extend(items);
        self.ends.push(self.items.len() as u32);
    }

    fn get(&self, at: usize) -> &[T] {
        let Some(&end) = self.ends.get(at) else {
            return &[];
        };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.items[start as usize..end as usize]
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn shrink(&mut self) {
        self.ends.shrink_to_fit();
        self.items.shrink_to_fit();
    }
}

/// What the callees of a program stand for, asked by value: rules ask for them more than for all other values together.
///
/// Of each file a bit for each value says whether it is a callee; the number of bits before it is its list.
#[derive(Debug, Default)]
pub(super) struct Callees(Vec<CalleesOfFile>);

#[derive(Debug, Default)]
struct CalleesOfFile {
    bits: Vec<u64>,
    /// Bits in the words before each word.
    before: Vec<u32>,
    entities: Groups<Entity>,
}

impl Callees {
    /// What a value stands for, when it is a callee.
    pub(super) fn get(&self, value: ValueRef) -> Option<&[Entity]> {
        let of = self.0.get(value.file as usize)?;
        let (word, bit) = (value.id.index() / 64, value.id.index() % 64);
        let bits = *of.bits.get(word)?;
        if bits >> bit & 1 == 0 {
            return None;
        }
        let below = (bits & ((1 << bit) - 1)).count_ones();
        Some(of.entities.get((of.before[word] + below) as usize))
    }
}

impl CalleesOfFile {
    fn new(values: usize, callees: &[(ValueId, CallId)], of: &Groups<Entity>) -> Self {
        let mut bits = vec![0_u64; values.div_ceil(64)];
        for (value, _) in callees {
            bits[value.index() / 64] |= 1 << (value.index() % 64);
        }
        let before = bits
            .iter()
            .scan(0, |sum, it| {
                let so_far = *sum;
                *sum += it.count_ones();
                Some(so_far)
            })
            .collect();
        let mut entities = Groups::default();
        for (_, call) in callees {
            entities.push(of.get(call.index()).iter().copied());
        }
        entities.shrink();
        Self {
            bits,
            before,
            entities,
        }
    }
}

#[derive(Default)]
struct OfFile {
    targets: Groups<CallTarget>,
    callees: CalleesOfFile,
    constructions: Vec<Construction>,
    taken: Vec<FuncRef>,
    applied: Vec<Applied>,
    unknown_methods: Vec<Sym>,
    registry_calls: Vec<(CallRef, NodeId)>,
}

/// Resolves all calls of the program.
pub(super) fn resolve(program: &mut Program<'_>) {
    let methods: FxHashSet<Sym> = program
        .files
        .iter()
        .flat_map(|it| {
            it.facts
                .funcs
                .iter()
                .filter(|f| f.class.is_some())
                .map(|f| it.syms[f.name.0 as usize])
        })
        .collect();
    let this = &*program;
    let files: Vec<OfFile> = (0..program.files.len() as u32)
        .into_par_iter()
        .map(|file| of_file(this, file, &methods))
        .collect();
    let mut graph = CallGraph::default();
    for (file, it) in files.into_iter().enumerate() {
        for id in 0..it.targets.len() {
            for target in it.targets.get(id) {
                let call = CallRef {
                    file: file as u32,
                    id: CallId::new(id as u32),
                };
                graph.callers.entry(target.func).or_default().push(call);
            }
        }
        for made in it.constructions {
            graph
                .constructions
                .entry(made.class)
                .or_default()
                .push(made.call);
        }
        graph.taken.extend(it.taken);
        graph.unknown_methods.extend(it.unknown_methods);
        graph.applied.extend(it.applied);
        graph.registry_calls.extend(it.registry_calls);
        graph.targets.push(it.targets);
        graph.callees.0.push(it.callees);
    }
    graph.applied.sort_by_key(|it| it.func);
    program.calls = graph;
}

fn of_file(program: &Program<'_>, file: u32, methods: &FxHashSet<Sym>) -> OfFile {
    let mut out = OfFile::default();
    let facts = program.facts(file);
    let init = program.sym("__init__");
    let new = program.sym("__new__");
    let post_init = program.sym("__post_init__");
    let dunder_call = program.sym("__call__");
    let mut entities = Groups::default();
    let mut callees = Vec::with_capacity(facts.calls.len());
    for (id, call) in facts.calls.iter_ids() {
        callees.push((call.callee, id));
        let mut targets: SmallVec<[CallTarget; 1]> = SmallVec::new();
        let mut add = |func: FuncRef, skip: u8| {
            let target = CallTarget { func, skip };
            if targets.len() < crate::limits::OVERRIDES && !targets.contains(&target) {
                targets.push(target);
            }
        };
        let callee = program.entities(ValueRef {
            file,
            id: call.callee,
        });
        entities.push(callee.iter().copied());
        let api = callee.iter().find_map(|it| match it {
            Entity::External(node) => Some(*node),
            _ => None,
        });
        let registries = &program.models.registries;
        if let Some(node) = api
            && (registries.role(node).is_some() || registries.registry(node).is_some())
            && (matches!(facts.values[call.callee].kind, ValueKind::Var(_))
                || last_name(facts, call.callee).is_some_and(|it| registries.is_last(it)))
        {
            out.registry_calls.push((CallRef { file, id }, node));
        }
        for entity in callee {
            match entity {
                Entity::Func(func) => add(func, u8::from(is_class_method(program, func))),
                Entity::Bound(func) => {
                    add(func, u8::from(!is_static(program, func)));
                    if let ValueKind::Attr { base, name } = facts.values[call.callee].kind {
                        let name = program.sym_of(file, name);
                        for owner in program.entities(ValueRef { file, id: base }) {
                            if let Entity::Instance(class) = owner {
                                for below in program.methods_below(class, name) {
                                    add(below, u8::from(!is_static(program, below)));
                                }
                            }
                        }
                    }
                }
                Entity::Class(class) => {
                    out.constructions.push(Construction {
                        call: CallRef { file, id },
                        class,
                    });
                    for name in [init, new, post_init].into_iter().flatten() {
                        if let Some(func) = program.method(class, name) {
                            add(func, 1);
                        }
                    }
                }
                Entity::Instance(class) => {
                    if let Some(func) = dunder_call.and_then(|it| program.method(class, it)) {
                        add(func, 1);
                    }
                }
                _ => {}
            }
        }
        out.targets.push(targets);
    }
    out.targets.shrink();
    // Two calls never share a callee; the order of the values is that of the bits.
    callees.sort_unstable();
    out.callees = CalleesOfFile::new(facts.values.len(), &callees, &entities);
    taken(program, file, methods, &mut out);
    applied(program, file, &mut out);
    out
}

/// Functions of which a file uses the value.
fn taken(program: &Program<'_>, file: u32, methods: &FxHashSet<Sym>, out: &mut OfFile) {
    let facts = program.facts(file);
    let mut take = |value: ValueId| match facts.values[value].kind {
        ValueKind::Func(func) => out.taken.push(FuncRef { file, id: func }),
        ValueKind::Var(var) => {
            let defs = &facts.defs[facts.vars[var].defs.range()];
            if defs
                .iter()
                .any(|it| matches!(it.kind, DefKind::Function(_) | DefKind::Import(_)))
            {
                for entity in program.var_entities(VarRef { file, id: var }) {
                    if let Entity::Func(func) | Entity::Bound(func) = entity {
                        out.taken.push(func);
                    }
                }
            }
        }
        ValueKind::Attr { name, .. } if methods.contains(&program.sym_of(file, name)) => {
            for entity in program.entities(ValueRef { file, id: value }) {
                if let Entity::Func(func) | Entity::Bound(func) = entity {
                    out.taken.push(func);
                }
            }
        }
        _ => {}
    };
    facts.args.iter().for_each(|it| take(it.value));
    facts
        .stores
        .iter()
        .filter_map(|it| it.value)
        .for_each(&mut take);
    facts.lists.iter().for_each(|&it| take(it));
    facts
        .results
        .iter()
        .filter(|it| it.kind == ResultKind::Return)
        .filter_map(|it| it.value)
        .for_each(&mut take);
}

/// Decorators run where the definition runs; the function that a decorator factory returns is applied there too.
fn applied(program: &Program<'_>, file: u32, out: &mut OfFile) {
    let facts = program.facts(file);
    let definitions = facts
        .funcs
        .iter()
        .filter_map(|it| it.parent.map(|by| (it.decorators, by)))
        .chain(facts.classes.iter().map(|it| (it.decorators, it.func)));
    for (decorators, by) in definitions {
        let by = FuncRef { file, id: by };
        for &decorator in program.list(file, decorators) {
            match facts.values[decorator].kind {
                ValueKind::Call(call) => {
                    for entity in program.entities(ValueRef {
                        file,
                        id: facts.calls[call].callee,
                    }) {
                        if let Entity::Func(func) | Entity::Bound(func) = entity {
                            out.applied.extend(
                                program
                                    .returned_funcs(func)
                                    .into_iter()
                                    .map(|func| Applied { by, func }),
                            );
                        }
                    }
                }
                _ => {
                    for entity in program.entities(ValueRef {
                        file,
                        id: decorator,
                    }) {
                        if let Entity::Func(func) | Entity::Bound(func) = entity {
                            out.applied.push(Applied { by, func });
                        }
                    }
                }
            }
        }
    }
}

/// Whether a method takes no instance.
pub(super) fn is_static(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    program
        .list(func.file, facts.funcs[func.id].decorators)
        .iter()
        .any(|&it| last_name(facts, it) == Some("staticmethod"))
}

/// Whether a method takes the class.
pub(super) fn is_class_method(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    program
        .list(func.file, facts.funcs[func.id].decorators)
        .iter()
        .any(|&it| last_name(facts, it) == Some("classmethod"))
}

impl Program<'_> {
    /// Functions that a call may reach.
    #[must_use]
    pub fn targets(&self, file: u32, call: CallId) -> &[CallTarget] {
        self.calls
            .targets
            .get(file as usize)
            .map_or(&[], |it| it.get(call.index()))
    }

    /// Calls of APIs of the table of registries, in the order of files and calls.
    #[must_use]
    pub fn registry_calls(&self) -> &[(CallRef, NodeId)] {
        &self.calls.registry_calls
    }

    /// Calls that may reach a function.
    #[must_use]
    pub fn callers(&self, func: FuncRef) -> &[CallRef] {
        self.calls.callers.get(&func).map_or(&[], Vec::as_slice)
    }

    /// Calls that make an instance of exactly this class.
    #[must_use]
    pub fn constructions(&self, class: ClassRef) -> &[CallRef] {
        self.calls
            .constructions
            .get(&class)
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a function is used as a value somewhere, so that anybody may call it.
    #[must_use]
    pub fn is_taken(&self, func: FuncRef) -> bool {
        self.calls.taken.contains(&func)
    }

    /// Whether a method of this name is called on a receiver of unknown type.
    #[must_use]
    pub fn is_name_called(&self, name: Sym) -> bool {
        self.calls.unknown_methods.contains(&name)
    }

    /// Functions whose code applies a function as a decorator.
    pub fn applied_by(&self, func: FuncRef) -> impl Iterator<Item = FuncRef> + '_ {
        let applied = &self.calls.applied;
        let start = applied.partition_point(|it| it.func < func);
        applied[start..]
            .iter()
            .take_while(move |it| it.func == func)
            .map(|it| it.by)
    }

    /// Functions that are applied as decorators.
    pub fn applied_decorators(&self) -> impl Iterator<Item = FuncRef> + '_ {
        self.calls.applied.iter().map(|it| it.func)
    }

    /// Nested functions that a function returns by name.
    #[must_use]
    pub fn returned_funcs(&self, func: FuncRef) -> SmallVec<[FuncRef; 2]> {
        let facts = self.facts(func.file);
        let mut found = SmallVec::new();
        for result in &facts.results[facts.funcs[func.id].results.range()] {
            let Some(value) = result.value.filter(|_| result.kind == ResultKind::Return) else {
                continue;
            };
            for entity in self.entities(ValueRef {
                file: func.file,
                id: value,
            }) {
                if let Entity::Func(it) = entity
                    && it.file == func.file
                    && self.func(it).parent == Some(func.id)
                    && !found.contains(&it)
                {
                    found.push(it);
                }
            }
        }
        found
    }

    /// The position of the parameter that an argument goes to.
    #[must_use]
    pub fn param_of(
        &self,
        file: u32,
        target: CallTarget,
        position: usize,
        arg: &ArgF,
    ) -> Option<usize> {
        let facts = self.facts(target.func.file);
        let params = &facts.params[facts.funcs[target.func.id].params.range()];
        match arg.kind {
            ArgKindF::Positional => {
                let at = position + usize::from(target.skip);
                match params.get(at) {
                    Some(it)
                        if matches!(it.kind, ParamKind::PositionalOnly | ParamKind::Ordinary) =>
                    {
                        Some(at)
                    }
                    _ => None,
                }
            }
            ArgKindF::Keyword(name) => {
                let name = self.name(file, name);
                params.iter().position(|it| {
                    !matches!(it.kind, ParamKind::VarArgs | ParamKind::KwArgs)
                        && &facts.names[facts.vars[it.var].name.0 as usize] == name
                })
            }
            ArgKindF::Star | ArgKindF::DoubleStar => None,
        }
    }

    /// The innermost function that a function's definition runs in.
    #[must_use]
    pub fn parent(&self, func: FuncRef) -> Option<FuncRef> {
        self.func(func).parent.map(|id: FuncId| FuncRef {
            file: func.file,
            id,
        })
    }
}
