//! Git: called with fixed arguments and never through a shell. What its settings would start (a pager, external diffs, a
//! file watcher) is switched off.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};

/// Git, in a folder.
pub(super) struct Git<'a> {
    folder: &'a Path,
    index: Option<&'a Path>,
}

/// Why git gave nothing.
pub(super) enum Failure {
    /// There is no git.
    Missing,
    /// Its last words.
    Said(String),
}

impl Failure {
    /// An error of what was asked for.
    pub(super) fn error(self, what: &str) -> anyhow::Error {
        match self {
            Self::Missing => anyhow!("{what}: there is no `git` to ask"),
            Self::Said(said) => anyhow!("{what}: {said}"),
        }
    }
}

impl<'a> Git<'a> {
    /// With the repository's own index.
    pub(super) fn of(folder: &'a Path) -> Self {
        Self {
            folder,
            index: None,
        }
    }

    /// With an index of its own, so that nothing of the repository changes.
    pub(super) fn with_index(folder: &'a Path, index: &'a Path) -> Self {
        Self {
            folder,
            index: Some(index),
        }
    }

    pub(super) fn text(&self, args: &[&str]) -> Result<String, Failure> {
        let bytes = self.bytes(args)?;
        String::from_utf8(bytes).map_err(|_| Failure::Said("git said what is no text".to_owned()))
    }

    pub(super) fn bytes(&self, args: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new("git");
        command
            .args([
                "--no-pager",
                "-c",
                "core.fsmonitor=false",
                "-c",
                "core.quotePath=true",
            ])
            .args(args)
            .current_dir(self.folder)
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env_remove("GIT_EXTERNAL_DIFF");
        if let Some(index) = self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        let output = command.output().map_err(|it| match it.kind() {
            std::io::ErrorKind::NotFound => Failure::Missing,
            _ => Failure::Said(it.to_string()),
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let first = said.lines().next().unwrap_or("git failed").to_owned();
        Err(Failure::Said(first))
    }
}

/// The folder whose repository is asked: of the first path.
pub(super) fn folder_of(roots: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let first = roots.first().map_or(Path::new("."), PathBuf::as_path);
    let real = first
        .canonicalize()
        .with_context(|| format!("{} cannot be read", first.display()))?;
    Ok(if real.is_dir() {
        real
    } else {
        real.parent().unwrap_or(&real).to_owned()
    })
}
