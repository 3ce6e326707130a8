//! `blanket-suppression`: a comment that names no rule, in a project that asks for names.

use super::{Comments, Rule, Sink};

pub(super) struct BlanketSuppression;

impl Rule for BlanketSuppression {
    fn page(&self) -> &'static str {
        include_str!("../../rules/blanket-suppression.md")
    }

    fn check_comments(&self, comments: &Comments<'_>, out: &mut Sink) {
        if !comments.forbids_blankets {
            return;
        }
        for at in comments.suppressions.blanket() {
            let message = "this comment silences every rule, and the settings ask for names";
            out.report(
                comments
                    .finding(out.meta(), at, message)
                    .help("name what it is for: `# heaplint: ignore[HL101] reason`"),
            );
        }
    }
}
