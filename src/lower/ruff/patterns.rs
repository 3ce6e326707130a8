//! Patterns of `match`.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::{Ctx, span};
use crate::syntax::tree::{ExprKind, Pat, PatId, PatKind};

impl<'a> Ctx<'a> {
    /// A pattern of any kind.
    pub(super) fn pattern(&mut self, pattern: &'a ast::Pattern) -> PatId {
        let kind = if self.descend(pattern.range()) {
            let kind = self.pattern_kind(pattern);
            self.ascend();
            kind
        } else {
            PatKind::Value(self.error(pattern.range()))
        };
        let span = span(pattern.range());
        self.module.pats.push(Pat { kind, span })
    }

    fn pattern_kind(&mut self, pattern: &'a ast::Pattern) -> PatKind {
        match pattern {
            ast::Pattern::MatchValue(it) => PatKind::Value(self.expr(&it.value)),
            ast::Pattern::MatchSingleton(it) => {
                let kind = match it.value {
                    ast::Singleton::None => ExprKind::None,
                    ast::Singleton::True => ExprKind::Bool(true),
                    ast::Singleton::False => ExprKind::Bool(false),
                };
                PatKind::Value(self.push(kind, span(it.range)))
            }
            ast::Pattern::MatchSequence(it) => {
                PatKind::Sequence(self.list(&it.patterns, Self::pattern))
            }
            ast::Pattern::MatchMapping(it) => self.mapping(it),
            ast::Pattern::MatchClass(it) => {
                let cls = self.expr(&it.cls);
                let inside = it.arguments.iter_source_order();
                let pats = self.list(inside, |cx, it| match it {
                    ast::PatternOrKeyword::Pattern(it) => cx.pattern(it),
                    ast::PatternOrKeyword::Keyword(it) => cx.pattern(&it.pattern),
                });
                PatKind::Class { cls, pats }
            }
            ast::Pattern::MatchStar(it) => PatKind::Star(it.name.as_ref().map(|it| self.store(it))),
            ast::Pattern::MatchAs(it) => {
                let pattern = it.pattern.as_deref().map(|it| self.pattern(it));
                match (&it.name, pattern) {
                    (Some(name), pattern) => {
                        let name = self.store(name);
                        PatKind::Capture { pattern, name }
                    }
                    // `case pattern as` with the name missing.
                    (None, Some(pattern)) => self.module.pats[pattern].kind,
                    (None, None) => PatKind::Wildcard,
                }
            }
            ast::Pattern::MatchOr(it) => PatKind::Or(self.list(&it.patterns, Self::pattern)),
        }
    }

    fn mapping(&mut self, mapping: &'a ast::PatternMatchMapping) -> PatKind {
        let keys_mark = self.lists.exprs.len();
        let pats_mark = self.lists.pats.len();
        for (key, pattern) in mapping.keys.iter().zip(&mapping.patterns) {
            let key = self.expr(key);
            self.lists.exprs.push(key);
            let pattern = self.pattern(pattern);
            self.lists.pats.push(pattern);
        }
        let keys = self.finish(keys_mark);
        let pats = self.finish(pats_mark);
        let rest = mapping.rest.as_ref().map(|it| self.store(it));
        PatKind::Mapping { keys, pats, rest }
    }
}
