//! Whether a value is an object that lives as long as the process.

use crate::facts::model::{DefKind, Home, ResultKind, StoreKind, ValueKind};
use crate::link::program::ValueRef;
use crate::link::{Entity, FuncRef, Program, VarRef};

/// Whether a value is an object that stands in a module or class for as long as the process.
pub(super) fn lives_long(program: &Program<'_>, value: ValueRef, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let file = value.file;
    let facts = program.facts(file);
    let again = |id| lives_long(program, ValueRef { file, id }, depth);
    match program.value(value) {
        ValueKind::Var(id) => {
            let var = VarRef { file, id };
            let var = program.imported_var(var).unwrap_or(var);
            let fact = program.var(var);
            let facts = program.facts(var.file);
            let defs = &facts.defs[fact.defs.range()];
            match fact.home {
                Home::Module => defs.iter().any(|it| it.kind == DefKind::Assign),
                Home::Function if fact.param.is_some() => {
                    let func = FuncRef {
                        file: var.file,
                        id: fact.func,
                    };
                    passed_to(program, func, fact.param.unwrap_or_default() as usize).is_some_and(
                        |them| {
                            !them.is_empty()
                                && them.iter().all(|&it| lives_long(program, it, depth))
                        },
                    )
                }
                Home::Function => match defs {
                    [def] if def.kind == DefKind::Assign => def.value.is_some_and(|id| {
                        lives_long(program, ValueRef { file: var.file, id }, depth)
                    }),
                    _ => false,
                },
                _ => false,
            }
        }
        ValueKind::Attr { base, name } => {
            let at = ValueRef { file, id: base };
            let mut bases = program.entities(at);
            bases.retain(|it| !matches!(it, Entity::External(_) | Entity::ExternalInstance(_)));
            let is_own = matches!(facts.values[base].kind, ValueKind::Var(var) if program.files[file as usize].selfs.contains_key(&var));
            bases.iter().any(|it| match it {
                Entity::Module(other) => program.files[*other as usize]
                    .globals
                    .get(&program.sym_of(file, name))
                    .is_some_and(|&id| {
                        let var = VarRef { file: *other, id };
                        let var = program.imported_var(var).unwrap_or(var);
                        let facts = program.facts(var.file);
                        facts.defs[facts.vars[var.id].defs.range()]
                            .iter()
                            .any(|it| it.kind == DefKind::Assign)
                    }),
                Entity::Class(_) => true,
                Entity::Instance(class) if is_own => {
                    let mut stores = program
                        .attr_stores(*class, program.sym_of(file, name))
                        .filter_map(|it| {
                            let store = &program.facts(it.file).stores[it.id];
                            (store.kind == StoreKind::Assign)
                                .then(|| store.value.map(|id| ValueRef { file: it.file, id }))
                                .flatten()
                        })
                        .filter(|&it| program.value(it) != ValueKind::None)
                        .peekable();
                    stores.peek().is_some() && stores.all(|it| lives_long(program, it, depth))
                }
                _ => !is_own && again(base),
            })
        }
        ValueKind::Or(rows) => program.list(file, rows).iter().all(|&it| again(it)),
        // `get_bus()` that returns the one of the module.
        ValueKind::Call(id) => {
            let targets = program.targets(file, id);
            !targets.is_empty()
                && targets.iter().all(|it| {
                    let facts = program.facts(it.func.file);
                    let mut results = facts.results[program.func(it.func).results.range()]
                        .iter()
                        .filter(|it| it.kind == ResultKind::Return)
                        .filter_map(|it| it.value)
                        .peekable();
                    results.peek().is_some()
                        && results.all(|id| {
                            lives_long(
                                program,
                                ValueRef {
                                    file: it.func.file,
                                    id,
                                },
                                depth,
                            )
                        })
                })
        }
        _ => false,
    }
}

/// What all callers pass for a parameter; `None` when that is not known of some.
fn passed_to(program: &Program<'_>, func: FuncRef, param: usize) -> Option<Vec<ValueRef>> {
    if program.is_taken(func) {
        return None;
    }
    let mut found = Vec::new();
    for &call in program.callers(func) {
        if program.files[call.file as usize].is_test {
            continue;
        }
        let facts = program.facts(call.file);
        let fact = program.call(call);
        let target = program
            .targets(call.file, call.id)
            .iter()
            .find(|it| it.func == func)?;
        let arg = facts.args[fact.args.range()]
            .iter()
            .enumerate()
            .find(|(at, arg)| program.param_of(call.file, *target, *at, arg) == Some(param))?;
        found.push(ValueRef {
            file: call.file,
            id: arg.1.value,
        });
    }
    Some(found)
}
