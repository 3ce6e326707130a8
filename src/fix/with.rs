//! A resource that is opened by itself gets a `with` statement around what uses it.
//!
//! ```python
//! f = open(path)           # →  with open(path) as f:
//! data = f.read()          # →      data = f.read()
//! f.close()
//! return data
//! ```
//!
//! Where the closing stands below in the same block, both programs close at the same place when nothing is raised. Where
//! it is missing, the block ends after the last statement that may use the resource, and nothing may refer to it
//! afterwards. Leaving in between, by `return` or an exception, closes too: that is what the fix is for.

use std::ops::Range;

use super::holding::Holding;
use super::imports;
use super::source::{Home, Source};
use crate::base::Span;
use crate::finding::remedy::{Edit, Fix, Safety, With};
use crate::syntax::tree::{Block, ExprId, ExprKind, StmtId, StmtKind, VarId};

/// Statements of one block that are still moved into a `with` statement.
const MOST_MOVED: usize = 1_000;

const TITLE: &str = "open it in a `with` statement";

pub(super) fn write(source: &Source<'_>, with: &With) -> Option<Fix> {
    let stmt = source.stmt_around(with.call)?;
    let call = source.call_at(with.call)?;
    let home = source.home(stmt)?;
    let module = &source.module;
    match source.kind(stmt) {
        StmtKind::Assign { targets, value } if value == call => {
            let &[target] = &module[targets] else {
                return None;
            };
            let ExprKind::Name { var: Some(var), .. } = module.exprs[target].kind else {
                return None;
            };
            named(source, with, stmt, home, target, var)
        }
        StmtKind::With {
            is_async: false,
            items,
            body,
        } if !with.closes => entered(source, with, stmt, home, call, &module[items], body),
        _ => super::chained::write(source, with, stmt, home, call),
    }
}

/// `name = open(…)`
fn named(
    source: &Source<'_>,
    with: &With,
    stmt: StmtId,
    home: Home,
    target: ExprId,
    var: VarId,
) -> Option<Fix> {
    let module = &source.module;
    let span = source.span(stmt);
    let name = module.exprs[target].span;
    let is_plain = source.between(name.end, with.call.start).trim() == "="
        && name.start == span.start
        && with.call.end == span.end
        && source.is_alone(span);
    let fact = &module.vars[var];
    let is_local = fact.scope == module.funcs[home.func].scope && fact.param.is_none();
    if !is_plain || !is_local || fact.is_captured {
        return None;
    }
    let block = &module[home.block];
    let below = &block[home.at + 1..block.len().min(home.at + MOST_MOVED)];
    let closing = below.iter().position(|&it| is_closing(source, it, var));
    let rebinding = below.iter().position(|&it| binds(source, it, var));
    let moved = match closing {
        Some(at) if rebinding.is_none_or(|it| at < it) => {
            let moved = &below[..at];
            may_close_below(
                source,
                with,
                home,
                var,
                moved,
                span.cover(source.span(below[at])),
            )
            .then_some(moved)?
        }
        _ => {
            let below = &below[..rebinding.unwrap_or(below.len())];
            let len = used(source, with, home, var, below)?;
            is_gone_after(
                source,
                home,
                var,
                span,
                &below[..len],
                with,
                rebinding.is_some(),
            )
            .then_some(&below[..len])?
        }
    };
    let closing = closing
        .filter(|it| rebinding.is_none_or(|at| *it < at))
        .map(|it| below[it]);
    let unit = source.unit(home.func);
    let (open, mut edits) = opening(source, with)?;
    edits.push(Edit::replace(span.start, with.call.start, open));
    let bracket = if with.closes { "" } else { ")" };
    let name = source.slice(name);
    edits.push(Edit::insert(with.call.end, format!("{bracket} as {name}:")));
    let first = after_blanks(source, source.next_line(span.end));
    if first > source.next_line(span.end) {
        edits.push(Edit::replace(source.next_line(span.end), first, ""));
    }
    let last = match (closing, moved.last()) {
        (Some(close), None) => {
            // Nothing is done with it.
            let close = source.span(close);
            source.is_alone(close).then_some(())?;
            edits.push(Edit::replace(close.start, close.end, format!("{unit}pass")));
            source.line_start(close.start)
        }
        (Some(close), Some(_)) => {
            let close = source.span(close);
            source.is_alone(close).then_some(())?;
            edits.push(match source.comment_after(close) {
                Some(comment) => Edit::replace(close.start, comment, ""),
                None => {
                    let (start, end) = line_of(source, close);
                    Edit::replace(start, end, "")
                }
            });
            source.line_start(close.start)
        }
        (None, Some(&end)) => {
            let end = source.span(end);
            let rest = source
                .between(end.end, source.line_stop(end.end))
                .trim_start();
            (rest.is_empty() || rest.starts_with('#')).then_some(())?;
            after_comments(source, span, end)
        }
        (None, None) => return None,
    };
    let own = source.indent(span.start)?;
    indent(source, own, first..last, unit, &mut edits);
    Some(Fix::new(TITLE, with.safety, edits))
}

/// The line of a statement that goes; where a blank line or the end of the block follows, with the blank lines before it.
fn line_of(source: &Source<'_>, stmt: Span) -> (u32, u32) {
    let own = source.indent(stmt.start).map_or(0, str::len);
    let mut start = source.line_start(stmt.start);
    let end = source.next_line(stmt.end);
    let below = source.between(end, source.line_stop(end));
    let is_inner = below.len() - below.trim_start_matches([' ', '\t']).len() >= own;
    if !below.trim().is_empty() && is_inner {
        return (start, end);
    }
    while start > 0 {
        let above = source.line_start(start - 1);
        if !source
            .between(above, source.line_stop(above))
            .trim()
            .is_empty()
        {
            break;
        }
        start = above;
    }
    (start, end)
}

/// The first line from there on that is not blank.
fn after_blanks(source: &Source<'_>, mut at: u32) -> u32 {
    loop {
        let next = source.next_line(at);
        if next == at || !source.between(at, source.line_stop(at)).trim().is_empty() {
            return at;
        }
        at = next;
    }
}

/// The end of a stretch of code, with comments below that belong to it by their indentation.
fn after_comments(source: &Source<'_>, block: Span, end: Span) -> u32 {
    let own = source.indent(block.start).map_or(0, str::len);
    let mut at = source.next_line(end.end);
    loop {
        let line = source.between(at, source.line_stop(at));
        let text = line.trim_start_matches([' ', '\t']);
        if !text.starts_with('#') || line.len() - text.len() <= own {
            return at;
        }
        let next = source.next_line(at);
        if next == at {
            return at;
        }
        at = next;
    }
}

/// Puts one level more into the lines of code of a stretch, behind the blanks that the block around has.
pub(super) fn indent(
    source: &Source<'_>,
    own: &str,
    lines: Range<u32>,
    unit: &str,
    edits: &mut Vec<Edit>,
) {
    if lines.is_empty() {
        return;
    }
    for start in source.code_lines(lines.start, lines.end - 1) {
        let line = source.between(start, source.line_stop(start));
        let same = line.bytes().zip(own.bytes()).take_while(|it| it.0 == it.1);
        edits.push(Edit::insert(start + same.count() as u32, unit));
    }
}

/// What stands before the call that opens, and what must be imported for it.
pub(super) fn opening(source: &Source<'_>, with: &With) -> Option<(String, Vec<Edit>)> {
    if with.closes {
        return Some(("with ".to_owned(), Vec::new()));
    }
    let (closing, edits) = imports::name_of(source, "contextlib", "closing", with.call)?;
    Some((format!("with {closing}("), edits))
}

/// `name.close()`
fn is_closing(source: &Source<'_>, stmt: StmtId, var: VarId) -> bool {
    let module = &source.module;
    let StmtKind::Expr(expr) = source.kind(stmt) else {
        return false;
    };
    let ExprKind::Call { callee, args } = module.exprs[expr].kind else {
        return false;
    };
    let ExprKind::Attr { base, name } = module.exprs[callee].kind else {
        return false;
    };
    args.is_empty()
        && module.names.text(name) == "close"
        && matches!(module.exprs[base].kind, ExprKind::Name { var: Some(it), .. } if it == var)
}

/// Whether a statement, or one inside it, binds a variable.
fn binds(source: &Source<'_>, stmt: StmtId, var: VarId) -> bool {
    let module = &source.module;
    let is_it = |it: ExprId| matches!(module.exprs[it].kind, ExprKind::Name { var: Some(it), .. } if it == var);
    let span = source.span(stmt);
    let mut stmts = source.stmts_in(span);
    stmts.any(|id| match source.kind(id) {
        StmtKind::Assign { targets, .. } => module[targets]
            .iter()
            .any(|&it| in_target(source, it, &is_it)),
        StmtKind::AugAssign { target, .. }
        | StmtKind::AnnAssign { target, .. }
        | StmtKind::For { target, .. } => in_target(source, target, &is_it),
        StmtKind::Delete(targets) => module[targets].iter().any(|&it| is_it(it)),
        StmtKind::With { items, .. } => module[items]
            .iter()
            .filter_map(|it| it.target)
            .any(|it| in_target(source, it, &is_it)),
        StmtKind::Try(id) => module[module.tries[id].handlers]
            .iter()
            .filter_map(|it| it.name)
            .any(is_it),
        StmtKind::Match { .. } => source
            .mentions(var)
            .iter()
            .any(|&it| source.span(id).contains(it)),
        StmtKind::Import(aliases) | StmtKind::ImportFrom { names: aliases, .. } => {
            module[aliases].iter().any(|it| it.var == Some(var))
        }
        StmtKind::Function(id) => module.funcs[id].var == Some(var),
        StmtKind::Class(id) => module.classes[id].var == var,
        _ => false,
    }) || source
        .exprs_in(span)
        .any(|it| matches!(module.exprs[it].kind, ExprKind::Walrus { target, .. } if is_it(target)))
}

fn in_target(source: &Source<'_>, target: ExprId, is_it: &dyn Fn(ExprId) -> bool) -> bool {
    match source.module.exprs[target].kind {
        ExprKind::Tuple(list) | ExprKind::List(list) => source.module[list]
            .iter()
            .any(|&it| in_target(source, it, is_it)),
        ExprKind::Starred(it) => in_target(source, it, is_it),
        _ => is_it(target),
    }
}

/// Statements of a stretch, those inside others too.
fn all_in(source: &Source<'_>, stmts: &[StmtId]) -> Vec<StmtId> {
    let spans = stmts.iter().map(|&it| source.span(it)).reduce(Span::cover);
    spans.map_or_else(Vec::new, |it| source.stmts_in(it).collect())
}

/// Whether the stretch may leave before its end other than by an exception.
fn leaves(source: &Source<'_>, all: &[StmtId]) -> bool {
    all.iter().any(|&it| {
        matches!(
            source.kind(it),
            StmtKind::Return(_) | StmtKind::Break | StmtKind::Continue
        )
    })
}

/// With the closing below: nothing changes when the end is reached. When the stretch can be left before, nobody may have
/// the resource then; and what runs when it raises does not use it.
fn may_close_below(
    source: &Source<'_>,
    with: &With,
    home: Home,
    var: VarId,
    moved: &[StmtId],
    all: Span,
) -> bool {
    let inner = all_in(source, moved);
    if guards(source, home).iter().any(|guard| {
        source
            .mentions(var)
            .iter()
            .any(|&it| guard.contains(it) && !all.contains(it) && !closes_at(source, var, it))
    }) {
        return false;
    }
    if !leaves(source, &inner) {
        let yields = source.exprs_in(all).any(|it| {
            matches!(
                source.module.exprs[it].kind,
                ExprKind::Yield(_) | ExprKind::YieldFrom(_)
            )
        });
        return !yields
            || !Holding::after(source, with, home.func, Some(var), None, &inner).escapes;
    }
    let holding = Holding::after(source, with, home.func, Some(var), None, &inner);
    !holding.escapes
        && holding
            .vars
            .iter()
            .all(|&it| source.mentions(it).iter().all(|&it| all.contains(it)))
}

/// What runs when something raises: handlers and `finally` clauses of the `try` statements around.
fn guards(source: &Source<'_>, home: Home) -> Vec<Span> {
    let module = &source.module;
    let mut spans = Vec::new();
    let mut parent = home.parent;
    while let Some(id) = parent {
        if let StmtKind::Try(it) = source.kind(id) {
            let it = module.tries[it];
            spans.extend(module[it.handlers].iter().map(|it| it.span));
            let finally = module[it.finally].iter().map(|&it| source.span(it));
            spans.extend(finally.reduce(Span::cover));
        }
        parent = source.home(id).and_then(|it| it.parent);
    }
    spans
}

/// Whether a name stands in `name.close()`.
fn closes_at(source: &Source<'_>, var: VarId, at: Span) -> bool {
    source
        .stmt_around(at)
        .is_some_and(|it| is_closing(source, it, var))
}

/// How many of these statements may use the resource, counted to the last one that does.
fn used(
    source: &Source<'_>,
    with: &With,
    home: Home,
    var: VarId,
    below: &[StmtId],
) -> Option<usize> {
    let inner = all_in(source, below);
    let holding = Holding::after(source, with, home.func, Some(var), None, &inner);
    if holding.escapes {
        return None;
    }
    let names = |&stmt: &StmtId| {
        let span = source.span(stmt);
        holding
            .vars
            .iter()
            .any(|&it| source.mentions(it).iter().any(|&it| span.contains(it)))
    };
    Some(below.iter().rposition(names)? + 1)
}

/// Without a closing: after the stretch nothing refers to the resource, in this block or elsewhere in the function.
fn is_gone_after(
    source: &Source<'_>,
    home: Home,
    var: VarId,
    opened: Span,
    moved: &[StmtId],
    with: &With,
    is_rebound: bool,
) -> bool {
    let inner = all_in(source, moved);
    let holding = Holding::after(source, with, home.func, Some(var), None, &inner);
    let end = moved.last().map_or(opened.end, |&it| source.span(it).end);
    let stretch = Span::new(opened.start, end);
    // Names below a new binding in the same block mean something else; above, in a loop, they do too.
    let block = &source.module[home.block];
    let block_end = block.last().map_or(end, |&it| source.span(it).end);
    !holding.escapes
        && holding.vars.iter().all(|&it| {
            source.mentions(it).iter().all(|at| {
                stretch.contains(*at)
                    || it == var
                        && is_rebound
                        && at.start >= end
                        && at.end <= block_end
                        && guards(source, home).is_empty()
            })
        })
}

/// `with connect(…) as c:`, which does not close: `with closing(connect(…)) as c, c:`.
fn entered(
    source: &Source<'_>,
    with: &With,
    stmt: StmtId,
    home: Home,
    call: ExprId,
    items: &[crate::syntax::tree::WithItem],
    body: Block,
) -> Option<Fix> {
    let module = &source.module;
    let item = items.iter().find(|it| it.context == call)?;
    let target = item.target?;
    let ExprKind::Name { var: Some(var), .. } = module.exprs[target].kind else {
        return None;
    };
    let name = module.exprs[target].span;
    let is_plain = source.between(with.call.end, name.start).trim() == "as";
    let inner = all_in(source, &module[body]);
    let holding = Holding::after(source, with, home.func, Some(var), None, &inner);
    let span = source.span(stmt);
    let is_gone = !holding.escapes
        && holding
            .vars
            .iter()
            .all(|&it| source.mentions(it).iter().all(|&at| span.contains(at)));
    if !is_plain || !is_gone || (module[body]).iter().any(|&it| binds(source, it, var)) {
        return None;
    }
    let (closing, mut edits) = imports::name_of(source, "contextlib", "closing", with.call)?;
    edits.push(Edit::insert(with.call.start, format!("{closing}(")));
    edits.push(Edit::insert(with.call.end, ")"));
    edits.push(Edit::insert(name.end, format!(", {}", source.slice(name))));
    Some(Fix::new(
        "close it with `contextlib.closing`, and keep the transaction",
        Safety::max(with.safety, Safety::Safe),
        edits,
    ))
}
