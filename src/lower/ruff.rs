//! The door through `ruff_python_parser`: the newest grammar, with error recovery.
//!
//! The parser's tree is translated node by node, children before parents, in source order; only functions and classes
//! get their ids before what is inside them. Scopes, variables and who holds whom are placeholders: `resolve` fills them.
//!
//! What a reader of spans should know: parentheses around an expression are not part of it, but a parenthesised tuple
//! is as long as its parentheses, and so is a generator expression, also one that stands alone in a call's.
//!
//! Deep nesting: the parser grows its own stack. The translation recurs at most [`MAX_DEPTH`] deep, and walks what leans to
//! the left (`a + b + c`, `a.b().c()`) in a loop. Dropping the parser's tree recurs as deep as the tree is, so a deep
//! one is dropped on a stack of its own.

mod cells;
mod exprs;
mod patterns;
mod stmts;
#[cfg(test)]
mod tests;

use std::mem::ManuallyDrop;
use std::thread::Builder;

use ruff_python_ast as ast;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};

pub(super) use cells::{errors_that_spread, escapes, has_errors};

use super::{Lowered, SyntaxError, in_our_style, pragmas};
use crate::base::{Idx, Name, Span};
use crate::limits::MAX_DEPTH;
use crate::syntax::lists::Listed;
use crate::syntax::tree::{
    Arg, Block, Expr, ExprId, ExprKind, Func, FuncKind, List, Module, PatId, Pragma, StmtId,
};

/// The tree of `text` and the errors in it, names not resolved.
pub(super) fn lower(text: &str) -> Lowered {
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let parsed = parsed
        .try_into_module()
        .expect("module mode gives a module");
    let mut cx = Ctx::new(text);
    cx.module_body(parsed.suite());
    cx.read_errors(&parsed);
    cx.read_pragmas(&parsed);
    let Ctx {
        module,
        errors,
        deepest,
        ..
    } = cx;
    if deepest > MAX_DEPTH as usize {
        drop_deep(parsed);
    }
    Lowered { module, errors }
}

/// String literals that go over several lines, in order; f-strings whole.
pub(super) fn literals(text: &str) -> Vec<Span> {
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let mut found = Vec::new();
    let mut open = Vec::new();
    for token in parsed.tokens() {
        let range = token.range();
        let literal = match token.kind() {
            TokenKind::FStringStart | TokenKind::TStringStart => {
                open.push(range.start());
                continue;
            }
            TokenKind::FStringEnd | TokenKind::TStringEnd => match (open.pop(), open.is_empty()) {
                (Some(start), true) => TextRange::new(start, range.end()),
                _ => continue,
            },
            TokenKind::String if open.is_empty() => range,
            _ => continue,
        };
        if text[literal].contains(['\n', '\r']) {
            found.push(span(literal));
        }
    }
    if let Some(parsed) = parsed.try_into_module() {
        drop_deep(parsed);
    }
    found
}

/// Bytes of stack that dropping one level of the parser's tree takes, with room to spare.
const DROP_FRAME: usize = 1_024;

/// Drops the parser's tree on a stack that fits its depth: no level of it is shorter than one token.
fn drop_deep(parsed: Parsed<ast::ModModule>) {
    let stack = parsed.tokens().len() * DROP_FRAME;
    // When no such thread can be had, the tree stays undropped: better a file's memory than the whole run.
    let tree = ManuallyDrop::new(parsed);
    let dropper = Builder::new()
        .stack_size(stack)
        .spawn(move || drop(ManuallyDrop::into_inner(tree)));
    if let Ok(dropper) = dropper {
        dropper.join().expect("dropping a tree does not panic");
    }
}

/// What a translation knows while it walks.
struct Ctx<'a> {
    text: &'a str,
    /// Whether any line may end in CR or CR LF.
    has_returns: bool,
    module: Module,
    errors: Vec<SyntaxError>,
    /// Levels of recursion.
    depth: u32,
    /// The most levels, of recursion and of chains walked in a loop together.
    deepest: usize,
    /// Whether something was nested too deeply, which is said once.
    is_cut: bool,
    /// Chains that lean to the left and are being walked, outermost node first.
    chain: Vec<&'a ast::Expr>,
    lists: Unfinished,
}

/// Elements of lists that are still being read; a list takes its elements off the end.
#[derive(Default)]
struct Unfinished {
    exprs: Vec<ExprId>,
    opts: Vec<Option<ExprId>>,
    stmts: Vec<StmtId>,
    args: Vec<Arg>,
    pats: Vec<PatId>,
}

/// An element type whose lists can be nested in each other while they are read.
trait Nests: Listed + Copy {
    fn unfinished(lists: &mut Unfinished) -> &mut Vec<Self>;
}

macro_rules! nests {
    ($($element:ty => $field:ident),* $(,)?) => {$(
        impl Nests for $element {
            fn unfinished(lists: &mut Unfinished) -> &mut Vec<Self> {
                &mut lists.$field
            }
        }
    )*};
}

nests! {
    ExprId => exprs,
    Option<ExprId> => opts,
    StmtId => stmts,
    Arg => args,
    PatId => pats,
}

impl<'a> Ctx<'a> {
    fn new(text: &'a str) -> Self {
        let mut module = super::empty_tree();
        // Of real code, measured: an expression per 15 bytes, an element of a list per 70 to 90.
        module.exprs.reserve(text.len() / 12);
        module.expr_lists.reserve(text.len() / 60);
        module.args.reserve(text.len() / 60);
        module.stmts.reserve(text.len() / 60);
        module.blocks.reserve(text.len() / 60);
        Self {
            text,
            has_returns: memchr::memchr(b'\r', text.as_bytes()).is_some(),
            module,
            errors: Vec::new(),
            depth: 0,
            deepest: 0,
            is_cut: false,
            chain: Vec::new(),
            lists: Unfinished::default(),
        }
    }

    fn module_body(&mut self, suite: &'a [ast::Stmt]) {
        let name = self.name("<module>");
        let id = self.module.funcs.push(new_func(FuncKind::Module, name));
        let body = self.body(suite);
        let func = &mut self.module.funcs[id];
        func.body = body;
        func.span = Span::new(0, self.text.len() as u32);
    }

    /// The parser's errors and our own, in file order.
    fn read_errors(&mut self, parsed: &Parsed<ast::ModModule>) {
        for error in parsed.errors() {
            self.errors.push(SyntaxError {
                message: in_our_style(error.error.to_string()),
                span: span(error.location),
            });
        }
        self.errors.sort_by_key(|it| it.span);
    }

    fn read_pragmas(&mut self, parsed: &Parsed<ast::ModModule>) {
        for token in parsed.tokens() {
            if token.kind() == TokenKind::Comment {
                let text = &self.text[token.range()];
                if pragmas::speaks(text.as_bytes()) {
                    self.module.pragmas.push(Pragma {
                        text: text.into(),
                        span: span(token.range()),
                    });
                }
            }
        }
    }

    fn name(&mut self, text: &str) -> Name {
        self.module.names.intern(text)
    }

    fn push(&mut self, kind: ExprKind, span: Span) -> ExprId {
        self.module.exprs.push(Expr { kind, span })
    }

    /// A list of what `read` makes of each item.
    fn list<T: Nests, I>(
        &mut self,
        items: impl IntoIterator<Item = I>,
        mut read: impl FnMut(&mut Self, I) -> T,
    ) -> List<T> {
        let mark = T::unfinished(&mut self.lists).len();
        for item in items {
            let element = read(self, item);
            T::unfinished(&mut self.lists).push(element);
        }
        self.finish(mark)
    }

    /// The list of the elements that are unfinished since `mark`.
    fn finish<T: Nests>(&mut self, mark: usize) -> List<T> {
        let unfinished = T::unfinished(&mut self.lists);
        if unfinished.len() == mark {
            return List::empty();
        }
        self.module.push_list(unfinished.drain(mark..))
    }

    /// Goes one level down, unless that is too deep: then says so, once.
    fn descend(&mut self, at: TextRange) -> bool {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            self.deepest = self.deepest.max(self.depth as usize + self.chain.len());
            return true;
        }
        self.deepest = usize::MAX;
        if !self.is_cut {
            self.is_cut = true;
            self.errors.push(SyntaxError {
                message: "nested too deeply".to_owned(),
                span: span(at),
            });
        }
        false
    }

    fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// The statements of a block.
    fn block(&mut self, suite: &'a [ast::Stmt]) -> Block {
        self.list(suite, Self::stmt)
    }

    /// The statements of a module, class or function without its docstring.
    fn body(&mut self, suite: &'a [ast::Stmt]) -> Block {
        let has_doc =
            matches!(suite, [ast::Stmt::Expr(first), ..] if first.value.is_string_literal_expr());
        self.block(&suite[usize::from(has_doc)..])
    }
}

/// A function with nothing in it yet.
fn new_func(kind: FuncKind, name: Name) -> Func {
    Func {
        name,
        name_span: Span::default(),
        span: Span::default(),
        kind,
        is_async: false,
        is_generator: false,
        parent: None,
        class: None,
        var: None,
        scope: Idx::new(0),
        params: List::empty(),
        decorators: List::empty(),
        returns: None,
        type_params: List::empty(),
        body: Block::empty(),
        value: None,
        free: Vec::new(),
    }
}

fn span(range: TextRange) -> Span {
    Span::new(range.start().to_u32(), range.end().to_u32())
}
