//! Statements, with the conditions that what follows stands under.

use super::Collector;
use super::binds::{From, Source};
use crate::facts::model::{ContextF, ContextKind, ResultKind, Rows, Usage, ValueId};
use crate::facts::reach;
use crate::syntax::tree::{self, Block, ExprId, List, PatId, PatKind, StmtId, StmtKind};

impl Collector<'_> {
    pub(super) fn block(&mut self, block: Block) {
        let around = self.context;
        for &stmt in &self.tree[block] {
            self.stmt(stmt);
            if let Some(kind) = self.rest_of_block(stmt) {
                self.enter(kind);
            }
        }
        self.context = around;
    }

    /// What the statements after this one stand under, because one of its branches leaves the block.
    pub(super) fn rest_of_block(&self, stmt: StmtId) -> Option<ContextKind> {
        match self.tree.stmts[stmt].kind {
            StmtKind::If { test, body, orelse } => {
                let test = self.sites.value(test)?;
                if self.leaves(body) {
                    Some(ContextKind::If {
                        test,
                        outcome: false,
                    })
                } else if self.leaves(orelse) {
                    Some(ContextKind::If {
                        test,
                        outcome: true,
                    })
                } else {
                    None
                }
            }
            StmtKind::Try(id) => {
                let parts = self.tree.tries[id];
                let falls_through = |it: &&tree::Handler| !self.leaves(it.body);
                if parts.finally.is_empty()
                    && (self.leaves(parts.body) || self.leaves(parts.orelse))
                {
                    let handler = self.tree[parts.handlers].iter().find(falls_through)?;
                    let types = handler.typ.and_then(|it| self.sites.value(it));
                    Some(ContextKind::Handler { types })
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Whether control never reaches the end of the block.
    pub(super) fn leaves(&self, block: Block) -> bool {
        let Some(&last) = self.tree[block].last() else {
            return false;
        };
        match self.tree.stmts[last].kind {
            StmtKind::Return(_) | StmtKind::Raise { .. } | StmtKind::Continue | StmtKind::Break => {
                true
            }
            StmtKind::If { body, orelse, .. } => self.leaves(body) && self.leaves(orelse),
            StmtKind::With { body, .. } => self.leaves(body),
            StmtKind::Try(id) => {
                let parts = self.tree.tries[id];
                self.leaves(parts.finally)
                    || (self.leaves(parts.body) || self.leaves(parts.orelse))
                        && self.tree[parts.handlers]
                            .iter()
                            .all(|it| self.leaves(it.body))
            }
            _ => false,
        }
    }

    pub(super) fn enter(&mut self, kind: ContextKind) {
        self.context = Some(self.out.contexts.push(ContextF {
            parent: self.context,
            kind,
        }));
    }

    pub(super) fn block_under(&mut self, kind: ContextKind, block: Block) {
        let around = self.context;
        self.enter(kind);
        self.block(block);
        self.context = around;
    }

    pub(super) fn stmt(&mut self, id: StmtId) {
        self.statements += 1;
        let stmt = self.tree.stmts[id];
        match stmt.kind {
            StmtKind::Expr(value) if self.tree.outputs.binary_search(&value).is_ok() => {
                let kept = self.expr(value, Usage::Stored);
                self.out.outputs.push((kept, self.tree.exprs[value].span));
            }
            StmtKind::Expr(value) => {
                self.expr(value, Usage::Discarded);
            }
            StmtKind::Assign { targets, value } => self.assign(targets, value),
            StmtKind::AugAssign { op, target, value } => {
                let given = self.expr(value, Usage::Tested);
                self.target(
                    target,
                    &Source {
                        value: Some(given),
                        of: From::Augment(op),
                    },
                );
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                // No version of CPython evaluates the annotation of a local.
                self.is_dead = self.func.index() > 0 && self.class.is_none();
                let hint = self.annotation(annotation);
                self.is_dead = false;
                self.target(
                    target,
                    &Source {
                        value: Some(hint),
                        of: From::Declare,
                    },
                );
                if let Some(value) = value {
                    let usage = self.usage_of_target(target);
                    let given = self.expr(value, usage);
                    self.target(
                        target,
                        &Source {
                            value: Some(given),
                            of: From::Whole,
                        },
                    );
                }
            }
            StmtKind::Return(value) => {
                let value = value.map(|it| self.expr(it, Usage::Returned));
                self.result(ResultKind::Return, value, stmt.span);
                self.reach.leave();
            }
            StmtKind::Raise { exc, cause } => {
                let value = exc.map(|it| self.expr(it, Usage::Raised));
                cause.map(|it| self.expr(it, Usage::Raised));
                self.result(ResultKind::Raise, value, stmt.span);
                self.reach.leave();
            }
            StmtKind::Delete(targets) => {
                for &target in &self.tree[targets] {
                    self.target(
                        target,
                        &Source {
                            value: None,
                            of: From::Delete,
                        },
                    );
                }
            }
            StmtKind::Break => {
                self.breaks = true;
                self.result(ResultKind::Break, None, stmt.span);
                self.reach.leave();
            }
            StmtKind::Continue => self.reach.leave(),
            StmtKind::Pass | StmtKind::Global(_) | StmtKind::Nonlocal(_) | StmtKind::Error => {}
            StmtKind::Import(names) => self.import(None, 0, names),
            StmtKind::ImportFrom {
                module,
                level,
                names,
            } => self.import(Some(module), level, names),
            StmtKind::If { test, body, orelse } => {
                let test = self.expr(test, Usage::Tested);
                let branches = [(true, body), (false, orelse)].map(|(outcome, block)| {
                    let mark = self.reach.fork();
                    self.block_under(ContextKind::If { test, outcome }, block);
                    self.reach.end_branch(mark)
                });
                self.reach.join(&branches);
            }
            StmtKind::While { test, body, orelse } => {
                let start = self.reach.start_loop(self.defs.len());
                let test = self.expr(test, Usage::Tested);
                let around = (self.context, std::mem::take(&mut self.breaks));
                let breaks = false;
                self.enter(ContextKind::While { test, breaks });
                let loops = self.context;
                self.block(body);
                if let (true, Some(id)) = (self.breaks, loops) {
                    let breaks = true;
                    self.out.contexts[id].kind = ContextKind::While { test, breaks };
                }
                (self.context, self.breaks) = around;
                self.end_loop(start, orelse);
            }
            StmtKind::For {
                target,
                iter,
                body,
                orelse,
                ..
            } => {
                let iter = self.expr(iter, Usage::Iterated);
                let around = self.context;
                let breaks = self.breaks;
                let start = self.reach.start_loop(self.defs.len());
                self.enter(ContextKind::For { iter });
                self.target(
                    target,
                    &Source {
                        value: Some(iter),
                        of: From::Element,
                    },
                );
                self.block(body);
                self.context = around;
                self.breaks = breaks;
                self.end_loop(start, orelse);
            }
            StmtKind::Try(id) => self.try_statement(id),
            StmtKind::With { items, body, .. } => {
                let around = self.context;
                for item in &self.tree[items] {
                    let manager = self.expr(item.context, Usage::Entered);
                    if let Some(target) = item.target {
                        self.target(
                            target,
                            &Source {
                                value: Some(manager),
                                of: From::With,
                            },
                        );
                    }
                    self.enter(ContextKind::With { manager });
                }
                self.block(body);
                self.context = around;
                // A manager may swallow what is raised.
                self.reach.widen(&self.defs, self.defs.len(), self.func);
            }
            StmtKind::Match { subject, cases } => self.match_statement(subject, cases),
            StmtKind::Function(func) => self.definition(func),
            StmtKind::Class(class) => self.class(class),
            StmtKind::Assert { test, message } => {
                self.expr(test, Usage::Tested);
                message.map(|it| self.expr(it, Usage::Raised));
            }
            StmtKind::TypeAlias { name, value, .. } => {
                let start = self.out.calls.len() as u32;
                let value = self.expr(value, Usage::Declared);
                let end = self.out.calls.len() as u32;
                self.lazy_calls.push(Rows { start, end });
                self.target(
                    name,
                    &Source {
                        value: Some(value),
                        of: From::Whole,
                    },
                );
            }
        }
    }

    pub(super) fn try_statement(&mut self, id: tree::TryId) {
        let parts = self.tree.tries[id];
        let start = self.defs.len();
        let around = self.reach.fork();
        let mark = self.reach.fork();
        if parts.handlers.is_empty() {
            self.block(parts.body);
        } else {
            self.block_under(ContextKind::Try, parts.body);
        }
        let body = self.reach.end_branch(mark);
        let end_of_body = self.defs.len();
        let mut branches = Vec::with_capacity(parts.handlers.len() + 1);
        for handler in &self.tree[parts.handlers] {
            let mark = self.reach.fork();
            self.reach
                .widen(&self.defs[..end_of_body], start, self.func);
            let types = handler.typ.map(|it| self.expr(it, Usage::Tested));
            let around = self.context;
            self.enter(ContextKind::Handler { types });
            if let Some(name) = handler.name {
                self.target(
                    name,
                    &Source {
                        value: types,
                        of: From::Except,
                    },
                );
            }
            self.block(handler.body);
            self.context = around;
            branches.push(self.reach.end_branch(mark));
        }
        let mark = self.reach.fork();
        self.reach.resume(&body);
        self.block_under(ContextKind::NotRaised, parts.orelse);
        branches.push(self.reach.end_branch(mark));
        self.reach.join(&branches);
        if !parts.finally.is_empty() {
            // It also runs when what went before was left anywhere.
            let before = self.reach.end_branch(around);
            self.reach.widen(&self.defs, start, self.func);
            self.block_under(ContextKind::Finally, parts.finally);
            self.reach.leave_if(before.is_dead());
        }
    }

    /// Ends a loop and walks its `else`, which a `break` passes by.
    pub(super) fn end_loop(&mut self, start: reach::Loop, orelse: Block) {
        self.reach.end_loop(start, &self.defs, self.func);
        if orelse.is_empty() {
            return;
        }
        let mark = self.reach.fork();
        self.block(orelse);
        let branch = self.reach.end_branch(mark);
        let passed_by = self.reach.end_branch(mark);
        self.reach.join(&[branch, passed_by]);
    }

    pub(super) fn match_statement(&mut self, subject: ExprId, cases: List<tree::Case>) {
        let subject = self.expr(subject, Usage::Tested);
        let mut branches = Vec::with_capacity(cases.len() + 1);
        for case in &self.tree[cases] {
            let mark = self.reach.fork();
            let around = self.context;
            let is_constant = self.is_constant_pattern(case.pattern);
            self.enter(ContextKind::Case {
                subject,
                is_constant,
            });
            self.pattern(case.pattern, Some(subject));
            if let Some(guard) = case.guard {
                let test = self.expr(guard, Usage::Tested);
                self.enter(ContextKind::If {
                    test,
                    outcome: true,
                });
            }
            self.block(case.body);
            self.context = around;
            branches.push(self.reach.end_branch(mark));
        }
        // None of them may match.
        branches.push(self.reach.end_branch(self.reach.fork()));
        self.reach.join(&branches);
    }

    pub(super) fn is_constant_pattern(&self, pattern: PatId) -> bool {
        match self.tree.pats[pattern].kind {
            PatKind::Value(_) => true,
            PatKind::Or(alternatives) => self.tree[alternatives]
                .iter()
                .all(|&it| self.is_constant_pattern(it)),
            PatKind::Capture {
                pattern: Some(inner),
                ..
            } => self.is_constant_pattern(inner),
            _ => false,
        }
    }

    pub(super) fn pattern(&mut self, pattern: PatId, subject: Option<ValueId>) {
        match self.tree.pats[pattern].kind {
            PatKind::Value(value) => {
                self.expr(value, Usage::Tested);
            }
            PatKind::Wildcard => {}
            PatKind::Capture { pattern, name } => {
                if let Some(inner) = pattern {
                    self.pattern(inner, subject);
                }
                self.target(
                    name,
                    &Source {
                        value: subject,
                        of: From::Capture,
                    },
                );
            }
            PatKind::Sequence(pats) | PatKind::Or(pats) => {
                for &pat in &self.tree[pats] {
                    self.pattern(pat, None);
                }
            }
            PatKind::Mapping { keys, pats, rest } => {
                for &key in &self.tree[keys] {
                    self.expr(key, Usage::Key);
                }
                for &pat in &self.tree[pats] {
                    self.pattern(pat, None);
                }
                if let Some(rest) = rest {
                    self.target(
                        rest,
                        &Source {
                            value: None,
                            of: From::Capture,
                        },
                    );
                }
            }
            PatKind::Class { cls, pats } => {
                self.expr(cls, Usage::Tested);
                for &pat in &self.tree[pats] {
                    self.pattern(pat, None);
                }
            }
            PatKind::Star(name) => {
                if let Some(name) = name {
                    self.target(
                        name,
                        &Source {
                            value: None,
                            of: From::Capture,
                        },
                    );
                }
            }
        }
    }
}
