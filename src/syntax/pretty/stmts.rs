//! Statements, definitions, parameters and patterns.

use super::Printer;
use crate::base::{Name, Span};
use crate::syntax::tree::{
    Alias, Block, ClassId, ExprId, FuncId, List, ParamKind, PatId, PatKind, ScopeId, StmtId,
    StmtKind,
};

impl Printer<'_> {
    pub(super) fn stmts(&mut self, block: Block) {
        for &id in &self.module[block] {
            self.stmt(id);
        }
    }

    pub(super) fn block(&mut self, block: Block) {
        self.indent += 1;
        self.stmts(block);
        self.indent -= 1;
    }

    pub(super) fn clause(&mut self, head: &str, block: Block) {
        if !block.is_empty() {
            self.line(head);
            self.block(block);
        }
    }

    pub(super) fn stmt(&mut self, id: StmtId) {
        let stmt = self.module.stmts[id];
        match stmt.kind {
            StmtKind::Function(func) => return self.def(func, stmt.span),
            StmtKind::Class(class) => return self.class(class, stmt.span),
            StmtKind::If { .. } => return self.ladder(id),
            _ => {}
        }
        self.start();
        let mut blocks: [(&str, Block); 2] = [("", Block::empty()); 2];
        match stmt.kind {
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::Assign { targets, value } => {
                for &target in &self.module[targets] {
                    self.expr(target);
                    self.word(" = ");
                }
                self.expr(value);
            }
            StmtKind::AugAssign { op, target, value } => {
                self.expr(target);
                self.args_of(format_args!(" {}= ", op.text()));
                self.expr(value);
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                self.expr(target);
                self.word(": ");
                self.expr(annotation);
                self.opt(" = ", value);
            }
            StmtKind::Return(value) => {
                self.word("return");
                self.opt(" ", value);
            }
            StmtKind::Raise { exc, cause } => {
                self.word("raise");
                self.opt(" ", exc);
                self.opt(" from ", cause);
            }
            StmtKind::Delete(targets) => {
                self.word("del ");
                self.list(targets);
            }
            StmtKind::Pass => self.word("pass"),
            StmtKind::Break => self.word("break"),
            StmtKind::Continue => self.word("continue"),
            StmtKind::Global(names) => self.names("global ", names),
            StmtKind::Nonlocal(names) => self.names("nonlocal ", names),
            StmtKind::Import(aliases) => {
                self.word("import ");
                self.aliases(aliases);
            }
            StmtKind::ImportFrom {
                module,
                level,
                names,
            } => {
                self.args_of(format_args!("from {}", ".".repeat(level as usize)));
                module.into_iter().for_each(|it| self.name(it));
                self.word(" import ");
                self.aliases(names);
            }
            StmtKind::While { test, body, orelse } => {
                self.word("while ");
                self.expr(test);
                blocks = [("", body), ("else", orelse)];
            }
            StmtKind::For {
                is_async,
                target,
                iter,
                body,
                orelse,
            } => {
                self.word(if is_async { "async for " } else { "for " });
                self.expr(target);
                self.word(" in ");
                self.expr(iter);
                blocks = [("", body), ("else", orelse)];
            }
            StmtKind::With {
                is_async,
                items,
                body,
            } => {
                self.word(if is_async { "async with " } else { "with " });
                self.commas(&self.module[items], |p, item| {
                    p.expr(item.context);
                    p.opt(" as ", item.target);
                });
                blocks[0].1 = body;
            }
            StmtKind::Assert { test, message } => {
                self.word("assert ");
                self.expr(test);
                self.opt(", ", message);
            }
            StmtKind::TypeAlias {
                name,
                type_params,
                value,
            } => {
                self.word("type ");
                self.expr(name);
                self.type_params(type_params);
                self.word(" = ");
                self.expr(value);
            }
            StmtKind::Try(id) => {
                let parts = self.module.tries[id];
                self.word(if parts.is_star { "try*" } else { "try" });
                self.end(stmt.span);
                self.block(parts.body);
                for handler in &self.module[parts.handlers] {
                    self.start();
                    self.word("except");
                    self.opt(" ", handler.typ);
                    self.opt(" as ", handler.name);
                    self.end(handler.span);
                    self.block(handler.body);
                }
                self.clause("else", parts.orelse);
                return self.clause("finally", parts.finally);
            }
            StmtKind::Match { subject, cases } => {
                self.word("match ");
                self.expr(subject);
                self.end(stmt.span);
                self.indent += 1;
                for case in &self.module[cases] {
                    self.start();
                    self.word("case ");
                    self.pattern(case.pattern);
                    self.opt(" if ", case.guard);
                    self.word("\n");
                    self.block(case.body);
                }
                self.indent -= 1;
                return;
            }
            StmtKind::Error | StmtKind::If { .. } | StmtKind::Function(_) | StmtKind::Class(_) => {
                self.word("<error>")
            }
        }
        self.end(stmt.span);
        self.block(blocks[0].1);
        self.clause(blocks[1].0, blocks[1].1);
    }

    /// An `if` with its ladder, without recursion along the ladder.
    pub(super) fn ladder(&mut self, first: StmtId) {
        let mut next = first;
        let mut head = "if ";
        loop {
            let stmt = self.module.stmts[next];
            let StmtKind::If { test, body, orelse } = stmt.kind else {
                return;
            };
            self.start();
            self.word(head);
            self.expr(test);
            self.end(stmt.span);
            self.block(body);
            match self.module[orelse] {
                [rung] if matches!(self.module.stmts[rung].kind, StmtKind::If { .. }) => {
                    head = "elif ";
                    next = rung;
                }
                _ => return self.clause("else", orelse),
            }
        }
    }

    pub(super) fn def(&mut self, id: FuncId, span: Span) {
        let func = &self.module.funcs[id];
        self.decorators(func.decorators);
        self.start();
        self.word(if func.is_async { "async def " } else { "def " });
        self.name(func.name);
        self.span(func.name_span);
        self.word("/");
        self.bound(func.name, func.var);
        self.type_params(func.type_params);
        self.word("(");
        self.params(id);
        self.word(")");
        self.opt(" -> ", func.returns);
        self.end(span);
        let outside = std::mem::replace(&mut self.func, id);
        self.indent += 1;
        self.start();
        if func.is_generator {
            self.word("generator, ");
        }
        self.holder(func.parent, func.class);
        self.word(", free: [");
        self.commas(&func.free, |p, &var| p.var(var));
        self.word("]\n");
        self.scope(func.scope);
        self.stmts(func.body);
        self.indent -= 1;
        self.func = outside;
    }

    pub(super) fn holder(&mut self, parent: Option<FuncId>, class: Option<ClassId>) {
        self.word("in ");
        let scope = match (parent, class) {
            (_, Some(class)) => self.module.classes[class].scope,
            (Some(func), None) => self.module.funcs[func].scope,
            (None, None) => ScopeId::new(0),
        };
        let label = self.labels.get(scope.index()).cloned();
        self.word(&label.unwrap_or_default());
    }

    pub(super) fn class(&mut self, id: ClassId, span: Span) {
        let class = &self.module.classes[id];
        self.decorators(class.decorators);
        self.start();
        self.word("class ");
        self.name(class.name);
        self.span(class.name_span);
        self.word("/");
        self.bound(
            class.name,
            self.module.vars.get(class.var).map(|_| class.var),
        );
        self.type_params(class.type_params);
        self.word("(");
        self.args(class.args);
        self.word(")");
        self.end(span);
        self.indent += 1;
        self.start();
        self.holder(Some(class.func), class.outer);
        self.word("\n");
        self.scope(class.scope);
        self.stmts(class.body);
        self.indent -= 1;
    }

    pub(super) fn decorators(&mut self, decorators: List<ExprId>) {
        for &it in &self.module[decorators] {
            self.start();
            self.word("@");
            self.expr(it);
            self.word("\n");
        }
    }

    pub(super) fn type_params(&mut self, names: List<Name>) {
        if !names.is_empty() {
            self.names("[", names);
            self.word("]");
        }
    }

    pub(super) fn names(&mut self, head: &str, names: List<Name>) {
        self.word(head);
        self.commas(&self.module[names], |p, &name| p.name(name));
    }

    pub(super) fn params(&mut self, id: FuncId) {
        let func = &self.module.funcs[id];
        self.commas(&self.module[func.params], |p, param| {
            p.word(match param.kind {
                ParamKind::PositionalOnly => "/",
                ParamKind::Ordinary => "",
                ParamKind::VarArgs => "*",
                ParamKind::KeywordOnly => "=",
                ParamKind::KwArgs => "**",
            });
            p.name(param.name);
            p.span(param.span);
            p.opt(": ", param.annotation);
            p.opt(" = ", param.default);
        });
    }

    pub(super) fn aliases(&mut self, aliases: List<Alias>) {
        self.commas(&self.module[aliases], |p, alias| {
            p.name(alias.name);
            if let Some(name) = alias.asname {
                p.word(" as ");
                p.name(name);
            }
            if alias.var.is_some() {
                p.word("/");
                p.bound(alias.name, alias.var);
            }
            p.span(alias.span);
        });
    }

    // Patterns.

    pub(super) fn pattern(&mut self, id: PatId) {
        let pat = self.module.pats[id];
        match pat.kind {
            PatKind::Value(value) => self.expr(value),
            PatKind::Wildcard => self.word("_"),
            PatKind::Capture { pattern, name } => {
                self.word("(");
                if let Some(pattern) = pattern {
                    self.pattern(pattern);
                    self.word(" ");
                }
                self.word("as ");
                self.expr(name);
                self.word(")");
            }
            PatKind::Sequence(pats) => self.patterns("[", pats, "]"),
            PatKind::Mapping { keys, pats, rest } => {
                self.word("{");
                let entries = self.module[keys].iter().zip(&self.module[pats]);
                self.commas(entries, |p, (&key, &pat)| {
                    p.expr(key);
                    p.word(": ");
                    p.pattern(pat);
                });
                self.opt(" **", rest);
                self.word("}");
            }
            PatKind::Class { cls, pats } => {
                self.expr(cls);
                self.patterns("(", pats, ")");
            }
            PatKind::Star(name) => {
                self.word("*");
                self.opt("", name);
            }
            PatKind::Or(pats) => self.patterns("or(", pats, ")"),
        }
        self.span(pat.span);
    }

    pub(super) fn patterns(&mut self, head: &str, pats: List<PatId>, tail: &str) {
        self.word(head);
        self.commas(&self.module[pats], |p, &pat| p.pattern(pat));
        self.word(tail);
    }

    // Expressions.
}
