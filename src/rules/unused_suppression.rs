//! `unused-suppression`: a comment that silences nothing.

use super::{Comments, Rule, Sink};

pub(super) struct UnusedSuppression;

impl Rule for UnusedSuppression {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unused-suppression.md")
    }

    fn check_comments(&self, comments: &Comments<'_>, out: &mut Sink) {
        for unused in comments
            .suppressions
            .unused(comments.text, comments.is_judged)
        {
            let names: Vec<String> = unused
                .selectors
                .iter()
                .filter(|it| comments.is_rule(it))
                .map(|it| format!("`{it}`"))
                .collect();
            let (what, does) = match (names.len(), unused.selectors.is_empty()) {
                (_, true) => ("this comment".to_owned(), "silences"),
                (0, _) => continue,
                (1, _) => (names[0].clone(), "silences"),
                _ => (names.join(", "), "silence"),
            };
            let help = if unused.selectors.is_empty() {
                "take the comment out"
            } else {
                "take out of the comment what silences nothing"
            };
            out.report(
                comments
                    .finding(out.meta(), unused.at, format!("{what} {does} nothing here"))
                    .help(help)
                    .remove(unused.remove),
            );
        }
    }
}
