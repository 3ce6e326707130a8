//! `--watch`: the whole program again, each time that something in it changes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::Context as _;
use notify::{Event, EventKind, RecursiveMode, Watcher};

/// Changes closer to each other than this are one.
const QUIET: Duration = Duration::from_millis(150);

/// Runs `check` now and after each change below `roots`; errors are told and do not end it.
pub(super) fn run(
    roots: &[PathBuf],
    check: impl Fn() -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let (sender, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|it| matters(&it)) {
            let _ = sender.send(());
        }
    })
    .context("--watch: changes of files cannot be told here")?;
    for root in roots {
        watcher
            .watch(root, RecursiveMode::Recursive)
            .with_context(|| format!("--watch: {} cannot be watched", root.display()))?;
    }
    loop {
        // What is written while the check runs makes it run again.
        if let Err(error) = check() {
            anstream::eprintln!(
                "error: {}",
                crate::report::escape::terminal(&format!("{error:#}"))
            );
        }
        anstream::eprintln!("watching for changes; Ctrl-C ends it");
        if !wait(&changes) {
            return Ok(ExitCode::SUCCESS);
        }
        anstream::eprintln!();
    }
}

/// Waits for a change, and until it is quiet again; false when nothing can come any more.
fn wait(changes: &Receiver<()>) -> bool {
    if changes.recv().is_err() {
        return false;
    }
    while changes.recv_timeout(QUIET).is_ok() {}
    true
}

/// Whether a change is of a file that a check reads.
fn matters(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|it| is_read(it))
}

fn is_read(path: &Path) -> bool {
    let ending = path.extension().and_then(|it| it.to_str());
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("");
    matches!(ending, Some("py" | "pyi" | "pyw" | "ipynb"))
        || matches!(
            name,
            "heaplint.toml"
                | "pyproject.toml"
                | "setup.py"
                | "setup.cfg"
                | ".gitignore"
                | ".ignore"
        )
}
