//! Statements.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};
use smallvec::SmallVec;

use super::{Ctx, exprs, new_func, span};
use crate::base::{Idx, Name, Span};
use crate::syntax::tree::{
    Alias, Block, Case, Class, ExprId, FuncId, FuncKind, Handler, List, Stmt, StmtId, StmtKind,
    Try, VarId, WithItem,
};

impl<'a> Ctx<'a> {
    /// A statement of any kind.
    pub(super) fn stmt(&mut self, stmt: &'a ast::Stmt) -> StmtId {
        let mut span = span(stmt.range());
        let kind = match stmt {
            ast::Stmt::Expr(it) => StmtKind::Expr(self.expr(&it.value)),
            ast::Stmt::Assign(it) => StmtKind::Assign {
                targets: self.exprs(&it.targets),
                value: self.expr(&it.value),
            },
            ast::Stmt::AugAssign(it) => StmtKind::AugAssign {
                op: exprs::binary_op(it.op),
                target: self.expr(&it.target),
                value: self.expr(&it.value),
            },
            ast::Stmt::AnnAssign(it) => StmtKind::AnnAssign {
                target: self.expr(&it.target),
                annotation: self.expr(&it.annotation),
                value: self.opt_expr(it.value.as_deref()),
            },
            ast::Stmt::Return(it) => StmtKind::Return(self.opt_expr(it.value.as_deref())),
            ast::Stmt::Raise(it) => StmtKind::Raise {
                exc: self.opt_expr(it.exc.as_deref()),
                cause: self.opt_expr(it.cause.as_deref()),
            },
            ast::Stmt::Delete(it) => StmtKind::Delete(self.exprs(&it.targets)),
            ast::Stmt::Pass(_) => StmtKind::Pass,
            ast::Stmt::Break(_) => StmtKind::Break,
            ast::Stmt::Continue(_) => StmtKind::Continue,
            ast::Stmt::Global(it) => StmtKind::Global(self.name_list(&it.names)),
            ast::Stmt::Nonlocal(it) => StmtKind::Nonlocal(self.name_list(&it.names)),
            ast::Stmt::Import(it) => StmtKind::Import(self.aliases(&it.names)),
            ast::Stmt::ImportFrom(it) => StmtKind::ImportFrom {
                module: self.opt_name(it.module.as_ref()),
                level: it.level,
                names: self.aliases(&it.names),
            },
            ast::Stmt::Assert(it) => StmtKind::Assert {
                test: self.expr(&it.test),
                message: self.opt_expr(it.msg.as_deref()),
            },
            ast::Stmt::TypeAlias(it) => StmtKind::TypeAlias {
                name: self.expr(&it.name),
                type_params: self.type_params(it.type_params.as_deref()),
                value: self.expr(&it.value),
            },
            ast::Stmt::IpyEscapeCommand(_) => StmtKind::Error,
            _ if self.descend(stmt.range()) => {
                let kind = self.compound(stmt, &mut span);
                self.ascend();
                kind
            }
            _ => StmtKind::Error,
        };
        self.module.stmts.push(Stmt { kind, span })
    }

    /// A statement with blocks in it; `span` is corrected for decorated ones.
    fn compound(&mut self, stmt: &'a ast::Stmt, span: &mut Span) -> StmtKind {
        match stmt {
            ast::Stmt::If(it) => self.if_ladder(it),
            ast::Stmt::While(it) => StmtKind::While {
                test: self.expr(&it.test),
                body: self.block(&it.body),
                orelse: self.block(&it.orelse),
            },
            ast::Stmt::For(it) => StmtKind::For {
                is_async: it.is_async,
                target: self.expr(&it.target),
                iter: self.expr(&it.iter),
                body: self.block(&it.body),
                orelse: self.block(&it.orelse),
            },
            ast::Stmt::With(it) => StmtKind::With {
                is_async: it.is_async,
                items: self.items(&it.items),
                body: self.block(&it.body),
            },
            ast::Stmt::Try(it) => self.try_stmt(it),
            ast::Stmt::Match(it) => self.match_stmt(it),
            ast::Stmt::FunctionDef(it) => {
                span.start = self.definition_start(it.range, &it.decorator_list);
                self.function(it, *span)
            }
            ast::Stmt::ClassDef(it) => {
                span.start = self.definition_start(it.range, &it.decorator_list);
                self.class(it, *span)
            }
            _ => StmtKind::Error,
        }
    }

    /// `if` with its `elif` clauses, each of which becomes an `If` that ends where the whole statement ends.
    fn if_ladder(&mut self, stmt: &'a ast::StmtIf) -> StmtKind {
        let end = stmt.range.end();
        let test = self.expr(&stmt.test);
        let body = self.block(&stmt.body);
        let mut steps = SmallVec::<[(ExprId, Block, Span); 4]>::new();
        let mut orelse = Block::empty();
        for clause in &stmt.elif_else_clauses {
            if let Some(test) = &clause.test {
                let span = span(TextRange::new(clause.range.start(), end));
                steps.push((self.expr(test), self.block(&clause.body), span));
            } else {
                orelse = self.block(&clause.body);
            }
        }
        while let Some((test, body, span)) = steps.pop() {
            let kind = StmtKind::If { test, body, orelse };
            let nested = self.module.stmts.push(Stmt { kind, span });
            orelse = self.module.push_list([nested]);
        }
        StmtKind::If { test, body, orelse }
    }

    fn items(&mut self, items: &'a [ast::WithItem]) -> List<WithItem> {
        let mut read = SmallVec::<[WithItem; 2]>::new();
        for item in items {
            read.push(WithItem {
                context: self.expr(&item.context_expr),
                target: self.opt_expr(item.optional_vars.as_deref()),
            });
        }
        self.module.push_list(read)
    }

    fn try_stmt(&mut self, stmt: &'a ast::StmtTry) -> StmtKind {
        let body = self.block(&stmt.body);
        let mut handlers = SmallVec::<[Handler; 2]>::new();
        for ast::ExceptHandler::ExceptHandler(it) in &stmt.handlers {
            handlers.push(Handler {
                typ: self.opt_expr(it.type_.as_deref()),
                name: it.name.as_ref().map(|it| self.store(it)),
                body: self.block(&it.body),
                span: span(it.range),
            });
        }
        let handlers = self.module.push_list(handlers);
        let orelse = self.block(&stmt.orelse);
        let finally = self.block(&stmt.finalbody);
        StmtKind::Try(self.module.tries.push(Try {
            body,
            handlers,
            orelse,
            finally,
            is_star: stmt.is_star,
        }))
    }

    fn match_stmt(&mut self, stmt: &'a ast::StmtMatch) -> StmtKind {
        let subject = self.expr(&stmt.subject);
        let mut cases = SmallVec::<[Case; 4]>::new();
        for case in &stmt.cases {
            cases.push(Case {
                pattern: self.pattern(&case.pattern),
                guard: self.opt_expr(case.guard.as_deref()),
                body: self.block(&case.body),
            });
        }
        let cases = self.module.push_list(cases);
        StmtKind::Match { subject, cases }
    }

    fn function(&mut self, def: &'a ast::StmtFunctionDef, span: Span) -> StmtKind {
        let name = self.name(def.name.id.as_str());
        let id = self.module.funcs.push(new_func(FuncKind::Def, name));
        let decorators = self.decorators(&def.decorator_list);
        let type_params = self.type_params(def.type_params.as_deref());
        let params = self.params(&def.parameters);
        let returns = self.opt_expr(def.returns.as_deref());
        let body = self.body(&def.body);
        let func = &mut self.module.funcs[id];
        func.name_span = super::span(def.name.range);
        func.span = span;
        func.is_async = def.is_async;
        func.params = params;
        func.decorators = decorators;
        func.returns = returns;
        func.type_params = type_params;
        func.body = body;
        StmtKind::Function(id)
    }

    fn class(&mut self, def: &'a ast::StmtClassDef, span: Span) -> StmtKind {
        let name = self.name(def.name.id.as_str());
        let id = self.module.classes.push(Class {
            name,
            name_span: super::span(def.name.range),
            span,
            func: FuncId::new(0),
            outer: None,
            var: VarId::new(0),
            scope: Idx::new(0),
            args: List::empty(),
            decorators: List::empty(),
            type_params: List::empty(),
            body: Block::empty(),
        });
        let decorators = self.decorators(&def.decorator_list);
        let type_params = self.type_params(def.type_params.as_deref());
        let args = match &def.arguments {
            Some(arguments) => self.args(arguments),
            None => List::empty(),
        };
        let body = self.body(&def.body);
        let class = &mut self.module.classes[id];
        class.args = args;
        class.decorators = decorators;
        class.type_params = type_params;
        class.body = body;
        StmtKind::Class(id)
    }

    fn decorators(&mut self, decorators: &'a [ast::Decorator]) -> List<ExprId> {
        self.exprs(decorators.iter().map(|it| &it.expression))
    }

    /// Where the keyword of a definition stands: past its decorators and the blanks and comments after them.
    fn definition_start(&self, range: TextRange, decorators: &[ast::Decorator]) -> u32 {
        let Some(last) = decorators.last() else {
            return range.start().to_u32();
        };
        let bytes = self.text.as_bytes();
        let mut at = last.range.end().to_usize();
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'#' => {
                    let rest = &bytes[at..];
                    at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
                b' ' | b'\t' | b'\x0c' | b'\n' | b'\r' | b'\\' => at += 1,
                _ => break,
            }
        }
        at.min(range.end().to_usize()) as u32
    }

    fn name_list(&mut self, names: &[ast::Identifier]) -> List<Name> {
        let names: SmallVec<[Name; 4]> = names.iter().map(|it| self.name(it.id.as_str())).collect();
        self.module.push_list(names)
    }

    fn opt_name(&mut self, name: Option<&ast::Identifier>) -> Option<Name> {
        name.map(|it| self.name(it.id.as_str()))
    }

    fn aliases(&mut self, aliases: &[ast::Alias]) -> List<Alias> {
        let aliases: SmallVec<[Alias; 4]> = aliases
            .iter()
            .map(|it| Alias {
                name: self.name(it.name.id.as_str()),
                asname: self.opt_name(it.asname.as_ref()),
                var: None,
                span: span(it.range),
            })
            .collect();
        self.module.push_list(aliases)
    }
}
