//! What a file inherits from its folder: the start of its names, and whether it is a test or vendored.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Named, slashes};

/// What marks a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marks {
    /// It holds `__init__.py`.
    Init,
    /// It holds packaging metadata: names below it start anew, unless it is a package itself.
    Project,
    /// Names below it start anew.
    Start,
}

/// A folder with all that its files' names begin with.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    /// Shown before a file's name: empty or ends in `/`.
    pub(super) display: String,
    /// Nearest folder, at or above, without `__init__.py`.
    pub(super) package_root: Arc<Path>,
    /// Dotted name below it: empty or ends in `.`.
    pub(super) package: String,
    /// Dotted name below the source root: empty or ends in `.`.
    pub(super) dotted: String,
    /// `src` or `lib` when `dotted` leaves it out.
    pub(super) source_folder: &'static str,
    pub(super) is_vendored: bool,
    pub(super) is_test: bool,
    /// Whether a `src` directly below is a source root.
    is_base: bool,
    /// Set until the folder's marks are known.
    unsettled: Option<Box<Unsettled>>,
}

#[derive(Clone, Debug)]
struct Unsettled {
    path: PathBuf,
    /// Name with a dot.
    name: String,
    parent_is_base: bool,
    parent_source_folder: &'static str,
    has_init: bool,
    is_project: bool,
    is_start: bool,
}

impl Folder {
    fn top(path: &Path) -> Self {
        Self {
            display: String::new(),
            package_root: Arc::from(path),
            package: String::new(),
            dotted: String::new(),
            source_folder: "",
            is_vendored: false,
            is_test: false,
            is_base: true,
            unsettled: None,
        }
    }

    /// A folder directly below, before its listing was read.
    pub(super) fn child(&self, name: &OsStr, path: &Path) -> Self {
        let name = name.to_string_lossy();
        Self {
            display: format!("{}{name}/", self.display),
            package_root: Arc::clone(&self.package_root),
            package: self.package.clone(),
            dotted: self.dotted.clone(),
            source_folder: "",
            is_vendored: self.is_vendored || is_vendored(&name),
            is_test: self.is_test || matches!(&*name, "tests" | "test"),
            is_base: false,
            unsettled: Some(Box::new(Unsettled {
                path: path.to_owned(),
                name: format!("{name}."),
                parent_is_base: self.is_base,
                parent_source_folder: self.source_folder,
                has_init: false,
                is_project: false,
                is_start: false,
            })),
        }
    }

    pub(super) fn mark(&mut self, mark: Marks) {
        if let Some(it) = &mut self.unsettled {
            match mark {
                Marks::Init => it.has_init = true,
                Marks::Project => it.is_project = true,
                Marks::Start => it.is_start = true,
            }
        }
    }

    /// All marks are known: works out the names.
    pub(super) fn settle(&mut self) -> &Self {
        let Some(it) = self.unsettled.take() else {
            return self;
        };
        if it.has_init {
            self.package.push_str(&it.name);
        } else {
            self.package.clear();
            self.package_root = Arc::from(&*it.path);
        }
        let layout = match &*it.name {
            "src." => "src",
            "lib." => "lib",
            _ => "",
        };
        let layout = if it.parent_is_base && !it.has_init {
            layout
        } else {
            ""
        };
        self.is_base = it.is_start || it.is_project && !it.has_init;
        if self.is_base || !layout.is_empty() {
            self.dotted.clear();
            self.source_folder = layout;
        } else {
            self.dotted.push_str(&it.name);
            self.source_folder = it.parent_source_folder;
        }
        self
    }
}

/// Folders that were asked for, each looked at once.
pub(super) struct Folders {
    project_root: PathBuf,
    /// The one named folder of a project without metadata: its files' names start there.
    bare: Option<PathBuf>,
    known: FxHashMap<PathBuf, Folder>,
}

impl Folders {
    pub(super) fn new(project_root: &Path, named: &[Named]) -> Self {
        let bare = match named {
            [only] if only.is_dir && !is_project(project_root) => Some(only.path.clone()),
            _ => None,
        };
        Self {
            project_root: project_root.to_owned(),
            bare,
            known: FxHashMap::default(),
        }
    }

    /// The folder at `path`, which is absolute.
    pub(super) fn at(&mut self, path: &Path) -> Folder {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        // From the folder down which all is to be known: the project root, or above it when that is in a package itself.
        let mut missing = vec![path];
        while let Some(&dir) = missing.last() {
            let is_below = dir != self.project_root && dir.starts_with(&self.project_root);
            let parent = dir.parent().filter(|_| is_below || has_init(dir));
            match parent {
                Some(parent) => missing.push(parent),
                None => break,
            }
        }
        let top = missing.pop().expect("holds the path itself");
        let mut folder = Folder::top(top);
        for dir in missing.into_iter().rev() {
            folder = match self.known.get(dir) {
                Some(known) => known.clone(),
                None => self.child(&folder, dir),
            };
            self.known.insert(dir.to_owned(), folder.clone());
        }
        self.known.insert(path.to_owned(), folder.clone());
        folder
    }

    fn child(&self, parent: &Folder, dir: &Path) -> Folder {
        let mut folder = parent.child(dir.file_name().unwrap_or_default(), dir);
        if has_init(dir) {
            folder.mark(Marks::Init);
        }
        let is_root = dir == self.project_root;
        let is_bare = self.bare.as_deref() == Some(dir) && !has_init(dir);
        if is_root || is_bare {
            folder.mark(Marks::Start);
        }
        if is_project(dir) {
            folder.mark(Marks::Project);
        }
        folder.settle();
        if is_root {
            folder.display.clear();
            folder.is_vendored = false;
            folder.is_test = false;
        } else if let Ok(below) = dir.strip_prefix(&self.project_root) {
            folder.display = format!("{}/", slashes(below));
        }
        folder
    }
}

fn has_init(dir: &Path) -> bool {
    dir.join("__init__.py").is_file()
}

fn is_project(dir: &Path) -> bool {
    ["pyproject.toml", "setup.py", "setup.cfg"]
        .iter()
        .any(|it| dir.join(it).is_file())
}

fn is_vendored(name: &str) -> bool {
    matches!(
        name,
        "_vendor"
            | "vendor"
            | "vendored"
            | "_vendored"
            | "vendored_libs"
            | "_vendored_packages"
            | "third_party"
            | "thirdparty"
            | "3rdparty"
            | "_externals"
            | "externals"
            | "site-packages"
    )
}
