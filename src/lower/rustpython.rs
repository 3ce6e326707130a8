//! The first door: `rustpython-parser`, the grammar of Python 3.11 and the type parameters of 3.12.
//!
//! The parser's tree is consumed as it is translated, so that long chains are freed link by link and not by recursion.
//! Its positions are corrected where they differ from CPython's; what it does not say (where a name stands) is looked
//! up in the text next to its neighbour. Scopes and variables stay placeholders for `resolve`.

use std::borrow::Cow;

use rustpython_parser::ast::{self, Ranged};
use rustpython_parser::lexer::{self, LexResult, LexicalError, LexicalErrorType};
use rustpython_parser::text_size::TextRange;
use rustpython_parser::{Mode, ParseErrorType, Tok, parse_tokens};
use smallvec::SmallVec;
use unicode_normalization::UnicodeNormalization;

use super::{Lowered, SyntaxError, in_our_style, pragmas};
use crate::base::{Idx, Name, Span};
use crate::limits::{MAX_DEPTH, MAX_PARSER_DEPTH, MAX_STRING_TEXT};
use crate::syntax::tree::{
    Alias, Arg, ArgKind, BinaryOp, Block, Case, Class, ClassId, Clause, Comp, CompKind, CompareOp,
    Expr, ExprId, ExprKind, Func, FuncId, FuncKind, Handler, List, Module, Param, ParamKind, Pat,
    PatId, PatKind, Stmt, StmtId, StmtKind, Try, UnaryOp, WithItem,
};

const TOO_DEEP: &str = "nested too deeply";

/// Parses `text` and translates the parser's tree; names are not resolved yet.
///
/// Runs on a thread with a stack of [`STACK_SIZE`](crate::limits::STACK_SIZE): the parser's trees are freed by recursion.
pub(super) fn lower(text: &str) -> Lowered {
    let mut door = Lowerer {
        text,
        module: Module::default(),
        errors: Vec::new(),
        depth: 0,
        skipped_returns: Vec::new(),
    };
    door.module_func();
    match parse(text) {
        Ok(body) => {
            let body = door.body(body);
            door.module.funcs[Idx::new(0)].body = body;
        }
        Err(error) => door.errors.push(error),
    }
    door.module.pragmas = pragmas::find(text);
    Lowered {
        module: door.module,
        errors: door.errors,
    }
}

/// Parses `text` unless its tokens promise a tree too deep to be freed.
fn parse(text: &str) -> Result<Vec<ast::Stmt>, SyntaxError> {
    let tokens = DepthGate::new(lexer::lex(text, Mode::Module));
    match parse_tokens(tokens, Mode::Module, "") {
        Ok(ast::Mod::Module(module)) => Ok(module.body),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(SyntaxError {
            message: message(&error.error),
            span: char_at(text, u32::from(error.offset)),
        }),
    }
}

/// The parser's complaint in our style: lower-case, without a final period.
fn message(error: &ParseErrorType) -> String {
    let text = match error {
        ParseErrorType::Eof => "unexpected end of file".into(),
        ParseErrorType::UnrecognizedToken(Tok::Indent, _) => "unexpected indent".into(),
        ParseErrorType::UnrecognizedToken(_, Some(expected)) if expected == "Indent" => {
            "expected an indented block".into()
        }
        ParseErrorType::UnrecognizedToken(Tok::Newline, _) => "unexpected end of line".into(),
        ParseErrorType::UnrecognizedToken(token, _) | ParseErrorType::ExtraToken(token) => {
            format!("unexpected token {token}")
        }
        other => other.to_string(),
    };
    in_our_style(text)
}

/// The character at or before `offset`.
fn char_at(text: &str, offset: u32) -> Span {
    let mut start = (offset as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let len = text[start..].chars().next().map_or(0, char::len_utf8);
    Span::new(start as u32, (start + len) as u32)
}

/// Passes tokens on and ends with an error when the tree they make could be deeper than [`MAX_PARSER_DEPTH`].
///
/// Counts, per open bracket, the tokens that can put one node under another. A comma ends an operand, so it takes back
/// the count of its bracket, except for `lambda`s, whose parameters have commas of their own.
struct DepthGate<I> {
    tokens: I,
    levels: Vec<Level>,
    total: usize,
    elifs: usize,
}

#[derive(Default)]
struct Level {
    operators: usize,
    lambdas: usize,
}

impl<I> DepthGate<I> {
    fn new(tokens: I) -> Self {
        Self {
            tokens,
            levels: vec![Level::default()],
            total: 0,
            elifs: 0,
        }
    }

    fn add(&mut self, operators: usize, lambdas: usize) {
        self.total += operators + lambdas;
        if let Some(level) = self.levels.last_mut() {
            level.operators += operators;
            level.lambdas += lambdas;
        }
    }

    fn count(&mut self, token: &Tok) {
        match token {
            Tok::Lpar | Tok::Lsqb | Tok::Lbrace => {
                self.add(1, 0);
                self.levels.push(Level::default());
            }
            Tok::Rpar | Tok::Rsqb | Tok::Rbrace => {
                if self.levels.len() > 1
                    && let Some(closed) = self.levels.pop()
                {
                    self.total -= closed.operators + closed.lambdas;
                }
            }
            Tok::Comma => {
                if let Some(level) = self.levels.last_mut() {
                    self.total -= level.operators;
                    level.operators = 0;
                }
            }
            Tok::Newline | Tok::Semi => {
                self.levels.truncate(1);
                self.levels[0] = Level::default();
                self.total = 0;
            }
            Tok::Elif => self.elifs += 1,
            Tok::Lambda => self.add(0, 1),
            Tok::Plus
            | Tok::Minus
            | Tok::Star
            | Tok::Slash
            | Tok::Vbar
            | Tok::Amper
            | Tok::Percent
            | Tok::Dot
            | Tok::Tilde
            | Tok::CircumFlex
            | Tok::LeftShift
            | Tok::RightShift
            | Tok::DoubleStar
            | Tok::DoubleSlash
            | Tok::At
            | Tok::ColonEqual
            | Tok::Not
            | Tok::Await
            | Tok::Yield
            | Tok::If => self.add(1, 0),
            Tok::String { value, kind, .. }
                if kind.is_any_fstring() && value.len() > MAX_PARSER_DEPTH =>
            {
                let marks = value.bytes().filter(|b| !b.is_ascii_alphanumeric()).count();
                self.add(marks, 0);
            }
            _ => {}
        }
    }
}

impl<I: Iterator<Item = LexResult>> Iterator for DepthGate<I> {
    type Item = LexResult;

    fn next(&mut self) -> Option<LexResult> {
        let next = self.tokens.next()?;
        if let Ok((token, range)) = &next {
            self.count(token);
            if self.total.max(self.elifs) > MAX_PARSER_DEPTH {
                return Some(Err(LexicalError {
                    error: LexicalErrorType::OtherError(TOO_DEEP.into()),
                    location: range.start(),
                }));
            }
        }
        Some(next)
    }
}

/// One link of a chain that leans to the left, without its left end.
enum Link {
    Binary(BinaryOp, ast::Expr),
    Attr(ast::Identifier),
    Call(Vec<ast::Expr>, Vec<ast::Keyword>),
    Subscript(ast::Expr),
}

/// The parts of a `def`, plain or `async`.
struct Def {
    name: ast::Identifier,
    params: ast::Arguments,
    body: Vec<ast::Stmt>,
    decorators: Vec<ast::Expr>,
    returns: Option<Box<ast::Expr>>,
    type_params: Vec<ast::TypeParam>,
    is_async: bool,
}

type Ids = SmallVec<[ExprId; 8]>;

struct Lowerer<'t> {
    text: &'t str,
    module: Module,
    errors: Vec<SyntaxError>,
    depth: u32,
    /// Inside an f-string with CR LF line ends: positions, as the parser counts them, after which one byte is missing.
    skipped_returns: Vec<u32>,
}

impl Lowerer<'_> {
    fn module_func(&mut self) {
        let name = self.module.names.intern("<module>");
        self.module.funcs.push(Func {
            name,
            name_span: Span::default(),
            span: Span::new(0, self.text.len() as u32),
            ..blank_func(name, FuncKind::Module)
        });
    }

    // Statements.

    /// A body whose first statement may be a docstring.
    fn body(&mut self, mut stmts: Vec<ast::Stmt>) -> Block {
        if stmts.first().is_some_and(is_docstring) {
            stmts.remove(0);
        }
        self.block(stmts)
    }

    fn block(&mut self, stmts: Vec<ast::Stmt>) -> Block {
        let ids: SmallVec<[StmtId; 16]> = stmts.into_iter().map(|it| self.stmt(it)).collect();
        self.module.push_list(ids)
    }

    fn push_stmt(&mut self, kind: StmtKind, span: Span) -> StmtId {
        self.module.stmts.push(Stmt { kind, span })
    }

    fn stmt(&mut self, stmt: ast::Stmt) -> StmtId {
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

    fn stmt_kind(&mut self, stmt: ast::Stmt, span: Span) -> StmtKind {
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
    fn if_stmt(&mut self, first: ast::StmtIf) -> StmtId {
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

    fn def(&mut self, def: Def, span: Span) -> StmtKind {
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

    fn lambda(&mut self, lambda: ast::ExprLambda, span: Span) -> ExprKind {
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

    fn class(&mut self, class: ast::StmtClassDef, span: Span) -> StmtKind {
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

    fn params(&mut self, params: ast::Arguments) -> List<Param> {
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

    fn param(
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

    fn type_params(&mut self, params: Vec<ast::TypeParam>) -> List<Name> {
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

    fn names(&mut self, names: &[ast::Identifier]) -> List<Name> {
        let names: SmallVec<[Name; 4]> = names.iter().map(|it| self.name(it)).collect();
        self.module.push_list(names)
    }

    fn aliases(&mut self, aliases: Vec<ast::Alias>) -> List<Alias> {
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

    fn with_items(&mut self, items: Vec<ast::WithItem>) -> List<WithItem> {
        let list: SmallVec<[WithItem; 2]> = items
            .into_iter()
            .map(|it| WithItem {
                context: self.expr(it.context_expr),
                target: self.opt(it.optional_vars),
            })
            .collect();
        self.module.push_list(list)
    }

    fn try_stmt(
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

    fn handler(&mut self, handler: ast::ExceptHandlerExceptHandler) -> Handler {
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

    fn match_stmt(&mut self, it: ast::StmtMatch, span: Span) -> StmtKind {
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

    fn patterns(&mut self, pats: Vec<ast::Pattern>) -> SmallVec<[PatId; 8]> {
        pats.into_iter().map(|it| self.pattern(it)).collect()
    }

    fn pattern(&mut self, pattern: ast::Pattern) -> PatId {
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

    fn pat_kind(&mut self, pattern: ast::Pattern, span: Span) -> PatKind {
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

    fn mapping(&mut self, it: ast::PatternMatchMapping, span: Span) -> PatKind {
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

    fn push(&mut self, kind: ExprKind, span: Span) -> ExprId {
        self.module.exprs.push(Expr { kind, span })
    }

    fn name_expr(&mut self, name: &str, span: Span) -> ExprId {
        let name = self.name(name);
        self.push(ExprKind::Name { name, var: None }, span)
    }

    fn opt(&mut self, expr: Option<Box<ast::Expr>>) -> Option<ExprId> {
        expr.map(|it| self.expr(*it))
    }

    fn ids(&mut self, exprs: Vec<ast::Expr>) -> Ids {
        exprs.into_iter().map(|it| self.expr(it)).collect()
    }

    fn exprs(&mut self, exprs: Vec<ast::Expr>) -> List<ExprId> {
        let ids = self.ids(exprs);
        self.module.push_list(ids)
    }

    /// An expression; chains that lean to the left are walked along their spine.
    fn expr(&mut self, expr: ast::Expr) -> ExprId {
        if self.depth >= MAX_DEPTH {
            let span = self.span(expr.range());
            self.too_deep(span);
            return self.push(ExprKind::Error, span);
        }
        self.depth += 1;
        let mut links: SmallVec<[(Link, Span); 4]> = SmallVec::new();
        let mut left = expr;
        let innermost = loop {
            let span = self.span(left.range());
            left = match left {
                ast::Expr::BinOp(it) => {
                    links.push((Link::Binary(binary_op(it.op), *it.right), span));
                    *it.left
                }
                ast::Expr::Attribute(it) => {
                    links.push((Link::Attr(it.attr), span));
                    *it.value
                }
                ast::Expr::Call(it) => {
                    links.push((Link::Call(it.args, it.keywords), span));
                    *it.func
                }
                ast::Expr::Subscript(it) => {
                    links.push((Link::Subscript(*it.slice), span));
                    *it.value
                }
                other => break other,
            };
        };
        let mut id = self.leaf(innermost);
        while let Some((link, span)) = links.pop() {
            let kind = match link {
                Link::Binary(op, right) => ExprKind::Binary {
                    op,
                    left: id,
                    right: self.expr(right),
                },
                Link::Attr(name) => ExprKind::Attr {
                    base: id,
                    name: self.name(&name),
                },
                Link::Call(args, keywords) => ExprKind::Call {
                    callee: id,
                    args: self.args(args, keywords),
                },
                Link::Subscript(index) => ExprKind::Subscript {
                    base: id,
                    index: self.index(index),
                },
            };
            id = self.push(kind, span);
        }
        self.depth -= 1;
        id
    }

    /// An index; `a[*b]` is indexed by a tuple.
    fn index(&mut self, index: ast::Expr) -> ExprId {
        let is_starred = index.is_starred_expr();
        let id = self.expr(index);
        if !is_starred {
            return id;
        }
        let span = self.module.exprs[id].span;
        let elements = self.module.push_list([id]);
        self.push(ExprKind::Tuple(elements), span)
    }

    /// An expression that starts no left-leaning chain.
    fn leaf(&mut self, expr: ast::Expr) -> ExprId {
        use ast::Expr as E;
        let span = self.span(expr.range());
        let kind = match expr {
            E::Name(it) => return self.name_expr(&it.id, span),
            E::Constant(it) => self.constant(it.value),
            E::BoolOp(it) => {
                let values = self.exprs(it.values);
                match it.op {
                    ast::BoolOp::And => ExprKind::And(values),
                    ast::BoolOp::Or => ExprKind::Or(values),
                }
            }
            E::NamedExpr(it) => return self.walrus(it, span),
            E::UnaryOp(it) => ExprKind::Unary {
                op: match it.op {
                    ast::UnaryOp::Not => UnaryOp::Not,
                    ast::UnaryOp::USub => UnaryOp::Neg,
                    ast::UnaryOp::UAdd => UnaryOp::Pos,
                    ast::UnaryOp::Invert => UnaryOp::Invert,
                },
                operand: self.expr(*it.operand),
            },
            E::Lambda(it) => self.lambda(it, span),
            E::IfExp(it) => {
                let body = self.expr(*it.body);
                ExprKind::IfElse {
                    test: self.expr(*it.test),
                    body,
                    orelse: self.expr(*it.orelse),
                }
            }
            E::Dict(it) => self.dict(it),
            E::Set(it) => ExprKind::Set(self.exprs(it.elts)),
            E::List(it) => ExprKind::List(self.exprs(it.elts)),
            E::Tuple(it) => ExprKind::Tuple(self.exprs(it.elts)),
            E::ListComp(it) => self.comp(CompKind::List, *it.elt, None, it.generators),
            E::SetComp(it) => self.comp(CompKind::Set, *it.elt, None, it.generators),
            E::DictComp(it) => self.comp(CompKind::Dict, *it.key, Some(it.value), it.generators),
            E::GeneratorExp(it) => self.comp(CompKind::Generator, *it.elt, None, it.generators),
            E::Await(it) => ExprKind::Await(self.expr(*it.value)),
            E::Yield(it) => ExprKind::Yield(self.opt(it.value)),
            E::YieldFrom(it) => ExprKind::YieldFrom(self.expr(*it.value)),
            E::Starred(it) => ExprKind::Starred(self.expr(*it.value)),
            E::Slice(it) => ExprKind::Slice {
                lo: self.opt(it.lower),
                hi: self.opt(it.upper),
                step: self.opt(it.step),
            },
            E::Compare(it) => self.compare(it),
            E::JoinedStr(it) => self.fstring(it),
            E::FormattedValue(it) => self.expr_kind(*it.value),
            other @ (E::BinOp(_) | E::Attribute(_) | E::Call(_) | E::Subscript(_)) => {
                self.expr_kind(other)
            }
        };
        self.push(kind, span)
    }

    /// The kind of an expression that is pushed once more in another place.
    fn expr_kind(&mut self, expr: ast::Expr) -> ExprKind {
        let id = self.expr(expr);
        self.module.exprs[id].kind
    }

    fn constant(&mut self, value: ast::Constant) -> ExprKind {
        use ast::Constant as C;
        match value {
            C::None => ExprKind::None,
            C::Bool(it) => ExprKind::Bool(it),
            C::Ellipsis => ExprKind::Ellipsis,
            C::Str(it) => ExprKind::Str {
                len: it.chars().count() as u32,
                text: (it.len() <= MAX_STRING_TEXT).then(|| self.module.names.intern(&it)),
            },
            C::Bytes(it) => ExprKind::Bytes {
                len: it.len() as u32,
            },
            C::Int(it) => ExprKind::Int(i64::try_from(&it).unwrap_or(i64::MAX)),
            C::Float(it) => ExprKind::Float(it as i32),
            C::Complex { .. } => ExprKind::Float(0),
            C::Tuple(_) => ExprKind::Error,
        }
    }

    /// `target := value`. The parser's range leaves out closing parentheses of the value.
    fn walrus(&mut self, it: ast::ExprNamedExpr, mut span: Span) -> ExprId {
        let target = self.expr(*it.target);
        let value = self.expr(*it.value);
        let mut at = self.skip(self.module.exprs[target].span.end) + ":=".len() as u32;
        let place = self.module.exprs[value].span;
        span.end = span.end.max(place.end);
        at = self.skip(at);
        while at < place.start && self.byte(at) == Some(b'(') {
            span.end = self.skip(span.end) + 1;
            at = self.skip(at + 1);
        }
        self.push(ExprKind::Walrus { target, value }, span)
    }

    fn dict(&mut self, it: ast::ExprDict) -> ExprKind {
        let mut keys: SmallVec<[Option<ExprId>; 8]> = SmallVec::new();
        let mut values = Ids::new();
        for (key, value) in it.keys.into_iter().zip(it.values) {
            keys.push(key.map(|it| self.expr(it)));
            values.push(self.expr(value));
        }
        ExprKind::Dict {
            keys: self.module.push_list(keys),
            values: self.module.push_list(values),
        }
    }

    /// A comparison; the links of a chain share the operand between them.
    fn compare(&mut self, it: ast::ExprCompare) -> ExprKind {
        let mut left = self.expr(*it.left);
        let mut links: SmallVec<[ExprKind; 2]> = SmallVec::new();
        for (op, right) in it.ops.into_iter().zip(it.comparators) {
            let right = self.expr(right);
            let op = compare_op(op);
            links.push(ExprKind::Compare { op, left, right });
            left = right;
        }
        if let [single] = links[..] {
            return single;
        }
        let ids: Ids = links
            .into_iter()
            .map(|kind| {
                let ExprKind::Compare { left, right, .. } = kind else {
                    unreachable!("only comparisons were pushed")
                };
                let span = self.module.exprs[left]
                    .span
                    .cover(self.module.exprs[right].span);
                self.push(kind, span)
            })
            .collect();
        ExprKind::And(self.module.push_list(ids))
    }

    /// Arguments in the order of the text; the parser keeps positional and keyword ones apart.
    fn args(&mut self, positional: Vec<ast::Expr>, keywords: Vec<ast::Keyword>) -> List<Arg> {
        let mut list: SmallVec<[Arg; 8]> = SmallVec::new();
        let mut keywords = keywords.into_iter().peekable();
        for it in positional {
            while let Some(earlier) = keywords.next_if(|key| key.range.start() < it.start()) {
                list.push(self.keyword(earlier));
            }
            list.push(match it {
                ast::Expr::Starred(it) => Arg {
                    kind: ArgKind::Star,
                    value: self.expr(*it.value),
                },
                other => Arg {
                    kind: ArgKind::Positional,
                    value: self.expr(other),
                },
            });
        }
        for it in keywords {
            list.push(self.keyword(it));
        }
        self.module.push_list(list)
    }

    fn keyword(&mut self, it: ast::Keyword) -> Arg {
        Arg {
            kind: match it.arg {
                Some(name) => ArgKind::Keyword(self.name(&name)),
                None => ArgKind::DoubleStar,
            },
            value: self.expr(it.value),
        }
    }

    fn comp(
        &mut self,
        kind: CompKind,
        element: ast::Expr,
        value: Option<Box<ast::Expr>>,
        generators: Vec<ast::Comprehension>,
    ) -> ExprKind {
        let element = self.expr(element);
        let value = self.opt(value);
        let clauses: SmallVec<[Clause; 2]> = generators
            .into_iter()
            .map(|it| Clause {
                is_async: it.is_async,
                target: self.expr(it.target),
                iter: self.expr(it.iter),
                tests: self.exprs(it.ifs),
            })
            .collect();
        let comp = Comp {
            kind,
            element,
            value,
            clauses: self.module.push_list(clauses),
            scope: Idx::new(0),
        };
        ExprKind::Comp(self.module.comps.push(comp))
    }

    fn fstring(&mut self, it: ast::ExprJoinedStr) -> ExprKind {
        let mut holes = Ids::new();
        self.holes(it.values, &mut holes);
        ExprKind::FString {
            holes: self.module.push_list(holes),
        }
    }

    fn holes(&mut self, parts: Vec<ast::Expr>, holes: &mut Ids) {
        for part in parts {
            if let ast::Expr::FormattedValue(hole) = part {
                let is_outermost = self.note_returns(hole.range);
                holes.push(self.hole(*hole.value));
                if let Some(spec) = hole.format_spec
                    && let ast::Expr::JoinedStr(spec) = *spec
                {
                    self.holes(spec.values, holes);
                }
                if is_outermost {
                    self.skipped_returns.clear();
                }
            }
        }
    }

    /// The expression in a hole. The parser reads it as `(…)`, so that a bare tuple takes the braces for parentheses.
    fn hole(&mut self, value: ast::Expr) -> ExprId {
        let is_tuple = value.is_tuple_expr();
        let id = self.expr(value);
        let span = self.module.exprs[id].span;
        if is_tuple && self.byte(span.start) == Some(b'{') {
            let inside = &self.text[span.start as usize + 1..span.end as usize - 1];
            let start = span.end - 1 - inside.trim_start().len() as u32;
            let end = span.start + 1 + inside.trim_end().len() as u32;
            self.module.exprs[id].span = Span::new(start, end);
        }
        id
    }

    /// Notes the CR LF line ends inside the string token at `range`, which the parser counted as one byte each.
    fn note_returns(&mut self, range: TextRange) -> bool {
        if !self.skipped_returns.is_empty() {
            return false;
        }
        let start = usize::from(range.start());
        let token = &self.text.as_bytes()[start..usize::from(range.end())];
        for at in memchr::memmem::find_iter(token, b"\r\n") {
            let counted = start + at - self.skipped_returns.len();
            self.skipped_returns.push(counted as u32);
        }
        !self.skipped_returns.is_empty()
    }

    // Places.

    fn span(&self, range: TextRange) -> Span {
        Span::new(
            self.offset(range.start().into()),
            self.offset(range.end().into()),
        )
    }

    fn offset(&self, counted: u32) -> u32 {
        counted + self.skipped_returns.partition_point(|&at| at < counted) as u32
    }

    fn byte(&self, at: u32) -> Option<u8> {
        self.text.as_bytes().get(at as usize).copied()
    }

    /// Past white space, line ends, comments and continued lines.
    fn skip(&self, mut at: u32) -> u32 {
        while let Some(byte) = self.byte(at) {
            match byte {
                b' ' | b'\t' | b'\x0c' | b'\n' | b'\r' | b'\\' => at += 1,
                b'#' => {
                    while !matches!(self.byte(at), None | Some(b'\n' | b'\r')) {
                        at += 1;
                    }
                }
                _ => break,
            }
        }
        at
    }

    /// Past closing parentheses and a comma after an operand.
    fn past_comma(&self, mut end: u32) -> PastComma {
        let mut has_comma = false;
        loop {
            let at = self.skip(end);
            match self.byte(at) {
                Some(b')') if !has_comma => end = at + 1,
                Some(b',') if !has_comma => {
                    end = at + 1;
                    has_comma = true;
                }
                _ => return PastComma { end, has_comma },
            }
        }
    }

    /// The identifier that starts at `at`.
    fn word_at(&self, at: u32) -> Span {
        let rest = self.text.as_bytes().get(at as usize..).unwrap_or_default();
        let len = rest.iter().take_while(|&&byte| is_word(byte)).count();
        Span::new(at, at + len as u32)
    }

    /// The identifier that ends at `end`.
    fn word_before(&self, end: u32) -> Span {
        let head = self.text.as_bytes().get(..end as usize).unwrap_or_default();
        let len = head.iter().rev().take_while(|&&byte| is_word(byte)).count();
        Span::new(end - len as u32, end)
    }

    /// An identifier in normal form NFKC, as Python compares them.
    fn name(&mut self, text: &str) -> Name {
        let text: Cow<'_, str> = match text.is_ascii() {
            true => text.into(),
            false => text.nfkc().collect::<String>().into(),
        };
        self.module.names.intern(&text)
    }

    fn too_deep(&mut self, span: Span) {
        if self.errors.is_empty() {
            self.errors.push(SyntaxError {
                message: TOO_DEEP.into(),
                span: char_at(self.text, span.start),
            });
        }
    }
}

struct PastComma {
    end: u32,
    has_comma: bool,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_docstring(stmt: &ast::Stmt) -> bool {
    let ast::Stmt::Expr(stmt) = stmt else {
        return false;
    };
    matches!(&*stmt.value, ast::Expr::Constant(it) if it.value.is_str())
}

fn blank_func(name: Name, kind: FuncKind) -> Func {
    Func {
        name,
        name_span: Span::default(),
        span: Span::default(),
        kind,
        is_async: false,
        is_generator: false,
        parent: (kind != FuncKind::Module).then(|| FuncId::new(0)),
        class: None,
        var: None,
        scope: Idx::new(0),
        params: List::empty(),
        decorators: List::empty(),
        returns: None,
        type_params: List::empty(),
        body: List::empty(),
        value: None,
        free: Vec::new(),
    }
}

fn binary_op(op: ast::Operator) -> BinaryOp {
    match op {
        ast::Operator::Add => BinaryOp::Add,
        ast::Operator::Sub => BinaryOp::Sub,
        ast::Operator::Mult => BinaryOp::Mul,
        ast::Operator::MatMult => BinaryOp::MatMul,
        ast::Operator::Div => BinaryOp::Div,
        ast::Operator::Mod => BinaryOp::Mod,
        ast::Operator::Pow => BinaryOp::Pow,
        ast::Operator::LShift => BinaryOp::LShift,
        ast::Operator::RShift => BinaryOp::RShift,
        ast::Operator::BitOr => BinaryOp::BitOr,
        ast::Operator::BitXor => BinaryOp::BitXor,
        ast::Operator::BitAnd => BinaryOp::BitAnd,
        ast::Operator::FloorDiv => BinaryOp::FloorDiv,
    }
}

fn compare_op(op: ast::CmpOp) -> CompareOp {
    match op {
        ast::CmpOp::Eq => CompareOp::Eq,
        ast::CmpOp::NotEq => CompareOp::NotEq,
        ast::CmpOp::Lt => CompareOp::Lt,
        ast::CmpOp::LtE => CompareOp::LtE,
        ast::CmpOp::Gt => CompareOp::Gt,
        ast::CmpOp::GtE => CompareOp::GtE,
        ast::CmpOp::Is => CompareOp::Is,
        ast::CmpOp::IsNot => CompareOp::IsNot,
        ast::CmpOp::In => CompareOp::In,
        ast::CmpOp::NotIn => CompareOp::NotIn,
    }
}
