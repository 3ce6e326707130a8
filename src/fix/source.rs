//! A file as fixes see it: text, tree, and the layout that the tree leaves out.

use rustc_hash::FxHashMap;

use crate::base::{LineIndex, Span};
use crate::lower::{Door, literals, lower};
use crate::syntax::tree::{Block, ExprId, ExprKind, FuncId, Module, StmtId, StmtKind, VarId};

/// A file that can be changed: it was read without an error.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) module: Module,
    pub(super) lines: LineIndex,
    /// How lines end.
    pub(super) line_end: &'static str,
    /// String literals that go over several lines.
    literals: Vec<Span>,
    /// Where each statement stands.
    homes: FxHashMap<StmtId, Home>,
    /// Statements by their first byte.
    stmts: Vec<(u32, StmtId)>,
    /// Expressions of which fixes ask, by their first byte.
    exprs: Vec<(u32, ExprId)>,
    /// Where each variable is named.
    mentions: FxHashMap<VarId, Vec<Span>>,
}

/// Where a statement stands.
#[derive(Clone, Copy)]
pub(super) struct Home {
    /// The statements beside it.
    pub(super) block: Block,
    /// Its place among them.
    pub(super) at: usize,
    /// The compound statement around; none at the top of a function or class.
    pub(super) parent: Option<StmtId>,
    /// The function whose frame runs it.
    pub(super) func: FuncId,
}

impl<'a> Source<'a> {
    /// Reads a file; none when it has errors.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let lowered = lower(text, Door::Ruff);
        if !lowered.errors.is_empty() {
            return None;
        }
        let module = lowered.module;
        let homes = homes(&module);
        let mut stmts: Vec<_> = homes
            .keys()
            .map(|&it| (module.stmts[it].span.start, it))
            .collect();
        stmts.sort_unstable();
        let mut exprs = Vec::new();
        let mut mentions: FxHashMap<VarId, Vec<Span>> = FxHashMap::default();
        for (id, expr) in module.exprs.iter_ids() {
            match expr.kind {
                ExprKind::Name { var: Some(var), .. } => {
                    mentions.entry(var).or_default().push(expr.span);
                }
                ExprKind::Call { .. }
                | ExprKind::Yield(_)
                | ExprKind::YieldFrom(_)
                | ExprKind::Await(_)
                | ExprKind::Walrus { .. }
                | ExprKind::Subscript { .. }
                | ExprKind::IfElse { .. }
                | ExprKind::And(_)
                | ExprKind::Or(_)
                | ExprKind::Comp(_)
                | ExprKind::Lambda(_) => exprs.push((expr.span.start, id)),
                _ => {}
            }
        }
        exprs.sort_unstable();
        Some(Self {
            text,
            lines: LineIndex::new(text),
            line_end: line_end(text),
            literals: literals(text),
            homes,
            stmts,
            exprs,
            mentions,
            module,
        })
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.between(span.start, span.end)
    }

    /// The text from a byte to another.
    pub(super) fn between(&self, start: u32, end: u32) -> &'a str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    pub(super) fn span(&self, id: StmtId) -> Span {
        self.module.stmts[id].span
    }

    pub(super) fn kind(&self, id: StmtId) -> StmtKind {
        self.module.stmts[id].kind
    }

    pub(super) fn home(&self, id: StmtId) -> Option<Home> {
        self.homes.get(&id).copied()
    }

    /// Statements that begin in a span.
    pub(super) fn stmts_in(&self, span: Span) -> impl Iterator<Item = StmtId> + '_ {
        let from = self.stmts.partition_point(|it| it.0 < span.start);
        let rest = self.stmts[from..].iter();
        rest.take_while(move |it| it.0 < span.end).map(|it| it.1)
    }

    /// Calls and other expressions that do something, which begin in a span.
    pub(super) fn exprs_in(&self, span: Span) -> impl Iterator<Item = ExprId> + '_ {
        let from = self.exprs.partition_point(|it| it.0 < span.start);
        let rest = self.exprs[from..].iter();
        rest.take_while(move |it| it.0 < span.end).map(|it| it.1)
    }

    /// The innermost statement around a span.
    pub(super) fn stmt_around(&self, span: Span) -> Option<StmtId> {
        let mut at = self.stmts.partition_point(|it| it.0 <= span.start);
        // Of statements that begin before it the last one that has not ended is the innermost.
        while at > 0 {
            at -= 1;
            let id = self.stmts[at].1;
            if self.span(id).contains(span) {
                return Some(id);
            }
        }
        None
    }

    /// The call that is exactly this span.
    pub(super) fn call_at(&self, span: Span) -> Option<ExprId> {
        self.exprs_in(Span::new(span.start, span.start + 1))
            .find(|&it| {
                let expr = self.module.exprs[it];
                expr.span == span && matches!(expr.kind, ExprKind::Call { .. })
            })
    }

    /// Places that name a variable.
    pub(super) fn mentions(&self, var: VarId) -> &[Span] {
        self.mentions.get(&var).map_or(&[], Vec::as_slice)
    }

    pub(super) fn line(&self, at: u32) -> u32 {
        self.lines.line(at)
    }

    /// Where the line of a byte begins.
    pub(super) fn line_start(&self, at: u32) -> u32 {
        self.lines.start_of(self.line(at))
    }

    /// Where the line of a byte ends, before the characters that end it.
    pub(super) fn line_stop(&self, at: u32) -> u32 {
        let rest = self.text.get(at as usize..).unwrap_or("");
        at + rest.find(['\n', '\r']).unwrap_or(rest.len()) as u32
    }

    /// Where the line after that of a byte begins.
    pub(super) fn next_line(&self, at: u32) -> u32 {
        let stop = self.line_stop(at) as usize;
        let rest = self.text.as_bytes().get(stop..).unwrap_or(&[]);
        let len = match rest {
            [b'\r', b'\n', ..] => 2,
            [_, ..] => 1,
            [] => 0,
        };
        (stop + len) as u32
    }

    /// The blanks before a statement that begins its line.
    pub(super) fn indent(&self, at: u32) -> Option<&'a str> {
        let indent = self.between(self.line_start(at), at);
        indent
            .bytes()
            .all(|it| matches!(it, b' ' | b'\t'))
            .then_some(indent)
    }

    /// Whether nothing but a comment stands beside a statement on its lines.
    pub(super) fn is_alone(&self, span: Span) -> bool {
        let after = self
            .between(span.end, self.line_stop(span.end))
            .trim_start();
        self.indent(span.start).is_some() && (after.is_empty() || after.starts_with('#'))
    }

    /// The comment after a statement on its last line.
    pub(super) fn comment_after(&self, span: Span) -> Option<u32> {
        let after = self.between(span.end, self.line_stop(span.end));
        after.find('#').map(|it| span.end + it as u32)
    }

    /// Where lines of code begin, from the line of one byte to the line of another: no blank lines, and none that begins
    /// inside a string.
    pub(super) fn code_lines(&self, from: u32, to: u32) -> Vec<u32> {
        (self.line(from)..=self.line(to))
            .map(|it| self.lines.start_of(it))
            .filter(|&it| !self.between(it, self.line_stop(it)).trim().is_empty())
            .filter(|&it| !self.is_in_literal(it))
            .collect()
    }

    fn is_in_literal(&self, at: u32) -> bool {
        let next = self.literals.partition_point(|it| it.start < at);
        self.literals[..next].last().is_some_and(|it| at < it.end)
    }

    /// One level of indentation, as the function around writes it.
    pub(super) fn unit(&self, func: FuncId) -> &'a str {
        let fact = &self.module.funcs[func];
        let body = self.module[fact.body].first();
        let outer = self.between(self.line_start(fact.span.start), fact.span.start);
        let outer = &outer[..outer.len() - outer.trim_start_matches([' ', '\t']).len()];
        body.and_then(|&it| self.indent(self.span(it).start))
            .and_then(|it| it.strip_prefix(outer))
            .filter(|it| !it.is_empty())
            .unwrap_or("    ")
    }
}

/// Every statement with its place, outermost first.
fn homes(module: &Module) -> FxHashMap<StmtId, Home> {
    let mut homes = FxHashMap::default();
    let Some(top) = module.funcs.ids().next() else {
        return homes;
    };
    let mut todo = vec![(module.funcs[top].body, None, top)];
    while let Some((block, parent, func)) = todo.pop() {
        for (at, &id) in module[block].iter().enumerate() {
            homes.insert(
                id,
                Home {
                    block,
                    at,
                    parent,
                    func,
                },
            );
            let mut inner = |block: Block| todo.push((block, Some(id), func));
            match module.stmts[id].kind {
                StmtKind::If { body, orelse, .. }
                | StmtKind::While { body, orelse, .. }
                | StmtKind::For { body, orelse, .. } => {
                    inner(body);
                    inner(orelse);
                }
                StmtKind::Try(it) => {
                    let it = module.tries[it];
                    inner(it.body);
                    for handler in &module[it.handlers] {
                        inner(handler.body);
                    }
                    inner(it.orelse);
                    inner(it.finally);
                }
                StmtKind::With { body, .. } => inner(body),
                StmtKind::Match { cases, .. } => {
                    for case in &module[cases] {
                        inner(case.body);
                    }
                }
                StmtKind::Function(it) => todo.push((module.funcs[it].body, None, it)),
                StmtKind::Class(it) => todo.push((module.classes[it].body, None, func)),
                _ => {}
            }
        }
    }
    homes
}

fn line_end(text: &str) -> &'static str {
    match text.find(['\n', '\r']) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        _ => "\n",
    }
}
