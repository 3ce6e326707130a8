//! Paths to a sorted list of Python files, each with the name it is imported by.
//!
//! Reads folders, ignore files and shebang lines, never Python. Whatever cannot be read is a notice and the walk goes on;
//! only a path that does not exist stops it. Folders are listed once: what stands beside a file (`__init__.py`,
//! `.gitignore`, `pyvenv.cfg`) is known from that listing.

mod folder;
mod ignores;
mod kind;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use walkdir::{DirEntry, WalkDir};

use folder::{Folder, Folders, Marks};
use ignores::{Ignores, Listed, Patterns};

pub use kind::{ProgramKind, program_kind};

/// What to leave out.
#[derive(Clone, Debug)]
pub struct DiscoverOptions {
    /// The user's patterns; they hold for named paths as well.
    pub exclude: Vec<Exclude>,
    /// Whether `.gitignore`, `.ignore`, `.git/info/exclude` and git's global excludes are honoured below the named folders.
    pub respect_gitignore: bool,
    /// Whether virtual environments, caches and the like are left out.
    pub default_excludes: bool,
    /// Files that are there although the disk may not have them.
    pub given: Vec<PathBuf>,
}

impl DiscoverOptions {
    fn given(&self, path: &Path) -> Option<Named> {
        self.given.iter().find(|it| *it == path).map(|it| Named {
            given: it.clone(),
            path: it.clone(),
            is_dir: false,
            is_file: true,
            size: 0,
        })
    }
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        Self {
            exclude: Vec::new(),
            respect_gitignore: true,
            default_excludes: true,
            given: Vec::new(),
        }
    }
}

/// A pattern of files or folders to leave out.
///
/// Without a `/` inside it matches a name at any depth, else the path below `base`; a folder that matches is left out with all below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exclude {
    /// The glob; `*` and `?` do not match `/`, `**` does.
    pub glob: String,
    /// The folder of the file that names it; the project root when there is none.
    pub base: Option<PathBuf>,
}

/// What sort of file Python code stands in.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum FileKind {
    /// A module or script.
    #[default]
    Source,
    /// A `.pyi` file: what a module looks like from outside.
    Stub,
    /// A Jupyter notebook; nothing can import it.
    Notebook,
}

impl FileKind {
    /// The kind of a file with this ending, if it is one of ours.
    fn of(extension: Option<&OsStr>) -> Option<Self> {
        match extension?.to_str()? {
            "py" | "pyw" => Some(Self::Source),
            "pyi" => Some(Self::Stub),
            "ipynb" => Some(Self::Notebook),
            _ => None,
        }
    }
}

/// A Python file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourcePath {
    /// What sort of file it is.
    pub kind: FileKind,
    /// Where to open it: absolute.
    pub path: PathBuf,
    /// What to show: relative to the project root, with `/`; what is not UTF-8 is replaced.
    pub display: String,
    /// Bytes on disk.
    pub size: u64,
    /// Somebody else's code, kept in the project; never so when the folder itself was named.
    pub is_vendored: bool,
    /// A test, by its name or by a folder's.
    pub is_test: bool,
    /// A symbolic link to a file inside the named folders, which is listed under its own name as well.
    pub is_link: bool,
    /// Index of the package root in [`Discovered::package_roots`]: the nearest folder above without `__init__.py`.
    pub package_root: u32,
    /// Dotted name below the package root: `pkg/__init__.py` is `pkg`.
    pub module: String,
    /// Dotted name below the source root, through folders that have no `__init__.py`: `src/ns/pkg/a.py` is `ns.pkg.a`.
    pub dotted_from_root: String,
    /// `src` or `lib` when [`SourcePath::dotted_from_root`] leaves it out, else empty; programs that run beside that folder import by the longer name.
    pub source_folder: &'static str,
}

/// What a walk found.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// Sorted by what is shown; each file once.
    pub files: Vec<SourcePath>,
    /// Folders that absolute imports start from, in the order of the files.
    pub package_roots: Vec<PathBuf>,
    /// What [`SourcePath::display`] is relative to.
    pub project_root: PathBuf,
    /// Folders that were named: all below them is read.
    pub tops: Vec<PathBuf>,
    /// Paths that were named and are excluded.
    pub excluded_named: Vec<String>,
    /// Files that were named and are not Python.
    pub not_python: Vec<String>,
    /// What could not be read.
    pub notices: Vec<Notice>,
    /// Files and folders that an exclude left out in the walk.
    pub excluded: usize,
    /// Files and folders that an ignore file left out in the walk.
    pub ignored: usize,
}

/// A path that was passed over, and why.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Notice {
    /// Relative to the project root.
    pub path: String,
    /// Lower-case, without a final period.
    pub message: String,
}

/// Why there is no list of files.
#[derive(Debug, Error)]
pub enum DiscoverError {
    /// A named path does not exist.
    #[error("no such file or folder: {}", .0.display())]
    Missing(PathBuf),
    /// A named path is none.
    #[error("cannot look at {}: {error}", .path.display())]
    Unusable {
        /// As named.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// An exclude is not a glob.
    #[error("bad exclude pattern `{glob}`: {message}")]
    BadPattern {
        /// As written.
        glob: String,
        /// Why not.
        message: String,
    },
}

/// Finds the Python files in `roots`: files as they are named, folders with all below them. No roots mean the working directory.
///
/// # Errors
/// When a root does not exist, or an exclude is not a glob.
pub fn discover(roots: &[PathBuf], options: &DiscoverOptions) -> Result<Discovered, DiscoverError> {
    let here = [PathBuf::from(".")];
    let roots = if roots.is_empty() { &here } else { roots };
    let mut notices = Vec::new();
    let mut named = Vec::new();
    for root in roots {
        match Named::new(root).or_else(|error| options.given(root).ok_or(error)) {
            Ok(it) => named.push(it),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DiscoverError::Missing(root.clone()));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => notices.push(Notice {
                path: root.to_string_lossy().into_owned(),
                message: because(&error),
            }),
            Err(error) => {
                return Err(DiscoverError::Unusable {
                    path: root.clone(),
                    error,
                });
            }
        }
    }
    let project_root = project_root(&named);
    let folders = named.iter().filter(|it| it.is_dir);
    let tops = folders.map(|it| it.path.clone()).collect();
    let cx = Ctx {
        patterns: Patterns::new(&options.exclude, &project_root)?,
        folders: Folders::new(&project_root, &named),
        out: Discovered {
            project_root,
            tops,
            notices,
            ..Discovered::default()
        },
        options,
        package_roots: Vec::new(),
    };
    Ok(cx.run(named))
}

/// A path that the user named.
struct Named {
    given: PathBuf,
    /// Absolute; a link to a file keeps its own name.
    path: PathBuf,
    is_dir: bool,
    is_file: bool,
    size: u64,
}

impl Named {
    fn new(given: &Path) -> io::Result<Self> {
        let meta = fs::metadata(given)?;
        let path = match (given.parent(), given.file_name()) {
            (Some(parent), Some(name)) if !meta.is_dir() => {
                let parent = if parent.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    parent
                };
                fs::canonicalize(parent)?.join(name)
            }
            _ => fs::canonicalize(given)?,
        };
        Ok(Self {
            given: given.to_owned(),
            path,
            is_dir: meta.is_dir(),
            is_file: meta.is_file(),
            size: meta.len(),
        })
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !self.is_dir => parent,
            _ => &self.path,
        }
    }
}

/// The nearest folder at or above all named ones that looks like a project; else the working directory, if it is above them.
fn project_root(named: &[Named]) -> PathBuf {
    let mut folders = named.iter().map(Named::folder);
    let here = std::env::current_dir()
        .and_then(fs::canonicalize)
        .unwrap_or_default();
    let Some(first) = folders.next() else {
        return here;
    };
    let common = folders.fold(first, |common, folder| {
        common
            .ancestors()
            .find(|it| folder.starts_with(it))
            .unwrap_or(common)
    });
    project_of(common).unwrap_or_else(|| {
        if common.starts_with(&here) {
            here
        } else {
            common.to_owned()
        }
    })
}

/// The nearest folder, this one or one above, that looks like a project.
#[must_use]
pub fn project_of(folder: &Path) -> Option<PathBuf> {
    let is_root = |it: &&Path| looks_like_project(it);
    folder.ancestors().find(is_root).map(Path::to_owned)
}

fn looks_like_project(dir: &Path) -> bool {
    let marks = [".git", "pyproject.toml", "heaplint.toml"];
    marks.iter().any(|mark| dir.join(mark).exists())
        || dir.join("setup.py").exists() && !dir.join("__init__.py").exists()
}

/// The root of the project that the working directory lies in.
///
/// # Errors
/// When the working directory cannot be told.
pub fn project_here() -> io::Result<PathBuf> {
    Ok(project_root(&[Named::new(Path::new("."))?]))
}

struct Ctx<'a> {
    options: &'a DiscoverOptions,
    patterns: Patterns,
    folders: Folders,
    out: Discovered,
    /// Of each file of `out`, until they are sorted and numbered.
    package_roots: Vec<Arc<Path>>,
}

impl Ctx<'_> {
    fn run(mut self, named: Vec<Named>) -> Discovered {
        for it in named {
            if self.is_excluded(&it) {
                let shown = self.shown(&it.path);
                self.out.excluded_named.push(shown);
            } else if it.is_dir {
                self.walk(&it.path);
            } else {
                self.named_file(&it);
            }
        }
        self.finish()
    }

    /// Whether an exclude holds for a named path: the user's always; ours for files, which tools name, not for folders, which people do.
    fn is_excluded(&self, named: &Named) -> bool {
        let root = &self.out.project_root;
        let above = named.path.ancestors().take_while(|it| *it != root);
        for (depth, path) in above.enumerate() {
            if self.patterns.matches(path) {
                return true;
            }
            let ours = self.options.default_excludes && !named.is_dir && depth > 0;
            if ours && (is_left_out(path.file_name()) || is_environment(path)) {
                return true;
            }
        }
        false
    }

    fn named_file(&mut self, named: &Named) {
        let name = named.path.file_name().unwrap_or_default();
        let kind = match named.path.extension() {
            None if named.is_file && has_python_shebang(&named.path) => Some(FileKind::Source),
            extension => FileKind::of(extension),
        };
        let Some(kind) = kind.filter(|_| named.is_file) else {
            let shown = self.shown(&named.given);
            self.out.not_python.push(shown);
            return;
        };
        let folder = self.folders.at(named.folder());
        self.take(&folder, kind, name, named.path.clone(), named.size, false);
    }

    fn walk(&mut self, top: &Path) {
        let mut folder = self.folders.at(top);
        folder.is_vendored = false;
        let mut ignores = Ignores::new(self.options.respect_gitignore, top, &self.out.project_root);
        let mut open: Vec<Folder> = vec![folder];
        let mut walk = WalkDir::new(top)
            .sort_by(|a, b| {
                let rank = |it: &DirEntry| Listed::of(it.file_name()) as u8;
                (rank(a), a.file_name()).cmp(&(rank(b), b.file_name()))
            })
            .into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(top).to_owned();
                    let message = error.io_error().map_or("cannot be listed".into(), because);
                    self.notice(&path, message);
                    continue;
                }
            };
            let depth = entry.depth();
            if depth == 0 {
                continue;
            }
            open.truncate(depth);
            ignores.truncate(depth);
            let folder = open.last_mut().expect("the top stays open");
            let kind = entry.file_type();
            match Listed::of(entry.file_name()) {
                Listed::Environment if depth > 1 && self.options.default_excludes => {
                    self.out.excluded += 1;
                    if kind.is_dir() {
                        walk.skip_current_dir();
                    }
                    walk.skip_current_dir();
                    continue;
                }
                Listed::Repository => ignores.enter_repository(entry.path()),
                Listed::Ignore if kind.is_file() => ignores.add(entry.path()),
                Listed::Project | Listed::Setup if !kind.is_dir() => folder.mark(Marks::Project),
                Listed::Init if !kind.is_dir() => folder.mark(Marks::Init),
                _ => {}
            }
            if kind.is_dir() {
                if self.passes_over(&entry, &ignores) {
                    walk.skip_current_dir();
                } else {
                    let folder = folder.settle().child(entry.file_name(), entry.path());
                    open.push(folder);
                    ignores.enter();
                }
            } else if let Some(sort) = FileKind::of(Path::new(entry.file_name()).extension())
                && !self.passes_over(&entry, &ignores)
                && let Some(size) = self.size(&entry)
            {
                let path = entry.path().to_owned();
                let is_link = kind.is_symlink();
                let name = entry.file_name();
                self.take(folder.settle(), sort, name, path, size, is_link);
            }
        }
    }

    /// Whether an exclude or an ignore file leaves out what the walk came to.
    fn passes_over(&mut self, entry: &DirEntry, ignores: &Ignores) -> bool {
        let is_dir = entry.file_type().is_dir();
        let ours = self.options.default_excludes && is_dir && is_left_out(Some(entry.file_name()));
        if ours || self.patterns.matches(entry.path()) {
            self.out.excluded += 1;
            true
        } else if ignores.matches(entry.path(), is_dir) {
            self.out.ignored += 1;
            true
        } else {
            false
        }
    }

    /// The size of a file to read; `None` when it is not to be read.
    fn size(&mut self, entry: &DirEntry) -> Option<u64> {
        let kind = entry.file_type();
        if kind.is_symlink() {
            return self.size_through_link(entry.path());
        }
        let message = if kind.is_file() {
            match entry.metadata() {
                Ok(meta) => return Some(meta.len()),
                Err(error) => error.io_error().map_or("cannot be read".into(), because),
            }
        } else {
            "not a regular file".into()
        };
        self.notice(entry.path(), message);
        None
    }

    /// The size of the file that a link leads to, if that lies inside a named folder.
    fn size_through_link(&mut self, path: &Path) -> Option<u64> {
        match fs::canonicalize(path).and_then(|it| Ok((fs::metadata(&it)?, it))) {
            Ok((meta, _)) if meta.is_dir() => None,
            Ok((meta, target)) => {
                if !self.out.tops.iter().any(|top| target.starts_with(top)) {
                    self.notice(path, "the link leads out of the folders to check".into());
                } else if meta.is_file() {
                    return Some(meta.len());
                } else {
                    self.notice(path, "not a regular file".into());
                }
                None
            }
            Err(error) => {
                self.notice(path, because(&error));
                None
            }
        }
    }

    fn take(
        &mut self,
        folder: &Folder,
        kind: FileKind,
        name: &OsStr,
        path: PathBuf,
        size: u64,
        is_link: bool,
    ) {
        let name = name.to_string_lossy();
        let stem = name
            .rsplit_once('.')
            .filter(|(stem, _)| !stem.is_empty())
            .map_or(&*name, |(stem, _)| stem);
        let is_test = stem == "conftest"
            || stem == "tests"
            || stem.starts_with("test_")
            || stem.ends_with("_test");
        self.out.files.push(SourcePath {
            kind,
            display: format!("{}{name}", folder.display),
            path,
            size,
            is_vendored: folder.is_vendored,
            is_test: is_test || folder.is_test,
            is_link,
            package_root: u32::try_from(self.package_roots.len()).unwrap_or(u32::MAX),
            module: dotted(&folder.package, stem),
            dotted_from_root: dotted(&folder.dotted, stem),
            source_folder: folder.source_folder,
        });
        self.package_roots.push(Arc::clone(&folder.package_root));
    }

    /// Sorts, drops what was found twice, and numbers the package roots.
    fn finish(mut self) -> Discovered {
        let files = &mut self.out.files;
        files.sort_by(|a, b| (&a.display, &a.path).cmp(&(&b.display, &b.path)));
        files.dedup_by(|again, first| {
            let same = again.path == first.path;
            if same {
                first.is_vendored &= again.is_vendored;
            }
            same
        });
        leave_out_doubled_stubs(files);
        let mut numbers: FxHashMap<Arc<Path>, u32> = FxHashMap::default();
        for file in files {
            let root = &self.package_roots[file.package_root as usize];
            let roots = &mut self.out.package_roots;
            file.package_root = *numbers.entry(Arc::clone(root)).or_insert_with(|| {
                roots.push(root.to_path_buf());
                roots.len() as u32 - 1
            });
        }
        for list in [&mut self.out.excluded_named, &mut self.out.not_python] {
            list.sort();
            list.dedup();
        }
        self.out.notices.sort();
        self.out.notices.dedup();
        self.out
    }

    fn notice(&mut self, path: &Path, message: String) {
        let path = self.shown(path);
        self.out.notices.push(Notice { path, message });
    }

    fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.out.project_root).unwrap_or(path);
        let shown = slashes(below);
        if shown.is_empty() { ".".into() } else { shown }
    }
}

/// What has a source is not believed from its stub.
fn leave_out_doubled_stubs(files: &mut Vec<SourcePath>) {
    if files.iter().all(|it| it.kind != FileKind::Stub) {
        return;
    }
    let sources = files.iter().filter(|it| it.kind == FileKind::Source);
    let sources: FxHashSet<PathBuf> = sources.map(|it| it.path.with_extension("")).collect();
    files.retain(|it| {
        let path = it.path.with_extension("");
        let is_doubled = sources.contains(&path) || sources.contains(&path.join("__init__"));
        it.kind != FileKind::Stub || !is_doubled
    });
}

fn dotted(prefix: &str, stem: &str) -> String {
    match prefix.strip_suffix('.') {
        Some(package) if stem == "__init__" => package.to_owned(),
        _ => format!("{prefix}{stem}"),
    }
}

fn slashes(path: &Path) -> String {
    let shown = path.to_string_lossy();
    if cfg!(windows) {
        shown.replace('\\', "/")
    } else {
        shown.into_owned()
    }
}

fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotFound => "the link leads nowhere".into(),
        _ => error.to_string().to_lowercase(),
    }
}

/// Whether a folder of this name is nobody's source: version control, caches, installed packages.
fn is_left_out(name: Option<&OsStr>) -> bool {
    const NAMES: [&str; 28] = [
        ".bzr",
        ".direnv",
        ".eggs",
        ".git",
        ".git-rewrite",
        ".hg",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".jj",
        ".mypy_cache",
        ".nox",
        ".pants.d",
        ".pixi",
        ".pyenv",
        ".pyre",
        ".pytest_cache",
        ".pytype",
        ".ruff_cache",
        ".sl",
        ".svn",
        ".tox",
        ".venv",
        ".vscode",
        "CVS",
        "__pycache__",
        "__pypackages__",
        "buck-out",
        "node_modules",
    ];
    name.and_then(OsStr::to_str)
        .is_some_and(|name| NAMES.binary_search(&name).is_ok())
}

/// Whether a folder is a virtual or conda environment, whatever its name.
fn is_environment(folder: &Path) -> bool {
    folder.join("pyvenv.cfg").is_file() || folder.join("conda-meta").is_dir()
}

/// Whether the first line asks for Python, as in `#!/usr/bin/env -S python3 -u`.
fn has_python_shebang(path: &Path) -> bool {
    let mut head = Vec::new();
    let Ok(file) = File::open(path) else {
        return false;
    };
    if file.take(256).read_to_end(&mut head).is_err() {
        return false;
    }
    let line = head.split(|b| matches!(b, b'\n' | b'\r')).next();
    let Some(line) = line.and_then(|it| it.strip_prefix(b"#!")) else {
        return false;
    };
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace().map(program_name);
    let first = words.next().unwrap_or_default();
    let program = if first == "env" {
        words
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .unwrap_or_default()
    } else {
        first
    };
    ["python", "pypy"].iter().any(|it| program.starts_with(it))
}

fn program_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_for_the_binary_search() {
        for name in [".bzr", ".venv", "CVS", "__pycache__", "node_modules"] {
            assert!(is_left_out(Some(OsStr::new(name))), "{name}");
        }
        assert!(!is_left_out(Some(OsStr::new("build"))));
    }
}
