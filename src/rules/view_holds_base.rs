//! `view-holds-base`: a small view (of a buffer, of an array) is kept, and with it all that it looks into.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink};
use crate::base::Span;
use crate::base::human;
use crate::facts::model::{Home, ResultKind, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::size::Size;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{FuncRef, PlaceKey};

pub(super) struct ViewHoldsBase;

impl Rule for ViewHoldsBase {
    fn page(&self) -> &'static str {
        include_str!("../../rules/view-holds-base.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let mut reported: FxHashSet<(u32, u32)> = FxHashSet::default();
        for put in program.puts().filter(|it| program.lives_long(it.place)) {
            if let Some((view, size)) = large_view(cx, put.value)
                && reported.insert((view.file, program.facts(view.file).values[view.id].at))
            {
                let grows = put.kind != EffectKind::Rebind && program.only_grows(put.place);
                let kept = (put.place, put.at, grows);
                out.report(finding(cx, out.meta(), put.func, view, size, Some(kept)));
            }
        }
        for func in program.funcs().filter(|it| it.id.index() != 0) {
            let facts = program.facts(func.file);
            for result in &facts.results[facts.funcs[func.id].results.range()] {
                let Some(id) = result.value.filter(|_| result.kind == ResultKind::Return) else {
                    continue;
                };
                let value = ValueRef {
                    file: func.file,
                    id,
                };
                if let Some((view, size)) = large_view(cx, value)
                    && reported.insert((view.file, program.facts(view.file).values[view.id].at))
                {
                    out.report(finding(cx, out.meta(), func, view, size, None));
                }
            }
        }
    }
}

/// The slice in a value whose base is large and nobody else's.
fn large_view(cx: &Context<'_>, value: ValueRef) -> Option<(ValueRef, Size)> {
    let program = cx.program;
    let mut found = None;
    program.any_part(value, &mut |part| {
        let Some(base) = program.sliced_base(part) else {
            return false;
        };
        let is_own = match program.value(base) {
            ValueKind::Var(var) => program.facts(base.file).vars[var].home == Home::Function,
            ValueKind::Call(_) | ValueKind::Binary { .. } => true,
            _ => false,
        };
        found = program
            .size(base)
            .filter(|it| is_own && it.is_large(cx.large))
            .map(|size| (part, size));
        found.is_some()
    });
    found
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    view: ValueRef,
    size: Size,
    kept: Option<(PlaceKey, Span, bool)>,
) -> Finding {
    let program = cx.program;
    let start = program.facts(view.file).values[view.id].at;
    let at = program.at(view.file, Span::new(start, start + 1));
    let (amount, bytes) = match size {
        Size::Bytes(bytes) => (human(bytes), Some(bytes)),
        Size::WholeInput => ("the whole input".to_owned(), None),
    };
    let (severity, where_to, path) = match kept {
        Some((place, put, grows)) => {
            let mut path = program.path_to(place, None);
            path.push(Step {
                node: "view".to_owned(),
                edge: "holds".to_owned(),
                place: Some(program.at(func.file, put)),
            });
            let severity = if grows {
                Severity::Error
            } else {
                Severity::Warning
            };
            (
                severity,
                format!("kept in `{}`", program.place_name(place)),
                path,
            )
        }
        None => (
            Severity::Info,
            format!("returned by `{}`", program.qualified(func)),
            Vec::new(),
        ),
    };
    let mut finding = Finding::new(
        meta,
        at,
        format!(
            "this slice is a view and is {where_to}: it keeps all that it looks into ({amount})"
        ),
    )
    .severity(severity)
    .confidence(Confidence::Medium)
    .label(at, Role::Capture, "a view, not a copy");
    if let Some((_, put, _)) = kept {
        finding = finding.label(program.at(func.file, put), Role::Leak, "kept here");
    }
    finding
        .path(path)
        .path([Step {
            node: amount,
            edge: "base".to_owned(),
            place: Some(at),
        }])
        .growth(Growth::PerCall)
        .bytes(bytes, bytes)
        .symbol(format!(
            "{}.{}",
            program.files[func.file as usize].module,
            program.qualified(func)
        ))
        .help("keep a copy: `bytes(view[…])`, `array[…].copy()`")
}
