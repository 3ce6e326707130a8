//! Fixes of one file, put into its text together.

use std::panic::catch_unwind;

use crate::finding::remedy::{Edit, Fix};
use crate::lower::{Door, lower};

/// A text with fixes in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fixed {
    /// The new text.
    pub text: String,
    /// How many fixes went in; the others touch these and can come in another round.
    pub count: usize,
}

/// Puts fixes into a text, those that come first where several touch.
///
/// A fix after which the file would no longer parse is left out: what both parsers read before, both read after.
#[must_use]
pub fn apply(text: &str, fixes: &[&Fix]) -> Fixed {
    let chosen = apart(fixes);
    let all = with_edits(text, &chosen);
    if chosen.is_empty() || still_parses(text, &all) {
        return Fixed {
            text: all,
            count: chosen.len(),
        };
    }
    let sound: Vec<&Fix> = chosen
        .into_iter()
        .filter(|&it| still_parses(text, &with_edits(text, &[it])))
        .collect();
    let together = with_edits(text, &sound);
    if still_parses(text, &together) {
        return Fixed {
            text: together,
            count: sound.len(),
        };
    }
    Fixed {
        text: text.to_owned(),
        count: 0,
    }
}

/// The fixes that do not touch an earlier one; two may add the same import.
fn apart<'a>(fixes: &[&'a Fix]) -> Vec<&'a Fix> {
    let mut order: Vec<&Fix> = fixes
        .iter()
        .copied()
        .filter(|it| !it.edits.is_empty())
        .collect();
    order.sort_by_key(|it| body(it));
    let mut chosen: Vec<&Fix> = Vec::new();
    let mut end = 0;
    for fix in order {
        let (start, stop) = body(fix);
        if chosen.is_empty() || start > end {
            end = stop;
            chosen.push(fix);
        }
    }
    chosen
}

/// Where the edits of a fix stand, an import at the top of the file aside.
fn body(fix: &Fix) -> (u32, u32) {
    let own = fix.edits.iter().filter(|it| !is_import(it));
    let spans = own.map(|it| it.span);
    let span = spans
        .reduce(crate::base::Span::cover)
        .unwrap_or_else(|| fix.span());
    (span.start, span.end)
}

fn is_import(edit: &Edit) -> bool {
    edit.span.is_empty() && edit.text.starts_with("import ")
}

fn with_edits(text: &str, fixes: &[&Fix]) -> String {
    let mut edits: Vec<&Edit> = fixes.iter().flat_map(|it| &it.edits).collect();
    edits.sort();
    edits.dedup();
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for edit in edits {
        let (start, end) = (edit.span.start as usize, edit.span.end as usize);
        if start < done {
            // An import that stands inside another's edit: such a text does not parse, or is as good.
            continue;
        }
        out.push_str(text.get(done..start).unwrap_or(""));
        out.push_str(&edit.text);
        done = end;
    }
    out.push_str(text.get(done..).unwrap_or(""));
    out
}

/// Whether each parser that reads the old text reads the new one.
fn still_parses(old: &str, new: &str) -> bool {
    let reads = |door, text: &str| {
        let text = text.to_owned();
        catch_unwind(move || lower(&text, door).errors.is_empty()).unwrap_or(false)
    };
    [Door::Ruff, Door::Rustpython]
        .into_iter()
        .all(|door| reads(door, new) || !reads(door, old))
}
