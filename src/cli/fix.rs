//! `--fix` and `--preview-fix`: rounds of fixes in memory, then each file written once, or a diff printed.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use similar::TextDiff;

use crate::base::FileId;
use crate::decode::{decode, encode};
use crate::finding::remedy::{Fix, Safety};
use crate::fix::apply;
use crate::pipeline::{Analysis, Request};
use crate::report::escape;

/// Rounds after which fixes that still make way for others are left.
const MOST_ROUNDS: usize = 10;

/// What fixing came to.
pub(super) struct Outcome {
    /// The program as it is after the fixes.
    pub(super) analysis: Analysis,
    /// Fixes made.
    pub(super) count: usize,
    /// Files that change, as they are shown, by where they are.
    files: BTreeMap<PathBuf, File>,
}

/// A file that changes.
struct File {
    shown: String,
    /// Its bytes when it was read.
    before: Vec<u8>,
    after: Vec<u8>,
}

/// Fixes what was found, and looks again until nothing more can be done.
pub(super) fn rounds(
    mut request: Request,
    most: Safety,
    mut analysis: Analysis,
    analyze: impl Fn(&Request) -> anyhow::Result<Analysis>,
) -> anyhow::Result<Outcome> {
    let mut files: BTreeMap<PathBuf, File> = BTreeMap::new();
    let mut count = 0;
    for _ in 0..MOST_ROUNDS {
        let mut by_file: BTreeMap<FileId, Vec<&Fix>> = BTreeMap::new();
        for finding in &analysis.findings {
            if let Some(fix) = finding.fix.as_ref().filter(|it| it.safety <= most) {
                by_file.entry(finding.primary.file).or_default().push(fix);
            }
        }
        let mut is_done = true;
        for (id, fixes) in by_file {
            let source = analysis.sources.file(id);
            let path = &analysis.paths[id.index()];
            let fixed = apply::apply(&source.text, &fixes);
            if fixed.count == 0 {
                continue;
            }
            let before = match (files.get(path), request.overlay.get(path)) {
                (Some(file), _) => file.before.clone(),
                (None, Some(given)) => given.clone(),
                (None, None) => std::fs::read(path)
                    .with_context(|| format!("{} cannot be read", source.path))?,
            };
            let is_known = files.contains_key(path)
                || decode(before.clone()).is_ok_and(|it| it == source.text);
            if !is_known {
                bail!("{} changed while it was read; try again", source.path);
            }
            let Some(after) = encode(&fixed.text, &before) else {
                continue;
            };
            count += fixed.count;
            is_done = false;
            request.overlay.insert(path.clone(), after.clone());
            let shown = source.path.clone();
            let file = files.entry(path.clone()).or_insert(File {
                shown,
                before,
                after: Vec::new(),
            });
            file.after = after;
        }
        if is_done {
            break;
        }
        analysis = analyze(&request)?;
    }
    Ok(Outcome {
        analysis,
        count,
        files,
    })
}

impl Outcome {
    /// Number of files that change.
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// The bytes of a file that changes.
    pub(super) fn after(&self, path: &Path) -> Option<&[u8]> {
        self.files.get(path).map(|it| &*it.after)
    }

    /// Writes all files, each in one step; the ones that somebody changed meanwhile are named in the error.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let mut refused = Vec::new();
        for (path, file) in &self.files {
            if let Err(error) = file.replace(path) {
                refused.push(format!("{}: {error:#}", file.shown));
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        bail!("not fixed: {}", refused.join("; "))
    }

    /// Prints what would change as a unified diff.
    pub(super) fn preview(&self) -> anyhow::Result<()> {
        let mut text = String::new();
        for file in self.files.values() {
            let old = decode(file.before.clone())?;
            let new = decode(file.after.clone())?;
            let name = escape::terminal(&file.shown);
            text += &TextDiff::from_lines(&old, &new)
                .unified_diff()
                .header(&format!("a/{name}"), &format!("b/{name}"))
                .to_string();
        }
        let mut out = std::io::stdout().lock();
        if out.is_terminal() {
            for line in text.split_inclusive('\n') {
                writeln!(
                    out,
                    "{}",
                    escape::terminal(line.trim_end_matches(['\r', '\n']))
                )?;
            }
        } else {
            out.write_all(text.as_bytes())?;
        }
        Ok(())
    }
}

impl File {
    /// A reader sees the old file or the new one. Links are written through; the permissions stay.
    fn replace(&self, path: &Path) -> anyhow::Result<()> {
        let path = path.canonicalize()?;
        if std::fs::read(&path)? != self.before {
            bail!("changed since it was read");
        }
        let permissions = path.metadata()?.permissions();
        if permissions.readonly() {
            bail!("it is read-only");
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let temporary = folder.join(format!(".heaplint.{}.tmp", std::process::id()));
        let written = std::fs::write(&temporary, &self.after)
            .and_then(|()| std::fs::set_permissions(&temporary, permissions))
            .and_then(|()| std::fs::rename(&temporary, &path));
        written.inspect_err(|_| {
            let _ = std::fs::remove_file(&temporary);
        })?;
        Ok(())
    }
}

/// How many of the findings can be fixed safely, and how many more unsafely.
pub(super) fn fixable(analysis: &Analysis) -> (usize, usize) {
    let of = |safety| {
        let fixes = analysis.findings.iter().filter_map(|it| it.fix.as_ref());
        fixes.filter(|it| it.safety == safety).count()
    };
    (of(Safety::Safe), of(Safety::Unsafe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_meanwhile_is_not_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("app.py");
        let file = File {
            shown: "app.py".to_owned(),
            before: b"a = 1\n".to_vec(),
            after: b"a = 2\n".to_vec(),
        };
        std::fs::write(&path, "a = 3\n").expect("a file");
        let error = file.replace(&path).expect_err("somebody wrote it");
        assert_eq!(error.to_string(), "changed since it was read");
        assert_eq!(std::fs::read(&path).expect("still there"), b"a = 3\n");
        std::fs::write(&path, &file.before).expect("a file");
        file.replace(&path).expect("as it was read");
        assert_eq!(std::fs::read(&path).expect("still there"), file.after);
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
