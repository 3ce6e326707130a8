//! Code that runs once in a process that is about to end, or only while something is built or tried: what it leaves open
//! costs nobody anything.

use super::Context;
use crate::facts::model::ContextId;
use crate::heap::growth::ProgramKind;
use crate::link::FuncRef;
use crate::models::Runs;

/// Folders and modules, by their names, of what people run by hand, and of what is run to set something up; besides those
/// that only show something.
const BY_HAND: &[&str] = &[
    "scripts",
    "script",
    "bin",
    "tools",
    "cli",
    "commands",
    "migrations",
    "setup",
    "conftest",
    "__main__",
    "testing",
    "_tests",
];

/// Whether a function runs few times in a process, as far as the program shows: it ends an object or the program, or is
/// called by what people run by hand only. Others may call it, so this says how sure a finding is, and no more.
pub(super) fn is_seldom(cx: &Context<'_>, func: FuncRef) -> bool {
    cx.program.models.is_teardown(cx.program.func_name(func)) || is_called_by_hand(cx, func, 4)
}

/// Whether a package offers a function: it stands in an `__init__` module, or `__all__` names it or its class.
fn is_offered(cx: &Context<'_>, func: FuncRef) -> bool {
    let program = cx.program;
    let class = program.class_of(func).map(|it| program.class_name(it));
    program.files[func.file as usize]
        .path
        .ends_with("__init__.py")
        || cx.exports.contains(program.func_name(func))
        || class.is_some_and(|it| cx.exports.contains(it))
}

/// Whether all that the program shows to call a function is run by hand.
fn is_called_by_hand(cx: &Context<'_>, func: FuncRef, depth: u32) -> bool {
    let program = cx.program;
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let callers = program.callers(func);
    let mut shown = callers
        .iter()
        .filter(|it| !program.files[it.file as usize].is_test)
        .peekable();
    callers.len() <= CALLERS
        && shown.peek().is_some()
        && !program.is_taken(func)
        && !is_offered(cx, func)
        && shown.all(|it| {
            let by = FuncRef {
                file: it.file,
                id: program.call(*it).func,
            };
            is_by_hand(&program.files[it.file as usize].path)
                || program.runs(by).often == Runs::Once
                || is_called_by_hand(cx, by, depth)
        })
}

/// Callers of a function that are asked.
const CALLERS: usize = 16;

/// Folders of programs that only show or try something.
const SHOWN: &[&str] = &[
    "examples",
    "example",
    "samples",
    "demo",
    "demos",
    "benchmarks",
    "benchmark",
    "docs",
    "doc",
];

/// Whether a place is such code: a module body, `main`, a command, set-up, tests.
pub(super) fn is_short_lived(cx: &Context<'_>, func: FuncRef, context: Option<ContextId>) -> bool {
    let program = cx.program;
    let file = &program.files[func.file as usize];
    if file.is_test || is_by_hand(&file.path) {
        return true;
    }
    let often = program.runs_at(func, context).often;
    match often {
        Runs::Import | Runs::PerClass | Runs::Once => true,
        // Nothing in an application leads there that is known to come again.
        Runs::Never => cx.kind == ProgramKind::Application,
        _ => false,
    }
}

fn is_by_hand(path: &str) -> bool {
    path.split('/').any(|part| {
        let stem = part.strip_suffix(".py").unwrap_or(part);
        BY_HAND.contains(&stem)
            || SHOWN.contains(&stem)
            || stem.ends_with("_test")
            || stem.starts_with("test_")
    })
}

/// Whether a file only shows how something is used.
pub(super) fn is_shown(path: &str) -> bool {
    path.split('/').any(|part| SHOWN.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::is_by_hand;

    #[test]
    fn by_the_names_of_folders_and_modules() {
        assert!(is_by_hand("shop/cli/export.py"));
        assert!(is_by_hand("shop/__main__.py"));
        assert!(is_by_hand("shop_test.py"));
        assert!(is_by_hand("examples/shop.py"));
        assert!(!is_by_hand("shop/client.py"));
        assert!(!is_by_hand("shop/clip.py"));
    }
}
