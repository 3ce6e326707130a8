//! `copied-by-workers`: worker processes that read a list of Python objects copy the pages that it stands in.

use super::registering::{arguments, role_calls, symbol};
use super::{Context, Rule, Sink};
use crate::facts::model::{StoreF, StoreKind, Target, ValueKind};
use crate::finding::{Finding, Growth, Role};
use crate::heap::size::Size;
use crate::link::effects::EffectKind;
use crate::link::program::{Sym, ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, PlaceKey, Program};
use crate::models::ApiRole;

pub(super) struct CopiedByWorkers;

impl Rule for CopiedByWorkers {
    fn page(&self) -> &'static str {
        include_str!("../../rules/copied-by-workers.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let has_workers = role_calls(program, ApiRole::Loader).any(|(call, _)| {
            arguments(program, call)
                .any(|it| it.0 == Some("num_workers") && program.value(it.1) != ValueKind::Int(0))
        });
        if !has_workers {
            return;
        }
        for class in program.class_refs() {
            if program.files[class.file as usize].is_test || !is_dataset(program, class) {
                continue;
            }
            let Some(init) = program
                .sym("__init__")
                .and_then(|it| program.own_method(class, it))
            else {
                continue;
            };
            let facts = program.facts(init.file);
            for store in &facts.stores.as_slice()[facts.funcs[init.id].stores.range()] {
                copied(cx, class, init, store, out);
            }
        }
    }
}

fn is_dataset(program: &Program<'_>, class: ClassRef) -> bool {
    program.class_info(class).is_some_and(|it| {
        it.libraries
            .iter()
            .any(|&it| program.models.registries.role(it) == Some(ApiRole::Dataset))
    })
}

fn copied(cx: &Context<'_>, class: ClassRef, init: FuncRef, store: &StoreF, out: &mut Sink) {
    let program = cx.program;
    let file = init.file;
    let (StoreKind::Assign, Target::Attr(name), Some(value)) =
        (store.kind, store.target, store.value)
    else {
        return;
    };
    let is_own = matches!(program.facts(file).values[store.base].kind, ValueKind::Var(var) if program.files[file as usize].selfs.contains_key(&var));
    let sym = program.sym_of(file, name);
    let value = ValueRef { file, id: value };
    let Some(reader) = reader(program, class, sym) else {
        return;
    };
    if !is_own || !is_many_objects(program, class, sym, value) {
        return;
    }
    let at = program.at(file, store.at);
    let class_name = program.class_name(class);
    let name = program.text(sym);
    let message = format!(
        "each worker process copies `{class_name}.{name}` as it reads it: a read changes the counts of references that stand beside the objects"
    );
    out.report(
        Finding::new(out.meta(), at, message)
            .label(
                at,
                Role::Definition,
                "many Python objects, shared with the workers at first",
            )
            .label(
                program.at(reader.file, program.func(reader).name_span),
                Role::Link,
                "workers read it here",
            )
            .growth(Growth::Bounded)
            .symbol(symbol(program, init))
            .help("keep the rows in one buffer: a numpy array, a tensor, or an Arrow table"),
    );
}

/// The method by which workers read an attribute.
fn reader(program: &Program<'_>, class: ClassRef, name: Sym) -> Option<FuncRef> {
    ["__getitem__", "__iter__"].into_iter().find_map(|method| {
        let func = program.method(class, program.sym(method)?)?;
        let facts = program.facts(func.file);
        let values = &facts.values.as_slice()[facts.funcs[func.id].values.range()];
        values
            .iter()
            .any(|it| match it.kind {
                ValueKind::Attr { base, name: it } => {
                    program.sym_of(func.file, it) == name
                        && matches!(facts.values[base].kind, ValueKind::Var(var) if program.files[func.file as usize].selfs.contains_key(&var))
                }
                _ => false,
            })
            .then_some(func)
    })
}

/// Whether a value is a list, dict or set of as many objects as there is data.
fn is_many_objects(program: &Program<'_>, class: ClassRef, name: Sym, value: ValueRef) -> bool {
    let facts = program.facts(value.file);
    let is_container = program.entities(value).iter().any(|it| match it {
        Entity::ExternalInstance(node) => matches!(
            program.api_text(*node),
            "builtins.list" | "builtins.dict" | "builtins.set" | "list" | "dict" | "set"
        ),
        _ => false,
    });
    match program.value(value) {
        ValueKind::Comp { .. } => true,
        ValueKind::Call(call) => {
            let by_name = matches!(
                last_name(facts, facts.calls[call].callee),
                Some("list" | "dict" | "sorted" | "readlines" | "splitlines" | "glob" | "listdir")
            );
            let is_empty = facts.calls[call].args.is_empty();
            by_name && !is_empty
                || is_container && grows(program, class, name)
                || reads_objects(program, value)
        }
        // What the constructor fills.
        ValueKind::List(rows) | ValueKind::Dict(rows) | ValueKind::Set(rows) => {
            rows.is_empty() && grows(program, class, name)
        }
        _ => false,
    }
}

/// `json.load(file)`: objects for all that a file has.
fn reads_objects(program: &Program<'_>, value: ValueRef) -> bool {
    let ValueKind::Call(call) = program.value(value) else {
        return false;
    };
    let callee = ValueRef {
        file: value.file,
        id: program.facts(value.file).calls[call].callee,
    };
    program.size(value) == Some(Size::WholeInput)
        && program.external(callee).is_some_and(|it| {
            let root = program.api_text(it).split('.').next();
            matches!(root, Some("json" | "pickle" | "yaml" | "tomllib" | "toml"))
        })
}

fn grows(program: &Program<'_>, class: ClassRef, name: Sym) -> bool {
    program
        .effects(PlaceKey::Instance(class, name))
        .iter()
        .any(|it| matches!(it.kind, EffectKind::Grow(_)))
}
