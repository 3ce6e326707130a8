//! What comments in the code silence, and what is to be said of the comments.

use std::collections::HashMap;

use time::{Date, OffsetDateTime};

use super::selection::Selection;
use crate::base::{FileId, Idx, LineIndex, SourceMap};
use crate::config::Config;
use crate::discover::SourcePath;
use crate::facts::model::PragmaF;
use crate::finding::Finding;
use crate::finding::suppress::{Pragma, Suppressions};
use crate::rules::{self, Comments};

/// The comments of all files.
pub(super) struct CommentSet {
    pragmas: Vec<Vec<PragmaF>>,
    /// Files that could be read in part only.
    is_partial: Vec<bool>,
    known: HashMap<FileId, Suppressions>,
    today: Date,
}

impl CommentSet {
    /// The comments of files by number, and which of the files have errors.
    pub(super) fn new(pragmas: Vec<Vec<PragmaF>>, is_partial: Vec<bool>) -> Self {
        Self {
            pragmas,
            is_partial,
            known: HashMap::new(),
            today: OffsetDateTime::now_utc().date(),
        }
    }

    /// Files with a comment of ours, or with any, whose text is needed to judge it.
    pub(super) fn files(&self, any: bool) -> impl Iterator<Item = FileId> {
        let is_ours = move |it: &PragmaF| {
            let text = it.text.to_ascii_lowercase();
            any || text.contains("heaplint") || text.contains("hl")
        };
        let all = self.pragmas.iter().enumerate();
        all.filter(move |(_, its)| its.iter().any(is_ours))
            .map(|(at, _)| Idx::new(at as u32))
    }

    /// Whether a comment silences the finding. The file's text is loaded.
    pub(super) fn silences(&mut self, it: &Finding, sources: &SourceMap) -> bool {
        let lines = &sources.file(it.primary.file).lines;
        let line = lines.line(it.primary.span.start);
        let is_about_comments = it.rule.is_about_comments();
        let Some(suppressions) = self.of(it.primary.file, lines) else {
            return false;
        };
        let (code, name) = (&it.rule.code, &it.rule.name);
        if is_about_comments {
            suppressions.silences_by_name(code, name, &(line..=line))
        } else {
            suppressions.silences(code, name, &(line..=line))
        }
    }

    fn of(&mut self, file: FileId, lines: &LineIndex) -> Option<&mut Suppressions> {
        let pragmas = self.pragmas.get(file.index())?;
        if pragmas.is_empty() {
            return None;
        }
        let today = self.today;
        Some(self.known.entry(file).or_insert_with(|| {
            Suppressions::parse(pragmas.iter().map(|it| pragma(it, lines)), today)
        }))
    }

    /// What rules about comments say of these files, after all findings were held against them.
    pub(super) fn judge(
        &mut self,
        files: &[SourcePath],
        wanted: &[FileId],
        sources: &SourceMap,
        selection: &Selection,
        config: &Config,
        is_whole: bool,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for &id in wanted {
            let source = sources.file(id);
            if self.of(id, &source.lines).is_none() {
                continue;
            }
            let file = &files[id.index()];
            let is_partial = self.is_partial[id.index()];
            let is_judged = |selector: Option<&str>| {
                // What is said of comments comes after this: it is no reason to call one unused.
                let mut named = rules::metas()
                    .iter()
                    .filter(|it| !it.is_about_comments())
                    .filter(|it| selector.is_none_or(|selector| it.matches(selector)))
                    .peekable();
                is_whole
                    && !is_partial
                    && named.peek().is_some()
                    && named.all(|it| selection.wants(it) && selection.wants_in(it, file))
            };
            let found = rules::run_on_comments(
                &Comments {
                    file: id,
                    text: &source.text,
                    suppressions: &self.known[&id],
                    is_judged: &is_judged,
                    wants_reasons: config.require_reason.value,
                    forbids_blankets: config.forbid_blanket.value,
                },
                |meta| selection.wants(meta) && selection.wants_in(meta, file),
            );
            for finding in found {
                if !self.silences(&finding, sources) {
                    findings.push(finding);
                }
            }
        }
        findings
    }
}

/// A comment with the lines of its statement.
fn pragma<'a>(it: &'a PragmaF, lines: &LineIndex) -> Pragma<'a> {
    let first = lines.line(it.covers.start);
    let last = lines.line(it.covers.end.saturating_sub(1).max(it.covers.start));
    Pragma {
        text: &it.text,
        at: it.at,
        lines: first..=last.max(lines.line(it.at.start)),
    }
}
