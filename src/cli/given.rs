//! `--stdin-filename`: a file whose text comes from standard input, in the midst of its project.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::args::CheckArgs;
use super::fix::Outcome;
use crate::discover::project_of;
use crate::limits::MAX_NOTEBOOK;
use crate::pipeline::Analysis;

/// A file that an editor has open: its name, and its bytes as they are there.
pub(super) struct Given {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Given {
    /// The file that the arguments name, read from standard input.
    pub(super) fn of(args: &CheckArgs) -> anyhow::Result<Option<Self>> {
        let Some(name) = &args.stdin_filename else {
            if args.paths.iter().any(|it| it.as_os_str() == "-") {
                bail!("`-`: name the file that standard input is with --stdin-filename");
            }
            return Ok(None);
        };
        let file = name.file_name().filter(|_| !name.is_dir());
        let file =
            file.with_context(|| format!("--stdin-filename: {} is no file", name.display()))?;
        let folder = match name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = std::fs::canonicalize(folder)
            .with_context(|| format!("--stdin-filename: {}", folder.display()))?;
        let mut bytes = Vec::new();
        // One byte more than is read of a file, so that what is too long is told as of any file.
        std::io::stdin()
            .lock()
            .take(MAX_NOTEBOOK + 1)
            .read_to_end(&mut bytes)
            .context("standard input cannot be read")?;
        let path = folder.join(file);
        Ok(Some(Self { path, bytes }))
    }

    /// What to analyse: the file first, whose settings hold, and the program around, which is its project if none is named.
    pub(super) fn roots(&self, named: &[PathBuf]) -> Vec<PathBuf> {
        let named = named.iter().filter(|it| it.as_os_str() != "-").cloned();
        let mut roots = vec![self.path.clone()];
        roots.extend(named);
        if roots.len() == 1 {
            roots.extend(self.path.parent().and_then(project_of));
        }
        roots
    }

    /// The file as it is to be read.
    pub(super) fn overlay(&self) -> (PathBuf, Vec<u8>) {
        (self.path.clone(), self.bytes.clone())
    }

    /// What is to be told of this file.
    pub(super) fn only(&self, mut analysis: Analysis) -> Analysis {
        let at = analysis.paths.iter().position(|it| *it == self.path);
        let is_here = |file: usize| Some(file) == at;
        let findings = analysis.findings.iter();
        let kept: Vec<bool> = findings
            .map(|it| is_here(it.primary.file.index()))
            .collect();
        analysis.keep(&kept);
        let shown = at.map(|it| {
            analysis
                .sources
                .file(crate::base::Idx::new(it as u32))
                .path
                .clone()
        });
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        analysis.notices.retain(|it| match (&it.path, &shown) {
            (Some(path), Some(shown)) => path == shown,
            // Named, and not analysed.
            (Some(path), None) => path.ends_with(&*name),
            (None, _) => true,
        });
        analysis
    }

    /// The text after its fixes, to standard output.
    pub(super) fn write(&self, outcome: &Outcome) -> anyhow::Result<()> {
        let after = outcome.after(&self.path).unwrap_or(&self.bytes);
        std::io::stdout().lock().write_all(after)?;
        Ok(())
    }
}
