//! A finalizer gets what its method works on, and not the object itself.
//!
//! ```python
//! weakref.finalize(self, self.close)   # →  weakref.finalize(self, self._close_parts, self.file, self.log)
//!
//! def close(self):                     # →  @staticmethod
//!     self.file.close()                #    def _close_parts(file, log):
//!     self.log.append("closed")        #        file.close()
//!                                      #        log.append("closed")
//!                                      #
//!                                      #    def close(self):
//!                                      #        self._close_parts(self.file, self.log)
//! ```
//!
//! A method that does nothing but call one of another object is passed as that one: `weakref.finalize(self, self.file.close)`.

use super::source::Source;
use crate::base::Span;
use crate::finding::remedy::{Edit, Fix, Safety};
use crate::syntax::tree::{ExprId, ExprKind, Func, FuncId, StmtKind};

/// Attributes that are still passed one by one.
const MOST_PARTS: usize = 4;

const TITLE: &str = "give the finalizer what it works on, not the object";

/// `settled` are attributes that the object has when the finalizer is made, and keeps.
pub(super) fn write(
    source: &Source<'_>,
    callback: Span,
    method: Span,
    settled: &[String],
) -> Option<Fix> {
    let tree = &source.module;
    let (id, func) = tree.funcs.iter_ids().find(|it| it.1.name_span == method)?;
    let plain = !func.is_async && !func.is_generator && tree[func.decorators].is_empty();
    let &[param] = &tree[func.params] else {
        return None;
    };
    func.class?;
    if !plain || tree.vars[param.var].is_captured {
        return None;
    }
    let parts = parts(source, func, source.mentions(param.var), settled)?;
    let owner = source.slice(callback).rsplit_once('.')?.0.trim_end();
    let own = |it: &str| format!("{owner}.{it}");
    if let Some(inner) = only_call(source, func) {
        let inner = source.slice(inner);
        let (_, path) = inner.split_once('.')?;
        let edit = Edit::replace(callback.start, callback.end, own(path.trim_start()));
        return Some(Fix::new(TITLE, Safety::Unsafe, vec![edit]));
    }
    if uses_frame(source, id, func) {
        return None;
    }
    let name = tree.names.text(func.name);
    let helper = format!("_{}_parts", name.trim_matches('_'));
    if tree.names.find(&helper).is_some() {
        return None;
    }
    let attrs: Vec<&str> = names(&parts);
    let passed = |owner: &str| {
        let each = attrs.iter().map(|it| format!("{owner}.{it}"));
        each.collect::<Vec<_>>().join(", ")
    };
    let mut edits = vec![Edit::replace(
        callback.start,
        callback.end,
        format!("{}, {}", own(&helper), passed(owner)),
    )];
    edits.push(split(source, func, &helper, &parts, &passed)?);
    Some(Fix::new(TITLE, Safety::Unsafe, edits))
}

/// The method as two: a static one that does what it does, and one that calls it.
fn split(
    source: &Source<'_>,
    func: &Func,
    helper: &str,
    parts: &[(Span, &str)],
    passed: &dyn Fn(&str) -> String,
) -> Option<Edit> {
    let tree = &source.module;
    let body = &tree[func.body];
    let (first, last) = (source.span(*body.first()?), source.span(*body.last()?));
    let indent = source.indent(func.span.start)?;
    let inner = source.indent(first.start)?;
    let start = source.line_start(func.span.start);
    let body_start = source.line_start(first.start);
    if !source.is_alone(last) || body_start <= start {
        return None;
    }
    let end = source.line_stop(last.end);
    let mut moved = String::new();
    let mut done = body_start;
    for (span, attr) in parts {
        moved += source.between(done, span.start);
        moved += &parameter(attr);
        done = span.end;
    }
    moved += source.between(done, end);
    let parameters: Vec<String> = names(parts).iter().map(|it| parameter(it)).collect();
    let line = source.line_end;
    let me = tree.names.text(tree[func.params].first()?.name);
    let returns = match source
        .stmts_in(func.span)
        .any(|it| matches!(source.kind(it), StmtKind::Return(Some(_))))
    {
        true => "return ",
        false => "",
    };
    let text = format!(
        "{indent}@staticmethod{line}{indent}def {helper}({}):{line}{moved}{line}{line}{}{inner}{returns}{me}.{helper}({})",
        parameters.join(", "),
        source.between(start, body_start),
        passed(me),
    );
    Some(Edit::replace(start, end, text))
}

/// The attributes of the object that the method uses, where they stand; none when it uses it otherwise.
fn parts<'a>(
    source: &Source<'a>,
    func: &Func,
    mentions: &[Span],
    settled: &[String],
) -> Option<Vec<(Span, &'a str)>> {
    let tree = &source.module;
    let mut parts = Vec::new();
    for expr in tree.exprs.iter() {
        let ExprKind::Attr { base, name } = expr.kind else {
            continue;
        };
        if mentions.contains(&tree.exprs[base].span) {
            let name = tree.names.text(name);
            let text = source.slice(expr.span);
            let (_, written) = text.rsplit_once('.')?;
            (written.trim() == name && settled.iter().any(|it| it == name)).then_some(())?;
            parts.push((expr.span, written.trim()));
        }
    }
    let inside = mentions.iter().filter(|it| it.start >= func.span.start);
    if parts.is_empty() || parts.len() != inside.count() {
        return None;
    }
    parts.sort();
    let names = names(&parts);
    let is_taken = |name: &str| {
        let name = parameter(name);
        tree.exprs.iter().any(|it| {
            matches!(it.kind, ExprKind::Name { name: used, .. } if tree.names.text(used) == name)
                && func.span.start <= it.span.start
                && it.span.end <= func.span.end
        })
    };
    (names.len() <= MOST_PARTS && !names.iter().any(|it| is_taken(it))).then_some(parts)
}

/// Each name once, in the order of the text.
fn names<'a>(parts: &[(Span, &'a str)]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for (_, name) in parts {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names
}

/// What a parameter for an attribute is called.
fn parameter(attr: &str) -> String {
    match attr.trim_start_matches('_') {
        "" | "class" | "def" | "del" | "for" | "from" | "global" | "if" | "import" | "in"
        | "is" | "lambda" | "pass" | "raise" | "return" | "try" | "with" | "yield" | "async"
        | "await" => {
            format!("{}_", attr.trim_start_matches('_'))
        }
        bare => bare.to_owned(),
    }
}

/// The callee of a body that is one call without arguments of a method of an attribute.
fn only_call(source: &Source<'_>, func: &Func) -> Option<Span> {
    let tree = &source.module;
    let &[only] = &tree[func.body] else {
        return None;
    };
    let StmtKind::Expr(call) = source.kind(only) else {
        return None;
    };
    let ExprKind::Call { callee, args } = tree.exprs[call].kind else {
        return None;
    };
    let attr_of = |id: ExprId| match tree.exprs[id].kind {
        ExprKind::Attr { base, .. } => Some(base),
        _ => None,
    };
    let object = attr_of(attr_of(callee)?)?;
    let is_plain = matches!(tree.exprs[object].kind, ExprKind::Name { .. });
    (is_plain && tree[args].is_empty()).then_some(tree.exprs[callee].span)
}

/// Whether the body needs the frame of a method: `super()`, `__class__`, functions inside.
fn uses_frame(source: &Source<'_>, id: FuncId, func: &Func) -> bool {
    let tree = &source.module;
    let has_inner = tree.funcs.iter().any(|it| it.parent == Some(id));
    let needs = ["super", "__class__", "locals", "vars", "eval", "exec"];
    has_inner
        || tree.exprs.iter().any(|it| {
            matches!(it.kind, ExprKind::Name { name, .. } if needs.contains(&tree.names.text(name)))
                && func.span.start <= it.span.start
                && it.span.end <= func.span.end
        })
}
