//! `closure-holds-large-local`: a closure that outlives its maker names a large local, so the local outlives it too.
//!
//! Only what an inner function really names is kept (rows K1 to K9): not the other locals of the frame, not what a sibling
//! captures, not what `eval` would look up.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Context, Rule, Sink};
use crate::base::Span;
use crate::base::human;
use crate::facts::model::{DefKind, FuncId, ResultKind, StoreKind, Usage, ValueKind, VarId};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::reach::Object;
use crate::heap::size::Size;
use crate::link::program::ValueRef;
use crate::link::{FuncRef, Program};

pub(super) struct ClosureHoldsLargeLocal;

impl Rule for ClosureHoldsLargeLocal {
    fn page(&self) -> &'static str {
        include_str!("../../rules/closure-holds-large-local.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let keepers = Keepers::of(program);
        for func in program.funcs() {
            let facts = program.facts(func.file);
            let fact = &facts.funcs[func.id];
            let Some(parent) = fact.parent.filter(|it| it.index() != 0) else {
                continue;
            };
            if fact.is_module() {
                continue;
            }
            let mut captured = Vec::new();
            program.captured(func.file, func.id, &mut |var| {
                if !captured.contains(&var) {
                    captured.push(var);
                }
            });
            for var in captured {
                if facts.vars[var].func != parent {
                    continue;
                }
                let Some(size) = large_local(cx, func.file, var) else {
                    continue;
                };
                let maker = FuncRef {
                    file: func.file,
                    id: parent,
                };
                let escape = escape(program, maker, func);
                let Some(escape) = escape.or_else(|| keepers.take(program, maker, func)) else {
                    continue;
                };
                if size == Size::WholeInput && !is_scalar_use(program, func.file, func.id, var) {
                    continue;
                }
                out.report(finding(program, out.meta(), func, var, size, escape));
            }
        }
    }
}

/// Who puts what into places that live as long as the process.
#[derive(Default)]
struct Keepers {
    puts: FxHashMap<FuncRef, Vec<(ValueRef, Span)>>,
    /// Parameters that a function puts there.
    params: FxHashSet<(FuncRef, usize)>,
}

impl Keepers {
    fn of(program: &Program<'_>) -> Self {
        let mut found = Self::default();
        for put in program.puts().filter(|it| program.lives_long(it.place)) {
            if let ValueKind::Var(var) = program.value(put.value)
                && let var = &program.facts(put.value.file).vars[var]
                && let Some(param) = var.param
                && var.func == put.func.id
            {
                found.params.insert((put.func, param as usize));
            }
            let puts = found.puts.entry(put.func).or_default();
            puts.push((put.value, put.at));
        }
        found
    }

    /// Where the function that made a closure puts it into such a place, itself or by a function that does.
    fn take(&self, program: &Program<'_>, maker: FuncRef, closure: FuncRef) -> Option<Span> {
        let is_it =
            |value: ValueRef| value.file == closure.file && mentions(program, value, closure.id, 4);
        let here = self.puts.get(&maker).into_iter().flatten();
        let mut here = here.filter(|it| is_it(it.0));
        if let Some(&(_, at)) = here.next() {
            return Some(at);
        }
        let file = maker.file;
        let facts = program.facts(file);
        let rows = facts.funcs[maker.id].calls;
        rows.ids().find_map(|id| {
            let call = &facts.calls[id];
            let targets = program.targets(file, id);
            let args = facts.args[call.args.range()].iter().enumerate();
            let mut given = args.filter(|(_, arg)| {
                is_it(ValueRef {
                    file,
                    id: arg.value,
                })
            });
            given
                .any(|(at, arg)| {
                    targets.iter().any(|&target| {
                        program
                            .param_of(file, target, at, arg)
                            .is_some_and(|it| self.params.contains(&(target.func, it)))
                    })
                })
                .then_some(call.at)
        })
    }
}

/// The size of a local that is bound once to something large and never let go.
fn large_local(cx: &Context<'_>, file: u32, var: VarId) -> Option<Size> {
    let facts = cx.program.facts(file);
    let defs = &facts.defs[facts.vars[var].defs.range()];
    if facts.vars[var].param.is_some()
        || defs.iter().filter(|it| it.kind != DefKind::Declare).count() != 1
    {
        return None;
    }
    let def = defs.iter().find(|it| it.kind == DefKind::Assign)?;
    let size = cx.program.size(ValueRef {
        file,
        id: def.value?,
    })?;
    size.is_large(cx.large).then_some(size)
}

/// Where the closure leaves the function that made it.
fn escape(program: &Program<'_>, maker: FuncRef, closure: FuncRef) -> Option<Span> {
    let file = maker.file;
    let facts = program.facts(file);
    let fact = &facts.funcs[maker.id];
    let keeps = |value| mentions(program, ValueRef { file, id: value }, closure.id, 4);
    let returned = facts.results[fact.results.range()]
        .iter()
        .find(|it| {
            matches!(it.kind, ResultKind::Return | ResultKind::Yield) && it.value.is_some_and(keeps)
        })
        .map(|it| it.at);
    returned.or_else(|| {
        facts.stores.as_slice()[fact.stores.range()]
            .iter()
            .find(|it| {
                let is_local = matches!(program.reach(ValueRef { file, id: it.base }).first(), Some(Object::Var(var)) if facts.vars[*var].func == maker.id && facts.vars[*var].param.is_none());
                it.kind == StoreKind::Assign && !is_local && it.value.is_some_and(keeps)
            })
            .map(|it| it.at)
    })
}

/// Whether a value is the closure, or holds it.
fn mentions(program: &Program<'_>, value: ValueRef, closure: FuncId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let file = value.file;
    let facts = program.facts(file);
    let at = |id| ValueRef { file, id };
    match program.value(value) {
        ValueKind::Func(func) => func == closure,
        ValueKind::Var(var) => facts.defs[facts.vars[var].defs.range()]
            .iter()
            .any(|def| match def.kind {
                DefKind::Function(func) => func == closure,
                DefKind::Assign => def
                    .value
                    .is_some_and(|it| mentions(program, at(it), closure, depth)),
                _ => false,
            }),
        ValueKind::List(rows)
        | ValueKind::Tuple(rows)
        | ValueKind::Dict(rows)
        | ValueKind::Set(rows) => program
            .list(file, rows)
            .iter()
            .any(|&it| mentions(program, at(it), closure, depth)),
        ValueKind::Choice(rows) | ValueKind::Or(rows) => program
            .list(file, rows)
            .iter()
            .any(|&it| mentions(program, at(it), closure, depth)),
        ValueKind::Call(call) => {
            let callee = facts.calls[call].callee;
            let is_keeper = program
                .external(at(callee))
                .is_some_and(|it| matches!(program.api_text(it), "functools.partial"));
            is_keeper
                && facts.args[facts.calls[call].args.range()]
                    .iter()
                    .any(|it| mentions(program, at(it.value), closure, depth))
        }
        _ => false,
    }
}

/// Whether the closure only asks the local for something small: its length, an element, an attribute.
fn is_scalar_use(program: &Program<'_>, file: u32, closure: FuncId, var: VarId) -> bool {
    let facts = program.facts(file);
    let fact = &facts.funcs[closure];
    let reads: Vec<_> = facts.reads[fact.reads.range()]
        .iter()
        .filter(|it| facts.values[it.value].kind == ValueKind::Var(var))
        .collect();
    !reads.is_empty()
        && reads.iter().all(|read| match read.usage {
            Usage::ItemBase | Usage::AttrBase => true,
            Usage::Argument => fact.calls.ids().any(|id| {
                let call = &facts.calls[id];
                crate::link::program::last_name(facts, call.callee) == Some("len")
                    && facts.args[call.args.range()]
                        .iter()
                        .any(|it| it.value == read.value)
            }),
            _ => false,
        })
}

fn finding(
    program: &Program<'_>,
    meta: &'static crate::catalog::RuleMeta,
    closure: FuncRef,
    var: VarId,
    size: Size,
    escape: Span,
) -> Finding {
    let file = closure.file;
    let facts = program.facts(file);
    let name = program.name(file, facts.vars[var].name);
    let inner = if facts.funcs[closure.id].is_lambda() {
        "lambda".to_owned()
    } else {
        format!("`{}`", program.func_name(closure))
    };
    let (amount, bytes) = match size {
        Size::Bytes(bytes) => (human(bytes), Some(bytes)),
        Size::WholeInput => ("size unknown: the whole input".to_owned(), None),
    };
    let capture =
        first_use(program, file, closure.id, var).unwrap_or(facts.funcs[closure.id].name_span);
    let made = facts.defs[facts.vars[var].defs.range()]
        .iter()
        .find(|it| it.kind == DefKind::Assign)
        .map(|it| it.at);
    let message = format!(
        "closure {inner} keeps `{name}` ({amount}) alive for as long as the closure itself"
    );
    let mut finding = Finding::new(meta, program.at(file, capture), message)
        .severity(Severity::Warning)
        .confidence(Confidence::Medium);
    if let Some(made) = made {
        finding = finding.label(
            program.at(file, made),
            Role::Definition,
            format!("made here, {amount}"),
        );
    }
    finding
        .label(program.at(file, capture), Role::Capture, format!("{inner} names it, so its cell keeps it"))
        .label(program.at(file, escape), Role::Leak, "the closure leaves the function here")
        .path([
            Step { node: format!("closure {}", inner.trim_matches('`')), edge: String::new(), place: Some(program.at(file, facts.funcs[closure.id].name_span)) },
            Step { node: "cell".to_owned(), edge: "__closure__".to_owned(), place: Some(program.at(file, capture)) },
            Step { node: amount.clone(), edge: name.to_owned(), place: made.map(|it| program.at(file, it)) },
        ])
        .growth(Growth::PerCall)
        .bytes(bytes, bytes)
        .symbol(format!("{}.{}", program.files[file as usize].module, program.qualified(closure)))
        .help(format!("compute what the closure needs before it is made, and let it name that instead of `{name}`; or `del {name}` before returning"))
}

/// Where a closure, or a function inside it, first names the variable.
fn first_use(program: &Program<'_>, file: u32, closure: FuncId, var: VarId) -> Option<Span> {
    let facts = program.facts(file);
    let span = facts.funcs[closure].span;
    let names = |func: FuncId| {
        facts.funcs[func]
            .values
            .ids()
            .find(|&id| facts.values[id].kind == ValueKind::Var(var))
            .map(|id| program.value_span(ValueRef { file, id }))
    };
    names(closure).or_else(|| {
        // Handed through to a function inside it, or kept by a sibling that it calls.
        let inside = facts
            .funcs
            .iter_ids()
            .filter(|(_, it)| span.contains(it.span));
        let any = facts
            .funcs
            .iter_ids()
            .filter(|(_, it)| it.free.contains(&var));
        inside
            .filter_map(|(id, _)| names(id))
            .min()
            .or_else(|| any.filter_map(|(id, _)| names(id)).min())
    })
}
