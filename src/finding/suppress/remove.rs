//! What to take out of the text so that a comment says no more than it does.

use super::{Directive, Selector};
use crate::base::Span;

/// Ranges that remove these selectors of a directive; all of it when nothing else is left of it.
pub(super) fn ranges(text: &str, directive: &Directive, selectors: &[&Selector]) -> Vec<Span> {
    let is_all = selectors.len() == directive.selectors.len() && !directive.has_others;
    if is_all {
        return vec![part(text, directive)];
    }
    let mut runs: Vec<Span> = Vec::new();
    for it in selectors {
        match runs.last_mut() {
            Some(run) if is_list(&text[run.end as usize..it.at.start as usize]) => {
                run.end = it.at.end;
            }
            _ => runs.push(it.at),
        }
    }
    runs.into_iter().map(|it| in_list(text, it)).collect()
}

fn is_list(between: &str) -> bool {
    between.trim_matches(SEPARATORS).is_empty()
}

const SEPARATORS: [char; 3] = [',', ' ', '\t'];

/// Neighbouring selectors with the separator before them; with the one behind them when they are the first.
fn in_list(text: &str, at: Span) -> Span {
    let (start, end) = (at.start as usize, at.end as usize);
    let before = text[..start].trim_end_matches(SEPARATORS);
    if before.ends_with([':', '[']) {
        let behind = text[end..].trim_start_matches(SEPARATORS);
        return Span::new(at.start, (text.len() - behind.len()) as u32);
    }
    Span::new(before.len() as u32, at.end)
}

/// A directive's part of its comment; the whole line when nothing else stands there.
fn part(text: &str, directive: &Directive) -> Span {
    let (part, comment) = (directive.part, directive.at);
    let start = part.start as usize;
    let is_last = part.end == comment.end;
    if !is_last {
        return part;
    }
    let before = text[..start].trim_end_matches([' ', '\t', '\x0c']);
    let is_line = before.is_empty() || before.ends_with(['\n', '\r']);
    if !is_line {
        return Span::new(before.len() as u32, part.end);
    }
    let rest = &text[part.end as usize..];
    let line_end = if rest.starts_with("\r\n") {
        2
    } else {
        usize::from(rest.starts_with(['\n', '\r']))
    };
    Span::new(before.len() as u32, part.end + line_end as u32)
}
