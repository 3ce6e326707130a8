//! `expired-suppression`: a comment whose day has passed.

use super::{Comments, Rule, Sink};

pub(super) struct ExpiredSuppression;

impl Rule for ExpiredSuppression {
    fn page(&self) -> &'static str {
        include_str!("../../rules/expired-suppression.md")
    }

    fn check_comments(&self, comments: &Comments<'_>, out: &mut Sink) {
        for it in comments.suppressions.expired() {
            let message = format!("this comment counted until {}", it.until);
            out.report(
                comments
                    .finding(out.meta(), it.at, message)
                    .help("mend what it silenced, or give it a later day"),
            );
        }
    }
}
