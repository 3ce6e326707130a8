//! What the parser says of the cells of a notebook.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{self as ast};
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::Ranged;

use super::{SyntaxError, drop_deep, in_our_style, span};
use crate::base::Span;

/// Tokens of a cell whose tree is dropped on the stack at hand, however deep it is.
const SHALLOW_TOKENS: usize = 100_000;

/// The places of what is IPython's (`%magic`, `!command`, `name?`) and whether each stands for a value.
pub(in crate::lower) fn escapes(code: &str) -> Vec<(Span, bool)> {
    parse(code, Mode::Ipython, |parsed| {
        let mut before = TokenKind::Newline;
        // Where the statement at hand starts.
        let mut start = None;
        let mut found: Vec<(Span, bool)> = Vec::new();
        for token in parsed.tokens() {
            let (kind, at) = (token.kind(), span(token.range()));
            if before == TokenKind::Newline {
                start = None;
            }
            if !kind.is_trivia() && !matches!(kind, TokenKind::Indent | TokenKind::Dedent) {
                let start = *start.get_or_insert(at.start);
                match kind {
                    TokenKind::IpyEscapeCommand => found.push((at, before == TokenKind::Equal)),
                    // `name?`, `name??`
                    TokenKind::Question => {
                        found.pop_if(|(it, _)| it.start == start);
                        found.push((Span::new(start, at.end), false));
                    }
                    _ => {}
                }
                before = kind;
            }
        }
        found
    })
}

/// Whether the code is not Python as it stands.
pub(in crate::lower) fn has_errors(code: &str) -> bool {
    parse(code, Mode::Module, |it| !it.errors().is_empty())
}

/// The errors in the code, if what follows it would be misread for them: an open bracket or string.
pub(in crate::lower) fn errors_that_spread(code: &str) -> Option<Vec<SyntaxError>> {
    let followed = format!("{code}\n0\n");
    let at = code.len() as u32 + 1;
    parse(&followed, Mode::Module, |parsed| {
        let last = parsed.suite().last().map(|it| span(it.range()));
        let is_read = last == Some(Span::new(at, at + 1));
        (!is_read).then(|| {
            parsed
                .errors()
                .iter()
                .map(|it| SyntaxError {
                    message: in_our_style(it.error.to_string()),
                    span: span(it.location),
                })
                .collect()
        })
    })
}

fn parse<T>(code: &str, mode: Mode, ask: impl FnOnce(&Parsed<ast::ModModule>) -> T) -> T {
    let parsed = parse_unchecked(code, ParseOptions::from(mode));
    let parsed = parsed.try_into_module().expect("both modes give a module");
    let answer = ask(&parsed);
    if parsed.tokens().len() > SHALLOW_TOKENS {
        drop_deep(parsed);
    }
    answer
}
