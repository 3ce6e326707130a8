//! Whether the code is a program of its own or a library, whose callers are unknown.
//!
//! Read from packaging metadata beside the code, as text: nothing is run.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// A longer metadata file is not read.
const MAX_METADATA: u64 = 1 << 20;

/// Who calls the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgramKind {
    /// We see all callers.
    Application,
    /// Callers are elsewhere.
    Library,
}

/// The kind of the program in the folder `root`; a single file is an application.
///
/// A package's own folder, and `src` or `lib`, take the answer of the folder above.
#[must_use]
pub fn program_kind(root: &Path) -> ProgramKind {
    let Ok(mut dir) = fs::canonicalize(root) else {
        return ProgramKind::Application;
    };
    if !dir.is_dir() {
        return ProgramKind::Application;
    }
    loop {
        if let Some(kind) = kind_of(&dir) {
            return kind;
        }
        let is_inside =
            dir.join("__init__.py").is_file() || ["src", "lib"].iter().any(|it| dir.ends_with(it));
        let is_top = dir.join(".git").exists();
        match dir.parent().map(Path::to_owned) {
            Some(parent) if is_inside && !is_top => dir = parent,
            _ => return ProgramKind::Application,
        }
    }
}

/// What the metadata in `dir` says; `None` when there is none.
fn kind_of(dir: &Path) -> Option<ProgramKind> {
    let project = short_text(dir.join("pyproject.toml"));
    let project = project.and_then(|it| it.parse::<Table>().ok());
    let setup_py = short_text(dir.join("setup.py")).map(|it| without_comments(&it));
    let setup_cfg = short_text(dir.join("setup.cfg")).map(|it| without_comments(&it));
    let project = project.as_ref().map(Project);

    let is_packaged = project.as_ref().is_some_and(Project::is_packaged)
        || setup_py.as_deref().is_some_and(setup_py_packages)
        || setup_cfg.as_deref().is_some_and(|it| {
            it.contains("[options]") && (it.contains("packages") || it.contains("py_modules"))
        });
    let has_scripts = project.as_ref().is_some_and(Project::has_scripts)
        || setup_py.as_deref().is_some_and(names_scripts)
        || setup_cfg.as_deref().is_some_and(names_scripts);
    if is_packaged {
        return Some(if has_scripts {
            ProgramKind::Application
        } else {
            ProgramKind::Library
        });
    }
    if project.as_ref().is_some_and(Project::is_unpackaged) {
        return Some(ProgramKind::Application);
    }
    let is_installed = fs::read_dir(dir).ok()?.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        name.ends_with(b".dist-info") || name.ends_with(b".egg-info")
    });
    is_installed.then_some(ProgramKind::Library)
}

struct Project<'a>(&'a Table);

impl Project<'_> {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        let (last, tables) = path.split_last()?;
        let mut table = self.0;
        for key in tables {
            table = table.get(*key)?.as_table()?;
        }
        table.get(*last)
    }

    /// Whether an installer would make packages of the code.
    fn is_packaged(&self) -> bool {
        let named = self.at(&["project", "name"]).is_some() && self.at(&["build-system"]).is_some();
        let poetry = self.at(&["tool", "poetry", "name"]).is_some();
        let flit = self.at(&["tool", "flit", "metadata", "module"]).is_some();
        (named || poetry || flit) && !self.is_unpackaged()
    }

    /// Whether it says that it is no package.
    fn is_unpackaged(&self) -> bool {
        let is_false = |path: &[&str]| self.at(path).and_then(Value::as_bool) == Some(false);
        let is_empty = |path: &[&str]| {
            self.at(path)
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty)
        };
        let has_name = self.at(&["project", "name"]).is_some();
        is_false(&["tool", "poetry", "package-mode"])
            || is_false(&["tool", "uv", "package"])
            || is_empty(&["tool", "setuptools", "packages"])
            || is_empty(&["tool", "setuptools", "py-modules"])
                && self.at(&["tool", "setuptools", "packages"]).is_none()
            || has_name && self.at(&["build-system"]).is_none()
    }

    fn has_scripts(&self) -> bool {
        [
            &["project", "scripts"][..],
            &["project", "gui-scripts"],
            &["project", "entry-points", "console_scripts"],
            &["project", "entry-points", "gui_scripts"],
            &["tool", "poetry", "scripts"],
            &["tool", "poetry", "plugins", "console_scripts"],
            &["tool", "flit", "scripts"],
            &["tool", "setuptools", "script-files"],
        ]
        .iter()
        .any(|path| match self.at(path) {
            Some(Value::Table(table)) => !table.is_empty(),
            Some(Value::Array(list)) => !list.is_empty(),
            _ => false,
        })
    }
}

fn setup_py_packages(text: &str) -> bool {
    text.contains("setup(")
        && ["packages", "py_modules", "ext_modules"]
            .iter()
            .any(|it| text.contains(it))
}

fn names_scripts(text: &str) -> bool {
    text.contains("console_scripts")
        || text.contains("gui_scripts")
        || text.lines().any(|line| {
            let line = line.trim_start();
            line.strip_prefix("scripts")
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        })
}

/// The lines that are not comments alone.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        if !line.trim_start().starts_with(['#', ';']) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn short_text(path: PathBuf) -> Option<String> {
    let meta = fs::metadata(&path).ok()?;
    if !meta.is_file() || meta.len() > MAX_METADATA {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
