//! `suppression-without-reason`: a comment without a reason, in a project that asks for one.

use super::{Comments, Rule, Sink};

pub(super) struct SuppressionWithoutReason;

impl Rule for SuppressionWithoutReason {
    fn page(&self) -> &'static str {
        include_str!("../../rules/suppression-without-reason.md")
    }

    fn check_comments(&self, comments: &Comments<'_>, out: &mut Sink) {
        if !comments.wants_reasons {
            return;
        }
        for at in comments.suppressions.without_reason() {
            let message = "this comment gives no reason, and the settings ask for one";
            out.report(
                comments
                    .finding(out.meta(), at, message)
                    .help("write behind it why the finding is accepted"),
            );
        }
    }
}
