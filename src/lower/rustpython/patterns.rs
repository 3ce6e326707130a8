//! `match` and its patterns.

use rustpython_parser::ast::{self, Ranged};
use smallvec::SmallVec;

use super::Lowerer;
use crate::base::Span;
use crate::limits::MAX_DEPTH;
use crate::syntax::tree::{Case, ExprKind, Pat, PatId, PatKind, StmtKind};

impl Lowerer<'_> {
    pub(super) fn match_stmt(&mut self, it: ast::StmtMatch, span: Span) -> StmtKind {
        let subject = match *it.subject {
            // The parser gives a bare tuple the place of the whole statement.
            ast::Expr::Tuple(tuple) if self.span(tuple.range).start == span.start => {
                let start = self.skip(span.start + "match".len() as u32);
                let elements = self.exprs(tuple.elts);
                let last = self.module[elements].last().copied();
                let end = last.map_or(start, |id| {
                    self.past_comma(self.module.exprs[id].span.end).end
                });
                self.push(ExprKind::Tuple(elements), Span::new(start, end))
            }
            // And it forgets the comma of `match a,:`.
            single => {
                let id = self.expr(single);
                let start = self.skip(span.start + "match".len() as u32);
                let after = self.past_comma(self.module.exprs[id].span.end);
                match after.has_comma {
                    true => {
                        let elements = self.module.push_list([id]);
                        self.push(ExprKind::Tuple(elements), Span::new(start, after.end))
                    }
                    false => id,
                }
            }
        };
        let cases: SmallVec<[Case; 8]> = it
            .cases
            .into_iter()
            .map(|case| Case {
                pattern: self.pattern(case.pattern),
                guard: self.opt(case.guard),
                body: self.block(case.body),
            })
            .collect();
        StmtKind::Match {
            subject,
            cases: self.module.push_list(cases),
        }
    }

    // Patterns.

    pub(super) fn patterns(&mut self, pats: Vec<ast::Pattern>) -> SmallVec<[PatId; 8]> {
        pats.into_iter().map(|it| self.pattern(it)).collect()
    }

    pub(super) fn pattern(&mut self, pattern: ast::Pattern) -> PatId {
        let span = self.span(pattern.range());
        let kind = if self.depth >= MAX_DEPTH {
            self.too_deep(span);
            PatKind::Value(self.push(ExprKind::Error, span))
        } else {
            self.depth += 1;
            let kind = self.pat_kind(pattern, span);
            self.depth -= 1;
            kind
        };
        self.module.pats.push(Pat { kind, span })
    }

    pub(super) fn pat_kind(&mut self, pattern: ast::Pattern, span: Span) -> PatKind {
        use ast::Pattern as P;
        match pattern {
            P::MatchValue(it) => PatKind::Value(self.expr(*it.value)),
            P::MatchSingleton(it) => {
                let kind = self.constant(it.value);
                PatKind::Value(self.push(kind, span))
            }
            P::MatchSequence(it) => {
                let pats = self.patterns(it.patterns);
                PatKind::Sequence(self.module.push_list(pats))
            }
            P::MatchMapping(it) => self.mapping(it, span),
            P::MatchClass(it) => {
                let cls = self.expr(*it.cls);
                let mut pats = self.patterns(it.patterns);
                pats.extend(self.patterns(it.kwd_patterns));
                PatKind::Class {
                    cls,
                    pats: self.module.push_list(pats),
                }
            }
            P::MatchStar(it) => PatKind::Star(it.name.map(|name| {
                let place = self.word_at(self.skip(span.start + 1));
                self.name_expr(&name, place)
            })),
            P::MatchAs(it) => match it.name {
                Some(name) => {
                    let pattern = it.pattern.map(|inner| self.pattern(*inner));
                    let place = self.word_before(span.end);
                    PatKind::Capture {
                        pattern,
                        name: self.name_expr(&name, place),
                    }
                }
                None => PatKind::Wildcard,
            },
            P::MatchOr(it) => {
                let pats = self.patterns(it.patterns);
                PatKind::Or(self.module.push_list(pats))
            }
        }
    }

    pub(super) fn mapping(&mut self, it: ast::PatternMatchMapping, span: Span) -> PatKind {
        let keys = self.exprs(it.keys);
        let pats = self.patterns(it.patterns);
        let rest = it.rest.map(|name| {
            let last = pats.last().map(|&id| self.module.pats[id].span.end);
            let mut at = self.skip(last.unwrap_or(span.start + 1));
            while matches!(self.byte(at), Some(b')' | b',' | b'*')) {
                at = self.skip(at + 1);
            }
            let place = self.word_at(at);
            self.name_expr(&name, place)
        });
        PatKind::Mapping {
            keys,
            pats: self.module.push_list(pats),
            rest,
        }
    }

    // Expressions.
}
