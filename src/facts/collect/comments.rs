//! What comments say: suppressions, and that a file is generated.

use crate::base::Span;
use crate::facts::model::PragmaF;
use crate::syntax::tree::{self, Block, ExprId, List, Module, StmtKind};

/// Each suppression comment with the statement that it stands on.
pub(super) fn pragmas(text: &str, tree: &Module) -> Vec<PragmaF> {
    if tree.pragmas.is_empty() {
        return Vec::new();
    }
    let mut heads: Vec<Span> = tree.stmts.iter().map(|it| head_of(tree, it)).collect();
    heads.sort_unstable();
    tree.pragmas
        .iter()
        .map(|pragma| {
            let before = heads.partition_point(|it| it.start <= pragma.span.start);
            let covers = before.checked_sub(1).map(|at| heads[at]).filter(|head| {
                let gap =
                    text.get(head.end.min(pragma.span.start) as usize..pragma.span.start as usize);
                !gap.unwrap_or("\n").contains(['\n', '\r'])
            });
            PragmaF {
                text: pragma.text.clone(),
                at: pragma.span,
                covers: covers.unwrap_or(pragma.span),
            }
        })
        .collect()
}

/// A statement without the statements inside it: of a compound statement its head, decorators included.
fn head_of(tree: &Module, stmt: &tree::Stmt) -> Span {
    let first_of = |block: Block| tree[block].first().map(|&it| tree.stmts[it].span.start);
    let decorated = |list: List<ExprId>| tree[list].first().map(|&it| tree.exprs[it].span.start);
    let (start, inner) = match stmt.kind {
        StmtKind::If { body, .. }
        | StmtKind::While { body, .. }
        | StmtKind::For { body, .. }
        | StmtKind::With { body, .. } => (None, first_of(body)),
        StmtKind::Try(id) => (None, first_of(tree.tries[id].body)),
        StmtKind::Match { cases, .. } => (
            None,
            tree[cases]
                .first()
                .map(|it| tree.pats[it.pattern].span.start),
        ),
        StmtKind::Function(id) => {
            let func = &tree.funcs[id];
            (
                decorated(func.decorators),
                Some(first_of(func.body).unwrap_or(func.span.end)),
            )
        }
        StmtKind::Class(id) => {
            let class = &tree.classes[id];
            (
                decorated(class.decorators),
                Some(first_of(class.body).unwrap_or(class.span.end)),
            )
        }
        _ => (None, None),
    };
    let start = start.unwrap_or(stmt.span.start).min(stmt.span.start);
    // The last byte before the first inner statement belongs to the line end or the blanks before it.
    Span::new(
        start,
        inner
            .map_or(stmt.span.end, |it| it.saturating_sub(1).max(start))
            .min(stmt.span.end),
    )
}

/// Whether the head of the file says that a program made it: "generated … do not edit", in either order, "this is a generated file".
pub(super) fn says_generated(text: &str) -> bool {
    let mut end = text.len().min(1500);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text[..end].to_ascii_lowercase();
    if memchr::memmem::find(head.as_bytes(), b"generated").is_none() {
        return false;
    }
    head.lines()
        .take_while(|it| {
            it.is_empty() || it.starts_with('#') || it.starts_with('"') || it.starts_with('\'')
        })
        .take(20)
        .collect::<Vec<_>>()
        .join("\n")
        .split("\n\n")
        .any(|part| {
            part.contains("generated")
                && (part.contains("do not edit") || part.contains("do not modify"))
                || part.contains("@generated")
                || part.contains("is a generated file")
        })
}
