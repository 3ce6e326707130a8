//! A resource that is used where it is opened, without a name, gets one and a `with` statement.
//!
//! ```python
//! data = json.load(open(path))   # →  with open(path) as file:
//!                                #        data = json.load(file)
//! ```
//!
//! It is opened before the rest of its statement, so nothing that does something may stand before it there.

use super::holding::Holding;
use super::source::{Home, Source};
use super::with::{indent, opening};
use crate::base::Span;
use crate::finding::remedy::{Edit, Fix, With};
use crate::syntax::tree::{ExprId, ExprKind, StmtId, StmtKind};

/// Names for what has none.
const NAMES: [&str; 4] = ["file", "stream", "handle", "resource"];

pub(super) fn write(
    source: &Source<'_>,
    with: &With,
    stmt: StmtId,
    home: Home,
    call: ExprId,
) -> Option<Fix> {
    let span = source.span(stmt);
    let head = head(source, stmt)?;
    if !head.contains(with.call) || !source.is_alone(span) || !is_first(source, head, call) {
        return None;
    }
    let holding = Holding::after(source, with, home.func, None, Some(call), &[stmt]);
    if holding.escapes || !holding.vars.is_empty() || is_kept(source, &holding, stmt) {
        return None;
    }
    let (name, used) = if is_whole(source, stmt, call) {
        (String::new(), "pass")
    } else {
        let taken = |name: &str| source.module.names.find(name).is_some();
        let name = NAMES.into_iter().find(|it| !taken(it))?;
        (format!(" as {name}"), name)
    };
    let indentation = source.indent(span.start)?;
    let unit = source.unit(home.func);
    let (open, mut edits) = opening(source, with)?;
    let bracket = if with.closes { "" } else { ")" };
    let text = dedented(source, span, with.call);
    let end = source.line_end;
    edits.push(Edit::insert(
        span.start,
        format!("{open}{text}{bracket}{name}:{end}{indentation}{unit}"),
    ));
    edits.push(Edit::replace(with.call.start, with.call.end, used));
    // The lines of the call go with it.
    let skipped = source.next_line(with.call.start)..=with.call.end;
    let mut moved = Vec::new();
    indent(
        source,
        indentation,
        source.next_line(span.start)..source.next_line(span.end),
        unit,
        &mut moved,
    );
    moved.retain(|it| {
        !skipped.contains(&it.span.start) && it.span.start < span.end && it.span.start > span.start
    });
    edits.extend(moved);
    Some(Fix::new(
        "open it in a `with` statement",
        with.safety,
        edits,
    ))
}

/// Whether the statement only opens it, to see whether that can be done.
fn is_whole(source: &Source<'_>, stmt: StmtId, call: ExprId) -> bool {
    matches!(source.kind(stmt), StmtKind::Expr(it) if it == call)
        && source.span(stmt) == source.module.exprs[call].span
}

/// The call as it stands where its statement begins: its further lines move as far as its first.
fn dedented(source: &Source<'_>, stmt: Span, call: Span) -> String {
    let text = source.slice(call);
    let first = source.between(source.line_start(call.start), call.start);
    let blanks = first.len() - first.trim_start_matches([' ', '\t']).len();
    let own = source.indent(stmt.start).map_or(0, str::len);
    let by = blanks.saturating_sub(own);
    let mut out = String::with_capacity(text.len());
    let mut done = call.start;
    if by > 0 && source.line(call.end) > source.line(call.start) {
        for start in source.code_lines(source.next_line(call.start), call.end) {
            let line = source.between(start, call.end);
            let len = line.len() - line.trim_start_matches([' ', '\t']).len();
            out.push_str(source.between(done, start));
            done = start + len.min(by) as u32;
        }
    }
    out + source.between(done, call.end)
}

/// The part of a statement in which its first expression is evaluated, once.
fn head(source: &Source<'_>, stmt: StmtId) -> Option<Span> {
    let tree = &source.module;
    let of = |it: ExprId| Some(tree.exprs[it].span);
    match source.kind(stmt) {
        StmtKind::Expr(it)
        | StmtKind::Return(Some(it))
        | StmtKind::Assign { value: it, .. }
        | StmtKind::AnnAssign {
            value: Some(it), ..
        } => of(it),
        StmtKind::For {
            is_async: false,
            iter,
            ..
        } => of(iter),
        _ => None,
    }
}

/// Whether nothing that does something is evaluated before it, and it is evaluated whatever happens.
fn is_first(source: &Source<'_>, head: Span, call: ExprId) -> bool {
    let tree = &source.module;
    let own = tree.exprs[call].span;
    let mut others = source.exprs_in(Span::new(head.start, own.start + 1));
    others.all(|id| {
        let expr = tree.exprs[id];
        if id == call {
            return true;
        }
        if !expr.span.contains(own) {
            return own.contains(expr.span);
        }
        // What stands around it is evaluated after it: a call its callee first, which is a plain name.
        match expr.kind {
            ExprKind::Call { .. } => true,
            ExprKind::Subscript { base, .. } => tree.exprs[base].span.contains(own),
            ExprKind::Comp(it) => {
                let clauses = &tree[tree.comps[it].clauses];
                tree.exprs[clauses[0].iter].span.contains(own)
            }
            _ => false,
        }
    })
}

/// Whether what the statement gives still refers to the resource.
fn is_kept(source: &Source<'_>, holding: &Holding<'_>, stmt: StmtId) -> bool {
    match source.kind(stmt) {
        StmtKind::Return(Some(it))
        | StmtKind::Assign { value: it, .. }
        | StmtKind::AnnAssign {
            value: Some(it), ..
        } => holding.holds(it),
        _ => false,
    }
}
