//! `unfreed-native-memory`: memory that Python does not see, and pointer types that ctypes keeps for ever.

use super::native_handles::{handles, restype};
use super::registering::{
    arguments, bound_vars, calls_named, escapes, func_of, is_repeated, role_calls, symbol,
    with_nested,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{CallF, Home, Usage, ValueId, ValueKind};
use crate::finding::{Finding, Growth, Role};
use crate::link::program::last_name;
use crate::link::{CallRef, Entity, FuncRef, Program};
use crate::models::ApiRole;

pub(super) struct UnfreedNativeMemory;

impl Rule for UnfreedNativeMemory {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unfreed-native-memory.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        handles(cx, out);
        for (call, fact) in role_calls(program, ApiRole::NativeMemory) {
            let func = func_of(call, fact);
            // ctypes makes `bytes` of a `c_char_p`, and the pointer is lost at once.
            let name = last_name(program.facts(call.file), fact.callee).unwrap_or_default();
            let is_lost = restype(program, call.file, name)
                .is_some_and(|it| last_name(program.facts(call.file), it) == Some("c_char_p"));
            let frees = ["free", "PyMem_RawFree", "PyMem_Free"];
            if !is_lost && (is_freed(program, func, &frees) || leaves(program, func, call, fact)) {
                continue;
            }
            report(
                cx,
                call,
                fact,
                "nothing frees this memory: it does not belong to Python, so no collection returns it",
                "allocated here",
                "free it with the same library when it is done: `libc.free(pointer)` in `finally`, or use `ctypes.create_string_buffer`",
                out,
            );
        }
        for (call, fact) in role_calls(program, ApiRole::AddReference) {
            let func = func_of(call, fact);
            if is_freed(program, func, &["Py_DecRef", "Py_DECREF", "Py_XDECREF"]) {
                continue;
            }
            report(
                cx,
                call,
                fact,
                "a reference is added that nothing gives back: the object stays for ever",
                "added here",
                "call `ctypes.pythonapi.Py_DecRef` on the same object when it is done",
                out,
            );
        }
        for (call, fact) in role_calls(program, ApiRole::PointerType) {
            let func = func_of(call, fact);
            if func.id.index() == 0 || !is_repeated(cx, func, fact.context) {
                continue;
            }
            let made = arguments(program, call)
                .next()
                .and_then(|(_, it)| makes_type(program, func, it.id, 6));
            if let Some(made) = made {
                report(
                    cx,
                    call,
                    fact,
                    match made {
                        Made::Class => {
                            "each call makes a new type, and ctypes keeps a pointer type for each of them for ever, about 5 KiB"
                        }
                        Made::Array => {
                            "each new length makes a new array type, and ctypes keeps a pointer type for each of them for ever, about 5 KiB"
                        }
                    },
                    "the pointer type is put into a cache of ctypes here",
                    "define the type once, at module level; for a call `ctypes.byref(x)` needs no pointer type",
                    out,
                );
            }
        }
    }
}

fn report(
    cx: &Context<'_>,
    call: CallRef,
    fact: &CallF,
    message: &str,
    label: &str,
    help: &str,
    out: &mut Sink,
) {
    let at = cx.program.at(call.file, fact.at);
    out.report(
        Finding::new(out.meta(), at, message)
            .label(at, Role::Acquire, label)
            .growth(Growth::PerCall)
            .symbol(symbol(cx.program, func_of(call, fact)))
            .help(help),
    );
}

/// Whether the function, or another one of its class or file, frees.
fn is_freed(program: &Program<'_>, func: FuncRef, names: &[&str]) -> bool {
    let all: Vec<FuncRef> = if program.class_of(func).is_some() {
        program
            .facts(func.file)
            .funcs
            .ids()
            .map(|id| FuncRef {
                file: func.file,
                id,
            })
            .collect()
    } else {
        with_nested(program, func)
    };
    calls_named(program, &all, |name| {
        names.contains(&name) || name.ends_with("_free") || name.ends_with("Free")
    })
}

fn leaves(program: &Program<'_>, func: FuncRef, call: CallRef, fact: &CallF) -> bool {
    let facts = program.facts(call.file);
    match fact.usage {
        Usage::Discarded => false,
        Usage::Bound => {
            let keeps = |it: &CallF| {
                !matches!(
                    last_name(facts, it.callee),
                    Some(
                        "memset"
                            | "memmove"
                            | "memcpy"
                            | "cast"
                            | "string_at"
                            | "print"
                            | "strlen"
                            | "strcpy"
                            | "c_void_p"
                    )
                )
            };
            bound_vars(program, call)
                .iter()
                .any(|&it| escapes(program, func, it, &keeps))
        }
        _ => true,
    }
}

/// A ctypes type that a function makes.
#[derive(Clone, Copy)]
enum Made {
    /// A structure or union: another one in each call.
    Class,
    /// An array of a length that the call tells. ctypes has one type for each element type and length.
    Array,
}

/// The ctypes type that the function itself makes, of which a value is, or is an instance.
fn makes_type(program: &Program<'_>, func: FuncRef, value: ValueId, depth: u32) -> Option<Made> {
    let depth = depth.checked_sub(1)?;
    let facts = program.facts(func.file);
    match facts.values[value].kind {
        ValueKind::Call(call) => makes_type(program, func, facts.calls[call].callee, depth),
        // `c_char * n`
        ValueKind::Binary { left, right, .. } => {
            let is_ctypes = last_name(facts, left).is_some_and(|it| it.starts_with("c_"));
            let is_length = match facts.values[right].kind {
                ValueKind::Call(call) => last_name(facts, facts.calls[call].callee) == Some("len"),
                _ => false,
            };
            (is_ctypes && is_length).then_some(Made::Array)
        }
        ValueKind::Var(var) => {
            let fact = &facts.vars[var];
            if fact.home != Home::Function || fact.func != func.id || fact.param.is_some() {
                return None;
            }
            let is_class = program
                .var_entities(crate::link::VarRef {
                    file: func.file,
                    id: var,
                })
                .iter()
                .any(|it| match it {
                    Entity::Class(class) => {
                        program.class(*class).func == func.id
                            && program.class_info(*class).is_some_and(|info| {
                                info.libraries.iter().any(|&it| {
                                    matches!(
                                        program.api_text(it),
                                        "ctypes.Structure"
                                            | "ctypes.Union"
                                            | "ctypes.BigEndianStructure"
                                            | "ctypes.LittleEndianStructure"
                                    )
                                })
                            })
                    }
                    _ => false,
                });
            if is_class {
                return Some(Made::Class);
            }
            facts.defs[fact.defs.range()]
                .iter()
                .find_map(|it| makes_type(program, func, it.value?, depth))
        }
        _ => None,
    }
}
