//! What calls do with the containers that they are given.

use super::{Edge, Effect, EffectKind, OfFile};
use crate::facts::model::{ArgKindF, CallF, CallId, Usage, ValueId, ValueKind};
use crate::link::entity::Entity;
use crate::link::program::{CallRef, FuncRef, Program, ValueRef, VarRef, last_name};
use crate::models::Mutation;
use crate::syntax::tree::ParamKind;

/// Follows the arguments of a call into the program, or says what a library does with them.
pub(super) fn of_call(program: &Program<'_>, file: u32, id: CallId, out: &mut OfFile) {
    let facts = program.facts(file);
    let call = &facts.calls[id];
    let func = FuncRef {
        file,
        id: call.func,
    };
    for (position, arg) in facts.args[call.args.range()].iter().enumerate() {
        if !matches!(
            facts.values[arg.value].kind,
            ValueKind::Var(_) | ValueKind::Attr { .. } | ValueKind::Item { .. } | ValueKind::Or(_)
        ) {
            continue;
        }
        let sites = program.places(ValueRef {
            file,
            id: arg.value,
        });
        if sites.is_empty() {
            continue;
        }
        let targets = program.targets(file, id);
        if targets.is_empty()
            && let Some(param) = forwarded(program, file, call, position)
        {
            out.edges.push(Edge {
                sites: sites.clone(),
                param,
                call: CallRef { file, id },
            });
        }
        if targets.is_empty() {
            let kind = foreign(program, file, call.callee, position);
            for site in kind
                .map(|kind| sites.iter().map(move |it| (kind, *it)))
                .into_iter()
                .flatten()
            {
                let (kind, site) = site;
                let value = match kind {
                    EffectKind::Grow(_) => program.argument(file, call, Some(1), ""),
                    _ => None,
                };
                out.effects.push(Effect {
                    place: site.key,
                    is_inner: site.is_inner,
                    kind,
                    func,
                    at: call.at,
                    key: None,
                    value,
                    context: call.context,
                    via: None,
                });
            }
            continue;
        }
        for &target in targets {
            let Some(param) = program.param_of(file, target, position, arg) else {
                continue;
            };
            let there = program.facts(target.func.file);
            let param = there.params[there.funcs[target.func.id].params.start as usize + param].var;
            let param = VarRef {
                file: target.func.file,
                id: param,
            };
            out.edges.push(Edge {
                sites: sites.clone(),
                param,
                call: CallRef { file, id },
            });
        }
    }
}

/// The parameter that gets an argument which is passed on: `weakref.finalize(self, drop, TABLE, key)`.
fn forwarded(program: &Program<'_>, file: u32, call: &CallF, position: usize) -> Option<VarRef> {
    let facts = program.facts(file);
    let name = last_name(facts, call.callee)?;
    if !program.models.is_forwarding(name) {
        return None;
    }
    let args = &facts.args[call.args.range()];
    let (at, func, skip) = args[..position].iter().enumerate().find_map(|(at, arg)| {
        let entities = program.entities(ValueRef {
            file,
            id: arg.value,
        });
        entities.iter().find_map(|it| match it {
            Entity::Func(func) => Some((at, *func, 0)),
            Entity::Bound(func) => Some((at, *func, 1)),
            _ => None,
        })
    })?;
    if args[at..=position]
        .iter()
        .any(|it| it.kind != ArgKindF::Positional)
    {
        return None;
    }
    let there = program.facts(func.file);
    let params = &there.params[there.funcs[func.id].params.range()];
    let param = params.get(position - at - 1 + skip)?;
    matches!(param.kind, ParamKind::Ordinary | ParamKind::PositionalOnly).then_some(VarRef {
        file: func.file,
        id: param.var,
    })
}

/// What a call that leads out of the program does with an argument; `None` when it only reads it.
fn foreign(
    program: &Program<'_>,
    file: u32,
    callee: ValueId,
    position: usize,
) -> Option<EffectKind> {
    for entity in program.entities(ValueRef { file, id: callee }) {
        if let Entity::External(node) = entity
            && let Some(model) = program.models.function(node)
        {
            return if model.grows == Some(position) {
                Some(EffectKind::Grow(Mutation::Append))
            } else if model.shrinks == Some(position) {
                Some(EffectKind::Remove)
            } else {
                None
            };
        }
    }
    // A method of a container that is given another container reads it: `a.extend(b)`, `", ".join(names)`.
    if let ValueKind::Attr { name, .. } = program.facts(file).values[callee].kind {
        let name = program.name(file, name);
        if matches!(
            name,
            "extend"
                | "update"
                | "join"
                | "union"
                | "difference"
                | "intersection"
                | "issubset"
                | "issuperset"
                | "format"
                | "isdisjoint"
        ) {
            return None;
        }
    }
    Some(EffectKind::Escape(Usage::Argument))
}
