//! Where the gc starts: modules, classes, functions with defaults and caches, registries, threads, frames that stay.

use rustc_hash::FxHashSet;

use super::{Asker, Hold, Key};
use crate::facts::model::{DefKind, Home, ResultKind, ValueKind};
use crate::heap::view::{EdgeKind, Group};
use crate::link::lifetime::Holder;
use crate::link::program::{ValueRef, last_name};
use crate::link::{CallRef, ClassRef, Entity, FuncRef, PlaceKey, Sym};
use crate::models::{ApiRole, NodeId};

/// The roots of the program's own code, in the order of files; tests are not part of the program that runs.
pub(super) fn roots(asker: &Asker<'_>) -> Vec<(Group, Key)> {
    let program = asker.program;
    let mut out = Vec::new();
    let mut registries: FxHashSet<NodeId> = FxHashSet::default();
    for (file, it) in program.files.iter().enumerate() {
        if it.is_test {
            continue;
        }
        let file = file as u32;
        out.push((Group::Modules, Key::Module(file)));
        for id in it.facts.classes.ids() {
            out.push((Group::Classes, Key::Class(ClassRef { file, id })));
        }
        for (id, fact) in it.facts.funcs.iter_ids() {
            let func = FuncRef { file, id };
            let has_defaults = it.facts.params[fact.params.range()]
                .iter()
                .any(|it| it.default.is_some());
            if has_defaults || asker.func_places.contains_key(&func) || asker.is_cached(func) {
                out.push((Group::Functions, Key::Func(func)));
            }
        }
        for (call, node) in asker.registry_calls(file) {
            match node {
                Called::Registry(node) if registries.insert(node) => {
                    out.push((Group::Registries, Key::Registry(node)))
                }
                Called::Registry(_) => {}
                Called::Thread => out.push((Group::Threads, Key::Thread(call))),
            }
        }
    }
    let mut frames: Vec<FuncRef> = program
        .class_refs()
        .filter_map(|it| match program.kept_for_ever(it) {
            Some(Holder::Var(var, _)) if program.var(var).home == Home::Function => Some(FuncRef {
                file: var.file,
                id: program.var(var).func,
            }),
            _ => None,
        })
        .collect();
    frames.sort_unstable();
    frames.dedup();
    out.extend(frames.into_iter().map(|it| (Group::Frames, Key::Frame(it))));
    out
}

pub(super) enum Called {
    Registry(NodeId),
    Thread,
}

impl Asker<'_> {
    /// Calls of a file that register something for as long as the process, or start a thread.
    pub(super) fn registry_calls(&self, file: u32) -> impl Iterator<Item = (CallRef, Called)> + '_ {
        let program = self.program;
        let facts = program.facts(file);
        let registries = &program.models.registries;
        facts.calls.iter_ids().filter_map(move |(id, call)| {
            let may_be = matches!(facts.values[call.callee].kind, ValueKind::Var(_))
                || last_name(facts, call.callee).is_some_and(|it| registries.is_last(it));
            if !may_be {
                return None;
            }
            let node = program.external(ValueRef {
                file,
                id: call.callee,
            })?;
            let called = if let Some(registry) = registries.registry(node) {
                let args = &facts.args[call.args.range()];
                let is_strong = registry.weak.as_ref().is_none_or(|weak| {
                    args.iter().any(|it| {
                        matches!(it.kind, crate::facts::model::ArgKindF::Keyword(name)
                            if program.name(file, name) == weak)
                            && facts.values[it.value].kind == ValueKind::Bool(false)
                    })
                });
                if !is_strong {
                    return None;
                }
                Called::Registry(node)
            } else if matches!(
                registries.role(node),
                Some(ApiRole::Thread | ApiRole::Timer)
            ) {
                Called::Thread
            } else {
                return None;
            };
            Some((CallRef { file, id }, called))
        })
    }

    pub(super) fn is_cached(&self, func: FuncRef) -> bool {
        let facts = self.program.facts(func.file);
        self.program
            .list(func.file, facts.funcs[func.id].decorators)
            .iter()
            .any(|&id| {
                let at = ValueRef {
                    file: func.file,
                    id,
                };
                self.program.entities(at).iter().any(|it| match it {
                    Entity::External(node) | Entity::ExternalInstance(node) => {
                        self.program.models.cache(*node).is_some()
                    }
                    _ => false,
                })
            })
    }

    pub(super) fn module_holds(&self, file: u32, out: &mut Vec<Hold>) {
        let program = self.program;
        let mut vars: Vec<_> = program.files[file as usize]
            .globals
            .values()
            .copied()
            .collect();
        vars.sort_unstable();
        for id in vars {
            let var = crate::link::VarRef { file, id };
            // An imported name is another module's: it holds nothing that is not held there.
            let facts = program.facts(file);
            if facts.defs[facts.vars[id].defs.range()]
                .iter()
                .all(|it| matches!(it.kind, DefKind::Import(_)))
            {
                continue;
            }
            self.hold_place(
                PlaceKey::Var(var),
                EdgeKind::Attribute,
                program.var_name(var),
                out,
            );
        }
    }

    pub(super) fn class_holds(&self, class: ClassRef, out: &mut Vec<Hold>) {
        let program = self.program;
        let fact = program.class(class);
        let mut names: Vec<Sym> = fact
            .vars
            .iter()
            .map(|&it| program.sym_of(class.file, program.facts(class.file).vars[it].name))
            .collect();
        names.extend(self.class_places.get(&class).into_iter().flatten());
        let mut seen = FxHashSet::default();
        for name in names {
            if !seen.insert(name) || program.is_field(class, name) {
                continue;
            }
            let label = format!(".{}", program.text(name));
            self.hold_place(
                PlaceKey::Class(class, name),
                EdgeKind::Attribute,
                &label,
                out,
            );
        }
        for &id in &fact.methods {
            let func = FuncRef {
                file: class.file,
                id,
            };
            if self.is_cached(func) {
                let label = format!(".{}", program.func_name(func));
                let site = Some(program.at(class.file, program.func(func).name_span));
                out.push(super::hold(
                    Key::Cache(func),
                    EdgeKind::Attribute,
                    &label,
                    false,
                    site,
                ));
            }
        }
    }

    pub(super) fn func_holds(&self, func: FuncRef, out: &mut Vec<Hold>) {
        let program = self.program;
        let facts = program.facts(func.file);
        let fact = program.func(func);
        for (at, param) in facts.params[fact.params.range()].iter().enumerate() {
            let Some(id) = param.default else { continue };
            let value = ValueRef {
                file: func.file,
                id,
            };
            if let ValueKind::Tuple(_) | ValueKind::Func(_) = program.value(value) {
                continue;
            }
            let place = PlaceKey::Var(crate::link::VarRef {
                file: func.file,
                id: param.var,
            });
            let site = Some(program.at(func.file, param.at));
            for (to, is_weak) in self.objects(value, Some(place)) {
                out.push(Hold {
                    to,
                    kind: EdgeKind::Internal,
                    label: program.param_name(func, at).to_owned(),
                    is_weak,
                    site,
                });
            }
        }
        for &name in self.func_places.get(&func).into_iter().flatten() {
            let label = format!(".{}", program.text(name));
            self.hold_place(PlaceKey::Func(func, name), EdgeKind::Attribute, &label, out);
        }
        if fact.class.is_none() && self.is_cached(func) {
            out.push(Hold {
                to: Key::Cache(func),
                kind: EdgeKind::Internal,
                label: "cache".to_owned(),
                is_weak: false,
                site: Some(program.at(func.file, fact.name_span)),
            });
        }
    }

    /// What a frame that stays keeps in its variables.
    pub(super) fn frame_holds(&self, func: FuncRef, out: &mut Vec<Hold>) {
        let program = self.program;
        let facts = program.facts(func.file);
        for (id, var) in facts.vars.iter_ids() {
            if var.func != func.id || var.home != Home::Function {
                continue;
            }
            let site = facts.defs[var.defs.range()]
                .first()
                .map(|it| program.at(func.file, it.at));
            for (to, is_weak) in self.local_objects(func.file, id) {
                out.push(Hold {
                    to,
                    kind: EdgeKind::Local,
                    label: program.name(func.file, var.name).to_owned(),
                    is_weak,
                    site,
                });
            }
        }
    }

    pub(super) fn registry_holds(&self, node: NodeId, out: &mut Vec<Hold>) {
        let program = self.program;
        for file in 0..program.files.len() as u32 {
            if program.files[file as usize].is_test {
                continue;
            }
            for (call, called) in self.registry_calls(file) {
                if matches!(called, Called::Registry(it) if it == node) {
                    self.call_holds(file, call.id, EdgeKind::Item, out);
                }
            }
        }
        for it in out {
            "item".clone_into(&mut it.label);
        }
    }

    pub(super) fn cache_holds(&self, func: FuncRef, out: &mut Vec<Hold>) {
        let program = self.program;
        let fact = program.func(func);
        let site = Some(program.at(func.file, fact.name_span));
        if let Some(id) = fact.class
            && let Some(first) = program
                .facts(func.file)
                .params
                .get(fact.params.start as usize)
            && let Some((_, false)) = program.files[func.file as usize].selfs.get(&first.var)
        {
            out.push(Hold {
                to: Key::Instance(ClassRef {
                    file: func.file,
                    id,
                }),
                kind: EdgeKind::Key,
                label: "key → self".to_owned(),
                is_weak: false,
                site,
            });
        }
        for result in &program.facts(func.file).results[fact.results.range()] {
            let (ResultKind::Return, Some(id)) = (result.kind, result.value) else {
                continue;
            };
            let value = ValueRef {
                file: func.file,
                id,
            };
            let site = Some(program.at(func.file, result.at));
            for (to, is_weak) in self.objects_of_element(value) {
                out.push(Hold {
                    to,
                    kind: EdgeKind::Value,
                    label: "result".to_owned(),
                    is_weak,
                    site,
                });
            }
        }
    }

    pub(super) fn closure_holds(&self, func: FuncRef, out: &mut Vec<Hold>) {
        let program = self.program;
        let mut vars = Vec::new();
        program.captured(func.file, func.id, &mut |it| {
            if !vars.contains(&it) {
                vars.push(it);
            }
        });
        for var in vars {
            let fact = &program.facts(func.file).vars[var];
            let site = program.facts(func.file).defs[fact.defs.range()]
                .first()
                .map(|it| program.at(func.file, it.at));
            for (to, is_weak) in self.local_objects(func.file, var) {
                if to == Key::Closure(func) {
                    continue;
                }
                out.push(Hold {
                    to,
                    kind: EdgeKind::Cell,
                    label: program.name(func.file, fact.name).to_owned(),
                    is_weak,
                    site,
                });
            }
        }
    }
}
