//! Statements, definitions and their parameters.

use rustpython_parser::ast::{self, Ranged};
use smallvec::SmallVec;

use super::exprs::binary_op;
use super::{Def, Lowerer, blank_func};
use crate::base::{Idx, Name, Span};
use crate::limits::MAX_DEPTH;
use crate::syntax::tree::{
    Alias, Block, Class, ClassId, ExprId, ExprKind, Func, FuncKind, Handler, List, Param,
    ParamKind, Stmt, StmtId, StmtKind, Try, WithItem,
};

impl Lowerer<'_> {
    pub(super) fn push_stmt(&mut self, kind: StmtKind, span: Span) -> StmtId {
        self.module.stmts.push(Stmt { kind, span })
    }

    pub(super) fn stmt(&mut self, stmt: ast::Stmt) -> StmtId {
        let span = self.span(stmt.range());
        if self.depth >= MAX_DEPTH {
            self.too_deep(span);
            return self.push_stmt(StmtKind::Error, span);
        }
        self.depth += 1;
        let id = match stmt {
            ast::Stmt::If(it) => self.if_stmt(it),
            other => {
                let kind = self.stmt_kind(other, span);
                self.push_stmt(kind, span)
            }
        };
        self.depth -= 1;
        id
    }

    pub(super) fn stmt_kind(&mut self, stmt: ast::Stmt, span: Span) -> StmtKind {
        use ast::Stmt as S;
        match stmt {
            S::FunctionDef(it) => self.def(
                Def {
                    name: it.name,
                    params: *it.args,
                    body: it.body,
                    decorators: it.decorator_list,
                    returns: it.returns,
                    type_params: it.type_params,
                    is_async: false,
                },
                span,
            ),
            S::AsyncFunctionDef(it) => self.def(
                Def {
                    name: it.name,
                    params: *it.args,
                    body: it.body,
                    decorators: it.decorator_list,
                    returns: it.returns,
                    type_params: it.type_params,
                    is_async: true,
                },
                span,
            ),
            S::ClassDef(it) => self.class(it, span),
            S::Return(it) => StmtKind::Return(self.opt(it.value)),
            S::Delete(it) => StmtKind::Delete(self.exprs(it.targets)),
            S::Assign(it) => StmtKind::Assign {
                targets: self.exprs(it.targets),
                value: self.expr(*it.value),
            },
            S::TypeAlias(it) => StmtKind::TypeAlias {
                name: self.expr(*it.name),
                type_params: self.type_params(it.type_params),
                value: self.expr(*it.value),
            },
            S::AugAssign(it) => StmtKind::AugAssign {
                op: binary_op(it.op),
                target: self.expr(*it.target),
                value: self.expr(*it.value),
            },
            S::AnnAssign(it) => StmtKind::AnnAssign {
                target: self.expr(*it.target),
                annotation: self.expr(*it.annotation),
                value: self.opt(it.value),
            },
            S::For(it) => StmtKind::For {
                is_async: false,
                target: self.expr(*it.target),
                iter: self.expr(*it.iter),
                body: self.block(it.body),
                orelse: self.block(it.orelse),
            },
            S::AsyncFor(it) => StmtKind::For {
                is_async: true,
                target: self.expr(*it.target),
                iter: self.expr(*it.iter),
                body: self.block(it.body),
                orelse: self.block(it.orelse),
            },
            S::While(it) => StmtKind::While {
                test: self.expr(*it.test),
                body: self.block(it.body),
                orelse: self.block(it.orelse),
            },
            S::If(_) => StmtKind::Error,
            S::With(it) => StmtKind::With {
                is_async: false,
                items: self.with_items(it.items),
                body: self.block(it.body),
            },
            S::AsyncWith(it) => StmtKind::With {
                is_async: true,
                items: self.with_items(it.items),
                body: self.block(it.body),
            },
            S::Match(it) => self.match_stmt(it, span),
            S::Raise(it) => StmtKind::Raise {
                exc: self.opt(it.exc),
                cause: self.opt(it.cause),
            },
            S::Try(it) => self.try_stmt(it.body, it.handlers, it.orelse, it.finalbody, false),
            S::TryStar(it) => self.try_stmt(it.body, it.handlers, it.orelse, it.finalbody, true),
            S::Assert(it) => StmtKind::Assert {
                test: self.expr(*it.test),
                message: self.opt(it.msg),
            },
            S::Import(it) => StmtKind::Import(self.aliases(it.names)),
            S::ImportFrom(it) => StmtKind::ImportFrom {
                module: it.module.map(|name| self.name(&name)),
                level: it.level.map_or(0, |level| level.to_u32()),
                names: self.aliases(it.names),
            },
            S::Global(it) => StmtKind::Global(self.names(&it.names)),
            S::Nonlocal(it) => StmtKind::Nonlocal(self.names(&it.names)),
            S::Expr(it) => StmtKind::Expr(self.expr(*it.value)),
            S::Pass(_) => StmtKind::Pass,
            S::Break(_) => StmtKind::Break,
            S::Continue(_) => StmtKind::Continue,
        }
    }

    /// An `if` with its whole `elif` ladder, without recursion along the ladder.
    pub(super) fn if_stmt(&mut self, first: ast::StmtIf) -> StmtId {
        let mut rungs: SmallVec<[(ExprId, Block, Span); 4]> = SmallVec::new();
        let mut next = first;
        let mut orelse = loop {
            let span = self.span(next.range);
            let test = self.expr(*next.test);
            let body = self.block(next.body);
            rungs.push((test, body, span));
            if matches!(next.orelse[..], [ast::Stmt::If(_)])
                && let Some(ast::Stmt::If(rung)) = next.orelse.pop()
            {
                next = rung;
            } else {
                break self.block(next.orelse);
            }
        };
        loop {
            let Some((test, body, span)) = rungs.pop() else {
                unreachable!("a ladder has a first rung, which returns below")
            };
            let id = self.push_stmt(StmtKind::If { test, body, orelse }, span);
            if rungs.is_empty() {
                return id;
            }
            orelse = self.module.push_list([id]);
        }
    }

    pub(super) fn def(&mut self, def: Def, span: Span) -> StmtKind {
        let name = self.name(&def.name);
        let id = self.module.funcs.push(blank_func(name, FuncKind::Def));
        let after_async = match def.is_async {
            true => self.skip(span.start + "async".len() as u32),
            false => span.start,
        };
        let name_span = self.word_at(self.skip(after_async + "def".len() as u32));
        let decorators = self.exprs(def.decorators);
        let type_params = self.type_params(def.type_params);
        let params = self.params(def.params);
        let returns = self.opt(def.returns);
        let body = self.body(def.body);
        self.module.funcs[id] = Func {
            name_span,
            span,
            is_async: def.is_async,
            params,
            decorators,
            returns,
            type_params,
            body,
            ..blank_func(name, FuncKind::Def)
        };
        StmtKind::Function(id)
    }

    pub(super) fn lambda(&mut self, lambda: ast::ExprLambda, span: Span) -> ExprKind {
        let name = self.module.names.intern("<lambda>");
        let id = self.module.funcs.push(blank_func(name, FuncKind::Lambda));
        let params = self.params(*lambda.args);
        let value = self.expr(*lambda.body);
        self.module.funcs[id] = Func {
            name_span: Span::new(span.start, span.start + "lambda".len() as u32),
            span,
            params,
            value: Some(value),
            ..blank_func(name, FuncKind::Lambda)
        };
        ExprKind::Lambda(id)
    }

    pub(super) fn class(&mut self, class: ast::StmtClassDef, span: Span) -> StmtKind {
        let name = self.name(&class.name);
        let name_span = self.word_at(self.skip(span.start + "class".len() as u32));
        let blank = Class {
            name,
            name_span,
            span,
            func: Idx::new(0),
            outer: None,
            var: Idx::new(0),
            scope: Idx::new(0),
            args: List::empty(),
            decorators: List::empty(),
            type_params: List::empty(),
            body: List::empty(),
        };
        let id: ClassId = self.module.classes.push(blank.clone());
        let decorators = self.exprs(class.decorator_list);
        let type_params = self.type_params(class.type_params);
        let args = self.args(class.bases, class.keywords);
        let body = self.body(class.body);
        self.module.classes[id] = Class {
            args,
            decorators,
            type_params,
            body,
            ..blank
        };
        StmtKind::Class(id)
    }

    pub(super) fn params(&mut self, params: ast::Arguments) -> List<Param> {
        let mut list: SmallVec<[Param; 8]> = SmallVec::new();
        for it in params.posonlyargs {
            list.push(self.param(it.def, it.default, ParamKind::PositionalOnly));
        }
        for it in params.args {
            list.push(self.param(it.def, it.default, ParamKind::Ordinary));
        }
        if let Some(it) = params.vararg {
            list.push(self.param(*it, None, ParamKind::VarArgs));
        }
        for it in params.kwonlyargs {
            list.push(self.param(it.def, it.default, ParamKind::KeywordOnly));
        }
        if let Some(it) = params.kwarg {
            list.push(self.param(*it, None, ParamKind::KwArgs));
        }
        self.module.push_list(list)
    }

    pub(super) fn param(
        &mut self,
        param: ast::Arg,
        default: Option<Box<ast::Expr>>,
        kind: ParamKind,
    ) -> Param {
        let start = self.span(param.range).start;
        Param {
            name: self.name(&param.arg),
            var: Idx::new(0),
            kind,
            annotation: self.opt(param.annotation),
            default: self.opt(default),
            span: self.word_at(start),
        }
    }

    pub(super) fn type_params(&mut self, params: Vec<ast::TypeParam>) -> List<Name> {
        let names: SmallVec<[Name; 4]> = params
            .iter()
            .map(|param| {
                self.name(match param {
                    ast::TypeParam::TypeVar(it) => &it.name,
                    ast::TypeParam::ParamSpec(it) => &it.name,
                    ast::TypeParam::TypeVarTuple(it) => &it.name,
                })
            })
            .collect();
        self.module.push_list(names)
    }

    pub(super) fn names(&mut self, names: &[ast::Identifier]) -> List<Name> {
        let names: SmallVec<[Name; 4]> = names.iter().map(|it| self.name(it)).collect();
        self.module.push_list(names)
    }

    pub(super) fn aliases(&mut self, aliases: Vec<ast::Alias>) -> List<Alias> {
        let list: SmallVec<[Alias; 4]> = aliases
            .into_iter()
            .map(|it| Alias {
                name: self.name(&it.name),
                asname: it.asname.map(|name| self.name(&name)),
                var: None,
                span: self.span(it.range),
            })
            .collect();
        self.module.push_list(list)
    }

    pub(super) fn with_items(&mut self, items: Vec<ast::WithItem>) -> List<WithItem> {
        let list: SmallVec<[WithItem; 2]> = items
            .into_iter()
            .map(|it| WithItem {
                context: self.expr(it.context_expr),
                target: self.opt(it.optional_vars),
            })
            .collect();
        self.module.push_list(list)
    }

    pub(super) fn try_stmt(
        &mut self,
        body: Vec<ast::Stmt>,
        handlers: Vec<ast::ExceptHandler>,
        orelse: Vec<ast::Stmt>,
        finally: Vec<ast::Stmt>,
        is_star: bool,
    ) -> StmtKind {
        let body = self.block(body);
        let list: SmallVec<[Handler; 2]> = handlers
            .into_iter()
            .map(|ast::ExceptHandler::ExceptHandler(it)| self.handler(it))
            .collect();
        let parts = Try {
            body,
            handlers: self.module.push_list(list),
            orelse: self.block(orelse),
            finally: self.block(finally),
            is_star,
        };
        StmtKind::Try(self.module.tries.push(parts))
    }

    pub(super) fn handler(&mut self, handler: ast::ExceptHandlerExceptHandler) -> Handler {
        let span = self.span(handler.range);
        let typ = self.opt(handler.type_);
        let name = handler.name.and_then(|name| {
            let mut at = self.skip(self.module.exprs[typ?].span.end);
            while self.byte(at) == Some(b')') {
                at = self.skip(at + 1);
            }
            let place = self.word_at(self.skip(at + "as".len() as u32));
            Some(self.name_expr(&name, place))
        });
        Handler {
            typ,
            name,
            body: self.block(handler.body),
            span,
        }
    }
}
