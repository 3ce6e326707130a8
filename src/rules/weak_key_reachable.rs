//! `weak-key-reachable`: the value of a `WeakKeyDictionary` refers to its own key, so the key never dies.

use rustc_hash::FxHashMap;

use super::{Context, Rule, Sink};
use crate::facts::model::{Home, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::kept::Put;
use crate::heap::reach::Object;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{Entity, PlaceKey};
use crate::models::Mutation;

pub(super) struct WeakKeyReachable;

impl Rule for WeakKeyReachable {
    fn page(&self) -> &'static str {
        include_str!("../../rules/weak-key-reachable.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let mut relies_on_death = FxHashMap::default();
        for put in program.puts() {
            let EffectKind::Grow(Mutation::Setitem | Mutation::Setdefault) = put.kind else {
                continue;
            };
            let Some(key) = put.key else { continue };
            // Asked once for each place.
            let relies = *relies_on_death.entry(put.place).or_insert_with(|| {
                let is_local = matches!(put.place, PlaceKey::Var(var) if program.var(var).home != Home::Module);
                // Entries that are taken out by hand do not rely on the key's death.
                let effects = program.effects(put.place);
                !is_local
                    && is_weak_keyed(cx, put.place)
                    && !effects.iter().any(|it| it.kind.shrinks())
            });
            if !relies {
                continue;
            }
            let key = ValueRef {
                file: put.func.file,
                id: key,
            };
            if let Some(via) = chain(cx, &put, key) {
                out.report(finding(cx, out.meta(), &put, key, &via));
            }
        }
    }
}

fn is_weak_keyed(cx: &Context<'_>, place: PlaceKey) -> bool {
    let values = cx.program.place_values(place);
    values.iter().any(|&it| {
        cx.program.entities(it).iter().any(|entity| {
            matches!(entity, Entity::ExternalInstance(node) if cx.program.api_text(*node) == "weakref.WeakKeyDictionary")
        })
    })
}

/// How the value comes to hold the key: the names of the steps, empty when it is the key itself.
fn chain(
    cx: &Context<'_>,
    put: &Put,
    key: ValueRef,
) -> Option<Vec<(String, crate::base::Span, u32)>> {
    let program = cx.program;
    let keys = match program.value(key) {
        ValueKind::Var(_) => program.reach(key),
        _ => return None,
    };
    // The object itself, and the call that made it; what a function captures is not the function.
    let &key = keys.first()?;
    let is_key = |it: Object| it == key || matches!(it, Object::New(_)) && keys.contains(&it);
    let edges = cx.objects.graph(put.func);
    let mut reached: Vec<(Object, Vec<_>)> = program
        .reach(put.value)
        .into_iter()
        .map(|it| (it, Vec::new()))
        .collect();
    let mut next = 0;
    while let Some((object, path)) = reached.get(next).cloned() {
        next += 1;
        if is_key(object) {
            return Some(path);
        }
        if path.len() > 4 {
            continue;
        }
        for edge in edges.iter().filter(|it| it.from == object) {
            if reached.iter().all(|it| it.0 != edge.to) {
                let mut longer = path.clone();
                longer.push((edge.by.text(program), edge.at, edge.file));
                reached.push((edge.to, longer));
            }
        }
    }
    None
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    put: &Put,
    key: ValueRef,
    via: &[(String, crate::base::Span, u32)],
) -> Finding {
    let program = cx.program;
    let file = put.func.file;
    let name = program.place_name(put.place);
    let key = match program.value(key) {
        ValueKind::Var(var) => program
            .name(file, program.facts(file).vars[var].name)
            .to_owned(),
        _ => "key".to_owned(),
    };
    let at = program.at(file, put.at);
    let mut path = program.path_to(put.place, None);
    path.push(Step {
        node: "value".to_owned(),
        edge: "[…]".to_owned(),
        place: Some(at),
    });
    let mut finding = Finding::new(
        meta,
        at,
        format!("the value stored in the WeakKeyDictionary `{name}` keeps its own key `{key}` alive, so the entry never goes away"),
    )
    .severity(Severity::Error)
    .confidence(if program.lives_long(put.place) { Confidence::High } else { Confidence::Medium });
    if let Some(span) = program.definition_span(put.place) {
        finding = finding.label(
            program.at(program.place_file(put.place), span),
            Role::Definition,
            "holds keys weakly, but values strongly",
        );
    }
    for (by, span, there) in via {
        let place = program.at(*there, *span);
        finding = finding.label(place, Role::Link, format!("`{by}` holds it"));
    }
    path.push(Step {
        node: key.clone(),
        edge: via.last().map_or("holds".to_owned(), |it| it.0.clone()),
        place: Some(at),
    });
    finding
        .label(at, Role::Leak, format!("the value reaches `{key}`"))
        .path(path)
        .growth(Growth::PerCall)
        .symbol(format!("{}.{name}", program.files[program.place_file(put.place) as usize].module))
        .note("CPython has no ephemerons: the dictionary holds the value, and the value holds the key")
        .help(format!("keep what the value needs on `{key}` itself, or let the value refer to it by `weakref.ref({key})`"))
}
