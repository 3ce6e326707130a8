//! `malformed-suppression`: a comment that speaks to us and says nothing that we understand.

use super::{Comments, Rule, Sink};
use crate::config::nearest;

pub(super) struct MalformedSuppression;

impl Rule for MalformedSuppression {
    fn page(&self) -> &'static str {
        include_str!("../../rules/malformed-suppression.md")
    }

    fn check_comments(&self, comments: &Comments<'_>, out: &mut Sink) {
        let malformed = comments.suppressions.malformed();
        for it in malformed {
            let message = format!("this comment silences nothing: {}", it.message);
            out.report(
                comments
                    .finding(out.meta(), it.at, message)
                    .help("write it as `# heaplint: ignore[HL101] reason`"),
            );
        }
        for (selector, at) in comments.suppressions.selectors() {
            if comments.is_rule(selector) {
                continue;
            }
            let metas = super::metas();
            let known = metas.iter().flat_map(|it| [&*it.code, &*it.name]);
            let help = match nearest(selector, known) {
                Some(near) => format!("did you mean `{near}`? `heaplint rule` lists the rules"),
                None => "`heaplint rule` lists the rules".to_owned(),
            };
            let message = format!("`{selector}` names no rule, so it silences nothing");
            out.report(comments.finding(out.meta(), at, message).help(help));
        }
    }
}
