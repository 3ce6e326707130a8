//! The name under which a module can use a library's function, importing it where it is not there yet.

use super::source::Source;
use crate::base::Span;
use crate::finding::remedy::Edit;
use crate::syntax::tree::{Alias, StmtId, StmtKind};

/// How to write `module.name` at a place of the file, and the import to add for it.
///
/// None when the names mean something else there.
pub(super) fn name_of(
    source: &Source<'_>,
    module: &str,
    name: &str,
    at: Span,
) -> Option<(String, Vec<Edit>)> {
    let tree = &source.module;
    let top = tree.funcs.ids().next()?;
    let body = &tree[tree.funcs[top].body];
    let before = |id: &&StmtId| source.span(**id).end < at.start;
    for &id in body.iter().filter(before) {
        match source.kind(id) {
            StmtKind::Import(aliases) => {
                if let Some(it) = find(source, &tree[aliases], module) {
                    let shown = tree.names.text(it.asname.unwrap_or(it.name));
                    return is_free(source, shown, Some(it))
                        .then(|| (format!("{shown}.{name}"), Vec::new()));
                }
            }
            StmtKind::ImportFrom {
                module: Some(from),
                level: 0,
                names,
            } if tree.names.text(from) == module => {
                if let Some(it) = find(source, &tree[names], name) {
                    let shown = tree.names.text(it.asname.unwrap_or(it.name));
                    return is_free(source, shown, Some(it))
                        .then(|| (shown.to_owned(), Vec::new()));
                }
            }
            _ => {}
        }
    }
    is_free(source, module, None).then_some(())?;
    let edit = import(source, body, module)?;
    Some((format!("{module}.{name}"), vec![edit]))
}

fn find(source: &Source<'_>, aliases: &[Alias], name: &str) -> Option<Alias> {
    aliases
        .iter()
        .find(|it| source.module.names.text(it.name) == name)
        .copied()
}

/// Whether nothing but this import binds a name, anywhere in the file.
fn is_free(source: &Source<'_>, name: &str, import: Option<Alias>) -> bool {
    let tree = &source.module;
    let own = import.and_then(|it| it.var);
    let Some(name) = tree.names.find(name) else {
        return true;
    };
    tree.vars.iter_ids().all(|(id, var)| {
        var.name != name
            || Some(id) == own && var.bindings <= 1
            || !var.is_bound && import.is_some()
    })
}

/// Puts `import module` among the imports at the top, in the order of their names.
fn import(source: &Source<'_>, body: &[StmtId], module: &str) -> Option<Edit> {
    let tree = &source.module;
    let is_future = |id: StmtId| {
        matches!(source.kind(id), StmtKind::ImportFrom { module: Some(it), level: 0, .. }
            if tree.names.text(it) == "__future__")
    };
    let rest = body.iter().copied().skip_while(|&it| is_future(it));
    let rest: Vec<StmtId> = rest.collect();
    let line = format!("import {module}{}", source.line_end);
    // The run of plain imports that the file begins with.
    let imports: Vec<(StmtId, &str)> = rest
        .iter()
        .map_while(|&id| match source.kind(id) {
            StmtKind::Import(aliases) => {
                let first = tree[aliases].first()?;
                Some((id, tree.names.text(first.name)))
            }
            _ => None,
        })
        .collect();
    let own_lines = |id: StmtId| source.is_alone(source.span(id));
    if let Some(&(next, _)) = imports.iter().find(|it| it.1 > module) {
        own_lines(next).then_some(())?;
        return Some(Edit::insert(
            source.line_start(source.span(next).start),
            line,
        ));
    }
    if let Some(&(last, _)) = imports.last() {
        own_lines(last).then_some(())?;
        let end = source.span(last).end;
        let next = source.next_line(end);
        (next > source.line_stop(end)).then_some(())?;
        return Some(Edit::insert(next, line));
    }
    let &first = rest.first()?;
    let start = match source.kind(first) {
        StmtKind::Function(id) => tree[tree.funcs[id].decorators].first(),
        StmtKind::Class(id) => tree[tree.classes[id].decorators].first(),
        _ => None,
    }
    .map_or(source.span(first).start, |&it| tree.exprs[it].span.start);
    let is_import = matches!(source.kind(first), StmtKind::ImportFrom { .. });
    let start_of_line = source.line_start(start);
    source
        .between(start_of_line, start)
        .chars()
        .all(|it| it == '@')
        .then_some(())?;
    let gap = if is_import { "" } else { source.line_end };
    Some(Edit::insert(start_of_line, format!("{line}{gap}")))
}
