//! The lines that changed since a revision, as git tells them: a view of one run's findings.
//!
//! A revision that begins with `-` is refused.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use super::git::{Failure, Git};
use crate::base::SourceMap;
use crate::finding::{Finding, Place};

/// Changed lines of files, by where the files are.
#[derive(Debug, Default)]
pub(super) struct Changes {
    files: HashMap<PathBuf, Changed>,
    /// There is no revision to compare with: everything is new.
    is_all: bool,
}

#[derive(Debug)]
enum Changed {
    All,
    /// Lines from 1, ascending.
    Lines(Vec<RangeInclusive<u32>>),
}

impl Changes {
    /// What changed since `revision`, or since where its line of work and ours parted, in the repository of `folder`.
    pub(super) fn since(revision: &str, folder: &Path) -> anyhow::Result<Self> {
        let git = Git::of(folder);
        let top = match git.text(&["rev-parse", "--show-toplevel"]) {
            Ok(top) => PathBuf::from(top.trim_end_matches(['\n', '\r'])),
            Err(Failure::Missing) => bail!("--diff: there is no `git` to ask"),
            Err(Failure::Said(said)) if said.contains("not a git repository") => {
                bail!("--diff: {} is in no git repository", shown(folder))
            }
            Err(Failure::Said(said)) => bail!("--diff: {said}"),
        };
        let top = top.canonicalize().unwrap_or(top);
        let git = Git::of(&top);
        if revision.starts_with('-') || revision.is_empty() {
            bail!("--diff: `{revision}` is no revision");
        }
        let commit = git.text(&[
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{revision}^{{commit}}"),
        ]);
        let Ok(commit) = commit else {
            let has_commits = git
                .text(&["rev-parse", "--verify", "--quiet", "HEAD"])
                .is_ok();
            if revision == "HEAD" && !has_commits {
                return Ok(Self {
                    files: HashMap::new(),
                    is_all: true,
                });
            }
            let hint = if Path::new(revision).exists() {
                format!("; for the path, write `--diff HEAD {revision}`")
            } else {
                String::new()
            };
            bail!("--diff: `{revision}` is no revision of this repository{hint}");
        };
        let commit = commit.trim();
        let base = git.text(&["merge-base", commit, "HEAD"]);
        let base = base.as_deref().map_or(commit, str::trim);
        let diff = git.bytes(&[
            "diff",
            "--unified=0",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
            "--ignore-submodules",
            "--no-relative",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            base,
            "--",
        ]);
        let diff = diff.map_err(|it| it.error("--diff: git diff"))?;
        let mut files: HashMap<PathBuf, Changed> = parse(&diff)?
            .into_iter()
            .map(|(path, lines)| (top.join(path), Changed::Lines(lines)))
            .collect();
        let new = git.bytes(&[
            "ls-files",
            "--others",
            "--exclude-standard",
            "--full-name",
            "-z",
        ]);
        let new = new.map_err(|it| it.error("--diff: git ls-files"))?;
        for path in new.split(|it| *it == 0).filter(|it| !it.is_empty()) {
            files.insert(top.join(path_of(path)), Changed::All);
        }
        Ok(Self {
            files,
            is_all: false,
        })
    }

    /// Whether a finding's place, or one that explains it, is among the changes.
    pub(super) fn touch(&self, it: &Finding, sources: &SourceMap, paths: &[PathBuf]) -> bool {
        let labels = it.labels.iter().map(|it| it.place);
        let steps = it.path.iter().filter_map(|it| it.place);
        let mut places = std::iter::once(it.primary).chain(labels).chain(steps);
        self.is_all || places.any(|it| self.has(it, sources, paths))
    }

    fn has(&self, place: Place, sources: &SourceMap, paths: &[PathBuf]) -> bool {
        let path = paths.get(place.file.index());
        match path.and_then(|it| self.files.get(it)) {
            None => false,
            Some(Changed::All) => true,
            Some(Changed::Lines(ranges)) => {
                let (start, end) = sources.range(place.file, place.span);
                let at = ranges.partition_point(|it| *it.end() < start.line);
                ranges.get(at).is_some_and(|it| *it.start() <= end.line)
            }
        }
    }
}

/// Lines that changed, by path from the repository's top.
fn parse(diff: &[u8]) -> anyhow::Result<Vec<(PathBuf, Vec<RangeInclusive<u32>>)>> {
    let mut files: Vec<(PathBuf, Vec<RangeInclusive<u32>>)> = Vec::new();
    let mut lines = diff.split(|it| *it == b'\n');
    let mut is_deleted = true;
    while let Some(line) = lines.next() {
        if let Some(path) = line.strip_prefix(b"+++ ") {
            let path = unquoted(path);
            is_deleted = path == b"/dev/null";
            if let Some(path) = path.strip_prefix(b"b/") {
                files.push((path_of(path), Vec::new()));
            }
        } else if let Some(header) = line.strip_prefix(b"@@ ") {
            let (old, new) = hunk(header).ok_or_else(|| {
                anyhow!("--diff: git diff said `{}`", String::from_utf8_lossy(line))
            })?;
            // The lines themselves may look like anything.
            let count = u64::from(old.1) + u64::from(new.1);
            for _ in 0..count {
                if lines.next().is_none() {
                    break;
                }
            }
            if let (false, Some((_, ranges))) = (is_deleted, files.last_mut()) {
                // What was taken out stood between two lines, and both have a new neighbour.
                ranges.push(match new {
                    (at, 0) => at.max(1)..=at + 1,
                    (at, count) => at..=at + (count - 1),
                });
            }
        }
    }
    Ok(files)
}

/// Start and number of the old and the new lines of `-1,2 +3,4 @@`.
fn hunk(header: &[u8]) -> Option<((u32, u32), (u32, u32))> {
    let header = std::str::from_utf8(header.split(|it| *it == b'@').next()?).ok()?;
    let mut words = header.split_whitespace();
    let mut range = |sign: char| {
        let word = words.next()?.strip_prefix(sign)?;
        let (at, count) = word.split_once(',').unwrap_or((word, "1"));
        Some((at.parse().ok()?, count.parse().ok()?))
    };
    Some((range('-')?, range('+')?))
}

/// A path of a header: after it a tab when it holds blanks, in quotes when it holds worse.
fn unquoted(path: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"\r").unwrap_or(path);
    let path = path.strip_suffix(b"\t").unwrap_or(path);
    let Some(inner) = path
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""))
    else {
        return path.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        if inner[at] != b'\\' {
            out.push(inner[at]);
            at += 1;
            continue;
        }
        let next = inner.get(at + 1).copied().unwrap_or(b'\\');
        let octal = inner
            .get(at + 1..at + 4)
            .and_then(|it| std::str::from_utf8(it).ok())
            .and_then(|it| u8::from_str_radix(it, 8).ok());
        if let Some(byte) = octal {
            out.push(byte);
            at += 4;
            continue;
        }
        out.push(match next {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            other => other,
        });
        at += 2;
    }
    out
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from(String::from_utf8_lossy(bytes).into_owned()))
}

fn shown(folder: &Path) -> String {
    match folder.to_string_lossy() {
        it if it == "." || it.is_empty() => "the current folder".to_owned(),
        it => it.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_are_read_whatever_their_lines_look_like() {
        let diff = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@ def f\n-x\n+++ b/other.py\n+@@ -1 +1 @@\n\
            @@ -9,2 +9,0 @@\n--- a\n-y\n@@ -20,0 +19 @@\n+z\n\\ No newline at end of file\n\
            diff --git a/b c.py b/b c.py\n--- /dev/null\n+++ b/b c.py\t\n@@ -0,0 +1,3 @@\n+1\n+2\n+3\n\
            diff --git a/gone.py b/gone.py\n--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n";
        let files = parse(diff).expect("git's own form");
        assert_eq!(
            files,
            [
                (PathBuf::from("a.py"), vec![1..=2, 9..=10, 19..=19]),
                (PathBuf::from("b c.py"), vec![1..=3]),
            ]
        );
    }

    #[test]
    fn paths_in_quotes_are_read() {
        assert_eq!(
            unquoted(b"\"b/caf\\303\\251 \\\"x\\\".py\""),
            "b/café \"x\".py".as_bytes()
        );
        assert_eq!(unquoted(b"b/a b.py\t"), b"b/a b.py");
    }
}
