//! Code that runs once in a process that is about to end, or only while something is built or tried: what it leaves open
//! costs nobody anything.

use super::Context;
use crate::facts::model::ContextId;
use crate::heap::growth::ProgramKind;
use crate::link::FuncRef;
use crate::models::Runs;

/// Folders and modules, by their names, of what people run by hand, and of what is run to set something up.
const BY_HAND: &[&str] = &[
    "scripts",
    "script",
    "bin",
    "tools",
    "examples",
    "example",
    "samples",
    "demo",
    "demos",
    "benchmarks",
    "benchmark",
    "docs",
    "doc",
    "cli",
    "commands",
    "migrations",
    "setup",
    "conftest",
    "__main__",
    "testing",
    "_tests",
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
        BY_HAND.contains(&stem) || stem.ends_with("_test") || stem.starts_with("test_")
    })
}

#[cfg(test)]
mod tests {
    use super::is_by_hand;

    #[test]
    fn by_the_names_of_folders_and_modules() {
        assert!(is_by_hand("shop/cli/export.py"));
        assert!(is_by_hand("shop/__main__.py"));
        assert!(is_by_hand("shop_test.py"));
        assert!(!is_by_hand("shop/client.py"));
        assert!(!is_by_hand("shop/clip.py"));
    }
}
