//! What the rules of growing containers say alike: message, labels, path.

use super::Context;
use crate::base::human;
use crate::catalog::RuleMeta;
use crate::finding::{Finding, Growth as By, Role, Severity};
use crate::heap::growth::Growth;
use crate::heap::path::holds_name;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::runs::Why;
use crate::link::{FuncRef, Program};
use crate::models::{Holds, Runs};

/// A finding for a container that only grows. `what` names it: "module-level dict `_CACHE`".
pub(super) fn finding(
    cx: &Context<'_>,
    meta: &'static RuleMeta,
    growth: &Growth,
    what: &str,
    held: &str,
) -> Finding {
    let program = cx.program;
    let site = &growth.site;
    let file = site.func.file;
    let value = site.value.map(|id| ValueRef { file, id });
    let value = value.map(|it| program.param_argument(site.func, it).unwrap_or(it));
    let each = value.and_then(|it| program.size(it));
    // When a function that is given the container grows it, its own line is the place to point at.
    let primary = site.via.map_or(program.at(file, site.at), |(callee, at)| {
        program.at(callee.file, at)
    });
    // An object that is not known to stay takes its container along when it goes.
    let is_for_good = program.is_rooted(growth.container.key);
    let message = match (growth.import_bytes, growth.sibling) {
        (Some(bytes), _) => format!(
            "{what} keeps {} that is added while the program starts, and nothing removes it",
            human(bytes)
        ),
        (None, Some(twin)) => format!(
            "{what} grows {}: `{}` is cleaned up in `{}`, `{}` is not",
            often(program, site.func, growth),
            program.place_last_name(twin.place),
            program.qualified(twin.func),
            program.place_last_name(growth.container.key)
        ),
        (None, None) if growth.weak_beside.is_some() => format!(
            "{what} keeps what is stored for an object when that is gone: `{}` forgets the key by itself, `{}` does not",
            growth
                .weak_beside
                .map_or("", |it| program.place_last_name(it.place)),
            program.place_last_name(growth.container.key)
        ),
        (None, None) if growth.counted_down.is_some() => format!(
            "{what} keeps the key when its count is back at zero: `{}` adds it, and nothing removes it",
            program.qualified(site.func)
        ),
        (None, None) if growth.twin.is_some() => format!(
            "{what} grows {}, and nothing removes what is added, as `{}` does for its own",
            often(program, site.func, growth),
            growth
                .twin
                .map_or_else(String::new, |it| program.qualified(it.func))
        ),
        (None, None) if growth.unless_raised.is_some() => format!(
            "{what} keeps what `{}` adds when something raises before it is removed",
            program.qualified(site.func)
        ),
        (None, None) if growth.is_read => format!(
            "{what} is a `defaultdict`: looking at a missing key in `{}` adds it, and nothing removes it",
            program.qualified(site.func)
        ),
        (None, None) if !is_for_good => format!(
            "{what} grows {}, and nothing removes what is added while it is in use",
            often(program, site.func, growth)
        ),
        (None, None) => format!(
            "{what} grows {}, and nothing removes what is added",
            often(program, site.func, growth)
        ),
    };
    let added = added(growth, each);
    let mut finding = Finding::new(meta, primary, message)
        .severity(if growth.unless_raised.is_some() || !is_for_good {
            Severity::Warning
        } else {
            Severity::Error
        })
        .confidence(growth.confidence);
    if let Some(at) = program.definition_span(growth.container.key) {
        finding = finding.label(
            program.at(program.place_file(growth.container.key), at),
            Role::Definition,
            format!("held by {held}"),
        );
    }
    finding = finding.label(primary, Role::Growth, added);
    if let Some((callee, _)) = site.via {
        let text = format!("`{}` is given it here", program.func_name(callee));
        finding = finding.label(program.at(file, site.at), Role::Link, text);
    }
    for other in growth.others.iter().filter(|it| it.at != site.at).take(2) {
        finding = finding.label(
            program.at(other.func.file, other.at),
            Role::Growth,
            "grows here too",
        );
    }
    if let Some(twin) = growth.sibling {
        let text = format!(
            "`{}` is cleaned up in `{}`, `{}` is not",
            program.place_last_name(twin.place),
            program.qualified(twin.func),
            program.place_last_name(growth.container.key)
        );
        finding = finding.label(program.at(twin.func.file, twin.at), Role::Release, text);
    }
    let others = [
        (growth.twin, "the class beside takes its keys out here"),
        (growth.counted_down, "counted down here, and the key stays"),
        (
            growth.weak_beside,
            "this one is weak: its entry goes with the object",
        ),
    ];
    for (effect, text) in others {
        if let Some(it) = effect {
            let role = if it.kind.shrinks() {
                Role::Release
            } else {
                Role::Link
            };
            finding = finding.label(program.at(it.func.file, it.at), role, text);
        }
    }
    if let Some(removal) = growth.unless_raised {
        finding = finding.label(
            program.at(removal.func.file, removal.at),
            Role::Release,
            "not reached when something raises",
        );
    }
    if let Some(clear) = growth.uncalled_removal {
        let text = if program.callers(clear.func).is_empty() && clear.func.id.index() != 0 {
            format!(
                "`{}` would empty it, but nothing calls it",
                program.func_name(clear.func)
            )
        } else {
            "emptied here, but not while the program does its work".to_owned()
        };
        finding = finding.label(program.at(clear.func.file, clear.at), Role::Release, text);
    }
    let mut path = program.path_to(growth.container.key, growth.container.holds);
    let edge = if matches!(
        growth.container.holds,
        Some(Holds::Dict | Holds::Defaultdict | Holds::Counter)
    ) {
        "value"
    } else {
        "item"
    };
    path.extend(program.retained_path(value, edge));
    let bytes = each.and_then(|it| it.bytes()).filter(|&it| it > 0);
    finding
        .path(path)
        .growth(if growth.import_bytes.is_some() {
            By::PerLoop
        } else {
            By::PerCall
        })
        .bytes(bytes, growth.import_bytes.or(bytes))
        .symbol(format!(
            "{}.{}",
            program.files[program.place_file(growth.container.key) as usize].module,
            program.place_name(growth.container.key)
        ))
        .help(help(program, growth))
}

fn often(program: &Program<'_>, func: FuncRef, growth: &Growth) -> String {
    let name = program.qualified(func);
    if func.id.index() == 0 && !matches!(growth.run.why, Why::Loop(_)) {
        return "in an endless loop".to_owned();
    }
    if growth.run.often != Runs::PerEvent {
        return format!("with calls of `{name}`");
    }
    let entry = match growth.run.why {
        Why::Loop(by) => by,
        _ => program.entry_of(func),
    };
    let by = program.qualified(entry);
    if matches!(growth.run.why, Why::Loop(_)) {
        return format!("with each round of the endless loop in `{by}`");
    }
    match program.runs(entry).why {
        Why::EntryPoint => format!("with events that `{by}` handles"),
        _ => format!("with each round of the endless loop in `{by}`"),
    }
}

fn added(growth: &Growth, each: Option<crate::heap::size::Size>) -> String {
    let what = match growth.site.kind {
        EffectKind::ReadInserts => "reading a missing key adds it",
        EffectKind::Grow(
            crate::models::Mutation::Setitem | crate::models::Mutation::Setdefault,
        ) => "each new key adds an entry",
        EffectKind::Grow(crate::models::Mutation::Add) => "each new element stays",
        EffectKind::Grow(crate::models::Mutation::Update | crate::models::Mutation::Extend)
        | EffectKind::Augment => "what is added stays",
        _ => "each call adds an element",
    };
    match each {
        Some(size) => match size.bytes() {
            Some(bytes) if bytes >= 256 => {
                format!("{what}, {} that is never removed", human(bytes))
            }
            Some(_) => format!("{what} that is never removed"),
            None => format!("{what}: the whole input, never removed"),
        },
        None => format!("{what} and is never removed"),
    }
    .replace("stays that is never removed", "stays for ever")
    .replace("stays and is never removed", "stays for ever")
    .replace("adds it that is never removed", "adds it for ever")
    .replace("adds it and is never removed", "adds it for ever")
}

fn help(program: &Program<'_>, growth: &Growth) -> String {
    let name = program.place_last_name(growth.container.key);
    if growth.unless_raised.is_some() {
        return "remove it in a `finally` clause".to_owned();
    }
    if growth.counted_down.is_some() {
        return format!("remove the key when its count is zero: `del {name}[key]`");
    }
    if growth.weak_beside.is_some() {
        return format!(
            "give the weak reference a callback that removes the key from `{name}`, or keep key and value in a `WeakKeyDictionary`"
        );
    }
    if growth.is_read {
        return format!("look with `{name}.get(key)`, or ask `key in {name}` first");
    }
    match growth.container.holds {
        Some(Holds::Dict | Holds::Defaultdict | Holds::Counter) => {
            format!(
                "bound it (an LRU with a maximum size, a WeakValueDictionary if others own the values), or remove keys when they are done: `{name}.pop(key, None)`"
            )
        }
        Some(Holds::Set) => format!(
            "remove elements when they are done: `{name}.discard(…)`, or use a WeakSet if others own them"
        ),
        Some(Holds::Queue) => {
            format!("give `{name}` a maximum size, and a consumer that takes from it")
        }
        _ => format!(
            "bound it (`collections.deque(maxlen=…)`), or take out of `{name}` what is done"
        ),
    }
}

/// What a container is called: `dict`, `list`, or `container` when only its use tells.
pub(super) fn kind_name(growth: &Growth) -> &'static str {
    growth.container.holds.map_or("container", holds_name)
}
