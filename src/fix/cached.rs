//! A cache for each instance in place of one for the class.
//!
//! ```python
//! class Report:
//!     def __init__(self, rows):
//!         self.rows = rows              # →  self.total = lru_cache(maxsize=None)(self._total)
//!                                       #    self.rows = rows
//!     @lru_cache(maxsize=None)          # →
//!     def total(self, column): …        # →  def _total(self, column): …
//! ```
//!
//! A property over a cache becomes `functools.cached_property`. Both forms need a `__dict__`, and an attribute of the
//! instance hides what a subclass defines: somebody should look.

use super::imports;
use super::source::Source;
use crate::base::Span;
use crate::finding::remedy::{Edit, Fix, Safety};
use crate::syntax::tree::{ExprId, ExprKind, Func, ScopeKind, StmtKind};

pub(super) fn write(source: &Source<'_>, decorator: Span, method: Span) -> Option<Fix> {
    let tree = &source.module;
    let func = tree.funcs.iter().find(|it| it.name_span == method)?;
    if func.is_async || func.is_generator || tree.names.find("__slots__").is_some() {
        return None;
    }
    match tree[func.decorators] {
        [cache] if tree.exprs[cache].span == decorator => for_each(source, func, decorator),
        [property, cache]
            if tree.exprs[cache].span == decorator
                && source.slice(tree.exprs[property].span) == "property" =>
        {
            as_property(source, func, property, decorator)
        }
        _ => None,
    }
}

fn as_property(source: &Source<'_>, func: &Func, property: ExprId, cache: Span) -> Option<Fix> {
    let tree = &source.module;
    let property = tree.exprs[property].span;
    let between = source.between(property.end, cache.start);
    let name = tree.names.text(func.name);
    let is_set = tree.exprs.iter().any(|it| {
        let ExprKind::Attr { base, name: attr } = it.kind else {
            return false;
        };
        // `@name.setter`
        matches!(tree.exprs[base].kind, ExprKind::Name { name: of, .. } if tree.names.text(of) == name)
            && matches!(tree.names.text(attr), "setter" | "deleter" | "getter")
    });
    if is_set
        || !between
            .trim_matches(['@', ' ', '\t', '\r', '\n'])
            .is_empty()
    {
        return None;
    }
    let (cached, mut edits) = imports::name_of(source, "functools", "cached_property", cache)?;
    edits.push(Edit::replace(property.start, cache.end, cached));
    Some(Fix::new(
        "keep the value in the instance",
        Safety::Unsafe,
        edits,
    ))
}

fn for_each(source: &Source<'_>, func: &Func, cache: Span) -> Option<Fix> {
    let tree = &source.module;
    let class = func.class?;
    let init = tree.funcs.iter().find(|it| {
        it.class == Some(class)
            && tree.names.text(it.name) == "__init__"
            && tree[it.decorators].is_empty()
    })?;
    let me = tree.names.text(tree[init.params].first()?.name);
    let name = tree.names.text(func.name);
    let inner = match name.starts_with('_') {
        true => format!("{name}_uncached"),
        false => format!("_{name}"),
    };
    if name.starts_with("__")
        || tree.names.find(&inner).is_some()
        || is_named_by_class(source, func)
        || names_of_class(source, cache)
    {
        return None;
    }
    let start = source.line_start(cache.start);
    let is_alone = source.between(start, cache.start).trim() == "@"
        && source
            .between(cache.end, source.line_stop(cache.end))
            .trim()
            .is_empty();
    if !is_alone {
        return None;
    }
    let body = &tree[init.body];
    let &first = body.first()?;
    let first = match calls_super(source, first) {
        true => *body.get(1)?,
        false => first,
    };
    let at = source.span(first).start;
    let indent = source.indent(at)?;
    let decorator = source.slice(cache);
    let line = source.line_end;
    let kept = format!("{indent}{me}.{name} = {decorator}({me}.{inner}){line}");
    let edits = vec![
        Edit::insert(source.line_start(at), kept),
        Edit::replace(start, source.next_line(cache.end), ""),
        Edit::replace(func.name_span.start, func.name_span.end, inner),
    ];
    Some(Fix::new("cache for each instance", Safety::Unsafe, edits))
}

/// Whether somebody takes the method from the class, where the cache would no longer be.
fn is_named_by_class(source: &Source<'_>, func: &Func) -> bool {
    let tree = &source.module;
    tree.exprs.iter().any(|it| match it.kind {
        ExprKind::Attr { base, name } if name == func.name => match tree.exprs[base].kind {
            ExprKind::Name { var, .. } => {
                var.is_some_and(|var| tree.classes.iter().any(|it| it.var == var))
            }
            ExprKind::Call { callee, .. } => source.slice(tree.exprs[callee].span) == "super",
            _ => false,
        },
        _ => false,
    })
}

/// Whether an expression names what only the body of a class sees.
fn names_of_class(source: &Source<'_>, span: Span) -> bool {
    let tree = &source.module;
    tree.exprs.iter().any(|it| {
        let ExprKind::Name { var: Some(var), .. } = it.kind else {
            return false;
        };
        let scope = &tree.scopes[tree.vars[var].scope];
        matches!(scope.kind, ScopeKind::Class(_))
            && span.start <= it.span.start
            && it.span.end <= span.end
    })
}

/// `super().__init__(…)`
fn calls_super(source: &Source<'_>, stmt: crate::syntax::tree::StmtId) -> bool {
    matches!(source.kind(stmt), StmtKind::Expr(_))
        && source
            .slice(source.span(stmt))
            .starts_with("super().__init__(")
}
