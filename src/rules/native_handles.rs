//! What functions of C libraries hand out, and whether the program gives it back to the library.
//!
//! That a function hands out something to free is not written anywhere. It is inferred: the program frees such a thing
//! elsewhere, by the function of the pair (`x_new`, `x_free`), or in the same function on another way out.

use super::registering::{
    Made, bound_vars, calls_of, class_funcs, escapes, func_of, is_guarded, made, symbol,
};
use super::{Context, Sink};
use crate::facts::model::{
    ArgF, CallF, CompareOp, ContextKind, Home, ResultKind, StoreKind, Target, Usage, ValueId,
    ValueKind, VarId,
};
use crate::finding::{Confidence, Finding, Growth, Role};
use crate::link::program::{ValueRef, last_name};
use crate::link::{CallRef, ClassRef, Entity, FuncRef, Program};

/// Reports handles that get lost.
pub(super) fn handles(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    let words = program.syms(["ctypes", "cffi", "CDLL", "contents", "byref", "restype"]);
    let ffi = program.syms(FFI.iter().copied());
    for file in 0..program.files.len() as u32 {
        let it = &program.files[file as usize];
        if it.is_test {
            continue;
        }
        let facts = &it.facts;
        // A file that neither names ctypes nor an `ffi` calls no C library by these ways.
        let has_ffi = || {
            let mut vars = facts.vars.iter();
            vars.any(|it| is_ffi(program.name(file, it.name)))
        };
        if !(it.mentions(&words) || it.mentions(&ffi) && has_ffi()) {
            continue;
        }
        for (id, fact) in facts.calls.iter_ids() {
            let call = CallRef { file, id };
            if func_of(call, fact).id.index() == 0 || !is_native(program, file, fact.callee, 3) {
                continue;
            }
            match fact.usage {
                Usage::Bound => local(cx, call, fact, out),
                Usage::Stored => field(cx, call, fact, out),
                _ => {}
            }
        }
    }
}

/// What people call the object of cffi.
const FFI: [&str; 3] = ["ffi", "_ffi", "FFI"];

fn is_ffi(name: &str) -> bool {
    FFI.contains(&name)
}

/// Whether a function is one of a C library.
fn is_native(program: &Program<'_>, file: u32, callee: ValueId, depth: u32) -> bool {
    const LIBRARIES: &[&str] = &[
        "ctypes.CDLL",
        "ctypes.PyDLL",
        "ctypes.WinDLL",
        "ctypes.OleDLL",
        "ctypes.cdll",
        "ctypes.windll",
        "ctypes.pydll",
        "ctypes.oledll",
        "cffi.FFI.dlopen",
    ];
    let facts = program.facts(file);
    let (ValueKind::Attr { base, name }, Some(depth)) =
        (facts.values[callee].kind, depth.checked_sub(1))
    else {
        return false;
    };
    for it in program.entities(ValueRef { file, id: base }) {
        let is_library = match it {
            Entity::External(node) | Entity::ExternalInstance(node) => {
                let text = program.api_text(node);
                LIBRARIES.iter().any(|it| {
                    text.strip_prefix(it)
                        .is_some_and(|it| it.is_empty() || it.starts_with('.'))
                })
            }
            // A module of the program that names the functions of the library.
            Entity::Module(other) => {
                let there = program.facts(other);
                program.files[other as usize]
                    .globals
                    .get(&program.sym_of(file, name))
                    .is_some_and(|&var| {
                        there.defs[there.vars[var].defs.range()].iter().any(|it| {
                            it.value
                                .is_some_and(|it| is_native(program, other, it, depth))
                        })
                    })
            }
            _ => false,
        };
        if is_library {
            return true;
        }
    }
    // `from _native import ffi, lib`, `lib = binding.lib`
    let ValueKind::Var(var) = facts.values[base].kind else {
        return false;
    };
    let name = program.name(file, facts.vars[var].name);
    facts.vars[var].home == Home::Module
        && matches!(name.trim_matches('_'), "lib" | "C" | "backend_lib")
        && facts
            .vars
            .iter()
            .any(|it| it.home == Home::Module && is_ffi(program.name(file, it.name)))
}

/// A handle in a local variable.
fn local(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let facts = program.facts(call.file);
    let func = func_of(call, fact);
    let [var] = bound_vars(program, call)[..] else {
        return;
    };
    let is_single = facts.vars[var].defs.range().len() == 1;
    if !is_single || facts.vars[var].home != Home::Function {
        return;
    }
    let opener = last_name(facts, fact.callee).unwrap_or_default();
    if program.models.registries.is_freeing(opener) {
        return;
    }
    let passes = |it: &CallF| {
        facts.args[it.args.range()]
            .iter()
            .any(|arg: &ArgF| is_handle(program, call.file, arg.value, var, 3))
    };
    let frees: Vec<&CallF> = calls_of(program, func)
        .map(|it| it.1)
        .filter(|it| {
            passes(it)
                && last_name(facts, it.callee)
                    .is_some_and(|it| program.models.registries.is_freeing(it))
        })
        .collect();
    let keeps = |it: &CallF| {
        let name = last_name(facts, it.callee).unwrap_or_default();
        let is_known = program.models.registries.is_freeing(name)
            || is_native(program, call.file, it.callee, 3)
                && !program.models.registries.is_taking(name)
            || matches!(
                name,
                "print"
                    | "len"
                    | "cast"
                    | "string_at"
                    | "wstring_at"
                    | "bool"
                    | "bytes"
                    | "str"
                    | "byref"
                    | "memmove"
                    | "memset"
                    | "repr"
                    | "string"
                    | "buffer"
                    | "unpack"
                    | "int"
                    | "addressof"
            );
        !is_known
    };
    if escapes(program, func, var, &keeps) {
        return;
    }
    let at = program.at(call.file, fact.at);
    if frees.is_empty() {
        if let Some(closer) = counterpart(program, opener) {
            out.report(
                Finding::new(
                    out.meta(),
                    at,
                    format!("`{opener}` hands out memory of a C library that nothing gives back: no collection returns it"),
                )
                .confidence(Confidence::Medium)
                .label(at, Role::Acquire, "allocated here")
                .growth(Growth::PerCall)
                .symbol(symbol(program, func))
                .help(format!("give it to `{closer}` in `finally` when it is done")),
            );
        }
        return;
    }
    let is_in_finally = frees.iter().any(|it| {
        program
            .contexts(call.file, it.context)
            .any(|it| matches!(it, ContextKind::Finally))
    });
    let first = frees.iter().map(|it| it.at.start).min().unwrap_or_default();
    let lost = facts.results[facts.funcs[func.id].results.range()]
        .iter()
        .find(|it| {
            it.kind == ResultKind::Return
                && it.at.start > fact.at.start
                && it.at.start < first
                && !is_without(program, call.file, it.context, var)
        });
    let (Some(lost), false) = (lost, is_in_finally) else {
        return;
    };
    let closer = last_name(facts, frees[0].callee).unwrap_or_default();
    out.report(
        Finding::new(
            out.meta(),
            at,
            format!("what `{opener}` hands out is not given to `{closer}` on one way out: no collection returns memory of a C library"),
        )
        .confidence(Confidence::Medium)
        .label(at, Role::Acquire, "allocated here")
        .label(program.at(call.file, lost.at), Role::Leak, "returns without freeing it")
        .label(
            program.at(call.file, frees[0].at),
            Role::Release,
            "freed only here",
        )
        .growth(Growth::PerCall)
        .symbol(symbol(program, func))
        .help(format!("free it in `finally`: `{closer}(…)`")),
    );
}

/// Whether a value is the handle, or a pointer to it.
fn is_handle(program: &Program<'_>, file: u32, value: ValueId, var: VarId, depth: u32) -> bool {
    let facts = program.facts(file);
    match facts.values[value].kind {
        ValueKind::Var(it) => it == var,
        ValueKind::Call(id) if depth > 0 => facts.args[facts.calls[id].args.range()]
            .iter()
            .any(|it| is_handle(program, file, it.value, var, depth - 1)),
        _ => false,
    }
}

/// Whether some condition says that there is no handle, or asks it in a way that is not followed.
fn is_without(
    program: &Program<'_>,
    file: u32,
    context: Option<crate::facts::model::ContextId>,
    var: VarId,
) -> bool {
    program.contexts(file, context).any(|it| match it {
        ContextKind::If { test, outcome } => is_null(program, file, test, outcome, var, 6),
        ContextKind::Handler { .. } => true,
        _ => false,
    })
}

fn is_null(
    program: &Program<'_>,
    file: u32,
    test: ValueId,
    outcome: bool,
    var: VarId,
    depth: u32,
) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    let facts = program.facts(file);
    let is_var = |it: ValueId| facts.values[it].kind == ValueKind::Var(var);
    match facts.values[test].kind {
        ValueKind::Var(it) => it == var && !outcome,
        ValueKind::Not(inner) => is_null(program, file, inner, !outcome, var, depth),
        ValueKind::Compare { op, left, right } if is_var(left) || is_var(right) => match op {
            CompareOp::Is | CompareOp::Eq => outcome,
            CompareOp::IsNot | CompareOp::NotEq => !outcome,
            _ => true,
        },
        ValueKind::And(rows) | ValueKind::Or(rows) => program
            .list(file, rows)
            .iter()
            .any(|&it| is_null(program, file, it, outcome, var, depth)),
        // What the library answers about the handle may say that there is none.
        ValueKind::Call(id) => facts.args[facts.calls[id].args.range()]
            .iter()
            .any(|it| is_var(it.value)),
        _ => false,
    }
}

/// The function that takes back what this one hands out, when the program names it anywhere.
fn counterpart(program: &Program<'_>, opener: &str) -> Option<String> {
    const PAIRS: &[(&str, &[&str])] = &[
        (
            "_new",
            &["_free", "_destroy", "_delete", "_unref", "_release"],
        ),
        (
            "_create",
            &["_destroy", "_free", "_delete", "_release", "_close"],
        ),
        ("_alloc", &["_free", "_dealloc", "_release"]),
        (
            "_init",
            &["_free", "_destroy", "_cleanup", "_fini", "_close", "_end"],
        ),
        ("_open", &["_close", "_free"]),
        ("New", &["Free", "Destroy", "Delete", "Release"]),
        ("Create", &["Destroy", "Free", "Delete", "Release", "Close"]),
        ("Alloc", &["Free", "Dealloc", "Release"]),
        ("Open", &["Close", "Free"]),
    ];
    PAIRS.iter().find_map(|(end, closers)| {
        let stem = opener.strip_suffix(end)?;
        closers
            .iter()
            .map(|it| format!("{stem}{it}"))
            .find(|it| program.sym(it).is_some())
    })
}

/// A handle on an attribute of an object.
fn field(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let facts = program.facts(call.file);
    let func = func_of(call, fact);
    let opener = last_name(facts, fact.callee).unwrap_or_default();
    let store = facts.stores.as_slice()[facts.funcs[func.id].stores.range()]
        .iter()
        .find(|it| {
            it.kind == StoreKind::Assign
                && it
                    .value
                    .is_some_and(|it| facts.values[it].kind == ValueKind::Call(call.id))
        });
    let Some(store) = store else { return };
    let (Target::Attr(name), ValueKind::Var(base)) = (store.target, facts.values[store.base].kind)
    else {
        return;
    };
    let Some(&(id, false)) = program.files[call.file as usize].selfs.get(&base) else {
        return;
    };
    let class = ClassRef {
        file: call.file,
        id,
    };
    let creates = [
        "_new", "_create", "_alloc", "_open", "New", "Create", "Alloc", "Open",
    ]
    .iter()
    .any(|it| opener.ends_with(it));
    if !creates
        || !gives_pointer(program, call.file, opener)
        || is_guarded(program, call.file, fact.context)
        || made(cx, class) == Made::Few
    {
        return;
    }
    // Any mention of a function that frees, in the class or the file, may free it.
    let frees = |func: FuncRef| {
        let facts = program.facts(func.file);
        facts.values.as_slice()[facts.funcs[func.id].values.range()]
            .iter()
            .any(|it| match it.kind {
                ValueKind::Attr { name, .. } => program
                    .models
                    .registries
                    .is_freeing(program.name(func.file, name)),
                ValueKind::Var(var) => program
                    .models
                    .registries
                    .is_freeing(program.name(func.file, facts.vars[var].name)),
                _ => false,
            })
    };
    let in_file = facts.funcs.ids().map(|id| FuncRef {
        file: call.file,
        id,
    });
    if class_funcs(program, class)
        .into_iter()
        .chain(in_file)
        .any(frees)
    {
        return;
    }
    let at = program.at(call.file, fact.at);
    let name = program.name(call.file, name);
    out.report(
        Finding::new(
            out.meta(),
            at,
            format!(
                "each `{}` holds in `{name}` what `{opener}` hands out, and nothing gives it back: no collection returns memory of a C library",
                program.class_name(class)
            ),
        )
        .confidence(Confidence::Medium)
        .label(at, Role::Acquire, "allocated here")
        .growth(Growth::PerInstance)
        .symbol(symbol(program, func))
        .help("give it back to the library in `close`, and by `weakref.finalize`"),
    );
}

/// Whether the file declares that a function returns a pointer.
fn gives_pointer(program: &Program<'_>, file: u32, function: &str) -> bool {
    restype(program, file, function).is_some_and(|it| {
        let facts = program.facts(file);
        let is_pointer = |name: Option<&str>| {
            name.is_some_and(|it| matches!(it, "c_void_p" | "POINTER" | "voidp" | "c_ptr"))
        };
        is_pointer(last_name(facts, it))
            || matches!(facts.values[it].kind, ValueKind::Call(id) if is_pointer(last_name(facts, facts.calls[id].callee)))
    })
}

/// What a file declares as the type that a function of a C library returns.
pub(super) fn restype(program: &Program<'_>, file: u32, function: &str) -> Option<ValueId> {
    let facts = program.facts(file);
    facts.stores.iter().find_map(|it| match it.target {
        Target::Attr(name)
            if it.kind == StoreKind::Assign
                && program.name(file, name) == "restype"
                && last_name(facts, it.base) == Some(function) =>
        {
            it.value
        }
        _ => None,
    })
}
