//! What rules about suppression comments are asked about.

use std::fmt;

use super::metas;
use crate::base::{FileId, Span};
use crate::catalog::RuleMeta;
use crate::finding::suppress::Suppressions;
use crate::finding::{Finding, Place};

/// The suppression comments of a file, after all findings have been held against them.
#[derive(Clone, Copy)]
pub struct Comments<'a> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'a str,
    /// The comments.
    pub suppressions: &'a Suppressions,
    /// Whether all rules that a selector names had their say here; without a selector, whether all rules had.
    pub is_judged: &'a dyn Fn(Option<&str>) -> bool,
    /// Whether the settings ask for reasons.
    pub wants_reasons: bool,
    /// Whether the settings ask for names of rules.
    pub forbids_blankets: bool,
}

impl fmt::Debug for Comments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comments")
            .field("file", &self.file)
            .field("suppressions", &self.suppressions)
            .finish_non_exhaustive()
    }
}

impl Comments<'_> {
    /// A finding on a comment.
    pub(super) fn finding(
        &self,
        meta: &'static RuleMeta,
        at: Span,
        message: impl Into<String>,
    ) -> Finding {
        let place = Place {
            file: self.file,
            span: at,
        };
        Finding::new(meta, place, message)
    }

    /// Whether a selector names a rule.
    #[allow(
        clippy::unused_self,
        reason = "asked of the comments that it stands in"
    )]
    pub(super) fn is_rule(&self, selector: &str) -> bool {
        metas().iter().any(|it| it.matches(selector))
    }
}
