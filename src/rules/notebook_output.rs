//! `notebook-output`: what stands alone in a cell is shown, and kept in `Out` until the kernel ends.

use super::{Context, Rule, Sink};
use crate::base::{Idx, human};
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
        for (file, facts) in (0..).zip(program.files.iter().map(|it| &it.facts)) {
            for &(id, span) in &facts.outputs {
                let value = ValueRef { file, id };
                let Some(size) = program.size(value).filter(|it| it.is_large(cx.large)) else {
                    continue;
                };
                let how_large = match size {
                    Size::Bytes(bytes) => format!("≈ {}", human(bytes)),
                    Size::WholeInput => "size unknown: all that is read".to_owned(),
                };
                let at = program.at(file, span);
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
                    .symbol(program.qualified(FuncRef { file, id: Idx::new(0) }))
                    .help("`print(x)`, or end the cell with something small: `x.head()`, `len(x)`"),
                );
            }
        }
    }
}
