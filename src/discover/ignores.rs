//! What to pass over: ignore files with git's precedence, and the user's patterns.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{DiscoverError, Exclude};

/// A longer ignore file is not read.
const MAX_IGNORE_FILE: u64 = 1 << 20;

/// What a folder's listing tells about it; listed in this order, before anything else in the folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Listed {
    Environment,
    Repository,
    Ignore,
    Project,
    Init,
    /// Marks a project too, and is a Python file: after `__init__.py`, so that all is known when it is taken.
    Setup,
    Other,
}

impl Listed {
    pub(super) fn of(name: &OsStr) -> Self {
        match name.as_encoded_bytes() {
            b"pyvenv.cfg" | b"conda-meta" => Self::Environment,
            b".git" => Self::Repository,
            b".gitignore" | b".ignore" => Self::Ignore,
            b"pyproject.toml" | b"setup.cfg" => Self::Project,
            b"__init__.py" => Self::Init,
            b"setup.py" => Self::Setup,
            _ => Self::Other,
        }
    }
}

/// Ignore files of the open folders, outermost first.
pub(super) struct Ignores {
    is_on: bool,
    global: Gitignore,
    levels: Vec<Level>,
    /// Number of levels above the walk's top.
    above: usize,
}

#[derive(Default)]
struct Level {
    git: Option<Gitignore>,
    dot: Option<Gitignore>,
    /// `.git/info/exclude`; ignore files above a repository do not reach into it.
    repository: Option<Gitignore>,
}

impl Ignores {
    /// Those that hold in `top`, from its repository's root, or from the project's, down to its parent.
    pub(super) fn new(is_on: bool, top: &Path, project_root: &Path) -> Self {
        let mut ignores = Self {
            is_on,
            global: Gitignore::empty(),
            levels: Vec::new(),
            above: 0,
        };
        if !is_on {
            return ignores;
        }
        let repository = top.ancestors().find(|it| it.join(".git").exists());
        let first = repository.unwrap_or(project_root);
        ignores.global = GitignoreBuilder::new(first).build_global().0;
        let mut above: Vec<&Path> = top
            .ancestors()
            .skip(1)
            .take_while(|it| it.starts_with(first))
            .collect();
        above.reverse();
        ignores.above = above.len();
        for dir in above {
            ignores.enter();
            let git = dir.join(".git");
            if git.exists() {
                ignores.enter_repository(&git);
            }
            for name in [".gitignore", ".ignore"] {
                let path = dir.join(name);
                if fs::symlink_metadata(&path).is_ok_and(|it| it.is_file()) {
                    ignores.add(&path);
                }
            }
        }
        ignores.enter();
        ignores
    }

    pub(super) fn enter(&mut self) {
        self.levels.push(Level::default());
    }

    /// Keeps the folders down to `depth`; the walk's top has depth 1.
    pub(super) fn truncate(&mut self, depth: usize) {
        self.levels.truncate(self.above + depth);
    }

    /// Reads `.gitignore` or `.ignore` of the innermost folder.
    pub(super) fn add(&mut self, path: &Path) {
        let (Some(level), Some(dir)) = (self.levels.last_mut(), path.parent()) else {
            return;
        };
        if self.is_on {
            let set = read(path, dir);
            if path.file_name() == Some(OsStr::new(".ignore")) {
                level.dot = set;
            } else {
                level.git = set;
            }
        }
    }

    /// The innermost folder is a repository's root: `git` is its `.git`.
    pub(super) fn enter_repository(&mut self, git: &Path) {
        let (Some(level), Some(dir)) = (self.levels.last_mut(), git.parent()) else {
            return;
        };
        if self.is_on {
            let exclude = git_dir(git).join("info").join("exclude");
            level.repository = Some(read(&exclude, dir).unwrap_or_else(Gitignore::empty));
        }
    }

    /// Whether a path in the innermost folder is ignored; `.ignore` before `.gitignore`, inner before outer, last line first.
    pub(super) fn matches(&self, path: &Path, is_dir: bool) -> bool {
        if !self.is_on {
            return false;
        }
        let says = |set: &Gitignore| match set.matched(path, is_dir) {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        };
        let inner_first = || self.levels.iter().rev();
        if let Some(answer) = inner_first().find_map(|it| it.dot.as_ref().and_then(says)) {
            return answer;
        }
        for level in inner_first() {
            if let Some(answer) = level.git.as_ref().and_then(says) {
                return answer;
            }
            if let Some(repository) = &level.repository {
                if let Some(answer) = says(repository) {
                    return answer;
                }
                break;
            }
        }
        says(&self.global).unwrap_or(false)
    }
}

/// The folder that a `.git` stands for: itself, or for a linked worktree the repository's.
fn git_dir(git: &Path) -> PathBuf {
    let short_text = |path: &Path| {
        let meta = fs::metadata(path).ok()?;
        (meta.is_file() && meta.len() < 4096)
            .then(|| fs::read_to_string(path).ok())
            .flatten()
    };
    let Some(text) = short_text(git) else {
        return git.to_owned();
    };
    let Some(dir) = text.trim_end().strip_prefix("gitdir: ") else {
        return git.to_owned();
    };
    let dir = git.parent().unwrap_or(git).join(dir);
    match short_text(&dir.join("commondir")) {
        Some(common) => dir.join(common.trim_end()),
        None => dir,
    }
}

fn read(path: &Path, dir: &Path) -> Option<Gitignore> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() > MAX_IGNORE_FILE {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut builder = GitignoreBuilder::new(dir);
    for line in text.trim_start_matches('\u{FEFF}').lines() {
        // A line that is no pattern matches nothing, as in git.
        let _ = builder.add_line(Some(path.to_owned()), line);
    }
    builder.build().ok().filter(|it| !it.is_empty())
}

/// The user's excludes.
pub(super) struct Patterns {
    project_root: PathBuf,
    /// Matched on the last name of a path below the project root.
    names: GlobSet,
    /// Matched on the path below a folder.
    below: Vec<(PathBuf, GlobSet)>,
}

impl Patterns {
    pub(super) fn new(exclude: &[Exclude], project_root: &Path) -> Result<Self, DiscoverError> {
        let mut names = GlobSetBuilder::new();
        let mut below: Vec<(PathBuf, GlobSetBuilder)> = Vec::new();
        for it in exclude {
            let bad = |message: String| DiscoverError::BadPattern {
                glob: it.glob.clone(),
                message,
            };
            let trimmed = it.glob.strip_suffix('/').unwrap_or(&it.glob);
            let trimmed = trimmed.strip_prefix("./").unwrap_or(trimmed);
            let anchored = trimmed.strip_prefix('/');
            let text = anchored.unwrap_or(trimmed);
            if text.is_empty() {
                return Err(bad("empty".into()));
            }
            let glob = GlobBuilder::new(text)
                .literal_separator(true)
                .build()
                .map_err(|error| bad(error.kind().to_string()))?;
            if anchored.is_none() && !it.glob.starts_with("./") && !text.contains('/') {
                names.add(glob);
                continue;
            }
            let base = it.base.as_deref().unwrap_or(project_root);
            let base = fs::canonicalize(base).unwrap_or_else(|_| base.to_owned());
            match below.iter_mut().find(|(known, _)| *known == base) {
                Some((_, set)) => {
                    set.add(glob);
                }
                None => {
                    let mut set = GlobSetBuilder::new();
                    set.add(glob);
                    below.push((base, set));
                }
            }
        }
        let build = |set: GlobSetBuilder| {
            set.build().map_err(|error| DiscoverError::BadPattern {
                glob: error.glob().unwrap_or_default().to_owned(),
                message: error.kind().to_string(),
            })
        };
        Ok(Self {
            project_root: project_root.to_owned(),
            names: build(names)?,
            below: below
                .into_iter()
                .map(|(base, set)| Ok((base, build(set)?)))
                .collect::<Result<_, DiscoverError>>()?,
        })
    }

    /// Whether this very path matches; whether a folder above it does is for the caller to ask.
    pub(super) fn matches(&self, path: &Path) -> bool {
        if !self.names.is_empty()
            && path != self.project_root
            && path.file_name().is_some_and(|it| self.names.is_match(it))
        {
            return true;
        }
        self.below.iter().any(|(base, set)| {
            path.strip_prefix(base)
                .is_ok_and(|below| !below.as_os_str().is_empty() && set.is_match(below))
        })
    }
}
