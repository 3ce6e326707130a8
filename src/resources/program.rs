//! The linked program's answers: what calls call, and what its own functions do with what they are given.

use std::borrow::Cow;
use std::collections::hash_map::Entry;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::classes::OwnClasses;
use super::models::{ModelOracle, OwnOpening, Part, Resolve};
use super::must_call::{self, Holder, Outcome};
use super::oracle::Oracle;
use crate::base::{Idx, Span};
use crate::facts::model::{
    ArgKindF, CallId, ContextKind, DefKind, FileFacts, FuncId, Usage, Value, ValueId, ValueKind,
    VarId,
};
use crate::finding::remedy::{Flow, Hold};
use crate::limits;
use crate::link::program::{CallRef, Sym, ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, Program};
use crate::models::resources::{Class, Effect, Kind};

/// A resource that gets lost in a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// The function.
    pub func: FuncRef,
    /// The call that opens it.
    pub call: CallId,
    /// The library API that really opens it; another than the one called when a function of the program hands it out.
    pub opener: String,
    /// What it is.
    pub kind: Kind,
    /// When CPython gives it back by itself.
    pub class: Class,
    /// How it gets lost.
    pub outcome: Outcome,
    /// Where some other path releases it.
    pub released: Option<Span>,
    /// The call that really opens it, when the one that makes it does not yet.
    pub opened: Option<Span>,
    /// Methods that release it.
    pub closers: Vec<Box<str>>,
    /// Whether `with` releases it.
    pub with_closes: bool,
    /// Whether it is a part of the tuple that the call gives.
    pub is_part: bool,
    /// Whether dropping it costs nothing that lasts.
    pub harmless: bool,
    /// Who keeps it, when that is an instance of a class of the program.
    pub keeper: Option<Keeper>,
    /// Other calls whose results the same name holds, and that get lost in the same way.
    pub also: Vec<CallId>,
}

/// A class of the program whose instance keeps a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keeper {
    /// The class.
    pub class: ClassRef,
    /// The library API that really opens what it keeps.
    pub opener: String,
    /// The attribute.
    pub attribute: Sym,
    /// Whether its constructor is given it.
    pub is_given: bool,
}

/// Resources that get lost, in the order of files, functions and calls, and the functions too large to be asked.
#[must_use]
pub fn lost(
    program: &Program<'_>,
    own: &OwnClasses,
    version: (u16, u16),
) -> (Vec<Lost>, Vec<FuncRef>) {
    let of_files: Vec<_> = (0..program.files.len() as u32)
        .into_par_iter()
        .map(|file| lost_in(program, own, file, version))
        .collect();
    let mut all = (Vec::new(), Vec::new());
    for (lost, too_large) in of_files {
        all.0.extend(lost);
        all.1.extend(too_large);
    }
    all
}

/// The API whose resource a call gives, when it is one to close.
#[must_use]
pub fn opened(
    program: &Program<'_>,
    file: u32,
    call: CallId,
    version: (u16, u16),
) -> Option<String> {
    let oracle = oracle(program, file, version);
    if oracle.acquires(call).is_empty() {
        return None;
    }
    let (name, _) = oracle.resolve.library(call)?;
    Some(name.into_owned())
}

/// Calls of a function, and where what they are given can go.
#[must_use]
pub fn flows(program: &Program<'_>, func: FuncRef, version: (u16, u16)) -> Vec<(Span, Flow)> {
    let oracle = oracle(program, func.file, version);
    let facts = program.facts(func.file);
    let fact = program.func(func);
    let hold = |effect: Effect| match effect {
        Effect::Borrow | Effect::Exhaust | Effect::Close => Hold::Nobody,
        Effect::Take | Effect::View | Effect::Elements => Hold::Result,
        Effect::Transfer => Hold::Somebody,
    };
    (fact.calls.start..fact.calls.end)
        .map(Idx::new)
        .map(|id| {
            let call = &facts.calls[id];
            let arguments = (0..facts.args[call.args.range()].len())
                .map(|at| hold(oracle.effect_of_argument(id, at)))
                .max();
            let is_plain = match facts.values[call.callee].kind {
                ValueKind::Attr { name, .. } => {
                    let methods = &program.models.plain.methods;
                    methods.contains(&facts.names[name.0 as usize])
                }
                _ => false,
            };
            let flow = Flow {
                arguments: arguments.unwrap_or(Hold::Nobody),
                receiver: if is_plain { Hold::Nobody } else { Hold::Result },
            };
            (call.at, flow)
        })
        .collect()
}

fn lost_in(
    program: &Program<'_>,
    own: &OwnClasses,
    file: u32,
    version: (u16, u16),
) -> (Vec<Lost>, Vec<FuncRef>) {
    let facts = program.facts(file);
    let oracle = oracle_of(program, own, file, version);
    let mut out = Vec::new();
    let mut too_large = Vec::new();
    for body in &facts.bodies {
        let Some(id) = body.func else { continue };
        let Some(escapes) = must_call::check(body, facts, &oracle) else {
            too_large.push(FuncRef { file, id });
            continue;
        };
        let mut said = FxHashSet::default();
        let mut ways = FxHashMap::default();
        for escape in &escapes {
            if escape.acquire.kind == Kind::Process && !escape.outcome.is_on_exception() {
                said.insert(escape.call);
            }
        }
        for escape in escapes {
            // The pipes of a process that is lost go with it; one that is closed late is as good as closed.
            if escape.acquire.kind == Kind::Pipe
                && (escape.outcome.is_on_exception() || !said.insert(escape.call))
            {
                continue;
            }
            let opener = oracle.opener(escape.call);
            let keeper = oracle.resolve.keeper_of(escape.call);
            let at = CallRef {
                file,
                id: escape.call,
            };
            if lies_in_temporary(&oracle, escape.call, escape.acquire.kind) {
                continue;
            }
            // What runs once for the process has the process for its end.
            if keeper.is_some() && program.is_made_once(at) {
                continue;
            }
            // What one name holds is lost at one place: one defect, wherever it was opened.
            let way = escape.holder.and_then(|it| match (it, escape.outcome) {
                (Holder::Container(_), outcome) => Some((it, outcome.is_on_exception(), None)),
                (_, Outcome::NeverOnNormalPath { leaves }) => Some((it, false, Some(leaves))),
                _ => None,
            });
            if let Some(way) = way {
                match ways.entry((way, escape.acquire.kind)) {
                    Entry::Occupied(it) => {
                        let first: &mut Lost = &mut out[*it.get()];
                        first.also.push(escape.call);
                        continue;
                    }
                    Entry::Vacant(it) => drop(it.insert(out.len())),
                }
            }
            out.push(Lost {
                func: FuncRef { file, id },
                call: escape.call,
                opener,
                kind: escape.acquire.kind,
                class: escape.acquire.class,
                outcome: escape.outcome,
                released: escape.released,
                opened: escape.opened,
                closers: escape.acquire.closers.to_vec(),
                with_closes: escape.acquire.with_closes,
                is_part: escape.acquire.field.is_some(),
                harmless: escape.acquire.harmless,
                keeper,
                also: Vec::new(),
            });
        }
    }
    (out, too_large)
}

/// Whether a temporary file or directory is made inside a temporary directory that the same function makes: it goes with
/// that, or is lost with it.
fn lies_in_temporary(oracle: &ModelOracle<'_, InProgram<'_>>, call: CallId, kind: Kind) -> bool {
    if !matches!(kind, Kind::TemporaryFile | Kind::TemporaryDirectory) {
        return false;
    }
    let facts = oracle.facts;
    let is_made = |value: ValueId| {
        matches!(facts.values[value].kind, ValueKind::Call(it)
            if oracle.acquires(it).iter().any(|it| it.kind == Kind::TemporaryDirectory))
    };
    let args = &facts.args[facts.calls[call].args.range()];
    args.iter().enumerate().any(|(at, arg)| {
        let mut value = arg.value;
        if let ValueKind::Attr { base, .. } = facts.values[value].kind {
            value = base;
        }
        oracle.effect_of_argument(call, at) == Effect::View
            && match facts.values[value].kind {
                ValueKind::Var(var) => facts.defs[facts.vars[var].defs.range()]
                    .iter()
                    .any(|it| it.value.is_some_and(is_made)),
                _ => is_made(value),
            }
    })
}

pub(super) fn oracle<'a>(
    program: &'a Program<'a>,
    file: u32,
    version: (u16, u16),
) -> ModelOracle<'a, InProgram<'a>> {
    ModelOracle {
        facts: program.facts(file),
        resources: &program.models.resources,
        resolve: InProgram {
            program,
            file,
            depth: 0,
            own: None,
        },
        version,
    }
}

/// The answers about a file, with the program's own classes whose instances are resources.
pub(super) fn oracle_of<'a>(
    program: &'a Program<'a>,
    own: &'a OwnClasses,
    file: u32,
    version: (u16, u16),
) -> ModelOracle<'a, InProgram<'a>> {
    let mut it = oracle(program, file, version);
    it.resolve.own = Some(own);
    it
}

/// What is asked whether it leaves an attribute alone.
#[derive(Clone, Copy)]
enum FuncCall {
    Call(u32, CallId),
    Func(FuncRef),
}

/// One file of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct InProgram<'a> {
    pub(super) program: &'a Program<'a>,
    pub(super) file: u32,
    /// Calls followed so far.
    depth: u32,
    /// Classes of the program whose instances are resources, where they are asked for.
    own: Option<&'a OwnClasses>,
}

impl<'a> InProgram<'a> {
    pub(super) fn facts(&self) -> &'a FileFacts {
        self.program.facts(self.file)
    }

    pub(super) fn deeper(&self, file: u32) -> Option<Self> {
        (self.depth < limits::RESOURCE_CALLS).then_some(Self {
            file,
            depth: self.depth + 1,
            ..*self
        })
    }

    /// The library API that a callee is when parameters have their defaults: `module.socket` where `module=socket`.
    fn default_opener(&self, file: u32, value: ValueId, depth: u32) -> Option<String> {
        if depth > 3 {
            return None;
        }
        let program = self.program;
        let facts = program.facts(file);
        match facts.values[value].kind {
            ValueKind::Var(var) => {
                let [def] = &facts.defs[facts.vars[var].defs.range()] else {
                    return None;
                };
                let id = def.value.filter(|_| def.kind == DefKind::Param)?;
                let node = program.external(ValueRef { file, id })?;
                Some(program.api_text(node).to_owned())
            }
            ValueKind::Attr { base, name } => {
                if let ValueKind::Var(var) = facts.values[base].kind
                    && let Some(&(class, false)) = program.files[file as usize].selfs.get(&var)
                {
                    // `self.module = module`, and nothing else.
                    let class = ClassRef { file, id: class };
                    let name = program.sym_of(file, name);
                    let mut stores = program.attr_stores(class, name);
                    let (store, None) = (stores.next()?, stores.next()) else {
                        return None;
                    };
                    let value = program.facts(store.file).stores[store.id].value?;
                    return self.default_opener(store.file, value, depth + 1);
                }
                let base = self.default_opener(file, base, depth + 1)?;
                Some(format!("{base}.{}", program.name(file, name)))
            }
            _ => None,
        }
    }

    /// The class of the program whose fresh instance a call gives, where such are asked for.
    pub(super) fn keeper_of(&self, call: CallId) -> Option<Keeper> {
        let made = self.made(self.own?, call)?;
        Some(Keeper {
            class: made.class,
            opener: made.opener,
            attribute: made.attribute,
            is_given: made.is_given,
        })
    }

    /// Whether a call, or a method, leaves alone what an attribute of its instance holds.
    fn spares_at(&self, what: FuncCall, attribute: Sym, depth: u32) -> bool {
        let program = self.program;
        if depth > limits::RESOURCE_CALLS {
            return false;
        }
        match what {
            FuncCall::Call(file, call) => {
                let targets = program.targets(file, call);
                if targets.is_empty() {
                    // What is called is a value that the instance keeps: a method of something else.
                    let facts = program.facts(file);
                    let ValueKind::Attr { base, name } =
                        facts.values[facts.calls[call].callee].kind
                    else {
                        return false;
                    };
                    let ValueKind::Var(var) = facts.values[base].kind else {
                        return false;
                    };
                    let Some(&(class, false)) = program.files[file as usize].selfs.get(&var) else {
                        return false;
                    };
                    let class = ClassRef { file, id: class };
                    return program
                        .attr_stores(class, program.sym_of(file, name))
                        .next()
                        .is_some();
                }
                targets
                    .iter()
                    .all(|it| self.spares_at(FuncCall::Func(it.func), attribute, depth + 1))
            }
            FuncCall::Func(func) => {
                let facts = program.facts(func.file);
                let fact = program.func(func);
                let is_field = |value: ValueId| match facts.values[value].kind {
                    ValueKind::Attr { name, .. } => program.sym_of(func.file, name) == attribute,
                    _ => false,
                };
                let Some(inside) = self.deeper(func.file) else {
                    return false;
                };
                let oracle = ModelOracle {
                    facts,
                    resources: &program.models.resources,
                    resolve: inside,
                    version: (3, 11),
                };
                let lent: FxHashSet<ValueId> = fact
                    .calls
                    .ids()
                    .flat_map(|id: CallId| {
                        let args = &facts.args[facts.calls[id].args.range()];
                        let oracle = &oracle;
                        let is_lent = move |(at, _): &(usize, _)| {
                            oracle.effect_of_argument(id, *at) == Effect::Borrow
                        };
                        args.iter().enumerate().filter(is_lent).map(|it| it.1.value)
                    })
                    .filter(|&it| is_field(it))
                    .collect();
                let mut reads = facts.reads[fact.reads.range()].iter();
                let is_used_only = reads.all(|it| {
                    !is_field(it.value)
                        || lent.contains(&it.value)
                        || matches!(
                            it.usage,
                            Usage::AttrBase | Usage::Receiver | Usage::Tested | Usage::Discarded
                        )
                });
                is_used_only
                    && fact.calls.ids().all(|id: CallId| {
                        let ValueKind::Attr { base, name } =
                            facts.values[facts.calls[id].callee].kind
                        else {
                            return true;
                        };
                        if is_field(base) {
                            return !program
                                .models
                                .resources
                                .is_closer(program.name(func.file, name));
                        }
                        let is_on_self = matches!(facts.values[base].kind, ValueKind::Var(var)
                            if program.files[func.file as usize].selfs.contains_key(&var));
                        !is_on_self
                            || self.spares_at(FuncCall::Call(func.file, id), attribute, depth + 1)
                    })
            }
        }
    }

    /// What a function does with a parameter.
    fn of_parameter(&self, func: FuncRef, var: VarId) -> Option<Effect> {
        let inside = self.deeper(func.file)?;
        let facts = inside.facts();
        let fact = self.program.func(func);
        if facts.vars[var].is_captured || fact.is_generator {
            return None;
        }
        let oracle = ModelOracle {
            facts,
            resources: &self.program.models.resources,
            resolve: inside,
            version: (3, 11),
        };
        let values = || (fact.values.start..fact.values.end).map(Idx::<Value>::new);
        let mut open: FxHashSet<ValueId> = values()
            .filter(|&it| facts.values[it].kind == ValueKind::Var(var))
            .collect();
        let mut effect = Effect::Borrow;
        for id in (fact.calls.start..fact.calls.end).map(Idx::new) {
            let call = &facts.calls[id];
            if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
                && open.remove(&base)
            {
                let name = &facts.names[name.0 as usize];
                if inside.program.models.resources.is_closer(name)
                    || inside.own.is_some_and(|it| it.is_ender(name))
                {
                    effect = Effect::Close;
                } else if effect == Effect::Borrow && name == "read" && call.args.is_empty() {
                    effect = Effect::Exhaust;
                }
            }
            for (at, arg) in facts.args[call.args.range()].iter().enumerate() {
                if open.contains(&arg.value) {
                    match oracle.effect_of_argument(id, at) {
                        Effect::Borrow => {}
                        Effect::Exhaust if effect == Effect::Borrow => effect = Effect::Exhaust,
                        Effect::Exhaust => {}
                        Effect::Close => effect = Effect::Close,
                        // `Path(folder, name).write_text(…)`: the view is used at once, and gone.
                        Effect::View | Effect::Take if oracle.is_used_at_once(func.id, id) => {}
                        Effect::Transfer | Effect::Take | Effect::View | Effect::Elements => {
                            return None;
                        }
                    }
                    open.remove(&arg.value);
                }
            }
        }
        for value in values() {
            match facts.values[value].kind {
                // Its name, its size; what stands for it is asked for below.
                ValueKind::Attr { base, name } if open.contains(&base) => {
                    let is_handle = inside
                        .program
                        .models
                        .resources
                        .is_handle(&facts.names[name.0 as usize]);
                    if !is_handle || oracle.is_only_lent(func.id, value) {
                        open.remove(&base);
                    }
                }
                ValueKind::Compare { left, right, .. } => {
                    open.remove(&left);
                    open.remove(&right);
                }
                ValueKind::Not(it)
                | ValueKind::Item { base: it, .. }
                | ValueKind::Comp { iter: it, .. } => {
                    open.remove(&it);
                }
                _ => {}
            }
        }
        if !open.is_empty() {
            for context in facts.contexts.iter() {
                match context.kind {
                    ContextKind::If { test: it, .. } | ContextKind::While { test: it, .. } => {
                        open.remove(&it);
                    }
                    ContextKind::For { iter: it } if open.contains(&it) => {
                        if inside.gives_elements_on(func, it) {
                            return None;
                        }
                        open.remove(&it);
                    }
                    ContextKind::With { manager } if open.remove(&manager) => {
                        effect = Effect::Close;
                    }
                    _ => {}
                }
            }
        }
        // Whatever else is done with it may keep it.
        open.is_empty().then_some(effect)
    }

    /// Whether a loop closes the elements of a container, or gives them on.
    fn gives_elements_on(&self, func: FuncRef, iter: ValueId) -> bool {
        let facts = self.facts();
        let fact = self.program.func(func);
        let is_element = |value: ValueId| {
            matches!(facts.values[value].kind, ValueKind::Var(var)
            if facts.defs[facts.vars[var].defs.range()].iter().any(|it| {
                matches!(it.kind, DefKind::Element(_)) && it.value == Some(iter)
            }))
        };
        let resources = &self.program.models.resources;
        facts.calls.as_slice()[fact.calls.range()]
            .iter()
            .any(|call| {
                let closes = match facts.values[call.callee].kind {
                    ValueKind::Attr { base, name } => {
                        is_element(base) && resources.is_closer(&facts.names[name.0 as usize])
                    }
                    _ => false,
                };
                let args = &facts.args[call.args.range()];
                closes || args.iter().any(|it| is_element(it.value))
            })
    }
}

impl Resolve for InProgram<'_> {
    fn library(&self, call: CallId) -> Option<(Cow<'_, str>, bool)> {
        let callee = ValueRef {
            file: self.file,
            id: self.facts().calls[call].callee,
        };
        for entity in self.program.entities(callee) {
            match entity {
                Entity::External(node) => {
                    return Some((self.program.api_text(node).into(), false));
                }
                Entity::Func(func) | Entity::Bound(func) if !self.program.is_stand_in(func) => {
                    return Some((self.handed_out(func)?.into(), true));
                }
                _ => {}
            }
        }
        let callee = self.facts().calls[call].callee;
        let name = self.default_opener(self.file, callee, 0)?;
        let opens = self.program.models.resources.get(&name)?.opens;
        opens.map(|_| (name.into(), false))
    }

    fn argument(&self, call: CallId, index: usize) -> Option<Effect> {
        let targets = self.program.targets(self.file, call);
        let arg = &self.facts().args[self.facts().calls[call].args.range()][index];
        if matches!(arg.kind, ArgKindF::Star | ArgKindF::DoubleStar) || targets.is_empty() {
            return None;
        }
        let mut effect = None;
        for &target in targets {
            let name = self.program.func_name(target.func);
            if name == "__init__" || name == "__new__" {
                return None;
            }
            let position = self.program.param_of(self.file, target, index, arg)?;
            let facts = self.program.facts(target.func.file);
            let params = &facts.params[facts.funcs[target.func.id].params.range()];
            let one = self.of_parameter(target.func, params.get(position)?.var)?;
            if *effect.get_or_insert(one) != one {
                return None;
            }
        }
        effect
    }

    fn is_ours(&self, call: CallId) -> bool {
        !self.program.targets(self.file, call).is_empty()
    }

    fn never_returns(&self, call: CallId) -> bool {
        self.ends_all(call)
    }

    fn is_closed_by_users(&self, func: FuncId) -> bool {
        self.is_closed_by_users(func)
    }

    fn spares(&self, call: CallId, attribute: &str) -> bool {
        let Some(sym) = self.program.sym(attribute) else {
            return false;
        };
        self.spares_at(FuncCall::Call(self.file, call), sym, 0)
    }

    fn mentions(&self, names: &[Box<str>]) -> bool {
        let program = self.program;
        let plain = names.iter().filter(|it| !it.contains('.'));
        let syms = program.syms(plain.map(|it| &**it));
        let dotted: Vec<&str> = names
            .iter()
            .map(|it| &**it)
            .filter(|it| it.contains('.'))
            .collect();
        let lasts: Vec<&str> = dotted
            .iter()
            .filter_map(|it| it.rsplit('.').next())
            .collect();
        (0..program.files.len() as u32).any(|file| {
            let facts = program.facts(file);
            program.files[file as usize].mentions(&syms)
                || facts.calls.iter().any(|call| {
                    last_name(facts, call.callee).is_some_and(|it| lasts.contains(&it))
                        && program
                            .external(ValueRef {
                                file,
                                id: call.callee,
                            })
                            .is_some_and(|it| dotted.contains(&program.api_text(it)))
                })
        })
    }

    fn own(&self, call: CallId) -> Option<OwnOpening<'_>> {
        let made = self.made(self.own?, call)?;
        Some(OwnOpening {
            class: self.program.qualified_class(made.class),
            api: made.api,
            kind: made.kind,
            release: made.release,
        })
    }

    fn parts(&self, call: CallId) -> Vec<Part> {
        let facts = self.facts();
        if !matches!(
            facts.calls[call].usage,
            Usage::Iterated | Usage::Bound | Usage::Awaited | Usage::Stored
        ) {
            return Vec::new();
        }
        let callee = ValueRef {
            file: self.file,
            id: facts.calls[call].callee,
        };
        let mut known: Option<Vec<Part>> = None;
        for entity in self.program.entities(callee) {
            let (Entity::Func(func) | Entity::Bound(func)) = entity else {
                return Vec::new();
            };
            if self.program.is_stand_in(func) {
                continue;
            }
            let parts = self.handed_parts(func).unwrap_or_default();
            if known.get_or_insert_with(|| parts.clone()) != &parts {
                return Vec::new();
            }
        }
        known.unwrap_or_default()
    }
}
