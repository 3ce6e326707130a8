//! `resource-in-cycle`: an object of a reference cycle holds an open resource, the frames of a traceback, or something
//! large, which goes only when the gc has run.

use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Context, Rule, Sink, tied};
use crate::base::{Span, human};
use crate::facts::model::{ContextKind, DefKind, StoreKind, Target, ValueId, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::cycle::{Cycle, Itself};
use crate::heap::growth::ProgramKind;
use crate::heap::objects::Holds;
use crate::heap::size::Size;
use crate::link::effects::EffectKind;
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, PlaceKey, Program, Sym};
use crate::resources::program::opened;

pub(super) struct ResourceInCycle;

/// Something weighty that an attribute holds.
struct Held {
    class: ClassRef,
    attr: Sym,
    file: u32,
    at: Span,
    what: What,
}

/// What it is.
enum What {
    /// What a call of this name opens.
    Open(String),
    /// A traceback, and with it frames.
    Frames,
    /// Something large.
    Large(Size),
}

impl What {
    const OPEN: u8 = 1;

    fn kind(&self) -> u8 {
        match self {
            Self::Open(_) => Self::OPEN,
            Self::Frames => 2,
            Self::Large(_) => 4,
        }
    }
}

impl Rule for ResourceInCycle {
    fn page(&self) -> &'static str {
        include_str!("../../rules/resource-in-cycle.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let held = held(cx);
        let uses = Uses::of(program, &held);
        let mut reported = FxHashSet::default();
        let mut closed: FxHashMap<(ClassRef, u32, Span), bool> = FxHashMap::default();
        let mut alike = Alike::default();
        let mut lasting = None;
        for (cycle, classes, is_finalized) in cycles(cx) {
            // With a finalizer it is that rule's business.
            if is_finalized {
                continue;
            }
            let mut lasts = |class: ClassRef| {
                program.is_singleton(class)
                    || program.holder_below(class).is_some()
                    || lasting
                        .get_or_insert_with(|| lasting_classes(program))
                        .contains(&class)
            };
            if let Some((edge, how)) = cycle.holds_itself(program)
                && let Some(&class) = classes.first()
                && (how == Itself::Callbacks || has_company(program, class, edge.by.name()))
                && !lasts(class)
            {
                alike.add(class, cycle, edge, how);
            }
            // Who holds an object of unknown class, and for how long, is not known either.
            let is_known = classes.len() == cycle.edges.len();
            let mut reported_kinds = 0_u8;
            for it in &held {
                let is_part = classes
                    .iter()
                    .any(|&class| program.mro(class).contains(&it.class));
                let kind = it.what.kind();
                if is_part
                    && reported_kinds & kind == 0
                    && (is_known || kind == What::OPEN)
                    && !classes.iter().any(|&class| {
                        *closed
                            .entry((class, it.file, it.at))
                            .or_insert_with(|| is_let_go(cx, &uses, class, it))
                    })
                    && (kind == What::OPEN || !classes.iter().any(|&it| lasts(it)))
                    // All that one object leaves open is one defect.
                    && reported.insert((
                        it.file,
                        it.class,
                        (kind != What::OPEN).then_some(it.attr),
                    ))
                {
                    reported_kinds |= kind;
                    out.report(finding(cx, out.meta(), cycle, it));
                }
            }
        }
        for it in alike.found {
            out.report(holds_itself(cx, out.meta(), &it));
        }
    }
}

/// Cycles outside of tests, the classes of their objects, and whether one of them has a finalizer.
fn cycles<'a>(cx: &'a Context<'_>) -> impl Iterator<Item = (&'a Cycle, Vec<ClassRef>, bool)> {
    let program = cx.program;
    let del = program.sym("__del__");
    let cycles = cx.objects.cycles().iter();
    cycles
        .filter(|it| !program.files[it.func.file as usize].is_test)
        .map(move |cycle| {
            let classes: Vec<ClassRef> = cycle.classes(program).collect();
            let is_finalized = classes
                .iter()
                .any(|&it| del.is_some_and(|del| program.method(it, del).is_some()));
            (cycle, classes, is_finalized)
        })
}

/// Attributes with something open of which the rules on cycles speak: of an object that waits for the gc, or whose
/// finalizer does.
pub(super) fn spoken_of(cx: &Context<'_>) -> FxHashSet<(ClassRef, Sym)> {
    let program = cx.program;
    let mut out = FxHashSet::default();
    let held = held(cx);
    let uses = Uses::of(program, &held);
    for (_, classes, is_finalized) in cycles(cx) {
        for it in held.iter().filter(|it| it.what.kind() == What::OPEN) {
            let is_part = classes
                .iter()
                .any(|&class| program.mro(class).contains(&it.class));
            if is_part
                && (is_finalized || !classes.iter().any(|&class| is_let_go(cx, &uses, class, it)))
            {
                out.insert((it.class, it.attr));
            }
        }
    }
    out
}

/// Objects that hold themselves, alike ones of a file together.
#[derive(Default)]
struct Alike<'a> {
    known: FxHashMap<(u32, Sym, Itself), usize>,
    seen: FxHashSet<(u32, Span)>,
    found: Vec<Selfish<'a>>,
}

struct Selfish<'a> {
    class: ClassRef,
    cycle: &'a Cycle,
    edge: &'a Holds,
    how: Itself,
    others: Vec<(ClassRef, &'a Holds)>,
}

impl<'a> Alike<'a> {
    fn add(&mut self, class: ClassRef, cycle: &'a Cycle, edge: &'a Holds, how: Itself) {
        if !self.seen.insert((edge.file, edge.at)) {
            return;
        }
        match self.known.entry((edge.file, edge.by.name(), how)) {
            Entry::Occupied(it) => self.found[*it.get()].others.push((class, edge)),
            Entry::Vacant(it) => {
                it.insert(self.found.len());
                self.found.push(Selfish {
                    class,
                    cycle,
                    edge,
                    how,
                    others: Vec::new(),
                });
            }
        }
    }
}

/// Classes of which an instance is put somewhere where it stays as long as the process.
fn lasting_classes(program: &Program<'_>) -> FxHashSet<ClassRef> {
    let mut out = FxHashSet::default();
    for put in program.puts() {
        let classes: Vec<ClassRef> = program
            .entities(put.value)
            .iter()
            .filter_map(|it| match it {
                Entity::Instance(class) if !out.contains(class) => Some(*class),
                _ => None,
            })
            .collect();
        if !classes.is_empty() && program.lives_long(put.place) {
            out.extend(classes);
        }
    }
    out
}

/// Whether objects of the class hold more than themselves: something that they were given.
fn has_company(program: &Program<'_>, class: ClassRef, own: Sym) -> bool {
    program.mro(class).iter().any(|&it| {
        program.class_info(it).is_some_and(|info| {
            info.attrs.iter().any(|(&name, stores)| {
                name != own
                    && stores.iter().any(|store| {
                        let facts = program.facts(store.file);
                        facts.stores[store.id].value.is_some_and(|id| {
                            matches!(facts.values[id].kind, ValueKind::Var(var) if facts.vars[var].param.is_some())
                        })
                    })
            })
        })
    })
}

/// Attributes that constructors bind to something that they open, and any method to something large.
fn held(cx: &Context<'_>) -> Vec<Held> {
    let program = cx.program;
    let mut out = Vec::new();
    for class in program.class_refs() {
        for &id in &program.class(class).methods {
            let func = FuncRef {
                file: class.file,
                id,
            };
            let facts = program.facts(func.file);
            for store in &facts.stores.as_slice()[facts.funcs[id].stores.range()] {
                if let (Target::Attr(name), StoreKind::Assign, Some(value)) =
                    (store.target, store.kind, store.value)
                    && is_own(program, func, store.base)
                    && let Some((at, what)) = weight(cx, func, value, store.at)
                {
                    out.push(Held {
                        class,
                        attr: program.sym_of(func.file, name),
                        file: func.file,
                        at,
                        what,
                    });
                }
            }
        }
    }
    out
}

/// What makes a value weigh.
fn weight(cx: &Context<'_>, func: FuncRef, value: ValueId, at: Span) -> Option<(Span, What)> {
    let program = cx.program;
    let facts = program.facts(func.file);
    let of = ValueRef {
        file: func.file,
        id: value,
    };
    if let ValueKind::Call(call) = facts.values[value].kind
        && program.func_name(func) == "__init__"
        && let Some(opener) = opened(program, func.file, call, (3, cx.target.minor.into()))
    {
        return Some((facts.calls[call].at, What::Open(opener)));
    }
    if program.holds_traceback(func, of) {
        return Some((at, What::Frames));
    }
    let size = program.size(of).filter(|it| it.is_large(cx.large))?;
    // What a function of the program has read may be anything by then.
    let is_made_here = size.bytes().is_some() || is_read_here(program, func.file, value, 3);
    is_made_here.then_some((at, What::Large(size)))
}

/// Whether a library call of this very function reads it.
fn is_read_here(program: &Program<'_>, file: u32, value: ValueId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match program.facts(file).values[value].kind {
        ValueKind::Call(call) => program.targets(file, call).is_empty(),
        ValueKind::Await(value) => is_read_here(program, file, value, depth),
        ValueKind::Var(var) => program
            .bound_local(file, var)
            .is_some_and(|it| is_read_here(program, file, it.id, depth)),
        _ => false,
    }
}

fn is_own(program: &Program<'_>, func: FuncRef, base: ValueId) -> bool {
    let facts = program.facts(func.file);
    matches!(facts.values[base].kind, ValueKind::Var(var) if facts.vars[var].param == Some(0) && facts.vars[var].func == func.id)
}

/// Whether something lets go of what the attribute holds: closes it and is called, or may be; binds the attribute anew.
fn is_let_go(cx: &Context<'_>, uses: &Uses, class: ClassRef, held: &Held) -> bool {
    let program = cx.program;
    if matches!(held.what, What::Open(..)) {
        return is_closed(cx, uses, class, held);
    }
    // Objects that live long are not garbage at all.
    if program.holder_below(class).is_some() || program.holder_below(held.class).is_some() {
        return true;
    }
    program
        .mro(class)
        .iter()
        .flat_map(|&it| program.effects(PlaceKey::Instance(it, held.attr)))
        .any(|it| {
            it.kind.shrinks()
                || it.kind == EffectKind::Rebind
                    && it.value.is_none_or(|id| {
                        program.value(ValueRef {
                            file: it.func.file,
                            id,
                        }) == ValueKind::None
                    })
                    && program.func_name(it.func) != "__init__"
        })
        || cx.objects.is_cut(held.attr)
}

/// Whether something closes the attribute and is called, or may be.
fn is_closed(cx: &Context<'_>, uses: &Uses, class: ClassRef, held: &Held) -> bool {
    let program = cx.program;
    if uses.given.contains(&held.attr) {
        return true;
    }
    // Objects that live long are not garbage at all; that is the business of other rules.
    if program.holder_below(class).is_some() || program.holder_below(held.class).is_some() {
        return true;
    }
    let closers = uses.closers.get(&held.attr).map_or(&[][..], Vec::as_slice);
    closers.iter().any(|&func| {
        let outside = program
            .class_of(func)
            .is_none_or(|it| !program.mro(class).contains(&it));
        outside
            || cx.kind == ProgramKind::Library
            || !program.callers(func).is_empty()
            || program.is_taken(func)
            || program.is_method_name_called(func)
    }) || !closers.is_empty() && uses.managed.contains(&class)
}

/// What the program does with the attributes that hold something open, and with their objects.
#[derive(Default)]
struct Uses {
    /// Functions that close what an attribute of this name holds.
    closers: FxHashMap<Sym, Vec<FuncRef>>,
    /// Attributes that are entered, or given to something that may close them.
    given: FxHashSet<Sym>,
    /// Classes of which an object is entered, or handed to something that closes it.
    managed: FxHashSet<ClassRef>,
}

impl Uses {
    fn of(program: &Program<'_>, held: &[Held]) -> Self {
        let mut uses = Self::default();
        let attrs: FxHashSet<Sym> = held
            .iter()
            .filter(|it| it.what.kind() == What::OPEN)
            .map(|it| it.attr)
            .collect();
        if !attrs.is_empty() {
            for file in 0..program.files.len() as u32 {
                uses.add(program, file, &attrs);
            }
        }
        uses
    }

    fn add(&mut self, program: &Program<'_>, file: u32, attrs: &FxHashSet<Sym>) {
        let facts = program.facts(file);
        let attr = |id: ValueId| match facts.values[id].kind {
            ValueKind::Attr { name, .. } => {
                Some(program.sym_of(file, name)).filter(|it| attrs.contains(it))
            }
            _ => None,
        };
        let manage = |id: ValueId, managed: &mut FxHashSet<ClassRef>| {
            for it in program.entities(ValueRef { file, id }) {
                if let Entity::Instance(class) = it {
                    managed.insert(class);
                }
            }
        };
        for call in facts.calls.iter() {
            let args = &facts.args[call.args.range()];
            // `self.file.close()`, and `stop(self.file)` as far as it is a call of something that closes.
            if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
                && program.models.resources.is_closer(program.name(file, name))
            {
                let func = FuncRef {
                    file,
                    id: call.func,
                };
                let mut add = |id| {
                    if let Some(attr) = attr(id) {
                        self.closers.entry(attr).or_default().push(func);
                    }
                };
                // A part of it stands for it: `self.pair[0]`, `end` of `for end in self.pair`.
                match facts.values[base].kind {
                    ValueKind::Item { base, .. } => add(base),
                    ValueKind::Var(var) => facts.defs[facts.vars[var].defs.range()]
                        .iter()
                        .filter(|def| matches!(def.kind, DefKind::Element(_) | DefKind::Unpack(_)))
                        .filter_map(|def| def.value)
                        .for_each(add),
                    _ => add(base),
                }
            }
            if args.is_empty() {
                continue;
            }
            // Whoever is given it may close it; who enters it does.
            match last_name(facts, call.callee) {
                Some("print" | "len" | "next" | "iter" | "str" | "repr") => {}
                name => {
                    self.given
                        .extend(args.iter().filter_map(|it| attr(it.value)));
                    if let Some(
                        "closing"
                        | "aclosing"
                        | "enter_context"
                        | "enter_async_context"
                        | "push"
                        | "callback"
                        | "register"
                        | "finalize",
                    ) = name
                    {
                        for it in args {
                            manage(it.value, &mut self.managed);
                        }
                    }
                }
            }
        }
        for context in facts.contexts.iter() {
            if let ContextKind::With { manager } = context.kind {
                self.given.extend(attr(manager));
                manage(manager, &mut self.managed);
            }
        }
    }
}

fn holds_itself(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    it: &Selfish<'_>,
) -> Finding {
    let program = cx.program;
    let Selfish {
        class,
        cycle,
        edge,
        how,
        ref others,
    } = *it;
    let owner = program.qualified_class(class);
    let by = edge.by.text(program);
    let at = program.at(edge.file, edge.at);
    let more = match others.len() {
        0 => String::new(),
        1 => ", as does another class of this file".to_owned(),
        n => format!(", as do {n} other classes of this file"),
    };
    let mut finding = Finding::new(
        meta,
        at,
        format!("`{owner}` holds itself by `{by}`{more}: each one, with all that it refers to, waits for the cyclic gc"),
    )
    .severity(Severity::Warning)
    // Who writes `self.root = self` mostly knows.
    .confidence(if how == Itself::Bound {
        Confidence::Low
    } else {
        Confidence::Medium
    });
    for (class, edge) in others.iter().take(4) {
        finding = finding.label(
            program.at(edge.file, edge.at),
            Role::Link,
            format!("`{}` too", program.qualified_class(*class)),
        );
    }
    tied::ring(program, finding, cycle)
        .growth(Growth::PerInstance)
        .symbol(format!(
            "{}.{owner}{by}",
            program.files[class.file as usize].module
        ))
        .help("compute it in a property, or give a callback that holds the object weakly (`weakref.ref`, `weakref.WeakMethod`)")
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    cycle: &Cycle,
    held: &Held,
) -> Finding {
    let program = cx.program;
    let owner = program.qualified_class(held.class);
    let attr = program.text(held.attr);
    let at = program.at(held.file, held.at);
    let (what, message, bytes) = match &held.what {
        What::Open(opener) => {
            let what = opener.strip_prefix("builtins.").unwrap_or(opener);
            let message = format!(
                "`{owner}` is part of a reference cycle: what `{what}` opens here closes only when the cyclic gc has found it"
            );
            (what.to_owned(), message, None)
        }
        What::Frames => {
            let message = format!(
                "`{owner}` is part of a reference cycle and holds a traceback in `.{attr}`: the frames and all their locals wait for the cyclic gc"
            );
            (
                "traceback, frames and their locals".to_owned(),
                message,
                None,
            )
        }
        What::Large(size) => {
            let amount = match size {
                Size::Bytes(bytes) => human(*bytes),
                Size::WholeInput => "size unknown: the whole input".to_owned(),
            };
            let message = format!(
                "`{owner}` is part of a reference cycle: what `.{attr}` holds ({amount}) waits for the cyclic gc"
            );
            (amount, message, size.bytes())
        }
    };
    let is_open = matches!(held.what, What::Open(..));
    let finding = Finding::new(meta, at, message)
        .severity(Severity::Warning)
        // What is read may as well be small.
        .confidence(if matches!(held.what, What::Large(Size::WholeInput)) {
            Confidence::Low
        } else {
            Confidence::Medium
        })
        .bytes(bytes, bytes)
        .label(
            at,
            if is_open {
                Role::Resource
            } else {
                Role::Definition
            },
            format!("held by `.{attr}`"),
        );
    tied::ring(program, finding, cycle)
        .path([Step {
            node: what,
            edge: format!(".{attr}"),
            place: Some(at),
        }])
        .growth(Growth::PerInstance)
        .symbol(format!(
            "{}.{owner}.{attr}",
            program.files[held.file as usize].module
        ))
        .help(if is_open {
            "close it in a method that is called (`close`, `__exit__`), or hold one direction of the cycle weakly"
        } else {
            "hold one direction of the cycle weakly (`weakref.ref`), or set an attribute of it to `None` when the object is done"
        })
}
