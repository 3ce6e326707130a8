//! The first door: `rustpython-parser`, the grammar of Python 3.11 and the type parameters of 3.12.
//!
//! The parser's tree is consumed as it is translated, so that long chains are freed link by link and not by recursion.
//! Its positions are corrected where they differ from CPython's; what it does not say (where a name stands) is looked
//! up in the text next to its neighbour. Scopes and variables stay placeholders for `resolve`.

mod exprs;
mod gate;
mod patterns;
mod positions;
mod stmts;

use rustpython_parser::ast;
use rustpython_parser::lexer;
use rustpython_parser::{Mode, ParseErrorType, Tok, parse_tokens};
use smallvec::SmallVec;

use self::gate::DepthGate;
use super::{Lowered, SyntaxError, in_our_style, pragmas};
use crate::base::{Idx, Name, Span};
use crate::syntax::tree::{BinaryOp, Block, ExprId, Func, FuncId, FuncKind, List, Module, StmtId};

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
