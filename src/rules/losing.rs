//! What the rules on lost resources have in common: the words for a resource, and the finding for one that a path loses.

use super::Context;
use super::shortlived::{is_seldom, is_short_lived};
use crate::catalog::RuleMeta;
use crate::facts::model::{ContextKind, DefKind, FileFacts, Usage, ValueId, ValueKind};
use crate::finding::remedy::{Remedy, Safety, With};
use crate::finding::{Confidence, Finding, Growth, Role, Severity};
use crate::limits;
use crate::link::program::{ValueRef, last_name};
use crate::models::Runs;
use crate::models::resources::{Class, Kind, Param};
use crate::resources;
use crate::resources::must_call::Outcome;
use crate::resources::program::{Keeper, Lost};

/// How to speak of a kind of resource.
pub(super) struct Words {
    /// `socket`
    pub(super) noun: &'static str,
    /// `closed`
    pub(super) released: &'static str,
    /// `open`
    pub(super) held: &'static str,
}

pub(super) fn words(kind: Kind) -> Words {
    let (released, held) = match kind {
        Kind::Engine => ("disposed of", "open"),
        Kind::Process => ("waited for", "unwaited"),
        Kind::Executor => ("shut down", "running"),
        Kind::TemporaryFile | Kind::TemporaryDirectory => ("removed", "on disk"),
        Kind::SharedMemory => ("unlinked", "allocated"),
        _ => ("closed", "open"),
    };
    Words {
        noun: kind.noun(),
        released,
        held,
    }
}

/// The opener as people write it.
pub(super) fn opener(name: &str) -> &str {
    name.strip_prefix("builtins.").unwrap_or(name)
}

/// When CPython gives it back by itself.
pub(super) fn fate(kind: Kind, class: Class) -> &'static str {
    match (class, kind) {
        (Class::A, Kind::TemporaryFile | Kind::TemporaryDirectory) => {
            "nothing removes it: it stays on disk after the process has ended"
        }
        (Class::A, Kind::Process) => {
            "once it has ended it stays a zombie until its parent waits for it, or ends"
        }
        (Class::A, Kind::SharedMemory) => "nothing unlinks it before the process ends",
        (Class::A, _) => "nothing gives it back while the process lives",
        (Class::C, Kind::Process) => {
            "one that still runs stays a zombie once it has ended, until the next `subprocess.Popen` of the process looks after it"
        }
        (Class::B, _) => {
            "it is part of a reference cycle: dropped, it waits for the cyclic garbage collector"
        }
        (Class::C, _) => {
            "CPython gives it back when its last reference goes, with a ResourceWarning"
        }
        (Class::D, _) => "CPython gives it back when its last reference goes, without a word",
    }
}

/// What to do instead.
pub(super) fn help(kind: Kind, opener: &str, closers: &[Box<str>], with_closes: bool) -> String {
    let closer = closers.first().map_or("close", |it| &**it);
    match kind {
        Kind::Descriptor => {
            "close it with `os.close` in a `finally` clause, or give it to `os.fdopen` and use that in a `with` statement".to_owned()
        }
        Kind::TemporaryDirectory => {
            "`with tempfile.TemporaryDirectory() as path:`, or `shutil.rmtree(path)` in a `finally` clause".to_owned()
        }
        Kind::TemporaryFile => "remove it with `os.unlink` in a `finally` clause".to_owned(),
        Kind::SharedMemory => {
            "call `unlink()` in a `finally` clause of the process that created it".to_owned()
        }
        Kind::Process if opener == "os.fork" => {
            "wait for it in the parent: `os.waitpid(pid, 0)`".to_owned()
        }
        Kind::Pipe => {
            "`communicate()` reads and closes the pipes and waits; `with subprocess.Popen(…) as child:` closes them at its end"
                .to_owned()
        }
        Kind::Process => "wait for it: `communicate()`, or `wait()` once its pipes are read".to_owned(),
        _ if with_closes => format!("open it in a `with` statement: `with {opener}(…) as …:`"),
        Kind::Connection if closer == "close" => {
            "`with contextlib.closing(…) as connection:` closes it; its own `with` only ends the transaction"
                .to_owned()
        }
        _ => format!("call `{closer}()` in a `finally` clause"),
    }
}

/// The finding for what a path without exceptions leaves, or what never has a name.
pub(super) fn finding(cx: &Context<'_>, meta: &'static RuleMeta, lost: &Lost) -> Finding {
    let program = cx.program;
    let file = lost.func.file;
    let facts = program.facts(file);
    let call = &facts.calls[lost.call];
    let at = program.at(file, call.at);
    let name = program.qualified(lost.func);
    let what = opener(&lost.opener);
    let Words {
        noun,
        released,
        held,
    } = words(lost.kind);
    let is_entered = !lost.with_closes
        && matches!(
            lost.kind,
            Kind::Connection | Kind::Client | Kind::Socket | Kind::Engine
        )
        && is_entered(cx, lost);
    let mut leaves = None;
    let message = match lost.outcome {
        _ if is_entered => {
            format!("`with` does not close what `{what}` opens: the {noun} stays {held}")
        }
        Outcome::NeverOnNormalPath { leaves: at } => {
            leaves = Some(at);
            format!("the {noun} from `{what}` is not {released} when `{name}` ends")
        }
        _ => format!("the {noun} from `{what}` gets no name and is never {released}"),
    };
    let severity = match (lost.outcome, lost.class) {
        _ if lost.harmless => Severity::Info,
        (_, Class::A) => Severity::Error,
        // Used up in one expression it goes at its end; a statement that only opens it leaves no doubt.
        (Outcome::Dropped, Class::C | Class::D)
            if call.usage != Usage::Discarded
                || matches!(lost.kind, Kind::Process | Kind::Executor) =>
        {
            Severity::Info
        }
        _ => Severity::Warning,
    };
    let (severity, confidence) = weight(cx, lost, severity);
    let mut finding = acquired(
        cx,
        lost,
        Finding::new(meta, at, message)
            .severity(severity)
            .confidence(confidence),
    );
    if let Some(at) = lost.released {
        finding = finding.label(
            program.at(file, at),
            Role::Release,
            format!("{released} here, on another path"),
        );
    }
    if let Some(leaves) = leaves {
        finding = finding.label(
            program.at(file, leaves),
            Role::Leak,
            format!("still {held} when the function ends here"),
        );
    }
    if let Some(through) = through(cx, lost) {
        finding = finding.note(through);
    }
    finding
        .note(fate(lost.kind, lost.class))
        .growth(Growth::PerCall)
        .symbol(symbol(cx, lost))
        .remedy(remedy(cx, lost))
        .help(help_for(lost))
}

/// What to do instead about a resource that is lost.
pub(super) fn help_for(lost: &Lost) -> String {
    let what = opener(&lost.opener);
    let closer = lost.closers.first().map_or("close", |it| &**it);
    // Nothing in the function closes it: whoever gets it does, and `with` would be too early.
    if matches!(lost.outcome, Outcome::OnlyOnException { .. }) && lost.released.is_none() {
        let release = match lost.kind {
            Kind::Descriptor => "os.close(…)".to_owned(),
            Kind::TemporaryFile => "os.unlink(…)".to_owned(),
            Kind::TemporaryDirectory => "shutil.rmtree(…)".to_owned(),
            _ => format!("….{closer}()"),
        };
        return format!(
            "release it when what follows fails: `except BaseException: {release}; raise`, or a `contextlib.ExitStack` that lets go of it by `pop_all()` at the end"
        );
    }
    match &lost.keeper {
        Some(_) if lost.with_closes => {
            format!("open it in a `with` statement: `with {what}(…) as …:`")
        }
        Some(_) => format!("call `{closer}()` in a `finally` clause"),
        // The tuple is no context manager.
        None => help(
            lost.kind,
            what,
            &lost.closers,
            lost.with_closes && !lost.is_part,
        ),
    }
}

/// How sure a finding is that somebody is going to suffer, and how bad that is, on a path without exceptions. What short-lived
/// code leaves open goes with its process.
pub(super) fn weight(cx: &Context<'_>, lost: &Lost, severity: Severity) -> (Severity, Confidence) {
    let call = &cx.program.facts(lost.func.file).calls[lost.call];
    if is_short_lived(cx, lost.func, call.context) {
        return (severity.min(Severity::Warning), Confidence::Medium);
    }
    // In a directory that somebody names it may go with that.
    if matches!(lost.kind, Kind::TemporaryFile | Kind::TemporaryDirectory) && names_folder(cx, lost)
    {
        return (severity.min(Severity::Warning), Confidence::Low);
    }
    // The last reference takes it along at once, or the code is not known to come again: of 74 such findings that were read
    // in their source six mattered.
    let comes_again = || cx.program.runs_at(lost.func, call.context).often == Runs::PerEvent;
    let is_sure = match lost.class {
        // Who opens an object of the program's own does not see what it holds.
        _ if lost.keeper.is_some() => false,
        Class::A | Class::B => comes_again(),
        Class::C | Class::D => false,
    } && !is_seldom(cx, lost.func);
    (
        severity,
        if is_sure {
            Confidence::High
        } else {
            Confidence::Medium
        },
    )
}

/// Whether a temporary file or directory is made in a directory that the call names.
fn names_folder(cx: &Context<'_>, lost: &Lost) -> bool {
    let file = lost.func.file;
    folders(cx, lost)
        .into_iter()
        .any(|id| cx.program.value(ValueRef { file, id }) != ValueKind::None)
}

/// Whether it is made in a directory that may go as a whole: one that the call names, and that is not asked of a path to
/// put it in place of: `mkstemp(dir=os.path.dirname(path))`.
pub(super) fn lies_in_folder(cx: &Context<'_>, lost: &Lost) -> bool {
    matches!(lost.kind, Kind::TemporaryFile | Kind::TemporaryDirectory)
        && folders(cx, lost)
            .into_iter()
            .any(|it| !is_beside(cx.program.facts(lost.func.file), it, 0))
}

/// Whether a value is the directory of a path, the current one, or none.
fn is_beside(facts: &FileFacts, value: ValueId, depth: u32) -> bool {
    if depth > limits::VALUE_DEPTH {
        return false;
    }
    let inner = |it| is_beside(facts, it, depth + 1);
    match facts.values[value].kind {
        ValueKind::None | ValueKind::Str { .. } => true,
        ValueKind::Call(call) => matches!(
            last_name(facts, facts.calls[call].callee),
            Some("dirname" | "split")
        ),
        ValueKind::Attr { name, .. } => &facts.names[name.0 as usize] == "parent",
        ValueKind::Or(rows) => facts.lists[rows.range()].iter().all(|&it| inner(it)),
        ValueKind::Var(var) => match &facts.defs[facts.vars[var].defs.range()] {
            [def] if def.kind != DefKind::Param => def.value.is_some_and(inner),
            _ => false,
        },
        _ => false,
    }
}

/// What a call is given for the directory that its result lies in.
fn folders(cx: &Context<'_>, lost: &Lost) -> Vec<ValueId> {
    let program = cx.program;
    let file = lost.func.file;
    let call = &program.facts(file).calls[lost.call];
    let Some(api) = program.models.resources.get(&lost.opener) else {
        return Vec::new();
    };
    // What the result refers to is where it lies.
    let folders = api.views.iter().filter_map(|it| match it {
        Param::At(at) => program.argument(file, call, Some(*at as usize), ""),
        Param::Named(name) => program.argument(file, call, None, name),
    });
    folders.collect()
}

/// Says where it was opened; for what the call only makes, by which call.
pub(super) fn acquired(cx: &Context<'_>, lost: &Lost, mut finding: Finding) -> Finding {
    let file = lost.func.file;
    for &other in &lost.also {
        let at = cx.program.at(file, cx.program.facts(file).calls[other].at);
        finding = finding.label(at, Role::Acquire, "lost in the same way, by the same name");
    }
    let at = cx
        .program
        .at(file, cx.program.facts(file).calls[lost.call].at);
    let opened = match lost.kind {
        Kind::Process | Kind::Executor => "started here",
        Kind::TemporaryFile | Kind::TemporaryDirectory | Kind::SharedMemory => "created here",
        _ => "opened here",
    };
    match lost.opened {
        Some(late) => finding.label(at, Role::Acquire, "made here").label(
            cx.program.at(file, late),
            Role::Acquire,
            opened,
        ),
        None => finding.label(at, Role::Acquire, opened),
    }
}

/// A `with` statement, where leaving one is the same as closing.
pub(super) fn remedy(cx: &Context<'_>, lost: &Lost) -> Option<Remedy> {
    let is_closed = lost.closers.iter().any(|it| &**it == "close");
    let safety = match lost.kind {
        Kind::File | Kind::Scan | Kind::Map | Kind::Socket | Kind::Response | Kind::Connection => {
            Safety::Safe
        }
        Kind::Selector | Kind::Server | Kind::Client => Safety::Unsafe,
        _ => return None,
    };
    // Where another way of ending comes first, `with` takes it: it may talk to the other side once more.
    let is_plain = lost.closers.first().is_some_and(|it| &**it == "close");
    let program = cx.program;
    let func = program.func(lost.func);
    if !is_closed || lost.is_part || func.calls.end - func.calls.start > limits::FIXED_CALLS {
        return None;
    }
    let is_ours = !program.targets(lost.func.file, lost.call).is_empty();
    let version = (3, cx.target.minor.into());
    Some(Remedy::With(With {
        call: program.facts(lost.func.file).calls[lost.call].at,
        closes: lost.with_closes,
        has_plain_elements: program.models.plain.elements.contains(&lost.opener),
        calls: resources::program::flows(program, lost.func, version),
        // A function of the program may give something else one day.
        safety: if is_ours || !is_plain {
            Safety::Unsafe
        } else {
            safety
        },
    }))
}

/// The dotted name of the function that loses it.
pub(super) fn symbol(cx: &Context<'_>, lost: &Lost) -> String {
    let module = &cx.program.files[lost.func.file as usize].module;
    format!("{module}.{}", cx.program.qualified(lost.func))
}

/// For what a function of the program hands out: which one.
pub(super) fn through(cx: &Context<'_>, lost: &Lost) -> Option<String> {
    let program = cx.program;
    if let Some(it) = &lost.keeper {
        return Some(kept_by(cx, it));
    }
    let target = program.targets(lost.func.file, lost.call).first()?;
    let what = opener(&lost.opener);
    Some(format!(
        "`{}.{}` opens it with `{what}` and returns it",
        program.files[target.func.file as usize].module,
        program.qualified(target.func)
    ))
}

/// How an object of the program's own came by what it holds.
pub(super) fn kept_by(cx: &Context<'_>, keeper: &Keeper) -> String {
    let class = cx.program.qualified_class(keeper.class);
    let what = opener(&keeper.opener);
    let attribute = cx.program.text(keeper.attribute);
    if keeper.is_given {
        format!("`{class}` takes over what `{what}` opens and keeps it on `.{attribute}`")
    } else {
        format!("`{class}` opens it with `{what}` and keeps it on `.{attribute}`")
    }
}

/// Whether it stands in a `with` statement, directly or by name.
fn is_entered(cx: &Context<'_>, lost: &Lost) -> bool {
    use crate::facts::model::{DefKind, ValueKind};
    let facts = cx.program.facts(lost.func.file);
    if facts.calls[lost.call].usage == Usage::Entered {
        return true;
    }
    let is_it = |value| match facts.values[value].kind {
        ValueKind::Call(call) => call == lost.call,
        ValueKind::Var(var) => facts.defs[facts.vars[var].defs.range()].iter().any(|def| {
            def.kind == DefKind::Assign
                && def
                    .value
                    .is_some_and(|it| facts.values[it].kind == ValueKind::Call(lost.call))
        }),
        _ => false,
    };
    let func = &facts.funcs[lost.func.id];
    facts.contexts.iter().any(|it| {
        matches!(it.kind, ContextKind::With { manager }
            if (func.values.start..func.values.end).contains(&(manager.index() as u32)) && is_it(manager))
    })
}

/// Reports what some path without exceptions loses, for the kinds of one rule.
pub(super) fn check(cx: &Context<'_>, kinds: &[Kind], out: &mut super::Sink) {
    for lost in &cx.lost {
        if kinds.contains(&lost.kind)
            && matches!(
                lost.outcome,
                Outcome::Dropped | Outcome::NeverOnNormalPath { .. }
            )
        {
            out.report(finding(cx, out.meta(), lost));
        }
    }
}
