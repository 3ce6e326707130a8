//! `notebook-output`: what stands alone in a cell is shown, and kept in `Out` until the kernel ends.

use super::{Context, Rule, Sink};
use crate::base::human;
use crate::facts::model::{Usage, ValueKind};
use crate::finding::{Finding, Growth, Role, Step};
use crate::heap::size::Size;
use crate::link::FuncRef;
use crate::link::program::ValueRef;

pub(super) struct NotebookOutput;

impl Rule for NotebookOutput {
    fn page(&self) -> &'static str {
        include_str!("../../rules/notebook-output.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for file in 0..program.files.len() as u32 {
            if !program.files[file as usize].is_apart {
                continue;
            }
            let facts = program.facts(file);
            let Some(module) = facts.funcs.ids().next() else {
                continue;
            };
            let fact = &facts.funcs[module];
            let names = facts.reads[fact.reads.range()]
                .iter()
                .filter(|it| it.usage == Usage::Discarded)
                .map(|it| it.value);
            let calls = facts
                .values
                .ids()
                .filter(|&it| match facts.values[it].kind {
                    ValueKind::Call(call) => {
                        let call = &facts.calls[call];
                        call.usage == Usage::Discarded
                            && call.context.is_none()
                            && call.func == module
                    }
                    _ => false,
                });
            for id in names.chain(calls) {
                let value = ValueRef { file, id };
                let Some(size) = program.size(value).filter(|it| it.is_large(cx.large)) else {
                    continue;
                };
                let how_large = match size {
                    Size::Bytes(bytes) => format!("≈ {}", human(bytes)),
                    Size::WholeInput => "size unknown: all that is read".to_owned(),
                };
                let at = program.at(file, program.value_span(value));
                out.report(
                    Finding::new(
                        out.meta(),
                        at,
                        format!("a cell that ends in a value keeps it in `Out` until the kernel ends ({how_large})"),
                    )
                    .label(at, Role::Leak, "shown, and kept")
                    .path([
                        Step { node: "Out (the notebook's results)".to_owned(), edge: String::new(), place: None },
                        Step { node: "value".to_owned(), edge: "item".to_owned(), place: Some(at) },
                    ])
                    .growth(Growth::PerCall)
                    .symbol(program.qualified(FuncRef { file, id: module }))
                    .help("`print(x)`, or end the cell with something small: `x.head()`, `len(x)`"),
                );
            }
        }
    }
}
