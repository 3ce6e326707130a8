//! Findings that a project knows and has accepted for now: a file of them, held against what a run finds.
//!
//! An entry names no line number: it is a rule, a file, a symbol and the text of the line, and equal ones are counted. So
//! it survives moves within a file and edits elsewhere, and goes stale when the line goes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::SourceMap;
use crate::finding::{Finding, line_text};

/// The version of the file's form.
const VERSION: u32 = 1;
/// A longer file is no baseline.
const MAX_FILE: u64 = 256 << 20;
/// Longer texts of lines are cut.
const MAX_LINE: usize = 200;

/// A file of known findings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Baseline {
    /// Sorted.
    entries: Vec<Entry>,
}

/// A finding that is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file, as reports name it.
    pub path: String,
    /// The rule.
    pub code: String,
    /// What it is about.
    pub symbol: String,
    /// The text of its line, blanks squeezed.
    pub line: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// `high`, `medium` or `low`.
    pub confidence: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    findings: Vec<Entry>,
}

/// A baseline that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct BaselineError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong: lower-case, without a final period.
    pub message: String,
}

/// What identifies an entry; how bad and how sure it was may change.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

impl Entry {
    fn new(finding: &Finding, sources: &SourceMap) -> Self {
        let file = sources.file(finding.primary.file);
        Self {
            path: file.path.clone(),
            code: finding.rule.code.clone(),
            symbol: finding.symbol.clone(),
            line: line_text(finding, sources).chars().take(MAX_LINE).collect(),
            severity: finding.severity.name().to_owned(),
            confidence: finding.confidence.name().to_owned(),
        }
    }

    fn key(&self) -> Key<'_> {
        (&self.path, &self.code, &self.symbol, &self.line)
    }
}

/// Whether an entry is left; then there is one less.
fn take<'a>(left: &mut HashMap<Key<'a>, usize>, entry: &'a Entry) -> bool {
    match left.get_mut(&entry.key()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

impl Baseline {
    /// These findings, as known ones.
    #[must_use]
    pub fn of(findings: &[Finding], sources: &SourceMap) -> Self {
        let mut entries: Vec<Entry> = findings.iter().map(|it| Entry::new(it, sources)).collect();
        entries.sort();
        Self { entries }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no baseline of ours.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let fail = |message: String| BaselineError {
            path: path.to_owned(),
            message,
        };
        let meta = std::fs::metadata(path).map_err(|it| match it.kind() {
            std::io::ErrorKind::NotFound => {
                fail("no such baseline; `heaplint baseline write` makes one".to_owned())
            }
            _ => fail(it.to_string().to_lowercase()),
        })?;
        if !meta.is_file() || meta.len() > MAX_FILE {
            return Err(fail("not a baseline".to_owned()));
        }
        let bytes = std::fs::read(path).map_err(|it| fail(it.to_string().to_lowercase()))?;
        let file: File =
            serde_json::from_slice(&bytes).map_err(|it| fail(format!("not a baseline: {it}")))?;
        if file.version != VERSION {
            return Err(fail(format!(
                "version {} of the form, and this heaplint knows version {VERSION}",
                file.version
            )));
        }
        let mut entries = file.findings;
        entries.sort();
        Ok(Self { entries })
    }

    /// The text of the file: sorted, an entry a line, the same for the same findings.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = format!("{{\n  \"version\": {VERSION},\n  \"findings\": [");
        for (at, entry) in self.entries.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let entry = serde_json::to_string(entry).unwrap_or_default();
            let _ = write!(text, "{comma}\n    {entry}");
        }
        let end = if self.entries.is_empty() { "" } else { "\n  " };
        text + end + "]\n}\n"
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says of each finding whether it is new, and gives the entries that nothing answered to and that `is_judged`: those
    /// whose file and rule were looked at.
    pub fn apply(
        &self,
        findings: &[Finding],
        sources: &SourceMap,
        is_judged: impl Fn(&Entry) -> bool,
    ) -> (Vec<bool>, Vec<Entry>) {
        let found: Vec<Entry> = findings.iter().map(|it| Entry::new(it, sources)).collect();
        let mut left: HashMap<Key<'_>, usize> = HashMap::new();
        for entry in &self.entries {
            *left.entry(entry.key()).or_default() += 1;
        }
        let are_new: Vec<bool> = found.iter().map(|it| !take(&mut left, it)).collect();
        let stale = self.entries.iter().filter(|it| take(&mut left, it));
        let stale = stale.filter(|it| is_judged(it)).cloned().collect();
        (are_new, stale)
    }

    /// Takes entries out, each once.
    #[must_use]
    pub fn without(mut self, entries: &[Entry]) -> Self {
        let mut gone: HashMap<&Entry, usize> = HashMap::new();
        for entry in entries {
            *gone.entry(entry).or_default() += 1;
        }
        self.entries.retain(|it| match gone.get_mut(it) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
        self
    }
}
